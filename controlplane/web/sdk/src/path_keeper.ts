import { Emitter } from './emitter.js';

/** An interruption shorter than this heals by itself more often than not. */
const PATIENCE_MS = 2000;
/** Between two restarts. They grow, and no two browsers' are the same: a gateway that comes back shall not meet all calls at once. */
const FIRST_PAUSE_MS = 2000;
const LONGEST_PAUSE_MS = 5000;
const PAUSE_GROWTH = 1.5;
const PAUSE_SPREAD = 0.2;
/** A path that holds for so long is sound: the pauses begin anew. One that comes and goes does not get a restart each time. */
const STEADY_MS = 10_000;
/** The gateway gives up a browser that does not answer for 30 s (consent, RFC 7675 section 5.1). */
const GIVE_UP_MS = 30_000;

interface PathKeeperEvents {
  lost: undefined;
  back: undefined;
  /** The path did not come back in time. */
  givenUp: undefined;
}

export interface PathKeeperOptions {
  /** Restarts ICE; rejects when that was not possible: the gateway cannot be reached, or is at another change of the call. */
  restart: () => Promise<void>;
  /** Whether the call stands so that ICE can be restarted. */
  mayRestart: () => boolean;
}

/**
 * Keeps a call's path to the gateway: notices its loss, restarts ICE until it is back or half a minute is over. Restarts are
 * spaced, whatever asks for them: there are at most ten in that time. Only this side restarts; the gateway, being ICE-lite with
 * a known address, offers nothing in mid-call.
 * @internal
 */
export class PathKeeper extends Emitter<PathKeeperEvents> {
  readonly #options: PathKeeperOptions;
  #isLost = false;
  #isRestarting = false;
  #mustRestartAgain = false;
  #restartTimer: ReturnType<typeof setTimeout> | undefined;
  #giveUpTimer: ReturnType<typeof setTimeout> | undefined;
  #steadyTimer: ReturnType<typeof setTimeout> | undefined;
  #pauseMs = FIRST_PAUSE_MS;
  #notBefore = 0;
  #isClosed = false;

  constructor(options: PathKeeperOptions) {
    super();
    this.#options = options;
  }

  /** What the peer connection says of the path. */
  pathIs(path: 'connected' | 'lost' | 'failed'): void {
    if (this.#isClosed) return;
    clearTimeout(this.#steadyTimer);
    if (path === 'connected') {
      clearTimeout(this.#restartTimer);
      clearTimeout(this.#giveUpTimer);
      this.#steadyTimer = setTimeout(() => (this.#pauseMs = FIRST_PAUSE_MS), STEADY_MS);
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
    clearTimeout(this.#steadyTimer);
  }

  #restartIn(milliseconds: number): void {
    if (this.#isClosed) return;
    clearTimeout(this.#restartTimer);
    const wait = Math.max(milliseconds, this.#notBefore - Date.now());
    this.#restartTimer = setTimeout(() => void this.#restart(), wait);
  }
  /** No restart for a while from now on, and for a longer one the next time. */
  #pause(): void {
    this.#notBefore = Date.now() + this.#pauseMs * (1 + PAUSE_SPREAD * (2 * Math.random() - 1));
    this.#pauseMs = Math.min(this.#pauseMs * PAUSE_GROWTH, LONGEST_PAUSE_MS);
  }

  async #restart(): Promise<void> {
    if (this.#isClosed) return;
    if (this.#isRestarting) {
      this.#mustRestartAgain = true;
      return;
    }
    if (!this.#options.mayRestart()) {
      // Before the answer there is nothing to restart with: the call ends when the path stays lost.
      if (this.#isLost) this.#restartIn(FIRST_PAUSE_MS);
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
    this.#pause();
    if (mustTryAgain || this.#mustRestartAgain || this.#isLost) this.#restartIn(0);
    this.#mustRestartAgain = false;
  }

  #giveUp(): void {
    if (this.#isClosed) return;
    this.close();
    this.emit('givenUp');
  }
}
