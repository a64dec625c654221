// SIP over WebSocket: JsSIP and SIP.js as they come from npm call the SIM phone and are called by it.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, afterEach, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { measureFile, steppedTones, writeWav } from '../../tools/lab/audio.mjs';
import { launchChromium } from '../../tools/lab/browser.mjs';
import { Lab, USERS } from '../../tools/lab/lab.mjs';
import { assertTones } from './call_lab.mjs';
import { SipPage } from './sip_page.mjs';
import { RawSip } from './raw_sip.mjs';

const { alice: ALICE, bob: BOB, carol: CAROL } = USERS;
const LISTEN_MS = 4000;

describe('SIP over WebSocket', () => {
  let lab;
  let browser;
  let bob;
  let open = [];
  before(async () => {
    lab = await Lab.start();
    browser = await launchChromium({ microphone: writeWav(`${lab.dir}/microphone.wav`, 48000, steppedTones()) });
    bob = await lab.phone(BOB, { flags: ['--play', 'tones'] });
  });
  after(async () => {
    await browser?.close();
    await lab?.stop();
  });
  afterEach(async () => {
    bob.send('hangup', {});
    for (const one of open) await one.close();
    open = [];
    await bob.policy({ auto_answer_ms: -1, reject_code: 0, early_media: false, rings: true });
  });

  async function client(account) {
    const page = await SipPage.open(browser, lab.url, { number: ALICE, ...account });
    open.push({ close: async () => {
      await page.do('unregister').catch(() => {});
      await page.waitFor('unregistered', 3000).catch(() => {});
      await page.close();
    } });
    return page;
  }
  async function registered(account) {
    const page = await client(account);
    await page.do('register');
    await page.waitFor('registered');
    return page;
  }
  async function raw() {
    const socket = await RawSip.open(lab.url);
    open.push(socket);
    return socket;
  }
  async function callBob(page) {
    bob.forget();
    await page.do('call', BOB);
    return bob.waitFor('incoming');
  }
  async function connectToBob(page) {
    const incoming = await callBob(page);
    bob.send('answer');
    await page.waitFor('confirmed');
    return incoming;
  }
  async function connectFromBob(page) {
    bob.call(ALICE);
    const incoming = await page.waitFor('incoming');
    await page.do('answer');
    assert.equal((await bob.waitFor(['answered', 'failed'])).event, 'answered');
    await page.waitFor('confirmed');
    return incoming;
  }
  async function assertTonesBothWays(page) {
    const file = `${lab.dir}/bob.wav`;
    await assertTones(async () => {
      const [inBrowser] = await Promise.all([page.measure(LISTEN_MS), bob.record(file, LISTEN_MS)]);
      return [inBrowser, measureFile(file)];
    });
  }

  for (const library of ['JsSIP', 'SIP.js']) {
    test(`${library} sends and receives messages`, async () => {
      bob.forget();
      const page = await registered({ library, token: await lab.token('alice') });
      await page.do('message', BOB, '¡Hola! 😀');
      const arrived = await bob.waitFor('message');
      assert.equal(arrived.text, '¡Hola! 😀');
      assert.equal((await page.waitFor('message_answered')).code, 200);
      bob.send('message', { to: ALICE, text: 'back to you 😀' });
      const received = await page.waitFor('message');
      assert.equal(received.text, 'back to you 😀');
      assert.match(received.from, new RegExp(BOB.slice(1)));
      // Nobody is registered there: the network's own answer.
      await page.do('message', CAROL, 'anybody?');
      assert.equal((await page.waitFor('message_answered')).code, 480);
    });
  }

  const accounts = {
    'JsSIP, bearer': async () => ({ library: 'JsSIP', token: await lab.token('alice') }),
    'SIP.js, bearer': async () => ({ library: 'SIP.js', token: await lab.token('alice') }),
    'JsSIP, digest': async () => ({ library: 'JsSIP', password: `web${ALICE}` }),
    'SIP.js, digest': async () => ({ library: 'SIP.js', password: `web${ALICE}` }),
  };
  for (const [name, account] of Object.entries(accounts)) {
    test(`${name}: calls the phone, digits, hangs up`, async () => {
      const page = await registered(await account());
      const incoming = await callBob(page);
      assert.equal(incoming.pai, `<sip:${ALICE}@ims.test>`);
      assert.equal((await page.waitFor('progress')).code, 180);
      bob.send('answer');
      await page.waitFor('confirmed');
      await assertTonesBothWays(page);
      await page.do('dtmf', '15');
      for (const digit of '15') assert.equal((await bob.waitFor('dtmf')).digit, digit);
      await page.do('hangUp');
      assert.match((await bob.waitFor('bye')).reason, /cause/);
    });

    test(`${name}: is called by the phone, which hangs up`, async () => {
      const page = await registered(await account());
      const incoming = await connectFromBob(page);
      assert.match(incoming.from, new RegExp(`^sip:\\${BOB}@ims.test`));
      assert.match(incoming.asserted, new RegExp(`<sip:\\${BOB}@ims.test>`));
      await assertTonesBothWays(page);
      bob.send('dtmf', { digits: '4' });
      assert.equal((await page.waitFor('dtmf')).digit, '4');
      bob.send('hangup');
      await page.waitFor('ended');
    });
  }

  for (const library of ['JsSIP', 'SIP.js']) {
    const account = { library, password: `web${ALICE}` };

    test(`${library}: holds and resumes by re-INVITE`, async () => {
      const page = await registered(account);
      await connectToBob(page);
      await page.do('hold');
      assert.equal((await bob.waitFor('remote_direction')).direction, 'sendonly');
      await page.do('resume');
      assert.equal((await bob.waitFor('remote_direction')).direction, 'sendrecv');
      await assertTonesBothWays(page);
      await page.do('hangUp');
      await bob.waitFor('bye');
    });

    test(`${library}: a busy phone, a declined call and cancelled ones`, async () => {
      const page = await registered(account);
      await bob.policy({ reject_code: 486 });
      await page.do('call', BOB);
      assert.equal((await page.waitFor('failed')).code, 486);
      await bob.policy({ reject_code: 0 });
      await callBob(page);
      await page.waitFor('progress');
      await page.do('hangUp');
      await bob.waitFor('cancelled');
      for (const code of [486, 603]) {
        await page.forget();
        bob.call(ALICE);
        await page.waitFor('incoming');
        await page.do('reject', code);
        assert.equal((await bob.waitFor('failed')).code, code);
      }
      await page.forget();
      bob.call(ALICE);
      await page.waitFor('incoming');
      bob.send('hangup');
      await page.waitFor(['failed', 'cancelled']);
    });

    test(`${library}: the SIM phone of the number answers, the client hears why it stops`, async () => {
      const page = await registered(account);
      const own = await lab.phone(ALICE, { flags: ['--play', 'tones'] });
      try {
        bob.call(ALICE);
        await Promise.all([page.waitFor('incoming'), own.waitFor('incoming')]);
        own.send('answer');
        assert.match((await page.waitFor(['cancelled', 'failed'])).reason ?? '', /SIP;\s*cause=200/);
        await bob.waitFor('answered');
      } finally {
        bob.send('hangup');
        await own.stop();
      }
    });
  }

  test('JsSIP: keeps a session alive by UPDATE and is told of emergency numbers', async () => {
    const page = await registered({ library: 'JsSIP', token: await lab.token('alice') });
    await connectToBob(page);
    assert.equal(await page.do('refresh'), true);
    await page.do('hangUp');
    await bob.waitFor('bye');
    await page.forget();
    await page.do('call', '112');
    assert.equal((await page.waitFor('failed')).code, 380);
  });

  test('JsSIP: a call goes on when the connection breaks and comes back', async () => {
    const page = await registered({ library: 'JsSIP', password: `web${ALICE}` });
    await connectToBob(page);
    await page.do('disconnect');
    await page.waitFor('registered', 20_000);
    await assertTonesBothWays(page);
    bob.send('hangup');
    await page.waitFor('ended');
  });

  test('who may not register is refused', async () => {
    for (const library of ['JsSIP', 'SIP.js']) {
      const wrong = await client({ library, password: 'not the password' });
      await wrong.do('register');
      assert.equal((await wrong.waitFor('refused')).code, 401);
      const foreign = await client({ library, number: CAROL, token: await lab.token('alice') });
      await foreign.do('register');
      assert.equal((await foreign.waitFor('refused')).code, 403);
    }
    const forged = await client({ library: 'JsSIP', token: (await lab.token('alice')).replace(/.{8}$/, 'AAAAAAAA') });
    await forged.do('register');
    assert.equal((await forged.waitFor('refused')).code, 401);
  });

  test('what no client would send is refused and does no harm', async () => {
    const socket = await raw();
    const challenge = await socket.ask('REGISTER', 'sip:ims.test');
    assert.equal(challenge.status, 401);
    assert.match(challenge.text, /Bearer authz_server="http/);
    assert.equal((await socket.ask('OPTIONS', 'sip:ims.test')).status, 200);
    assert.equal((await socket.ask('BYE', 'sip:ims.test')).status, 481);
    assert.equal((await socket.ask('MESSAGE', 'sip:ims.test', { body: 'x' })).status, 401);
    assert.equal((await socket.ask('OPTIONS', 'sip:ims.test', { headers: { 'Max-Forwards': 0 } })).status, 483);
    assert.equal((await socket.ask('OPTIONS', 'sip:ims.test', { headers: { Require: 'nothing' } })).status, 420);
    assert.equal((await socket.ask('INVITE', `sip:${BOB}@ims.test`, { body: 'v=0' })).status, 401);
    const from = `<sip:${ALICE}@ims.test>;tag=${randomUUID()}`;
    const to = `<sip:${ALICE}@ims.test>`;
    const authorization = `Bearer ${await lab.token('alice')}`;
    const contact = `<sip:raw@raw.invalid;transport=ws>;+sip.instance="<urn:uuid:${randomUUID()}>"`;
    const good = await socket.ask('REGISTER', 'sip:ims.test', { from, to, headers: { Authorization: authorization, Contact: contact } });
    assert.equal(good.status, 200);
    await socket.ask('REGISTER', 'sip:ims.test', { from, to, headers: { Authorization: authorization, Contact: contact, Expires: 0 } });
    socket.send('\r\n\r\n');
    assert.equal(await socket.next((text) => text === '\r\n'), '\r\n');
    socket.send('no SIP at all');
    assert.equal((await socket.closed).code, 1002);

    const large = await raw();
    large.send(large.request('OPTIONS', 'sip:ims.test', { body: 'x'.repeat(100_000) }));
    assert.equal((await large.closed).code, 1009);
    const fast = await raw();
    for (let i = 0; i < 300; ++i) fast.send('\r\n');
    // With unread messages on the way the connection may be reset before its close frame is read.
    assert.ok([1008, 1006].includes((await fast.closed).code));
    await assert.rejects(RawSip.open(lab.url, { protocol: 'msrp' }));
    await assert.rejects(RawSip.open(lab.url, { headers: { origin: 'https://evil.example' } }));
    const lost = await RawSip.open(lab.url, { path: '/elsewhere' });
    assert.equal((await lost.closed).code, 1008);
    await delay(100);
  });
});
