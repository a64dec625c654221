// Many event channels on one gateway. perf/channels/run says what may be asked for.
import { fork } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { addressesOf } from '../../tools/lab/addresses.mjs';
import { takeInstance } from '../../tools/lab/instance.mjs';
import { temporaryDirectory } from '../../tools/lab/temporary_directory.mjs';
import { GatewayUnderLoad } from './gateway.mjs';
import { Issuer, Mint } from './identity.mjs';
import { Registrar } from './registrar.mjs';
import { Subscriber } from './subscriber.mjs';

const GOALS = { kibPerChannel: 20, p99Ms: 50, channelsPerSecond: 500, eventsPerSecond: 1000, idleCpuPercent: 10 };
const SPARE_FILES = 2400; // of the gateway beside its channels: it says at start what its other rooms may open
const CALLERS = 100;
const RINGS = 500;
const PAUSE_MS = 10;
const FLOOD_MS = 5000;
const PATIENCE_MS = 60_000; // of a call's step; an emulated machine takes its time
const AT_ONCE = 128; // openings under way, of all processes together
const SETTLE_MS = 25_000; // more than one interval of pings

function parse(args) {
  const flag = (name, fallback) => (args.includes(name) ? args[args.indexOf(name) + 1] : fallback);
  const build = flag('--build', fileURLToPath(new URL('../../.build/perf', import.meta.url)));
  return {
    count: args.includes('--count') ? Number(flag('--count')) : undefined, isTls: args.includes('--tls'), checks: args.includes('--check'),
    json: flag('--json'), pingSeconds: args.includes('--ping') ? Number(flag('--ping')) : undefined,
    openSeconds: args.includes('--open-for') ? Number(flag('--open-for')) : undefined, controlPlane: flag('--controlplane', `${build}/controlplane/byon-controlplane`),
    dataPlane: flag('--dataplane', `${build}/dataplane/byon-dataplane`),
  };
}

const openFilesLimit = () => {
  const text = /Max open files\s+\S+\s+(\S+)/.exec(readFileSync('/proc/self/limits', 'utf8'))[1];
  return text === 'unlimited' ? Infinity : Number(text);
};
const quantile = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
function spread(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return { count: sorted.length, p50Ms: quantile(sorted, 0.5), p99Ms: quantile(sorted, 0.99), maxMs: sorted.at(-1) };
}

