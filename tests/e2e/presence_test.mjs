// Call state over the real core: SUBSCRIBE, NOTIFY and PUBLISH of the dialog and presence packages.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { Lab, USERS } from '../../tools/lab/lab.mjs';
import { ApiClient, REGISTRATION } from './api_client.mjs';

const { alice: ALICE, bob: BOB, carol: CAROL } = USERS;
const PRESENCE = '/byon/v1/presence';
const CHANGED = 'org.byon-gateway.events.v1.presence-changed';

describe('presence', () => {
  let lab;
  let phone; // alice's own SIM phone
  let bob;
  let api;
  let channel;
  let registration;
  before(async () => {
    lab = await Lab.start({ controlPlane: (config) => Object.assign(config.ims, { watch: ['dialog', 'presence'], publish: ['presence', 'dialog'] }) });
    [phone, bob] = await Promise.all([lab.phone(ALICE), lab.phone(BOB)]);
    ({ api, channel, registration } = await device('alice'));
  });
  after(() => lab?.stop());

  async function device(user) {
    const client = new ApiClient(lab.url, await lab.token(user));
    const deviceId = randomUUID();
    const opened = await client.openChannel(deviceId);
    return { api: client, channel: opened, registration: await client.register(deviceId) };
  }
  const changed = (of, number, state) =>
    of.message(({ type, data }) => type === CHANGED && data.phoneNumber === number && data.state === state, 15_000);
  const own = async () => (await api.expect(200, 'GET', PRESENCE)).own;

  test("a call of the user's SIM phone shows on the web, from ringing to its end", async () => {  // Covers: C22
    phone.call(BOB);
    await bob.waitFor('incoming');
    const ringing = await changed(channel, ALICE, 'ringing');
    assert.equal(ringing.data.calls.length, 1);
    bob.send('answer');
    await phone.waitFor('answered');
    const talking = await changed(channel, ALICE, 'on-the-phone');
    const [call] = talking.data.calls;
    assert.equal(call.state, 'confirmed');
    assert.equal(call.direction, 'originating');
    assert.equal(call.peer, `tel:${BOB}`);
    assert.equal((await own()).state, 'on-the-phone');
    phone.send('hangup');
    const over = await changed(channel, ALICE, 'available');
    assert.equal(over.data.calls, undefined);
  });

  test('a watched number is told of, without whom it talks to', async () => {
    assert.equal((await api.expect(200, 'PUT', `${PRESENCE}/${BOB}`)).phoneNumber, BOB);
    const carol = await lab.phone(CAROL);
    bob.call(CAROL);
    await carol.waitFor('incoming');
    carol.send('answer');
    const { data } = await changed(channel, BOB, 'on-the-phone');
    assert.equal(data.calls, undefined);
    const { watched } = await api.expect(200, 'GET', PRESENCE);
    assert.deepEqual(watched.map(({ phoneNumber, state }) => [phoneNumber, state]), [[BOB, 'on-the-phone']]);
    bob.send('hangup');
    // No PIDF of bob's: without a call nothing is known of him.
    await changed(channel, BOB, 'unknown');
    await api.expect(204, 'DELETE', `${PRESENCE}/${BOB}`);
    await api.refused(404, 'NOT_FOUND', 'GET', `${PRESENCE}/${BOB}`);
    await api.refused(404, 'NOT_FOUND', 'DELETE', `${PRESENCE}/${BOB}`);
    await carol.stop();
  });

  test('what the gateway publishes of one user another one sees', async () => {  // Covers: C22
    const dave = await device('dave');
    await dave.api.expect(200, 'PUT', `${PRESENCE}/${ALICE}`);
    await changed(dave.channel, ALICE, 'available');
    const created = await api.createCall(registration.registrationId, ALICE, BOB);
    await bob.waitFor('incoming');
    await changed(dave.channel, ALICE, 'ringing');
    await api.expect(204, 'DELETE', `/webrtc-call-handling/v0.4/sessions/${created.mediaSessionId}`);
    await changed(dave.channel, ALICE, 'available');
    // The registration goes: what was published goes with it.
    await api.expect(204, 'DELETE', `${REGISTRATION}/${registration.registrationId}`);
    await changed(dave.channel, ALICE, 'offline');
    await dave.channel.close();
  });

  test('numbers and scopes are checked, commands do what REST does', async () => {
    for (const bad of ['bob', '34600000002', '%2B346X', '112', '+0000000']) {
      await api.refused(400, 'INVALID_ARGUMENT', 'PUT', `${PRESENCE}/${bad}`);
    }
    const poor = new ApiClient(lab.url, await lab.token('alice', { scopes: ['byon:presence:read'] }));
    await poor.refused(403, 'PERMISSION_DENIED', 'PUT', `${PRESENCE}/${BOB}`);
    const watched = await channel.command('presence.watch', { params: { number: CAROL } });
    assert.equal(watched.status, 200);
    const listed = await channel.command('presence.list');
    assert.ok(listed.body.watched.some(({ phoneNumber }) => phoneNumber === CAROL));
    // Kept over a restart.
    await lab.restartControlPlane({ signal: 'SIGKILL' });
    const { watched: kept } = await api.expect(200, 'GET', PRESENCE);
    assert.deepEqual(kept.map(({ phoneNumber }) => phoneNumber), [CAROL]);
  });
});
