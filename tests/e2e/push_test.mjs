// Sleeping devices are woken for their calls: a browser whose page is closed, apps behind Google's and Apple's services.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { WebPhone } from '../../tools/lab/browser.mjs';
import { measureFile } from '../../tools/lab/audio.mjs';
import { USERS } from '../../tools/lab/lab.mjs';
import { ApiClient, CALLS } from './api_client.mjs';
import { assertTones, CallLab } from './call_lab.mjs';
import { PushServices } from './push_services.mjs';

const INCOMING = 'org.byon-gateway.push.v1.incoming-call';
const ENDED = 'org.byon-gateway.push.v1.call-ended';
const WEEK_MS = 7 * 86_400_000;
const RING_S = 60;

describe('push', () => {
  let services;
  let it;
  let bob;
  let vapidPublicKey;
  before(async () => {
    services = await PushServices.start();
    it = await CallLab.start({
      files: services.files,
      controlPlane: (config) => Object.assign(config, { push: services.config, calls: { ring_timeout_s: RING_S } }),
    });
    bob = await it.lab.phone(USERS.bob, { flags: ['--play', 'tones'] });
    const { push } = await new ApiClient(it.lab.url).expect(200, 'GET', '/byon/v1/config');
    assert.deepEqual(push.types, ['web-push', 'fcm', 'apns']);
    ({ vapidPublicKey } = push);
  });
  after(async () => {
    await it?.stop();
    await services?.stop();
  });

  /** A device that is registered and asleep: no event channel. */
  async function sleeper(user, subscription) {
    const api = new ApiClient(it.lab.url, await it.lab.token(user));
    const deviceId = randomUUID();
    const { registrationId } = await api.register(deviceId);
    const path = `/byon/v1/registrations/${registrationId}/push`;
    await api.expect(200, 'PUT', path, { body: subscription });
    return { api, deviceId, registrationId, path };
  }
  const isOf = (type) => (event) => event.type === type;
  async function hangUp() {
    bob.send('hangup');
    await bob.waitFor(['ended', 'failed', 'bye', 'cancelled']).catch(() => {});
    bob.forget();
  }

  test('a call wakes a browser whose page is closed; the page opens, answers, and both are heard', async () => {
    const { page } = it.web;
    const context = page.context();
    const browserSide = services.subscribe('alice', vapidPublicKey);
    await context.grantPermissions(['microphone', 'notifications']);
    // The push service behind a browser's PushManager is Google's or Mozilla's; here it is ours.
    await context.addInitScript((subscription) => {
      if (!globalThis.PushManager) return;
      PushManager.prototype.getSubscription = async () => null;
      PushManager.prototype.subscribe = async ({ applicationServerKey }) => {
        window.labKey = btoa(String.fromCharCode(...new Uint8Array(applicationServerKey))).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
        return { options: { applicationServerKey }, toJSON: () => subscription };
      };
    }, (({ type: _, ...subscription }) => subscription)(browserSide.body));
    await page.reload();
    await it.web.registered();
    await it.web.test('wake').evaluate((box) => box.click());
    await page.waitForFunction(() => localStorage.getItem('byon.preferences')?.includes('"wakes":true'));
    assert.equal(await page.evaluate(() => window.labKey), vapidPublicKey);
    const api = new ApiClient(it.lab.url, await it.lab.token('alice'));
    const [{ registrationId }] = await api.expect(200, 'GET', '/byon/v1/registrations');
    const state = await api.expect(200, 'GET', `/byon/v1/registrations/${registrationId}/push`);
    assert.equal(state.endpoint, browserSide.endpoint);
    assert.ok(Math.abs(Date.parse(state.expiresAt) - Date.now() - WEEK_MS) < 60_000, state.expiresAt);

    await page.close();
    const blank = await context.newPage();
    const devTools = await context.newCDPSession(blank);
    const worker = new Promise((resolve) => {
      devTools.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => {
        const own = registrations.find(({ scopeURL, isDeleted }) => scopeURL.startsWith(it.lab.url) && !isDeleted);
        if (own) resolve(own.registrationId);
      });
    });
    await devTools.send('ServiceWorker.enable');
    const called = Date.now();
    bob.call(USERS.alice);
    const push = await services.next('web-push', isOf(INCOMING));
    assert.ok(push.at - called < 3000, `pushed after ${push.at - called} ms`);
    assert.equal(push.event.data.registrationId, registrationId);
    assert.match(push.event.data.originatorAddress, /34600000002/);
    assert.equal(push.topic, push.event.data.mediaSessionId);
    assert.ok(push.ttl > RING_S - 5 && push.ttl <= RING_S, `TTL ${push.ttl}`);
    await bob.waitFor('ringing'); // nobody but the push service has taken the call yet

    const deliver = async () => devTools.send('ServiceWorker.deliverPushMessage', { origin: it.lab.url, registrationId: await worker, data: push.text });
    await deliver();
    const running = context.serviceWorkers()[0] ?? (await context.waitForEvent('serviceworker'));
    const shown = () => running.evaluate(async () => {
      for (let i = 0; i < 100; ++i) {
        const notes = await self.registration.getNotifications();
        if (notes.length > 0) return notes.map(({ title, tag, body }) => ({ title, tag, body }));
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      return [];
    });
    let notes = await shown();
    // Chromium may lose what the developer tools deliver to a worker that is only starting; a push service would say it again.
    for (let again = 0; notes.length === 0 && again < 3; ++again) {
      await deliver();
      notes = await shown();
    }
    assert.deepEqual(notes.map(({ title, tag }) => [title, tag]), [['Incoming call', push.event.data.mediaSessionId]]);

    // What the service worker opens when the note is clicked.
    await blank.close();
    it.web = await WebPhone.open(it.browser, `${it.lab.url}/#wake`, { context });
    await it.web.page.locator('input[name=user], [data-testid="reg-state"][data-state="registered"]').first().waitFor();
    if (await it.web.page.locator('input[name=user]').isVisible().catch(() => false)) {
      await it.web.page.locator('input[name=user]').fill('alice');
      await it.web.page.locator('input[name=password]').fill('alice');
      await it.web.page.locator('button').click();
    }
    await it.web.registered();
    await it.web.callState('ringing');
    await it.web.answer();
    assert.equal((await bob.waitFor(['answered', 'failed'])).event, 'answered');
    await it.web.callState('connected');
    const file = `${it.lab.dir}/woken.wav`;
    await assertTones(async () => {
      const [inBrowser] = await Promise.all([it.web.measure(3000), bob.record(file, 3000)]);
      return [inBrowser, measureFile(file)];
    });
    await hangUp();
    await it.web.page.waitForFunction(() => window.byonPhone.calls.length === 0, null, { timeout: 8000 });
    assert.deepEqual(await running.evaluate(async () => (await self.registration.getNotifications()).length), 0, 'the page took the note away');
  });

  test('an Android app is pushed again when Google is busy, and told when the caller gives up', async () => {
    const { api } = await sleeper('carol', { type: 'fcm', token: 'carols-phone:1' });
    services.answers.fcm = [[503, '{}', { 'retry-after': '1' }]];
    bob.call(USERS.carol);
    const refused = await services.next('fcm', isOf(INCOMING));
    assert.equal(refused.status, 503);
    const taken = await services.next('fcm', isOf(INCOMING));
    assert.ok(taken.at - refused.at >= 950, `again after ${taken.at - refused.at} ms`);
    assert.equal(taken.token, 'carols-phone:1');
    await bob.waitFor('ringing');
    await hangUp();
    const ended = await services.next('fcm', isOf(ENDED));
    assert.equal(ended.topic, taken.topic);
    assert.equal(ended.event.data.status, 'SessionCancelled');
    assert.equal(services.tokensGiven, 1, 'one access token for all');
    await api.expect(200, 'GET', `${CALLS}/${ended.event.data.mediaSessionId}`);
  });

  test('an iOS app gets a VoIP push, opens its channel, finds the call there and answers', async () => {
    const token = 'ab'.repeat(32);
    const { api, deviceId, path } = await sleeper('dave', { type: 'apns', token, environment: 'sandbox' });
    bob.call(USERS.dave);
    const push = await services.next('apns', isOf(INCOMING));
    assert.equal(push.token, token);
    const { mediaSessionId } = push.event.data;
    const channel = await api.openChannel(deviceId);
    const [session] = await api.expect(200, 'GET', `/byon/v1/calls?deviceId=${deviceId}`);
    assert.equal(session.mediaSessionId, mediaSessionId);
    assert.match(session.offer.sdp, /m=audio/);
    await api.setStatus(mediaSessionId, 'Declined');
    await bob.waitFor('failed');
    // Whoever is connected and answers on his channel is left in peace.
    bob.call(USERS.dave);
    const invitation = await channel.event('session-invitation');
    assert.notEqual(invitation.data.mediaSessionId, mediaSessionId);
    await bob.waitFor('ringing', { timeoutMs: 100 }).then(() => assert.fail('rings without a word of the device'), () => {});
    await api.setStatus(invitation.data.mediaSessionId, 'Busy');
    await bob.waitFor('failed');
    await channel.close();
    await assert.rejects(services.next('apns', () => true, 300), /no such push/);

    // Apple calls the token dead: it is forgotten.
    services.answers.apns = [[410, '{"reason":"Unregistered","timestamp":1}']];
    bob.call(USERS.dave);
    assert.equal((await services.next('apns')).status, 410);
    for (const deadline = Date.now() + 5000; (await api.request('GET', path)).status !== 404;) assert.ok(Date.now() < deadline);
    await hangUp();
  });

  test('a connected client that does not answer its channel is pushed too', async () => {
    const browserSide = services.subscribe('erin', vapidPublicKey);
    const { api, deviceId, registrationId } = await sleeper('erin', browserSide.body);
    const channel = await api.openChannel(deviceId);
    const answer = await channel.command('push.get', { params: { registrationId } });
    assert.equal(answer.body.type, 'web-push');
    channel.acknowledges = false;
    const called = Date.now();
    bob.call(USERS.erin);
    const push = await services.next('web-push', isOf(INCOMING));
    assert.ok(push.at - called >= 2000, `after ${push.at - called} ms`);
    await channel.close();
    await hangUp();
    const { event } = await services.next('web-push', isOf(ENDED));
    assert.equal(event.data.mediaSessionId, push.event.data.mediaSessionId);
  });

  test('subscriptions outlive a restart of the gateway, and foreign ones are not taken', async () => {
    await it.lab.restartControlPlane();
    const api = new ApiClient(it.lab.url, await it.lab.token('erin'));
    const [{ registrationId }] = await api.expect(200, 'GET', '/byon/v1/registrations');
    bob.call(USERS.erin);
    const { event } = await services.next('web-push', isOf(INCOMING));
    assert.match(event.data.originatorAddress, /34600000002/);
    await hangUp();
    await services.next('web-push', isOf(ENDED));
    const path = `/byon/v1/registrations/${registrationId}/push`;
    const { body } = services.subscribe('elsewhere', vapidPublicKey);
    await api.refused(400, 'INVALID_ARGUMENT', 'PUT', path, { body: { ...body, endpoint: 'https://localhost/p' } });
    const stranger = new ApiClient(it.lab.url, await it.lab.token('carol'));
    await stranger.refused(404, 'NOT_FOUND', 'GET', path);
    await api.expect(204, 'DELETE', path);
    await api.refused(404, 'NOT_FOUND', 'DELETE', path);
  });
});
