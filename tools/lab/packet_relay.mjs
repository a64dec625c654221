// UDP sockets with weather between them. The relay stands in front of the gateway on either leg: towards a browser as
// the gateway's ICE candidate, towards a SIM phone as the address that the phone gives out as its own.
import dgram from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import { ImpairedPath } from './weather.mjs';

const LEGS = ['access', 'ims'];
const DIRECTIONS = ['toGateway', 'fromGateway'];
// A browser tries from each of its addresses, and anew for each call; what was not used for so long is closed.
const IDLE_MS = 45_000;
const MAX_SOURCES = 64;

const text = ({ ip, port }) => `${ip} ${port}`;

/** RTP among what shares a port with it: STUN, DTLS, RTCP (RFC 7983 section 7, RFC 5761 section 4). */
const isRtp = (packet) => packet.length >= 12 && packet[0] >> 6 === 2 && (packet[1] < 192 || packet[1] > 223);

/** Nothing has to be looked up: addresses are numbers. */
async function openSocket(ip, port = 0) {
  const family = isIPv6(ip) ? 6 : 4;
  const socket = dgram.createSocket({ type: `udp${family}`, lookup: (host, options, done) => done(null, host, family) });
  const listening = once(socket, 'listening');
  socket.bind(port, ip);
  await listening;
  // Nobody listens at the other end any more: what a network would answer, and no fault of the relay's.
  socket.on('error', () => {});
  return socket;
}

/** What stands under a key, made when it is first asked for; what could not be made is not remembered. */
function remember(map, key, make) {
  if (!map.has(key)) {
    const made = make();
    map.set(key, made);
    made.catch(() => map.delete(key));
  }
  return map.get(key);
}

export class PacketRelay {
  #paths = {};
  #queue = []; // by time of arrival
  #timer;
  #candidates = new Map(); // the gateway's address -> what stands for it
  #phones = new Map(); // the phone's RTP address -> its two sockets
  #rtp = {};
  #own = { strangers: 0, unroutable: 0, latestMs: 0 };

