// Programs of the lab: started with a log file, watched, stopped by signal and then by force.
import { spawn } from 'node:child_process';
import { createWriteStream, existsSync } from 'node:fs';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

/** Dies with the process that started it, whatever way that goes. */
const DIE_WITH_PARENT = existsSync('/usr/bin/setpriv') ? ['/usr/bin/setpriv', '--pdeathsig', 'TERM', '--'] : [];

export class Child {
  #process;
  #lines = [];
  #listeners = new Set();
  #rest = { out: '', error: '' };
  exit;

  /**
   * @param {string} name for messages
   * @param {string[]} command
   * @param {{log: string, cwd?: string, env?: object, namespace?: string}} options
   */
  constructor(name, command, { log, cwd, env, namespace }) {
    this.name = name;
    this.log = log;
    const inside = namespace ? ['ip', 'netns', 'exec', namespace] : [];
    const [program, ...args] = [...inside, ...DIE_WITH_PARENT, ...command];
    const file = createWriteStream(log, { flags: 'a' });
    this.#process = spawn(program, args, { cwd, env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
    this.#process.stderr.pipe(file, { end: false });
    this.#process.stderr.setEncoding('utf8').on('data', (text) => this.#take('error', text));
    this.#process.stdout.pipe(file, { end: false });
    this.#process.stdout.setEncoding('utf8').on('data', (text) => this.#take('out', text));
    this.#process.stdin.on('error', () => {});
    this.exit = new Promise((resolve) => {
      this.#process.on('error', (error) => resolve({ error }));
      this.#process.on('exit', (code, signal) => resolve({ code, signal }));
    });
    this.exit.then((result) => {
      this.result = result;
      for (const listener of this.#listeners) listener(undefined);
    });
  }

  get pid() {
    return this.#process.pid;
  }
  get isRunning() {
    return this.result === undefined;
  }

  write(text) {
    this.#process.stdin.write(text);
  }

  /** Every line of standard output and error, from the beginning on; undefined when the process ended. */
  onLine(listener) {
    for (const line of this.#lines) listener(line);
    if (this.result) listener(undefined);
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The first line that matches. Rejects with the end of the log when the process ends or time is up. */
  waitForLine(pattern, timeoutMs = 20_000) {
    return new Promise((resolve, reject) => {
      let off = () => {};
      const fail = (why) => {
        finish();
        reject(new Error(`${this.name} ${why}; its last lines (${this.log}):\n${this.tail()}`));
      };
      const timer = setTimeout(() => fail(`did not say ${pattern} in ${timeoutMs} ms`), timeoutMs);
      const finish = () => {
        clearTimeout(timer);
        off();
      };
      off = this.onLine((line) => {
        if (line === undefined) return queueMicrotask(() => fail(`ended with ${JSON.stringify(this.result)}`));
        const match = pattern.exec(line);
        if (!match) return;
        queueMicrotask(finish);
        resolve(match);
      });
    });
  }

  tail(count = 25) {
    return this.#lines.slice(-count).join('\n');
  }

  signal(name) {
    if (this.isRunning) process.kill(this.pid, name);
  }

  /** SIGTERM, and SIGKILL when that does not help. */
  async stop(patienceMs = 5000) {
    if (this.isRunning) {
      this.signal('SIGTERM');
      const late = await Promise.race([this.exit, delay(patienceMs, 'late', { ref: false })]);
      if (late === 'late') this.signal('SIGKILL');
    }
    return this.exit;
  }

  #take(stream, text) {
    const lines = (this.#rest[stream] + text).split('\n');
    this.#rest[stream] = lines.pop();
    for (const line of lines) {
      this.#lines.push(line);
      if (this.#lines.length > 2000) this.#lines.shift();
      for (const listener of [...this.#listeners]) listener(line);
    }
  }
}

/** Runs a command to its end; throws with what it said when it fails. */
export async function run(command, { input, namespace } = {}) {
  const [program, ...args] = namespace ? ['ip', 'netns', 'exec', namespace, ...command] : command;
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (data) => (output += data));
  child.stderr.on('data', (data) => (output += data));
  child.stdin.on('error', () => {});
  child.stdin.end(input ?? '');
  const [code] = await Promise.race([once(child, 'close'), once(child, 'error').then(([e]) => { throw e; })]);
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}: ${output.trim()}`);
  return output;
}
