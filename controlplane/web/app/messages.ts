import { ByonError, type Device, isWithheld, type Message, numberOf } from '@byon/sdk';
import { byId, element } from './dom.js';
import { dayOf, peerTitle, prettyNumber, shortCount, timeOf } from './format.js';

const MOST_LISTED = 100;
const STATE_TEXT: Record<Message['state'], string> = {
  queued: 'Sending…', sent: 'Sent', delivered: 'Delivered', displayed: 'Read', failed: 'Not sent', received: '', read: '',
};

/** The text messages of the number: a list of conversations, one of which is open. */
export class MessagesView {
  readonly #device: Device;
  readonly #showError: (error: Error) => void;
  readonly #messages = new Map<string, Message>();
  /** Address of the open conversation; undefined: the list. */
  #peer: string | undefined;
  #isVisible = false;
  readonly #mark: (peer: string) => HTMLElement;
  /** The messages have changed. */
  onChange: () => void = () => {};

  /** @param mark what stands beside the name of a peer */
  constructor(device: Device, showError: (error: Error) => void, mark: (peer: string) => HTMLElement) {
    this.#device = device;
    this.#showError = showError;
    this.#mark = mark;
    device.on('message', (message) => this.#take(message));
    device.on('messageStatus', (message) => this.#take(message));
    byId('new-message').onsubmit = (event) => {
      event.preventDefault();
      const input = byId<HTMLInputElement>('message-to');
      if (!input.value.trim()) return;
      this.#open(/^(tel|sip):/.test(input.value) ? input.value.trim() : `tel:${input.value.replace(/[^0-9+]/g, '')}`);
      input.value = '';
    };
    byId('message-back').onclick = () => this.#open(undefined);
    byId('message-form').onsubmit = (event) => {
      event.preventDefault();
      void this.#send().catch(showError);
    };
  }

  /** Asks for the messages; a gateway or a token without them hides the tab. */
  async load(): Promise<void> {
    try {
      for (const message of await this.#device.messages({ limit: MOST_LISTED })) this.#messages.set(message.messageId, message);
      byId('tab-messages').hidden = false;
      this.#render();
    } catch (error) {
      byId('tab-messages').hidden = true;
      const isNotOffered = error instanceof ByonError && [403, 404, 405].includes(error.status ?? 0);
      if (!isNotOffered) throw error;
    }
  }

  /** Who was written to or wrote, and when. */
  get recent(): { peer: string; at: number }[] {
    return [...this.#messages.values()].map((message) => ({ peer: peerOf(message), at: Date.parse(message.createdAt) }));
  }

  clear(): void {
    this.#messages.clear();
    this.#open(undefined);
  }

  shown(isVisible: boolean): void {
    this.#isVisible = isVisible;
    this.#markRead();
  }

  async #send(): Promise<void> {
    const input = byId<HTMLTextAreaElement>('message-text');
    const text = input.value.trim();
    if (!text || !this.#peer) return;
    const sent = await this.#device.sendMessage(isTel(this.#peer) ? numberOf(this.#peer) : this.#peer, text, { deliveryReport: true });
    input.value = '';
    // The event may have been faster and know more.
    if (!this.#messages.has(sent.messageId)) this.#take(sent);
  }

  #take(message: Message): void {
    this.#messages.set(message.messageId, message);
    this.#render();
    this.#markRead();
  }

  #markRead(): void {
    if (!this.#isVisible || !this.#peer) return;
    const unread = this.#thread(this.#peer).filter(({ state }) => state === 'received').at(-1);
    if (unread) this.#device.markRead(unread.messageId).catch(this.#showError);
  }

  #open(peer: string | undefined): void {
    this.#peer = peer;
    this.#render();
    this.#markRead();
    if (peer) byId('message-text').focus();
  }

  /** Oldest first. */
  #thread(peer: string): Message[] {
    return [...this.#messages.values()].filter((message) => peerOf(message) === peer).sort((a, b) => (a.createdAt < b.createdAt ? -1 : 1));
  }

  #render(): void {
    const unread = [...this.#messages.values()].filter(({ state }) => state === 'received').length;
    const badge = byId('unread');
    badge.hidden = unread === 0;
    badge.textContent = shortCount(unread);
    badge.setAttribute('aria-label', `${unread} unread`);
    byId('conversation').hidden = !this.#peer;
    byId('conversation-list').hidden = this.#peer !== undefined;
    if (this.#peer) this.#renderThread(this.#peer);
    else this.#renderList();
    this.onChange();
  }

  #renderList(): void {
    const newest = new Map<string, Message>();
    for (const message of this.#messages.values()) {
      const known = newest.get(peerOf(message));
      if (!known || known.createdAt < message.createdAt) newest.set(peerOf(message), message);
    }
    const rows = [...newest].sort(([, a], [, b]) => (a.createdAt > b.createdAt ? -1 : 1)).map(([peer, message]) => {
      const row = element('li');
      const isUnread = this.#thread(peer).some(({ state }) => state === 'received');
      const button = element('button', { className: `entry${isUnread ? ' unread' : ''}` });
      const who = element('span', { className: 'entry-who' });
      const line = element('span', { className: 'entry-line' });
      line.append(element('small', { text: message.text.slice(0, 80) }), this.#mark(peer));
      who.append(element('strong', { text: title(peer, message.peerName) }), line);
      button.append(element('span', { className: 'entry-dot' }), who, element('small', { text: timeOf(Date.parse(message.createdAt)) }));
      button.onclick = () => this.#open(peer);
      row.append(button);
      return row;
    });
    byId('conversations').replaceChildren(...rows);
    byId('conversations-empty').hidden = rows.length > 0;
  }

  #renderThread(peer: string): void {
    const thread = this.#thread(peer);
    byId('conversation-title').textContent = title(peer, thread.find(({ peerName }) => peerName)?.peerName);
    byId('conversation-presence').replaceChildren(this.#mark(peer));
    const rows: HTMLElement[] = [];
    let day = '';
    for (const message of thread) {
      const at = Date.parse(message.createdAt);
      if (dayOf(at) !== day) rows.push(element('li', { text: (day = dayOf(at)), className: 'day' }));
      const row = element('li', { className: `bubble ${message.direction}` });
      row.dataset['state'] = message.state;
      const cause = message.state === 'failed' && message.cause?.text ? ` (${message.cause.text})` : '';
      row.append(
        element('p', { text: message.text }),
        element('small', { text: [timeOf(at), `${STATE_TEXT[message.state]}${cause}`].filter(Boolean).join(' · ') }),
      );
      rows.push(row);
    }
    const list = byId('thread');
    list.replaceChildren(...rows);
    list.scrollTop = list.scrollHeight;
    byId<HTMLButtonElement>('message-send').disabled = isWithheld(peer);
  }
}

const isTel = (address: string) => address.startsWith('tel:+');
const peerOf = ({ direction, from, to }: Message) => (direction === 'outgoing' ? to : from);
const title = (peer: string, name?: string) => (name ? name : isTel(peer) ? prettyNumber(numberOf(peer)) : peerTitle(peer));
