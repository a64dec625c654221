// What strangers send: tokens that are not good, JSON and SDP that are none, floods. The gateway answers each
// with a CAMARA error and goes on.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ALGORITHMS, CAMARA_SCOPES, OPAQUE_AUDIENCE } from '../../tools/lab/identity_provider.mjs';
import { Lab, USERS } from '../../tools/lab/lab.mjs';
import WebSocket from 'ws';
import { ApiClient, CALLS, Channel, REGISTRATION, webRtcOffer } from './api_client.mjs';

const FINDINGS = fileURLToPath(new URL('../../../shared/corpora/sofia-sip-findings/', import.meta.url));

describe('strangers', () => {
  let lab;
  before(async () => (lab = await Lab.start()));
  after(() => lab?.stop());

  const probe = () => ['GET', `${REGISTRATION}?deviceId=${randomUUID()}`];
  const refusedToken = (token) => new ApiClient(lab.url, token).refused(401, 'UNAUTHENTICATED', ...probe());
  const accepted = (token) => new ApiClient(lab.url, token).expect(200, ...probe());
  const now = () => Math.floor(Date.now() / 1000);

  describe('access tokens', () => {
    for (const algorithm of ALGORITHMS) {
      test(`signed by ${algorithm} are good`, async () => accepted(await lab.token('alice', { algorithm })));
    }

    test('signed by keys that were rotated are good, old and new', async () => {
      const old = await lab.token('alice');
      await accepted(old);
      await lab.identityProvider.rotateKeys();
      const fresh = await lab.token('alice');
      // Tokens with unknown kids make the gateway look for new keys every 10 s at most.
      const deadline = Date.now() + 15_000;
      for (;;) {
        const { status } = await new ApiClient(lab.url, fresh).request(...probe());
        if (status === 200) break;
        assert.equal(status, 401);
        assert.ok(Date.now() < deadline, 'the new key was not fetched in 15 s');
        await delay(500);
      }
      await accepted(old);
    });

    test('opaque ones are asked for at the identity provider', async () => {
      await accepted(await lab.token('alice', { resource: OPAQUE_AUDIENCE }));
    });

    test('none, garbage and strange schemes are refused', async () => {
      for (const token of [undefined, 'x', 'a.b.c', `${'a'.repeat(3000)}.b.c`, '...']) await refusedToken(token);
      const basic = await fetch(`${lab.url}${REGISTRATION}?deviceId=${randomUUID()}`, { headers: { authorization: 'Basic YTpi' } });
      assert.equal(basic.status, 401);
      assert.match(basic.headers.get('www-authenticate') ?? '', /^Bearer/);
    });

    for (const [what, parts] of [
      ['expired', { claims: { exp: 1 } }],
      ['not valid yet', { claims: { nbf: 4102444800 } }],
      ['without expiry', { claims: { exp: undefined } }],
      ['of a foreign issuer', { claims: { iss: 'https://evil.example' } }],
      ['for another audience', { claims: { aud: 'https://other.example' } }],
      ['without audience', { claims: { aud: undefined } }],
      ['signed with a foreign key', { key: 'foreign' }],
      ['with alg none', { key: 'none' }],
      ['with the public key as HMAC secret', { key: 'hmac' }],
      ['with an unknown kid', { header: { kid: 'nobody' } }],
      ['that is an ID token', { header: { typ: 'JWT' } }],
    ]) {
      test(`${what} are refused`, async () => refusedToken(await lab.identityProvider.forgedToken('alice', parts)));
    }

    test('a changed claim breaks the signature', async () => {
      const [head, body, signature] = (await lab.token('alice')).split('.');
      const claims = JSON.parse(Buffer.from(body, 'base64url'));
      claims.phone_number = USERS.bob;
      await refusedToken([head, Buffer.from(JSON.stringify(claims)).toString('base64url'), signature].join('.'));
    });

    test('the scope decides what they are good for', async () => {
      for (const missing of ['webrtc-registration:sessions:create', 'webrtc-registration:sessions:read']) {
        const client = new ApiClient(lab.url, await lab.token('alice', { scopes: CAMARA_SCOPES.filter((scope) => scope !== missing) }));
        const request = missing.endsWith('create') ? ['POST', REGISTRATION, { body: { deviceId: randomUUID() } }] : probe();
        await client.refused(403, 'PERMISSION_DENIED', ...request);
      }
    });

    test('without a number they register nothing', async () => {
      const token = await lab.identityProvider.forgedToken('alice', { claims: { phone_number: undefined } });
      const response = await new ApiClient(lab.url, token).request('POST', REGISTRATION, { body: { deviceId: randomUUID() } });
      assert.ok([403, 422].includes(response.status), JSON.stringify(response.body));
    });

    test('an expired one ends at its time, not later', async () => {
      const token = await lab.identityProvider.forgedToken('alice', { claims: { exp: now() - 31 } });
      await refusedToken(token);
    });
  });

  describe('the event channel', () => {
    test('opens only for its owner', async () => {
      const alice = new ApiClient(lab.url, await lab.token('alice'));
      const { channelUrl } = await alice.expect(201, 'POST', '/byon/v1/channels', { body: { deviceId: randomUUID() } });
      assert.equal(await closedWith(channelUrl, 'nonsense'), 4401);
      assert.ok([4403, 4404].includes(await closedWith(channelUrl, await lab.token('bob'))));
      const channel = await Channel.open(channelUrl, alice.token);
      await channel.close();
    });

    function closedWith(url, token) {
      const socket = new WebSocket(url, ['byon.events.v1']);
      socket.once('open', () => socket.send(JSON.stringify({ type: 'auth', token })));
      return new Promise((resolve, reject) => {
        socket.once('close', resolve);
        socket.once('error', reject);
      });
    }
  });

  describe('bodies', () => {
    const bodies = {
      'cut JSON': '{"deviceId":"',
      'no JSON': 'hello',
      'a number': '1e999',
      'deep arrays': '['.repeat(50_000),
      'deep objects': '{"a":'.repeat(20_000),
      'bad UTF-8': Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]),
      'a duplicate key': `{"deviceId":"${randomUUID()}","deviceId":"${randomUUID()}"}`,
      'a NUL': '{"deviceId":"\\u0000"}',
      empty: '',
    };
    for (const [what, text] of Object.entries(bodies)) {
      test(`${what} is refused`, async () => {
        const client = new ApiClient(lab.url, await lab.token('alice'));
        await client.refused(400, 'INVALID_ARGUMENT', 'POST', REGISTRATION, { text });
      });
    }

    test('a body that is too long is refused, and the next request is served', async () => {
      const client = new ApiClient(lab.url, await lab.token('alice'));
      const response = await client.request('POST', REGISTRATION, { text: `{"x":"${'y'.repeat(200_000)}"}` }).catch((error) => error);
      assert.ok(response.status === 413 || response.status === 400 || response instanceof Error, String(response.status));
      await client.expect(200, ...probe());
    });

    test('raw bytes on the socket do not stop it', async () => {
      const { hostname, port } = new URL(lab.url);
      for (const bytes of [
        'GET', '\r\n\r\n\r\n', 'GET / HTTP/1.1\r\nContent-Length: -5\r\n\r\n', 'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
        `GET / HTTP/1.1\r\nX: ${'a'.repeat(40_000)}\r\n\r\n`, 'GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n',
        Buffer.from([0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0]),
      ]) {
        await new Promise((resolve) => {
          const socket = net.connect(Number(port), hostname, () => socket.end(bytes));
          socket.setTimeout(1500, () => socket.destroy());
          socket.on('data', (data) => assert.doesNotMatch(data.toString(), /root:/));
          socket.on('error', () => {});
          socket.on('close', resolve);
        });
      }
      await accepted(await lab.token('alice'));
    });
  });

  describe('session descriptions', () => {
    let client;
    let registrationId;
    before(async () => {
      client = new ApiClient(lab.url, await lab.token('alice'));
      ({ registrationId } = await client.register());
    });
    const call = (sdp) =>
      client.request('POST', CALLS, {
        headers: { registrationId },
        body: { originatorAddress: `tel:${USERS.alice}`, receiverAddress: `tel:${USERS.bob}`, offer: { sdp } },
      });
    const good = webRtcOffer();
    const descriptions = {
      'no SDP': 'hello',
      'no media': good.replace(/m=audio[\s\S]*/, ''),
      'no fingerprint': good.replace(/a=fingerprint.*\r\n/, ''),
      'a SHA-1 fingerprint': good.replace(/a=fingerprint.*\r\n/, `a=fingerprint:sha-1 ${Array(20).fill('AA').join(':')}\r\n`),
      'no ICE credentials': good.replace(/a=ice-(ufrag|pwd).*\r\n/g, ''),
      'no Opus': good.replace('opus', 'ilbc'),
      'plain RTP': good.replace('UDP/TLS/RTP/SAVPF', 'RTP/AVP'),
      'a line without end': `v=0\r\n${'a'.repeat(60_000)}`,
      'ten thousand media': `v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n${'m=audio 9 RTP/AVP 0\r\n'.repeat(3000)}`,
      'control characters': good.replaceAll('\r\n', '\u0000'),
    };
    for (const [what, sdp] of Object.entries(descriptions)) {
      test(`${what}: refused`, async () => {
        const started = Date.now();
        const { status, body } = await call(sdp);
        assert.equal(status, 400, JSON.stringify(body));
        assert.ok(Date.now() - started < 2000);
      });
    }

    const reason = existsSync(FINDINGS) ? undefined : `the findings are not at ${FINDINGS}`;
    test('what hangs other parsers is refused quickly', { skip: reason }, async () => {
      for (const name of readdirSync(FINDINGS).filter((file) => file.endsWith('.sdp'))) {
        const started = Date.now();
        const { status } = await call(readFileSync(FINDINGS + name, 'latin1'));
        assert.ok(status === 400 || status === 201, `${name}: ${status}`);
        assert.ok(Date.now() - started < 2000, name);
      }
    });

    test('the same offer with other line ends and unknown lines is taken', async () => {
      const { status, body } = await call(good.replace('a=rtcp-mux\r\n', 'a=rtcp-mux\r\na=x-new:1\r\nz=unknown\r\n'));
      assert.equal(status, 201, JSON.stringify(body));
      await client.request('DELETE', `${CALLS}/${body.mediaSessionId}`);
    });
  });
});
