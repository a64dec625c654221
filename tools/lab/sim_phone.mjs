// A SIM phone (byon-simphone) as an object: commands are methods, events are awaited.
import { Child } from './child_process.mjs';

export class SimPhone {
  #child;
  #onMediaPath;
  #events = [];
  #waiters = new Set();

  /**
   * @param {string} number
   * @param {{program: string, log: string, localIp: string, pcscf: string, domain?: string, flags?: string[],
   *   namespace?: string, mediaIp?: string, onMediaPath?: (path: object) => void}} options
   */
  constructor(number, { program, log, localIp, pcscf, domain = 'ims.test', flags = [], namespace, mediaIp, onMediaPath }) {
    this.number = number;
    this.localIp = localIp;
    this.#onMediaPath = onMediaPath;
    const command = [program, '--number', number, '--password', `pw${number}`, '--domain', domain,
      '--pcscf', `${pcscf}:5060`, '--local-ip', localIp, ...(mediaIp ? ['--media-ip', mediaIp] : []), ...flags];
    this.#child = new Child(`phone ${number}`, command, { log, namespace });
    this.#child.onLine((line) => {
      if (line?.startsWith('{')) this.#take(JSON.parse(line));
      if (line === undefined) this.#take({ event: 'process_ended' });
    });
  }

  /** All events so far. */
  get events() {
    return this.#events;
  }
  get child() {
    return this.#child;
  }

  /** @param {string} cmd see tools/simphone/README.md */
  send(cmd, parameters = {}) {
    this.#child.write(`${JSON.stringify({ cmd, ...parameters })}\n`);
  }

  /** Forgets all events so far: waitFor() gives out only what comes from now on. */
  forget() {
    for (const event of this.#events) event.taken = true;
  }
  /** Calls; earlier events are forgotten. */
  call(to, parameters = {}) {
    this.forget();
    this.send('call', { to, ...parameters });
  }

  /**
   * The first event of this name, past or future, that fits; each event is given out once.
   * @param {string | string[]} name
   * @param {{timeoutMs?: number, where?: (event: object) => boolean}} [options]
   */
  waitFor(name, { timeoutMs = 20_000, where = () => true } = {}) {
    const names = [name].flat();
    const fits = (event) => !event.taken && names.includes(event.event) && where(event);
    return new Promise((resolve, reject) => {
      const known = this.#events.find(fits);
      if (known) {
        known.taken = true;
        return resolve(known);
      }
      const waiter = (event) => {
        if (!fits(event) && event.event !== 'process_ended') return;
        event.taken = true;
        finish();
        if (fits({ ...event, taken: false })) resolve(event);
        else reject(new Error(`phone ${this.number} ended while waiting for ${names}:\n${this.#child.tail()}`));
      };
      const finish = () => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
      };
      const timer = setTimeout(() => {
        finish();
        const seen = this.#events.map(({ event, code }) => (code ? `${event}(${code})` : event)).join(' ');
        reject(new Error(`phone ${this.number}: no ${names} in ${timeoutMs} ms; it saw: ${seen}`));
      }, timeoutMs);
      this.#waiters.add(waiter);
    });
  }

  async registered() {
    const event = await this.waitFor(['registered', 'registration_failed', 'ready']);
    if (event.event === 'registration_failed') {
      throw new Error(`phone ${this.number} cannot register: ${event.code} ${event.phrase}`);
    }
    return event;
  }

  /** Media statistics of the newest call, now. */
  async stats({ resetGap = false, call } = {}) {
    for (const event of this.#events) if (event.event === 'media_stats') event.taken = true;
    this.send('stats', { reset_gap: resetGap, ...(call ? { call } : {}) });
    return this.waitFor('media_stats');
  }

  /** Records what it hears for some time; resolves with the file. */
  async record(file, milliseconds) {
    await this.recordTimed(file, milliseconds);
    return file;
  }
  /** The same; resolves with the time at which the file starts, in ms since 1970. */
  async recordTimed(file, milliseconds) {
    for (const event of this.#events) if (event.event === 'recording') event.taken = true;
    this.send('record', { file });
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    this.send('stop_recording');
    await this.waitFor('recorded');
    return (await this.waitFor('recording')).time_ms;
  }

  async policy(parameters) {
    this.send('policy', parameters);
    await this.waitFor('policy');
  }

  async stop() {
    if (this.#child.isRunning) this.send('quit');
    const late = await Promise.race([this.#child.exit, new Promise((r) => setTimeout(r, 4000, 'late').unref())]);
    if (late === 'late') await this.#child.stop();
  }

  #take(event) {
    if (event.event === 'media_path') this.#onMediaPath?.(event);
    this.#events.push(event);
    for (const waiter of [...this.#waiters]) waiter(event);
  }
}
