// One call each way between the web client and a SIM phone, with everything about it measured.
import { setTimeout as delay } from 'node:timers/promises';
import { measureFile, measureTones, readWav, toneFault } from './audio.mjs';
import { listenToTones } from './listening.mjs';

const LISTEN_MS = 4500;

/** Notes when the states of calls change, on the page's own clock. */
function watchStates(web) {
  return web.page.evaluate(() => {
    window.labStates = [];
    window.byonPhone.on('call', (call) => call.on('state', (state) => window.labStates.push({ state, at: Date.now() })));
    const button = document.querySelector('[data-testid="dial"]');
    button.addEventListener('click', () => window.labStates.push({ state: 'clicked', at: Date.now() }), { capture: true });
  });
}

async function statesOf(web) {
  const states = await web.page.evaluate(() => window.labStates.splice(0));
  return (name) => states.find(({ state }) => state === name)?.at;
}

/** What the relay did to a call's packets and what became of it. */
async function weatherOf({ relay, before, gateway, recordings }) {
  if (gateway.error) throw new Error(`the gateway tells nothing of the call's quality: ${gateway.error}`);
  const now = await relay.counters();
  const lost = (leg, direction) => {
    const [last, first] = [now[leg][direction], before[leg][direction]];
    return { lost: last.rtpLost - first.rtpLost, of: last.rtpPackets - first.rtpPackets };
  };
  // The first moments belong to the start of the call, not to the weather.
  const [browser, phone] = recordings.map(({ samples, rateHz }) => listenToTones(samples.subarray(rateHz / 2), rateHz));
  return {
    heard: { browser, phone },
    legs: Object.fromEntries(['access', 'ims'].map((leg) => {
      const { concealedFrames, recoveredFrames, latePackets, playoutDelayMs } = gateway[leg];
      return [leg, {
        toGateway: lost(leg, 'toGateway'), fromGateway: lost(leg, 'fromGateway'),
        concealedFrames, recoveredFrames, latePackets, playoutDelayMs,
      }];
    })),
  };
}

/** What both ends hear, while the call is up. */
async function listen(web, phone, file, relay, before) {
  const [recordedInBrowser] = await Promise.all([web.record(LISTEN_MS), phone.record(file, LISTEN_MS)]);
  const heardInBrowser = measureTones(recordedInBrowser.samples, recordedInBrowser.rateHz);
  const heardByPhone = measureFile(file);
  const [stats, phoneStats] = [await web.stats(), await phone.stats()];
  const { gateway } = stats;
  return {
    browser: { purity: heardInBrowser.purity, level: heardInBrowser.rms, fault: toneFault(heardInBrowser) },
    phone: { purity: heardByPhone.purity, level: heardByPhone.rms, fault: toneFault(heardByPhone) },
    packets: {
      toBrowser: stats['inbound-rtp']?.packetsReceived, fromBrowser: stats['outbound-rtp']?.packetsSent,
      toPhone: phoneStats.packets, fromPhone: phoneStats.packets_sent,
      lost: (stats['inbound-rtp']?.packetsLost ?? 0) + phoneStats.lost,
    },
    largestGapMs: phoneStats.largest_gap_ms,
    // The gateway's own part: from a packet's arrival to the departure of what was made of it.
    addedLatencyMs: { toPhone: gateway?.access?.addedLatencyMs, toBrowser: gateway?.ims?.addedLatencyMs },
    codec: phoneStats.codec,
    dtls: stats.transport && `${stats.transport.tlsVersion} ${stats.transport.dtlsCipher}`,
    srtp: stats.transport?.srtpCipher,
    weather: relay && (await weatherOf({ relay, before, gateway, recordings: [recordedInBrowser, readWav(file)] })),
  };
}

/** The browser calls the phone, which rings and answers. */
async function callFromBrowser(web, phone, dir, relay) {
  const before = await relay?.counters();
  phone.forget();
  await web.dial(phone.number);
  await phone.waitFor('incoming');
  await web.callState(['ringing', 'earlyMedia']);
  await delay(300);
  phone.send('answer');
  const answered = await phone.waitFor('answered');
  await web.callState('connected');
  const at = await statesOf(web);
  const result = {
    ringMs: (at('ringing') ?? at('earlyMedia')) - at('clicked'),
    answerMs: at('connected') - answered.time_ms,
    ...(await listen(web, phone, `${dir}/mo-phone.wav`, relay, before)),
  };
  await web.hangUp();
  await phone.waitFor('bye');
  await web.callState('ended');
  await statesOf(web);
  return result;
}

