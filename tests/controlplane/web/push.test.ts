import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Device } from '../../../controlplane/web/sdk/src/byon.js';
import { ByonError } from '../../../controlplane/web/sdk/src/error.js';
import { FakeGateway, fakePlatform, registration, settle } from './fakes.js';

const KEY = Buffer.from(Uint8Array.from({ length: 65 }, (_, index) => index)).toString('base64url');
const BODY = { type: 'web-push', endpoint: 'https://push.example/1', keys: { p256dh: 'P', auth: 'A' }, expirationTime: null } as const;

function fakeWorker({ key }: { key?: string } = {}) {
  const make = (applicationServerKey: ArrayBuffer | Uint8Array | null) => ({
    options: { applicationServerKey }, unsubscribe: vi.fn(async () => true), toJSON: () => ({ ...BODY, type: undefined }),
  });
  const known = key === undefined ? null : make(Uint8Array.from(Buffer.from(key, 'base64url')).buffer);
  const subscribe = vi.fn(async ({ applicationServerKey }: { applicationServerKey: Uint8Array }) => make(applicationServerKey));
  return { known, subscribe, pushManager: { getSubscription: async () => known, subscribe } };
}
type Worker = ServiceWorkerRegistration;

describe('push', () => {
  let gateway: FakeGateway;
  let device: Device;
  const failures: string[] = [];
  beforeEach(async () => {
    gateway = new FakeGateway();
    gateway.handlers['push.set'] = ({ registrationId }, { type }) => ({ registrationId, type, expiresAt: new Date(Date.now() + 604_800_000).toISOString() });
    gateway.handlers['push.delete'] = () => undefined;
    const { platform } = fakePlatform();
    const fetch = async () => new Response(JSON.stringify({ push: { types: ['web-push'], vapidPublicKey: KEY } }));
    device = new Device({ token: 'T', deviceId: 'device-1', gateway: 'https://gw.example', transport: gateway, platform: { ...platform, fetch } });
    failures.length = 0;
    device.on('error', ({ message }) => failures.push(message));
    await device.register();
  });
  afterEach(() => device.destroy());

  test('subscribes with the key of the gateway and tells it where', async () => {
    const worker = fakeWorker();
    await device.enablePush({ serviceWorker: worker as unknown as Worker });
    expect(worker.subscribe.mock.calls[0]?.[0]).toMatchObject({ userVisibleOnly: true });
    expect(Buffer.from(worker.subscribe.mock.calls[0]?.[0].applicationServerKey as Uint8Array).toString('base64url')).toBe(KEY);
    expect(gateway.asked('push.set')).toEqual([{ name: 'push.set', params: { registrationId: 'reg-1' }, body: BODY }]);
  });

  test('keeps a subscription of the same key, and leaves one of another', async () => {
    const ours = fakeWorker({ key: KEY });
    await device.enablePush({ serviceWorker: ours as unknown as Worker });
    expect(ours.subscribe).not.toHaveBeenCalled();
    const foreign = fakeWorker({ key: 'AAAA' });
    await device.enablePush({ serviceWorker: foreign as unknown as Worker, vapidPublicKey: KEY });
    expect(foreign.known?.unsubscribe).toHaveBeenCalled();
    expect(foreign.subscribe).toHaveBeenCalledOnce();
    expect(gateway.asked('push.set')).toHaveLength(2);
  });

  test('says when browser, user or gateway do not want to', async () => {
    await expect(device.enablePush({ serviceWorker: {} as Worker })).rejects.toMatchObject({ code: 'NOT_SUPPORTED' });
    const refusing = fakeWorker();
    refusing.subscribe.mockRejectedValue(new DOMException('no', 'NotAllowedError'));
    await expect(device.enablePush({ serviceWorker: refusing as unknown as Worker })).rejects.toMatchObject({ code: 'NOT_SUPPORTED' });
    gateway.handlers['push.set'] = () => {
      throw new ByonError('SERVICE_NOT_APPLICABLE', 'no', { status: 422 });
    };
    await expect(device.setPush({ type: 'fcm', token: 't' })).rejects.toMatchObject({ code: 'SERVICE_NOT_APPLICABLE' });
  });

  test('a later registration gets it too, unless it was taken away', async () => {
    await device.setPush({ type: 'fcm', token: 't' });
    gateway.tell('gone', { reason: 'deleted' });
    gateway.handlers['registration.create'] = () => registration({ registrationId: 'reg-2' });
    await device.register();
    await settle();
    expect(gateway.asked('push.set').at(-1)).toMatchObject({ params: { registrationId: 'reg-2' }, body: { token: 't' } });
    gateway.handlers['push.delete'] = () => {
      throw new ByonError('NOT_FOUND', 'none', { status: 404 });
    };
    await device.setPush(undefined);
    gateway.tell('gone', { reason: 'deleted' });
    await device.register();
    expect(gateway.asked('push.set')).toHaveLength(2);
    expect(failures).toEqual([]);
  });

  test('needs a registration', async () => {
    gateway.tell('gone', { reason: 'deleted' });
    await expect(device.setPush({ type: 'fcm', token: 't' })).rejects.toMatchObject({ code: 'NOT_REGISTERED' });
  });

  test('a woken page looks at its connection at once', () => {
    device.wake();
    expect(gateway.hurries).toBe(1);
  });
});

