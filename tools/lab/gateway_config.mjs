// The settings of both programs in a lab. What is not here is the programs' own default.
import { AUDIENCE, GATEWAY_CLIENT, OPAQUE_AUDIENCE, SERVICE_CLIENT } from './identity_provider.mjs';
import { laboratoryKeys } from './milenage.mjs';

const bracketed = ({ ip, port }) => (ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`);

/**
 * @param {{addresses: object, issuer: string, webDir: string, secretFile: string, subscribersFile: string,
 *   storeFile: string, codecs?: string[]}} lab
 */
export function controlPlaneConfig(lab) {
  const { addresses } = lab;
  return {
    node_id: 'lab',
    log: { level: 'debug', full_numbers: true },
    http: {
      listen: bracketed(addresses.http), public_url: `http://${bracketed(addresses.http)}`, web_dir: lab.webDir,
      cors_origins: [`http://${bracketed(addresses.app)}`],
    },
    sip_websocket: { enabled: true },
    oauth: {
      issuers: [{ issuer: lab.issuer }],
      audience: [AUDIENCE, OPAQUE_AUDIENCE],
      introspection: {
        endpoint: `${lab.issuer}/token/introspection`, client_id: GATEWAY_CLIENT.id,
        client_secret_file: lab.secretFile, cache_s: 2,
      },
      web_client: { client_id: 'byon-web' },
      server_clients: [{ client_id: SERVICE_CLIENT.id, number_ranges: ['+34'] }],
    },
    ims: {
      home_domain: 'ims.test',
      local: bracketed(addresses.gatewaySip),
      next_hops: [`${addresses.pcscf}:5060`],
      codecs: lab.codecs ?? ['AMR-WB', 'AMR'],
      subscribers_file: lab.subscribersFile,
    },
    dataplanes: [{ address: bracketed(addresses.mediaControl) }],
    store: { kind: 'sqlite', path: lab.storeFile },
    webhooks: { allow_private_networks: true },
  };
}

/** Credentials of the lab's numbers, as the home network knows them. @param {string[]} isim numbers that have an ISIM */
export function subscribers(numbers, isim = []) {
  const secret = (number) => {
    if (!isim.includes(number)) return { password: `pw${number}` };
    const { k, opc } = laboratoryKeys(number);
    return { isim: { k: k.toString('hex'), opc: opc.toString('hex') } };
  };
  return {
    subscribers: numbers.map((number) => ({
      number, impi: `${number}@ims.test`, impu: `sip:${number}@ims.test`, ...secret(number), web_password: `web${number}`,
    })),
  };
}

/** @param {{addresses: object}} lab */
export function dataPlaneConfig({ addresses }) {
  return {
    node_id: 'lab-media',
    control: { listen: bracketed(addresses.mediaControl), drain_seconds: 1 },
    media: { access: { ipv4: addresses.media }, ims: { ipv4: addresses.media } },
    log: { level: 'debug' },
  };
}
