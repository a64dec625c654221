// The SDK as the gateway serves it: its README's first example, what a call survives, what a pre-flight test finds.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import http from 'node:http';
import { after, afterEach, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { measureFile } from '../../tools/lab/audio.mjs';
import { preparePage } from '../../tools/lab/browser.mjs';
import { USERS } from '../../tools/lab/lab.mjs';
import { assertTones, CallLab } from './call_lab.mjs';

const { bob: BOB, carol: CAROL, erin: ERIN } = USERS;
const WEB = fileURLToPath(new URL('../../controlplane/web/', import.meta.url));

describe('the SDK', () => {
  let it;
  let bob;
  before(async () => {
    it = await CallLab.start();
    bob = await it.lab.phone(BOB, { flags: ['--play', 'tones'] });
  });
  after(() => it?.stop());
  afterEach(async () => {
    bob.send('hangup', {});
    await bob.policy({ auto_answer_ms: -1 });
    await it.web.page.waitForFunction(() => window.byonPhone.calls.length === 0, null, { timeout: 8000 }).catch(() => {});
  });

  const connect = () => it.connectTo(bob);
  const assertTonesBothWays = () => it.assertTonesBothWays(bob);

  test('is one module without imports, small, with types that say what it does', async () => {
    const source = await (await fetch(`${it.lab.url}/sdk/byon.js`)).text();
    assert.doesNotMatch(source, /\bimport\s*[({"'*]|\bfrom\s*["']/);
    assert.ok(gzipSync(source).length < 25 * 1024);
    const folder = `${it.lab.dir}/typed`;
    await mkdir(folder, { recursive: true });
    await writeFile(`${folder}/byon.d.ts`, await (await fetch(`${it.lab.url}/sdk/byon.d.ts`)).text());
    const program = (line) => `import { Device, type Call, ByonError } from './byon.js';
      const device = new Device({ token: 'x' });
      device.on('incoming', (call: Call) => { void call.accept({ audio: true }); });
      ${line}`;
    const compile = async (line) => {
      await writeFile(`${folder}/page.ts`, program(line));
      const outcome = spawnSync(process.execPath, [`${WEB}node_modules/typescript/bin/tsc`, '--noEmit', '--strict', '--target', 'es2022',
        '--module', 'esnext', '--moduleResolution', 'bundler', '--lib', 'es2023,dom,dom.iterable', `${folder}/page.ts`], { encoding: 'utf8' });
      if (outcome.status !== 0) throw new Error(outcome.stdout);
    };
    await compile("device.on('error', (error) => { if (error instanceof ByonError) console.log(error.code, error.status.toFixed()); });");
    await assert.rejects(compile("device.on('incomming', () => {});"), /incomming/);
    await assert.rejects(compile("device.on('incoming', (call) => call.hold('yes'));"), /not assignable/);
  });

  test("the README's first example works pasted into an empty page", async () => {
    const readme = await readFile(`${WEB}sdk/README.md`, 'utf8');
    const [, example] = /```html\n([\s\S]*?)```/.exec(readme);
    assert.ok(example.trim().split('\n').length <= 15, example);
    // The README speaks of the quickstart's address; this lab has another.
    const page = example.replaceAll('http://127.0.0.1:8080', it.lab.url);
    const server = http.createServer((request, response) => response.writeHead(200, { 'content-type': 'text/html' }).end(page));
    const { hostname, port } = new URL(it.lab.appUrl);
    server.listen(Number(port), hostname);
    await once(server, 'listening');
    const context = await it.browser.newContext({ permissions: ['microphone'] });
    try {
      const tab = await context.newPage();
      await tab.addInitScript(preparePage);
      const faults = [];
      tab.on('pageerror', (error) => faults.push(error.message));
      tab.on('dialog', (dialog) => dialog.accept());
      await tab.goto(`${it.lab.appUrl}/`);
      await tab.locator('input[name=user]').fill('carol');
      await tab.locator('input[name=password]').fill('carol');
      await tab.locator('button').click();
      await tab.waitForURL(`${it.lab.appUrl}/`);
      const button = tab.locator('#call');
      await tab.waitForFunction(() => document.querySelector('#call')?.onclick, null, { timeout: 10_000 });
      bob.forget();
      await button.click();
      assert.equal((await bob.waitFor('incoming')).pai, `<sip:${CAROL}@ims.test>`);
      bob.send('answer');
      await button.getByText('connected').waitFor({ timeout: 10_000 });
      const file = `${it.lab.dir}/bob-readme.wav`;
      await assertTones(async () => [measureFile(await bob.record(file, 3000))]);
      bob.send('hangup');
      await button.getByText('ended').waitFor({ timeout: 10_000 });
      bob.call(CAROL);
      const answered = await bob.waitFor(['answered', 'failed']);
      assert.equal(answered.event, 'answered');
      await button.getByText('connected').waitFor({ timeout: 10_000 });
      assert.deepEqual(faults, []);
    } finally {
      await context.close();
      server.close();
      server.closeAllConnections();
    }
  });

  const ufrag = () => it.web.page.evaluate(() => /a=ice-ufrag:(\S+)/.exec(window.byonPhone.calls.at(-1).peerConnection.localDescription.sdp)[1]);
  for (const [name, begin] of [
    ['an outgoing call', connect],
    ['an incoming call', () => it.connectFrom(bob)],
  ]) {
    test(`ICE is restarted in ${name}, and the sound goes on`, async () => {
      await begin();
      await assertTonesBothWays();
      const before = await ufrag();
      await bob.stats({ resetGap: true });
      // What the browser tells when its network has changed.
      await it.web.page.evaluate(() => window.dispatchEvent(new Event('online')));
      await it.web.page.waitForFunction(
        (old) => {
          const { signalingState, localDescription } = window.byonPhone.calls.at(-1).peerConnection;
          return signalingState === 'stable' && !localDescription.sdp.includes(`a=ice-ufrag:${old}\r`);
        }, before, { timeout: 8000 });
      await delay(500);
      await assertTonesBothWays();
      const stats = await bob.stats();
      assert.ok(stats.largest_gap_ms < 400, `a gap of ${stats.largest_gap_ms} ms`);
      assert.equal(await it.web.page.evaluate(() => window.byonPhone.calls.at(-1).state), 'connected');
    });
  }

  test('ICE is restarted while either side holds the call, which stays held', async () => {
    await connect();
    const restart = () => it.web.page.evaluate(() => window.byonPhone.calls.at(-1).restartIce());
    await it.web.test('hold').first().click();
    assert.equal((await bob.waitFor('remote_direction')).direction, 'sendonly');
    await it.web.callState('held');
    await restart();
    await it.web.callState('held');
    await it.web.test('hold').first().click();
    assert.equal((await bob.waitFor('remote_direction')).direction, 'sendrecv');
    await it.web.callState('connected');
    bob.send('hold');
    await bob.waitFor('held');
    await it.web.callState('held');
    await restart();
    bob.send('resume');
    await bob.waitFor('resumed');
    await it.web.callState('connected');
    await assertTonesBothWays();
  });

  test('one WebSocket carries everything where the transport is told so', async () => {
    const context = await it.browser.newContext({ permissions: ['microphone'] });
    try {
      const page = await context.newPage();
      await page.addInitScript(preparePage);
      await page.goto(`${it.lab.url}/`);
      const token = await it.lab.token('erin');
      await page.evaluate(async (accessToken) => {
        const { Device } = await import('/sdk/byon.js');
        performance.clearResourceTimings();
        window.device = new Device({ token: accessToken, transport: 'websocket' });
        window.device.on('incoming', (call) => call.accept());
        await window.device.register();
      }, token);
      bob.forget();
      await page.evaluate(async (number) => (window.call = await window.device.call(number)), BOB);
      assert.equal((await bob.waitFor('incoming')).pai, `<sip:${ERIN}@ims.test>`);
      bob.send('answer');
      await page.evaluate(() => window.call.state === 'connected' || window.call.next('connected', { signal: AbortSignal.timeout(8000) }).then(() => true));
      await assertTones(async () => [measureFile(await bob.record(`${it.lab.dir}/bob-ws.wav`, 3000))]);
      await page.evaluate(() => window.call.hold());
      assert.equal((await bob.waitFor('remote_direction')).direction, 'sendonly');
      await page.evaluate(() => window.call.hold(false));
      const quality = await page.evaluate(() => window.call.getGatewayQuality());
      assert.match(quality.ims.codec, /^AMR-WB/);
      await page.evaluate(() => window.call.restartIce());
      await assert.rejects(page.evaluate(() => window.device.call('+340')), /5 to 15 digits/);
      await page.evaluate(() => window.call.hangup());
      await bob.waitFor('bye');
      bob.call(ERIN);
      assert.equal((await bob.waitFor(['answered', 'failed'])).event, 'answered');
      await page.evaluate(() => window.device.unregister());
      await bob.waitFor('bye');
      const requests = await page.evaluate(() => performance.getEntriesByType('resource').map(({ name }) => name).filter((name) => /webrtc|byon\/v1\/(?!config)/.test(name)));
      assert.deepEqual(requests, []);
    } finally {
      await context.close();
    }
  });

  test('a pre-flight test with a call measures the way to a phone and back', async () => {
    await bob.policy({ auto_answer_ms: 100 });
    const report = await it.web.page.evaluate((testCallTo) => window.byonPhone.runPreflight({ testCallTo, testCallMs: 3000 }), BOB);
    assert.deepEqual(report.steps.map(({ name, outcome }) => `${name} ${outcome}`),
      ['browser passed', 'gateway passed', 'events passed', 'microphone passed', 'network passed', 'call passed'], JSON.stringify(report.steps));
    assert.equal(report.isGood, true);
    const { figures } = report.steps.at(-1);
    assert.ok(figures.mos > 3.5 && figures.packetsReceived > 100 && figures.packetsSent > 100, JSON.stringify(figures));
    await bob.waitFor('bye');
  });

  test('a token that ends is renewed in time: nothing is interrupted', async () => {
    it.lab.identityProvider.accessTokenTtl = 8;
    const web = await it.openWebPhone('dave');
    try {
      await web.page.evaluate(() => {
        window.told = [];
        for (const name of ['tokenWillExpire', 'reconnecting', 'unregistered']) window.byonPhone.on(name, () => window.told.push(name));
      });
      await web.page.waitForFunction(() => window.told.filter((name) => name === 'tokenWillExpire').length >= 3, null, { timeout: 40_000 });
      const told = await web.page.evaluate(() => window.told);
      assert.deepEqual(new Set(told), new Set(['tokenWillExpire']));
      assert.equal(await web.page.evaluate(() => window.byonPhone.isConnected), true);
    } finally {
      it.lab.identityProvider.accessTokenTtl = 3600;
      await web.close();
    }
  });

  test('a page that goes away in mid-call hangs up', async () => {
    const web = await it.openWebPhone('erin');
    await it.connectTo(bob, web);
    web.page.on('dialog', (dialog) => dialog.accept());
    await web.page.goto('about:blank');
    await bob.waitFor('bye', { timeoutMs: 5000 });
    await web.close();
  });

  test('a page that crashed in mid-call: the next one ends what it cannot carry on, and takes calls', async () => {
    const web = await it.openWebPhone('erin');
    const context = web.page.context();
    await it.connectTo(bob, web);
    const crashed = once(web.page, 'crash');
    const devtools = await context.newCDPSession(web.page);
    devtools.send('Page.crash').catch(() => {});
    await crashed;
    const page = await context.newPage();
    await page.addInitScript(preparePage);
    await page.goto(`${it.lab.url}/`);
    await page.locator('[data-testid="login"]').click();
    await page.locator('[data-state="registered"]').waitFor();
    await bob.waitFor('bye', { timeoutMs: 5000 });
    bob.call(ERIN);
    await page.locator('[data-testid="answer"]').click();
    await bob.waitFor('answered');
    await page.locator('[data-testid="call"][data-state="connected"]').waitFor();
    await context.close();
  });
});

describe('the SDK on a network that goes away', () => {
  let it;
  let bob;
  before(async () => {
    it = await CallLab.start({ relay: {} });
    bob = await it.lab.phone(BOB, { flags: ['--play', 'tones'] });
  });
  after(() => it?.stop());

  test('fifteen seconds without a packet: the call says so, restarts ICE, and both hear each other again', async () => {
    await it.connectTo(bob);
    await it.web.page.evaluate(() => {
      window.told = [];
      const [call] = window.byonPhone.calls;
      window.restarts = 0;
      call.peerConnection.addEventListener('signalingstatechange', () => {
        if (call.peerConnection.signalingState === 'have-local-offer') ++window.restarts;
      });
      for (const name of ['reconnecting', 'reconnected', 'ended']) call.on(name, () => window.told.push(name));
      for (const name of ['warning', 'warningCleared']) call.on(name, (warning) => window.told.push(`${name} ${warning}`));
      window.firstUfrag = /a=ice-ufrag:(\S+)/.exec(call.peerConnection.localDescription.sdp)[1];
    });
    await delay(2000);
    await it.lab.relay.interrupt('access', { ms: 15_000 });
    await it.web.page.getByText('Reconnecting…').waitFor({ timeout: 12_000 });
    await it.web.page.waitForFunction(() => window.told.includes('reconnected'), null, { timeout: 30_000 });
    await it.web.page.waitForFunction(() => window.told.includes('warningCleared no-incoming-audio'), null, { timeout: 15_000 });
    const { told, isNewPath, state, restarts } = await it.web.page.evaluate(() => ({
      told: window.told, restarts: window.restarts, state: window.byonPhone.calls[0]?.state,
      isNewPath: !window.byonPhone.calls[0].peerConnection.localDescription.sdp.includes(`a=ice-ufrag:${window.firstUfrag}\r`),
    }));
    assert.equal(state, 'connected', told.join());
    assert.ok(isNewPath, told.join());
    assert.ok(restarts >= 1 && restarts <= 10, `${restarts} restarts`);
    assert.ok(told.indexOf('reconnecting') < told.indexOf('reconnected'), told.join());
    assert.ok(told.includes('warning no-incoming-audio'), told.join());
    await it.assertTonesBothWays(bob);
    await it.web.hangUp();
    await bob.waitFor('bye');
  });
});
