import { Emitter } from './emitter.js';
import { ByonError } from './error.js';
import { LevelMeter } from './level_meter.js';
import { openMicrophone, type Platform } from './platform.js';

/** A microphone or a speaker. */
export interface AudioDevice {
  id: string;
  /** Empty until the user has permitted the microphone once. */
  label: string;
}

/** Events of {@link AudioDevices}. */
export interface AudioDevicesEvents {
  /** Something was plugged or unplugged. */
  change: undefined;
  /** Another microphone was chosen. */
  input: string;
  /** Another speaker was chosen. */
  output: string;
}

const TEST_TONES_HZ = [523.25, 659.25, 783.99];
const TEST_TONE_S = 0.22;

/** Microphones and speakers: which there are, which are used, whether they work. */
export class AudioDevices extends Emitter<AudioDevicesEvents> {
  readonly #platform: Platform;
  readonly #apply: (kind: 'input' | 'output', id: string) => Promise<void>;
  #inputs: AudioDevice[] = [];
  #outputs: AudioDevice[] = [];
  #inputId: string | undefined;
  #outputId: string | undefined;
  #context: AudioContext | undefined;
  readonly #changed = () => void this.refresh().catch(() => {});

  /** @internal */
  constructor(platform: Platform, apply: (kind: 'input' | 'output', id: string) => Promise<void>) {
    super();
    this.#platform = platform;
    this.#apply = apply;
    platform.mediaDevices?.addEventListener?.('devicechange', this.#changed);
  }

  /** The microphones, as of the last {@link refresh}. */
  get inputs(): readonly AudioDevice[] {
    return this.#inputs;
  }
  /** The speakers, as of the last {@link refresh}; none where the browser does not tell. */
  get outputs(): readonly AudioDevice[] {
    return this.#outputs;
  }
  /** The chosen microphone; undefined: the system's default. */
  get inputId(): string | undefined {
    return this.#inputId;
  }
  /** The chosen speaker; undefined: the system's default. */
  get outputId(): string | undefined {
    return this.#outputId;
  }
  /** Whether this browser lets pages choose the speaker. */
  get canChooseOutput(): boolean {
    return typeof globalThis.HTMLMediaElement !== 'undefined' && 'setSinkId' in globalThis.HTMLMediaElement.prototype;
  }

  /** Looks what is plugged in. Labels are empty until the microphone was permitted. */
  async refresh(): Promise<void> {
    const found = (await this.#platform.mediaDevices?.enumerateDevices()) ?? [];
    const of = (kind: MediaDeviceKind) =>
      found.filter((device) => device.kind === kind && device.deviceId).map(({ deviceId, label }) => ({ id: deviceId, label }));
    this.#inputs = of('audioinput');
    this.#outputs = of('audiooutput');
    this.emit('change');
  }

  /** Asks the user for the microphone, so that devices have labels and the first call need not wait. */
  async requestPermission(): Promise<void> {
    const stream = await openMicrophone(this.#platform, true, this.#inputId);
    for (const track of stream.getTracks()) track.stop();
    await this.refresh();
  }

  /** Uses this microphone from now on, in calls that are up too. @param id undefined: the system's default */
  async setInput(id: string | undefined): Promise<void> {
    const before = this.#inputId;
    this.#inputId = id || undefined;
    await this.#apply('input', id ?? '').catch((error: unknown) => {
      this.#inputId = before; // it cannot be opened: nothing has changed
      throw error;
    });
    this.emit('input', id ?? '');
  }

  /** Uses this speaker from now on, in calls that are up too. @param id undefined: the system's default */
  async setOutput(id: string | undefined): Promise<void> {
    if (id && !this.canChooseOutput) throw new ByonError('NOT_SUPPORTED', 'This browser cannot choose the speaker.');
    const before = this.#outputId;
    this.#outputId = id || undefined;
    await this.#apply('output', id ?? '').catch((error: unknown) => {
      this.#outputId = before;
      throw error;
    });
    this.emit('output', id ?? '');
  }

  /** Opens the chosen microphone for a test. Close what you get. */
  async testInput(): Promise<{ readonly level: number; close(): void }> {
    const stream = await openMicrophone(this.#platform, true, this.#inputId);
    const meter = this.meter(stream);
    return {
      get level() {
        return meter.level;
      },
      close() {
        meter.close();
        for (const track of stream.getTracks()) track.stop();
      },
    };
  }

  /** Plays three short tones on the chosen speaker; resolves when they are over. */
  async testOutput(): Promise<void> {
    const context = this.#openContext();
    await (context as AudioContext & { setSinkId?: (id: string) => Promise<void> }).setSinkId?.(this.#outputId ?? '');
    await context.resume();
    const begin = context.currentTime + 0.05;
    TEST_TONES_HZ.forEach((frequency, index) => {
      const at = begin + index * TEST_TONE_S;
      const oscillator = new OscillatorNode(context, { frequency });
      const gain = new GainNode(context, { gain: 0 });
      gain.gain.setValueAtTime(0, at);
      gain.gain.linearRampToValueAtTime(0.2, at + 0.02);
      gain.gain.linearRampToValueAtTime(0, at + TEST_TONE_S);
      oscillator.connect(gain).connect(context.destination);
      oscillator.start(at);
      oscillator.stop(at + TEST_TONE_S);
    });
    await new Promise((resolve) => setTimeout(resolve, (TEST_TONES_HZ.length * TEST_TONE_S + 0.1) * 1000));
  }

  /** A meter for any stream, e.g. `call.localStream` or `call.remoteStream`. */
  meter(stream: MediaStream): LevelMeter {
    return new LevelMeter(this.#openContext(), stream);
  }

  /** @internal */
  close(): void {
    this.#platform.mediaDevices?.removeEventListener?.('devicechange', this.#changed);
    void this.#context?.close().catch(() => {});
    this.#context = undefined;
  }

  #openContext(): AudioContext {
    if (!this.#platform.AudioContext) throw new ByonError('NOT_SUPPORTED', 'This browser has no Web Audio.');
    this.#context ??= new this.#platform.AudioContext();
    return this.#context;
  }
}
