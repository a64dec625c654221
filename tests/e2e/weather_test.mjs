// Calls through bad weather on either leg, made by the laboratory's relay from a seed, between real ends: Chromium, the
// gateway, a SIM phone. What is heard at the far ends is measured, and what the gateway and the browser say of it.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { readWav } from '../../tools/lab/audio.mjs';
import { USERS } from '../../tools/lab/lab.mjs';
import { addedDelayMs, listenToTones } from '../../tools/lab/listening.mjs';
import { CallLab } from './call_lab.mjs';

const { alice: ALICE, bob: BOB } = USERS;
const SEED = 20261122;
const TRIES = 3;
const FRAME_MS = 20;

const percent = (share) => `${(share * 100).toFixed(1)} %`;
const both = (weather) => ({ toGateway: weather, fromGateway: weather });

/** What happened between two snapshots. */
function difference(after, before) {
  if (typeof after !== 'object' || after === null) return typeof after === 'number' ? after - (before ?? 0) : after;
  return Object.fromEntries(Object.entries(after).map(([key, value]) => [key, difference(value, before?.[key])]));
}

describe('weather', () => {
  let it;
  let bob;
  let relay;
  before(async () => {
    it = await CallLab.start({ relay: { seed: SEED } });
    relay = it.lab.relay;
    bob = await it.lab.phone(BOB, { flags: ['--play', 'tones', '--rtcp-interval-ms', '1000'] });
  });
  after(() => it?.stop());
  afterEach(async () => {
    await relay.clear();
    bob.send('hangup', {});
    await it.web.page.waitForFunction(() => window.byonPhone.calls.length === 0, null, { timeout: 8000 }).catch(() => {});
  });

  async function connect() {
    bob.forget();
    await it.web.dial(BOB);
    await bob.waitFor('incoming', { timeoutMs: 15_000 });
    bob.send('answer');
    await it.web.callState('connected', 20_000);
    await bob.waitFor('media_started', { timeoutMs: 15_000 });
  }
  async function connectFromBob() {
    bob.call(ALICE);
    await it.web.callState('ringing');
    await it.web.answer();
    await bob.waitFor('answered');
    await it.web.callState('connected');
    await bob.waitFor('media_started');
  }

  /** What both ends hear at the same time. */
  async function listen(milliseconds) {
    const file = `${it.lab.dir}/bob.wav`;
    const [inBrowser, startedAt] = await Promise.all([it.web.record(milliseconds), bob.recordTimed(file, milliseconds)]);
    const byPhone = readWav(file);
    return {
      browser: listenToTones(inBrowser.samples, inBrowser.rateHz, inBrowser.startedAt),
      phone: listenToTones(byPhone.samples, byPhone.rateHz, startedAt),
    };
  }
  async function snapshot() {
    const [relayed, page, phone] = await Promise.all([relay.counters(), it.web.stats(), bob.stats()]);
    const { 'inbound-rtp': inbound, 'remote-inbound-rtp': reported, 'outbound-rtp': outbound, gateway } = page;
    return { relayed, inbound, reported, outbound, gateway, phone };
  }

  /** Listens in clear weather, then in the given one, and has the outcome judged, three times at most. */
  async function weather(t, { settings, settleMs = 2500, listenMs = 4000, judge }) {
    await delay(1500);
    const calm = await listen(2500);
    for (const [leg, directions] of Object.entries(settings)) await relay.setWeather(leg, directions);
    for (let attempt = 1; ; ++attempt) {
      await delay(settleMs);
      const start = await snapshot();
      const heard = await listen(listenMs);
      const end = await snapshot();
      const passed = difference(end, start);
      const row = { calm, heard, passed, end, later: later(calm, heard) };
      for (const line of linesOf(row)) t.diagnostic(line);
      try {
        return await judge(row);
      } catch (fault) {
        if (attempt === TRIES) throw fault;
        t.diagnostic(`again: ${fault.message.split('\n')[0]}`);
      }
    }
  }
  const later = (calm, heard) => ({
    browser: Math.round(addedDelayMs(calm.browser, heard.browser)), phone: Math.round(addedDelayMs(calm.phone, heard.phone)),
  });
  function linesOf({ heard, passed, end, later: added }) {
    const sound = (who) => `${who} hears ${percent(heard[who].pureShare)} pure, level ${heard[who].level}, `
      + `${heard[who].gaps} gaps up to ${heard[who].longestGapMs} ms, ${added[who]} ms later`;
    const leg = (name) => {
      const { packetsLost, concealedFrames, recoveredFrames, latePackets, duplicatePackets } = passed.gateway[name];
      const { toGateway, fromGateway } = passed.relayed[name];
      return `${name}: ${toGateway.rtpLost} of ${toGateway.rtpPackets} lost towards the gateway, ${fromGateway.rtpLost} of ${fromGateway.rtpPackets} from it; `
        + `gateway: ${packetsLost} lost, ${concealedFrames} concealed, ${recoveredFrames} recovered, ${latePackets} late, ${duplicatePackets} twice, `
        + `play-out ${Math.round(end.gateway[name].playoutDelayMs)} ms, far end reports ${percent(end.gateway[name].remoteFractionLost)}`;
    };
    const buffer = (passed.inbound.jitterBufferDelay / passed.inbound.jitterBufferEmittedCount) * 1000;
    return [
      sound('browser'), sound('phone'), leg('access'), leg('ims'),
      `browser: jitter buffer ${Math.round(buffer)} ms, ${passed.inbound.packetsLost} lost, is told of ${percent(end.reported?.fractionLost ?? 0)}; `
        + `relay at most ${end.relayed.relay.latestMs.toFixed(1)} ms late`,
    ];
  }

  test('clear: the relay is not heard', async (t) => {
    await connect();
    await weather(t, {
      settings: {}, settleMs: 500, listenMs: 3000,
      judge: ({ heard, passed, later: added }) => {
        for (const who of ['browser', 'phone']) {
          assert.ok(heard[who].pureShare > 0.97, `${who}: ${percent(heard[who].pureShare)} pure`);
          assert.ok(heard[who].longestGapMs <= 20, `${who}: a gap of ${heard[who].longestGapMs} ms`);
          assert.ok(Math.abs(added[who]) <= 40, `${who}: ${added[who]} ms later`);
        }
        assert.equal(passed.gateway.access.packetsLost + passed.gateway.ims.packetsLost + passed.phone.lost, 0);
      },
    });
    const { relay: own, access, ims } = await relay.counters();
    assert.equal(own.strangers, 0);
    for (const { toGateway, fromGateway } of [access, ims]) assert.ok(toGateway.rtpPackets > 300 && fromGateway.rtpPackets > 300, 'media takes the detour');
    const { remote } = await bob.stats();
    assert.ok(remote.startsWith(`${it.lab.addresses.phoneRelay(0)}:`), `the phone hears from ${remote}`);
  });
});
