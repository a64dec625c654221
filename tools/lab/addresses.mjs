// Where everything of a lab stands. Instances live side by side on loopback: 127.0.N.x.

/**
 * @param {number} instance 0 is the quickstart's, on 127.0.0.1 towards the browser
 */
export function addressesOf(instance) {
  const net = `127.0.${instance}`;
  const user = instance === 0 ? '127.0.0.1' : undefined;
  return {
    pcscf: `${net}.10`,
    backupPcscf: `${net}.11`,
    icscf: `${net}.15`,
    hss: `${net}.25`,
    scscf: `${net}.20`,
    phone: (index) => `${net}.${31 + index}`,
    relay: `${net}.70`,
    phoneRelay: (index) => `${net}.${71 + index}`,
    gatewaySip: { ip: `${net}.40`, port: 5070 },
    trusted: `${net}.41`,
    media: user ?? `${net}.50`,
    http: { ip: user ?? `${net}.60`, port: 8080 },
    mediaControl: { ip: user ?? `${net}.51`, port: 50051 },
    // Where a developer's own page may be served.
    app: { ip: user ?? `${net}.62`, port: 8000 },
    identityProvider: { ip: user ?? `${net}.61`, port: 9400 },
    // Of a second operator behind the same entry point.
    second: {
      pcscf: `${net}.12`, scscf: `${net}.22`, trusted: `${net}.42`, gatewaySip: { ip: `${net}.43`, port: 5070 },
      identityProvider: { ip: user ?? `${net}.63`, port: 9401 },
    },
  };
}
