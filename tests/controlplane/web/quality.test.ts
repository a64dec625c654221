import { describe, expect, test } from 'vitest';
import { type CallStats, estimateMos, QualityMonitor } from '../../../controlplane/web/sdk/src/quality.js';

const NONE: CallStats = {
  at: 0, packetsReceived: 0, packetsLost: 0, packetsSent: 0, bytesReceived: 0, bytesSent: 0, jitterMs: 0, roundTripMs: 0, jitterBufferMs: 0,
  inputLevel: 0, outputLevel: 0,
};
const TALKING = { isHeld: false, isMuted: false };

describe('estimateMos', () => {
  test('is best without delay and loss, and worst far beyond', () => {
    expect(estimateMos(0, 0)).toBeCloseTo(4.41, 2);
    expect(estimateMos(1000, 50)).toBe(1);
  });
  test('never grows with delay or loss', () => {
    for (let delay = 0; delay < 800; delay += 10) expect(estimateMos(delay + 10, 1)).toBeLessThanOrEqual(estimateMos(delay, 1));
    for (let loss = 0; loss < 60; ++loss) expect(estimateMos(50, loss + 1)).toBeLessThanOrEqual(estimateMos(50, loss));
  });
  test('is between 1 and 4.5', () => {
    for (let delay = 0; delay < 2000; delay += 37) for (let loss = 0; loss <= 100; loss += 7) {
      expect(estimateMos(delay, loss)).toBeGreaterThanOrEqual(1);
      expect(estimateMos(delay, loss)).toBeLessThanOrEqual(4.5);
    }
  });
});

describe('QualityMonitor', () => {
  function run(change: (second: number) => Partial<CallStats>, seconds: number, context = TALKING) {
    const monitor = new QualityMonitor();
    const told: string[] = [];
    for (let second = 0; second <= seconds; ++second) {
      const outcome = monitor.feed({ ...NONE, packetsReceived: second * 50, packetsSent: second * 50, inputLevel: 0.1, ...change(second) }, context);
      for (const warning of outcome?.raised ?? []) told.push(`${second} ${warning}`);
      for (const warning of outcome?.cleared ?? []) told.push(`${second} no ${warning}`);
    }
    return told;
  }

  test('a good call is not warned of', () => expect(run(() => ({ jitterMs: 5, roundTripMs: 40 }), 30)).toEqual([]));
  test('one bad second is none', () => expect(run((second) => ({ jitterMs: second === 5 ? 200 : 2 }), 30)).toEqual([]));
  test('three bad seconds of five are, five good ones end it', () =>
    expect(run((second) => ({ jitterMs: second >= 5 && second < 8 ? 80 : 2 }), 30)).toEqual(['7 high-jitter', '12 no high-jitter']));
  test('a long way', () => expect(run(() => ({ roundTripMs: 500 }), 5)).toEqual(['3 high-round-trip']));
  test('nothing comes', () => expect(run(() => ({ packetsReceived: 0 }), 5)).toEqual(['3 no-incoming-audio']));
  test('nothing goes', () => expect(run(() => ({ packetsSent: 0 }), 5)).toEqual(['3 no-outgoing-audio']));
  test('nothing comes or goes on hold, as it should', () =>
    expect(run(() => ({ packetsReceived: 0, packetsSent: 0 }), 20, { isHeld: true, isMuted: false })).toEqual([]));
  test('a microphone that falls silent', () => expect(run((second) => ({ inputLevel: second < 5 ? 0.1 : 0 }), 20)).toEqual(['14 silent-microphone']));
  test('a muted one is silent by choice', () =>
    expect(run((second) => ({ inputLevel: second < 5 ? 0.1 : 0 }), 20, { isHeld: false, isMuted: true })).toEqual([]));
  test('a browser that reports no level is not taken for silent', () => expect(run(() => ({ inputLevel: 0 }), 30)).toEqual([]));
});
