// What a browser's enemies try: foreign pages, broken WebSocket frames, tokens with strange headers, requests that never
// end or never stop, and what the answers tell.
import assert from 'node:assert/strict';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Lab } from '../../tools/lab/lab.mjs';
import { ApiClient, Channel, REGISTRATION } from './api_client.mjs';

const EVIL = 'https://evil.example';
const PER_ADDRESS = 40; // requests per second
const HEADER_TIMEOUT_S = 2;
const PROTOCOL_ERROR = 1002;

/** A frame of RFC 6455, masked with zeros. @param {{length?: number[]}} [options] length: the bytes that say it, when they lie */
function frame(first, payload, { length: [short, ...rest] = [payload.length] } = {}) {
  return Buffer.from([first, short | 0x80, ...rest, 0, 0, 0, 0, ...payload]);
}

describe('browsers and their enemies', () => {
  let lab;
  let token;
  let address;
  before(async () => {
    lab = await Lab.start({ hasCore: false, controlPlane: (config) => {
      config.limits = { requests_per_second_per_address: PER_ADDRESS, header_timeout_s: HEADER_TIMEOUT_S, body_timeout_s: HEADER_TIMEOUT_S };
    } });
    token = await lab.token('alice');
    const { hostname, port } = new URL(lab.url);
    address = { host: hostname, port: Number(port) };
  });
  after(() => lab?.stop());

  const url = (path) => lab.url + path;
  const probe = () => ['GET', `${REGISTRATION}?deviceId=${randomUUID()}`];
  const get = (path, headers = {}, method = 'GET') => fetch(url(path), { method, headers });

  /** Says bytes on a connection of one's own. @returns what came until it was closed, or until `isEnough` */
  async function say(bytes, { isEnough = () => false, from, then } = {}) {
    const socket = net.connect({ ...address, ...(from ? { localAddress: from } : {}) });
    let heard = Buffer.alloc(0);
    socket.on('error', () => {});
    socket.on('data', (data) => {
      heard = Buffer.concat([heard, data]);
      if (then && heard.includes('\r\n\r\n')) {
        socket.write(then);
        then = undefined;
      } else if (isEnough(heard)) socket.end();
    });
    const closed = once(socket, 'close');
    const patience = setTimeout(() => socket.destroy(new Error('patience')), 15_000);
    socket.write(bytes);
    await closed;
    clearTimeout(patience);
    return heard;
  }

  describe('headers', () => {
    test('every kind of answer says what it may be used for, and nothing of who made it', async () => {
      for (const [path, status, headers] of [
        ['/', 200], ['/sdk/byon.js', 200], ['/byon/v1/config', 200], ['/livez', 200], [probe()[1], 401], ['/nothing', 404],
        [probe()[1], 200, { authorization: `Bearer ${token}` }],
      ]) {
        const response = await get(path, headers);
        assert.equal(response.status, status, path);
        const of = (name) => response.headers.get(name);
        assert.equal(of('x-content-type-options'), 'nosniff', path);
        assert.equal(of('x-frame-options'), 'DENY', path);
        assert.equal(of('referrer-policy'), 'no-referrer', path);
        assert.equal(of('cross-origin-resource-policy'), 'same-origin', path);
        assert.match(of('content-security-policy'), /frame-ancestors 'none'/, path);
        assert.doesNotMatch(of('content-security-policy'), /unsafe-(inline|eval)|\*/, path);
        for (const name of ['server', 'x-powered-by', 'via']) assert.equal(of(name), null, `${name} of ${path}`);
        if (!path.startsWith('/sdk') && path !== '/') assert.equal(of('cache-control'), 'no-store', path);
        const text = await response.text();
        if (response.status >= 400) assert.doesNotMatch(text, /\.cc|\.h:|0x[0-9a-f]{6}|std::|127\.0\.0\.1/, path);
      }
    });

    test('only configured pages may read answers, and none with credentials of the browser', async () => {
      const { appUrl } = lab;
      for (const origin of [EVIL, 'null', `${appUrl}.evil.example`, appUrl.replace('http:', 'https:'), lab.url.replace('127', '128')]) {
        const answer = await get('/byon/v1/config', { origin });
        assert.equal(answer.headers.get('access-control-allow-origin'), null, origin);
        const preflight = await get(REGISTRATION, { origin, 'access-control-request-method': 'POST' }, 'OPTIONS');
        assert.equal(preflight.headers.get('access-control-allow-origin'), null, origin);
      }
      const good = await get(REGISTRATION, { origin: appUrl, 'access-control-request-method': 'DELETE', 'access-control-request-headers': 'authorization, x-evil' }, 'OPTIONS');
      assert.equal(good.status, 204);
      assert.equal(good.headers.get('access-control-allow-origin'), appUrl);
      assert.match(good.headers.get('access-control-allow-headers'), /\bauthorization\b/);
      assert.doesNotMatch(good.headers.get('access-control-allow-headers'), /evil|\*/);
      assert.equal(good.headers.get('access-control-allow-credentials'), null);
      assert.equal(good.headers.get('vary'), 'origin');
    });
  });

  describe('requests', () => {
    test('NUL and other control characters in path and query are refused in words', async () => {
      for (const path of [
        '/byon/v1/ice-servers?x=%00', '/byon/v1/ice-servers?%00=x', '/byon/v1/ice-servers?x=a%00b&y=1', '/byon/v1%00/config',
        '/byon/v1/channels/a%00b', `${REGISTRATION}?deviceId=%00`, `${REGISTRATION}?deviceId=%zz`, '/%',
      ]) {
        const heard = (await say(`GET ${path} HTTP/1.1\r\nHost: ${address.host}\r\nAuthorization: Bearer ${token}\r\n\r\n`, { isEnough: (bytes) => bytes.includes('}') })).toString();
        assert.match(heard, /^HTTP\/1\.1 40[04] /, `${path}: ${heard.slice(0, 200)}`);
        assert.match(heard, /"code" ?: ?"(INVALID_ARGUMENT|NOT_FOUND)"/, path);
      }
    });

    test('two lengths, or a length and a coding, end the connection', async () => {
      const hidden = 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n';
      for (const headers of ['Content-Length: 5\r\nContent-Length: 6', 'Content-Length: 4\r\nTransfer-Encoding: chunked', 'Transfer-Encoding: xchunked',
        'Content-Length: 4294967328', 'Content-Length: 0x10', 'Content-Length: 1, 1']) {
        const heard = (await say(`POST ${REGISTRATION} HTTP/1.1\r\nHost: x\r\n${headers}\r\n\r\n${hidden}`)).toString();
        assert.match(heard, /^HTTP\/1\.1 4(00|11|13) /, headers);
        assert.equal(heard.match(/HTTP\/1\.1 /g).length, 1, `${headers}: something was taken for another request`);
      }
    });

    test('a thousand headers and a line without end are cut off, in bounded time', async () => {
      const many = Array.from({ length: 3000 }, (_, index) => `X-${index}: ${'a'.repeat(20)}`).join('\r\n');
      for (const bytes of [`GET /livez HTTP/1.1\r\nHost: x\r\n${many}\r\n\r\n`, `GET /${'a'.repeat(100_000)}`, 'a'.repeat(100_000)]) {
        const started = Date.now();
        const heard = (await say(bytes)).toString();
        assert.doesNotMatch(heard, /^HTTP\/1\.1 200/);
        assert.ok(Date.now() - started < 10_000);
      }
      assert.equal((await get('/livez')).status, 200);
    });

    test('one who sends a byte now and then does not keep the connection', async () => {
      const socket = net.connect(address);
      socket.on('error', () => {});
      const started = Date.now();
      socket.write('GET /livez HTTP/1.1\r\nX-Slow: ');
      const dripping = setInterval(() => socket.write('a'), 100);
      await once(socket, 'close');
      clearInterval(dripping);
      assert.ok(Date.now() - started < (HEADER_TIMEOUT_S + 8) * 1000);
    });

    test('too many in a second are told when to come again, others are served', async () => {
      const burst = await Promise.all(Array.from({ length: 4 * PER_ADDRESS }, () => get('/livez')));
      const refused = burst.filter(({ status }) => status === 429);
      assert.ok(refused.length > 0 && burst.some(({ status }) => status === 200));
      for (const response of refused) {
        assert.equal(response.headers.get('retry-after'), '1');
        assert.equal((await response.json()).code, 'TOO_MANY_REQUESTS');
      }
      const other = await say('GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', { from: '127.0.0.77', isEnough: (heard) => heard.includes('\r\n\r\n') });
      assert.match(other.toString(), /^HTTP\/1\.1 200/);
      await delay(2500); // the bucket fills again
    });
  });

  describe('tokens', () => {
    const forged = async (parts) => new ApiClient(lab.url, await lab.identityProvider.forgedToken('alice', parts)).refused(401, 'UNAUTHENTICATED', ...probe());

    test('keys that a token brings or points to are neither used nor fetched', async () => {
      let fetched = 0;
      const trap = http.createServer((request, response) => {
        ++fetched;
        response.end('{"keys":[]}');
      });
      trap.listen(0, '127.0.0.1');
      await once(trap, 'listening');
      const there = `http://127.0.0.1:${trap.address().port}/jwks`;
      const jwk = { kty: 'oct', k: randomBytes(32).toString('base64url') };
      try {
        for (const header of [{ jku: there }, { x5u: there }, { jwk }, { x5c: ['AAAA'] }]) await forged({ key: 'foreign', header });
        for (const kid of ['../../../../dev/null', "' OR 1=1 --", 'k'.repeat(8000)]) await forged({ key: 'foreign', header: { kid } });
        await forged({ header: { crit: ['x-unknown'], 'x-unknown': 1 } });
        assert.equal(fetched, 0);
      } finally {
        trap.close();
      }
    });

    test('claims of strange kinds are no claims', async () => {
      const iss = lab.identityProvider.issuer;
      for (const claims of [{ exp: 'never' }, { exp: -1 }, { exp: null }, { exp: [9e9] }, { nbf: '0x' }, { iss: `${iss}.evil.example` }, { iss: `${iss}/` }, { iss: [iss] },
        { aud: [] }, { aud: ['https://other.example'] }, { aud: {} }, { sub: 7 }]) {
        const outcome = await new ApiClient(lab.url, await lab.identityProvider.forgedToken('alice', { claims })).request(...probe());
        assert.equal(outcome.status, 401, JSON.stringify(claims));
      }
    });

    test('one in the query is none', async () => {
      const answer = await get(`${probe()[1]}&access_token=${token}`);
      assert.equal(answer.status, 401);
    });
  });

  describe('the event channel', () => {
    const key = randomBytes(16).toString('base64');
    const upgrade = (path, more = {}) => [`GET ${path} HTTP/1.1`, ...Object.entries({
      Host: `${address.host}:${address.port}`, Upgrade: 'websocket', Connection: 'Upgrade', 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': key,
      'Sec-WebSocket-Protocol': 'byon.events.v1', ...more,
    }).filter(([, value]) => value !== undefined).map(([name, value]) => `${name}: ${value}`), '', ''].join('\r\n');
    let path;
    before(async () => {
      const { channelUrl } = await new ApiClient(lab.url, token).expect(201, 'POST', '/byon/v1/channels', { body: { deviceId: randomUUID() } });
      path = new URL(channelUrl).pathname;
    });

    test('opens for its own pages and for programs only', async () => {
      const statusOf = async (more) => (await say(upgrade(path, more), { isEnough: (heard) => heard.includes('\r\n\r\n') })).toString().slice(9, 12);
      assert.equal(await statusOf({}), '101');
      assert.equal(await statusOf({ Origin: lab.appUrl }), '101');
      for (const Origin of [EVIL, 'null', `${lab.url}.evil.example`]) assert.equal(await statusOf({ Origin }), '403', Origin);
      for (const protocol of [undefined, 'chat', 'byon.events.v2']) assert.notEqual(await statusOf({ 'Sec-WebSocket-Protocol': protocol }), '101', protocol);
      const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
      const answer = (await say(upgrade(path, { 'Sec-WebSocket-Extensions': 'permessage-deflate' }), { isEnough: (heard) => heard.includes('\r\n\r\n') })).toString();
      assert.ok(answer.toLowerCase().includes(`sec-websocket-accept: ${accept.toLowerCase()}`));
      assert.doesNotMatch(answer, /permessage-deflate/i, 'nothing to be inflated into gigabytes');
    });

    const text = [...Buffer.from('{"type":"ping"}')];
    for (const [what, bytes, codes] of [
      ['a reserved bit', frame(0xc1, text), [PROTOCOL_ERROR]],
      ['a reserved opcode', frame(0x83, text), [PROTOCOL_ERROR]],
      ['a control frame in pieces', frame(0x09, []), [PROTOCOL_ERROR]],
      ['a control frame that is too long', frame(0x89, Array(130).fill(0), { length: [126, 0, 130] }), [PROTOCOL_ERROR]],
      ['a continuation of nothing', frame(0x80, text), [PROTOCOL_ERROR]],
      ['a length of 2^63', frame(0x81, [], { length: [127, 0x80, 0, 0, 0, 0, 0, 0, 0] }), [PROTOCOL_ERROR, 1009]],
      ['a length of 4 GB', frame(0x81, text, { length: [127, 0, 0, 0, 1, 0, 0, 0, 0] }), [1009, 4400, 4401, 4408]],
      ['no UTF-8', frame(0x81, [0xff, 0xfe]), [1007]],
      ['binary', frame(0x82, text), [1003]],
    ]) {
      test(`a frame with ${what} ends it`, async () => {
        const heard = await say(upgrade(path), { then: bytes, isEnough: (said) => said.indexOf(0x88, said.indexOf('\r\n\r\n') + 4) >= 0 });
        assert.match(heard.toString('latin1'), /^HTTP\/1\.1 101/);
        const body = heard.subarray(heard.indexOf('\r\n\r\n') + 4);
        const close = body.indexOf(0x88);
        // The end may also come without a word; not as an answer to what was said.
        assert.doesNotMatch(body.toString('latin1'), /pong/);
        if (close >= 0 && body[close + 1] >= 2) assert.ok(codes.includes(body.readUInt16BE(close + 2)), String(body.readUInt16BE(close + 2)));
      });
    }

    test('a flood of messages ends it, and nobody else feels it', async () => {
      const quiet = await Channel.open(url(path).replace('http', 'ws'), token);
      const other = await new ApiClient(lab.url, token).openChannel(randomUUID());
      for (let i = 0; i < 1000; ++i) other.send({ type: 'ping' });
      // 1006: what was still on its way when it ended made the kernel cut the word short.
      assert.ok([1008, 1006].includes(await other.closed));
      quiet.send({ type: 'ping' });
      await quiet.message(({ type }) => type === 'pong');
      await quiet.close();
    });
  });

  test('no log has seen a token', async () => {
    const log = await readFile(`${lab.dir}/controlplane.log`, 'utf8');
    assert.ok(log.length > 0);
    const [, claims, signature] = token.split('.');
    for (const part of [claims, signature]) assert.ok(!log.includes(part));
    assert.doesNotMatch(log, /Bearer |eyJ[A-Za-z0-9_-]{20}/);
  });
});
