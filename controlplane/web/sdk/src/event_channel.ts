import { Emitter } from './emitter.js';
import { ByonError } from './error.js';
import type { TransportEvents } from './transport.js';
import type { CloudEvent } from './wire.js';

const PROTOCOL = 'byon.events.v1';
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 15_000;
const OPEN_MS = 15_000;
const PING_MS = 20_000;
const PONG_MS = 8_000;
const REMEMBERED_IDS = 256;
/** Close codes of the gateway that mean more than a broken connection. */
const CLOSE = { tokenNotAccepted: 4401, forbidden: 4403, deleted: 4404, replaced: 4409 } as const;

/** @internal */
export interface EventChannelOptions {
  /** ws: or wss: URL. */
  url: string;
  getToken: () => Promise<string>;
  WebSocket?: typeof WebSocket | undefined;
  /** Where the URL names no channel: whose channel it shall be. */
  deviceId?: string | undefined;
}

interface ChannelEvents extends TransportEvents {
  /** Any other message of the gateway. */
  message: Record<string, unknown>;
}

/** Hands what the channel tells on to the transport that owns it. @internal */
export function passOn(
  channel: EventChannel,
  emit: <Name extends keyof TransportEvents>(
    name: Name, ...detail: TransportEvents[Name] extends undefined ? [] : [TransportEvents[Name]]
  ) => void,
): void {
  channel.on('event', (event) => emit('event', event));
  channel.on('up', () => emit('up'));
  channel.on('down', (detail) => emit('down', detail));
  channel.on('gap', () => emit('gap'));
  channel.on('gone', (detail) => emit('gone', detail));
  channel.on('tokenExpiring', () => emit('tokenExpiring'));
}

/**
 * The event channel: a WebSocket that carries CloudEvents, acknowledges each and resumes after a break
 * with the last one seen, so that no event is lost or handled twice. A connection that is silently dead
 * (a laptop that slept, a network that changed) is found by pings of its own.
 * @internal
 */
export class EventChannel extends Emitter<ChannelEvents> {
  readonly #options: EventChannelOptions;
  readonly #WebSocket: typeof WebSocket;
  #socket: WebSocket | undefined;
  #isReady = false;
  #lastEventId: string | undefined;
  #seenIds = new Set<string>();
  #retryMs = FIRST_RETRY_MS;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #pingTimer: ReturnType<typeof setTimeout> | undefined;
  #pongs: Array<() => void> = [];
  #isClosed = false;

  /** The commands that the gateway takes over this channel; empty before it is up. */
  commands: ReadonlySet<string> = new Set();

  constructor(options: EventChannelOptions) {
    super();
    this.#options = options;
    this.#WebSocket = options.WebSocket ?? globalThis.WebSocket;
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** Connects and keeps connecting until close(). Resolves when first up; rejects when that takes too long. */
  open(): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (code: string, message: string) => {
        clearTimeout(timer);
        this.close();
        reject(new ByonError(code, message));
      };
      const timer = setTimeout(() => fail('NETWORK', 'The event channel cannot be opened.'), OPEN_MS);
      this.once('up', () => {
        clearTimeout(timer);
        offs.forEach((off) => off());
        resolve();
      });
      const offs = [
        this.on('gone', ({ reason }) => fail('PERMISSION_DENIED', `The event channel is ${reason}.`)),
        this.on('down', ({ code }) => code === CLOSE.tokenNotAccepted && fail('UNAUTHENTICATED', 'The gateway does not accept the token.')),
      ];
      void this.#connect();
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#isReady = false;
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#pingTimer);
    this.#socket?.close(1000);
  }

