import { statusOf } from './error.js';
import type { Transport } from './transport.js';
import type { CloudEvent, Message } from './wire.js';

const PREFIX = 'org.byon-gateway.events.v1.message-';
const REMEMBERED = 256;

/** How to send a message. */
export interface MessageOptions {
  /** Asks the receiver for a notification; not every telephone gives one. */
  deliveryReport?: boolean;
}

/** Which messages to list, newest first. */
export interface MessageQuery {
  /** Only those with this number or address. */
  peer?: string;
  /** Only those older than this one. */
  before?: string;
  /** 1 to 100; default 50. */
  limit?: number;
}

/** Tells each message once, whether it comes as an event or is found after a break. @internal */
export class Inbox {
  readonly #transport: Transport;
  readonly #seen = new Set<string>();
  readonly #received: (message: Message) => void;
  readonly #changed: (message: Message) => void;

  constructor(transport: Transport, received: (message: Message) => void, changed: (message: Message) => void) {
    this.#transport = transport;
    this.#received = received;
    this.#changed = changed;
  }

  handle({ type, data }: CloudEvent): void {
    if (type === `${PREFIX}received`) this.#take(data as Message);
    else if (type === `${PREFIX}status`) this.#changed(data as Message);
  }

  /** After events were lost. Where messages are not offered, or not to this token, there is nothing to find. */
  async recover(): Promise<void> {
    try {
      const messages = await this.#transport.request('message.list', {});
      for (const message of messages.reverse()) if (message.state === 'received') this.#take(message);
    } catch (error) {
      if (![403, 404, 405].includes(statusOf(error))) throw error;
    }
  }

  #take(message: Message): void {
    if (this.#seen.has(message.messageId)) return;
    this.#seen.add(message.messageId);
    if (this.#seen.size > REMEMBERED) this.#seen.delete(this.#seen.values().next().value as string);
    this.#received(message);
  }
}
