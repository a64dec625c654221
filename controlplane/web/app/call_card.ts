import { type AudioDevices, type Call, type GatewayQuality, type LevelMeter, numberOf, type QualitySample, type QualityWarning } from '@byon/sdk';
import { DevicePicker } from './device_picker.js';
import { byId, element, find, setIcon, setLevel } from './dom.js';
import { duration, endText, identityText, isDoubtful, peerTitle, prettyNumber } from './format.js';
import { fillKeypad } from './keypad.js';
import { gradeOf, QualityGraph } from './quality_graph.js';

const STATE_TEXT: Record<string, string> = { new: 'Calling…', dialing: 'Calling…', ringing: 'Ringing…', earlyMedia: 'Connecting…' };
const WARNING_TEXT: Record<QualityWarning, string> = {
  'low-mos': 'The connection is poor',
  'high-packet-loss': 'Sound is being lost on the way',
  'high-jitter': 'The network is unsteady',
  'high-round-trip': 'There is a long delay',
  'no-incoming-audio': 'Nothing is heard from the other side',
  'no-outgoing-audio': 'Nothing is sent to the other side',
  'silent-microphone': 'Your microphone is silent: is it muted by its own switch?',
};
const LEVEL_MS = 100;
const CLOCK_MS = 500;
/** Above it, what comes before the answer is a sound of the network, not silence. */
const SOUND_LEVEL = 0.08;

/** How a card is shown: the sheet of a call that rings here, the call in front, or one line among others. */
export type CardMode = 'sheet' | 'main' | 'line';

/** What a card asks of the page. */
export interface CardOwner {
  showError: (error: Error) => void;
  audio: AudioDevices;
  keyTone: (digit: string) => void;
  /** Something about the call has changed that concerns the page. */
  changed: () => void;
  select: (card: CallCard) => void;
  addCall: () => void;
  dismiss: (card: CallCard) => void;
  callAgain: (call: Call) => void;
}

/** One call on the page. */
export class CallCard {
  readonly call: Call;
  readonly element: HTMLElement;
  readonly #owner: CardOwner;
  readonly #graph: QualityGraph;
  readonly #devices: DevicePicker;
  readonly #timers: ReturnType<typeof setInterval>[] = [];
  #inputMeter: LevelMeter | undefined;
  #outputMeter: LevelMeter | undefined;
  #meteredInput: MediaStream | undefined;
  #isReconnecting = false;
  #isBusy = false;
  #isMoving = false;
  #digits = '';
  mode: CardMode = 'main';

  constructor(call: Call, owner: CardOwner) {
    this.call = call;
    this.#owner = owner;
    this.element = find(byId<HTMLTemplateElement>('call-template').content, '.call-card').cloneNode(true) as HTMLElement;
    this.#graph = new QualityGraph(find<HTMLCanvasElement>(this.element, 'canvas'));
    this.#devices = new DevicePicker(find(this.element, '.devices'), owner.audio, owner.showError);
    this.#fill();
    this.#wire();
    this.#timers.push(setInterval(() => this.#showLevels(), LEVEL_MS), setInterval(() => this.#showState(), CLOCK_MS));
    this.render();
  }

