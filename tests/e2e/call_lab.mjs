// A lab with a browser in it: the web client signed in as alice, ready to call.
import assert from 'node:assert/strict';
import { launchChromium, WebPhone } from '../../tools/lab/browser.mjs';
import { measureFile, steppedTones, toneFault, writeWav } from '../../tools/lab/audio.mjs';
import { Lab, USERS } from '../../tools/lab/lab.mjs';
import { watchPages } from './page_traffic.mjs';

const TRIES = 3;
const LISTEN_MS = 4000;

/**
 * Listens until the stepped tones are heard well, three times at most: a machine that has something else to do for a
 * moment is no fault of the gateway's. Gaps are tested where they matter, by the phone's own clock.
 * @param {() => Promise<object[]>} measure measurements of all that listen, made at the same time
 * @param {object} [limits] of toneFault()
 */
export async function assertTones(measure, limits) {
  for (let attempt = 1; ; ++attempt) {
    const faults = (await measure()).map((measured) => toneFault(measured, limits));
    if (faults.every((fault) => fault === undefined)) return;
    if (attempt === TRIES) assert.fail(`what is heard, ${TRIES} times in a row: ${faults.map((fault) => fault ?? 'good').join(' | ')}`);
  }
}

/**
 * Chromium with the stepped tones as its microphone; what its pages and the gateway say to each other is checked.
 * @param {object} lab @param {{flags?: string[]}} [options] flags: more of Chromium's
 */
export async function openBrowser(lab, options) {
  return watchPages(await launchChromium({ microphone: writeWav(`${lab.dir}/microphone.wav`, 48000, steppedTones()), ...options }));
}

export class CallLab {
  /** @param {object} [options] of Lab.start() */
  static async start(options) {
    const it = new CallLab();
    it.lab = await Lab.start(options);
    try {
      it.browser = await openBrowser(it.lab);
      it.web = await it.openWebPhone('alice');
      return it;
    } catch (error) {
      await it.stop().catch(() => {});
      throw error;
    }
  }

  /** Another tab, signed in and registered. */
  async openWebPhone(user) {
    const { relay, url } = this.lab;
    const web = await WebPhone.open(this.browser, `${url}/`, { detour: relay && ((sdp) => relay.detour(sdp)) });
    await web.signIn(user);
    await web.registered();
    return web;
  }

  /** The page calls a phone, which rings. @returns what the phone says of the INVITE */
  async ring(phone, web = this.web) {
    phone.forget();
    await web.dial(phone.number);
    const incoming = await phone.waitFor('incoming');
    await web.callState(['ringing', 'earlyMedia']);
    return incoming;
  }
  /** The page calls a phone, which answers. */
  async connectTo(phone, web = this.web) {
    const incoming = await this.ring(phone, web);
    phone.send('answer');
    await web.callState('connected');
    return incoming;
  }
  /** A phone calls the page, which answers. */
  async connectFrom(phone, number = USERS.alice) {
    phone.call(number);
    await this.web.callState('ringing');
    await phone.waitFor('ringing');
    await this.web.answer();
    const answered = await phone.waitFor(['answered', 'failed']);
    assert.equal(answered.event, 'answered', JSON.stringify(answered));
    await this.web.callState('connected');
    return answered;
  }
  /** Page and phone hear each other's tones. @param {object} [limits] of toneFault() */
  async assertTonesBothWays(phone, limits) {
    const file = `${this.lab.dir}/heard-by-phone.wav`;
    await assertTones(async () => {
      const [inBrowser] = await Promise.all([this.web.measure(LISTEN_MS), phone.record(file, LISTEN_MS)]);
      return [inBrowser, measureFile(file)];
    }, limits);
  }

  async stop() {
    try {
      await this.browser?.close();
    } finally {
      await this.lab?.stop();
    }
  }
}
