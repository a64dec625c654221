// Calls ring in one tab of a browser: two would take the event channel from each other.
const LOCK = 'byon.phone';
const PATIENCE_MS = 4_000;

/** Whose turn it is among the tabs of this browser. */
export class OneTab {
  readonly #wishes = new BroadcastChannel(LOCK);
  #release: (() => void) | undefined;

  /** Asked to give the phone to another tab, which has it when this resolves; or it was taken already. */
  onLost: () => Promise<void> = () => Promise.resolve();

  constructor() {
    this.#wishes.onmessage = () => {
      if (this.#release) void this.onLost().finally(() => this.leave());
    };
  }

  /** Tries to be the tab with the phone. @param options.takesOver away from another tab, which is given time to leave */
  async take({ takesOver = false } = {}): Promise<boolean> {
    if (this.#release || !navigator.locks) return true;
    if (!takesOver) return this.#request({ ifAvailable: true });
    this.#wishes.postMessage('wanted');
    // A tab that the browser has put to sleep hears nothing.
    return (await this.#request({ signal: AbortSignal.timeout(PATIENCE_MS) })) || this.#request({ steal: true });
  }

  /** Leaves the phone to other tabs. */
  leave(): void {
    this.#release?.();
    this.#release = undefined;
  }

  #request(options: LockOptions): Promise<boolean> {
    return new Promise((resolve) => {
      const hold = (lock: Lock | null): Promise<void> | undefined => {
        resolve(lock !== null);
        return lock ? new Promise<void>((release) => (this.#release = release)) : undefined;
      };
      navigator.locks.request(LOCK, options, hold).catch(() => {
        resolve(false);
        // Stolen by another tab.
        if (this.#release) void this.onLost();
        this.#release = undefined;
      });
    });
  }
}
