import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { EventChannel } from '../../../controlplane/web/sdk/src/event_channel.js';
import { FakeWebSocket, settle } from './fakes.js';

const event = (id: string) => ({ specversion: '1.0', id, type: 'x', data: {} });

describe('EventChannel', () => {
  let channel: EventChannel;
  let token: string;
  const heard: string[] = [];
  const socket = () => FakeWebSocket.all.at(-1) as FakeWebSocket;

  beforeEach(() => {
    vi.useFakeTimers();
    FakeWebSocket.all = [];
    heard.length = 0;
    token = 'token-1';
    channel = new EventChannel({ url: 'ws://gw/c1', getToken: async () => token, WebSocket: FakeWebSocket as unknown as typeof WebSocket });
    channel.on('event', ({ id }) => heard.push(id));
    for (const name of ['up', 'down', 'gap', 'tokenExpiring'] as const) channel.on(name, () => heard.push(name));
    channel.on('gone', ({ reason }) => heard.push(`gone ${reason}`));
  });
  afterEach(() => {
    channel.close();
    vi.useRealTimers();
  });
  async function open() {
    const opened = channel.open();
    await settle();
    socket().ready();
    await opened;
  }

  test('the token goes in the first message, not in the URL', async () => {
    await open();
    expect(socket().url).toBe('ws://gw/c1');
    expect(socket().sent[0]).toEqual({ type: 'auth', token: 'token-1' });
    expect(socket().protocols).toEqual(['byon.events.v1']);
  });

  test('events are acknowledged, and those that come twice are heard once', async () => {
    await open();
    for (const id of ['a', 'b', 'a', 'c']) socket().say(event(id));
    expect(heard).toEqual(['up', 'a', 'b', 'c']);
    expect(socket().sent.slice(1)).toEqual([{ ack: 'a' }, { ack: 'b' }, { ack: 'a' }, { ack: 'c' }]);
  });

  test('after a break it resumes with the last event it has seen', async () => {
    await open();
    socket().say(event('a'));
    socket().drop(1006);
    expect(heard).toEqual(['up', 'a', 'down']);
    await vi.advanceTimersByTimeAsync(500);
    expect(FakeWebSocket.all).toHaveLength(2);
    socket().ready();
    expect(socket().sent.slice(0, 2)).toEqual([{ type: 'auth', token: 'token-1' }, { resume: 'a' }]);
    socket().say(event('a'));
    socket().say({ type: 'gap' });
    expect(heard).toEqual(['up', 'a', 'down', 'up', 'gap']);
  });

  test('it waits longer after each failure, never longer than 15 s', async () => {
    await open();
    const waits: number[] = [];
    for (let i = 0; i < 9; ++i) {
      const before = FakeWebSocket.all.length;
      socket().drop(1006);
      let waited = 0;
      for (; FakeWebSocket.all.length === before; waited += 50) await vi.advanceTimersByTimeAsync(50);
      waits.push(waited);
    }
    expect(waits[0]).toBeLessThanOrEqual(550);
    expect(Math.max(...waits)).toBeLessThanOrEqual(15_050);
    expect(waits.at(-1)).toBeGreaterThanOrEqual(7_500);
  });

  test('hurry() does not wait', async () => {
    await open();
    for (let i = 0; i < 5; ++i) {
      socket().drop(1006);
      await vi.advanceTimersByTimeAsync(15_000);
    }
    socket().drop(1006);
    const before = FakeWebSocket.all.length;
    channel.hurry();
    await settle();
    expect(FakeWebSocket.all).toHaveLength(before + 1);
  });

  test.each([[4404, 'deleted'], [4409, 'replaced'], [4403, 'forbidden']])('code %i ends it: %s', async (code, reason) => {
    await open();
    socket().drop(code);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(heard).toEqual(['up', `gone ${reason}`]);
    expect(FakeWebSocket.all).toHaveLength(1);
  });

  test('a connection that is silently dead is noticed and left', async () => {
    await open();
    await vi.advanceTimersByTimeAsync(20_000);
    expect(socket().sent.at(-1)).toEqual({ type: 'ping' });
    socket().say({ type: 'pong' });
    await vi.advanceTimersByTimeAsync(20_000);
    expect(heard).toEqual(['up']);
    await vi.advanceTimersByTimeAsync(8_000);
    expect(heard).toEqual(['up', 'down']);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(FakeWebSocket.all).toHaveLength(2);
  });

  test('ping() tells the way to the gateway and back', async () => {
    await open();
    const ping = channel.ping();
    await vi.advanceTimersByTimeAsync(42);
    socket().say({ type: 'pong' });
    await expect(ping).resolves.toBe(42);
  });

  test('a renewed token is presented; an expired one is reported', async () => {
    await open();
    socket().say({ type: 'token-expiring' });
    token = 'token-2';
    await channel.renewToken();
    expect(socket().sent.at(-1)).toEqual({ type: 'token', token: 'token-2' });
    socket().drop(4401);
    expect(heard).toEqual(['up', 'tokenExpiring', 'down', 'tokenExpiring']);
  });

  test('open() gives up when there is no way through', async () => {
    const opened = channel.open();
    const outcome = expect(opened).rejects.toMatchObject({ code: 'NETWORK' });
    await settle();
    for (let i = 0; i < 20; ++i) {
      socket().drop(1006);
      await vi.advanceTimersByTimeAsync(1_000);
    }
    await outcome;
    const before = FakeWebSocket.all.length;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(FakeWebSocket.all).toHaveLength(before);
  });

  test('open() says so when the token is not accepted', async () => {
    const opened = channel.open();
    await settle();
    socket().accept();
    socket().drop(4401);
    await expect(opened).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  });

  test('what is not JSON is not listened to', async () => {
    await open();
    socket().onmessage?.({ data: '{' });
    socket().onmessage?.({ data: 'null' });
    socket().onmessage?.({ data: '3' });
    expect(heard).toEqual(['up']);
  });
});
