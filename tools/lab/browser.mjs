// Chromium on the gateway's own web page: what a user does, and what he hears.
import { chromium } from 'playwright-core';
import { measureTones } from './audio.mjs';

const CHROMIUM = '/usr/bin/chromium';
const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage', '--use-fake-ui-for-media-stream',
  '--use-fake-device-for-media-stream', '--autoplay-policy=no-user-gesture-required',
  // 127.0.0.1 as a candidate of the browser's own: a machine may have no other address.
  '--allow-loopback-in-peer-connection',
  // Pages in the background are pages of the same test.
  '--disable-background-timer-throttling', '--disable-renderer-backgrounding', '--disable-backgrounding-occluded-windows',
];

/** @param {{microphone: string, flags?: string[]}} options `microphone`: a WAV file (48 kHz, mono), looped */
export function launchChromium({ microphone, flags = [] }) {
  return chromium.launch({
    executablePath: CHROMIUM, headless: true, args: [...FLAGS, `--use-file-for-fake-audio-capture=${microphone}`, ...flags],
  });
}

/** Runs in the page before everything else. */
export function preparePage() {
  const { mediaDevices } = navigator;
  if (mediaDevices) {
    const original = mediaDevices.getUserMedia.bind(mediaDevices);
    // Echo cancellers and noise suppressors take measuring tones for noise.
    const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    mediaDevices.getUserMedia = (constraints) =>
      original({ ...constraints, audio: { ...(constraints.audio === true ? {} : constraints.audio), ...plain } });
  }
  window.labRecord = async (stream, milliseconds) => {
    const audio = new AudioContext({ sampleRate: 48000 });
    await audio.resume();
    const code = `registerProcessor('lab-tap', class extends AudioWorkletProcessor {
      constructor() { super(); this.parts = []; }
      process([[samples]]) {
        this.start ??= currentTime;
        if (samples) this.parts.push(samples.slice());
        if (this.parts.length === 32) { this.port.postMessage({ start: this.start, parts: this.parts }); this.parts = []; }
        return true;
      }
    })`;
    const source = audio.createMediaStreamSource(stream);
    const parts = [];
    // When the first sample was heard: the earliest that any message makes of it, since messages are only ever late.
    let startedAt = Infinity;
    let tap;
    try {
      await audio.audioWorklet.addModule(URL.createObjectURL(new Blob([code], { type: 'text/javascript' })));
      tap = new AudioWorkletNode(audio, 'lab-tap');
      tap.port.onmessage = ({ data }) => {
        startedAt = Math.min(startedAt, Date.now() - (audio.currentTime - data.start) * 1000);
        parts.push(...data.parts);
      };
    } catch {
      // The page's security policy allows no script of ours, and this browser cannot be told to look away.
      tap = audio.createScriptProcessor(4096, 1, 1);
      tap.onaudioprocess = ({ inputBuffer }) => {
        const samples = inputBuffer.getChannelData(0);
        for (let at = 0; at < samples.length; at += 128) parts.push(samples.slice(at, at + 128));
      };
    }
    source.connect(tap).connect(audio.destination);
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    source.disconnect();
    await audio.close();
    window.labRecordedAt = startedAt;
    const samples = new Int16Array(parts.length * 128);
    parts.forEach((part, index) => {
      for (let i = 0; i < 128; ++i) samples[index * 128 + i] = Math.max(-1, Math.min(1, part[i])) * 32767;
    });
    const bytes = new Uint8Array(samples.buffer);
    let text = '';
    for (let i = 0; i < bytes.length; i += 32768) text += String.fromCharCode(...bytes.subarray(i, i + 32768));
    return btoa(text);
  };
}

/** Runs in the page: what comes from the gateway names the relay instead, before the browser hears of it. */
export function detourMedia() {
  const { setRemoteDescription } = RTCPeerConnection.prototype;
  RTCPeerConnection.prototype.setRemoteDescription = async function ({ type, sdp }) {
    return setRemoteDescription.call(this, { type, sdp: await window.labDetour(sdp) });
  };
}

/** The web client in one tab of its own profile. */
export class WebPhone {
  #page;
  #context;
  errors = [];

