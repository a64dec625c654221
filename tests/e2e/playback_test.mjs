// Announcements and tones that a client plays into its own call, as the SIM phone hears them.
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { measureFile, readWav, steppedTones, toneFault, toneShare, writeWav } from '../../tools/lab/audio.mjs';
import { Lab, USERS } from '../../tools/lab/lab.mjs';
import { temporaryDirectory } from '../../tools/lab/temporary_directory.mjs';
import { ApiClient } from './api_client.mjs';

const { alice: ALICE, bob: BOB } = USERS;
const LISTEN_MS = 2000;

/** Share of the windows of 50 ms in which the tone is most of what is heard, and of those in which nothing is. */
function heardTone(file, toneHz) {
  const { samples, rateHz } = readWav(file);
  const size = Math.round(rateHz * 0.05);
  let [tone, silent, windows] = [0, 0, 0];
  for (let start = 0; start + size <= samples.length; start += size, ++windows) {
    const window = samples.subarray(start, start + size);
    const energy = window.reduce((sum, sample) => sum + sample * sample, 0);
    if (Math.sqrt(energy / size) < 100) ++silent;
    else if (toneShare(window, rateHz, toneHz, energy) > 0.8) ++tone;
  }
  // Nobody speaks into this call: where nothing is sent the recording is empty.
  return windows === 0 ? { tone: 0, silent: 1 } : { tone: tone / windows, silent: silent / windows };
}

describe('playback', () => {
  let lab;
  let alice;
  let bob;
  before(async () => {
    const announcements = `${await temporaryDirectory('byon-announcements-')}/announcements`;
    await mkdir(announcements);
    writeWav(`${announcements}/please-wait.wav`, 16000, steppedTones(16000));
    lab = await Lab.start({ dataPlane: (config) => Object.assign(config.media, { announcements }) });
    alice = new ApiClient(lab.url, await lab.token('alice'));
    bob = await lab.phone(BOB);
    await bob.policy({ auto_answer_ms: 0 });
  });
  after(() => lab?.stop());

  test('the other side hears an announcement, then a tone, then nothing', async () => {
    const { registrationId } = await alice.register();
    const { mediaSessionId } = await alice.createCall(registrationId, ALICE, BOB);
    const path = `/byon/v1/calls/${mediaSessionId}/playback`;
    await alice.refused(404, 'NOT_FOUND', 'POST', '/byon/v1/calls/nothing/playback', { body: { to: 'peer', tone: 'busy' } });
    for (const until = Date.now() + 5000; (await alice.expect(200, 'GET', `/byon/v1/calls/${mediaSessionId}`)).status !== 'Connected';) {
      assert.ok(Date.now() < until, 'the phone answers');
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const file = `${lab.dir}/bob.wav`;
    await alice.expect(204, 'POST', path, { body: { to: 'peer', announcement: 'please-wait', loop: true } });
    await bob.record(file, LISTEN_MS);
    assert.equal(toneFault(measureFile(file)), undefined, 'the announcement');
    await alice.refused(404, 'NOT_FOUND', 'POST', path, { body: { to: 'peer', announcement: 'unheard-of' } });
    await alice.expect(204, 'POST', path, { body: { to: 'peer', tone: 'busy' } });
    await bob.record(file, LISTEN_MS);
    const busy = heardTone(file, 425);
    assert.ok(busy.tone > 0.3 && busy.silent > 0.2, JSON.stringify(busy));
    await alice.expect(204, 'DELETE', `${path}?to=peer`);
    await bob.record(file, LISTEN_MS);
    assert.ok(heardTone(file, 425).silent > 0.9, JSON.stringify(heardTone(file, 425)));
    await alice.expect(204, 'DELETE', `/webrtc-call-handling/v0.4/sessions/${mediaSessionId}`);
    await alice.refused(409, 'INCOMPATIBLE_STATE', 'POST', path, { body: { to: 'peer', tone: 'busy' } });
  });
});