  /** Rings here and waits for an answer. */
  get isRingingHere(): boolean {
    return this.call.direction === 'incoming' && (this.call.state === 'new' || this.call.state === 'ringing');
  }
  /** The far side rings and the network sends no ringing tone of its own. */
  get needsRingback(): boolean {
    return this.call.direction === 'outgoing' && this.call.state === 'ringing' && (this.#outputMeter?.level ?? 0) < SOUND_LEVEL;
  }
  get isPadOpen(): boolean {
    return !find(this.element, '.pad').hidden;
  }

  /** Sends a digit, with its sound and a trace on the card. */
  press(digit: string): void {
    this.#owner.keyTone(digit);
    this.call.sendDigits(digit).then(() => this.#trace(digit), this.#owner.showError);
  }

  answer(): Promise<void> {
    return this.#attempt(() => this.call.accept());
  }

  close(): void {
    this.#timers.forEach(clearInterval);
    this.#inputMeter?.close();
    this.#outputMeter?.close();
    this.#graph.close();
    this.#devices.close();
    this.element.remove();
  }

  #fill(): void {
    this.#showPeer();
    fillKeypad(find(this.element, '.pad'), (key) => this.press(key), { testId: 'dtmf' });
  }

  #showPeer(): void {
    const { peer, peerName, peerIdentity } = this.call;
    const title = peerTitle(peer, peerName);
    find(this.element, '.peer').textContent = title;
    find(this.element, '.number-line').textContent = peerName ? prettyNumber(numberOf(peer)) : '';
    const identity = find(this.element, '.identity');
    identity.textContent = identityText(peerIdentity);
    identity.toggleAttribute('data-doubt', isDoubtful(peerIdentity));
    if (peerName) find(this.element, '.avatar').textContent = initials(peerName); // else a person without a name
    this.element.setAttribute('aria-label', `Call ${this.call.direction === 'incoming' ? 'from' : 'to'} ${title}`);
  }

