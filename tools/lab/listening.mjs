// How well the stepped tones came through bad weather, and how late: each moment of a recording is held against the
// tone that belongs there.
import { TONES_HZ, toneShare } from './audio.mjs';

const HOP_MS = 10;
const WINDOW_MS = 25; // whole periods of each tone, so that none leaks into another
const STEP_MS = 500;
const CYCLE_MS = STEP_MS * TONES_HZ.length;
const SHIFT_MS = 5;
const PURE = 0.9;
// Below a fifth of the usual level (-14 dB), or of a whisper, nothing is heard.
const SILENT = 0.2;
const WHISPER = 500;
// A frame so near a step holds two tones, or play-out has moved the step a little.
const STEP_MARGIN_MS = 45;

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;

/** Every 10 ms: the level and, when one stands out, the index of the tone. */
function framesOf(samples, rateHz) {
  const size = Math.round((rateHz * WINDOW_MS) / 1000);
  const hop = Math.round((rateHz * HOP_MS) / 1000);
  const frames = [];
  for (let start = 0; start + size <= samples.length; start += hop) {
    const window = samples.subarray(start, start + size);
    const energy = window.reduce((sum, sample) => sum + sample * sample, 0);
    const shares = energy > 0 ? TONES_HZ.map((tone) => toneShare(window, rateHz, tone, energy)) : [0];
    const purity = Math.max(...shares);
    const inner = samples.subarray(start, start + hop);
    const level = Math.sqrt(inner.reduce((sum, sample) => sum + sample * sample, 0) / hop);
    frames.push({ atMs: start / (rateHz / 1000) + WINDOW_MS / 2, level, purity, tone: purity > 0.6 ? shares.indexOf(purity) : -1 });
  }
  return frames;
}

const modulo = (value, cycle) => ((value % cycle) + cycle) % cycle;
const placeOf = (frame, shiftMs) => modulo(frame.atMs - shiftMs, CYCLE_MS);

/** The shift at which most frames hold the tone that belongs there; of equally good ones the middle. */
function bestShift(frames) {
  const heard = frames.filter(({ tone }) => tone >= 0);
  const scores = Array.from({ length: CYCLE_MS / SHIFT_MS }, (_, index) =>
    heard.filter((frame) => Math.floor(placeOf(frame, index * SHIFT_MS) / STEP_MS) === frame.tone).length);
  const best = Math.max(...scores);
  const first = scores.findIndex((score, index) => score === best && scores.at(index - 1) !== best);
  let length = 1;
  while (length < scores.length && scores[(first + length) % scores.length] === best) ++length;
  return modulo((first + (length - 1) / 2) * SHIFT_MS, CYCLE_MS);
}

function gapsOf(frames, level) {
  const gaps = [];
  let length = 0;
  for (const frame of [...frames, { level: Infinity }]) {
    if (frame.level < SILENT * Math.max(level, WHISPER)) length += HOP_MS;
    else if (length > 0) {
      gaps.push(length);
      length = 0;
    }
  }
  return gaps;
}

/**
 * @param {Int16Array} samples
 * @param {number} rateHz
 * @param {number} [startedAt] time of the first sample, ms
 * @returns {{seconds: number, pureShare: number, level: number, gaps: number, longestGapMs: number, silentShare: number,
 *   phaseMs: number}} `pureShare`: share of the frames, those at a step left out, with 90 % of their energy in the tone that
 *   belongs there; `level`: median RMS; gaps of 10 ms and more; `phaseMs`: when the cycle of tones starts, modulo its
 *   length: what grows by as much as the sound takes longer
 */
export function listenToTones(samples, rateHz, startedAt = 0) {
  const frames = framesOf(samples, rateHz);
  const level = median(frames.map((frame) => frame.level));
  const shift = bestShift(frames);
  const judged = frames.filter((frame) => {
    const place = placeOf(frame, shift) % STEP_MS;
    return place > STEP_MARGIN_MS && place < STEP_MS - STEP_MARGIN_MS;
  });
  const isPure = (frame) => frame.purity >= PURE && frame.tone === Math.floor(placeOf(frame, shift) / STEP_MS);
  const gaps = gapsOf(frames, level);
  return {
    seconds: samples.length / rateHz,
    pureShare: judged.length > 0 ? judged.filter(isPure).length / judged.length : 0,
    level: Math.round(level),
    gaps: gaps.length,
    longestGapMs: Math.max(0, ...gaps),
    silentShare: frames.length > 0 ? gaps.reduce((sum, gap) => sum + gap, 0) / (frames.length * HOP_MS) : 1,
    phaseMs: modulo(startedAt + shift, CYCLE_MS),
  };
}

/** How much later the tones come in `heard` than in `before`, of the same source; from half a cycle earlier to as much later. */
export function addedDelayMs(before, heard) {
  return modulo(heard.phaseMs - before.phaseMs + CYCLE_MS / 2, CYCLE_MS) - CYCLE_MS / 2;
}

/**
 * How much of a recording is these tones sounding together (music on hold, say). Each has whole periods in 50 ms.
 * @param {Int16Array} samples
 * @param {number} rateHz
 * @param {number[]} tonesHz
 * @returns {{share: number, silentShare: number, level: number}} `share`: of the windows, those with 85 % of their energy in
 *   the tones, and 5 % at least in each; `level`: median RMS
 */
export function listenToChord(samples, rateHz, tonesHz) {
  const size = Math.round(rateHz / 20);
  const windows = [];
  for (let start = 0; start + size <= samples.length; start += size) {
    const window = samples.subarray(start, start + size);
    const energy = window.reduce((sum, sample) => sum + sample * sample, 0);
    const shares = energy > 0 ? tonesHz.map((tone) => toneShare(window, rateHz, tone, energy)) : [0];
    const isChord = shares.reduce((sum, share) => sum + share, 0) >= 0.85 && Math.min(...shares) >= 0.05;
    windows.push({ isChord, level: Math.sqrt(energy / size) });
  }
  const shareOf = (fits) => windows.filter(fits).length / Math.max(1, windows.length);
  return {
    share: shareOf(({ isChord }) => isChord),
    silentShare: shareOf(({ level }) => level < WHISPER / 5),
    level: Math.round(median(windows.map(({ level }) => level))),
  };
}
