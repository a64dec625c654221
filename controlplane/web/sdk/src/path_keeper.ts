import { Emitter } from './emitter.js';

/** An interruption shorter than this heals by itself more often than not. */
const PATIENCE_MS = 2000;
const RETRY_MS = 3000;
/** The gateway gives up a browser that does not answer for 30 s (consent, RFC 7675 section 5.1). */
const GIVE_UP_MS = 30_000;

interface PathKeeperEvents {
  lost: undefined;
  back: undefined;
  /** The path did not come back in time. */
  givenUp: undefined;
}

export interface PathKeeperOptions {
  /** Restarts ICE; rejects when that was not possible, e.g. because the gateway cannot be reached. */
  restart: () => Promise<void>;
  /** Whether the call stands so that ICE can be restarted. */
  mayRestart: () => boolean;
}

/** Keeps a call's path to the gateway: notices its loss, restarts ICE until it is back or half a minute is over. @internal */
export class PathKeeper extends Emitter<PathKeeperEvents> {
  readonly #options: PathKeeperOptions;
  #isLost = false;
  #isRestarting = false;
  #mustRestartAgain = false;
  #restartTimer: ReturnType<typeof setTimeout> | undefined;
  #giveUpTimer: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;

  constructor(options: PathKeeperOptions) {
    super();
    this.#options = options;
  }

  /** What the peer connection says of the path. */
  pathIs(path: 'connected' | 'lost' | 'failed'): void {
    if (this.#isClosed) return;
    if (path === 'connected') {
      clearTimeout(this.#restartTimer);
      clearTimeout(this.#giveUpTimer);
      if (!this.#isLost) return;
      this.#isLost = false;
      this.emit('back');
      return;
    }
    if (!this.#isLost) {
      this.#isLost = true;
      this.#giveUpTimer = setTimeout(() => this.#giveUp(), GIVE_UP_MS);
      this.emit('lost');
    }
    // A path that failed does not come back by itself.
    this.#restartIn(path === 'failed' ? 0 : PATIENCE_MS);
  }

  /** The network has changed: the old path is as good as lost. */
  restartNow(): void {
    this.#restartIn(0);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#restartTimer);
    clearTimeout(this.#giveUpTimer);
  }

  #restartIn(milliseconds: number): void {
    if (this.#isClosed) return;
    clearTimeout(this.#restartTimer);
    this.#restartTimer = setTimeout(() => void this.#restart(), milliseconds);
  }

  async #restart(): Promise<void> {
    if (this.#isClosed) return;
    if (this.#isRestarting) {
      this.#mustRestartAgain = true;
      return;
    }
    if (!this.#options.mayRestart()) {
      // Before the answer there is nothing to restart with: the call ends when the path stays lost.
      if (this.#isLost) this.#restartIn(RETRY_MS);
      return;
    }
    this.#isRestarting = true;
    let mustTryAgain = false;
    try {
      await this.#options.restart();
    } catch {
      mustTryAgain = true;
    }
    this.#isRestarting = false;
    if (mustTryAgain || this.#mustRestartAgain || this.#isLost) this.#restartIn(this.#mustRestartAgain ? 0 : RETRY_MS);
    this.#mustRestartAgain = false;
  }

  #giveUp(): void {
    if (this.#isClosed) return;
    this.close();
    this.emit('givenUp');
  }
}
