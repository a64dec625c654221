// Click to call: a visitor of a business's page, without number or sign-in, calls the business over the trunk.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, readFile } from 'node:fs/promises';
import http from 'node:http';
import { createRequire } from 'node:module';
import { after, afterEach, before, describe, test } from 'node:test';
import WebSocket from 'ws';
import { measureFile, measureTones, steppedTones, writeWav } from '../../tools/lab/audio.mjs';
import { launchChromium, preparePage } from '../../tools/lab/browser.mjs';
import { SERVICE_CLIENT } from '../../tools/lab/identity_provider.mjs';
import { findBuild, Lab, USERS } from '../../tools/lab/lab.mjs';
import { ApiClient, CALLS, REGISTRATION, webRtcOffer } from './api_client.mjs';
import { assertTones } from './call_lab.mjs';
import { watchPages } from './page_traffic.mjs';

const { bob: BOB, carol: CAROL } = USERS;
const POOL = ['+34910000001', '+34910000002'];
const TOKENS = '/byon/v1/click-to-call/tokens';
const LISTEN_MS = 2500;
const AXE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

describe('click to call', () => {
  let lab;
  let browser;
  let shop;  // the business's server: its page, and its token at the gateway
  let backend;
  let bob;
  before(async () => {
    lab = await Lab.start({
      controlPlane: (config, { addresses, url, appUrl }) => {
        // The core knows the trunk by its address.
        config.ims.local = `${addresses.trusted}:5070`;
        config.log.full_numbers = false;
        config.http.cors_origins = [];
        const campaign = (id, more) => ({
          id, name: `The ${id}`, called_number: BOB, calling_numbers: POOL, clients: [SERVICE_CLIENT.id], calls_per_minute_per_address: 0, ...more,
        });
        config.click_to_call = {
          trunk: { next_hops: [`${addresses.scscf}:5060`], originating_ioi: 'visitors.test' },
          campaigns: [
            campaign('shop', { allowed_origins: [appUrl], calls_per_minute: 1000, token_lifetime_s: 60 }),
            campaign('slow', { calls_per_minute_per_address: 2 }),
            campaign('narrow', { max_calls: 1, hide_calling_number: true }),
            campaign('foreign', { clients: ['somebody-else'] }),
          ],
        };
        assert.notEqual(url, appUrl);
      },
    });
    backend = new ApiClient(lab.url, await lab.identityProvider.serviceToken());
    bob = await lab.phone(BOB, { flags: ['--play', 'tones'] });
    browser = watchPages(await launchChromium({ microphone: writeWav(`${lab.dir}/microphone.wav`, 48000, steppedTones()) }));
    shop = http.createServer(serveShop).listen(lab.addresses.app.port, lab.addresses.app.ip);
    await once(shop, 'listening');
  });
  after(async () => {
    await browser?.close();
    shop?.closeAllConnections();
    await new Promise((resolve) => (shop ? shop.close(resolve) : resolve()));
    const log = lab && await readFile(`${lab.dir}/controlplane.log`, 'utf8');
    await lab?.stop();
    for (const number of [BOB, ...POOL]) assert.ok(!log.includes(number), `${number} is in the log in full`);
    assert.ok(!/byon-visit\.default\.\w/.test(log), 'a token is in the log');
  });
  afterEach(async () => {
    bob.send('hangup', {});
    await bob.policy({ auto_answer_ms: -1, early_media: false, reject_code: 0 });
  });

  async function serveShop(request, response) {
    if (request.method === 'POST' && request.url === '/call-token') {
      const { token } = await issue('shop', { originatorName: 'Jane of the shop' });
      return response.end(JSON.stringify({ token }));
    }
    response.setHeader('content-type', 'text/html; charset=utf-8');
    return response.end(`<!doctype html><html lang="en"><title>The shop</title><main><h1>The shop</h1><p>Ask us.</p>
      <script type="module" src="${lab.url}/sdk/byon-call.js"></script><byon-call token-url="/call-token" label="Call the shop"></byon-call></main>`);
  }
  const issue = (campaignId, more = {}) => backend.expect(201, 'POST', TOKENS, { body: { campaignId, ...more } });
  async function visitor(campaign, more) {
    return new ApiClient(lab.url, (await issue(campaign, more)).token);
  }
  /** CAMARA's schema asks for addresses; a visitor's token has them. */
  const call = (client, { origin, ...more } = {}) => client.request('POST', CALLS, {
    body: { offer: { sdp: webRtcOffer() }, ...more }, headers: origin ? { origin } : {}, isDeviation: true,
  });
  const outcome = async (...parameters) => {
    const { status, body } = await call(...parameters);
    return status < 300 ? body.mediaSessionId : `${status} ${body.code}`;
  };
  async function refused(promise, status, code) {
    const answer = await promise;
    assert.deepEqual([answer.status, answer.body.code], [status, code], JSON.stringify(answer.body));
    return Number(answer.headers.get('retry-after'));
  }
  /** How the event channel ends for a token. */
  const closeCode = (token) => new Promise((resolve) => {
    const socket = new WebSocket(`${lab.url.replace('http', 'ws')}/byon/v1/channels`, ['byon.events.v1']);
    socket.onopen = () => socket.send(JSON.stringify({ type: 'auth', token, deviceId: crypto.randomUUID() }));
    socket.onclose = ({ code }) => resolve(code);
  });
  const hangUp = (client, id) => client.expect(204, 'DELETE', `${CALLS}/${id}`);

  /** A page with the button on it. */
  async function openPage(url) {
    const context = await browser.newContext({ permissions: ['microphone'], viewport: { width: 420, height: 520 }, reducedMotion: 'reduce' });
    const page = await context.newPage();
    await page.addInitScript(preparePage);
    await page.goto(url);
    const button = page.locator('byon-call');
    const main = button.locator('button.main');
    return {
      page, button, main,
      state: (state) => page.waitForFunction((wanted) => document.querySelector('byon-call').state === wanted, state, { timeout: 10_000, polling: 20 }),
      says: () => button.locator('.status').textContent(),
      close: () => context.close(),
      async measure(milliseconds) {
        const text = await page.evaluate((ms) => window.labRecord(document.querySelector('byon-call').call.remoteStream, ms), milliseconds);
        const bytes = Buffer.from(text, 'base64');
        return measureTones(new Int16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)), 48000);
      },
    };
  }
  async function assertTonesBothWays(page) {
    const file = `${lab.dir}/bob.wav`;
    await assertTones(async () => {
      const [inBrowser] = await Promise.all([page.measure(LISTEN_MS), bob.record(file, LISTEN_MS)]);
      return [inBrowser, measureFile(file)];
    });
  }
  async function look(page, name) {
    const folder = `${findBuild()}/web-screens`;
    await mkdir(folder, { recursive: true });
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme });
      await page.screenshot({ path: `${folder}/click-to-call-${name}-${colorScheme}.png` });
      await page.evaluate(AXE);
      const violations = await page.evaluate(async () => {
        const result = await window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa'] });
        return result.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, any }) => `${html.slice(0, 120)} ${any[0]?.message ?? ''}`).join(' | ')}`);
      });
      assert.deepEqual(violations, [], `${name}, ${colorScheme}`);
    }
  }

  test('the button on a business\'s own page: early media, sound both ways, digits, hang-up by either side', async () => {  // Covers: C33
    const page = await openPage(`${lab.appUrl}/`);
    try {
      bob.forget();
      await bob.policy({ early_media: true });
      await page.main.click();
      const incoming = await bob.waitFor('incoming');
      assert.match(incoming.pai, new RegExp(`^<sip:\\${POOL[0]}@ims\\.test;user=phone>`));
      assert.equal(incoming.from, `sip:${POOL[0]}@ims.test;user=phone`);
      await page.state('ringing');
      await assertTones(async () => [await page.measure(LISTEN_MS)]);
      bob.send('answer');
      await page.state('connected');
      await assertTonesBothWays(page);
      await page.button.locator('button[aria-label=Keypad]').click();
      await page.button.locator('.keypad button', { hasText: '5' }).click();
      assert.equal((await bob.waitFor('dtmf')).digit, '5');
      await page.main.click();
      await bob.waitFor('bye');
      await page.state('ended');
      assert.equal(await page.says(), 'Call ended');

      // Again, with a token of its own and the other number; now the phone hangs up.
      await bob.policy({ early_media: false });
      bob.forget();
      await page.main.click();
      assert.match((await bob.waitFor('incoming')).pai, new RegExp(`^<sip:\\${POOL[1]}@ims\\.test;user=phone>`));
      bob.send('answer');
      await page.state('connected');
      bob.send('hangup');
      await page.state('ended');
    } finally {
      await page.close();
    }
  });

  test('the gateway\'s own page, by a link with a token', async () => {
    const { token } = await issue('narrow');
    const page = await openPage(`${lab.url}/click-to-call.html#${new URLSearchParams({ token, name: 'Our shop' })}`);
    try {
      assert.ok(!page.page.url().includes(token), 'the token leaves the address bar');
      assert.equal(await page.page.locator('h1').textContent(), 'Our shop');
      await look(page.page, 'idle');
      bob.forget();
      await page.main.click();
      const incoming = await bob.waitFor('incoming');
      assert.equal(incoming.from, 'sip:anonymous@anonymous.invalid');
      await page.state('ringing');
      assert.equal(await page.page.locator('h1').textContent(), 'The narrow');
      bob.send('answer');
      await page.state('connected');
      await page.button.locator('button[aria-label=Keypad]').click();
      await look(page.page, 'connected');
      assert.equal(await outcome(await visitor('narrow')), '429 QUOTA_EXCEEDED', 'one call at a time');
      await page.main.click();
      await bob.waitFor('bye');
      await page.state('idle');
      await page.main.click();
      await page.state('ended');
      assert.match(await page.says(), /load it again/, 'its one call is made');
    } finally {
      await page.close();
    }
  });

  test('the token says whom one calls; what else the page asks for is refused', async () => {
    const client = await visitor('shop', { calls: 3 });
    const origin = lab.appUrl;
    for (const [body, status, code] of [
      [{ receiverAddress: `tel:${CAROL}` }, 403, 'INVALID_TOKEN_CONTEXT'],
      [{ receiverAddress: `sip:${BOB}x@ims.test` }, 403, 'INVALID_TOKEN_CONTEXT'],
      [{ originatorAddress: `tel:${CAROL}` }, 403, 'INVALID_TOKEN_CONTEXT'],
      [{ originatorAddress: `tel:${POOL[0]}` }, 403, 'INVALID_TOKEN_CONTEXT'],
      [{ receiverAddress: 'tel:112;phone-context=+34' }, 501, 'CALLTYPE_EMERGENCY_NOT_SUPPORTED'],
      [{ callType: 'EMERGENCY' }, 501, 'CALLTYPE_EMERGENCY_NOT_SUPPORTED'],
    ]) await refused(call(client, { origin, ...body }), status, code);
    await refused(call(client, { origin: 'https://evil.example' }), 403, 'PERMISSION_DENIED');
    await refused(call(client), 403, 'PERMISSION_DENIED');
    for (const [method, path] of [['POST', REGISTRATION], ['GET', '/byon/v1/registrations'], ['POST', TOKENS], ['POST', '/byon/v1/calls/x/transfer']]) {
      await client.refused(403, 'PERMISSION_DENIED', method, path, method === 'POST' ? { body: {}, isDeviation: true } : {});
    }
    const visit = await client.expect(200, 'GET', '/byon/v1/click-to-call/visit');
    assert.deepEqual([visit.name, visit.receiverAddress, visit.callsLeft], ['The shop', `tel:${BOB}`, 3]);
  });

  test('forged, expired and foreign tokens are refused', async () => {
    const { token, tokenId } = await issue('slow', { lifetimeSeconds: 1 });
    for (const bad of [`${token}x`, token.slice(0, -1), `byon-visit.default.${tokenId}.guess`, token.replace('default', 'other'), 'byon-visit.']) {
      await refused(call(new ApiClient(lab.url, bad)), 401, 'UNAUTHENTICATED');
      assert.equal(await closeCode(bad), 4401);
    }
    await backend.refused(404, 'IDENTIFIER_NOT_FOUND', 'POST', TOKENS, { body: { campaignId: 'foreign' } });
    await new ApiClient(lab.url, await lab.token('alice')).refused(403, 'PERMISSION_DENIED', 'POST', TOKENS, { body: { campaignId: 'shop' } });
    const taken = await issue('slow');
    await backend.expect(204, 'DELETE', `${TOKENS}/${taken.tokenId}`);
    await refused(call(new ApiClient(lab.url, taken.token)), 401, 'UNAUTHENTICATED');
    await new Promise((resolve) => setTimeout(resolve, 1000));
    await refused(call(new ApiClient(lab.url, token)), 401, 'UNAUTHENTICATED');
  });

  test('limits: one visitor\'s network, one token\'s calls, the pool', async () => {
    await bob.policy({ auto_answer_ms: -1 });
    const first = await visitor('slow');
    const taken = [[first, await outcome(first)]];
    assert.doesNotMatch(taken[0][1], /^\d{3} /);
    await hangUp(...taken.pop());
    await refused(call(first), 403, 'INVALID_TOKEN_CONTEXT');
    const second = await visitor('slow');
    await hangUp(second, await outcome(second));
    const wait = await refused(call(await visitor('slow')), 429, 'TOO_MANY_REQUESTS');
    assert.ok(wait > 30 && wait <= 60, `Retry-After ${wait}`);

    const origin = lab.appUrl;
    const callers = [await visitor('shop'), await visitor('shop'), await visitor('shop')];
    const ids = [await outcome(callers[0], { origin }), await outcome(callers[1], { origin })];
    for (const id of ids) assert.doesNotMatch(id, /^\d{3} /);
    assert.equal(await refused(call(callers[2], { origin }), 503, 'UNAVAILABLE'), 10);
    const [figures] = (await backend.expect(200, 'GET', '/byon/v1/click-to-call/campaigns')).filter(({ campaignId }) => campaignId === 'shop');
    assert.deepEqual([figures.calls, figures.numbersBusy, figures.numbers], [2, 2, 2]);
    assert.equal(figures.refused.poolBusy, 1);
    // Nobody sees another visitor's call.
    await callers[1].refused(404, 'NOT_FOUND', 'GET', `${CALLS}/${ids[0]}`);
    await hangUp(callers[0], ids[0]);
    const again = await outcome(callers[2], { origin });
    assert.doesNotMatch(again, /^\d{3} /, 'a number is free again');
    await hangUp(callers[1], ids[1]);
    await hangUp(callers[2], again);
  });
});
