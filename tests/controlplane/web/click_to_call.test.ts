import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ClickToCall } from '../../../controlplane/web/sdk/src/byon.js';
import { ByonError } from '../../../controlplane/web/sdk/src/error.js';
import { FakeGateway, fakePlatform, session, settle } from './fakes.js';

const VISIT = { campaignId: 'shop', name: 'The shop', receiverAddress: 'tel:+34910000100', callsLeft: 1, startBefore: '2030-01-01T00:00:00Z', maxCallSeconds: 3600 };

describe('click to call', () => {
  let gateway: FakeGateway;
  let line: ClickToCall;
  let tokens: number;

  beforeEach(() => {
    vi.useFakeTimers();
    gateway = new FakeGateway();
    gateway.handlers['visit.get'] = () => VISIT;
    tokens = 0;
    line = new ClickToCall({ getToken: async () => `T${++tokens}`, transport: gateway, platform: fakePlatform().platform });
  });
  afterEach(() => {
    line.destroy();
    vi.useRealTimers();
  });

  test('needs a token', () => {
    expect(() => new ClickToCall({})).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }) as Error);
  });

  test('calls without registration, and without saying whom', async () => {
    const call = await line.call();
    expect(gateway.asked('registration.create')).toHaveLength(0);
    const [asked] = gateway.asked('call.create');
    expect(Object.keys(asked?.params ?? {})).toEqual(['idempotencyKey']);
    expect(Object.keys(asked?.body ?? {})).toEqual(['offer']);
    expect(call).toMatchObject({ peer: 'tel:+34910000100', peerName: 'The shop', id: 'call-1' });
    expect(line.visit).toEqual(VISIT);
    gateway.status({ status: 'Ringing', sequenceNumber: 1 });
    gateway.status({ status: 'Connected', sequenceNumber: 2, answer: { sdp: 'answer' } });
    await settle();
    expect(call.state).toBe('connected');
    expect(line.current).toBe(call);
    await call.hangup();
    expect(line.current).toBeUndefined();
    expect(gateway.isListening).toBe(true);
    await vi.advanceTimersByTimeAsync(3000);
    expect(gateway.isListening).toBe(false);
  });

  test('hears what was said of the call before it had a name', async () => {
    gateway.handlers['call.create'] = () => {
      gateway.status({ status: 'Ringing', sequenceNumber: 1 });
      return session();
    };
    expect((await line.call()).state).toBe('ringing');
  });

  test('asks for a fresh token before each call, and makes one call at a time', async () => {
    const first = await line.call();
    await expect(line.call()).rejects.toMatchObject({ code: 'INCOMPATIBLE_STATE' });
    await first.hangup();
    const closes = gateway.closes;
    await line.call();
    expect(tokens).toBe(2);
    expect(gateway.closes, 'a connection of its own').toBe(closes + 1);
  });

  test.each(['token', 'connection', 'channel', 'visit'])('given up while it waits for its %s it calls nobody', async (what) => {
    let goOn = (_: unknown): void => {};
    const wait = new Promise<unknown>((resolve) => (goOn = resolve));
    if (what === 'token') {
      line = new ClickToCall({ getToken: async () => (await wait, 'T'), transport: gateway, platform: fakePlatform().platform });
    }
    if (what === 'connection') gateway.connect = async () => void (await wait);
    if (what === 'channel') gateway.listen = async () => void (await wait);
    if (what === 'visit') gateway.handlers['visit.get'] = async () => (await wait, VISIT);
    const refused = expect(line.call()).rejects.toMatchObject({ code: 'ABORTED' });
    await settle();
    line.destroy();
    goOn(undefined);
    await refused;
    expect(gateway.asked('call.create')).toHaveLength(0);
    expect(line.current).toBeUndefined();
    expect(gateway.isListening).toBe(false);
  });

  test('a refusal ends it, and it can be tried again', async () => {
    gateway.handlers['call.create'] = () => {
      throw new ByonError('UNAVAILABLE', 'All lines are busy.', { status: 503, retryAfterSeconds: 10 });
    };
    await expect(line.call()).rejects.toMatchObject({ code: 'UNAVAILABLE', retryAfterSeconds: 10 });
    expect(line.current).toBeUndefined();
    gateway.handlers['call.create'] = () => session();
    await line.call();
  });

  test('a call that ended while the connection was broken ends here', async () => {
    const call = await line.call();
    const told: string[] = [];
    line.on('reconnecting', () => told.push('reconnecting'));
    line.on('reconnected', () => told.push('reconnected'));
    gateway.tell('down', { code: 1006 });
    gateway.tell('up');
    await settle();
    expect(told).toEqual(['reconnecting', 'reconnected']);
    expect(call.state).toBe('ended');
  });

  test('and one that goes on is brought up to date', async () => {
    const call = await line.call();
    gateway.handlers['call.list'] = () => [session({ status: 'Connected', answer: { sdp: 'answer' } })];
    gateway.tell('gap');
    await settle();
    expect(call.state).toBe('connected');
  });
});
