// The push services of browsers, Google and Apple on loopback: they verify who pushes as theirs do, and read what is pushed.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createDecipheriv, createECDH, createPublicKey, generateKeyPairSync, hkdfSync, randomBytes, verify } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http2 from 'node:http2';
import https from 'node:https';
import { temporaryDirectory } from '../../tools/lab/temporary_directory.mjs';

export const APPLE = { keyId: 'ABC1234567', teamId: 'DEF1234567', bundleId: 'com.example.phone' };
const PROJECT = 'byon-lab';
const ROBOT = 'push@byon-lab.example';

const json = (text) => JSON.parse(text.toString());
const decode = (text) => Buffer.from(text, 'base64url');
const seconds = () => Date.now() / 1000;

/** The claims of a JWT whose signature is good. */
function claimsOf(token, key, algorithm) {
  const [header, claims, signature] = token.split('.');
  assert.equal(json(decode(header)).alg, algorithm);
  const signed = Buffer.from(`${header}.${claims}`);
  assert.ok(verify('sha256', signed, algorithm === 'ES256' ? { key, dsaEncoding: 'ieee-p1363' } : key, decode(signature)), `signature of ${token}`);
  return { ...json(decode(claims)), kid: json(decode(header)).kid };
}
function p256Key(point) {
  return createPublicKey({ format: 'jwk', key: {
    kty: 'EC', crv: 'P-256', x: point.subarray(1, 33).toString('base64url'), y: point.subarray(33).toString('base64url'),
  } });
}

/** What a browser keeps of its subscription, and what it gives away. */
export class BrowserSubscription {
  #ecdh = createECDH('prime256v1');
  #auth = randomBytes(16);
  constructor(endpoint) {
    this.endpoint = endpoint;
    this.#ecdh.generateKeys();
  }
  get body() {
    return { type: 'web-push', endpoint: this.endpoint, expirationTime: null, keys: {
      p256dh: this.#ecdh.getPublicKey().toString('base64url'), auth: this.#auth.toString('base64url'),
    } };
  }
  /** RFC 8291 section 3.4, from the other end. */
  decrypt(body) {
    const salt = body.subarray(0, 16);
    const recordBytes = body.readUInt32BE(16);
    const sender = body.subarray(21, 21 + body[20]);
    const record = body.subarray(21 + body[20]);
    assert.ok(body.length <= 4096 && record.length <= recordBytes, 'one record, no longer than promised');
    const derive = (key, from, label, size) => Buffer.from(hkdfSync('sha256', key, from, label, size));
    const label = Buffer.concat([Buffer.from('WebPush: info\0'), this.#ecdh.getPublicKey(), sender]);
    const secret = derive(this.#ecdh.computeSecret(sender), this.#auth, label, 32);
    const cipher = createDecipheriv('aes-128-gcm', derive(secret, salt, 'Content-Encoding: aes128gcm\0', 16), derive(secret, salt, 'Content-Encoding: nonce\0', 12));
    cipher.setAuthTag(record.subarray(-16));
    const plain = Buffer.concat([cipher.update(record.subarray(0, -16)), cipher.final()]);
    const end = plain.findLastIndex((byte) => byte !== 0);
    assert.equal(plain[end], 2, 'the delimiter of the last record');
    return plain.subarray(0, end).toString();
  }
}

export class PushServices {
  #servers = [];
  #waiters = new Set();
  #waiting = [];
  #google = generateKeyPairSync('rsa', { modulusLength: 2048 });
  #apple = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  #browsers = new Map();
  #accessToken = 'none yet';
  faults = [];
  tokensGiven = 0;
  /** What the next messages of a type are answered with, [status, body, headers]; then they are taken. */
  answers = { 'web-push': [], fcm: [], apns: [] };

  static async start() {
    const services = new PushServices();
    const folder = (services.folder = await temporaryDirectory('byon-push-'));
    services.caFile = `${folder}/cert.pem`;
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
      '-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', `${folder}/key.pem`, '-out', services.caFile],
    { stdio: 'ignore' });
    const tls = { key: readFileSync(`${folder}/key.pem`), cert: readFileSync(services.caFile) };
    services.webUrl = await services.#listen(https.createServer(tls), (...parts) => services.#takeWebPush(...parts));
    services.googleUrl = await services.#listen(https.createServer(tls), (...parts) => services.#takeFcm(...parts));
    services.appleUrl = await services.#listen(http2.createSecureServer({ ...tls, allowHTTP1: false }), (...parts) => services.#takeApns(...parts));
    return services;
  }

  async #listen(server, take) {
    server.on('request', async (request, response) => {
      const parts = [];
      for await (const part of request) parts.push(part);
      let answer;
      try {
        answer = take(request, Buffer.concat(parts));
      } catch (error) {
        this.faults.push(`${request.method} ${request.url}: ${error.message}`);
        answer = [400, '{}'];
      }
      response.writeHead(answer[0], { 'content-type': 'application/json', ...answer[2] }).end(answer[1] ?? '');
    });
    server.on('session', (session) => this.#sessions.add(session));
    this.#servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `https://127.0.0.1:${server.address().port}`;
  }
  #sessions = new Set();

  async stop() {
    for (const session of this.#sessions) session.destroy();
    await Promise.all(this.#servers.map((server) => {
      server.closeAllConnections?.();
      return new Promise((resolve) => server.close(resolve));
    }));
    assert.deepEqual(this.faults, [], 'what the services could not accept');
  }

