// Deliveries to a real HTTPS server: order, retries, credentials, and where they never go.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { Lab, USERS } from '../../tools/lab/lab.mjs';
import { ApiClient, CALLS, REGISTRATION, SUBSCRIPTIONS } from './api_client.mjs';
import { WebhookSink } from './webhook_sink.mjs';

const TYPES = ['session-status', 'registration-ends'].map((name) => `org.camaraproject.webrtc-events-subscriptions.v0.${name}`);
const inSeconds = (seconds) => new Date(Date.now() + seconds * 1000).toISOString();

describe('webhooks', () => {
  let lab;
  let sink;
  let api;
  let deviceId;
  let registrationId;
  before(async () => {
    sink = await WebhookSink.start();
    lab = await Lab.start({ controlPlane: (config) => (config.webhooks.ca_file = sink.caFile) });
    await lab.phone(USERS.bob);
    api = new ApiClient(lab.url, await lab.token('alice'));
    deviceId = randomUUID();
    ({ registrationId } = await api.register(deviceId));
  });
  after(async () => {
    await lab?.stop();
    await sink?.stop();
  });

  const credential = (accessToken, seconds = 3600) => ({
    sinkCredential: { credentialType: 'ACCESSTOKEN', accessToken, accessTokenType: 'bearer', accessTokenExpiresUtc: inSeconds(seconds) },
  });
  const subscribe = async (more = {}) => (await api.expect(201, 'POST', SUBSCRIPTIONS, {
    body: { protocol: 'HTTP', sink: sink.url, types: TYPES, config: { subscriptionDetail: { deviceId } }, ...more },
  })).id;
  /** A call that rings and is given up: at least two events. */
  async function ringOnce() {
    const { mediaSessionId } = await api.createCall(registrationId, USERS.alice, USERS.bob);
    const path = `${CALLS}/${mediaSessionId}`;
    for (const deadline = Date.now() + 10_000; (await api.expect(200, 'GET', path)).status !== 'Ringing';) assert.ok(Date.now() < deadline);
    await api.expect(204, 'DELETE', path);
    return mediaSessionId;
  }
  const isCancelled = (id) => ({ body }) => body.data.mediaSessionId === id && body.data.status === 'SessionCancelled';
  const deliveriesOf = (id) => sink.deliveries.filter(({ body }) => body.data.mediaSessionId === id);
  const end = async (id) => {
    await api.expect(204, 'DELETE', `${SUBSCRIPTIONS}/${id}`);
    await sink.next(({ body }) => body.type.endsWith('subscription-ended') && body.data.subscriptionId === id);
  };

  test('come in order, also when the sink stumbles', async () => {
    const subscription = await subscribe();
    sink.answers = [503, 429];
    const id = await ringOnce();
    await sink.next(isCancelled(id));
    const delivered = deliveriesOf(id).map(({ body }) => body.data.sequenceNumber);
    assert.deepEqual(delivered, [...delivered].sort((a, b) => a - b), 'in order');
    assert.deepEqual(delivered.slice(0, 3), [1, 1, 1], 'the first until it was taken');
    const ids = deliveriesOf(id).slice(0, 3).map(({ body }) => body.id);
    assert.equal(new Set(ids).size, 1, 'a repeated event keeps its id');
    await end(subscription);
  });

  test('a credential that is renewed delivers what the old one could not', async () => {
    const subscription = await subscribe(credential('old'));
    sink.answers = [401];
    const id = await ringOnce();
    await sink.next(({ headers }) => headers.authorization === 'Bearer old');
    await api.expect(200, 'PUT', `${SUBSCRIPTIONS}/${subscription}`, { body: credential('fresh') });
    await sink.next(isCancelled(id));
    assert.equal(deliveriesOf(id).at(-1).headers.authorization, 'Bearer fresh');
    await end(subscription);
  });

  test('a credential about to end ends the subscription with a word, while it still serves', async () => {
    const subscription = await subscribe(credential('short', 6));
    const { headers, body } = await sink.next(({ body: { data } }) => data.subscriptionId === subscription && data.terminationReason, 10_000);
    assert.equal(body.data.terminationReason, 'ACCESS_TOKEN_EXPIRED');
    assert.equal(headers.authorization, 'Bearer short');
    await api.refused(404, 'NOT_FOUND', 'GET', `${SUBSCRIPTIONS}/${subscription}`);
  });

  test('410 ends the subscription at once', async () => {
    const subscription = await subscribe();
    sink.answers = [410];
    const id = await ringOnce();
    await sink.next(({ body }) => body.data.mediaSessionId === id);
    for (const deadline = Date.now() + 5000; ;) {
      const { status } = await api.request('GET', `${SUBSCRIPTIONS}/${subscription}`);
      if (status === 404) break;
      assert.ok(Date.now() < deadline, 'the subscription lives on');
    }
    assert.equal(deliveriesOf(id).length, 1);
  });

  test('a redirect is not followed', async () => {
    const subscription = await subscribe();
    sink.answers = [302];
    sink.answerHeaders = { location: `${sink.url}/elsewhere` };
    const id = await ringOnce();
    await sink.next(isCancelled(id));
    assert.ok(deliveriesOf(id).every(({ path }) => path === '/events'));
    await end(subscription);
  });

  test('never go inside the operator\'s network', async () => {
    const strict = await Lab.start({
      controlPlane: (config) => {
        config.webhooks = { allow_private_networks: false, ca_file: sink.caFile };
      },
    });
    try {
      const client = new ApiClient(strict.url, await strict.token('alice'));
      const device = randomUUID();
      const { registrationId: id } = await client.register(device);
      const body = (url) => ({ protocol: 'HTTP', sink: url, types: TYPES, config: { subscriptionDetail: { deviceId: device } } });
      for (const url of ['https://localhost/', 'https://2130706433/', 'https://gateway.internal/', 'https://intranet/']) {
        await client.refused(400, 'INVALID_SINK', 'POST', SUBSCRIPTIONS, { body: body(url) });
      }
      // What only the connection shows is refused there: an address that is well written, but inside.
      const before = sink.deliveries.length;
      await client.expect(201, 'POST', SUBSCRIPTIONS, { body: body(sink.url) });
      const { mediaSessionId } = await client.createCall(id, USERS.alice, '+34699999999');
      await strict.controlPlane.waitForLine(/webhook_event_lost.*address not allowed/, 10_000);
      assert.equal(sink.deliveries.length, before);
      await client.request('DELETE', `${CALLS}/${mediaSessionId}`);
      await client.expect(204, 'DELETE', `${REGISTRATION}/${id}`);
    } finally {
      await strict.stop();
    }
  });
});
