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

/** Asks again until the answer is yes; the last one is what is found wanting. */
async function eventually(claim, timeoutMs = 20_000) {
  for (const deadline = Date.now() + timeoutMs; ; await delay(250)) {
    try {
      return await claim();
    } catch (fault) {
      if (Date.now() > deadline) throw fault;
    }
  }
}

/** A recording without its first moments, in which an AudioContext may still be starting. */
const afterStart = ({ samples, rateHz }) => [samples.subarray(rateHz / 10), rateHz];

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
      browser: listenToTones(...afterStart(inBrowser), inBrowser.startedAt),
      phone: listenToTones(...afterStart(byPhone), startedAt),
    };
  }
  async function snapshot() {
    const [relayed, page, phone] = await Promise.all([relay.counters(), it.web.stats(), bob.stats()]);
    const { 'inbound-rtp': inbound, 'remote-inbound-rtp': reported, 'outbound-rtp': outbound, gateway } = page;
    return { relayed, inbound, reported, outbound, gateway, phone };
  }

  /** Listens in clear weather, then in the given one, and has the outcome judged, three times at most. */
  async function weather(t, { settings, settleMs = 2500, settled = () => {}, listenMs = 4000, judge }) {
    await delay(1500);
    const calm = await listen(2500);
    for (const [leg, directions] of Object.entries(settings)) await relay.setWeather(leg, directions);
    await settled();
    await patiently(t, async () => {
      await delay(settleMs);
      const start = await snapshot();
      const heard = await listen(listenMs);
      await judge(rowOf(t, { calm, heard, start, end: await snapshot() }));
    });
  }
  /** A machine that has something else to do for a moment is no weather. */
  async function patiently(t, attempt) {
    for (let tries = 1; ; ++tries) {
      try {
        return await attempt();
      } catch (fault) {
        if (tries === TRIES) throw fault;
        t.diagnostic(`again: ${fault.message.split('\n')[0]}`);
      }
    }
  }
  function rowOf(t, { calm, heard, start, end }) {
    const row = { calm, heard, end, passed: difference(end, start), later: later(calm, heard) };
    for (const line of linesOf(row)) t.diagnostic(line);
    return row;
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
          assert.ok(added[who] <= 40, `${who}: ${added[who]} ms later`); // earlier: the machine was slow before
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

  test('the browser on IPv6, 3 % loss and 20 ms of jitter', async (t) => {
    const { near } = relay;
    relay.near = '::1';
    try {
      await connect();
    } finally {
      relay.near = near;
    }
    await weather(t, {
      settings: { access: both({ loss: 0.03, jitterMs: 20 }) }, listenMs: 3000,
      judge: ({ heard, passed }) => {
        assertCounted(passed, 'access');
        for (const who of ['browser', 'phone']) assert.ok(heard[who].pureShare > 0.9, `${who}: ${percent(heard[who].pureShare)} pure`);
      },
    });
    const address = await it.web.page.evaluate(async () => {
      const stats = [...(await window.byonPhone.calls.at(-1).peerConnection.getStats()).values()];
      const pair = stats.find(({ type, id }) => type === 'candidate-pair' && stats.some(({ selectedCandidatePairId }) => selectedCandidatePairId === id));
      return stats.find(({ id }) => id === pair.remoteCandidateId).address;
    });
    assert.match(address, /^\[?::1\]?$/);
  });

  /** What every row claims of a leg: the gateway counts what was lost exactly as the relay lost it. */
  function assertCounted(passed, leg, slack = 2) {
    const { rtpLost } = passed.relayed[leg].toGateway;
    const { packetsLost, concealedFrames, recoveredFrames } = passed.gateway[leg];
    assert.ok(Math.abs(packetsLost - rtpLost) <= slack, `${leg}: ${rtpLost} packets were lost, the gateway counts ${packetsLost}`);
    return { rtpLost, filled: concealedFrames + recoveredFrames };
  }

  /** Until the browser is told of so much loss: reports come every few seconds. */
  const isTold = (share) => eventually(async () => {
    const { fractionLost = 0 } = (await it.web.stats())['remote-inbound-rtp'] ?? {};
    assert.ok(fractionLost > share, `the browser is told of ${percent(fractionLost)}`);
  }, 20_000);

  test('5 % random loss on the access leg, after a set-up through 20 %', async (t) => {
    // ICE and DTLS repeat what is lost; the phone hears nothing before they are done.
    await relay.setWeather('access', both({ loss: 0.2 }));
    const start = await relay.counters();
    await connect();
    const { access: { toGateway, fromGateway } } = difference(await relay.counters(), start);
    await relay.clear();
    t.diagnostic(`set-up: ${toGateway.lost} of ${toGateway.packets} packets lost towards the gateway, ${fromGateway.lost} of ${fromGateway.packets} from it`);
    await weather(t, {
      settings: { access: both({ loss: 0.05 }) }, settleMs: 500, settled: () => isTold(0.005),
      judge: ({ heard, passed, end, later: added }) => {
        const { rtpLost, filled } = assertCounted(passed, 'access');
        assert.ok(filled >= rtpLost * 0.7 && filled <= rtpLost * 1.6 + 5, `${rtpLost} lost, ${filled} filled in`);
        for (const who of ['browser', 'phone']) {
          // What is lost, left as it is, would cost 10 %.
          assert.ok(heard[who].pureShare > 0.93, `${who}: ${percent(heard[who].pureShare)} pure`);
          assert.ok(heard[who].longestGapMs <= 40, `${who}: a gap of ${heard[who].longestGapMs} ms`);
        }
        assert.equal(passed.phone.lost, 0, 'what the gateway sends on has no holes');
        assert.ok(added.phone <= 80, `${added.phone} ms later`);
        const { fractionLost } = end.reported;
        assert.ok(fractionLost > 0.005 && fractionLost < 0.15, `the browser is told of ${percent(fractionLost)}`);
      },
    });
  });

  test('15 % loss from the browser: it is told, adds error correction, and the gateway uses it', async (t) => {
    await connect();
    await weather(t, {
      settings: { access: { toGateway: { loss: 0.15 } } }, settleMs: 1000,
      // Chromium may believe the second or third report only.
      settled: async () => {
        await isTold(0.05);
        await eventually(async () => assert.ok((await it.web.stats()).gateway.access.recoveredFrames > 0, 'nothing is recovered'), 30_000);
      },
      judge: ({ heard, passed, end }) => {
        const { rtpLost } = assertCounted(passed, 'access', 4);
        const { recoveredFrames } = passed.gateway.access;
        assert.ok(recoveredFrames >= rtpLost * 0.3, `${rtpLost} lost, ${recoveredFrames} recovered`);
        assert.ok(heard.phone.pureShare > 0.85, `phone: ${percent(heard.phone.pureShare)} pure`);
        assert.ok(heard.phone.silentShare < 0.03, `phone: ${percent(heard.phone.silentShare)} silence`);
        const { fractionLost } = end.reported;
        assert.ok(fractionLost > 0.05 && fractionLost < 0.3, `the browser is told of ${percent(fractionLost)}`);
      },
    });
  });

  test('5 % random loss on the IMS leg', async (t) => {
    await connectFromBob();
    await weather(t, {
      settings: { ims: both({ loss: 0.05 }) },
      judge: ({ heard, passed, later: added }) => {
        const { rtpLost, filled } = assertCounted(passed, 'ims');
        assert.ok(filled >= rtpLost * 0.7 && filled <= rtpLost * 1.6 + 5, `${rtpLost} lost, ${filled} filled in`);
        // An AMR decoder needs a few frames to find back to a pure tone: what counts is that nothing is missing.
        assert.ok(heard.browser.pureShare > 0.8, `browser: ${percent(heard.browser.pureShare)} pure`);
        assert.ok(heard.browser.silentShare < 0.025, `browser: ${percent(heard.browser.silentShare)} silence`);
        assert.ok(heard.browser.longestGapMs <= 40, `browser: a gap of ${heard.browser.longestGapMs} ms`);
        assert.ok(heard.phone.silentShare > 2 * heard.browser.silentShare, 'more silence where nobody conceals');
        assert.ok(added.browser <= 80, `${added.browser} ms later`);
        assert.equal(passed.inbound.packetsLost, 0, 'what the gateway sends on has no holes');
        // This phone conceals nothing: it hears the loss itself, each packet 20 ms, and no more than that.
        const { rtpLost: lostAfter } = passed.relayed.ims.fromGateway;
        assert.ok(Math.abs(passed.phone.lost - lostAfter) <= 2, `${lostAfter} lost towards the phone, ${passed.phone.lost} missed`);
      },
    });
    // Either end tells the other: the phone's reports reach the gateway, and the gateway's the phone.
    await eventually(async () => {
      const { gateway, phone } = await snapshot();
      for (const told of [gateway.ims.remoteFractionLost, phone.remote_fraction_lost]) assert.ok(told > 0 && told < 0.25, `told of ${percent(told)}`);
    });
  });

  test('bursts of 60 ms, 5 % in all, on both legs', async (t) => {
    await connect();
    const bursts = { burstLoss: 0.05, burstPackets: 3 };
    await weather(t, {
      settings: { access: both(bursts), ims: { toGateway: bursts } },
      judge: ({ heard, passed }) => {
        assertCounted(passed, 'access', 4);
        assertCounted(passed, 'ims', 4);
        for (const who of ['browser', 'phone']) {
          assert.ok(heard[who].pureShare > 0.8, `${who}: ${percent(heard[who].pureShare)} pure`);
          assert.ok(heard[who].longestGapMs <= 150, `${who}: a gap of ${heard[who].longestGapMs} ms`);
        }
        assert.equal(passed.phone.lost, 0);
      },
    });
  });

  test('jitter of up to 80 ms on both legs', async (t) => {
    await connect();
    const jitter = { jitterMs: 80 };
    await weather(t, {
      settings: { access: both(jitter), ims: { toGateway: jitter } }, settleMs: 4000,
      judge: ({ heard, passed, later: added }) => {
        for (const leg of ['access', 'ims']) {
          assert.equal(assertCounted(passed, leg, 4).rtpLost, 0);
          assert.ok(passed.gateway[leg].latePackets <= 4, `${leg}: ${passed.gateway[leg].latePackets} packets came too late`);
        }
        for (const who of ['browser', 'phone']) assert.ok(heard[who].pureShare > 0.93, `${who}: ${percent(heard[who].pureShare)} pure`);
        // As much as the slowest packet takes, a tick of 20 ms, and something for a busy machine.
        assert.ok(added.phone <= 80 + FRAME_MS + 30, `phone: ${added.phone} ms later`);
        assert.ok(added.browser <= 2 * 80 + 2 * FRAME_MS + 30, `browser: ${added.browser} ms later, through both`);
      },
    });
  });

  test('an outage of 2 s', async (t) => {
    await connect();
    await delay(1500);
    const calm = await listen(2500);
    await patiently(t, async () => {
      const start = await snapshot();
      for (const leg of ['access', 'ims']) await relay.interrupt(leg, { ms: 2000 });
      await delay(700);
      const during = await listen(1000);
      await delay(700);
      // What is heard from 0.4 s after its end on.
      const { heard, end, later: added } = rowOf(t, { calm, start, heard: await listen(3000), end: await snapshot() });
      for (const who of ['browser', 'phone']) {
        t.diagnostic(`${who} in the outage: level ${during[who].level}, ${percent(during[who].silentShare)} silence`);
        assert.ok(during[who].level < calm[who].level / 10, `${who}: concealment fades out, level ${during[who].level}`);
        assert.ok(heard[who].pureShare > 0.93, `${who}: ${percent(heard[who].pureShare)} pure after it`);
        assert.ok(heard[who].longestGapMs <= 40, `${who}: a gap of ${heard[who].longestGapMs} ms after it`);
        assert.ok(added[who] <= 60, `${who}: ${added[who]} ms later after it`);
      }
      assert.equal(end.phone.ssrc_changes, 0);
    });
  });

  test('a freeze of 400 ms: what was held comes at once, and the delay goes again', async (t) => {
    await connect();
    await delay(1500);
    const calm = await listen(2500);
    await patiently(t, async () => {
      const start = await snapshot();
      for (const leg of ['access', 'ims']) await relay.interrupt(leg, { ms: 400, isHeld: true, directions: ['toGateway'] });
      await delay(2500);
      const { heard, passed, later: added } = rowOf(t, { calm, start, heard: await listen(2500), end: await snapshot() });
      for (const leg of ['access', 'ims']) assert.ok(passed.relayed[leg].toGateway.held >= 15, `${leg}: nothing was held`);
      for (const who of ['browser', 'phone']) {
        assert.ok(heard[who].pureShare > 0.93, `${who}: ${percent(heard[who].pureShare)} pure after it`);
        assert.ok(added[who] <= 100, `${who}: ${added[who]} ms later after it`);
      }
    });
  });

  test('a NAT that forgets: the browser comes from another port, and the call goes on', async (t) => {
    await connect();
    await delay(1500);
    const start = await snapshot();
    const [during] = await Promise.all([listen(6000), delay(1000).then(() => relay.rebind())]);
    const heard = await listen(2000);
    const { gateway: { drops } } = difference(await snapshot(), start);
    // Authentic media is let in from anywhere. It goes to where a check has come from, and Chromium checks every 2.5 s.
    const silence = { browser: 3500, phone: 100 };
    for (const who of ['browser', 'phone']) {
      t.diagnostic(`${who}: silence of ${during[who].longestGapMs} ms, then ${percent(heard[who].pureShare)} pure`);
      assert.ok(during[who].longestGapMs < silence[who], `${who}: silence of ${during[who].longestGapMs} ms`);
      assert.ok(heard[who].pureShare > 0.95, `${who}: ${percent(heard[who].pureShare)} pure after it`);
    }
    t.diagnostic(`dropped meanwhile: ${JSON.stringify(drops)}`);
    assert.equal(drops.session_unverified_source ?? 0, 0);
    assert.equal(await it.web.page.evaluate(() => window.byonPhone.calls.at(-1).state), 'connected');
  });

  test('packets that overtake each other and come twice, on both legs', async (t) => {
    await connectFromBob();
    const disorder = { reorder: 0.1, reorderMs: 60, duplicate: 0.1 };
    await weather(t, {
      settings: { access: both(disorder), ims: { toGateway: disorder } }, settleMs: 8000,
      judge: ({ heard, passed }) => {
        for (const leg of ['access', 'ims']) {
          const { toGateway } = passed.relayed[leg];
          assert.ok(toGateway.reordered > 5 && toGateway.duplicated > 10, JSON.stringify(toGateway));
          assert.ok(passed.gateway[leg].latePackets <= 8, `${leg}: ${passed.gateway[leg].latePackets} packets came too late`);
        }
        for (const who of ['browser', 'phone']) assert.ok(heard[who].pureShare > 0.93, `${who}: ${percent(heard[who].pureShare)} pure`);
        // The second copy of an SRTP packet is a replay; that of a plain one is a duplicate.
        const copies = { access: passed.gateway.drops.srtp_replayed ?? 0, ims: passed.gateway.ims.duplicatePackets };
        for (const [leg, count] of Object.entries(copies)) {
          const { duplicated } = passed.relayed[leg].toGateway;
          assert.ok(Math.abs(count - duplicated) <= 5, `${leg}: ${duplicated} came twice, the gateway counts ${count}`);
        }
        assert.equal(passed.phone.lost + passed.phone.duplicates, 0, 'the phone gets each frame once, in order');
      },
    });
  });
});
