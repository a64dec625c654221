// Sounds that can be measured: stepped tones, WAV files, and what is left of the tones after a call.
import { readFileSync, writeFileSync } from 'node:fs';

export const TONES_HZ = [440, 880, 1320, 1760];
const STEP_S = 0.5;
const PEAK = 12000;

/** 440, 880, 1320, 1760 Hz, half a second each. @returns {Int16Array} */
export function steppedTones(rateHz = 48000, peak = PEAK) {
  const perStep = rateHz * STEP_S;
  return Int16Array.from({ length: perStep * TONES_HZ.length }, (_, n) =>
    Math.round(peak * Math.sin((2 * Math.PI * TONES_HZ[Math.floor(n / perStep)] * (n % perStep)) / rateHz)));
}

export function writeWav(file, rateHz, samples) {
  const header = Buffer.alloc(44);
  header.write('RIFF', 0);
  header.writeUInt32LE(36 + samples.length * 2, 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(rateHz, 24);
  header.writeUInt32LE(rateHz * 2, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36);
  header.writeUInt32LE(samples.length * 2, 40);
  writeFileSync(file, Buffer.concat([header, Buffer.from(samples.buffer, samples.byteOffset, samples.length * 2)]));
  return file;
}

/** @returns {{rateHz: number, samples: Int16Array}} */
export function readWav(file) {
  const bytes = readFileSync(file);
  const rateHz = bytes.readUInt32LE(24);
  const data = bytes.indexOf('data', 12);
  const length = Math.min(bytes.readUInt32LE(data + 4), bytes.length - data - 8);
  const samples = new Int16Array(length >> 1);
  for (let i = 0; i < samples.length; ++i) samples[i] = bytes.readInt16LE(data + 8 + 2 * i);
  return { rateHz, samples };
}

/** Energy of one frequency in a window (Goertzel), as a share of the window's energy: 1 for a pure tone. */
export function toneShare(window, rateHz, toneHz, energy) {
  const factor = 2 * Math.cos((2 * Math.PI * toneHz) / rateHz);
  let [a, b] = [0, 0];
  for (const sample of window) [a, b] = [sample + factor * a - b, a];
  return ((a * a + b * b - factor * a * b) * 2) / window.length / energy;
}

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;

/**
 * What is left of the stepped tones, window by window (50 ms).
 * @returns {{tones: Record<number, {windows: number, purity: number, rms: number}>, silentShare: number,
 *   seconds: number, purity: number, rms: number, orderFaults: number}}
 *   `purity` is the median share of the window's energy in its strongest tone; `orderFaults` counts
 *   steps from one tone to another than its successor.
 */
export function measureTones(samples, rateHz) {
  const size = Math.round(rateHz * 0.05);
  const found = Object.fromEntries(TONES_HZ.map((tone) => [tone, []]));
  let silent = 0;
  let windows = 0;
  let orderFaults = 0;
  let last;
  for (let start = 0; start + size <= samples.length; start += size) {
    ++windows;
    const window = samples.subarray(start, start + size);
    const energy = window.reduce((sum, sample) => sum + sample * sample, 0);
    const rms = Math.sqrt(energy / size);
    if (rms < 100) {
      ++silent;
      continue;
    }
    const shares = TONES_HZ.map((tone) => toneShare(window, rateHz, tone, energy));
    const purity = Math.max(...shares);
    // A window over a step holds two tones: it says nothing about either.
    if (purity < 0.6) continue;
    const index = shares.indexOf(purity);
    if (last !== undefined && index !== last && index !== (last + 1) % TONES_HZ.length) ++orderFaults;
    last = index;
    found[TONES_HZ[index]].push({ purity, rms });
  }
  const all = Object.values(found).flat();
  const summary = (list) => ({
    windows: list.length,
    purity: Number(median(list.map(({ purity }) => purity)).toFixed(3)),
    rms: Math.round(median(list.map(({ rms }) => rms))),
  });
  return {
    tones: Object.fromEntries(Object.entries(found).map(([tone, list]) => [tone, summary(list)])),
    silentShare: windows ? silent / windows : 1,
    seconds: samples.length / rateHz,
    orderFaults,
    ...summary(all),
  };
}

/** The fault of a measurement that should show the stepped tones, in one sentence; undefined when it is good. */
export function toneFault(measured, { minPurity = 0.85, minRms = 2000, maxSilent = 0.2, maxOrderFaults = 1 } = {}) {
  const missing = TONES_HZ.filter((tone) => measured.tones[tone].windows < 3);
  if (measured.seconds < 2) return `only ${measured.seconds.toFixed(1)} s were heard`;
  if (missing.length > 0) return `not heard: ${missing.join(', ')} Hz (${JSON.stringify(measured)})`;
  if (measured.purity < minPurity) return `purity ${measured.purity} is below ${minPurity}`;
  if (measured.rms < minRms) return `level ${measured.rms} is below ${minRms}`;
  if (measured.silentShare > maxSilent) return `${Math.round(measured.silentShare * 100)} % is silence`;
  if (measured.orderFaults > maxOrderFaults) return `${measured.orderFaults} tones came out of order`;
  return undefined;
}

export function measureFile(file) {
  const { rateHz, samples } = readWav(file);
  return measureTones(samples, rateHz);
}
