// A lab with Firefox in it, driven over WebDriver BiDi, with a PulseAudio of its own for ears and mouth: without an audio
// device its AudioContext never starts.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import puppeteer from 'puppeteer-core';
import { measureTones, steppedTones, writeWav } from '../../tools/lab/audio.mjs';
import { preparePage } from '../../tools/lab/browser.mjs';
import { Child } from '../../tools/lab/child_process.mjs';
import { Lab } from '../../tools/lab/lab.mjs';
import { assertRecorded, recordTraffic } from './page_traffic.mjs';

const FIREFOX = '/usr/bin/firefox-esr';

/** Why Firefox cannot be used here; undefined when it can. */
export function whyNoFirefox() {
  for (const program of [FIREFOX, '/usr/bin/pulseaudio', '/usr/bin/paplay']) if (!existsSync(program)) return `${program} is not installed`;
  return undefined;
}

/** Sound devices for one browser: what is played into "mic" is its microphone. */
class SoundDevices {
  #server;
  #player;

  async start(folder, microphone) {
    await mkdir(folder, { recursive: true });
    this.environment = { PULSE_SERVER: `unix:${folder}/pulse.sock`, HOME: folder, XDG_RUNTIME_DIR: folder };
    this.#server = new Child('pulseaudio', ['pulseaudio', '-n', '--daemonize=no', '--exit-idle-time=-1', '--log-level=notice',
      '-L', `module-native-protocol-unix auth-anonymous=1 socket=${folder}/pulse.sock`,
      '-L', 'module-null-sink sink_name=speaker rate=48000 channels=1', '-L', 'module-null-sink sink_name=mic rate=48000 channels=1',
      '-L', 'module-remap-source source_name=microphone master=mic.monitor'], { log: `${folder}/pulseaudio.log`, env: this.environment });
    const deadline = Date.now() + 8000;
    for (;;) {
      try {
        this.#control('set-default-sink', 'speaker');
        break;
      } catch (error) {
        if (Date.now() > deadline) throw new Error(`pulseaudio does not start: ${this.#server.tail()}`, { cause: error });
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
    this.#control('set-default-source', 'microphone');
    this.#player = new Child('paplay', ['sh', '-c', `while :; do paplay --device=mic "${microphone}" || exit; done`],
      { log: `${folder}/paplay.log`, env: this.environment });
  }
  #control(...command) {
    execFileSync('pactl', command, { env: { ...process.env, ...this.environment }, stdio: 'ignore', timeout: 3000 });
  }

  async stop() {
    await this.#player?.stop();
    await this.#server?.stop();
  }
}

/** The web client in Firefox, with the verbs of WebPhone that the tests here use. */
class FirefoxPhone {
  #page;

  constructor(page) {
    this.#page = page;
  }

  get page() {
    return this.#page;
  }

  async signIn(user) {
    await this.#click('login');
    await this.#page.waitForSelector('input[name=user]');
    await this.#page.type('input[name=user]', user);
    await this.#page.type('input[name=password]', user);
    await this.#page.evaluate(() => document.querySelector('form').requestSubmit());
  }
  async registered(timeout = 20_000) {
    await this.#page.waitForSelector('[data-testid="reg-state"][data-state="registered"]', { timeout });
  }
  async dial(number) {
    await this.#page.$eval('[data-testid="dial-number"]', (input, value) => (input.value = value), number);
    await this.#click('dial');
  }
  answer() {
    return this.#click('answer');
  }
  hangUp() {
    return this.#click('hangup');
  }
  async callState(states, timeout = 10_000) {
    await this.#page.waitForFunction((names) => names.includes(document.querySelector('[data-testid="call"]')?.dataset.state),
      { timeout, polling: 50 }, [states].flat());
  }
  async measure(milliseconds) {
    const text = await this.#page.evaluate((ms) => window.labRecord(window.byonPhone.calls.at(-1).remoteStream, ms), milliseconds);
    const bytes = Buffer.from(text, 'base64');
    return measureTones(new Int16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)), 48000);
  }
  async #click(id) {
    const selector = `[data-testid="${id}"]`;
    await this.#page.waitForSelector(selector);
    await this.#page.$eval(selector, (node) => node.click());
  }
}

export class FirefoxLab {
  #sound = new SoundDevices();

  static async start(options) {
    const it = new FirefoxLab();
    it.lab = await Lab.start(options);
    try {
      const microphone = writeWav(`${it.lab.dir}/microphone.wav`, 48000, steppedTones());
      await it.#sound.start(`${it.lab.dir}/sound`, microphone);
      it.browser = await puppeteer.launch({
        browser: 'firefox', executablePath: FIREFOX, headless: true, env: { ...process.env, ...it.#sound.environment },
        extraPrefsFirefox: {
          'media.navigator.permission.disabled': true, 'media.autoplay.default': 0, 'media.autoplay.blocking_policy': 0,
          'media.peerconnection.ice.obfuscate_host_addresses': false,
        },
      });
      const page = await it.browser.newPage();
      await page.evaluateOnNewDocument(preparePage);
      await page.evaluateOnNewDocument(recordTraffic);
      await page.evaluateOnNewDocument(() => {
        window.labViolations = [];
        document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => window.labViolations.push(`${violatedDirective} ${blockedURI}`));
      });
      await page.goto(`${it.lab.url}/`);
      it.web = new FirefoxPhone(page);
      await it.web.signIn('alice');
      await it.web.registered();
      return it;
    } catch (error) {
      await it.stop().catch(() => {});
      throw error;
    }
  }

  async stop() {
    const traffic = await this.web?.page.evaluate(() => window.labTraffic).catch(() => undefined);
    await this.browser?.close();
    await this.#sound.stop();
    await this.lab?.stop();
    if (traffic) assertRecorded(traffic);
  }
}
