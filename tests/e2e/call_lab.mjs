// A lab with a browser in it: the web client signed in as alice, ready to call.
import { launchChromium, WebPhone } from '../../tools/lab/browser.mjs';
import { steppedTones, writeWav } from '../../tools/lab/audio.mjs';
import { Lab } from '../../tools/lab/lab.mjs';

export class CallLab {
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
    const web = await WebPhone.open(this.browser, `${this.lab.url}/`);
    await web.signIn(user);
    await web.registered();
    return web;
  }

  async stop() {
    await this.browser?.close();
    await this.lab?.stop();
  }
}
