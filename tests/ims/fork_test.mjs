// A core that brings a number's calls to the gateway alone, and knows the user's phone by another address: the gateway rings
// both (ims.fork.in: gateway).
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { measureFile } from '../../tools/lab/audio.mjs';
import { USERS } from '../../tools/lab/lab.mjs';
import { assertTones, CallLab } from '../e2e/call_lab.mjs';

const { alice: ALICE, bob: BOB } = USERS;
const PHONE_OF_ALICE = ALICE.replace('+', '+9');

describe('the gateway forks', () => {
  let it;
  let bob;
  let phone;
  before(async () => {
    it = await CallLab.start({
      controlPlane: (config, { addresses: { trusted, scscf } }) => Object.assign(config.ims, {
        profile: 'trusted_access', local: `${trusted}:5070`,
        fork: { in: 'gateway', phone: 'sip:+9{digits}@ims.test', next_hop: `${scscf}:5060`, asserts_caller: true, diversion: 'diversion' },
      }),
    });
    bob = await it.lab.phone(BOB, { flags: ['--play', 'tones'] });
    phone = await it.lab.phone(PHONE_OF_ALICE, { flags: ['--play', 'tones'] });
  });
  after(() => it?.stop());
  afterEach(async () => {
    bob.send('hangup');
    await it.web.page.waitForFunction(() => window.byonPhone.calls.length === 0, null, { timeout: 20_000 });
    for (const each of [bob, phone]) each.forget();
  });

  /** Bob calls Alice: her page and her phone ring. */
  async function ring() {
    bob.call(ALICE);
    const incoming = await phone.waitFor('incoming');
    assert.match(incoming.pai, new RegExp(BOB.replace('+', '\\+')), 'it is Bob who calls');
    await it.web.callState('ringing');
    await bob.waitFor('ringing');
  }

  test('the phone answers: the page is told, the two hear each other, and the page takes the call over', async () => {  // Covers: C40 C20
    await ring();
    phone.send('answer');
    assert.equal((await bob.waitFor(['answered', 'failed'])).event, 'answered');
    assert.match((await it.web.ended()).text, /another device/i);
    const files = [`${it.lab.dir}/fork-phone.wav`, `${it.lab.dir}/fork-bob.wav`];
    await assertTones(async () => {
      await Promise.all([phone.record(files[0], 3000), bob.record(files[1], 3000)]);
      return files.map(measureFile);
    });
    await it.web.page.locator('[data-testid="pull"]').click({ timeout: 20_000 });
    await it.web.callState('connected');
    await phone.waitFor('bye');
    await it.assertTonesBothWays(bob);
    bob.send('hangup');
    await it.web.ended();
  });

  test('the page answers: the phone is told that the call was completed elsewhere', async () => {  // Covers: C40
    await ring();
    await it.web.answer();
    assert.equal((await bob.waitFor(['answered', 'failed'])).event, 'answered');
    assert.match((await phone.waitFor('cancelled')).reason, /SIP;cause=200;text="Call completed elsewhere"/);
    await it.assertTonesBothWays(bob);
    bob.send('hangup');
    await it.web.ended();
  });

  test('a busy phone leaves the page ringing, and a caller who gives up ends both', async () => {  // Covers: C40
    await phone.policy({ reject_code: 486 });
    bob.call(ALICE);
    await it.web.callState('ringing');
    await bob.waitFor('ringing');
    bob.send('hangup');
    await it.web.ended();
    await phone.policy({ reject_code: 0 });
    phone.forget();
    await ring();
    bob.send('hangup');
    await phone.waitFor('cancelled');
    await it.web.ended();
  });
});
