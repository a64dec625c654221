/** What the browser measures of a call. Levels are linear, 0 to 1; times are milliseconds. */
export interface CallStats {
  /** Milliseconds since 1970. */
  at: number;
  packetsReceived: number;
  packetsLost: number;
  packetsSent: number;
  bytesReceived: number;
  bytesSent: number;
  jitterMs: number;
  roundTripMs: number;
  /** How long sound waits in the browser's jitter buffer, averaged over the call. */
  jitterBufferMs: number;
  /** Level of the microphone. */
  inputLevel: number;
  /** Level of what is heard. */
  outputLevel: number;
}

/** What one second of a call was like. */
export interface QualitySample extends CallStats {
  /** Share of packets that were lost in this second, in percent. */
  lossPercent: number;
  /**
   * Estimated mean opinion score of the path between gateway and browser, 1 to 4.5 (E-model of ITU-T G.107 with delay and
   * random loss only).
   */
  mos: number;
}

/** What may be wrong with a call. */
export type QualityWarning =
  /** Estimated MOS under 3. */
  | 'low-mos'
  /** More than 3 % of the packets lost. */
  | 'high-packet-loss'
  /** Jitter over 30 ms. */
  | 'high-jitter'
  /** Round trip over 400 ms. */
  | 'high-round-trip'
  /** Nothing arrives from the gateway. */
  | 'no-incoming-audio'
  /** Nothing leaves for the gateway. */
  | 'no-outgoing-audio'
  /** The microphone gives silence: it may be muted by its own switch. */
  | 'silent-microphone';

/** How the call stands; decides which warnings make sense. */
export interface QualityContext {
  isHeld: boolean;
  isMuted: boolean;
}

/** Of the last WINDOW samples so many raise a warning; that many good ones in a row clear it. */
const WINDOW = 5;
const RAISES = 3;
const SILENCE_SAMPLES = 10;
/** A digital zero; a live microphone in a quiet room is above it. */
const SILENCE_LEVEL = 1e-5;

const LIMITS: Record<'low-mos' | 'high-packet-loss' | 'high-jitter' | 'high-round-trip', (sample: QualitySample) => boolean> = {
  'low-mos': ({ mos }) => mos < 3,
  'high-packet-loss': ({ lossPercent }) => lossPercent > 3,
  'high-jitter': ({ jitterMs }) => jitterMs > 30,
  'high-round-trip': ({ roundTripMs }) => roundTripMs > 400,
};

/**
 * Estimated MOS from one-way delay and packet loss: R = 93.2 - Id - Ie,eff and R to MOS as in ITU-T G.107; the equipment
 * impairment of Opus with in-band FEC is taken as Ie = 0 and Bpl = 25.
 * @param delayMs one way, mouth to ear as far as known
 */
export function estimateMos(delayMs: number, lossPercent: number): number {
  const delayImpairment = 0.024 * delayMs + (delayMs > 177.3 ? 0.11 * (delayMs - 177.3) : 0);
  const lossImpairment = (95 * lossPercent) / (lossPercent + 25);
  const r = 93.2 - delayImpairment - lossImpairment;
  if (r <= 0) return 1;
  if (r >= 100) return 4.5;
  return Math.max(1, 1 + 0.035 * r + 7e-6 * r * (r - 60) * (100 - r));
}

/** Reads a peer connection's report. @internal */
export function readStats(report: RTCStatsReport, at: number): CallStats {
  const stats: CallStats = {
    at, packetsReceived: 0, packetsLost: 0, packetsSent: 0, bytesReceived: 0, bytesSent: 0, jitterMs: 0, roundTripMs: 0,
    jitterBufferMs: 0, inputLevel: 0, outputLevel: 0,
  };
  report.forEach((entry: Record<string, unknown>) => {
    const number = (name: string) => (typeof entry[name] === 'number' ? (entry[name] as number) : 0);
    if (entry['type'] === 'inbound-rtp' && entry['kind'] === 'audio') {
      stats.packetsReceived = number('packetsReceived');
      stats.packetsLost = number('packetsLost');
      stats.bytesReceived = number('bytesReceived');
      stats.jitterMs = number('jitter') * 1000;
      stats.outputLevel = number('audioLevel');
      const emitted = number('jitterBufferEmittedCount');
      if (emitted > 0) stats.jitterBufferMs = (number('jitterBufferDelay') / emitted) * 1000;
    } else if (entry['type'] === 'outbound-rtp' && entry['kind'] === 'audio') {
      stats.packetsSent = number('packetsSent');
      stats.bytesSent = number('bytesSent');
    } else if (entry['type'] === 'media-source' && entry['kind'] === 'audio') {
      stats.inputLevel = number('audioLevel');
    } else if (entry['type'] === 'candidate-pair' && entry['nominated'] && entry['state'] === 'succeeded') {
      stats.roundTripMs = number('currentRoundTripTime') * 1000;
    }
  });
  return stats;
}

/**
 * Judges a call second by second: each call's stats become a sample, and warnings are raised and cleared with some
 * patience, so that one bad second says nothing. Has no clock: the owner feeds it.
 * @internal
 */
export class QualityMonitor {
  #last: CallStats | undefined;
  #verdicts = new Map<QualityWarning, boolean[]>();
  #silentFor = 0;
  readonly #raised = new Set<QualityWarning>();
  /** Firefox reports no level of the microphone: then its silence cannot be judged. */
  #hasHeardInput = false;

  get warnings(): QualityWarning[] {
    return [...this.#raised];
  }

  /** The sample of these stats, and what it changed. Nothing at the first: a sample is the change since the last. */
  feed(stats: CallStats, context: QualityContext): { sample: QualitySample; raised: QualityWarning[]; cleared: QualityWarning[] } | undefined {
    const last = this.#last;
    this.#last = stats;
    if (!last) return undefined;
    const received = Math.max(0, stats.packetsReceived - last.packetsReceived);
    const lost = Math.max(0, stats.packetsLost - last.packetsLost);
    const lossPercent = received + lost > 0 ? (100 * lost) / (received + lost) : 0;
    const sample = { ...stats, lossPercent, mos: estimateMos(stats.roundTripMs / 2 + stats.jitterBufferMs, lossPercent) };
    const raised: QualityWarning[] = [];
    const cleared: QualityWarning[] = [];
    const judge = (warning: QualityWarning, isBad: boolean) => {
      const verdicts = [...(this.#verdicts.get(warning) ?? []), isBad].slice(-WINDOW);
      this.#verdicts.set(warning, verdicts);
      if (!this.#raised.has(warning) && verdicts.filter(Boolean).length >= RAISES) {
        this.#raised.add(warning);
        raised.push(warning);
      } else if (this.#raised.has(warning) && verdicts.length === WINDOW && !verdicts.some(Boolean)) {
        this.#raised.delete(warning);
        cleared.push(warning);
      }
    };
    for (const [warning, isOver] of Object.entries(LIMITS)) judge(warning as QualityWarning, received > 0 && isOver(sample));
    judge('no-incoming-audio', !context.isHeld && received === 0);
    judge('no-outgoing-audio', !context.isHeld && stats.packetsSent === last.packetsSent);
    this.#hasHeardInput ||= stats.inputLevel > SILENCE_LEVEL;
    const isSilent = !context.isHeld && !context.isMuted && this.#hasHeardInput && stats.inputLevel <= SILENCE_LEVEL;
    this.#silentFor = isSilent ? this.#silentFor + 1 : 0;
    judge('silent-microphone', this.#silentFor > SILENCE_SAMPLES - RAISES);
    return { sample, raised, cleared };
  }
}
