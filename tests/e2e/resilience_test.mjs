// What a call survives: the control plane killed under it, tokens and registrations that end, a core that is gone.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { measureFile, toneFault } from '../../tools/lab/audio.mjs';
import { USERS } from '../../tools/lab/lab.mjs';
import { assertTones, CallLab } from './call_lab.mjs';

const { alice: ALICE, bob: BOB } = USERS;

describe('resilience', () => {
  let it;
  let bob;
  before(async () => {
    it = await CallLab.start();
    bob = await it.lab.phone(BOB, { flags: ['--play', 'tones'] });
  });
  after(() => it?.stop());

  async function connect() {
    await it.connectTo(bob);
    await delay(1000);
  }

  for (const [who, hangUp] of [
    ['browser', async () => {
      await it.web.hangUp();
      await bob.waitFor('bye');
    }],
    ['phone', async () => {
      bob.send('hangup');
      await bob.waitFor('ended');
      assert.equal((await it.web.ended(15_000)).status, 'Terminated');
    }],
  ]) {
    test(`the control plane is killed in a call: the sound goes on, and the ${who} can hang up`, async () => {
      await connect();
      const callId = await it.web.card.evaluate((node) => node.dataset.callId);
      await bob.stats({ resetGap: true });
      await it.lab.restartControlPlane({ signal: 'SIGKILL' });
      const file = `${it.lab.dir}/after-kill.wav`;
      await bob.record(file, 3000);
      const stats = await bob.stats();
      assert.ok(stats.largest_gap_ms < 200, `a gap of ${stats.largest_gap_ms} ms`);
      assert.equal(stats.ssrc_changes, 0);
      assert.equal(toneFault(measureFile(file)), undefined, 'the phone hears the browser');
      await it.web.registered(20_000);
      await assertTones(async () => [await it.web.measure(2500)]);
      const known = await it.web.page.evaluate(async () => window.byonPhone.calls.map(({ id, state }) => ({ id, state })));
      assert.deepEqual(known, [{ id: callId, state: 'connected' }]);
      await hangUp();
      await it.web.page.waitForFunction(() => window.byonPhone.calls.length === 0, null, { timeout: 8000 });
    });
  }

  test('a held call that outlives the control plane is heard again when it is resumed', async () => {
    await connect();
    const toggleHold = async (direction) => {
      bob.forget();
      await it.web.test('hold').first().click();
      assert.equal((await bob.waitFor('remote_direction', { timeoutMs: 20_000 })).direction, direction);
    };
    await toggleHold('sendonly');
    await it.web.callState('held');
    await it.lab.restartControlPlane({ signal: 'SIGKILL' });
    const file = `${it.lab.dir}/resumed.wav`;
    await bob.record(file, 3000);
    assert.notEqual(toneFault(measureFile(file)), undefined, 'nothing is heard of who holds');
    await it.web.registered(30_000);
    await toggleHold('sendrecv');
    await assertTones(async () => {
      await bob.record(file, 2500);
      return [measureFile(file), await it.web.measure(2500)];
    });
    await it.web.hangUp();
    await bob.waitFor('bye');
  });

  test('a call that nobody has answered is cancelled before the control plane stops', async () => {
    await it.ring(bob);
    await it.lab.restartControlPlane({ signal: 'SIGTERM' });
    assert.match((await bob.waitFor('cancelled', { timeoutMs: 20_000 })).reason, /cause=41/);
    assert.equal((await it.web.ended(20_000)).status, 'Failed');
    await it.web.registered(20_000);
  });

  test('after a restart the line takes calls again', async () => {
    await it.lab.restartControlPlane({ signal: 'SIGTERM' });
    await it.web.registered(20_000);
    bob.call(ALICE);
    await it.web.callState('ringing', 15_000);
    await it.web.answer();
    await bob.waitFor('answered');
    await it.web.callState('connected');
    await assertTones(async () => [await it.web.measure(3000)]);
    await it.web.hangUp();
    await bob.waitFor('bye');
  });

  test('the identity provider is away: who is signed in can go on calling', async () => {
    await it.lab.identityProvider.stop();
    try {
      await connect();
      await it.web.hangUp();
      await bob.waitFor('bye');
    } finally {
      await it.lab.identityProvider.start();
    }
  });

  test('the S-CSCF is away: a call fails in words, and works again after', async () => {  // Covers: R14
    await it.lab.core.stopRole('scscf');
    await it.web.dial(BOB);
    assert.equal((await it.web.ended(30_000)).status, 'Failed');
    await it.lab.core.startRole('scscf');
  });
});
