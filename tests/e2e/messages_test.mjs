// Text messages (RFC 3428) between API clients, SIP clients on WebSockets and the SIM phone, through the real core.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Lab, USERS } from '../../tools/lab/lab.mjs';
import { EXTENSION_SCOPES, ALL_SCOPES } from '../../tools/lab/identity_provider.mjs';
import { ApiClient, REGISTRATION } from './api_client.mjs';
import { RawSip } from './raw_sip.mjs';

const { alice: ALICE, bob: BOB, carol: CAROL } = USERS;
const MESSAGES = '/byon/v1/messages';
const OURS = 'org.byon-gateway.events.v1.';
const SMILE = '¡Hola, señor! 😀 \u{1F1EA}\u{1F1F8}\nsecond line\ttab';

describe('messages', () => {
  let lab;
  let bob;
  let api;
  let channel;
  let registrationId;
  before(async () => {
    lab = await Lab.start();
    bob = await lab.phone(BOB);
    ({ api, channel, registrationId } = await device('alice'));
  });
  after(() => lab?.stop());

  async function device(user, scopes = ALL_SCOPES) {
    const client = new ApiClient(lab.url, await lab.token(user, { scopes }));
    const deviceId = randomUUID();
    const opened = await client.openChannel(deviceId);
    const registration = await client.register(deviceId);
    return { api: client, channel: opened, deviceId, registrationId: registration.registrationId };
  }
  const send = (text, extra = {}, to = `tel:${BOB}`) => api.expect(201, 'POST', MESSAGES, { body: { to, text, ...extra } });
  const event = (of, kind, where = () => true) =>
    of.message((message) => message.type === OURS + kind && where(message.data));
  const status = (id, state) => event(channel, 'message-status', (data) => data.messageId === id && data.state === state);

  test('one of a client reaches the phone byte for byte and is known as sent', async () => {  // Covers: C24
    const message = await send(SMILE);
    assert.equal(message.state, 'queued');
    assert.equal(message.from, `tel:${ALICE}`);
    const arrived = await bob.waitFor('message');
    assert.equal(arrived.text, SMILE);
    assert.match(arrived.from, new RegExp(`${ALICE.slice(1)}@ims.test`));
    await status(message.messageId, 'sent');
    assert.equal((await api.expect(200, 'GET', `${MESSAGES}/${message.messageId}`)).state, 'sent');
  });

  test('the phone tells that it was delivered, if asked', async () => {  // Covers: C24
    const message = await send('did you get this?', { deliveryReport: true });
    assert.equal((await bob.waitFor('message')).text, 'did you get this?');
    await status(message.messageId, 'delivered');
    const [newest] = await api.expect(200, 'GET', `${MESSAGES}?limit=1&peer=${encodeURIComponent(`tel:${BOB}`)}`);
    assert.equal(newest.state, 'delivered');
  });

  test('what the network refuses has failed, with its cause', async () => {
    const message = await send('anybody there?', {}, `tel:${CAROL}`);
    const { data } = await status(message.messageId, 'failed');
    assert.equal(data.cause.sipStatus, 480);
  });

  test('one from the phone comes to every device once, and reading it is told to all', async () => {  // Covers: C24
    const second = await device('alice');
    bob.send('message', { to: ALICE, text: SMILE, id: 'from-bob', report: true });
    const received = await event(channel, 'message-received');
    const again = await event(second.channel, 'message-received', (data) => data.messageId === received.data.messageId);
    assert.equal(again.data.text, SMILE);
    assert.equal(again.data.from, `tel:${BOB}`);
    assert.equal(again.data.state, 'received');
    assert.equal((await bob.waitFor('message_answered', { where: ({ id }) => id === 'from-bob' })).code, 200);
    assert.equal((await bob.waitFor('message_report', { where: ({ id }) => id === 'from-bob' })).status, 'delivered');
    await delay(300);
    assert.equal(channel.events.filter(({ type }) => type === `${OURS}message-received`).length, 1, 'two contacts, one message');

    await second.api.expect(204, 'POST', `${MESSAGES}/${received.data.messageId}/read`);
    await status(received.data.messageId, 'read');
    assert.equal((await bob.waitFor('message_report', { where: ({ id }) => id === 'from-bob' })).status, 'displayed');
    await second.api.expect(204, 'DELETE', `${REGISTRATION}/${second.registrationId}`);
    await second.channel.close();
  });

  test('unread ones outlive the gateway and wait for the next device', async () => {
    bob.send('message', { to: ALICE, text: 'before the crash', id: 'crash' });
    await bob.waitFor('message_answered', { where: ({ id }) => id === 'crash' });
    await lab.restartControlPlane({ signal: 'SIGKILL' });
    const [kept] = await api.expect(200, 'GET', `${MESSAGES}?limit=1`);
    assert.equal(kept.text, 'before the crash');
    const fresh = await device('alice');
    const told = await event(fresh.channel, 'message-received');
    assert.equal(told.data.messageId, kept.messageId);
    await api.expect(204, 'DELETE', `${MESSAGES}/${kept.messageId}`);
    await api.refused(404, 'NOT_FOUND', 'GET', `${MESSAGES}/${kept.messageId}`);
    await fresh.api.expect(204, 'DELETE', `${REGISTRATION}/${fresh.registrationId}`);
    await fresh.channel.close();
    channel = await api.openChannel(randomUUID());
    ({ api, channel, registrationId } = await device('alice'));
  });

  test('pages of a list join without gap', async () => {
    for (const text of ['one', 'two', 'three']) await send(text);
    const first = await api.expect(200, 'GET', `${MESSAGES}?limit=2`);
    const rest = await api.expect(200, 'GET', `${MESSAGES}?limit=1&before=${first.at(-1).messageId}`);
    assert.deepEqual([...first, ...rest].map(({ text }) => text), ['three', 'two', 'one']);
    for (const bad of ['limit=0', 'limit=101', 'limit=x', 'peer=bob', 'phoneNumber=%2B34600000001']) {
      const response = await api.request('GET', `${MESSAGES}?${bad}`);
      assert.ok([400, 422].includes(response.status), `${bad}: ${response.status}`);
    }
  });

  test('nothing of a text or an address becomes SIP', async () => {
    bob.forget();
    const attack = 'x\r\nContent-Length: 0\r\n\r\nINVITE sip:evil SIP/2.0\r\nVia: x';
    await send(attack);
    const arrived = await bob.waitFor('message');
    assert.equal(arrived.text, attack);
    assert.ok(arrived.headers.every((header) => !/evil/.test(header)), JSON.stringify(arrived.headers));
    for (const to of [`tel:${BOB}\r\nX-Evil: 1`, `tel:${BOB};evil=1`, `sip:a@b.es?Replaces=1`, 'sip:bob@10.0.0.1', 'bob', '', `tel:${BOB}\u2028`]) {
      await api.refused(400, 'INVALID_ARGUMENT', 'POST', MESSAGES, { body: { to, text: 'x' } });
    }
    for (const text of ['', '\u0000', 'a\u001b[2J', '\u009b', 'x'.repeat(4097), 7, null]) {
      await api.refused(400, 'INVALID_ARGUMENT', 'POST', MESSAGES, { body: { to: `tel:${BOB}`, text } });
    }
    for (const to of ['tel:+34112', 'urn:service:sos']) {
      await api.refused(501, 'CALLTYPE_EMERGENCY_NOT_SUPPORTED', 'POST', MESSAGES, { body: { to, text: 'help' } });
    }
  });

  test('what is not text is refused with what is allowed', async () => {
    const answered = async (command) => {
      const id = randomUUID();
      bob.send('message', { to: ALICE, id, ...command });
      return bob.waitFor('message_answered', { where: (one) => one.id === id });
    };
    const refused = await answered({ text: 'x', content_type: 'image/png' });
    assert.equal(refused.code, 415);
    assert.match(refused.accept, /text\/plain/);
    assert.equal((await answered({ hex: 'fffe', content_type: 'text/plain' })).code, 400);
    assert.equal((await answered({ text: 'rubbish', content_type: 'message/cpim' })).code, 400);
  });

  test('commands do what REST does', async () => {
    const sent = await channel.command('message.send', {
      params: { idempotencyKey: 'twice' }, body: { to: `tel:${BOB}`, text: 'by command', registrationId },
    });
    assert.equal(sent.status, 201);
    const repeated = await channel.command('message.send', {
      params: { idempotencyKey: 'twice' }, body: { to: `tel:${BOB}`, text: 'by command', registrationId },
    });
    assert.equal(repeated.body.messageId, sent.body.messageId);
    const listed = await channel.command('message.list', { params: { limit: '1', peer: `tel:${BOB}` } });
    assert.equal(listed.body[0].text, 'by command');
    assert.equal((await channel.command('message.delete', { params: { messageId: sent.body.messageId } })).status, 204);
  });

  test('a SIP client that was away gets its messages when it is back', async () => {
    const address = `<sip:${ALICE}@ims.test>`;
    const contact = `<sip:raw@raw.invalid;transport=ws>;+sip.instance="<urn:uuid:${randomUUID()}>"`;
    const authorization = `Bearer ${await lab.token('alice')}`;
    let cseq = 0;
    const connect = async () => {
      const socket = await RawSip.open(lab.url);
      const answer = await socket.ask('REGISTER', 'sip:ims.test', {
        from: `${address};tag=x`, to: address, callId: 'raw-client', cseq: ++cseq, headers: { Authorization: authorization, Contact: contact },
      });
      assert.equal(answer.status, 200, answer.text);
      return socket;
    };
    const first = await connect();
    const answer = await first.ask('MESSAGE', `sip:${BOB}@ims.test`, {
      from: `${address};tag=y`, to: `<sip:${BOB}@ims.test>`, headers: { 'Content-Type': 'text/plain', Contact: undefined }, body: 'over SIP',
    });
    assert.equal(answer.status, 200, answer.text);
    assert.equal((await bob.waitFor('message', { where: ({ text }) => text === 'over SIP' })).content_type, 'text/plain;charset=UTF-8');
    const refused = await first.ask('MESSAGE', `sip:${BOB}@ims.test`, {
      from: `${address};tag=z`, to: `<sip:${BOB}@ims.test>`, headers: { 'Content-Type': 'text/html' }, body: '<b>x</b>',
    });
    assert.equal(refused.status, 415);
    const forged = await first.ask('MESSAGE', `sip:${BOB}@ims.test`, {
      from: `<sip:${CAROL}@ims.test>;tag=z`, to: `<sip:${BOB}@ims.test>`, headers: { 'Content-Type': 'text/plain' }, body: 'x',
    });
    assert.equal(forged.status, 403);
    await first.close();
    bob.send('message', { to: ALICE, text: 'while you were away', id: 'away' });
    await bob.waitFor('message_answered', { where: ({ id }) => id === 'away' });
    const second = await connect();
    const message = await second.next((text) => text.startsWith('MESSAGE ') && text.includes('while you were away'));
    assert.match(message, new RegExp(`From: [^\r]*${BOB.slice(1)}@ims.test`));
    await second.ask('REGISTER', 'sip:ims.test', {
      from: `${address};tag=x`, to: address, callId: 'raw-client', cseq: ++cseq, headers: { Authorization: authorization, Contact: contact, Expires: 0 },
    });
    await second.close();
  });

  test('scopes keep messages from those who may only call, and strangers see nothing', async () => {
    const message = await send('private');
    const caller = await device('alice', ALL_SCOPES.filter((scope) => !EXTENSION_SCOPES.includes(scope)));
    await caller.api.refused(403, 'PERMISSION_DENIED', 'GET', MESSAGES);
    await caller.api.refused(403, 'PERMISSION_DENIED', 'POST', MESSAGES, { body: { to: `tel:${BOB}`, text: 'x' } });
    bob.send('message', { to: ALICE, text: 'your code is 1234' });
    await event(channel, 'message-received', (data) => data.text === 'your code is 1234');
    await delay(300);
    assert.ok(caller.channel.events.every(({ type }) => !type.startsWith(OURS)), 'a channel without the scope');
    const stranger = new ApiClient(lab.url, await lab.token('carol'));
    await stranger.refused(404, 'NOT_FOUND', 'GET', `${MESSAGES}/${message.messageId}`);
    await stranger.refused(404, 'NOT_FOUND', 'DELETE', `${MESSAGES}/${message.messageId}`);
    assert.deepEqual(await stranger.expect(200, 'GET', MESSAGES), []);
    await stranger.refused(409, 'INCOMPATIBLE_STATE', 'POST', MESSAGES, { body: { to: `tel:${BOB}`, text: 'x' } });
    await caller.channel.close();
  });
});