  /** The settings of a gateway that pushes to these services. */
  get config() {
    return {
      ca_file: this.caFile,
      web_push: { enabled: true, subject: 'mailto:push@ims.test', allowed_hosts: ['127.0.0.1'], allow_private_networks: true },
      fcm: { service_account_file: 'service-account.json', endpoint: this.googleUrl },
      apns: { key_file: 'apns.p8', key_id: APPLE.keyId, team_id: APPLE.teamId, bundle_id: APPLE.bundleId,
        endpoint: this.appleUrl, sandbox_endpoint: this.appleUrl },
    };
  }
  /** The files that they name. */
  get files() {
    const pem = (key) => key.privateKey.export({ type: 'pkcs8', format: 'pem' });
    return {
      'service-account.json': JSON.stringify({ type: 'service_account', project_id: PROJECT, private_key_id: 'robot-key',
        client_email: ROBOT, token_uri: `${this.googleUrl}/token`, private_key: pem(this.#google) }),
      'apns.p8': pem(this.#apple),
    };
  }

  /** A browser that has subscribed with the gateway's key. */
  subscribe(name, vapidPublicKey) {
    const subscription = new BrowserSubscription(`${this.webUrl}/p/${name}`);
    this.#browsers.set(`/p/${name}`, { subscription, vapidPublicKey });
    return subscription;
  }

  /** The next message of a type that fits; each is given out once. */
  next(type, fits = () => true, timeoutMs = 20_000) {
    const wanted = (message) => message.type === type && fits(message.event);
    const index = this.#waiting.findIndex(wanted);
    if (index >= 0) return Promise.resolve(this.#waiting.splice(index, 1)[0]);
    return new Promise((resolve, reject) => {
      const waiter = (message) => {
        if (!wanted(message)) return false;
        clearTimeout(timer);
        this.#waiters.delete(waiter);
        resolve(message);
        return true;
      };
      const timer = setTimeout(() => {
        this.#waiters.delete(waiter);
        reject(new Error(`no such push over ${type} in ${timeoutMs} ms; ${JSON.stringify(this.#waiting)} ${this.faults.join('; ')}`));
      }, timeoutMs);
      this.#waiters.add(waiter);
    });
  }

  #give(type, event, facts) {
    const answer = this.answers[type].shift();
    const message = { type, event, ...facts, at: Date.now(), status: answer?.[0] ?? 200 };
    if (![...this.#waiters].some((waiter) => waiter(message))) this.#waiting.push(message);
    return answer;
  }

  #takeWebPush({ method, url, headers }, body) {
    assert.equal(method, 'POST');
    const { subscription, vapidPublicKey } = this.#browsers.get(url);
    const [, token, key] = /^vapid t=([\w.-]+), k=([\w-]+)$/.exec(headers.authorization);
    assert.equal(key, vapidPublicKey, 'the key that the browser subscribed with');
    const claims = claimsOf(token, p256Key(decode(key)), 'ES256');
    assert.equal(claims.aud, this.webUrl);
    assert.equal(claims.sub, 'mailto:push@ims.test');
    assert.ok(claims.exp > seconds() && claims.exp <= seconds() + 86_400, 'expiry of the VAPID token');
    assert.equal(headers['content-encoding'], 'aes128gcm');
    assert.equal(headers.urgency, 'high');
    assert.match(headers.topic, /^[\w-]{1,32}$/);
    assert.match(headers.ttl, /^\d+$/);
    const text = subscription.decrypt(body);
    return this.#give('web-push', json(text), { text, ttl: Number(headers.ttl), topic: headers.topic }) ?? [201];
  }

  #takeFcm({ method, url, headers }, body) {
    assert.equal(method, 'POST');
    if (url === '/token') {
      const form = new URLSearchParams(body.toString());
      assert.equal(form.get('grant_type'), 'urn:ietf:params:oauth:grant-type:jwt-bearer');
      const claims = claimsOf(form.get('assertion'), this.#google.publicKey, 'RS256');
      assert.equal(claims.aud, `${this.googleUrl}/token`);
      assert.equal(claims.iss, ROBOT);
      assert.equal(claims.kid, 'robot-key');
      assert.equal(claims.scope, 'https://www.googleapis.com/auth/firebase.messaging');
      assert.ok(claims.exp > seconds() && claims.exp <= seconds() + 3601 && claims.iat <= seconds() + 1);
      this.#accessToken = `access-${++this.tokensGiven}`;
      return [200, JSON.stringify({ access_token: this.#accessToken, expires_in: 3600, token_type: 'Bearer' })];
    }
    assert.equal(url, `/v1/projects/${PROJECT}/messages:send`);
    assert.equal(headers.authorization, `Bearer ${this.#accessToken}`);
    const { message } = json(body);
    assert.equal(message.android.priority, 'HIGH');
    assert.equal(message.notification, undefined, 'the app shows the call, not the system');
    return this.#give('fcm', json(message.data.byon), { token: message.token, ttl: parseInt(message.android.ttl, 10), topic: message.android.collapse_key })
      ?? [200, '{"name":"projects/byon-lab/messages/1"}'];
  }

  #takeApns({ method, url, headers, httpVersion }, body) {
    assert.equal(httpVersion, '2.0');
    assert.equal(method, 'POST');
    const claims = claimsOf(/^bearer (\S+)$/.exec(headers.authorization)[1], this.#apple.publicKey, 'ES256');
    assert.equal(claims.kid, APPLE.keyId);
    assert.equal(claims.iss, APPLE.teamId);
    assert.ok(Math.abs(claims.iat - seconds()) < 3600);
    assert.equal(headers['apns-push-type'], 'voip');
    assert.equal(headers['apns-topic'], `${APPLE.bundleId}.voip`);
    assert.equal(headers['apns-priority'], '10');
    const token = /^\/3\/device\/([0-9a-f]+)$/.exec(url)[1];
    const facts = { token, ttl: Math.round(Number(headers['apns-expiration']) - seconds()), topic: headers['apns-collapse-id'] };
    return this.#give('apns', json(body).byon, facts) ?? [200];
  }
}