  /** @param {{seed?: number}} [options] each direction of each leg has a weather of its own, all from one seed */
  constructor({ seed = 1 } = {}) {
    LEGS.forEach((leg, row) => {
      this.#rtp[leg] = Object.fromEntries(DIRECTIONS.map((direction) => [direction, { rtpPackets: 0, rtpLost: 0 }]));
      this.#paths[leg] = Object.fromEntries(DIRECTIONS.map((direction, column) =>
        [direction, new ImpairedPath(Math.imul(seed + 1, 4) + row * 2 + column)]));
    });
  }

  /** @param {'access' | 'ims'} leg @param {{toGateway?: object, fromGateway?: object}} weather a direction left out is clear */
  setWeather(leg, { toGateway = {}, fromGateway = {} } = {}) {
    this.#paths[leg].toGateway.setWeather(toGateway);
    this.#paths[leg].fromGateway.setWeather(fromGateway);
  }

  /** Nothing passes on a leg for some time. @param {{ms: number, isHeld?: boolean, directions?: string[]}} how */
  interrupt(leg, { ms, isHeld = false, directions = DIRECTIONS }) {
    for (const direction of directions) this.#paths[leg][direction].interrupt({ untilMs: performance.now() + ms, isHeld });
  }

  /**
   * The address that stands for one of the gateway's candidates, opened when it is first asked for.
   * @param {{gateway: {ip: string, port: number}, near: string, far: string}} where `near`: the relay's address towards
   *   the browser, of either family; `far`: towards the gateway, of the gateway's family
   */
  async openCandidate({ gateway, near, far }) {
    const key = `${text(gateway)} ${near}`;
    const { socket } = await remember(this.#candidates, key, () => this.#openCandidate(gateway, near, far));
    return { ip: near, port: socket.address().port };
  }
  async #openCandidate(gateway, near, far) {
    const socket = await openSocket(near);
    const sources = new Map();
    const candidate = { socket, sources };
    socket.on('message', async (packet, from) => {
      const source = { ip: from.address, port: from.port };
      const key = text(source);
      if (!sources.has(key)) {
        this.#closeIdle(sources);
        if (sources.size >= MAX_SOURCES) return void ++this.#own.strangers;
        sources.set(key, { lastMs: 0, opened: this.#openSource(candidate, source, gateway, far) });
      }
      const entry = sources.get(key);
      entry.lastMs = performance.now();
      try {
        this.#pass('access', 'toGateway', packet, await entry.opened, gateway);
      } catch {
        sources.delete(key);
        ++this.#own.unroutable;
      }
    });
    return candidate;
  }
  async #openSource({ socket }, source, gateway, far) {
    const upstream = await openSocket(far);
    upstream.on('message', (packet, from) => {
      if (text({ ip: from.address, port: from.port }) !== text(gateway)) return void ++this.#own.strangers;
      this.#pass('access', 'fromGateway', packet, socket, source);
    });
    return upstream;
  }
  #closeIdle(sources, idleMs = IDLE_MS) {
    for (const [key, { lastMs, opened }] of sources) {
      if (performance.now() - lastMs < idleMs) continue;
      sources.delete(key);
      opened.then((upstream) => upstream.close(), () => {});
    }
  }
  /** From now on the gateway sees every browser at another port, as after a restart of a NAT; the old ports are closed. */
  async rebind() {
    for (const { sources } of await Promise.all(this.#candidates.values())) this.#closeIdle(sources, 0);
  }

  /**
   * Stands in for a phone: same ports, the relay's address. Its RTP port is even and RTCP goes one above.
   * @param {{relay: string, phone: {ip: string, port: number}, gateway?: {ip: string, port: number, rtcpPort: number}}} path
   *   `gateway` may come with a later call, and change
   */
  async joinPhone({ relay, phone, gateway }) {
    const open = (offset) => this.#openPhoneEnd(relay, { ip: phone.ip, port: phone.port + offset });
    const [rtp, rtcp] = await remember(this.#phones, text(phone), () => Promise.all([open(0), open(1)]));
    if (!gateway) return;
    rtp.gateway = { ip: gateway.ip, port: gateway.port };
    rtcp.gateway = { ip: gateway.ip, port: gateway.rtcpPort };
  }
  async #openPhoneEnd(relay, phone) {
    const socket = await openSocket(relay, phone.port);
    const end = { socket, gateway: undefined };
    socket.on('message', (packet, from) => {
      const source = text({ ip: from.address, port: from.port });
      if (source === text(phone)) {
        if (!end.gateway) return void ++this.#own.unroutable;
        return this.#pass('ims', 'toGateway', packet, socket, end.gateway);
      }
      // The gateway may speak before its address is known here: an answer travels no faster than its media.
      if (end.gateway && source !== text(end.gateway)) return void ++this.#own.strangers;
      this.#pass('ims', 'fromGateway', packet, socket, phone);
    });
    return end;
  }

  /** What happened on every path so far; `relay.latestMs`: how late the relay itself was, at most. */
  counters() {
    const legs = LEGS.map((leg) => [leg, Object.fromEntries(DIRECTIONS.map((direction) =>
      [direction, { ...this.#paths[leg][direction].counters, ...this.#rtp[leg][direction] }]))]);
    return { ...Object.fromEntries(legs), relay: { ...this.#own } };
  }

  #pass(leg, direction, packet, socket, { ip, port }) {
    const now = performance.now();
    const arrivals = this.#paths[leg][direction].send(now);
    if (isRtp(packet)) {
      ++this.#rtp[leg][direction].rtpPackets;
      if (arrivals.length === 0) ++this.#rtp[leg][direction].rtpLost;
    }
    for (const at of arrivals) {
      if (at <= now && this.#queue.length === 0) {
        this.#deliver({ packet, socket, ip, port });
        continue;
      }
      let place = this.#queue.length;
      while (place > 0 && this.#queue[place - 1].at > at) --place;
      this.#queue.splice(place, 0, { at, packet, socket, ip, port });
      if (place === 0) this.#schedule();
    }
  }
  #schedule() {
    clearTimeout(this.#timer);
    if (this.#queue.length > 0) this.#timer = setTimeout(() => this.#run(), Math.max(0, this.#queue[0].at - performance.now()));
  }
  #run() {
    const now = performance.now();
    // Timers know whole milliseconds only.
    while (this.#queue.length > 0 && this.#queue[0].at <= now + 0.5) {
      const delivery = this.#queue.shift();
      this.#own.latestMs = Math.max(this.#own.latestMs, now - delivery.at);
      this.#deliver(delivery);
    }
    this.#schedule();
  }
  #deliver({ packet, socket, ip, port }) {
    try {
      socket.send(packet, port, ip, () => {});
    } catch {
      // Closed meanwhile: the packet is too late.
    }
  }

  async close() {
    clearTimeout(this.#timer);
    this.#queue = [];
    const candidates = await Promise.all(this.#candidates.values());
    const sources = candidates.flatMap(({ sources: entries }) => [...entries.values()].map(({ opened }) => opened));
    const ends = (await Promise.all(this.#phones.values())).flat();
    for (const { socket } of [...candidates, ...ends]) socket.close();
    for (const upstream of await Promise.all(sources)) upstream.close();
  }
}