  /**
   * @param {{detour?: (sdp: string) => Promise<string>, context?: import('playwright-core').BrowserContext}} [options] `detour`
   *   changes what the gateway says of its media; `context`: a profile that has been there before
   */
  static async open(browser, url, { detour, context: known } = {}) {
    const context = known ?? (await browser.newContext({ bypassCSP: true, permissions: ['microphone'] }));
    const page = await context.newPage();
    await page.addInitScript(preparePage);
    if (detour) {
      await page.exposeFunction('labDetour', detour);
      await page.addInitScript(detourMedia);
    }
    const phone = new WebPhone();
    phone.#context = context;
    phone.#page = page;
    page.on('pageerror', (error) => phone.errors.push(error.message));
    page.on('console', (message) => message.type() === 'error' && phone.errors.push(message.text()));
    await page.goto(url);
    return phone;
  }

  get page() {
    return this.#page;
  }
  close() {
    return this.#context.close();
  }

  test(id) {
    return this.#page.locator(`[data-testid="${id}"]`);
  }
  /** The newest call on the page. */
  get card() {
    return this.test('call').first();
  }

  /** Signs in through the operator's form. */
  async signIn(user, password = user) {
    await this.test('login').click();
    await this.#page.locator('input[name=user]').fill(user);
    await this.#page.locator('input[name=password]').fill(password);
    await this.#page.locator('button').click();
  }

  async registered(timeout = 15_000) {
    try {
      await this.#page.locator('[data-testid="reg-state"][data-state="registered"]').waitFor({ timeout });
    } catch (cause) {
      const state = await this.test('reg-state').getAttribute('data-state').catch(() => 'page gone');
      const notice = await this.test('notice').textContent().catch(() => '');
      throw new Error(`the web client is ${state}: ${notice} ${this.errors.join('; ')}`, { cause });
    }
  }

  async dial(number) {
    await this.test('dial-number').fill(number);
    await this.test('dial').click();
  }
  answer() {
    return this.card.locator('[data-testid="answer"]').click();
  }
  hangUp() {
    return this.card.locator('[data-testid="hangup"]').click();
  }

  /** Waits until the newest call is in one of these states. @param {string|string[]} states */
  async callState(states, timeout = 10_000) {
    const wanted = [states].flat();
    try {
      await this.#page.waitForFunction(
        (names) => names.includes(document.querySelector('[data-testid="call"]')?.dataset.state), wanted,
        { timeout, polling: 20 });
    } catch (cause) {
      const card = await this.card.evaluate((node) => node.outerHTML.slice(0, 300), null, { timeout: 500 }).catch(() => 'no call');
      const notice = await this.test('notice').textContent().catch(() => '');
      throw new Error(`no call in state ${wanted.join(' or ')}: ${card} ${notice} ${this.errors.join('; ')}`, { cause });
    }
  }
  /** How the newest call ended. */
  async ended(timeout = 10_000) {
    await this.callState('ended', timeout);
    return this.card.evaluate((node) => ({
      status: node.dataset.endStatus, text: node.querySelector('[data-testid="call-state"]').textContent,
    }));
  }

  /**
   * What is heard of the newest call.
   * @returns {Promise<{rateHz: number, samples: Int16Array, startedAt: number}>} `startedAt` in ms since 1970
   */
  async record(milliseconds) {
    const [text, startedAt] = await this.#page.evaluate(
      async (ms) => [await window.labRecord(window.byonPhone.calls.at(-1).remoteStream, ms), window.labRecordedAt], milliseconds);
    const bytes = Buffer.from(text, 'base64');
    return { rateHz: 48000, samples: new Int16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)), startedAt };
  }
  async measure(milliseconds) {
    const { rateHz, samples } = await this.record(milliseconds);
    return measureTones(samples, rateHz);
  }

  /** Presses keys on the keypad. */
  async pressKeys(digits) {
    if (!(await this.card.locator('[data-testid="dtmf-1"]').isVisible())) await this.card.locator('[data-testid="keypad"]').click();
    for (const digit of digits) await this.card.locator(`[data-testid="dtmf-${digit}"]`).click();
  }

  /** The peer connection's statistics that matter, and the gateway's own figures. */
  stats() {
    return this.#page.evaluate(async () => {
      const call = window.byonPhone.calls.at(-1);
      if (!call) return undefined;
      const found = {};
      for (const report of (await call.peerConnection.getStats()).values()) {
        if (['inbound-rtp', 'outbound-rtp', 'transport', 'remote-inbound-rtp'].includes(report.type)) found[report.type] = report;
      }
      return { id: call.id, ...found, gateway: await call.getGatewayQuality().catch((error) => ({ error: error.message })) };
    });
  }
}
