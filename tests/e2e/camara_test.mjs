// CAMARA's WebRTC APIs as their flow documents use them, without a browser. Every answer and event is
// checked against CAMARA's OpenAPI files by ApiClient.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Lab, USERS } from '../../tools/lab/lab.mjs';
import { ApiClient, CALLS, REGISTRATION, SUBSCRIPTIONS, webRtcAnswer, webRtcOffer } from './api_client.mjs';
import { whyUnchecked } from './openapi.mjs';
import { WebhookSink } from './webhook_sink.mjs';

const { alice: ALICE, bob: BOB } = USERS;

describe('CAMARA', () => {
  let lab;
  let sink;
  let api;
  let bob;
  let metrics;
  before(async () => {
    sink = await WebhookSink.start();
    lab = await Lab.start({
      controlPlane: (config) => {
        config.webhooks.ca_file = sink.caFile;
        config.registration = { min_expires_s: 60 };
        metrics = `http://${config.http.listen.replace(/:\d+$/, ':9464')}/metrics`;
        config.metrics = { listen: new URL(metrics).host };
      },
    });
    bob = await lab.phone(BOB, { flags: ['--play', 'tones'] });
  });
  after(async () => {
    await lab?.stop();
    await sink?.stop();
  });

  const clientOf = async (user, options) => new ApiClient(lab.url, await lab.token(user, options));
  async function withRegistration(use) {
    api = await clientOf('alice');
    const deviceId = randomUUID();
    const registration = await api.register(deviceId);
    const channel = await api.openChannel(deviceId);
    try {
      await use({ registration, deviceId, channel });
    } finally {
      await channel.close();
      await api.request('DELETE', `${REGISTRATION}/${registration.registrationId}`);
    }
  }

  /** How many SUBSCRIBEs the network has accepted. */
  async function subscribed() {
    const text = await (await fetch(metrics)).text();
    return Number(/^byon_sip_responses_total\{[^}]*method="SUBSCRIBE",direction="received",status="200"\} (\d+)$/m.exec(text)?.[1] ?? 0);
  }

  /** How many requests of a method the network has got. */
  async function sent(method) {
    const text = await (await fetch(metrics)).text();
    return Number(new RegExp(`^byon_sip_requests_total\\{[^}]*method="${method}",direction="sent"[^}]*\\} (\\d+)$`, 'm').exec(text)?.[1] ?? 0);
  }

  test('answers can be checked against the OpenAPI files', { skip: whyUnchecked }, () => {});

  describe('registration', () => {
    test('is made in the IMS, read, prolonged and taken back', async () => {
      const client = await clientOf('alice');
      const deviceId = randomUUID();
      const made = await client.register(deviceId);
      assert.equal(made.regInfo.phoneNumber, ALICE);
      assert.equal(made.regInfo.regStatus, 'Registered');
      assert.ok(Date.parse(made.expiresAt) > Date.now());
      assert.equal((await lab.core.registrations(ALICE)).length, 1);

      await client.refused(409, 'ALREADY_EXISTS', 'POST', REGISTRATION, { body: { deviceId } });
      const list = await client.expect(200, 'GET', `${REGISTRATION}?deviceId=${deviceId}`);
      assert.deepEqual(list.map(({ registrationId }) => registrationId), [made.registrationId]);
      const path = `${REGISTRATION}/${made.registrationId}`;
      assert.equal((await client.expect(200, 'GET', path)).registrationId, made.registrationId);
      const later = new Date(Date.now() + 7200_000).toISOString();
      const prolonged = await client.expect(200, 'PUT', path, { body: { registrationExpireTime: later } });
      assert.ok(Date.parse(prolonged.expiresAt) > Date.parse(made.expiresAt));

      const stranger = await clientOf('carol');
      await stranger.refused(404, 'NOT_FOUND', 'GET', path);
      await stranger.refused(404, 'NOT_FOUND', 'DELETE', path);
      assert.deepEqual(await stranger.expect(200, 'GET', `${REGISTRATION}?deviceId=${deviceId}`), []);

      await client.expect(204, 'DELETE', path);
      await client.refused(404, 'NOT_FOUND', 'GET', path);
      assert.equal((await lab.core.registrations(ALICE)).length, 0);
    });

    test('two devices of one number are two registrations', async () => {
      const client = await clientOf('alice');
      const first = await client.register();
      const second = await client.register();
      assert.notEqual(first.registrationId, second.registrationId);
      for (const { registrationId } of [first, second]) await client.expect(204, 'DELETE', `${REGISTRATION}/${registrationId}`);
    });

    test('a 2-legged token names the number, a 3-legged one must not', async () => {
      const service = new ApiClient(lab.url, await lab.identityProvider.serviceToken());
      await service.refused(422, 'MISSING_IDENTIFIER', 'POST', REGISTRATION, { body: { deviceId: randomUUID() } });
      const user = await clientOf('alice');
      await user.refused(422, 'UNNECESSARY_IDENTIFIER', 'POST', REGISTRATION, { body: { deviceId: randomUUID(), phoneNumber: ALICE } });
    });

    test('what the OpenAPI forbids is refused', async () => {
      const client = await clientOf('alice');
      const deviceId = randomUUID();
      for (const body of [{}, { deviceId: 'no-uuid' }, { deviceId, unknown: 1 }, { deviceId: 5 }, [], 'text', { deviceId, registrationExpireTime: 'soon' }]) {
        await client.refused(400, 'INVALID_ARGUMENT', 'POST', REGISTRATION, { body });
      }
      const soon = new Date(Date.now() + 5000).toISOString();
      await client.refused(400, 'OUT_OF_RANGE', 'POST', REGISTRATION, { body: { deviceId, registrationExpireTime: soon } });
      await client.refused(400, 'INVALID_ARGUMENT', 'GET', REGISTRATION);
      await client.refused(400, 'INVALID_ARGUMENT', 'POST', REGISTRATION, { body: { deviceId }, headers: { 'x-correlator': 'not allowed!' } });
      await client.refused(404, 'NOT_FOUND', 'GET', `${REGISTRATION}/${randomUUID()}`);
    });

    test('ends by the network are told', async () => {  // Covers: R13
      const subscriptions = await subscribed();
      await withRegistration(async ({ registration, channel }) => {
        // Who is not subscribed to its registration's state yet does not hear that it changes.
        for (let i = 0; i < 1000 && (await subscribed()) <= subscriptions; ++i) await delay(20);
        // The end of an earlier subscription may have been counted for it: then this number registers again, and is removed again.
        for (let tries = 1; ; ++tries) {
          await lab.core.removeRegistrations(ALICE);
          const ended = await channel.event('registration-ends', ({ registrationId }) => registrationId === registration.registrationId,
            10_000).catch((error) => error);
          if (ended instanceof Error && tries < 4) continue;
          assert.equal(ended.data?.terminationReason, 'NETWORK_TERMINATED', String(ended));
          break;
        }
      });
    });
  });

  describe('call origination', () => {
    test('rings, connects and ends as the flow document says', async () => {
      await withRegistration(async ({ registration, channel }) => {
        bob.forget();
        const offer = webRtcOffer();
        const made = await api.createCall(registration.registrationId, ALICE, BOB, offer);
        assert.equal(made.status, 'Initial');
        assert.equal(made.offer.sdp, offer);
        const id = made.mediaSessionId;
        const incoming = await bob.waitFor('incoming');
        assert.equal(incoming.pai, `<sip:${ALICE}@ims.test>`);
        await channel.status(id, 'Ringing');
        assert.equal((await api.expect(200, 'GET', `${CALLS}/${id}`)).status, 'Ringing');
        bob.send('answer');
        const { data } = await channel.status(id, 'Connected');
        assert.match(data.answer.sdp, /UDP\/TLS\/RTP\/SAVPF/);
        assert.match(data.answer.sdp, /a=candidate:/);

        await api.setStatus(id, 'Hold');
        assert.equal((await bob.waitFor('remote_direction')).direction, 'sendonly');
        await api.setStatus(id, 'Resume');
        assert.equal((await bob.waitFor('remote_direction')).direction, 'sendrecv');

        const stranger = await clientOf('carol');
        await stranger.refused(404, 'NOT_FOUND', 'GET', `${CALLS}/${id}`);
        await stranger.refused(404, 'NOT_FOUND', 'DELETE', `${CALLS}/${id}`);

        await api.expect(204, 'DELETE', `${CALLS}/${id}`);
        await bob.waitFor('bye');
        await channel.status(id, 'Terminated');
        const numbers = channel.events.filter((event) => event.data.mediaSessionId === id).map((event) => event.data.sequenceNumber);
        assert.deepEqual(numbers, [...numbers].sort((a, b) => a - b), 'sequence numbers rise');
      });
    });

    for (const [what, policy, status] of [
      ['busy', { reject_code: 486 }, 'Busy'],
      ['declined', { reject_code: 603 }, 'Declined'],
      ['not reachable', { reject_code: 480 }, 'NotReachable'],
      ['failed', { reject_code: 500 }, 'Failed'],
    ]) {
      test(`a phone that answers ${policy.reject_code} is ${what}`, async () => {
        await bob.policy(policy);
        try {
          await withRegistration(async ({ registration, channel }) => {
            const { mediaSessionId } = await api.createCall(registration.registrationId, ALICE, BOB);
            const { data } = await channel.status(mediaSessionId, status);
            assert.match(data.reason, new RegExp(String(policy.reject_code)));
          });
        } finally {
          await bob.policy({ reject_code: 0 });
        }
      });
    }

    test('an unknown number is not reachable', async () => {
      await withRegistration(async ({ registration, channel }) => {
        const { mediaSessionId } = await api.createCall(registration.registrationId, ALICE, '+34699999999');
        await channel.status(mediaSessionId, 'NotReachable');
      });
    });

    test('giving up before the answer cancels', async () => {
      await withRegistration(async ({ registration, channel }) => {
        bob.forget();
        const { mediaSessionId } = await api.createCall(registration.registrationId, ALICE, BOB);
        await channel.status(mediaSessionId, 'Ringing');
        await api.expect(204, 'DELETE', `${CALLS}/${mediaSessionId}`);
        await bob.waitFor('cancelled');
        await channel.status(mediaSessionId, 'SessionCancelled');
      });
    });

    test('what the caller may not do is refused', async () => {
      await withRegistration(async ({ registration }) => {
        const { registrationId } = registration;
        const good = { originatorAddress: `tel:${ALICE}`, receiverAddress: `tel:${BOB}`, offer: { sdp: webRtcOffer() } };
        const post = (body, headers = { registrationId }) => ['POST', CALLS, { body, headers }];
        await api.refused(400, 'INVALID_ARGUMENT', ...post(good, {}));
        await api.refused(403, 'INVALID_TOKEN_CONTEXT', ...post(good, { registrationId: randomUUID() }));
        await api.refused(403, 'INVALID_TOKEN_CONTEXT', ...post({ ...good, originatorAddress: `tel:${BOB}` }));
        await api.refused(400, 'INVALID_ARGUMENT', ...post({ ...good, receiverAddress: 'tel:118' }));
        // Whatever else is wrong with it.
        await api.refused(501, 'CALLTYPE_EMERGENCY_NOT_SUPPORTED', ...post({ ...good, receiverAddress: 'tel:112' }, { registrationId: randomUUID() }));
        await api.refused(400, 'INVALID_ARGUMENT', ...post({ ...good, offer: { sdp: 'v=0' } }));
        await api.refused(400, 'INVALID_ARGUMENT', ...post({ ...good, surprise: true }));
        await api.refused(501, 'CALLTYPE_EMERGENCY_NOT_SUPPORTED', ...post({ ...good, callType: 'EMERGENCY', receiverAddress: 'urn:service:sos' }));
        await api.refused(404, 'NOT_FOUND', 'GET', `${CALLS}/nothing`);
        await api.refused(404, 'NOT_FOUND', 'PUT', `${CALLS}/nothing/status`, { body: { status: 'Hold' } });
        const stranger = await clientOf('carol');
        await stranger.refused(403, 'INVALID_TOKEN_CONTEXT', ...post({ ...good, originatorAddress: `tel:${USERS.carol}` }));
      });
    });

    test('an emergency number never leaves the gateway', async () => {  // Covers: C18
      await withRegistration(async ({ registration }) => {
        const { registrationId } = registration;
        const before = await sent('INVITE');
        assert.ok(await sent('REGISTER') > 0);
        await api.refused(501, 'CALLTYPE_EMERGENCY_NOT_SUPPORTED', 'POST', CALLS, {
          headers: { registrationId },
          body: { originatorAddress: `tel:${ALICE}`, receiverAddress: 'tel:112;phone-context=+34', offer: { sdp: webRtcOffer() } },
        });
        assert.equal(await sent('INVITE'), before, 'the network was asked');
      });
    });
  });

  describe('call termination', () => {
    async function incomingCall(channel) {
      bob.call(ALICE);
      const { data } = await channel.event('session-invitation');
      assert.equal(data.originatorAddress, `tel:${BOB}`);
      assert.equal(data.receiverAddress, `tel:${ALICE}`);
      assert.match(data.offer.sdp, /a=setup:actpass/);
      return data;
    }

    test('is invited, prepared, rung and answered as the flow document says', async () => {
      await withRegistration(async ({ channel }) => {
        const { mediaSessionId: id, offer } = await incomingCall(channel);
        assert.equal((await api.expect(200, 'GET', `${CALLS}/${id}`)).status, 'Initial');
        await api.setStatus(id, 'InProgress', { answer: { sdp: webRtcAnswer(offer.sdp) } });
        await api.setStatus(id, 'Ringing');
        await bob.waitFor('ringing');
        await api.setStatus(id, 'Connected');
        assert.equal((await bob.waitFor('answered')).agreed, true);
        bob.send('hangup');
        await channel.status(id, 'Terminated');
      });
    });

    for (const [status, code] of [['Busy', 486], ['Declined', 603]]) {
      test(`${status} answers ${code}`, async () => {
        await withRegistration(async ({ channel }) => {
          const { mediaSessionId: id } = await incomingCall(channel);
          await api.setStatus(id, status);
          assert.equal((await bob.waitFor('failed')).code, code);
        });
      });
    }

    test('a caller who gives up is told', async () => {
      await withRegistration(async ({ channel }) => {
        const { mediaSessionId: id } = await incomingCall(channel);
        bob.send('hangup');
        await channel.status(id, 'SessionCancelled');
      });
    });

    test('a connection out of turn is refused', async () => {
      await withRegistration(async ({ channel }) => {
        const { mediaSessionId: id } = await incomingCall(channel);
        await api.refused(409, 'INCOMPATIBLE_STATE', 'PUT', `${CALLS}/${id}/status`, { body: { status: 'Hold' } });
        await api.refused(400, 'INVALID_ARGUMENT', 'PUT', `${CALLS}/${id}/status`, { body: { status: 'Connected' } });
        await api.refused(400, 'INVALID_ARGUMENT', 'PUT', `${CALLS}/${id}/status`, { body: { status: 'Nonsense' } });
        bob.send('hangup');
        await bob.waitFor('ended');
      });
    });
  });

  describe('event subscriptions', () => {
    const types = ['session-status', 'session-invitation', 'registration-ends']
      .map((name) => `org.camaraproject.webrtc-events-subscriptions.v0.${name}`);
    const bodyOf = (deviceId, more = {}) => ({
      protocol: 'HTTP', sink: sink.url, types, config: { subscriptionDetail: { deviceId } },
      sinkCredential: {
        credentialType: 'ACCESSTOKEN', accessToken: 'sink-secret', accessTokenType: 'bearer',
        accessTokenExpiresUtc: new Date(Date.now() + 3600_000).toISOString(),
      },
      ...more,
    });

    test('deliver the events of a call to a webhook, and end with a word', async () => {
      await withRegistration(async ({ registration, deviceId }) => {
        const made = await api.expect(201, 'POST', SUBSCRIPTIONS, { body: bodyOf(deviceId) });
        assert.equal(made.sinkCredential, undefined, 'credentials are never shown');
        assert.equal((await api.expect(200, 'GET', SUBSCRIPTIONS)).length, 1);
        assert.equal((await api.expect(200, 'GET', `${SUBSCRIPTIONS}/${made.id}`)).id, made.id);
        const { mediaSessionId: id } = await api.createCall(registration.registrationId, ALICE, BOB);
        const delivery = await sink.next(({ body }) => body.type.endsWith('session-status') && body.data.status === 'Ringing');
        assert.equal(delivery.headers.authorization, 'Bearer sink-secret');
        assert.match(delivery.headers['content-type'], /^application\/cloudevents\+json/);
        assert.equal(delivery.body.data.mediaSessionId, id);
        await api.expect(204, 'DELETE', `${CALLS}/${id}`);
        await sink.next(({ body }) => body.data.status === 'SessionCancelled');
        await api.expect(204, 'DELETE', `${SUBSCRIPTIONS}/${made.id}`);
        const ended = await sink.next(({ body }) => body.type.endsWith('subscription-ended'));
        assert.equal(ended.body.data.terminationReason, 'SUBSCRIPTION_DELETED');
        await api.refused(404, 'NOT_FOUND', 'GET', `${SUBSCRIPTIONS}/${made.id}`);
      });
    });

    test('refuse what cannot be delivered', async () => {
      const client = await clientOf('alice');
      const deviceId = randomUUID();
      const refuse = (status, code, more) => client.refused(status, code, 'POST', SUBSCRIPTIONS, { body: bodyOf(deviceId, more) });
      await refuse(400, 'INVALID_SINK', { sink: 'http://plain.example/' });
      await refuse(400, 'INVALID_ARGUMENT', { types: [] });
      await refuse(400, 'INVALID_ARGUMENT', { types: ['org.example.other'] });
      await refuse(400, 'INVALID_PROTOCOL', { protocol: 'MQTT5' });
      const narrow = await clientOf('alice', { scopes: ['webrtc-events-subscriptions:read'] });
      const response = await narrow.request('POST', SUBSCRIPTIONS, { body: bodyOf(deviceId) });
      assert.equal(response.status, 403);
    });
  });
});
