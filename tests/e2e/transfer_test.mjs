// A live call moves between the browser and the user's SIM phone, with the silence measured at the far end.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { measureFile, readWav } from '../../tools/lab/audio.mjs';
import { USERS } from '../../tools/lab/lab.mjs';
import { listenToTones } from '../../tools/lab/listening.mjs';
import { assertTones, CallLab } from './call_lab.mjs';

const { alice: ALICE, bob: BOB, carol: CAROL } = USERS;
const MOST_SILENCE_MS = 500;
const FREE = { auto_answer_ms: -1, reject_code: 0 };

describe('a call moves', () => {
  let it;
  let bob;
  let phone;
  let carol;
  const figures = {};
  before(async () => {
    it = await CallLab.start({ controlPlane: (config) => Object.assign(config.ims, { watch: ['dialog'], call_pull: true, refer: 'accept' }) });
    bob = await it.lab.phone(BOB, { flags: ['--play', 'tones'] });
    phone = await it.lab.phone(ALICE, { flags: ['--play', 'tones'] });
    carol = await it.lab.phone(CAROL, { flags: ['--play', 'tones'] });
  });
  after(async () => {
    await it?.stop();
    console.log(`silence at the far end, ms: ${JSON.stringify(figures)}`);
  });
  afterEach(async () => {
    for (const each of [bob, phone, carol]) {
      each.send('hangup', {});
      await each.policy(FREE);
    }
    await it.web.page.waitForFunction(() => window.byonPhone.calls.length === 0, null, { timeout: 8000 }).catch(() => {});
    await delay(300);
    for (const each of [bob, phone, carol]) each.forget();
  });

  async function talkToBob() {
    await it.connectTo(bob);
    await delay(500);
  }
  const move = () => it.web.card.locator('[data-testid="move"]').click();
  /** The longest silence that Bob hears while something happens. */
  async function silenceDuring(what, happening) {
    const file = `${it.lab.dir}/${what.replace(/\W+/g, '-')}.wav`;
    bob.send('record', { file });
    await delay(1500);
    await happening();
    await delay(1500);
    bob.send('stop_recording');
    await bob.waitFor('recorded');
    const { samples, rateHz } = readWav(file);
    const { longestGapMs, seconds } = listenToTones(samples, rateHz);
    assert.ok(seconds > 2.5, `${seconds} s were recorded`);
    assert.ok(longestGapMs < MOST_SILENCE_MS, `Bob heard nothing for ${longestGapMs} ms`);
    return (figures[what] = longestGapMs);
  }
  async function moveToPhone() {
    await silenceDuring('to the phone', async () => {
      await move();
      const incoming = await phone.waitFor('incoming');
      assert.match(incoming.pai, new RegExp(ALICE.replace('+', '\\+')));
      await delay(700);
      assert.equal(await it.web.card.getAttribute('data-state'), 'connected', 'it goes on here while the phone rings');
      phone.send('answer');
      assert.equal((await it.web.ended()).status, 'Terminated');
    });
  }
  async function phoneAndBobHearEachOther() {
    const files = [`${it.lab.dir}/phone.wav`, `${it.lab.dir}/bob.wav`];
    await assertTones(async () => {
      await Promise.all([phone.record(files[0], 3000), bob.record(files[1], 3000)]);
      return files.map(measureFile);
    });
  }

  test('from the browser to the phone and back, without the far end noticing', async () => {
    await talkToBob();
    await moveToPhone();
    await phoneAndBobHearEachOther();
    phone.send('dtmf', { digits: '5' });
    assert.equal((await bob.waitFor('dtmf')).digit, '5');
    const stats = await bob.stats();
    assert.equal(stats.ssrc_changes, 0, 'one stream from one source, whoever speaks');

    await silenceDuring('back to the browser', async () => {
      await it.web.page.locator('[data-testid="pull"]').click({ timeout: 20_000 });
      await it.web.callState('connected');
      assert.match((await phone.waitFor('bye')).reason, /cause=200/);
    });
    await assertTones(async () => {
      const file = `${it.lab.dir}/bob.wav`;
      const [inBrowser] = await Promise.all([it.web.measure(4000), bob.record(file, 4000)]);
      return [inBrowser, measureFile(file)];
    });
    await it.web.hangUp();
    await bob.waitFor('bye');
  });

  test('an incoming call moves too; the phone of another codec hangs up', async () => {
    await phone.policy({ codecs: ['AMR'] });
    bob.call(ALICE);
    await it.web.callState('ringing');
    await phone.waitFor('incoming');
    await it.web.answer();
    await bob.waitFor('answered');
    assert.match((await phone.waitFor('cancelled')).reason, /cause=200/);
    await it.web.callState('connected');
    phone.forget();
    await delay(500);
    await moveToPhone();
    await phoneAndBobHearEachOther();
    bob.forget();
    phone.send('hangup');
    await bob.waitFor('bye');
    await phone.policy({ codecs: ['AMR-WB', 'AMR'] });
  });

  for (const [name, policy, text] of [
    ['busy', { reject_code: 486 }, /486/],
    ['declined', { reject_code: 603 }, /603/],
  ]) {
    test(`a phone that is ${name} changes nothing`, async () => {
      await phone.policy(policy);
      await talkToBob();
      await silenceDuring(name, async () => {
        const failed = it.web.page.evaluate(() => window.byonPhone.calls[0].transfer().then(() => 'moved', (error) => error.message));
        assert.match(await failed, text);
        assert.equal(await it.web.card.getAttribute('data-state'), 'connected');
      });
      await it.web.hangUp();
    });
  }

  test('who thinks better of it stays; a phone that is switched off is not reached', async () => {
    await talkToBob();
    await move();
    await phone.waitFor('incoming');
    await move();
    await phone.waitFor('cancelled');
    assert.equal(await it.web.card.getAttribute('data-state'), 'connected');
    phone.send('deregister');
    await phone.waitFor('deregistered');
    const failed = await it.web.page.evaluate(() => window.byonPhone.calls[0].transfer().then(() => 'moved', (error) => error.message));
    assert.match(failed, /480/);
    phone.send('register');
    await phone.waitFor('registered');
    await it.web.hangUp();
  });

  test("the phone's own call comes to the browser, without the far end noticing", async () => { // Covers: C20
    await phone.policy({ publish_dialogs: true });
    phone.call(BOB);
    await bob.waitFor('incoming');
    bob.send('answer');
    await phone.waitFor('answered');
    await delay(500);
    await silenceDuring("the phone's own call to the browser", async () => {
      await it.web.page.locator('[data-testid="pull"]').click({ timeout: 20_000 });
      await it.web.callState('connected');
      assert.match((await phone.waitFor('bye')).reason, /Replaced/);
    });
    assert.match((await bob.waitFor('replaced')).pai, new RegExp(ALICE.replace('+', '\\+')));
    await it.assertTonesBothWays(bob);
    await it.web.hangUp();
    await bob.waitFor('bye');
  });

  /** The page shows the new other side of its one call. */
  const movedTo = (number) => it.web.page.waitForFunction((peer) => window.byonPhone.calls[0]?.peer === peer, `tel:${number}`, { timeout: 20_000 });

  test('the network sends the other side elsewhere: another voice, the same call', async () => { // Covers: C29
    await talkToBob();
    bob.send('refer', { to: CAROL });
    assert.equal((await bob.waitFor('refer_answered')).code, 202);
    const incoming = await carol.waitFor('incoming');
    assert.match(incoming.headers['Referred-By'], new RegExp(BOB.replace('+', '\\+')));
    assert.match(incoming.pai, new RegExp(ALICE.replace('+', '\\+')));
    carol.send('answer');
    await movedTo(CAROL);
    await bob.waitFor('refer_progress', { where: ({ status }) => status === 'SIP/2.0 200 OK' });
    await bob.waitFor('bye');
    await it.assertTonesBothWays(carol);
    await it.web.hangUp();
    await carol.waitFor('bye');
  });

  test('a consulted party takes the place; emergency numbers and strangers are not called', async () => { // Covers: C29
    await talkToBob();
    for (const to of ['112', 'sip:mallory@10.0.0.1', 'urn:service:sos']) {
      bob.forget();
      bob.send('refer', { to });
      assert.ok((await bob.waitFor('refer_answered')).code >= 400, to);
    }
    const held = (await bob.stats()).call;
    bob.send('call', { to: CAROL, id: 'consultation' });
    await carol.waitFor('incoming');
    carol.send('answer');
    await bob.waitFor('answered', { where: ({ call }) => call === 'consultation' });
    bob.send('refer', { call: held, to: CAROL, with: 'consultation' });
    await carol.waitFor('replaced');
    await movedTo(CAROL);
    await bob.waitFor('bye', { where: ({ call }) => call === 'consultation' });
    await it.assertTonesBothWays(carol);
    await it.web.hangUp();
    await carol.waitFor('bye');
  });
});
