// The laboratory itself: SIM phones call each other through the IMS core. What fails here is no fault
// of the gateway.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Lab } from '../../tools/lab/lab.mjs';
import { measureFile, toneFault } from '../../tools/lab/audio.mjs';

const ALICE = '+34600000001';
const BOB = '+34600000002';

for (const [name, flags, ims] of [
  ['AMR-WB, digest MD5', [], {}],
  ['octet-aligned AMR with preconditions, digest SHA-256', ['--codec', 'AMR', '--align', 'octet', '--preconditions'],
    { digestAlgorithm: 'SHA-256' }],
]) {
  describe(`phone to phone: ${name}`, () => {
    let lab;
    let alice;
    let bob;
    before(async () => {
      lab = await Lab.start({ hasGateway: false, ims });
      alice = await lab.phone(ALICE, { flags: ['--play', 'tones', ...flags] });
      bob = await lab.phone(BOB, { flags: ['--play', 'tones', '--auto-answer-ms', '200', ...flags] });
    });
    after(() => lab?.stop());

    test('tones arrive both ways, digits too, and holding stops them', async () => {
      alice.call(BOB);
      const incoming = await bob.waitFor('incoming');
      assert.equal(incoming.pai, `<sip:${ALICE}@ims.test>`);
      const answered = await alice.waitFor(['answered', 'failed']);
      assert.equal(answered.event, 'answered', JSON.stringify(answered));
      await Promise.all([alice.record(`${lab.dir}/alice.wav`, 4000), bob.record(`${lab.dir}/bob.wav`, 4000)]);
      for (const who of ['alice', 'bob']) {
        assert.equal(toneFault(measureFile(`${lab.dir}/${who}.wav`)), undefined, `what ${who} hears`);
      }
      alice.send('dtmf', { digits: '159#' });
      for (const digit of '159#') assert.equal((await bob.waitFor('dtmf')).digit, digit);

      bob.send('hold');
      await bob.waitFor('held');
      assert.equal((await alice.waitFor('remote_direction')).direction, 'sendonly');
      const before = await bob.stats();
      bob.send('resume');
      await bob.waitFor('resumed');
      assert.ok(before.packets > 200);

      alice.send('hangup');
      const bye = await bob.waitFor('bye');
      assert.match(bye.reason, /cause=16/);
    });

    test('a busy phone refuses, and a caller who gives up is seen', async () => {
      bob.forget();
      await bob.policy({ reject_code: 486 });
      alice.call(BOB);
      assert.equal((await alice.waitFor('failed')).code, 486);
      await bob.policy({ reject_code: 0, auto_answer_ms: -1 });
      bob.forget();
      alice.call(BOB);
      await bob.waitFor('incoming');
      await alice.waitFor('ringing');
      alice.send('hangup', { reason: 'SIP;cause=487' });
      assert.match((await bob.waitFor('cancelled')).reason, /487/);
      await alice.waitFor('ended');
    });
  });
}

describe('the core', () => {
  let lab;
  before(async () => (lab = await Lab.start({ hasGateway: false })));
  after(() => lab?.stop());

  test('forks to all phones of a number, and the losers learn that another answered', async () => {
    const first = await lab.phone(ALICE);
    const second = await lab.phone(ALICE);
    const caller = await lab.phone(BOB);
    assert.equal((await lab.core.registrations(ALICE)).length, 2);
    caller.call(ALICE);
    await Promise.all([first.waitFor('incoming'), second.waitFor('incoming')]);
    await caller.waitFor('ringing');
    second.send('answer');
    await caller.waitFor('answered');
    assert.match((await first.waitFor('cancelled')).reason, /cause=200/);
    caller.send('hangup', {});
    await second.waitFor('bye');
  });

  test('refuses a wrong password and sends emergency calls away', async () => {
    await assert.rejects(lab.phone('+34600000009', { flags: ['--password', 'wrong'] }), /cannot register/);
    const phone = await lab.phone('+34600000008');
    phone.call('urn:service:sos');
    assert.equal((await phone.waitFor('failed')).code, 380);
  });

  test('answers 504 with restoration when the S-CSCF is gone', async () => {
    const phone = await lab.phone('+34600000007');
    await lab.core.stopRole('scscf');
    phone.call(ALICE);
    assert.equal((await phone.waitFor('failed', { timeoutMs: 15_000 })).code, 504);
    await lab.core.startRole('scscf');
  });
});
