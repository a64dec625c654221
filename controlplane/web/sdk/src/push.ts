import { ByonError } from './error.js';
import type { PageConfig, PushSubscriptionBody } from './wire.js';

/** How a browser is to be woken. */
export interface PushOptions {
  /** The page's service worker, which shows the calls; default: the one that is ready. */
  serviceWorker?: ServiceWorkerRegistration;
  /** The gateway's public key; default: asked of the gateway. */
  vapidPublicKey?: string;
}

/** The browser's push subscription for this gateway, made if there is none. @internal */
export async function subscribe(
  gateway: string, { serviceWorker, vapidPublicKey }: PushOptions, send: typeof fetch | undefined,
): Promise<PushSubscriptionBody> {
  const worker = serviceWorker ?? (await globalThis.navigator?.serviceWorker?.ready);
  if (!worker?.pushManager) throw new ByonError('NOT_SUPPORTED', 'This browser takes no push messages.');
  const key = decode(vapidPublicKey ?? (await askKey(gateway, send)));
  const known = await worker.pushManager.getSubscription();
  const isOurs = known && sameBytes(known.options.applicationServerKey, key);
  // A subscription is bound to the key that it was made with.
  if (known && !isOurs) await known.unsubscribe();
  const made = isOurs ? known : await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key }).catch((cause: unknown) => {
    throw new ByonError('NOT_SUPPORTED', 'The browser does not let this page be woken; allow notifications.', { cause });
  });
  return { ...(made.toJSON() as Omit<PushSubscriptionBody & { type: 'web-push' }, 'type'>), type: 'web-push' };
}

async function askKey(gateway: string, send = globalThis.fetch.bind(globalThis)): Promise<string> {
  const response = await send(`${gateway.replace(/\/+$/, '')}/byon/v1/config`).catch((cause: unknown) => {
    throw new ByonError('NETWORK', 'The gateway cannot be reached.', { cause });
  });
  const { push } = (await response.json().catch(() => ({}))) as Partial<PageConfig>;
  if (!push?.vapidPublicKey) throw new ByonError('NOT_SUPPORTED', 'The gateway sends no push messages to browsers.');
  return push.vapidPublicKey;
}

function decode(base64url: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64url.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
function sameBytes(a: ArrayBuffer | null, b: Uint8Array): boolean {
  const bytes = new Uint8Array(a ?? new ArrayBuffer(0));
  return bytes.length === b.length && bytes.every((byte, index) => byte === b[index]);
}
