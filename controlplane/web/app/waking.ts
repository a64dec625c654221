import { type Call, type Device, type PageConfig } from '@byon/sdk';
import { byId } from './dom.js';
import { preferences, save } from './preferences.js';

/** The switch "Ring while the page is closed": the service worker, its subscription and its notes. */
export class Waking {
  readonly #device: Device;
  readonly #showError: (error: Error) => void;
  #worker: Promise<ServiceWorkerRegistration> | undefined;

  constructor(device: Device, config: PageConfig, showError: (error: Error) => void) {
    this.#device = device;
    this.#showError = showError;
    const isPossible = Boolean(config.push?.vapidPublicKey) && 'serviceWorker' in navigator && 'PushManager' in globalThis;
    byId('wake-row').hidden = !isPossible;
    if (!isPossible) return;
    const box = byId<HTMLInputElement>('wake');
    box.checked = preferences.wakes;
    box.onchange = () => void this.#change(box.checked).catch((error: Error) => {
      box.checked = false;
      save({ wakes: false });
      showError(error);
    });
    // A browser gives a fresh subscription when it likes to.
    device.on('registered', () => preferences.wakes && void this.#enable().then(() => this.#closeNotes('byon-push-changed')).catch(showError));
    device.on('call', (call) => this.#clearNotes(call));
    navigator.serviceWorker.addEventListener('message', ({ data }: MessageEvent<{ type?: string } | undefined>) => {
      device.wake();
      if (data?.type === 'byon-push-changed' && preferences.wakes) void this.#enable().catch(showError);
    });
  }

  async #change(isWanted: boolean): Promise<void> {
    if (!isWanted) {
      save({ wakes: false });
      const subscription = await (await this.#worker)?.pushManager.getSubscription();
      await Promise.all([this.#device.setPush(undefined), subscription?.unsubscribe()]);
      return;
    }
    const permission = await Notification.requestPermission();
    if (permission !== 'granted') throw new Error('The browser does not let this page notify you.');
    await this.#enable();
    save({ wakes: true });
  }

  async #enable(): Promise<void> {
    this.#worker ??= navigator.serviceWorker.register('push_worker.js');
    await this.#worker;
    await this.#device.enablePush({ serviceWorker: await navigator.serviceWorker.ready });
  }

  /** The page rings itself now; what the service worker has shown goes as soon as the call is taken or over. */
  #clearNotes(call: Call): void {
    call.on('state', (state) => {
      if (state !== 'ringing' && call.direction === 'incoming' && this.#worker) void this.#closeNotes(call.id).catch(this.#showError);
    });
  }
  async #closeNotes(tag: string | undefined): Promise<void> {
    const worker = await this.#worker;
    for (const note of (await worker?.getNotifications(tag ? { tag } : {})) ?? []) note.close();
  }
}
