import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { RestTransport, WebSocketTransport } from '../../../controlplane/web/sdk/src/byon.js';
import { REST_FORMS } from '../../../controlplane/web/sdk/src/operations.js';
import { FakeWebSocket, settle } from './fakes.js';

const COMMANDS = Object.keys(REST_FORMS);

describe('RestTransport', () => {
  const answer = (status: number, body?: unknown, headers = {}) =>
    new Response(body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body), { status, headers });
  function transport(reply: () => Response | Promise<Response>) {
    const fetch = vi.fn(async (_url: string, _init: RequestInit) => reply());
    return { fetch, rest: new RestTransport({ gateway: 'https://gw.example/', getToken: async () => 'T', fetch: fetch as never }) };
  }

  test('an operation becomes its CAMARA request', async () => {
    const { fetch, rest } = transport(() => answer(201, { mediaSessionId: 'c' }));
    await rest.request('call.create', { registrationId: 'r 1', idempotencyKey: 'k' }, { originatorAddress: 'tel:+1', receiverAddress: 'tel:+2', offer: { sdp: 'v=0' } });
    const [url, init] = fetch.mock.calls[0] ?? [];
    expect(url).toBe('https://gw.example/webrtc-call-handling/v0.4/sessions');
    expect(init).toMatchObject({ method: 'POST', headers: { authorization: 'Bearer T', registrationId: 'r 1', 'idempotency-key': 'k', 'content-type': 'application/json' } });
    expect(JSON.parse(init?.body as string)).toEqual({ originatorAddress: 'tel:+1', receiverAddress: 'tel:+2', offer: { sdp: 'v=0' } });
  });

  test('ids are escaped in the path, and a GET has no body', async () => {
    const { fetch, rest } = transport(() => answer(200, {}));
    await rest.request('call.quality', { mediaSessionId: '../x?y' });
    await rest.request('call.list', { deviceId: 'd&1' });
    expect(fetch.mock.calls[0]?.[0]).toBe('https://gw.example/byon/v1/calls/..%2Fx%3Fy/quality');
    expect(fetch.mock.calls[1]?.[0]).toBe('https://gw.example/byon/v1/calls?deviceId=d%261');
    expect(fetch.mock.calls[1]?.[1].body).toBeUndefined();
  });

  test('hanging up outlives the page', async () => {
    const { fetch, rest } = transport(() => answer(204));
    await expect(rest.request('call.delete', { mediaSessionId: 'c' })).resolves.toBeUndefined();
    expect(fetch.mock.calls[0]?.[1].keepalive).toBe(true);
  });

  test.each([
    ['a CAMARA error', () => answer(409, { status: 409, code: 'ALREADY_EXISTS', message: 'There is one.' }), { code: 'ALREADY_EXISTS', status: 409, message: 'There is one.' }],
    ['too many requests', () => answer(429, { code: 'TOO_MANY_REQUESTS', message: 'Later.' }, { 'retry-after': '3' }), { code: 'TOO_MANY_REQUESTS', retryAfterSeconds: 3 }],
    ['no body', () => answer(502), { code: 'HTTP_502', status: 502 }],
    ['something that is not JSON', () => answer(200, '<html>'), { code: 'BAD_RESPONSE', status: 200 }],
    ['no answer', () => Promise.reject(new TypeError('failed')), { code: 'NETWORK', status: 0 }],
  ])('%s is a ByonError', async (_, reply, expected) => {
    await expect(transport(reply).rest.request('call.list', { deviceId: 'd' })).rejects.toMatchObject({ name: 'ByonError', ...expected });
  });

  test('listening needs a channel', async () => {
    await expect(transport(() => answer(200)).rest.listen(undefined)).rejects.toMatchObject({ code: 'BAD_RESPONSE' });
  });
});

test('every operation is one of the AsyncAPI document, over both transports', () => {
  const text = readFileSync(new URL('../../../controlplane/api/asyncapi/byon-channel-v1.yaml', import.meta.url), 'utf8');
  for (const [name, { method, path, query = [], headers = {} }] of Object.entries(REST_FORMS)) {
    const row = text.split('\n').map((line) => line.split('|').map((cell) => cell.trim())).find(([, command]) => command === name);
    expect(row?.[2], name).toBe(`${method} ${path}`);
    const params = row?.[3]?.split(',').map((param) => /\w*/.exec(param.trim())?.[0]);
    expect(params).toEqual(expect.arrayContaining([...query, ...Object.keys(headers), ...[...path.matchAll(/\{(\w+)\}/g)].map(([, param]) => param)]));
  }
});

