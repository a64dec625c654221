// Two operators behind one TLS port, each with a host and a certificate of its own: who asks for a name (SNI) meets that
// operator under that certificate, over REST, over the event channel and over SIP; and a renewed one serves without a restart.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import https from 'node:https';
import { after, before, describe, test } from 'node:test';
import WebSocket from 'ws';
import { nameHost } from '../../tools/lab/host_names.mjs';
import { Lab, USERS } from '../../tools/lab/lab.mjs';
import { FIRST, SECOND } from '../../tools/lab/second_operator.mjs';
import { temporaryDirectory } from '../../tools/lab/temporary_directory.mjs';

const P256 = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];

/** A certification authority that clients trust, and the files that it makes. */
class Authority {
  constructor(dir) {
    this.dir = dir;
    this.#openssl('-x509', ...P256, '-subj', '/CN=lab CA', '-keyout', `${dir}/ca.key`, '-out', `${dir}/ca.pem`);
    this.certificate = readFileSync(`${dir}/ca.pem`);
  }
  #openssl(...args) {
    execFileSync('openssl', ['req', ...args], { stdio: 'ignore' });
  }
  /** Makes, or makes anew, the pair of a host. */
  issue(host) {
    const { dir } = this;
    this.#openssl('-x509', ...P256, '-CA', `${dir}/ca.pem`, '-CAkey', `${dir}/ca.key`, '-subj', '/CN=x', '-addext', `subjectAltName=DNS:${host}`,
      '-addext', 'basicConstraints=critical,CA:FALSE', '-keyout', `${dir}/${host}.key`, '-out', `${dir}/${host}.pem`);
    return { certificate_file: `${dir}/${host}.pem`, private_key_file: `${dir}/${host}.key` };
  }
}

describe('TLS of two operators on one port', () => {
  const north = { host: FIRST.host, domain: 'ims.test' };
  const south = { host: SECOND.host, domain: SECOND.domain };
  let lab;
  let authority;
  let token;
  before(async () => {
    authority = new Authority(await temporaryDirectory('byon-tls-'));
    lab = await Lab.start({
      hasCore: false,
      controlPlane: (config, { addresses }) => {
        const { ip, port } = addresses.http;
        for (const one of [north, south]) {
          nameHost(one.host, ip);
          one.url = `https://${one.host}:${port}`;
        }
        const { oauth, ims } = config;
        const { gatewaySip } = addresses.second;
        config.operators = [
          { id: FIRST.id, hosts: [north.host], oauth, ims },
          { id: SECOND.id, hosts: [south.host], oauth, ims: {
            ...ims, home_domain: south.domain, local: `${gatewaySip.ip}:${gatewaySip.port}`, subscribers_file: '',
            credential_template: { password: 'pw{number}' } } },
        ];
        delete config.oauth;
        delete config.ims;
        config.http.public_url = north.url;
        config.http.tls = { ...authority.issue(north.host), certificates: [authority.issue(south.host)] };
      },
    });
    token = await lab.token('alice');
  });
  after(() => lab?.stop());

  /** @returns {Promise<{status: number, body: any, certificate: import('node:tls').PeerCertificate}>} */
  function get(url, { headers, ...options } = {}) {
    return new Promise((resolve, reject) => {
      https.get(url, { ca: authority.certificate, agent: false, headers, ...options }, async (response) => {
        const certificate = response.socket.getPeerCertificate();
        let text = '';
        for await (const chunk of response) text += chunk;
        resolve({ status: response.statusCode, body: JSON.parse(text), certificate });
      }).once('error', reject);
    });
  }
  async function open(url, protocol) {
    const socket = new WebSocket(url, [protocol], { ca: authority.certificate });
    await once(socket, 'open');
    return socket;
  }
  async function answer(socket, message) {
    socket.send(message);
    const [text] = await once(socket, 'message');
    return text.toString();
  }

  test('who asks for a name meets its operator under its certificate', async () => {
    for (const { host, url } of [north, south]) {
      const { status, body, certificate } = await get(`${url}/byon/v1/config`);
      assert.equal(status, 200);
      assert.equal(body.apiRoot, url);
      assert.equal(certificate.subjectaltname, `DNS:${host}`);
      const list = await get(`${url}/byon/v1/registrations`, { headers: { authorization: `Bearer ${token}` } });
      assert.deepEqual([list.status, list.body], [200, []]);
    }
  });

  test('who asks for no name, or for an unknown one, is shown the first certificate, which its browser refuses', async () => {
    const { ip, port } = lab.addresses.http;
    for (const servername of ['', 'other.localhost']) {
      const url = `https://${ip}:${port}/livez`;
      const { certificate } = await get(url, { servername, rejectUnauthorized: false });
      assert.equal(certificate.subjectaltname, `DNS:${north.host}`);
      await assert.rejects(get(url, { servername }), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
    }
  });

  test('event channels and SIP come under the same certificates; one is renewed while they are open', async () => {
    const fingerprint = async ({ url }) => (await get(`${url}/livez`)).certificate.fingerprint256;
    const before = { north: await fingerprint(north), south: await fingerprint(south) };
    authority.issue(south.host);
    const renewed = lab.controlPlane.waitForLine(new RegExp(`tls_certificate .*${south.host}\\.pem was renewed`), 60_000);

    const channels = [];
    for (const { url, domain } of [north, south]) {
      const base = url.replace('https', 'wss');
      const channel = await open(`${base}/byon/v1/channels`, 'byon.events.v1');
      const ready = JSON.parse(await answer(channel, JSON.stringify({ type: 'auth', token, deviceId: randomUUID() })));
      assert.equal(ready.type, 'ready');
      channels.push(channel);
      const phone = await open(`${base}/sip`, 'sip');
      const challenge = await answer(phone, [`REGISTER sip:${domain} SIP/2.0`, 'Via: SIP/2.0/WSS x.invalid;branch=z9hG4bKa', 'Max-Forwards: 70',
        `From: <sip:${USERS.alice}@${domain}>;tag=a`, `To: <sip:${USERS.alice}@${domain}>`, 'Call-ID: a', 'CSeq: 1 REGISTER',
        'Contact: <sip:a@x.invalid;transport=ws>', 'Content-Length: 0', '', ''].join('\r\n'));
      assert.match(challenge, /^SIP\/2.0 401 /);
      assert.ok(challenge.includes(`realm="${domain}"`), challenge);
      phone.close();
    }

    await renewed;
    assert.notEqual(await fingerprint(south), before.south);
    assert.equal(await fingerprint(north), before.north);
    for (const channel of channels) {
      assert.equal(await answer(channel, '{"type":"ping"}'), '{"type":"pong"}');
      channel.close();
    }
  });
});
