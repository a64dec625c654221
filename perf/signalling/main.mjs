// Registrations and calls of many numbers on one control plane. perf/signalling/run says what may be asked for.
import { writeFileSync } from 'node:fs';
import http from 'node:http';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { addressesOf } from '../../tools/lab/addresses.mjs';
import { Child } from '../../tools/lab/child_process.mjs';
import { takeInstance } from '../../tools/lab/instance.mjs';
import { temporaryDirectory } from '../../tools/lab/temporary_directory.mjs';
import { GatewayUnderLoad } from '../channels/gateway.mjs';
import { Issuer, Mint } from '../channels/identity.mjs';
import { userOf } from '../channels/subscriber.mjs';
import { webRtcOffer } from '../../tests/e2e/api_client.mjs';

const REGISTRATION = '/webrtc-registration/v0.4/sessions';
const CALLS = '/webrtc-call-handling/v0.4/sessions';
const WINDOW = 64;
const NETWORK = fileURLToPath(new URL('network.xml', import.meta.url));
const agent = new http.Agent({ keepAlive: true, maxSockets: WINDOW });

function parse(args) {
  const flag = (name, fallback) => (args.includes(name) ? args[args.indexOf(name) + 1] : fallback);
  const build = flag('--build', fileURLToPath(new URL('../../.build/perf', import.meta.url)));
  const count = Number(flag('--count', 3000));
  const calls = Number(flag('--calls', Math.min(count, 400)));
  const threads = flag('--threads', '1,2').split(',').map(Number);
  if (![count, calls].every((number) => Number.isInteger(number) && number >= 1) || calls > count || threads.some((number) => !(number >= 1 && number <= 64))) {
    console.error('perf/run signalling: --count and --calls must be at least 1, calls at most count, --threads a list of numbers from 1 to 64');
    process.exit(2);
  }
  return { count, calls, threads, json: flag('--json'), controlPlane: `${build}/controlplane/byon-controlplane`, dataPlane: `${build}/dataplane/byon-dataplane` };
}

function ask({ host, port }, method, path, token, { body, headers = {} } = {}) {
  const text = body && JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const request = http.request({ host, port, method, path, agent, headers: {
      ...(token ? { authorization: `Bearer ${token}` } : {}), ...(text ? { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) } : {}), ...headers,
    } }, (response) => {
      let answer = '';
      response.on('data', (part) => (answer += part));
      response.on('end', () => resolve({ status: response.statusCode, body: answer ? JSON.parse(answer) : undefined }));
    });
    request.on('error', reject);
    request.end(text);
  });
}

/** So many at a time. @returns what each gave */
async function forAll(items, work) {
  const results = [];
  let next = 0;
  await Promise.all(Array.from({ length: WINDOW }, async () => {
    while (next < items.length) {
      const index = next++;
      results[index] = await work(items[index], index);
    }
  }));
  return results;
}

/** Rate and processor time of one step. */
async function measured(gateway, count, step) {
  const [cpu, memory, started] = [gateway.cpuSeconds, gateway.residentBytes, performance.now()];
  const result = await step();
  const seconds = (performance.now() - started) / 1000;
  return { result, perSecond: count / seconds, cpuMsEach: ((gateway.cpuSeconds - cpu) * 1000) / count, kibEach: (gateway.residentBytes - memory) / 1024 / count };
}

async function run({ count, calls, controlPlane, dataPlane }, threads) {
  const { instance, release } = await takeInstance();
  const addresses = addressesOf(instance);
  const dir = await temporaryDirectory('byon-signalling-');
  const issuer = new Issuer();
  await issuer.start(addresses.identityProvider);
  const network = new Child('sipp', ['sipp', '-sf', NETWORK, '-i', addresses.pcscf, '-p', '5060', '-nostdin', '-deadcall_wait', '0', '-skip_rlimit',
    '-buff_size', String(8 << 20)], { log: `${dir}/sipp.log` });
  const gateway = await GatewayUnderLoad.start({
    controlPlane, dataPlane, dir, addresses, issuer: issuer.issuer, connections: 4000, isTls: false,
    change: (settings) => {
      settings.ims.shards = threads;
      settings.ims.credential_template = { password: 'pw{number}' };
      Object.assign(settings.limits, { connections_per_address: 2000, requests_per_second_per_address: 100_000 });
    },
  });
  try {
    await gateway.waitUntilReady(async () => (await ask(gateway.address, 'GET', '/readyz')).status === 200);
    const mint = new Mint(issuer);
    const users = Array.from({ length: count }, (_, index) => ({ ...userOf(index), token: mint.token(userOf(index)) }));
    await delay(500);
    const registered = await measured(gateway, count, () => forAll(users, async (user) => {
      const { status, body } = await ask(gateway.address, 'POST', REGISTRATION, user.token, { body: { deviceId: user.deviceId } });
      if (status !== 201) throw new Error(`registration: ${status} ${JSON.stringify(body)}`);
      user.registrationId = body.registrationId;
    }));
    // All calls stand at the same time: each is a dialog, and a session of the media plane, which bounds them.
    const callers = users.slice(0, calls);
    const offer = webRtcOffer();
    const called = await measured(gateway, calls, () => forAll(callers, async (user) => {
      const { status, body } = await ask(gateway.address, 'POST', CALLS, user.token, {
        headers: { registrationId: user.registrationId },
        body: { originatorAddress: `tel:${user.number}`, receiverAddress: 'tel:+34900000000', offer: { sdp: offer } },
      });
      if (status !== 201) throw new Error(`call: ${status} ${JSON.stringify(body)}`);
      user.call = body.mediaSessionId;
    }));
    await delay(1000);
    const states = await forAll(callers, async (user) => (await ask(gateway.address, 'GET', `${CALLS}/${user.call}`, user.token)).body?.status);
    const connected = states.filter((state) => state === 'Connected').length;
    const ended = await measured(gateway, calls, () => forAll(callers, (user) => ask(gateway.address, 'DELETE', `${CALLS}/${user.call}`, user.token)));
    return {
      sipThreads: threads, count, calls, connected,
      registrations: { perSecond: registered.perSecond, cpuMsEach: registered.cpuMsEach, kibEach: registered.kibEach },
      callSetUps: { perSecond: called.perSecond, cpuMsEach: called.cpuMsEach, kibEach: called.kibEach },
      callEnds: { perSecond: ended.perSecond, cpuMsEach: ended.cpuMsEach },
    };
  } finally {
    await gateway.stop();
    await network.stop(1000);
    await issuer.stop();
    release();
  }
}

const options = parse(process.argv.slice(2));
const results = [];
console.log('SIP threads  what               a second   CPU ms each   KiB each');
for (const threads of options.threads) {
  const result = await run(options, threads);
  results.push(result);
  for (const [name, what] of [['registrations', 'registrations'], ['callSetUps', 'call set-ups'], ['callEnds', 'calls ended']]) {
    const { perSecond, cpuMsEach, kibEach } = result[name];
    console.log(`${String(threads).padEnd(12)} ${what.padEnd(16)} ${perSecond.toFixed(0).padStart(10)} ${cpuMsEach.toFixed(2).padStart(13)} ${kibEach === undefined ? '' : kibEach.toFixed(1).padStart(10)}`);
  }
  console.log(`             ${result.connected} of ${result.calls} calls were connected at the same time`);
  if (result.connected < result.calls * 0.99) process.exitCode = 1;
}
if (options.json) writeFileSync(options.json, `${JSON.stringify(results, null, 2)}\n`);
process.exit();
