// Browser to browser: the call goes out to the IMS and comes back to the other browser and its user's SIM phone.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { USERS } from '../../tools/lab/lab.mjs';
import { assertTones, CallLab } from './call_lab.mjs';

const { bob: BOB } = USERS;

describe('browser to browser', () => {
  let it;
  let other;
  let bob;
  before(async () => {
    it = await CallLab.start();
    other = await it.openWebPhone('bob');
    bob = await it.lab.phone(BOB, { flags: ['--play', 'tones'] });
  });
  after(() => it?.stop());

  test('both of the callee\'s devices ring, the browser answers, the phone learns so', async () => {  // Covers: C34
    const dialledAt = Date.now();
    await it.web.dial(BOB);
    await Promise.all([bob.waitFor('incoming'), other.callState('ringing')]);
    const rangAfter = Date.now() - dialledAt;
    const answeredAt = Date.now();
    await other.answer();
    await Promise.all([it.web.callState('connected'), other.callState('connected')]);
    const connectedAfter = Date.now() - answeredAt;
    assert.match((await bob.waitFor('cancelled')).reason, /cause=200/);
    await delay(500);
    await assertTones(() => Promise.all([it.web.measure(4000), other.measure(4000)]));
    const [here, there] = await Promise.all([it.web.stats(), other.stats()]);
    console.log(JSON.stringify({ rangAfter, connectedAfter, codec: here.gateway.ims.codec, sentCodec: here.gateway.ims.sentCodec,
      addedLatencyMs: [here, there].map(({ gateway }) => [gateway.access.addedLatencyMs, gateway.ims.addedLatencyMs]) }));
    for (const { gateway } of [here, there]) {
      assert.match(gateway.ims.codec, /AMR-WB/);
      assert.equal(gateway.ims.packetsLost, 0);
    }
    await it.web.hangUp();
    assert.equal((await other.ended()).status, 'Terminated');
  });

  test('the phone answers, the browser learns so', async () => {  // Covers: C34
    await it.web.dial(BOB);
    await Promise.all([bob.waitFor('incoming'), other.callState('ringing')]);
    bob.send('answer');
    await it.web.callState('connected');
    const ended = await other.ended();
    assert.equal(ended.status, 'SessionCancelled');
    assert.match(await other.page.evaluate(() => document.querySelector('[data-testid="call"]').textContent), /elsewhere|another/i);
    const stats = await it.web.stats();
    assert.match(stats.gateway.ims.sentCodec, /AMR-WB/);
    await it.web.hangUp();
    await bob.waitFor('bye');
  });
});