describe('the service worker', () => {
  type Listener = (event: object) => void;
  const listeners = new Map<string, Listener>();
  const showNotification = vi.fn(async (..._: unknown[]) => {});
  const openWindow = vi.fn(async (..._: unknown[]) => {});
  const page = { visibilityState: 'hidden', postMessage: vi.fn(), focus: vi.fn(async () => {}) };
  let pages: Array<typeof page> = [];
  beforeEach(async () => {
    vi.clearAllMocks();
    pages = [];
    page.visibilityState = 'hidden';
    vi.stubGlobal('addEventListener', (type: string, listener: Listener) => listeners.set(type, listener));
    vi.stubGlobal('registration', { showNotification });
    vi.stubGlobal('clients', { matchAll: async () => pages, openWindow, claim: async () => {} });
    vi.stubGlobal('skipWaiting', async () => {});
    vi.resetModules();
    await import('../../../controlplane/web/app/push_worker.js');
  });
  afterEach(() => vi.unstubAllGlobals());

  async function dispatch(type: string, parts: object): Promise<void> {
    let done: Promise<unknown> = Promise.resolve();
    listeners.get(type)?.({ ...parts, waitUntil: (until: Promise<unknown>) => (done = until) });
    await done;
  }
  const push = (kind: string, data: object) => dispatch('push', { data: { json: () => ({
    type: `org.byon-gateway.push.v1.${kind}`, data: { mediaSessionId: 'call-1', originatorAddress: 'tel:+34600000002', ...data },
  }) } });
  const inAMinute = () => new Date(Date.now() + 60_000).toISOString();
  const shown = () => showNotification.mock.calls.map(([title, options]) => [title, options] as [string, NotificationOptions]);

  test('shows who calls, until the end takes its place', async () => {
    await push('incoming-call', { expiresAt: inAMinute() });
    await push('call-ended', { status: 'SessionCancelled', originatorName: 'Bob' });
    await push('call-ended', { status: 'Terminated', reason: 'Call completed elsewhere' });
    expect(shown().map(([title, { body, tag, requireInteraction }]) => [title, body, tag, requireInteraction])).toEqual([
      ['Incoming call', '+34 600 000 002', 'call-1', true],
      ['Missed call', 'Bob', 'call-1', false],
      ['Call answered elsewhere', '+34 600 000 002', 'call-1', false],
    ]);
  });

  test('a push that comes too late is a missed call', async () => {
    await push('incoming-call', { expiresAt: new Date(Date.now() - 1).toISOString() });
    expect(shown()[0]?.[0]).toBe('Missed call');
  });

  test('a page that is seen rings by itself, one in the background is woken', async () => {
    pages = [page];
    await push('incoming-call', { expiresAt: inAMinute() });
    expect(page.postMessage).toHaveBeenCalledOnce();
    expect(shown()).toHaveLength(1);
    page.visibilityState = 'visible';
    await push('incoming-call', { expiresAt: inAMinute() });
    expect(shown()).toHaveLength(1);
  });

  test('shows nothing of what is not the gateway’s', async () => {
    await push('other', {});
    await dispatch('push', { data: null });
    await dispatch('push', { data: { json: () => { throw new SyntaxError(); } } });
    expect(shown()).toEqual([]);
  });

  describe('when the browser has ended the subscription', () => {
    const subscribe = vi.fn(async (..._: unknown[]) => {});
    const applicationServerKey = new ArrayBuffer(65);
    const oldSubscription = { options: { applicationServerKey } };
    beforeEach(() => vi.stubGlobal('registration', { showNotification, pushManager: { subscribe } }));

    test('makes another, which an open page tells the gateway', async () => {
      pages = [page];
      await dispatch('pushsubscriptionchange', { oldSubscription, newSubscription: null });
      expect(subscribe).toHaveBeenCalledWith({ userVisibleOnly: true, applicationServerKey });
      expect(page.postMessage).toHaveBeenCalledWith({ type: 'byon-push-changed' });
      expect(shown()).toEqual([]);
    });

    test('takes the one that the browser has made', async () => {
      pages = [page];
      await dispatch('pushsubscriptionchange', { oldSubscription, newSubscription: oldSubscription });
      expect(subscribe).not.toHaveBeenCalled();
      expect(page.postMessage).toHaveBeenCalledOnce();
    });

    test('without a page the user is asked to open one, also when the browser refuses', async () => {
      subscribe.mockRejectedValueOnce(new Error('no'));
      await dispatch('pushsubscriptionchange', { oldSubscription });
      expect(shown().map(([title]) => title)).toEqual(['Calls do not ring here any more']);
    });
  });

  test('a click opens the page, or goes to the one that is open', async () => {
    const notification = { close: vi.fn() };
    await dispatch('notificationclick', { notification });
    expect(openWindow).toHaveBeenCalledWith('./#wake');
    pages = [page];
    await dispatch('notificationclick', { notification });
    expect(page.focus).toHaveBeenCalledOnce();
    expect(notification.close).toHaveBeenCalledTimes(2);
    await dispatch('install', {});
    await dispatch('activate', {});
  });
});
