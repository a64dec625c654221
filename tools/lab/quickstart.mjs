// The second half of tools/quickstart: start, call, report, stay.
import { rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { fileURLToPath } from 'node:url';
import { steppedTones, writeWav } from './audio.mjs';
import { launchChromium, WebPhone } from './browser.mjs';
import { checkCalls, tableOf } from './check_calls.mjs';
import { Lab, USERS } from './lab.mjs';
import { parseWeather } from './weather.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const ALICE = USERS.alice;
const BOB = USERS.bob;

function parseArguments(args) {
  const options = { isCheck: false };
  const rest = [...args];
  while (rest.length > 0) {
    const flag = rest.shift();
    if (flag === '--check') options.isCheck = true;
    else if (flag === '--json' && rest.length > 0) options.json = rest.shift();
    else if (flag === '--weather' && rest.length > 0) options.weather = parseWeather(rest.shift());
    else if (flag === '--build' && rest.length > 0) options.buildDir = rest.shift();
    else throw new Error(`unknown or incomplete argument: ${flag}`);
  }
  return options;
}

const isFree = (port) =>
  new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });

/** 127.0.0.1 when its ports are free, any other loopback network when not. */
async function startLab(options) {
  const areFree = (await Promise.all([8080, 9400, 50051].map(isFree))).every(Boolean);
  if (!areFree) console.log('quickstart: a port of 127.0.0.1:8080, :9400, :50051 is taken; another loopback address is used');
  const dir = `${ROOT}.lab/quickstart`;
  await rm(dir, { recursive: true, force: true });
  const common = { dir, buildDir: options.buildDir, relay: options.weather && { seed: options.weather.seed } };
  if (!areFree) return Lab.start(common);
  return Lab.start({ ...common, instance: 0 }).catch((error) => {
    if (!/is taken/.test(error.message)) throw error;
    return Lab.start(common);
  });
}

async function makeCheckCalls(lab, bob) {
  const microphone = writeWav(`${lab.dir}/microphone.wav`, 48000, steppedTones(48000));
  const browser = await launchChromium({ microphone });
  try {
    const { relay } = lab;
    const web = await WebPhone.open(browser, `${lab.url}/`, { detour: relay && ((sdp) => relay.detour(sdp)) });
    await web.signIn('alice');
    await web.registered();
    const result = await checkCalls({ web, phone: bob, number: ALICE, dir: lab.dir, relay });
    // The number is left to whoever signs in next.
    await web.test('logout').click();
    await web.page.locator('[data-state="signed-out"]').waitFor({ timeout: 5000 }).catch(() => {});
    return result;
  } finally {
    await browser.close();
  }
}

function explain(lab) {
  console.log(`
The web client is at        ${lab.url}/
Sign in as                  alice / alice   (${ALICE})   or carol / carol   (${USERS.carol})
Call                        ${BOB}, a SIM phone that answers and plays four tones
Your own page               may be served at ${lab.appUrl}/ (controlplane/web/sdk/README.md)
Press Enter here            and that phone calls ${ALICE}
Logs and settings           ${lab.dir}
Ctrl-C                      ends everything${lab.relay ? `
The weather                 goes on between gateway and phone; your own browser talks to the gateway directly` : ''}`);
}

async function main() {
  const options = parseArguments(process.argv.slice(2));
  let lab;
  let isStopping = false;
  const stop = async (status) => {
    if (isStopping) return;
    isStopping = true;
    try {
      await lab?.stop();
    } catch (error) {
      console.error(error.message);
      status ||= 1;
    }
    process.exit(status);
  };
  process.on('SIGINT', () => stop(0));
  process.on('SIGTERM', () => stop(0));

  const began = Date.now();
  try {
    lab = await startLab(options);
    const bob = await lab.phone(BOB, { flags: ['--play', 'tones'] });
    console.log(`quickstart: up after ${((Date.now() - began) / 1000).toFixed(1)} s at ${lab.url}/ ; making a call each way`);
    if (options.weather) await lab.relay.setWeatherEverywhere(options.weather.weather);
    const result = await makeCheckCalls(lab, bob);
    console.log(`\n${tableOf(result)}`);
    for (const fault of result.faults) console.error(`quickstart: ${fault}`);
    if (options.json) await writeFile(options.json, `${JSON.stringify(result, null, 2)}\n`);
    if (options.isCheck) return await stop(result.isGood ? 0 : 1);
    await bob.policy({ auto_answer_ms: 1500 });
    explain(lab);
    process.stdin.on('data', () => bob.call(ALICE)).unref?.();
  } catch (error) {
    console.error(`quickstart: ${error.message}`);
    if (lab) console.error(`quickstart: logs are in ${lab.dir}`);
    await stop(1);
  }
}

await main().catch((error) => {
  console.error(`quickstart: ${error.message}`);
  process.exit(2);
});
