// The other ways to the same calls: CAMARA r2.2, and commands on the event channel. Everything that passes is checked
// against the documents by ApiClient and Channel.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { after, before, describe, test } from 'node:test';
import WebSocket from 'ws';
import { Lab, USERS } from '../../tools/lab/lab.mjs';
import { ApiClient, Channel, R2_2, REGISTRATION, webRtcAnswer, webRtcOffer } from './api_client.mjs';
import { commandRows, documents, whyUnchecked } from './openapi.mjs';
import { WebhookSink } from './webhook_sink.mjs';

const require = createRequire(import.meta.url);
const { alice: ALICE, bob: BOB } = USERS;
const typeOf = (name) => `org.camaraproject.webrtc-events.v0.${name}`;

describe('other ways', () => {
  let lab;
  let sink;
  let bob;
  before(async () => {
    sink = await WebhookSink.start();
    lab = await Lab.start({ controlPlane: (config) => (config.webhooks.ca_file = sink.caFile) });
    bob = await lab.phone(BOB, { flags: ['--play', 'tones'] });
  });
  after(async () => {
    await lab?.stop();
    await sink?.stop();
  });

  describe('documents', () => {
    const text = async (path) => {
      const response = await fetch(lab.url + path);
      assert.equal(response.status, 200);
      assert.equal(response.headers.get('content-type'), 'application/yaml');
      return response.text();
    };
    test('the OpenAPI document that is served is valid', async () => {
      const { Validator } = require('@seriousme/openapi-schema-validator');
      const { valid, errors } = await new Validator().validate(await text('/openapi'));
      assert.ok(valid, JSON.stringify(errors));
    });
    test('the AsyncAPI document that is served is valid', async () => {
      const { Parser } = require('@asyncapi/parser');
      const { document, diagnostics } = await new Parser().parse(await text('/asyncapi'));
      assert.ok(document, JSON.stringify(diagnostics.filter(({ severity }) => severity === 0)));
      assert.equal(document.version(), '2.6.0');
    });
  });

  describe('CAMARA r2.2', { skip: whyUnchecked }, () => {
    let api;
    let registrationId;
    const deviceId = randomUUID();
    before(async () => {
      api = new ApiClient(lab.url, await lab.token('alice'));
      ({ registrationId } = await api.expect(200, 'POST', R2_2.REGISTRATION, { body: { deviceId } }));
    });
    after(() => api.expect(204, 'DELETE', `${R2_2.REGISTRATION}/${registrationId}`));

    const subscribe = (types, detail = {}) => api.expect(201, 'POST', R2_2.SUBSCRIPTIONS, {
      body: { protocol: 'HTTP', sink: sink.url, types: types.map(typeOf), config: { subscriptionDetail: { registrationId, ...detail } } },
    });

    test('registering again gives the same registration', async () => {
      const again = await api.expect(200, 'POST', R2_2.REGISTRATION, { body: { deviceId } });
      assert.equal(again.registrationId, registrationId);
      const prolonged = await api.expect(200, 'PUT', `${R2_2.REGISTRATION}/${registrationId}`,
        { body: { registrationExpireTime: new Date(Date.now() + 1000).toISOString() } });
      assert.ok(Date.parse(prolonged.expiresAt) > Date.now() + 60_000, 'a time out of range falls back to the policy');
    });

    test('a call is made, told to its own subscription, held and ended', async () => {
      const correlator = randomUUID();
      const { id } = await subscribe(['session-status']);
      const made = await api.expect(201, 'POST', R2_2.CALLS, {
        headers: { registrationId },
        body: { originatorAddress: `tel:${ALICE}`, receiverAddress: `tel:${BOB}`, clientCorrelator: correlator, offer: { sdp: webRtcOffer() } },
      });
      assert.equal(made.clientCorrelator, correlator);
      const isStatus = (status) => ({ body }) => body.type === typeOf('session-status') && body.data.status === status && body.data.mediaSessionId === made.mediaSessionId;
      const ringing = await sink.next(isStatus('Ringing'));
      assert.equal(ringing.body.data.clientCorrelator, correlator);
      assert.equal(ringing.body.data.subscriptionId, id);
      bob.send('answer');
      await sink.next(isStatus('Connected'));
      const path = `${R2_2.CALLS}/${made.mediaSessionId}`;
      assert.equal((await api.expect(200, 'PUT', `${path}/status`, { body: { status: 'Hold' } })).status, 'Hold');
      assert.equal((await api.expect(200, 'PUT', path, { body: { status: 'Resume' }, isDeviation: true })).status, 'Resume');
      assert.equal((await api.expect(200, 'GET', path)).status, 'Connected');
      await api.expect(204, 'DELETE', path);
      await sink.next(isStatus('Terminated'));
      await api.expect(204, 'DELETE', `${R2_2.SUBSCRIPTIONS}/${id}`);
      await sink.next(({ body }) => body.type === typeOf('subscription-ended'));
    });

    test('a session may be made before its offer', async () => {
      bob.forget();
      const made = await api.expect(201, 'POST', R2_2.CALLS, { headers: { registrationId }, body: { receiverAddress: `tel:${BOB}` } });
      assert.equal(made.originatorAddress, `tel:${ALICE}`);
      const path = `${R2_2.CALLS}/${made.mediaSessionId}`;
      assert.equal((await api.expect(200, 'GET', path)).offer, undefined);
      const offer = { sdp: webRtcOffer() };
      const started = await api.expect(200, 'PUT', `${path}/status`, { body: { status: 'InProgress', offer } });
      assert.equal(started.mediaSessionId, made.mediaSessionId);
      await bob.waitFor('incoming');
      await api.expect(204, 'DELETE', path);
      await bob.waitFor('cancelled');
    });

    test('a call comes in and is answered', async () => {
      const { id } = await subscribe(['session-invitation', 'session-status', 'registration-ends']);
      bob.call(ALICE);
      const { body: { data } } = await sink.next(({ body }) => body.type === typeOf('session-invitation'));
      const path = `${R2_2.CALLS}/${data.mediaSessionId}`;
      await api.expect(200, 'PUT', `${path}/status`, { body: { status: 'Connected', answer: { sdp: webRtcAnswer(data.offer.sdp) } } });
      assert.equal((await bob.waitFor('answered')).agreed, true);
      bob.send('hangup');
      await sink.next(({ body }) => body.data.mediaSessionId === data.mediaSessionId && body.data.status === 'Terminated');
      await api.expect(204, 'DELETE', `${R2_2.SUBSCRIPTIONS}/${id}`);
    });
  });

  describe('commands', () => {
    const deviceId = randomUUID();
    const url = () => `${lab.url.replace('http', 'ws')}/byon/v1/channels`;
    const open = async (user = 'alice') => Channel.open(url(), await lab.token(user), { auth: { deviceId } });
    let channel;
    let registrationId;
    before(async () => {
      channel = await open();
      const { status, body } = await channel.command('registration.create', { body: { deviceId } });
      assert.equal(status, 201, JSON.stringify(body));
      registrationId = body.registrationId;
    });
    after(async () => {
      assert.equal((await channel.command('registration.delete', { params: { registrationId } })).status, 204);
      await channel.close();
    });
    const callBob = (key) => channel.command('call.create', {
      params: { registrationId, ...(key ? { idempotencyKey: key } : {}) },
      body: { originatorAddress: `tel:${ALICE}`, receiverAddress: `tel:${BOB}`, offer: { sdp: webRtcOffer() } },
    });

    test('register without any REST', async () => {
      assert.equal((await lab.core.registrations(ALICE)).length, 1);
      const list = await channel.command('device.list');
      assert.deepEqual(list.body.map(({ registrationId: id, deviceId: device }) => [id, device]), [[registrationId, deviceId]]);
      assert.equal((await channel.command('registration.update', { params: { registrationId } })).status, 204);
      assert.equal((await channel.command('registration.get', { params: { registrationId } })).body.registrationId, registrationId);
      assert.deepEqual((await channel.command('ice.servers')).body.iceServers, []);
    });

    test('are all of CAMARA r3.1, with its parameters', { skip: whyUnchecked }, () => {
      for (const { method, path, parameters } of documents.filter(({ release }) => release === 'r3.1').flatMap((one) => [...one.operations()])) {
        const row = commandRows.find(({ operation }) => operation.replace(/\/v\d+\.\d+/, '') === `${method} ${path}`);
        assert.ok(row, `${method} ${path} is no command`);
        for (const name of parameters) assert.ok(row.params.includes(name), `${row.name} lacks ${name}`);
      }
    });

    test('read lists page by page', async () => {
      const page = await channel.command('device.list', { params: { page: 0, perPage: 1 } });
      assert.deepEqual([page.status, page.totalCount, page.lastKey, page.body.length], [200, 1, registrationId, 1]);
      const beyond = await channel.command('device.list', { params: { page: 1, perPage: 1 } });
      assert.deepEqual([beyond.status, beyond.body.code], [400, 'OUT_OF_RANGE']);
    });

    test('subscribe to webhooks too', async () => {
      const made = await channel.command('subscription.create', {
        body: { protocol: 'HTTP', sink: sink.url, types: ['org.camaraproject.webrtc-events-subscriptions.v0.session-status'], config: { subscriptionDetail: { deviceId } } },
      });
      assert.equal(made.status, 201, JSON.stringify(made.body));
      const params = { subscriptionId: made.body.id };
      assert.equal((await channel.command('subscription.get', { params })).body.sink, sink.url);
      assert.deepEqual((await channel.command('subscription.list')).body.map(({ id }) => id), [made.body.id]);
      assert.equal((await channel.command('subscription.delete', { params })).status, 204);
    });

    test('make a call, hold it, read its story and end it', async () => {
      bob.forget();
      const made = await callBob('key-1');
      assert.equal(made.status, 201, JSON.stringify(made.body));
      const id = made.body.mediaSessionId;
      assert.equal((await callBob('key-1')).body.mediaSessionId, id, 'the same key, the same call');
      await channel.status(id, 'Ringing');
      bob.send('answer');
      await channel.status(id, 'Connected');
      const params = { mediaSessionId: id };
      assert.equal((await channel.command('call.status', { params, body: { status: 'Hold' } })).status, 200);
      assert.equal((await bob.waitFor('remote_direction')).direction, 'sendonly');
      assert.equal((await channel.command('call.status', { params, body: { status: 'Resume' } })).status, 200);
      assert.deepEqual((await channel.command('call.list')).body.map(({ mediaSessionId }) => mediaSessionId), [id]);
      assert.equal((await channel.command('call.dtmf', { params, body: { digits: '12' } })).status, 204);
      assert.equal((await channel.command('call.quality', { params })).status, 200);
      bob.send('hangup');
      await channel.status(id, 'Terminated');
      const { body } = await channel.command('call.details', { params });
      assert.deepEqual(body.history.map(({ status }) => status).filter((status) => !['InProgress', 'Proceeding'].includes(status)),
        ['Initial', 'Ringing', 'Connected', 'Hold', 'Resume', 'Terminated']);
      assert.equal(body.history.find(({ status }) => status === 'Connected').cause.sipStatus, 200);
      assert.equal(body.history.find(({ status }) => status === 'Hold').cause, undefined, 'the device did it');
    });

    test('take a call', async () => {
      bob.forget();
      bob.call(ALICE);
      const { data } = await channel.event('session-invitation');
      const params = { mediaSessionId: data.mediaSessionId };
      const answered = await channel.command('call.status', { params, body: { status: 'Connected', answer: { sdp: webRtcAnswer(data.offer.sdp) } } });
      assert.equal(answered.status, 200, JSON.stringify(answered.body));
      assert.equal((await bob.waitFor('answered')).agreed, true);
      assert.equal((await channel.command('call.delete', { params })).status, 204);
      await bob.waitFor('bye');
    });

    test('say why a call failed', async () => {
      await bob.policy({ reject_code: 486 });
      try {
        const id = (await callBob()).body.mediaSessionId;
        await channel.status(id, 'Busy');
        const { body } = await channel.command('call.details', { params: { mediaSessionId: id } });
        assert.equal(body.cause.sipStatus, 486);
      } finally {
        await bob.policy({ reject_code: 0 });
      }
    });

    test('are refused as REST refuses', async () => {
      const refused = async (status, code, name, options) => {
        const answer = await channel.command(name, options);
        assert.deepEqual([answer.status, answer.body.code], [status, code]);
      };
      await refused(409, 'ALREADY_EXISTS', 'registration.create', { body: { deviceId } });
      await refused(404, 'NOT_FOUND', 'call.get', { params: { mediaSessionId: 'nothing' } });
      await refused(403, 'INVALID_TOKEN_CONTEXT', 'call.create', {
        params: { registrationId: 'nothing' },
        body: { originatorAddress: `tel:${ALICE}`, receiverAddress: `tel:${BOB}`, offer: { sdp: webRtcOffer() } },
      });
      channel.send({ id: 'bad', command: 'call.create', params: { registrationId } }, { isFaulty: true });
      const bad = await channel.message(({ id }) => id === 'bad');
      assert.deepEqual([bad.status, bad.body.code], [400, 'INVALID_ARGUMENT']);
    });

    test('outlive a restart of the gateway', async () => {
      await lab.restartControlPlane();
      assert.equal(await channel.closed, 1001);
      channel = await open();
      const list = await channel.command('registration.list', { params: { deviceId } });
      assert.deepEqual(list.body.map(({ registrationId: id }) => id), [registrationId]);
    });

    test('need a token first', async () => {
      const socket = new WebSocket(url(), ['byon.events.v1']);
      socket.once('open', () => socket.send(JSON.stringify({ id: 'r1', command: 'device.list' })));
      assert.equal(await new Promise((resolve) => socket.once('close', resolve)), 4401);
    });
  });

  test('a registration of one release is one of the other', async () => {
    const api = new ApiClient(lab.url, await lab.token('carol'));
    const { registrationId } = await api.expect(200, 'POST', R2_2.REGISTRATION, { body: { deviceId: randomUUID() } });
    assert.equal((await api.expect(200, 'GET', `${REGISTRATION}/${registrationId}`)).registrationId, registrationId);
    await api.expect(204, 'DELETE', `${REGISTRATION}/${registrationId}`);
    await api.refused(404, 'NOT_FOUND', 'PUT', `${R2_2.REGISTRATION}/${registrationId}`, { body: {} });
  });
});
