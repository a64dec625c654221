import { ByonError } from './error.js';

/** Takes an event's detail. */
export type Listener<Detail> = (detail: Detail) => void;

/** Typed events for the SDK's objects. `Events` maps each name to what its listeners are given. */
export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<Listener<never>>>();

  /** Calls the listener at every event of this name. Returns a function that ends it. */
  on<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): () => void {
    let set = this.#listeners.get(name);
    if (!set) this.#listeners.set(name, (set = new Set()));
    set.add(listener);
    return () => this.off(name, listener);
  }

  /** Ends what `on` began. */
  off<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): void {
    this.#listeners.get(name)?.delete(listener);
  }

  /** Calls the listener at the next event of this name only. Returns a function that ends it. */
  once<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): () => void {
    const off = this.on(name, (detail) => {
      off();
      listener(detail);
    });
    return off;
  }

  /**
   * The next event of this name. Rejects with `ABORTED` when the signal says so first.
   * @example await call.next('connected', { signal: AbortSignal.timeout(30_000) });
   */
  next<Name extends keyof Events>(name: Name, { signal }: { signal?: AbortSignal } = {}): Promise<Events[Name]> {
    return new Promise((resolve, reject) => {
      const aborted = () => {
        off();
        reject(new ByonError('ABORTED', `Nobody waits for "${String(name)}" any more.`, { cause: signal?.reason }));
      };
      const off = this.once(name, (detail) => {
        signal?.removeEventListener('abort', aborted);
        resolve(detail);
      });
      if (signal?.aborted) aborted();
      else signal?.addEventListener('abort', aborted, { once: true });
    });
  }

  /** A listener that throws must not keep the others from hearing. @internal */
  protected emit<Name extends keyof Events>(
    name: Name,
    ...detail: Events[Name] extends undefined ? [] : [Events[Name]]
  ): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      try {
        (listener as Listener<unknown>)(detail[0]);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
