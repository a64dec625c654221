// A second operator behind a lab's entry point: another IMS core with another home domain, another identity provider. Its
// subscribers have the numbers and user names of the first one's.
import { IdentityProvider } from './identity_provider.mjs';
import { ImsCore } from './ims_core.mjs';
import { nameHost } from './host_names.mjs';

export const FIRST = { id: 'north', host: 'north.localhost' };
export const SECOND = { id: 'south', host: 'south.localhost', domain: 'south.test' };

export class SecondOperator {
  /** @param {{dir: string, addresses: object}} lab */
  constructor({ dir, addresses }) {
    const { pcscf, scscf, trusted, identityProvider } = addresses.second;
    const { ip, port } = addresses.http;
    for (const { host } of [FIRST, SECOND]) nameHost(host, ip);
    this.url = `http://${SECOND.host}:${port}`;
    this.core = new ImsCore({ dir: `${dir}/ims-${SECOND.id}`, pcscf, scscf, trusted, domain: SECOND.domain });
    this.identityProvider = new IdentityProvider({ ...identityProvider, webOrigins: [this.url] });
  }
  async start() {
    await Promise.all([this.core.start(), this.identityProvider.start()]);
  }
  async stop() {
    await this.core.stop();
    await this.identityProvider.stop();
  }
  token(user, options) {
    return this.identityProvider.token(user, options);
  }
}

/**
 * The settings of one operator as those of two: the first as it was, but on a host of its own.
 * @param {object} control see controlPlaneConfig() @param {{addresses: object, second: SecondOperator}} lab
 */
export function withSecondOperator(control, { addresses, second }) {
  const { oauth, ims, ...common } = control;
  const { pcscf, gatewaySip } = addresses.second;
  return {
    ...common,
    operators: [
      { id: FIRST.id, hosts: [FIRST.host], oauth, ims },
      {
        id: SECOND.id, hosts: [SECOND.host],
        oauth: { ...oauth, issuers: [{ issuer: second.identityProvider.issuer }], introspection: {
          ...oauth.introspection, endpoint: `${second.identityProvider.issuer}/token/introspection` } },
        ims: {
          ...ims, home_domain: SECOND.domain, local: `${gatewaySip.ip}:${gatewaySip.port}`, next_hops: [`${pcscf}:5060`],
          subscribers_file: '', credential_template: { password: 'pw{number}' },
        },
      },
    ],
  };
}
