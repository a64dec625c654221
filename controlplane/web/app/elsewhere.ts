import { type Call, type CallElsewhere, type Device } from '@byon/sdk';
import { byId, element } from './dom.js';
import { peerTitle } from './format.js';

const LOOK_MS = 15_000;

/** The user's calls that go on at his phone or on other devices: one press brings one here. */
export class Elsewhere {
  readonly #device: Device;
  readonly #showError: (error: Error) => void;
  readonly #list = byId('calls-elsewhere');
  #shown = '';

  constructor(device: Device, showError: (error: Error) => void) {
    this.#device = device;
    this.#showError = showError;
    setInterval(() => void this.look(), LOOK_MS);
    document.addEventListener('visibilitychange', () => void this.look());
    device.on('registered', () => void this.look());
    device.on('unregistered', () => this.#show([]));
    device.on('presence', ({ phoneNumber }) => phoneNumber === device.phoneNumber && void this.look());
    device.on('call', (call: Call) => call.on('ended', () => void this.look()));
  }

  /** Asks the gateway; what cannot be asked is not shown. */
  async look(): Promise<void> {
    if (!this.#device.isConnected || document.hidden) return;
    this.#show(await this.#device.callsElsewhere().catch(() => []));
  }

  #show(calls: CallElsewhere[]): void {
    const shown = calls.map(({ mediaSessionId }) => mediaSessionId).join();
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#list.hidden = calls.length === 0;
    this.#list.replaceChildren(...calls.map((call) => this.#item(call)));
  }
  #item(call: CallElsewhere): HTMLElement {
    const peer = call.direction === 'originating' ? call.receiverAddress : call.originatorAddress;
    const name = call.direction === 'originating' ? call.receiverName : call.originatorName;
    const item = element('li', {});
    const text = element('span', { text: `${peerTitle(peer, name)} · on ${call.place === 'phone' ? 'your phone' : 'another device'}` });
    const pull = element('button', { text: 'Bring here' }) as HTMLButtonElement;
    pull.dataset['testid'] = 'pull';
    pull.onclick = () => {
      pull.disabled = true;
      this.#device.pull(call).then(() => this.#show([]), this.#showError).finally(() => (pull.disabled = false));
    };
    item.append(text, pull);
    return item;
  }
}