describe('WebSocketTransport', () => {
  let transport: WebSocketTransport;
  const socket = () => FakeWebSocket.all.at(-1) as FakeWebSocket;
  beforeEach(() => {
    vi.useFakeTimers();
    FakeWebSocket.all = [];
    transport = new WebSocketTransport({ gateway: 'https://gw.example/base/', getToken: async () => 'T', WebSocket: FakeWebSocket as unknown as typeof WebSocket });
  });
  afterEach(() => {
    transport.close();
    vi.useRealTimers();
  });
  async function connect(commands = COMMANDS) {
    const connected = transport.connect('device-1');
    await settle();
    socket().ready({ commands });
    await connected;
  }

  test('one socket for the device, which the first message names', async () => {
    await connect();
    expect(socket().url).toBe('wss://gw.example/base/byon/v1/channels');
    expect(socket().sent[0]).toEqual({ type: 'auth', token: 'T', deviceId: 'device-1' });
    await transport.connect('device-1');
    await transport.listen();
    expect(FakeWebSocket.all).toHaveLength(1);
  });

  test('operations are commands; answers find them in any order', async () => {
    await connect();
    const first = transport.request('call.list', { deviceId: 'd' });
    const second = transport.request('call.status', { mediaSessionId: 'c' }, { status: 'Hold' });
    expect(socket().sent.slice(1)).toEqual([
      { id: 'r1', command: 'call.list', params: { deviceId: 'd' } },
      { id: 'r2', command: 'call.status', params: { mediaSessionId: 'c' }, body: { status: 'Hold' } },
    ]);
    socket().say({ id: 'r2', status: 200, body: { mediaSessionId: 'c', status: 'Hold' } });
    socket().say({ id: 'r1', status: 200, body: [] });
    await expect(first).resolves.toEqual([]);
    await expect(second).resolves.toMatchObject({ status: 'Hold' });
  });

  test('an error answer has the gateway\'s code', async () => {
    await connect();
    const asked = transport.request('registration.create', {}, { deviceId: 'd' });
    expect(socket().sent.at(-1)).toEqual({ id: 'r1', command: 'registration.create', body: { deviceId: 'd' } });
    socket().say({ id: 'r1', status: 429, retryAfter: 2, body: { status: 429, code: 'TOO_MANY_REQUESTS', message: 'Later.' } });
    await expect(asked).rejects.toMatchObject({ code: 'TOO_MANY_REQUESTS', status: 429, retryAfterSeconds: 2 });
  });

  test('what waits when the connection breaks fails, and works again after', async () => {
    await connect();
    const lost = transport.request('call.list', { deviceId: 'd' });
    const outcome = expect(lost).rejects.toMatchObject({ code: 'NETWORK' });
    socket().drop(1006);
    await outcome;
    await expect(transport.request('call.list', { deviceId: 'd' })).rejects.toMatchObject({ code: 'NETWORK' });
    await vi.advanceTimersByTimeAsync(600);
    socket().ready({ commands: COMMANDS });
    const asked = transport.request('call.list', { deviceId: 'd' });
    socket().say({ id: socket().sent.at(-1)?.['id'], status: 200, body: [] });
    await expect(asked).resolves.toEqual([]);
  });

  test('an answer that does not come is a TIMEOUT', async () => {
    await connect();
    const outcome = expect(transport.request('call.list', { deviceId: 'd' })).rejects.toMatchObject({ code: 'TIMEOUT' });
    await vi.advanceTimersByTimeAsync(15_000);
    await outcome;
  });

  test('a gateway without commands is said to be one', async () => {
    await connect([]);
    await expect(transport.request('call.list', { deviceId: 'd' })).rejects.toMatchObject({ code: 'NOT_SUPPORTED' });
  });

  test('no more than 32 wait at a time', async () => {
    await connect();
    const many = Array.from({ length: 32 }, () => transport.request('call.list', { deviceId: 'd' }).catch((error: Error) => error));
    await expect(transport.request('call.list', { deviceId: 'd' })).rejects.toMatchObject({ code: 'TOO_MANY_REQUESTS' });
    transport.close();
    expect((await Promise.all(many)).every((error) => error instanceof Error)).toBe(true);
  });
});