/** A wait that says what was waited for when it was in vain. */
function within(promise, what) {
  let timer;
  const inVain = new Promise((resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${PATIENCE_MS / 1000} s in vain for ${typeof what === 'function' ? what() : what}`)), PATIENCE_MS);
  });
  return Promise.race([promise, inVain]).finally(() => clearTimeout(timer));
}

/** Calls from `callers`, each ringing once or more; when a 180 was sent and when its event was there. */
class Rings {
  #registrar;
  #waiting = new Map();

  constructor(registrar) {
    this.#registrar = registrar;
    registrar.onInvite = ({ callee, ring }) => this.#waiting.get(/\+\d+/.exec(callee)?.[0])?.(ring);
  }

  /** A call that the network has and that does not ring yet. */
  async start(caller) {
    const callee = `+349${String(10_000_000 + caller.index)}`;
    const invited = new Promise((resolve) => this.#waiting.set(callee, resolve));
    const mediaSessionId = await within(caller.call(callee), `the answer to a call of ${caller.user}`);
    const ring = await within(invited, () => `the INVITE of ${caller.user} (its call: ${caller.lastStatus})`);
    return { caller, ring, end: () => caller.hangUp(mediaSessionId), mediaSessionId };
  }

  /** One 180; ms until its event is at the client. */
  async once(call) {
    const heard = new Promise((resolve) => {
      call.caller.onEvent = ({ data }) => data.status === 'Ringing' && data.mediaSessionId === call.mediaSessionId && resolve(performance.now());
    });
    const sentAt = performance.now();
    call.ring();
    return (await within(heard, `the event of ${call.caller.user}`)) - sentAt;
  }

  async latencies(callers, count) {
    const found = [];
    while (found.length < count) {
      // A POST whose call does not ring yet is answered after a second: all wait for theirs together.
      const calls = await Promise.all(callers.slice(0, count - found.length).map((caller) => this.start(caller)));
      for (const call of calls) {
        found.push(await this.once(call));
        await delay(PAUSE_MS);
      }
      await Promise.all(calls.map((call) => call.end()));
    }
    return spread(found);
  }

  /** Calls one after the other on each of these channels, rung at once and ended; all their events, and how long after a 180 its own came. */
  async flood(callers) {
    const delays = [];
    let events = 0;
    let isOver = false;
    const started = performance.now();
    const lane = async (caller) => {
      const callee = `+349${String(10_000_000 + caller.index)}`;
      let sentAt = 0;
      this.#waiting.set(callee, (ring) => {
        sentAt = performance.now();
        ring();
      });
      caller.onEvent = ({ data }) => {
        ++events;
        if (data.status === 'Ringing') delays.push(performance.now() - sentAt);
      };
      while (!isOver) await caller.hangUp(await within(caller.call(callee), `the answer to a call of ${caller.user}`));
    };
    const lanes = callers.map(lane);
    await delay(FLOOD_MS);
    const perSecond = events / ((performance.now() - started) / 1000);
    isOver = true;
    await Promise.all(lanes);
    return { eventsPerSecond: Math.round(perSecond), ...spread(delays) };
  }
}

async function openIdle({ count, processes, gateway, issuer, openSeconds }) {
  const share = Math.ceil(count / processes);
  const state = { open: 0, failures: 0, lost: 0, lastError: '', children: [] };
  const started = performance.now();
  const enough = openSeconds && setTimeout(() => state.children.forEach((child) => child.send('enough')), openSeconds * 1000);
  await Promise.all(Array.from({ length: processes }, async (_, index) => {
    const child = fork(fileURLToPath(new URL('idle_channels.mjs', import.meta.url)), { execArgv: ['--max-old-space-size=6000'] });
    state.children.push(child);
    const first = index * share;
    child.send({ first, count: Math.min(share, count - first), atOnce: Math.ceil(AT_ONCE / processes), gateway: gateway.address, issuer: issuer.issuer, privateJwk: issuer.privateJwk });
    let open = 0;
    await new Promise((resolve, reject) => {
      child.on('exit', (code) => reject(new Error(`a process of clients ended with ${code}`)));
      child.on('message', (news) => {
        if (news.lost !== undefined) {
          ++state.lost;
          state.lastError ||= news.why;
        }
        if (news.open !== undefined) {
          state.open += news.open - open;
          open = news.open;
          process.stderr.write(`\r${state.open} channels   `);
        }
        if (news.isDone) {
          state.failures += news.failures;
          state.lastError ||= news.lastError;
          resolve();
        }
      });
    });
  }));
  clearTimeout(enough);
  state.seconds = (performance.now() - started) / 1000;
  process.stderr.write('\n');
  return state;
}

/** Fills in `figures` one after the other: what is known stays known when a later step fails. */
async function measure(options, gateway, registrar, issuer, figures) {
  const mint = new Mint(issuer);
  await gateway.waitUntilReady(() => new Promise((resolve) => {
    const { host, port, isTls } = gateway.address;
    (isTls ? https : http).get({ host, port, path: '/readyz', rejectUnauthorized: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    }).on('error', () => resolve(false));
  }));
  const callers = await Promise.all(Array.from({ length: CALLERS }, async (_, index) => {
    const caller = await within(Subscriber.open(options.count + index, { gateway: gateway.address, mint }), `the channel of caller ${index}`);
    await within(caller.register(), `the registration of caller ${index}`);
    return caller;
  }));
  const rings = new Rings(registrar);
  figures.ring = { alone: await rings.latencies(callers, 100) };
  const before = gateway.residentBytes;
  const cpuBefore = gateway.cpuSeconds;

  const idle = await openIdle({ count: options.count, processes: options.processes, openSeconds: options.openSeconds, gateway, issuer });
  const cpuOfOpening = gateway.cpuSeconds - cpuBefore;
  if (idle.open === 0) throw new Error(`no channel opened: ${idle.lastError}`);
  Object.assign(figures, {
    tls: options.isTls, channels: idle.open, refused: idle.failures, residentMib: before / 1048576,
    channelsPerSecond: idle.open / idle.seconds, cpuMsPerChannel: (cpuOfOpening * 1000) / idle.open,
  });
  Object.defineProperty(figures, 'lost', { get: () => idle.lost, enumerable: true });
  await delay(SETTLE_MS);
  figures.kibPerChannel = (gateway.residentBytes - before) / 1024 / idle.open;
  const cpuIdle = gateway.cpuSeconds;
  const idleFrom = performance.now();
  await delay(20_000);
  figures.idleCpuPercent = ((gateway.cpuSeconds - cpuIdle) / (performance.now() - idleFrom)) * 1e5;

  figures.ring.loaded = await rings.latencies(callers, RINGS);
  figures.flood = { channels: CALLERS, ...await rings.flood(callers) };
  if (idle.lost > 0) console.log(`the first that was refused or lost: ${idle.lastError}`);
  for (const caller of callers) caller.end();
  for (const child of idle.children) child.disconnect();
}

function print(figures) {
  const ms = (value) => `${value.toFixed(1)} ms`;
  const row = (name, value) => console.log(`${name.padEnd(46)} ${value}`);
  if (figures.channels !== undefined) {
    row(`channels open${figures.tls ? ' over TLS' : ''}`, `${figures.channels} (${figures.refused} refused, ${figures.lost} lost)`);
    row('opened and registered per second', `${figures.channelsPerSecond.toFixed(0)} (${figures.cpuMsPerChannel.toFixed(2)} ms of CPU each)`);
  }
  if (figures.kibPerChannel !== undefined) row('resident memory per channel', `${figures.kibPerChannel.toFixed(1)} KiB (the rest: ${figures.residentMib.toFixed(0)} MiB)`);
  if (figures.idleCpuPercent !== undefined) row('CPU while all are idle', `${figures.idleCpuPercent.toFixed(1)} %`);
  for (const [name, found] of [['before the load', figures.ring?.alone], ['with all of them idle', figures.ring?.loaded]]) {
    if (found) row(`SIP 180 to event, ${name}`, `p50 ${ms(found.p50Ms)}, p99 ${ms(found.p99Ms)}, max ${ms(found.maxMs)} (${found.count} calls)`);
  }
  if (figures.flood) {
    const { channels, eventsPerSecond, p50Ms, p99Ms } = figures.flood;
    row(`events per second of calls on ${channels} channels`, `${eventsPerSecond} (180 to event: p50 ${ms(p50Ms)}, p99 ${ms(p99Ms)})`);
  }
}

function missed(figures) {
  const goals = [
    ['channels opened in the time given', figures.channels + figures.refused === options.count, `${options.count}`],
    ['resident memory per channel', figures.kibPerChannel <= GOALS.kibPerChannel || figures.tls, `at most ${GOALS.kibPerChannel} KiB`],
    ['SIP 180 to event, p99', figures.ring.loaded.p99Ms <= GOALS.p99Ms, `at most ${GOALS.p99Ms} ms`],
    ['channels per second', figures.channelsPerSecond >= GOALS.channelsPerSecond, `at least ${GOALS.channelsPerSecond}`],
    ['events per second of calls', figures.flood.eventsPerSecond >= GOALS.eventsPerSecond, `at least ${GOALS.eventsPerSecond}`],
    ['CPU while idle', figures.idleCpuPercent <= GOALS.idleCpuPercent, `at most ${GOALS.idleCpuPercent} %`],
    ['channels refused or lost', figures.refused + figures.lost === 0, 'none'],
  ];
  return goals.filter(([, isMet]) => !isMet).map(([name, , goal]) => `${name}: the goal is ${goal}`);
}

const options = parse(process.argv.slice(2));
const most = openFilesLimit() - SPARE_FILES - CALLERS;
options.count ??= Math.min(50_000, most);
if (options.count > most) {
  console.error(`A process may have ${openFilesLimit()} open files here: ${most} channels at most (ulimit -Hn).`);
  process.exit(2);
}
options.processes = Math.max(1, Math.ceil(options.count / 12_000));
const { instance, release } = await takeInstance();
const addresses = addressesOf(instance);
const dir = await temporaryDirectory('byon-channels-');
const issuer = new Issuer();
const registrar = new Registrar();
const figures = {};
let gateway;
try {
  await issuer.start(addresses.identityProvider);
  await registrar.start({ ip: addresses.pcscf, port: 5060 });
  gateway = await GatewayUnderLoad.start({ ...options, dir, addresses, issuer: issuer.issuer, connections: options.count + CALLERS + 100,
    change: (settings) => { if (options.pingSeconds !== undefined) settings.events = { ping_s: options.pingSeconds }; } });
  await measure(options, gateway, registrar, issuer, figures);
  print(figures);
  if (options.json) writeFileSync(options.json, `${JSON.stringify(figures, null, 1)}\n`);
  const faults = options.checks ? missed(figures) : [];
  for (const fault of faults) console.log(`MISSED ${fault}`);
  process.exitCode = faults.length > 0 ? 1 : 0;
} catch (error) {
  print(figures);
  const end = gateway?.control.result;
  console.error(end ? `The gateway has ended (${end.signal ?? end.code ?? end.error}): ${error.message}` : error.message);
  console.error(gateway?.control.tail(10) ?? '');
  process.exitCode = 1;
} finally {
  await gateway?.stop();
  registrar.stop();
  await issuer.stop();
  release();
}
process.exit();