  #wire(): void {
    const { call } = this;
    const on = (name: string, action: () => unknown) => {
      find<HTMLButtonElement>(this.element, `.${name}`).onclick = (event) => {
        event.stopPropagation();
        void this.#attempt(action);
      };
    };
    on('answer', () => call.accept());
    on('reject', () => call.reject());
    on('busy', () => call.reject('busy'));
    on('hangup', () => call.hangup());
    on('mute', () => call.mute(!call.isMuted));
    on('hold', () => call.hold(call.state !== 'held'));
    on('move', () => (this.#isMoving ? call.cancelTransfer() : void call.transfer().catch(this.#owner.showError)));
    on('add', () => this.#owner.addCall());
    on('again', () => this.#owner.callAgain(call));
    on('dismiss', () => this.#owner.dismiss(this));
    on('keypad', () => this.togglePad());
    find<HTMLButtonElement>(this.element, '.sound').onclick = () => void this.#toggleDevices();
    this.element.addEventListener('click', () => this.mode === 'line' && this.#owner.select(this));
    find<HTMLDetailsElement>(this.element, 'details').addEventListener('toggle', () => void this.#showDetails());
    call.on('state', (state) => {
      if (state === 'connected') this.#owner.select(this);
      if (state === 'ended') this.#timers.forEach(clearInterval);
      this.render();
      this.#owner.changed();
    });
    call.on('mute', () => this.render());
    call.on('transfer', ({ state }) => {
      this.#isMoving = state === 'Started' || state === 'Ringing';
      this.element.dataset['transfer'] = state;
      this.render();
    });
    call.on('referral', ({ state }) => {
      this.element.dataset['referral'] = state;
      this.#showPeer();
      this.#owner.changed();
    });
    call.on('emergency', () => this.render());
    call.on('digit', ({ digit }) => {
      const state = find(this.element, '.state');
      state.dataset['dtmf'] = (state.dataset['dtmf'] ?? '') + digit;
    });
    call.on('remoteStream', (stream) => {
      this.#outputMeter?.close();
      this.#outputMeter = this.#meterOf(stream);
    });
    call.on('quality', (sample) => this.#showQuality(sample));
    call.on('warning', () => this.#showWarning());
    call.on('warningCleared', () => this.#showWarning());
    call.on('reconnecting', () => this.#showPath(true));
    call.on('reconnected', () => this.#showPath(false));
  }

  togglePad(isOpen = !this.isPadOpen): void {
    find(this.element, '.pad').hidden = !isOpen;
    find(this.element, '.keypad').setAttribute('aria-expanded', String(isOpen));
    this.element.dataset['pad'] = isOpen ? 'open' : 'closed';
  }

  async #toggleDevices(isOpen = !this.#devices.isOpen): Promise<void> {
    find(this.element, '.sound').setAttribute('aria-expanded', String(isOpen));
    await this.#devices.toggle(isOpen).catch(this.#owner.showError);
  }

  /** One press, one action: a button that was pressed waits for its outcome. */
  async #attempt(action: () => unknown): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      await action();
    } catch (error) {
      this.#owner.showError(error as Error);
    } finally {
      this.#isBusy = false;
      this.render();
    }
  }

  render(): void {
    const { call } = this;
    const { state } = call;
    const rings = this.isRingingHere;
    const talks = state === 'connected' || state === 'held';
    const isLine = this.mode === 'line';
    Object.assign(this.element.dataset, { state, callId: call.id ?? '', mode: rings ? 'sheet' : this.mode, direction: call.direction });
    if (call.endStatus) this.element.dataset['endStatus'] = call.endStatus;
    const show = (name: string, is: boolean) => (find(this.element, `.${name}`).hidden = !is);
    for (const name of ['answer', 'reject', 'busy']) show(name, rings);
    show('hangup', !rings && !call.hasEnded);
    show('hold', talks && (state === 'connected' || call.isHeldHere));
    show('mute', talks && !isLine);
    show('keypad', (talks || state === 'earlyMedia' || (state === 'ringing' && !rings)) && !isLine);
    show('add', talks && !isLine);
    show('sound', talks && !isLine);
    if ((!talks || isLine) && this.#devices.isOpen) void this.#toggleDevices(false);
    show('move', state === 'connected' && !isLine);
    find(this.element, '.move span').textContent = this.#isMoving ? 'Stay here' : 'To my phone';
    show('again', call.hasEnded && call.direction === 'outgoing' && !isLine);
    show('dismiss', call.hasEnded);
    show('levels', state === 'connected' && !isLine);
    show('graph', talks && !isLine);
    show('details', talks && !isLine);
    show('bars', talks);
    if (!talks && this.isPadOpen && call.hasEnded) this.togglePad(false);
    const mute = find(this.element, '.mute');
    mute.setAttribute('aria-pressed', String(call.isMuted));
    setIcon(mute, call.isMuted ? 'mic-off' : 'mic');
    find(mute, 'span').textContent = call.isMuted ? 'Unmute' : 'Mute';
    const hold = find(this.element, '.hold');
    hold.setAttribute('aria-pressed', String(state === 'held'));
    setIcon(hold, state === 'held' ? 'play' : 'pause');
    find(hold, 'span').textContent = state === 'held' ? 'Resume' : 'Hold';
    this.#showState();
    this.#showWarning();
  }

  #showState(): void {
    const { call } = this;
    const state = find(this.element, '.state');
    const text = this.#stateText();
    if (state.textContent !== text) state.textContent = text;
    if (call.hasEnded) this.element.querySelector('.bars')?.setAttribute('hidden', '');
  }
  #stateText(): string {
    const { call } = this;
    if (call.hasEnded) {
      const talked = call.connectedAt && call.endedAt ? ` · ${duration(call.endedAt - call.connectedAt)}` : '';
      return endText(call) + talked;
    }
    if (this.isRingingHere) return call.emergency === 'callback' ? 'The emergency service calls back' : 'Incoming call';
    if (this.#isReconnecting) return 'Reconnecting…';
    const clock = call.connectedAt ? duration(Date.now() - call.connectedAt) : '';
    if (call.state === 'held') return call.isHeldHere ? `On hold · ${clock}` : `Held by the other side · ${clock}`;
    if (this.#isMoving) return `Calling your phone… · ${clock}`;
    if (call.state === 'connected') return call.emergency ? `Emergency service · ${clock}` : clock;
    return STATE_TEXT[call.state] ?? '';
  }

  #showPath(isLost: boolean): void {
    this.#isReconnecting = isLost;
    this.element.dataset['path'] = isLost ? 'lost' : 'good';
    this.#showState();
  }

  #showWarning(): void {
    const [worst] = this.call.warnings;
    const line = find(this.element, '.warning');
    line.hidden = !worst || this.call.hasEnded;
    if (worst && line.textContent !== WARNING_TEXT[worst]) line.textContent = WARNING_TEXT[worst];
  }

  #showLevels(): void {
    const { localStream } = this.call;
    if (localStream !== this.#meteredInput) {
      this.#inputMeter?.close();
      this.#meteredInput = localStream;
      this.#inputMeter = localStream && this.#meterOf(localStream);
    }
    if (this.mode !== 'main' || this.call.state !== 'connected') return;
    setLevel(find(this.element, '.you'), this.call.isMuted ? 0 : (this.#inputMeter?.level ?? 0));
    setLevel(find(this.element, '.they'), this.#outputMeter?.level ?? 0);
  }
  #meterOf(stream: MediaStream): LevelMeter | undefined {
    try {
      return this.#owner.audio.meter(stream);
    } catch {
      // Without Web Audio there are no meters; the call does not mind.
      return undefined;
    }
  }

  #showQuality(sample: QualitySample): void {
    const { text, bars } = gradeOf(sample);
    const figures = `${text} · ${Math.round(sample.roundTripMs)} ms · ${sample.lossPercent.toFixed(sample.lossPercent > 0 ? 1 : 0)} % lost`;
    find(this.element, '.figures').textContent = figures;
    const meter = find(this.element, '.bars');
    meter.dataset['bars'] = String(bars);
    meter.setAttribute('aria-label', `Quality: ${text}`);
    find(this.element, 'canvas').setAttribute('aria-label', `Quality of the last minute; now: ${figures}`);
    if (this.mode === 'main') this.#graph.add(sample);
    void this.#showDetails(sample);
  }

  async #showDetails(sample?: QualitySample): Promise<void> {
    if (!find<HTMLDetailsElement>(this.element, 'details').open || this.call.hasEnded) return;
    const [browser, gateway] = await Promise.all([sample ?? this.call.getStats(), this.call.getGatewayQuality().catch(() => undefined)]);
    if (!this.call.hasEnded) find(this.element, '.quality').replaceChildren(...detailsOf(browser as QualitySample, gateway));
  }

  #trace(digit: string): void {
    this.#digits = (this.#digits + digit).slice(-24);
    find(this.element, '.pad').dataset['digits'] = this.#digits;
  }
}

function initials(name: string): string {
  return name.split(/\s+/).map((word) => word[0] ?? '').slice(0, 2).join('').toUpperCase();
}

/** As people write it: of the gateway's names only this one is no abbreviation. */
const codecName = (codec: string | undefined) => codec?.replace(/^opus/i, 'Opus') ?? '–';

function detailsOf(browser: QualitySample, gateway: GatewayQuality | undefined): HTMLElement[] {
  const ms = (value: number | undefined) => (value === undefined ? '–' : `${Math.round(value)} ms`);
  const count = (value: number | undefined) => (value === undefined ? '–' : String(value));
  // An estimate of how the stream that arrives there sounds, 1 to 4.5.
  const score = (value: number | undefined) => (value === undefined ? '–' : value.toFixed(1));
  const { access, ims } = gateway ?? {};
  const rows: string[][] = [
    ['', 'Browser', 'Gateway', 'Network'],
    ['MOS', score(browser.mos), score(access?.mos), score(ims?.mos)],
    ['Codec', 'Opus', codecName(access?.codec), codecName(ims?.codec)],
    ['Received', count(browser.packetsReceived), count(access?.packetsReceived), count(ims?.packetsReceived)],
    ['Sent', count(browser.packetsSent), count(access?.packetsSent), count(ims?.packetsSent)],
    ['Lost', count(browser.packetsLost), count(access?.packetsLost), count(ims?.packetsLost)],
    ['Jitter', ms(browser.jitterMs), ms(access?.jitterMs), ms(ims?.jitterMs)],
    ['Round trip', ms(browser.roundTripMs), ms(access?.roundTripMs), ms(ims?.roundTripMs)],
    ['Buffer', ms(browser.jitterBufferMs), ms(access?.playoutDelayMs), ms(ims?.playoutDelayMs)],
  ];
  return rows.flatMap((row, index) =>
    row.map((text, column) => element(column === 0 ? 'dt' : 'dd', index === 0 ? { text, className: 'head' } : { text })));
}
