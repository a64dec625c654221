import { Emitter } from './emitter.js';

const PROTOCOL = 'byon.events.v1';
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 15_000;
const REMEMBERED_IDS = 256;
const CLOSE_TOKEN_EXPIRED = 4401;
const CLOSE_CHANNEL_GONE = 4404;

/**
 * The event channel: a WebSocket that carries CloudEvents, acknowledges each and resumes after a
 * break with the last one seen, so that no event is lost or delivered twice.
 *
 * Events: `open`, `event` (a CloudEvent), `down`, `gone` (the channel no longer exists), `tokenExpiring`,
 * `gap` (events were lost while disconnected).
 */
export class EventChannel extends Emitter {
  #url;
  #getToken;
  #WebSocket;
  #socket;
  #lastEventId;
  #seenIds = new Set();
  #retryMs = FIRST_RETRY_MS;
  #retryTimer;
  #closed = false;

  /** @param {{url: string, getToken: () => Promise<string>, WebSocket?: typeof WebSocket}} options */
  constructor({ url, getToken, WebSocket: WebSocketLike }) {
    super();
    this.#url = url;
    this.#getToken = getToken;
    this.#WebSocket = WebSocketLike ?? globalThis.WebSocket;
  }

  /** Connects and keeps connecting until close(). Resolves when first open. */
  open() {
    return new Promise((resolve, reject) => {
      this.once('open', () => resolve());
      this.once('gone', () => reject(new Error('the event channel does not exist')));
      this.#connect();
    });
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#retryTimer);
    this.#socket?.close(1000);
  }

  /** Tells the gateway of a fresh access token, so that the channel outlives the old one. */
  async renewToken() {
    if (this.#socket?.readyState === this.#WebSocket.OPEN) {
      this.#socket.send(JSON.stringify({ type: 'token', token: await this.#getToken() }));
    }
  }

  async #connect() {
    if (this.#closed) return;
    let token;
    try {
      token = await this.#getToken();
    } catch {
      this.#retry();
      return;
    }
    if (this.#closed) return;
    const socket = new this.#WebSocket(this.#url, [PROTOCOL]);
    this.#socket = socket;
    socket.onopen = () => {
      socket.send(JSON.stringify({ type: 'auth', token }));
      if (this.#lastEventId) socket.send(JSON.stringify({ resume: this.#lastEventId }));
    };
    socket.onmessage = ({ data }) => this.#receive(socket, data);
    socket.onclose = ({ code }) => {
      if (socket !== this.#socket) return;
      this.#socket = undefined;
      if (this.#closed) return;
      if (code === CLOSE_CHANNEL_GONE) {
        this.#closed = true;
        this.emit('gone');
        return;
      }
      this.emit('down', { code });
      if (code === CLOSE_TOKEN_EXPIRED) this.emit('tokenExpiring');
      this.#retry();
    };
  }

  #retry() {
    if (this.#closed) return;
    // Up to half of the wait is random, so that a restarted gateway is not met by everybody at once.
    const wait = this.#retryMs * (0.5 + Math.random() / 2);
    this.#retryMs = Math.min(this.#retryMs * 2, LAST_RETRY_MS);
    this.#retryTimer = setTimeout(() => this.#connect(), wait);
  }

  #receive(socket, text) {
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      return;
    }
    if (message.specversion) {
      socket.send(JSON.stringify({ ack: message.id }));
      if (this.#isRepeated(message.id)) return;
      this.#lastEventId = message.id;
      this.emit('event', message);
    } else if (message.type === 'gap') {
      this.emit('gap');
    } else if (message.type === 'ready') {
      this.#retryMs = FIRST_RETRY_MS;
      this.emit('open');
    } else if (message.type === 'token-expiring') {
      this.emit('tokenExpiring');
    }
  }

  /** After a break the gateway may send an event again. */
  #isRepeated(id) {
    if (this.#seenIds.has(id)) return true;
    this.#seenIds.add(id);
    if (this.#seenIds.size > REMEMBERED_IDS) this.#seenIds.delete(this.#seenIds.values().next().value);
    return false;
  }
}
