// A small issuer: one ES256 key, its discovery document and JWKS, and as many access tokens as are wanted.
import { createPrivateKey, generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';

const AUDIENCE = 'https://gw.example.com/webrtc';
const KID = 'load-1';
const EVENTS = 'webrtc-events-subscriptions';
const SCOPES = [
  ...['webrtc-registration', 'webrtc-call-handling'].flatMap((api) => ['create', 'read', 'write', 'delete'].map((verb) => `${api}:sessions:${verb}`)),
  ...['session-status', 'session-invitation', 'registration-ends'].map((type) => `${EVENTS}:org.camaraproject.${EVENTS}.v0.${type}:create`),
].join(' ');

const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Mints tokens with a key that the issuer publishes; may be in another process than it. */
export class Mint {
  /** @param {{issuer: string, privateJwk: object}} options */
  constructor({ issuer, privateJwk }) {
    this.issuer = issuer;
    this.key = createPrivateKey({ key: privateJwk, format: 'jwk' });
    this.header = encode({ alg: 'ES256', typ: 'at+jwt', kid: KID });
  }
  token({ user, number }, seconds = 7200) {
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      iss: this.issuer, aud: AUDIENCE, sub: user, client_id: 'load', jti: randomUUID(), iat: now, exp: now + seconds,
      scope: SCOPES, phone_number: number,
    };
    const input = `${this.header}.${encode(claims)}`;
    return `${input}.${sign('sha256', Buffer.from(input), { key: this.key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
  }
}

export class Issuer {
  #server;

  async start({ ip, port }) {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    this.issuer = `http://${ip}:${port}`;
    this.privateJwk = privateKey.export({ format: 'jwk' });
    const documents = {
      '/.well-known/openid-configuration': { issuer: this.issuer, jwks_uri: `${this.issuer}/jwks` },
      '/jwks': { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: KID, alg: 'ES256', use: 'sig' }] },
    };
    this.#server = http.createServer(({ url }, response) => {
      const document = documents[url];
      response.writeHead(document ? 200 : 404, { 'content-type': 'application/json' }).end(JSON.stringify(document ?? {}));
    });
    this.#server.listen(port, ip);
    await once(this.#server, 'listening');
  }
  async stop() {
    this.#server?.closeAllConnections();
    await new Promise((resolve) => (this.#server ? this.#server.close(resolve) : resolve()));
  }
}

export const audience = AUDIENCE;