/** The phone calls the browser's number; the user answers. */
async function callToBrowser(web, phone, number, dir, relay) {
  const beginning = await relay?.counters();
  phone.call(number);
  const calling = await phone.waitFor('calling');
  await web.callState('ringing');
  const at = await statesOf(web);
  const before = Date.now();
  await web.answer();
  const answered = await phone.waitFor(['answered', 'failed']);
  if (answered.event === 'failed') throw new Error(`the call was refused: ${answered.code} ${answered.phrase}`);
  await web.callState('connected');
  const result = {
    ringMs: at('ringing') - calling.time_ms,
    answerMs: answered.time_ms - before,
    ...(await listen(web, phone, `${dir}/mt-phone.wav`, relay, beginning)),
  };
  phone.send('hangup');
  await phone.waitFor('ended');
  await web.callState('ended');
  return result;
}

/**
 * @param {{web: import('./browser.mjs').WebPhone, phone: import('./sim_phone.mjs').SimPhone, number: string, dir: string,
 *   relay?: import('./impairment_relay.mjs').ImpairmentRelay}} parts
 *   `web` is registered with `number`; `phone` plays tones and answers on command; `relay`: what both send their media through
 */
export async function checkCalls({ web, phone, number, dir, relay }) {
  await watchStates(web);
  const registrationMs = await web.page.evaluate(() => {
    const entries = performance.getEntriesByType('resource').filter(({ name }) => /webrtc-registration\/.*\/sessions$/.test(name));
    return Math.round(entries.at(-1)?.duration ?? -1);
  });
  const outgoing = await callFromBrowser(web, phone, dir, relay);
  await delay(200);
  const incoming = await callToBrowser(web, phone, number, dir, relay);
  const faults = Object.entries({ outgoing, incoming }).flatMap(([name, call]) =>
    ['browser', 'phone'].filter((side) => call[side].fault).map((side) => `${name} call, heard by the ${side}: ${call[side].fault}`));
  return { registrationMs, outgoing, incoming, faults, isGood: faults.length === 0 };
}

/** Rows of the table about the weather, when there was any. */
function weatherRows(calls) {
  if (!calls[0].weather) return [];
  const row = (label, cell) => [label, ...calls.map(({ weather }) => cell(weather))];
  const heard = (who) => ({ heard: { [who]: { pureShare, gaps, longestGapMs } } }) =>
    `${(pureShare * 100).toFixed(1)} % of the frames pure, ${gaps} gaps, longest ${longestGapMs} ms`;
  const lost = (leg, direction) => ({ legs: { [leg]: { [direction]: { lost: count, of } } } }) => `${count} of ${of}`;
  const filled = (leg) => ({ legs: { [leg]: { concealedFrames, recoveredFrames, latePackets, playoutDelayMs } } }) =>
    `${concealedFrames} concealed, ${recoveredFrames} recovered, ${latePackets} late, play-out ${Math.round(playoutDelayMs)} ms`;
  return [
    row('heard by browser', heard('browser')), row('heard by phone', heard('phone')),
    row('lost, browser to gateway', lost('access', 'toGateway')), row('lost, gateway to browser', lost('access', 'fromGateway')),
    row('lost, phone to gateway', lost('ims', 'toGateway')), row('lost, gateway to phone', lost('ims', 'fromGateway')),
    row('gateway, access leg', filled('access')), row('gateway, IMS leg', filled('ims')),
  ];
}

/** The measurements as a table. */
export function tableOf({ registrationMs, outgoing, incoming }) {
  const ms = (value) => (Number.isFinite(value) ? `${Math.round(value)} ms` : '-');
  const sound = ({ purity, level, fault }) => `${fault ? 'BAD' : 'good'}, ${(purity * 100).toFixed(1)} % pure, level ${level}`;
  const rows = [
    ['', 'browser calls phone', 'phone calls browser'],
    ['registration', ms(registrationMs), ''],
    ['dialled to ringing', ms(outgoing.ringMs), ms(incoming.ringMs)],
    ['answered to connected', ms(outgoing.answerMs), ms(incoming.answerMs)],
    ['tones heard by browser', sound(outgoing.browser), sound(incoming.browser)],
    ['tones heard by phone', sound(outgoing.phone), sound(incoming.phone)],
    ...[['packets to browser', 'toBrowser'], ['packets to phone', 'toPhone'], ['packets lost', 'lost']].map(([label, key]) =>
      [label, outgoing.packets[key], incoming.packets[key]]),
    ['latency added to browser', ms(outgoing.addedLatencyMs.toBrowser), ms(incoming.addedLatencyMs.toBrowser)],
    ['latency added to phone', ms(outgoing.addedLatencyMs.toPhone), ms(incoming.addedLatencyMs.toPhone)],
    ['codec of the phone', outgoing.codec, incoming.codec],
    ['SRTP', outgoing.srtp ?? '-', incoming.srtp ?? '-'],
    ...weatherRows([outgoing, incoming]),
  ];
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => String(row[column]).length)));
  return rows.map((row) => row.map((cell, column) => String(cell).padEnd(widths[column])).join('   ').trimEnd()).join('\n');
}
