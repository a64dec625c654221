// The service worker: what the gateway pushes while no page is open becomes a note, and a click on it opens the page.
import type { CallerIdentity } from '@byon/sdk';
import { isDoubtful, peerTitle } from './format.js';

/** What a service worker has and a page has not; the types of both cannot be had in one program. */
interface WorkerScope {
  addEventListener(type: 'push', listener: (event: { data: { json(): unknown } | null; waitUntil(done: Promise<unknown>): void }) => void): void;
  addEventListener(type: 'notificationclick', listener: (event: { notification: Notification; waitUntil(done: Promise<unknown>): void }) => void): void;
  addEventListener(type: 'pushsubscriptionchange', listener: (event: {
    oldSubscription?: PushSubscription | null; newSubscription?: PushSubscription | null; waitUntil(done: Promise<unknown>): void;
  }) => void): void;
  addEventListener(type: 'install' | 'activate', listener: (event: { waitUntil(done: Promise<unknown>): void }) => void): void;
  skipWaiting(): Promise<void>;
  readonly registration: ServiceWorkerRegistration;
  readonly clients: {
    matchAll(options: { type: 'window'; includeUncontrolled: boolean }): Promise<Array<{ visibilityState: string; focus(): Promise<unknown>; postMessage(message: unknown): void }>>;
    openWindow(url: string): Promise<unknown>;
    claim(): Promise<void>;
  };
}

interface PushedCall {
  mediaSessionId: string;
  originatorAddress: string;
  originatorName?: string;
  originatorIdentity?: CallerIdentity;
  expiresAt?: string;
  reason?: string;
}

const INCOMING = 'org.byon-gateway.push.v1.incoming-call';
const ENDED = 'org.byon-gateway.push.v1.call-ended';
const ELSEWHERE = 'Call completed elsewhere';
const CLOSING_MS = 500;
/** Said to pages: the gateway is to be told of the browser's new subscription. */
const CHANGED = 'byon-push-changed';
const isVisible = ({ visibilityState }: { visibilityState: string }): boolean => visibilityState === 'visible';
const worker = globalThis as unknown as WorkerScope;

worker.addEventListener('install', (event) => event.waitUntil(worker.skipWaiting()));
worker.addEventListener('activate', (event) => event.waitUntil(worker.clients.claim()));

worker.addEventListener('push', (event) => {
  let pushed: { type?: string; data?: PushedCall } | undefined;
  try {
    pushed = event.data?.json() as typeof pushed;
  } catch {
    // Not of this gateway's making.
  }
  if (pushed?.data) event.waitUntil(take(pushed.type, pushed.data));
});

worker.addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(openPage());
});

// The browser or its push service has ended the subscription: what the gateway knows wakes nobody any more. A new one is
// made at once; only a page can tell the gateway of it, since it alone is signed in.
worker.addEventListener('pushsubscriptionchange', (event) => {
  const key = event.oldSubscription?.options.applicationServerKey;
  const isLost = !event.newSubscription && key;
  event.waitUntil((async () => {
    if (isLost) await worker.registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key }).catch(() => {});
    const pages = await worker.clients.matchAll({ type: 'window', includeUncontrolled: true });
    for (const page of pages) page.postMessage({ type: CHANGED });
    if (pages.length > 0) return;
    await worker.registration.showNotification('Calls do not ring here any more', {
      body: 'Open the phone once, and they do again.', tag: CHANGED, icon: 'app/icon.svg',
    });
  })());
});

async function take(type: string | undefined, call: PushedCall): Promise<void> {
  const isOver = type === ENDED || Date.parse(call.expiresAt ?? '') <= Date.now();
  if (type !== INCOMING && type !== ENDED) return;
  const pages = await worker.clients.matchAll({ type: 'window', includeUncontrolled: true });
  // A page that slept looks at once whether its connection still lives.
  for (const page of pages) page.postMessage({ type: 'byon-push' });
  // A page that is looked at rings by itself; browsers demand a note for every push of which nothing is seen.
  // One that is just closing counts as visible for a moment more.
  if (!isOver && pages.some(isVisible)) {
    await new Promise((resolve) => setTimeout(resolve, CLOSING_MS));
    if ((await worker.clients.matchAll({ type: 'window', includeUncontrolled: true })).some(isVisible)) return;
  }
  const title = !isOver ? 'Incoming call' : call.reason === ELSEWHERE ? 'Call answered elsewhere' : 'Missed call';
  await worker.registration.showNotification(title, {
    body: peerTitle(call.originatorAddress, call.originatorName) + (isDoubtful(call.originatorIdentity) ? ' (number not verified)' : ''), tag: call.mediaSessionId, icon: 'app/icon.svg', requireInteraction: !isOver, silent: isOver,
  });
}

async function openPage(): Promise<void> {
  const [page] = await worker.clients.matchAll({ type: 'window', includeUncontrolled: true });
  await (page ? page.focus() : worker.clients.openWindow('./#wake'));
}
