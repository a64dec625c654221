// One call through a gateway with music on hold, to a phone that speaks RTCP XR: what a held side hears, and what the
// phone is told of its own stream.
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { readWav, writeWav } from '../../tools/lab/audio.mjs';
import { USERS } from '../../tools/lab/lab.mjs';
import { listenToChord } from '../../tools/lab/listening.mjs';
import { temporaryDirectory } from '../../tools/lab/temporary_directory.mjs';
import { assertTones, CallLab } from './call_lab.mjs';

const { bob: BOB } = USERS;
const CHORD_HZ = [500, 1100]; // none of the stepped tones
const MUSIC_RATE_HZ = 16_000;

/** A second of the chord, which loops without a seam. */
const music = () => Int16Array.from({ length: MUSIC_RATE_HZ }, (_, n) =>
  CHORD_HZ.reduce((sum, hz) => sum + Math.round(6000 * Math.sin((2 * Math.PI * hz * n) / MUSIC_RATE_HZ)), 0));

const heard = ({ samples, rateHz }) => listenToChord(samples.subarray(rateHz / 10), rateHz, CHORD_HZ);

describe('music on hold and extended reports', () => {
  let it;
  let bob;
  before(async () => {
    const announcements = `${await temporaryDirectory('byon-music-')}/announcements`;
    await mkdir(announcements);
    writeWav(`${announcements}/waltz.wav`, MUSIC_RATE_HZ, music());
    it = await CallLab.start({
      relay: { seed: 7 },
      controlPlane: (config) => (config.calls = { hold_audio: 'announcement:waltz' }),
      dataPlane: (config) => (config.media.announcements = announcements),
    });
    bob = await it.lab.phone(BOB, { flags: ['--play', 'tones', '--rtcp-xr', '--rtcp-interval-ms', '500'] });
    await it.web.dial(BOB);
    await bob.waitFor('incoming', { timeoutMs: 15_000 });
    // Loss on the way from the phone, while nobody listens: the gateway has something to tell.
    await it.lab.relay.setWeather('ims', { toGateway: { loss: 0.2 } });
    bob.send('answer');
    await it.web.callState('connected', 20_000);
    await bob.waitFor('media_started', { timeoutMs: 15_000 });
    await delay(2000);
    await it.lab.relay.clear();
  });
  after(() => it?.stop());

  const holdFromBrowser = () => it.web.test('hold').first().click();
  async function inPhone(milliseconds) {
    const file = `${it.lab.dir}/held.wav`;
    await bob.record(file, milliseconds);
    return heard(readWav(file));
  }
  const inBrowser = async (milliseconds) => heard(await it.web.record(milliseconds));
  /** Asks again: what the recording started with may be from before. */
  async function assertMusic(listen) {
    for (let tries = 1; ; ++tries) {
      const found = await listen(1500);
      if (found.share > 0.9 && found.level > 2000) return;
      if (tries === 3) assert.fail(`no music: ${JSON.stringify(found)}`);
    }
  }

  test('the phone hears the music while the browser holds, and the browser again when it does not', async () => {
    await holdFromBrowser();
    assert.equal((await bob.waitFor('remote_direction')).direction, 'sendonly');
    await assertMusic(inPhone);
    await holdFromBrowser();
    assert.equal((await bob.waitFor('remote_direction')).direction, 'sendrecv');
    assert.ok((await inPhone(1000)).share < 0.5);
  });

  test('the browser hears what the phone plays while it holds, and the music when that stops', async () => {
    bob.send('hold');
    await bob.waitFor('held');
    await it.web.callState('held');
    assert.equal((await inBrowser(800)).share, 0, 'the network\'s own music comes first');
    await it.lab.relay.setWeather('ims', { toGateway: { loss: 1 } });
    await delay(500);
    await assertMusic(inBrowser);
    await it.lab.relay.clear();
    bob.send('resume');
    await bob.waitFor('resumed');
    await it.web.callState('connected');
    await assertTones(async () => [await it.web.measure(2500)]);
  });

  test('the phone is told of its stream by RTCP XR, and measures the way there and back', async () => {
    const told = async () => (await bob.stats()).rtcp_xr;
    let report = await told();
    for (const deadline = Date.now() + 10_000; !(report.mos_cq > 0 && report.round_trip_ms >= 0) && Date.now() < deadline; report = await told()) await delay(250);
    const { received, loss_rate: lossRate, mos_lq: mosListening, mos_cq: mosConversational, r_factor: rFactor } = report;
    assert.ok(received > 0, JSON.stringify(report));
    assert.ok(lossRate > 0.01 && lossRate < 0.7, JSON.stringify(report));
    assert.ok(mosListening >= 1 && mosListening <= 5 && mosConversational >= 1 && mosConversational <= 5, JSON.stringify(report));
    assert.ok(rFactor <= 100 && report.jitter_buffer_nominal_ms > 0 && report.jitter_buffer_nominal_ms <= 500, JSON.stringify(report));
    assert.ok(report.round_trip_ms >= 0 && report.round_trip_ms < 200, JSON.stringify(report));
    assert.ok(report.signal_level_dbm > -40 && report.signal_level_dbm < 0, `the tones: ${report.signal_level_dbm} dBm0`);
  });
});
