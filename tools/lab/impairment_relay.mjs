// The relay on a thread of its own: what a test computes meanwhile must not become weather. The verbs are PacketRelay's.
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { PacketRelay } from './packet_relay.mjs';

export class ImpairmentRelay {
  #worker;
  #open = new Map();
  #lastId = 0;

  /**
   * @param {{seed?: number, near: string, far: string}} options `near`: address towards browsers, IPv4 or IPv6;
   *   `far`: towards the gateway
   */
  static async start({ seed = 1, near, far }) {
    const relay = new ImpairmentRelay();
    relay.near = near;
    relay.far = far;
    relay.#worker = new Worker(fileURLToPath(import.meta.url), { workerData: { impairmentRelay: { seed } } });
    relay.#worker.on('message', ({ id, result, fault }) => {
      const { resolve, reject } = relay.#open.get(id);
      relay.#open.delete(id);
      if (relay.#open.size === 0) relay.#worker.unref();
      if (fault === undefined) resolve(result);
      else reject(new Error(fault));
    });
    relay.#worker.on('error', (error) => {
      for (const { reject } of relay.#open.values()) reject(error);
      relay.#open.clear();
    });
    await once(relay.#worker, 'online');
    // Whoever forgets to stop it can end all the same.
    relay.#worker.unref();
    return relay;
  }

  setWeather(leg, weather) {
    return this.#ask('setWeather', leg, weather);
  }
  /** The same weather everywhere. */
  async setWeatherEverywhere(weather) {
    for (const leg of ['access', 'ims']) await this.setWeather(leg, { toGateway: weather, fromGateway: weather });
  }
  async clear() {
    await this.setWeatherEverywhere({});
  }
  interrupt(leg, how) {
    return this.#ask('interrupt', leg, how);
  }
  rebind() {
    return this.#ask('rebind');
  }
  joinPhone(path) {
    return this.#ask('joinPhone', path);
  }
  counters() {
    return this.#ask('counters');
  }

  /** A description of the gateway's with its candidates, and its default address, replaced by the relay's. */
  async detour(sdp) {
    const lines = sdp.split('\r\n');
    let first;
    for (const [index, line] of lines.entries()) {
      const words = line.split(' ');
      if (!line.startsWith('a=candidate:') || words[2].toLowerCase() !== 'udp') continue;
      const gateway = { ip: words[4], port: Number(words[5]) };
      const stand = await this.#ask('openCandidate', { gateway, near: this.near, far: this.far });
      lines[index] = [...words.slice(0, 4), stand.ip, stand.port, ...words.slice(6)].join(' ');
      first ??= stand;
    }
    if (!first) return sdp;
    const family = isIPv6(first.ip) ? 'IP6' : 'IP4';
    return lines.map((line) => {
      if (line.startsWith('c=IN ')) return `c=IN ${family} ${first.ip}`;
      if (line.startsWith('m=audio ')) return line.replace(/^m=audio \d+/, `m=audio ${first.port}`);
      return line;
    }).join('\r\n');
  }

  async stop() {
    await this.#ask('close');
    await this.#worker.terminate();
  }

  #ask(method, ...parameters) {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#open.set(id, { resolve, reject });
      this.#worker.ref();
      this.#worker.postMessage({ id, method, parameters });
    });
  }
}

if (!isMainThread && workerData?.impairmentRelay) {
  const relay = new PacketRelay(workerData.impairmentRelay);
  parentPort.on('message', async ({ id, method, parameters }) => {
    try {
      parentPort.postMessage({ id, result: await relay[method](...parameters) });
    } catch (error) {
      parentPort.postMessage({ id, fault: error.message });
    }
  });
}
