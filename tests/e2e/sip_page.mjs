// JsSIP and SIP.js, unmodified from npm, in a page of the lab's browser, driven with the same few verbs.
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { measureTones } from '../../tools/lab/audio.mjs';
import { preparePage } from '../../tools/lab/browser.mjs';

const HERE = fileURLToPath(new URL('.', import.meta.url));
let bundled;

/** Both libraries and their drivers as one script. */
function bundle() {
  bundled ??= build({
    stdin: { contents: 'export * from "./sip_drivers.mjs";', resolveDir: HERE },
    bundle: true, format: 'iife', globalName: 'labSip', platform: 'browser', write: false, logLevel: 'error',
  }).then(({ outputFiles }) => outputFiles[0].text);
  return bundled;
}

/** A SIP client in a tab of its own. */
export class SipPage {
  #context;
  #page;
  errors = [];

  /**
   * @param {object} browser of launchChromium()
   * @param {string} url of the gateway
   * @param {{library: 'JsSIP'|'SIP.js', number: string, token?: string, password?: string, domain?: string}} account
   */
  static async open(browser, url, account) {
    const it = new SipPage();
    it.#context = await browser.newContext({ bypassCSP: true, permissions: ['microphone'] });
    it.#page = await it.#context.newPage();
    await it.#page.addInitScript(preparePage);
    it.#page.on('pageerror', (error) => it.errors.push(error.message));
    await it.#page.goto(`${url}/livez`);
    await it.#page.addScriptTag({ content: await bundle() });
    const socket = `${url.replace(/^http/, 'ws')}/sip`;
    await it.#page.evaluate((options) => {
      window.phone = new window.labSip.drivers[options.library](options);
    }, { domain: 'ims.test', socket, ...account });
    return it;
  }

  get page() {
    return this.#page;
  }
  close() {
    return this.#context.close();
  }

  /** Calls a verb of the driver. */
  do(verb, ...values) {
    return this.#page.evaluate(([name, parameters]) => window.phone[name](...parameters), [verb, values]);
  }

  /** The next event of this name; each is given out once. */
  async waitFor(name, timeout = 15_000) {
    try {
      const handle = await this.#page.waitForFunction((wanted) => {
        const index = window.phone.events.findIndex((event) => wanted.includes(event.name));
        return index < 0 ? undefined : window.phone.events.splice(index, 1)[0];
      }, [name].flat(), { timeout, polling: 20 });
      return await handle.jsonValue();
    } catch (cause) {
      const seen = await this.#page.evaluate(() => JSON.stringify(window.phone.events)).catch(() => 'page gone');
      throw new Error(`no ${name} in ${timeout} ms; events: ${seen} ${this.errors.join('; ')}`, { cause });
    }
  }
  forget() {
    return this.#page.evaluate(() => window.phone.events.splice(0));
  }

  /** What is heard, measured. */
  async measure(milliseconds) {
    const text = await this.#page.evaluate((ms) => window.labRecord(window.phone.remoteStream(), ms), milliseconds);
    const bytes = Buffer.from(text, 'base64');
    return measureTones(new Int16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)), 48000);
  }
}
