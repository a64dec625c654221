// What a path of the network does to the packets on it, decided packet by packet from a seed.

/** A path on a fine day, and every setting there is. Shares are 0 to 1. */
export const CLEAR = Object.freeze({
  delayMs: 0,
  jitterMs: 0, // up to so much more for each packet, uniformly; the order is kept, as in a queue
  loss: 0, // of each packet on its own
  burstLoss: 0, // share of the packets lost in bursts (Gilbert's model) ...
  burstPackets: 3, // ... of so many packets on average
  reorder: 0, // share of the packets that are overtaken ...
  reorderMs: 60, // ... because they take up to so much longer
  duplicate: 0, // share of the packets that come twice
});

/** Numbers from 0 up to 1, the same for the same seed (a 32-bit state counted up and mixed). */
export function seededRandom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
}

const KEYS = {
  delay: ['delayMs', 0, 2000, 1], jitter: ['jitterMs', 0, 2000, 1],
  loss: ['loss', 0, 90, 100], burst_loss: ['burstLoss', 0, 90, 100], burst_packets: ['burstPackets', 1, 50, 1],
  reorder: ['reorder', 0, 100, 100], reorder_ms: ['reorderMs', 0, 2000, 1], duplicate: ['duplicate', 0, 100, 100],
  seed: ['seed', 0, 2 ** 32 - 1, 1],
};

/**
 * "loss=5,jitter=40,seed=1": shares in percent, times in milliseconds. Throws with key, value and what is allowed.
 * @returns {{seed: number, weather: typeof CLEAR}}
 */
export function parseWeather(text) {
  const found = { seed: 1 };
  for (const part of text.split(',')) {
    const [key, value, ...more] = part.split('=').map((word) => word.trim());
    if (!Object.hasOwn(KEYS, key) || more.length > 0) {
      throw new Error(`weather: "${part}" is not KEY=NUMBER with one of the keys ${Object.keys(KEYS).join(', ')}`);
    }
    const [name, least, most, divisor] = KEYS[key];
    const number = /^\d+(\.\d+)?$/.test(value ?? '') ? Number(value) : NaN;
    if (!(number >= least && number <= most) || (key === 'seed' && !Number.isInteger(number))) {
      throw new Error(`weather: ${key}=${value ?? ''} must be a number from ${least} to ${most}`);
    }
    found[name] = number / divisor;
  }
  const { seed, ...weather } = found;
  return { seed, weather: { ...CLEAR, ...weather } };
}

/** One direction of a path, without sockets or clock: packets go in, times of arrival come out. */
export class ImpairedPath {
  #random;
  #weather = CLEAR;
  #isInBurst = false;
  #lastInOrder = -Infinity;
  #latest = -Infinity;
  #interruption = { until: -Infinity, isHeld: false };
  counters = { packets: 0, lost: 0, lostInBursts: 0, lostInOutage: 0, bursts: 0, held: 0, reordered: 0, duplicated: 0 };

  /** @param {number} seed two paths of one seed treat their packets alike */
  constructor(seed) {
    this.#random = seededRandom(seed);
  }

  get weather() {
    return this.#weather;
  }
  /** Changes the settings that are given; the others become those of a clear path. */
  setWeather(weather) {
    const unknown = Object.keys(weather).filter((key) => !Object.hasOwn(CLEAR, key));
    if (unknown.length > 0) throw new Error(`no such weather: ${unknown.join(', ')}`);
    this.#weather = { ...CLEAR, ...weather };
  }

  /** Until then nothing passes; packets are lost, or held back and come all at once. */
  interrupt({ untilMs, isHeld = false }) {
    this.#interruption = { until: untilMs, isHeld };
  }

  /** When a packet that goes in now comes out: no time at all, one, or two. @returns {number[]} */
  send(nowMs) {
    const weather = this.#weather;
    // Always as many draws: a change of one setting leaves what the others do to later packets as it was.
    const [burst, loss, jitter, reorder, detour, duplicate] = Array.from({ length: 6 }, this.#random);
    const { counters } = this;
    ++counters.packets;
    const isLostInBurst = this.#isLostInBurst(burst);
    if (nowMs < this.#interruption.until && !this.#interruption.isHeld) return this.#drop('lostInOutage');
    if (isLostInBurst) return this.#drop('lostInBursts');
    if (loss < weather.loss) return this.#drop('lost');

    let arrival = nowMs + weather.delayMs + jitter * weather.jitterMs;
    if (this.#interruption.isHeld && arrival < this.#interruption.until) {
      ++counters.held;
      arrival = this.#interruption.until;
    }
    if (reorder < weather.reorder) {
      arrival += detour * weather.reorderMs;
    } else {
      arrival = Math.max(arrival, this.#lastInOrder);
      this.#lastInOrder = arrival;
    }
    if (arrival < this.#latest) ++counters.reordered;
    this.#latest = Math.max(this.#latest, arrival);
    if (duplicate >= weather.duplicate) return [arrival];
    ++counters.duplicated;
    return [arrival, arrival];
  }

  #drop(counter) {
    ++this.counters[counter];
    return [];
  }

  #isLostInBurst(draw) {
    const { burstLoss, burstPackets } = this.#weather;
    const ends = 1 / burstPackets;
    const was = this.#isInBurst;
    this.#isInBurst = burstLoss > 0 && (was ? draw >= ends : draw < (ends * burstLoss) / (1 - burstLoss));
    if (this.#isInBurst && !was) ++this.counters.bursts;
    return this.#isInBurst;
  }
}
