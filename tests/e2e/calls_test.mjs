// Calls between the web client in Chromium and a SIM phone, with the sound measured at both ends.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { measureFile } from '../../tools/lab/audio.mjs';
import { USERS } from '../../tools/lab/lab.mjs';
import { assertTones, CallLab } from './call_lab.mjs';

const { alice: ALICE, bob: BOB } = USERS;

describe('calls', () => {
  let it;
  let bob;
  before(async () => {
    it = await CallLab.start();
    bob = await it.lab.phone(BOB, { flags: ['--play', 'tones'] });
  });
  after(() => it?.stop());
  afterEach(async () => {
    bob.send('hangup', {});
    await it.web.page.waitForFunction(() => window.byonPhone.calls.length === 0, null, { timeout: 8000 }).catch(() => {});
    await bob.policy({ auto_answer_ms: -1, reject_code: 0, early_media: false, rings: true, preconditions: false, codecs: ['AMR-WB', 'AMR'], align: 'both', mode_set: [] });
  });

  const callBob = () => it.ring(bob);
  const connectToBob = () => it.connectTo(bob);
  const connectFromBob = () => it.connectFrom(bob);
  const assertTonesBothWays = (limits) => it.assertTonesBothWays(bob, limits);

  // Chromium's statistics call redundant packets audio/opus too; their size tells: twice what the bit rate allows.
  test('the browser repeats its packets, and encodes no more than AMR-WB carries', async () => {
    await bob.policy({ codecs: ['AMR-WB'] });
    await connectToBob();
    await delay(2000);
    const sent = await it.web.page.evaluate(async () => {
      const peer = window.byonPhone.calls[0].peerConnection;
      const outbound = [...(await peer.getStats()).values()].find((entry) => entry.type === 'outbound-rtp');
      return { bytesPerPacket: outbound.bytesSent / outbound.packetsSent, packets: outbound.packetsSent, answer: peer.remoteDescription.sdp };
    });
    assert.match(sent.answer, /m=audio \d+ \S+ 63 111 /);
    assert.match(sent.answer, /maxaveragebitrate=32000;maxplaybackrate=16000;/);
    assert.ok(sent.packets > 50);
    assert.ok(sent.bytesPerPacket > 1.25 * (32000 / 8 / 50), `${sent.bytesPerPacket} bytes a packet`);
    await assertTonesBothWays();
  });

  test('the browser is asked for no more than AMR carries', async () => {
    await bob.policy({ codecs: ['AMR'] });
    await connectFromBob();
    const offer = await it.web.page.evaluate(() => window.byonPhone.calls[0].peerConnection.remoteDescription.sdp);
    assert.match(offer, /maxplaybackrate=8000;/);
    const answer = await it.web.page.evaluate(() => window.byonPhone.calls[0].peerConnection.localDescription.sdp);
    assert.match(answer, /m=audio \d+ \S+ 63 111 /);
    await assertTonesBothWays();
  });

  for (const [name, policy, codec] of [
    ['AMR-WB, bandwidth-efficient', { codecs: ['AMR-WB'], align: 'bandwidth' }, 'AMR-WB/16000'],
    ['AMR-WB, octet-aligned', { codecs: ['AMR-WB'], align: 'octet' }, 'AMR-WB/16000 octet-align'],
    ['AMR-WB of modes 0, 1, 2', { codecs: ['AMR-WB'], mode_set: [0, 1, 2] }, 'AMR-WB/16000'],
    ['AMR', { codecs: ['AMR'], align: 'bandwidth' }, 'AMR/8000'],
  ]) {
    const limits = policy.mode_set ? { minPurity: 0.75 } : {};
    test(`browser calls phone: ${name}`, async () => {
      await bob.policy(policy);
      const incoming = await connectToBob();
      assert.equal(incoming.pai, `<sip:${ALICE}@ims.test>`);
      await assertTonesBothWays(limits);
      const stats = await bob.stats();
      assert.equal(stats.codec, codec);
      assert.equal(stats.undecodable, 0);
      assert.equal(stats.unknown_payload_types, 0);
      assert.equal(stats.ssrc_changes, 0);
      await it.web.hangUp();
      assert.match((await bob.waitFor('bye')).reason, /cause/);
    });
    test(`phone calls browser: ${name}`, async () => {
      await bob.policy(policy);
      const answered = await connectFromBob();
      assert.equal(answered.agreed, true);
      await assertTonesBothWays(limits);
      assert.equal((await bob.stats()).codec, codec);
      bob.send('hangup');
      assert.equal((await it.web.ended()).status, 'Terminated');
    });
  }

  test('resources are reserved first when the network wants it', async () => {  // Covers: C4
    await bob.policy({ preconditions: true });
    await connectFromBob();
    await assertTonesBothWays();
    await it.web.hangUp();
    await bob.waitFor('bye');
  });

  test('digits arrive both ways', async () => {  // Covers: C14
    await connectToBob();
    await it.web.pressKeys('159#');
    for (const digit of '159#') assert.equal((await bob.waitFor('dtmf')).digit, digit);
    bob.send('dtmf', { digits: '42*' });
    await it.web.page.waitForFunction(() => document.querySelector('[data-testid="call-state"]')?.dataset.dtmf === '42*', null, { timeout: 5000 });
    await assertTonesBothWays();
  });

  test('an announcement before the answer is heard', async () => {  // Covers: C7
    await bob.policy({ early_media: true, rings: false });
    bob.forget();
    await it.web.dial(BOB);
    await it.web.callState(['earlyMedia', 'ringing']);
    await delay(300);
    await assertTones(async () => [await it.web.measure(3000)]);
    bob.send('answer');
    await it.web.callState('connected');
    await assertTonesBothWays();
  });

  test('mute silences the browser, and only it', async () => {
    await connectToBob();
    await it.web.test('mute').first().click();
    await delay(500);
    const file = `${it.lab.dir}/muted.wav`;
    await bob.record(file, 1500);
    assert.ok(measureFile(file).silentShare > 0.9, 'the phone hears silence');
    await assertTones(async () => [await it.web.measure(2500)]);
    await it.web.test('mute').first().click();
    await delay(300);
    await assertTonesBothWays();
  });

  test('hold by either side stops the sound, resume brings it back', async () => {  // Covers: C12
    await connectToBob();
    await it.web.test('hold').first().click();
    assert.equal((await bob.waitFor('remote_direction')).direction, 'sendonly');
    await it.web.test('hold').first().click();
    assert.equal((await bob.waitFor('remote_direction')).direction, 'sendrecv');
    bob.send('hold');
    await bob.waitFor('held');
    await it.web.callState('held');
    bob.send('resume');
    await bob.waitFor('resumed');
    await it.web.callState('connected');
    await assertTonesBothWays();
  });

  test('the phone changes codec and port in mid-call', async () => {  // Covers: C13 C16
    await connectToBob();
    bob.send('reoffer', { codecs: ['AMR'], new_port: true });
    const changed = await bob.waitFor(['reoffered', 'reinvite_failed']);
    assert.equal(changed.event, 'reoffered', JSON.stringify(changed));
    assert.match(changed.codec, /^AMR\/8000/);
    await delay(300);
    await assertTonesBothWays();
    assert.equal((await it.web.stats())['inbound-rtp'].packetsLost, 0);
  });

  test('a busy phone, a declined call and a missed one are told apart', async () => {  // Covers: C9 C11
    await bob.policy({ reject_code: 486 });
    await it.web.dial(BOB);
    assert.equal((await it.web.ended()).status, 'Busy');
    await bob.policy({ reject_code: 0 });
    bob.call(ALICE);
    await it.web.callState('ringing');
    await it.web.card.locator('[data-testid="reject"]').click();
    assert.equal((await bob.waitFor('failed')).code, 603);
    // The phone may hear of it before the page does.
    assert.equal((await it.web.ended()).status, 'Declined');
    bob.call(ALICE);
    await it.web.callState('ringing');
    bob.send('hangup');
    assert.equal((await it.web.ended()).text, 'Missed');
  });

  describe('when the SIM phone of the same number rings too', () => {
    let ownPhone;
    before(async () => {
      ownPhone = await it.lab.phone(ALICE, { flags: ['--play', 'tones'] });
    });
    after(() => ownPhone?.stop());

    async function bothRing() {
      ownPhone.forget();
      bob.call(ALICE);
      await Promise.all([it.web.callState('ringing'), ownPhone.waitFor('incoming')]);
    }

    test('the browser answers and the phone stops', async () => {  // Covers: C9
      await bothRing();
      await it.web.answer();
      assert.match((await ownPhone.waitFor('cancelled')).reason, /SIP;\s*cause=200/);
      await bob.waitFor('answered');
      await assertTonesBothWays();
    });

    test('the phone answers and the browser says so', async () => {  // Covers: C9
      await bothRing();
      ownPhone.send('answer');
      assert.deepEqual(await it.web.ended(), { status: 'SessionCancelled', text: 'Answered on another device' });
      await bob.waitFor('answered');
    });

    test('busy in the browser lets the phone ring on', async () => {  // Covers: C11
      await bothRing();
      await it.web.page.evaluate(() => window.byonPhone.calls.at(-1).reject('busy'));
      await delay(300);
      assert.equal(ownPhone.events.some((event) => event.event === 'cancelled' && !event.taken), false);
      ownPhone.send('answer');
      await bob.waitFor('answered');
    });

    test('two tabs of one user ring, one answers', async () => {
      const other = await it.openWebPhone('alice');
      try {
        await bothRing();
        await other.callState('ringing');
        await other.answer();
        await bob.waitFor('answered');
        assert.equal((await it.web.ended()).status, 'SessionCancelled');
        await ownPhone.waitFor('cancelled');
      } finally {
        bob.send('hangup');
        await other.close();
      }
    });
  });

  test('nothing was said on the page\'s console', () => {
    const faults = it.web.errors.filter((text) => !/favicon|404|409/.test(text));
    assert.deepEqual(faults, []);
  });
});
