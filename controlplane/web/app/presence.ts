import { ByonError, type Device, numberOf, type Presence } from '@byon/sdk';
import { byId, element } from './dom.js';
import { prettyNumber } from './format.js';

/** A number may watch more (the gateway says how many): the user's other apps have their own wishes. */
const MOST_WATCHED = 20;
/** A call that ends here is told of by the network a moment later. */
const SETTLE_MS = 1500;
const TEXT: Record<Presence['state'], string> = {
  unknown: '', offline: 'Offline', available: 'Available', ringing: 'Ringing', 'on-the-phone': 'On the phone',
};

/** Who is on the phone: the user on his other devices, and those he talks and writes to, where the operator tells. */
export class PresenceView {
  readonly #device: Device;
  readonly #showError: (error: Error) => void;
  readonly #states = new Map<string, Presence>();
  #own: Presence | undefined;
  #isOffered = false;
  #wanted: string[] = [];
  #isWatching = false;
  #hasChanged = false;
  #settling: ReturnType<typeof setTimeout> | undefined;

  constructor(device: Device, showError: (error: Error) => void) {
    this.#device = device;
    this.#showError = showError;
    device.on('presence', (state) => this.#take(state));
    device.on('call', (call) => {
      this.#showOwn();
      call.on('ended', () => this.#showOwn());
    });
  }

  /** Asks what is known; a gateway or a token without presence shows nothing. */
  async load(): Promise<void> {
    try {
      const { own, watched } = await this.#device.presence();
      this.#isOffered = true;
      for (const state of watched) this.#states.set(state.phoneNumber, state);
      this.#take(own);
    } catch (error) {
      this.#isOffered = false;
      const isNotOffered = error instanceof ByonError && [403, 404, 405, 422].includes(error.status ?? 0);
      if (!isNotOffered) throw error;
    }
    this.#showAll();
    await this.#watch();
  }

  clear(): void {
    this.#states.clear();
    this.#own = undefined;
    this.#isOffered = false;
    this.#showAll();
  }

  /** Watches those whom the page shows; who is shown no more is let go. @param peers newest first */
  follow(peers: string[]): void {
    const numbers = peers.map(numberOf).filter((number) => /^\+[1-9]\d{4,14}$/.test(number) && number !== this.#device.phoneNumber);
    this.#wanted = [...new Set(numbers)].slice(0, MOST_WATCHED);
    void this.#watch().catch(this.#showError);
  }

  /** The mark beside a peer's name; it follows what is known. */
  mark(peer: string): HTMLElement {
    const mark = element('span', { className: 'presence' });
    mark.dataset['presence'] = numberOf(peer);
    this.#show(mark, this.#states.get(numberOf(peer)));
    return mark;
  }

  async #watch(): Promise<void> {
    this.#hasChanged = true;
    if (!this.#isOffered || this.#isWatching) return;
    this.#isWatching = true;
    try {
      while (this.#hasChanged && this.#isOffered) await this.#watchWanted();
    } catch (error) {
      // As many are watched as may be: the others are shown without a mark.
      if (!(error instanceof ByonError) || error.status !== 429) throw error;
    } finally {
      this.#isWatching = false;
    }
  }
  async #watchWanted(): Promise<void> {
    this.#hasChanged = false;
    for (const number of this.#mine.filter((one) => !this.#wanted.includes(one))) {
      await this.#device.unwatch(number).catch(() => {}); // another page was faster
      this.#mine = this.#mine.filter((one) => one !== number);
      this.#states.delete(number);
    }
    for (const number of this.#wanted.filter((one) => !this.#states.has(one))) {
      this.#take(await this.#device.watch(number));
      this.#mine = [...this.#mine, number];
    }
  }

  /** Those that this page has begun to watch; others are the business of other apps of the number. */
  get #mine(): string[] {
    try {
      return JSON.parse(localStorage.getItem(this.#key) ?? '[]') as string[];
    } catch {
      return [];
    }
  }
  set #mine(numbers: string[]) {
    try {
      localStorage.setItem(this.#key, JSON.stringify(numbers));
    } catch {
      // Without storage they are watched until the number's list is full.
    }
  }
  get #key(): string {
    return `byon.watched.${this.#device.phoneNumber}`;
  }

  #take(state: Presence): void {
    if (state.phoneNumber === this.#device.phoneNumber) {
      this.#own = state;
      this.#showOwn();
      return;
    }
    this.#states.set(state.phoneNumber, state);
    this.#showAll();
  }

  #showAll(): void {
    for (const mark of document.querySelectorAll<HTMLElement>('[data-presence]')) this.#show(mark, this.#states.get(mark.dataset['presence'] ?? ''));
    this.#showOwn();
  }
  #show(mark: HTMLElement, presence: Presence | undefined): void {
    const text = presence && !presence.isRefused ? TEXT[presence.state] : '';
    mark.hidden = !text;
    mark.textContent = text;
    mark.dataset['state'] = presence?.state ?? 'unknown';
  }

  /** The state that others see, and the calls that are not on this page. */
  #showOwn(): void {
    this.#show(byId('own-state'), this.#own);
    clearTimeout(this.#settling);
    const line = byId('own-calls');
    const text = this.#callsElsewhere();
    if (!text) line.hidden = true;
    else if (!line.hidden) line.textContent = text;
    else this.#settling = setTimeout(() => {
      line.textContent = this.#callsElsewhere() ?? '';
      line.hidden = !line.textContent;
    }, SETTLE_MS);
  }
  #callsElsewhere(): string | undefined {
    const here = this.#device.calls.filter(({ hasEnded }) => !hasEnded).map(({ peer }) => numberOf(peer));
    const calls = (this.#own?.calls ?? []).filter(({ peer, state, direction }) => {
      // One that rings rings here too.
      if (state !== 'confirmed' && direction === 'terminating') return false;
      const place = here.indexOf(numberOf(peer ?? ''));
      if (place >= 0) here.splice(place, 1);
      return place < 0;
    });
    if (calls.length === 0) return undefined;
    // A number is not broken at the end of a line.
    const peers = calls.map(({ peer }) => (peer ? prettyNumber(numberOf(peer)).replaceAll(' ', '\u00a0') : 'somebody'));
    return `You are on the phone with ${peers.join(' and ')} on another device`;
  }
}