  /** Sends a message of the channel. False when there is no connection. */
  send(message: object): boolean {
    if (this.#socket?.readyState !== this.#WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  /** Tells the gateway of a fresh access token, so that the channel outlives the old one. */
  async renewToken(): Promise<void> {
    const token = await this.#options.getToken();
    if (this.#isReady) this.send({ type: 'token', token });
  }

  /** Milliseconds to the gateway and back. */
  ping(): Promise<number> {
    const began = Date.now();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new ByonError('TIMEOUT', 'The gateway does not answer on the event channel.')), PONG_MS);
      this.#pongs.push(() => {
        clearTimeout(timer);
        resolve(Date.now() - began);
      });
      if (!this.#isReady || !this.send({ type: 'ping' })) {
        this.#pongs.pop();
        clearTimeout(timer);
        reject(new ByonError('NETWORK', 'The event channel is not connected.'));
      }
    });
  }

  /** The network has changed: connect now instead of after the wait; find out whether the connection still lives. */
  hurry(): void {
    if (this.#isClosed) return;
    this.#retryMs = FIRST_RETRY_MS;
    if (this.#isReady) {
      this.#probe();
    } else if (!this.#socket) {
      clearTimeout(this.#retryTimer);
      void this.#connect();
    }
  }

  async #connect(): Promise<void> {
    if (this.#isClosed) return;
    let token: string;
    try {
      token = await this.#options.getToken();
    } catch {
      this.#retry();
      return;
    }
    if (this.#isClosed) return;
    const socket = new this.#WebSocket(this.#options.url, [PROTOCOL]);
    this.#socket = socket;
    socket.onopen = () => {
      const { deviceId } = this.#options;
      socket.send(JSON.stringify({ type: 'auth', token, ...(deviceId ? { deviceId } : {}) }));
      if (this.#lastEventId) socket.send(JSON.stringify({ resume: this.#lastEventId }));
    };
    socket.onmessage = ({ data }) => this.#receive(socket, String(data));
    socket.onclose = ({ code }) => this.#lose(socket, code);
  }

  #lose(socket: WebSocket, code: number): void {
    if (socket !== this.#socket) return;
    this.#socket = undefined;
    this.#isReady = false;
    clearTimeout(this.#pingTimer);
    if (this.#isClosed) return;
    const reason = code === CLOSE.deleted ? 'deleted' : code === CLOSE.replaced ? 'replaced' : code === CLOSE.forbidden ? 'forbidden' : undefined;
    if (reason) {
      this.#isClosed = true;
      this.emit('gone', { reason });
      return;
    }
    this.emit('down', { code });
    if (code === CLOSE.tokenNotAccepted) this.emit('tokenExpiring');
    this.#retry();
  }

  #retry(): void {
    if (this.#isClosed) return;
    // Up to half of the wait is random, so that a restarted gateway is not met by everybody at once.
    const wait = this.#retryMs * (0.5 + Math.random() / 2);
    this.#retryMs = Math.min(this.#retryMs * 2, LAST_RETRY_MS);
    this.#retryTimer = setTimeout(() => void this.#connect(), wait);
  }

  #schedulePing(): void {
    clearTimeout(this.#pingTimer);
    this.#pingTimer = setTimeout(() => this.#probe(), PING_MS);
  }
  /** A dead connection is left without waiting for the operating system to notice. */
  #probe(): void {
    const socket = this.#socket;
    this.ping().then(
      () => this.#isReady && this.#schedulePing(),
      () => {
        if (!socket || socket !== this.#socket) return;
        socket.onclose = socket.onmessage = null;
        socket.close();
        this.#lose(socket, 1006);
      },
    );
  }

  #receive(socket: WebSocket, text: string): void {
    let message: Record<string, unknown>;
    try {
      message = JSON.parse(text) as Record<string, unknown>;
    } catch {
      return;
    }
    if (typeof message !== 'object' || message === null) return;
    if (message['specversion']) {
      const event = message as unknown as CloudEvent;
      socket.send(JSON.stringify({ ack: event.id }));
      if (this.#isRepeated(event.id)) return;
      this.#lastEventId = event.id;
      this.emit('event', event);
      return;
    }
    switch (message['type']) {
      case 'ready':
        this.#retryMs = FIRST_RETRY_MS;
        this.#isReady = true;
        this.commands = new Set(Array.isArray(message['commands']) ? (message['commands'] as string[]) : []);
        this.#schedulePing();
        this.emit('up');
        break;
      case 'gap':
        this.emit('gap');
        break;
      case 'token-expiring':
        this.emit('tokenExpiring');
        break;
      case 'pong':
        for (const answered of this.#pongs.splice(0)) answered();
        break;
      default:
        this.emit('message', message);
    }
  }

  /** After a break the gateway may send an event again. */
  #isRepeated(id: string): boolean {
    if (this.#seenIds.has(id)) return true;
    this.#seenIds.add(id);
    if (this.#seenIds.size > REMEMBERED_IDS) this.#seenIds.delete(this.#seenIds.values().next().value as string);
    return false;
  }
}
