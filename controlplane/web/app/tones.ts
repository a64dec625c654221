// Sounds that the page makes itself: ringing, waiting, keys. Made by Web Audio, so there is nothing to download.
const DTMF_HZ: Record<string, [number, number]> = {
  1: [697, 1209], 2: [697, 1336], 3: [697, 1477], 4: [770, 1209], 5: [770, 1336], 6: [770, 1477], 7: [852, 1209], 8: [852, 1336],
  9: [852, 1477], '*': [941, 1209], 0: [941, 1336], '#': [941, 1477],
};
const RING_PERIOD_MS = 3000;
const RINGBACK_PERIOD_MS = 4000;
const WAITING_PERIOD_MS = 6000;

/** A tone is some frequencies for some seconds, some seconds from now. */
interface Tone {
  hz: number[];
  at: number;
  seconds: number;
  gain: number;
}

const RING: Tone[] = [0, 0.12, 0.24, 0.6, 0.72, 0.84].map((at, index) => ({ hz: [[784, 988, 1175][index % 3] as number], at, seconds: 0.16, gain: 0.16 }));
/** 425 Hz, one second in four: the ringing tone of most European networks (ITU-T E.182). */
const RINGBACK: Tone[] = [{ hz: [425], at: 0, seconds: 1, gain: 0.06 }];
const WAITING: Tone[] = [{ hz: [425], at: 0, seconds: 0.2, gain: 0.06 }, { hz: [425], at: 0.6, seconds: 0.2, gain: 0.06 }];

type Loop = 'ring' | 'waiting' | 'ringback';
const LOOPS: Record<Loop, [Tone[], number]> = {
  ring: [RING, RING_PERIOD_MS], waiting: [WAITING, WAITING_PERIOD_MS], ringback: [RINGBACK, RINGBACK_PERIOD_MS],
};

/** Plays one loop at a time, and keys over it. Silent where the browser does not let pages sound before a click. */
export class Tones {
  #context: AudioContext | undefined;
  #loop: Loop | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #playing: OscillatorNode[] = [];

  /** Changes what plays; undefined: nothing. */
  loop(name: Loop | undefined): void {
    if (name === this.#loop) return;
    this.#loop = name;
    clearInterval(this.#timer);
    for (const node of this.#playing.splice(0)) node.stop();
    if (!name) return;
    const [tones, period] = LOOPS[name];
    const again = () => this.#play(tones);
    again();
    this.#timer = setInterval(again, period);
  }

  /** The sound of a key. */
  key(digit: string): void {
    const hz = DTMF_HZ[digit];
    if (hz) this.#play([{ hz, at: 0, seconds: 0.1, gain: 0.05 }]);
  }

  #play(tones: Tone[]): void {
    if (!globalThis.AudioContext) return;
    const context = (this.#context ??= new AudioContext());
    if (context.state === 'suspended') void context.resume().catch(() => {});
    if (context.state !== 'running') return;
    for (const { hz, at, seconds, gain: level } of tones) {
      const begin = context.currentTime + at;
      const gain = new GainNode(context, { gain: 0 });
      gain.gain.setValueAtTime(0, begin);
      gain.gain.linearRampToValueAtTime(level, begin + 0.01);
      gain.gain.setValueAtTime(level, begin + seconds - 0.02);
      gain.gain.linearRampToValueAtTime(0, begin + seconds);
      gain.connect(context.destination);
      for (const frequency of hz) {
        const node = new OscillatorNode(context, { frequency });
        node.connect(gain);
        node.start(begin);
        node.stop(begin + seconds);
        node.onended = () => (this.#playing = this.#playing.filter((other) => other !== node));
        this.#playing.push(node);
      }
    }
  }
}
