import type { Transport } from './transport.js';

/** Credentials are renewed so long before their end: a call that starts now may restart ICE later. */
const SPARE_MS = 300_000;
const DEFAULT_LIFE_MS = 3_600_000;
const RETRY_MS = 60_000;
/** A call does not wait longer: without TURN most networks serve as well. */
const PATIENCE_MS = 1500;

/** The TURN and STUN servers that the gateway names, with credentials that are still good. @internal */
export class IceServers {
  readonly #transport: Transport;
  readonly #given: RTCIceServer[] | undefined;
  #known: RTCIceServer[] = [];
  #goodUntil = 0;
  #asked: Promise<void> | undefined;

  constructor(transport: Transport, given: RTCIceServer[] | undefined) {
    this.#transport = transport;
    this.#given = given;
  }

  async get(): Promise<RTCIceServer[]> {
    if (this.#given) return this.#given;
    if (Date.now() >= this.#goodUntil) {
      this.#asked ??= this.#ask().finally(() => {
        this.#asked = undefined;
      });
      await Promise.race([this.#asked, new Promise((resolve) => setTimeout(resolve, PATIENCE_MS))]);
    }
    return this.#known;
  }

  async #ask(): Promise<void> {
    try {
      const { iceServers, expiresAt } = await this.#transport.request('ice.servers', {});
      this.#known = iceServers;
      const life = expiresAt ? Date.parse(expiresAt) - Date.now() : DEFAULT_LIFE_MS;
      this.#goodUntil = Date.now() + Math.max(life - SPARE_MS, life / 2);
    } catch {
      // A gateway that names none, or a token without the scope: host candidates must do for now.
      this.#goodUntil = Date.now() + RETRY_MS;
    }
  }
}
