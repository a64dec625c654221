// Typed events for the SDK's objects. `on` returns its own `off`.
export class Emitter {
  #listeners = new Map();

  /** @param {string} name @param {(detail: any) => void} listener @returns {() => void} */
  on(name, listener) {
    let set = this.#listeners.get(name);
    if (!set) this.#listeners.set(name, (set = new Set()));
    set.add(listener);
    return () => set.delete(listener);
  }

  /** @param {string} name @param {(detail: any) => void} listener */
  once(name, listener) {
    const off = this.on(name, (detail) => {
      off();
      listener(detail);
    });
    return off;
  }

  /** A listener that throws must not keep the others from hearing. */
  emit(name, detail) {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      try {
        listener(detail);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
