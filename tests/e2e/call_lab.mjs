// A lab with a browser in it: the web client signed in as alice, ready to call.
import assert from 'node:assert/strict';
import { launchChromium, WebPhone } from '../../tools/lab/browser.mjs';
import { steppedTones, toneFault, writeWav } from '../../tools/lab/audio.mjs';
import { Lab } from '../../tools/lab/lab.mjs';
import { PageTraffic } from './page_traffic.mjs';

const TRIES = 3;

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

export class CallLab {
  /** What the pages and the gateway said to each other. */
  traffic = [];

  /** @param {object} [options] of Lab.start() */
  static async start(options) {
    const it = new CallLab();
    it.lab = await Lab.start(options);
    try {
      it.browser = await launchChromium({ microphone: writeWav(`${it.lab.dir}/microphone.wav`, 48000, steppedTones()) });
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
    this.traffic.push(new PageTraffic(web.page));
    await web.signIn(user);
    await web.registered();
    return web;
  }

  async stop() {
    await this.browser?.close();
    await this.lab?.stop();
    const faults = this.traffic.flatMap(({ faults: found, requests, messages }) => (requests + messages > 0 ? found : ['a page that said nothing']));
    if (faults.length > 0) throw new Error(`page and gateway spoke as no document says:\n${[...new Set(faults)].join('\n')}`);
  }
}
