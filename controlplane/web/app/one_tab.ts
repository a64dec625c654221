// Calls ring in one tab of a browser: two would take the event channel from each other.
const LOCK = 'byon.phone';

/** Whose turn it is among the tabs of this browser. */
export class OneTab {
  #release: (() => void) | undefined;

  /** Told when another tab takes the phone over. */
  onLost: () => void = () => {};

  /** Tries to be the tab with the phone. @param options.takesOver away from another tab */
  async take({ takesOver = false } = {}): Promise<boolean> {
    if (this.#release || !navigator.locks) return true;
    return new Promise((resolve) => {
      const hold = (lock: Lock | null): Promise<void> | undefined => {
        resolve(lock !== null);
        return lock ? new Promise<void>((release) => (this.#release = release)) : undefined;
      };
      navigator.locks.request(LOCK, takesOver ? { steal: true } : { ifAvailable: true }, hold).catch(() => {
        // Stolen by another tab.
        this.#release = undefined;
        this.onLost();
      });
    });
  }

  /** Leaves the phone to other tabs. */
  leave(): void {
    this.#release?.();
    this.#release = undefined;
  }
}
