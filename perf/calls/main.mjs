// Whole calls: web clients by REST and WebSocket, phones by SIP, the media of both by byon-load. perf/calls/run says what may be asked for.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { addressesOf } from '../../tools/lab/addresses.mjs';
import { takeInstance } from '../../tools/lab/instance.mjs';
import { temporaryDirectory } from '../../tools/lab/temporary_directory.mjs';
import { GatewayUnderLoad } from '../channels/gateway.mjs';
import { Issuer, Mint } from '../channels/identity.mjs';
import { Subscriber } from '../channels/subscriber.mjs';
import { NgServer } from './ng_server.mjs';
import { Phones } from './phones.mjs';
import { RestClient, SPARE_USERS, WholeCalls } from './whole_calls.mjs';

const OPENED_AT_ONCE = 16;

function take(args, name) {
  const at = args.indexOf(name);
  return at < 0 ? undefined : args.splice(at, 2)[1];
}

/** How many users the profile needs: its calls, a storm, and some whose call is ending. */
function usersFor(load, args) {
  const printed = spawnSync(load, [...args, '--print-profile'], { encoding: 'utf8' });
  if (printed.status !== 0) {
    process.stderr.write(printed.stderr || `${load} cannot be run\n`);
    process.exit(2);
  }
  const calls = Number(/^calls: *(\d+)/m.exec(printed.stdout)?.[1] ?? 100);
  const storm = Number(/^storm:.*calls: *(\d+)/m.exec(printed.stdout)?.[1] ?? 0);
  return (calls + storm) * (args.includes('--find-limit') ? 8 : 1) + SPARE_USERS;
}

const args = process.argv.slice(2);
const build = take(args, '--build') ?? fileURLToPath(new URL('../../.build/perf', import.meta.url));
const controlPlane = take(args, '--controlplane') ?? path.join(build, 'controlplane/byon-controlplane');
const load = path.join(build, 'tools/load/byon-load');
const wanted = take(args, '--users');
if (!args[0] || args[0].startsWith('--')) args.unshift('whole');
const profile = args[0] === 'whole' ? fileURLToPath(new URL('whole.yaml', import.meta.url)) : args[0];
args[0] = profile;
const users = wanted === undefined ? usersFor(load, args) : Number(wanted);
if (!Number.isInteger(users) || users <= SPARE_USERS || users > 20_000) {
  console.error(`perf/run calls: --users is "${wanted}", but must be a whole number from ${SPARE_USERS + 1} to 20000`);
  process.exit(2);
}

const { instance, release } = await takeInstance();
const addresses = addressesOf(instance);
const dir = await temporaryDirectory('byon-calls-');
const issuer = new Issuer();
const phones = new Phones();
const clients = [];
let gateway, rest, ng;
try {
  await issuer.start(addresses.identityProvider);
  await phones.start({ ip: addresses.pcscf, port: 5060 });
  gateway = await GatewayUnderLoad.start({
    controlPlane, dataPlane: path.join(build, 'dataplane/byon-dataplane'), dir, addresses, issuer: issuer.issuer, connections: users + 500, isTls: false,
    change: (settings) => {
      settings.ims.codecs = ['AMR-WB', 'AMR', 'PCMA', 'PCMU']; // the phone's profile chooses
      Object.assign(settings.limits, { connections_per_address: 2000, requests_per_second_per_address: 100_000, requests_per_second_per_client: 100_000 });
    },
  });
  rest = new RestClient(gateway.address);
  await gateway.waitUntilReady(async () => (await rest.ask('GET', '/readyz')).status === 200);
  const mint = new Mint(issuer);
  let next = 0;
  await Promise.all(Array.from({ length: OPENED_AT_ONCE }, async () => {
    while (next < users) {
      const client = await Subscriber.open(next++, { gateway: gateway.address, mint });
      client.token = mint.token(client);
      await client.register();
      clients.push(client);
    }
  }));
  const calls = new WholeCalls({ clients, phones, rest });
  ng = new NgServer(async (command) => calls.carryOut(command));
  await ng.start(addresses.pcscf);
  const player = spawn(load, [...args, '--ng', ng.address, '--pid', gateway.data.pid, '--pid', gateway.control.pid], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => player.kill(signal));
  [process.exitCode] = await once(player, 'exit');
} catch (error) {
  console.error(`perf/run calls: ${error.message}`);
  console.error(gateway?.control.tail(10) ?? '');
  process.exitCode = 3;
} finally {
  ng?.stop();
  rest?.stop();
  for (const client of clients) client.end();
  await gateway?.stop();
  phones.stop();
  await issuer.stop();
  release();
}
process.exit();
