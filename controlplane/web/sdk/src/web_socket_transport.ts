import { Emitter } from './emitter.js';
import { ByonError } from './error.js';
import { EventChannel, passOn } from './event_channel.js';
import type { OperationName, Operations } from './operations.js';
import { errorOfBody, type Transport, type TransportEvents, type TransportOptions } from './transport.js';

const ANSWER_MS = 15_000;
/** The gateway takes so many unanswered commands at a time. */
const MOST_UNANSWERED = 32;

interface Waiting {
  resolve: (result: unknown) => void;
  reject: (error: ByonError) => void;
  timer: ReturnType<typeof setTimeout>;
}

/**
 * Operations as commands over the event channel: one WebSocket for everything, no REST. The gateway must
 * know commands (its `ready` message lists them); one that does not is answered with `NOT_SUPPORTED`.
 */
export class WebSocketTransport extends Emitter<TransportEvents> implements Transport {
  readonly #options: TransportOptions;
  #channel: EventChannel | undefined;
  #waiting = new Map<string, Waiting>();
  #lastId = 0;

  constructor(options: TransportOptions) {
    super();
    this.#options = options;
  }

  async connect(deviceId: string): Promise<void> {
    if (this.#channel) return;
    const url = new URL(this.#options.gateway.replace(/\/+$/, '') + '/byon/v1/channels');
    url.protocol = url.protocol.replace('http', 'ws');
    const channel = new EventChannel({ url: url.href, getToken: this.#options.getToken, WebSocket: this.#options.WebSocket, deviceId });
    this.#channel = channel;
    channel.on('message', (message) => this.#takeAnswer(message));
    channel.on('down', () => this.#failAll('The connection to the gateway broke before the answer came.'));
    passOn(channel, (name, ...detail) => this.emit(name, ...detail));
    try {
      await channel.open();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  async request<Name extends OperationName>(
    name: Name,
    params: Operations[Name]['params'],
    ...[body]: Operations[Name]['body'] extends undefined ? [] : [Operations[Name]['body']]
  ): Promise<Operations[Name]['result']> {
    const channel = this.#channel;
    if (!channel) throw new ByonError('NOT_REGISTERED', 'The connection to the gateway is not open.');
    if (!channel.isReady) throw new ByonError('NETWORK', 'The gateway cannot be reached.');
    if (!channel.commands.has(name)) throw new ByonError('NOT_SUPPORTED', `The gateway does not know the command ${name}.`);
    if (this.#waiting.size >= MOST_UNANSWERED) throw new ByonError('TOO_MANY_REQUESTS', 'Too many commands wait for their answers.');
    const id = `r${++this.#lastId}`;
    return new Promise<unknown>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new ByonError('TIMEOUT', 'The gateway did not answer.'));
        channel.hurry();
      }, ANSWER_MS);
      this.#waiting.set(id, { resolve, reject, timer });
      channel.send({ id, command: name, ...(Object.keys(params).length > 0 ? { params } : {}), ...(body === undefined ? {} : { body }) });
    }) as Promise<Operations[Name]['result']>;
  }

  /** The connection carries the events too. */
  async listen(): Promise<void> {
    if (!this.#channel) throw new ByonError('NOT_REGISTERED', 'The connection to the gateway is not open.');
  }

  async renewToken(): Promise<void> {
    await this.#channel?.renewToken();
  }
  ping(): Promise<number> {
    return this.#channel?.ping() ?? Promise.reject(new ByonError('NOT_REGISTERED', 'The connection to the gateway is not open.'));
  }
  hurry(): void {
    this.#channel?.hurry();
  }
  close(): void {
    this.#channel?.close();
    this.#channel = undefined;
    this.#failAll('The connection to the gateway was closed.');
  }

  #takeAnswer({ id, status, body, retryAfter }: Record<string, unknown>): void {
    const waiting = typeof id === 'string' ? this.#waiting.get(id) : undefined;
    if (!waiting || typeof status !== 'number') return;
    this.#waiting.delete(id as string);
    clearTimeout(waiting.timer);
    if (status < 400) waiting.resolve(body);
    else waiting.reject(errorOfBody(status, body, retryAfter));
  }

  #failAll(message: string): void {
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      reject(new ByonError('NETWORK', message));
    }
    this.#waiting.clear();
  }
}
