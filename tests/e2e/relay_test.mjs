// The relay of the laboratory that makes weather: its paths without a network, then its sockets.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { addressesOf } from '../../tools/lab/addresses.mjs';
import { steppedTones } from '../../tools/lab/audio.mjs';
import { ImpairmentRelay } from '../../tools/lab/impairment_relay.mjs';
import { addedDelayMs, listenToChord, listenToTones } from '../../tools/lab/listening.mjs';
import { ImpairedPath, parseWeather } from '../../tools/lab/weather.mjs';

const PACKETS = 50_000;
const SPACING_MS = 20;

/** Times of arrival of many packets, in the order in which they were sent. */
function journey(weather, seed = 1, packets = PACKETS) {
  const path = new ImpairedPath(seed);
  path.setWeather(weather);
  return { path, arrivals: Array.from({ length: packets }, (_, index) => path.send(index * SPACING_MS)) };
}
const delays = (arrivals) => arrivals.flatMap((times, index) => times.map((time) => time - index * SPACING_MS));
const shareLost = (arrivals) => arrivals.filter((times) => times.length === 0).length / arrivals.length;

describe('a path', () => {
  test('that is clear lets everything through at once', () => {
    const { arrivals, path } = journey({});
    assert.ok(arrivals.every(([time, ...more], index) => time === index * SPACING_MS && more.length === 0));
    assert.deepEqual(path.counters, { packets: PACKETS, lost: 0, lostInBursts: 0, lostInOutage: 0, bursts: 0, held: 0, reordered: 0, duplicated: 0 });
  });

  test('treats its packets alike for one seed, otherwise for another', () => {
    const weather = { loss: 0.1, jitterMs: 50, reorder: 0.1, duplicate: 0.1, burstLoss: 0.05 };
    assert.deepEqual(journey(weather, 7, 1000).arrivals, journey(weather, 7, 1000).arrivals);
    assert.notDeepEqual(journey(weather, 7, 1000).arrivals, journey(weather, 8, 1000).arrivals);
  });

  test('loses the share it was told to, one packet independent of the next', () => {
    const { arrivals, path } = journey({ loss: 0.05 });
    assert.ok(Math.abs(shareLost(arrivals) - 0.05) < 0.005);
    const pairs = arrivals.filter((times, index) => index > 0 && times.length === 0 && arrivals[index - 1].length === 0).length;
    assert.ok(Math.abs(pairs / PACKETS - 0.0025) < 0.001, `${pairs} pairs`);
    assert.equal(path.counters.lost, arrivals.filter((times) => times.length === 0).length);
  });

  test('loses bursts of the length and in the share it was told to', () => {
    const { arrivals, path } = journey({ burstLoss: 0.06, burstPackets: 3 });
    const { bursts, lostInBursts } = path.counters;
    assert.ok(Math.abs(shareLost(arrivals) - 0.06) < 0.006, `${shareLost(arrivals)}`);
    assert.ok(Math.abs(lostInBursts / bursts - 3) < 0.2, `${lostInBursts / bursts} packets a burst`);
  });

  test('delays within its bounds and keeps the order', () => {
    const { arrivals, path } = journey({ delayMs: 30, jitterMs: 80 });
    const all = delays(arrivals);
    assert.ok(Math.min(...all.slice(0, 5000)) >= 30 && all.every((value) => value <= 110));
    assert.ok(new Set(all.map((value) => Math.round(value))).size > 60, 'all delays occur');
    assert.equal(path.counters.reordered, 0);
  });

  test('lets packets overtake each other, and sends them twice, as often as told', () => {
    const { path, arrivals } = journey({ reorder: 0.1, reorderMs: 60, duplicate: 0.05 });
    assert.ok(Math.abs(path.counters.duplicated / PACKETS - 0.05) < 0.005);
    assert.equal(arrivals.filter((times) => times.length === 2).length, path.counters.duplicated);
    // Two thirds of what takes up to 60 ms longer is overtaken by the packet 20 ms behind it.
    const overtaken = arrivals.filter(([time], index) => index + 1 < arrivals.length && arrivals[index + 1][0] < time).length;
    assert.ok(Math.abs(overtaken / PACKETS - 0.0645) < 0.006, `${overtaken} overtaken`);
  });

  test('loses all in an outage, and holds all in a freeze', () => {
    const path = new ImpairedPath(1);
    path.interrupt({ untilMs: 1000 });
    assert.deepEqual([path.send(0), path.send(999), path.send(1000)], [[], [], [1000]]);
    path.interrupt({ untilMs: 3000, isHeld: true });
    assert.deepEqual([path.send(1020), path.send(2980), path.send(3000)], [[3000], [3000], [3000]]);
    assert.deepEqual([path.counters.lostInOutage, path.counters.held], [2, 2]);
  });

  test('takes its weather from a line of text, and says what is wrong with it', () => {
    const { seed, weather } = parseWeather('loss=5, jitter=40,seed=9');
    assert.deepEqual([seed, weather.loss, weather.jitterMs, weather.reorder], [9, 0.05, 40, 0]);
    assert.throws(() => parseWeather('loss=150'), /loss=150 must be a number from 0 to 90/);
    assert.throws(() => parseWeather('jitter'), /jitter= must be a number from 0 to 2000/);
    assert.throws(() => parseWeather('rain=1'), /"rain=1" is not KEY=NUMBER with one of the keys delay, jitter/);
    assert.throws(() => parseWeather('seed=1.5'), /seed=1.5/);
    assert.throws(() => new ImpairedPath(1).setWeather({ lost: 1 }), /no such weather: lost/);
  });

  test('wrong on the quickstart\'s command line starts nothing', () => {
    const quickstart = fileURLToPath(new URL('../../tools/lab/quickstart.mjs', import.meta.url));
    const { status, stderr } = spawnSync(process.execPath, [quickstart, '--weather', 'loss=5,jitter=-1'], { encoding: 'utf8' });
    assert.deepEqual([status, stderr], [2, 'quickstart: weather: jitter=-1 must be a number from 0 to 2000\n']);
  });
});

async function udp(ip) {
  const socket = dgram.createSocket(ip.includes(':') ? 'udp6' : 'udp4');
  socket.bind(0, ip);
  await once(socket, 'listening');
  const received = [];
  socket.on('message', (packet, { address, port }) => received.push({ text: packet.toString(), ip: address, port }));
  const got = async (count) => {
    for (let i = 0; i < 200 && received.length < count; ++i) await delay(10);
    return received.splice(0);
  };
  return { ip, port: socket.address().port, send: (text, { ip: to, port }) => socket.send(text, port, to), got, close: () => socket.close() };
}
const described = ({ ip, port }) => [
  'v=0', `m=audio ${port} UDP/TLS/RTP/SAVPF 111`, `c=IN IP4 ${ip}`, 'a=ice-lite',
  `a=candidate:1 1 udp 2130706431 ${ip} ${port} typ host`, `a=candidate:2 1 tcp 1 ${ip} 9 typ host`, ''].join('\r\n');
const candidateOf = (sdp) => {
  const [, ip, port] = /candidate:1 1 udp 2130706431 (\S+) (\d+)/.exec(sdp);
  return { ip, port: Number(port) };
};

describe('the relay', () => {
  const { relay: home, phone: phoneAt, phoneRelay } = addressesOf(5);
  for (const near of [home, '::1']) {
    test(`stands for the gateway's candidate on ${near.includes(':') ? 'IPv6' : 'IPv4'}, and keeps browsers apart`, async () => {
      const relay = await ImpairmentRelay.start({ near, far: home });
      const [gateway, one, other, stranger] = await Promise.all([udp('127.0.5.50'), udp(near), udp(near), udp('127.0.5.99')]);
      try {
        const sdp = await relay.detour(described(gateway));
        const stand = candidateOf(sdp);
        assert.equal(stand.ip, near);
        assert.match(sdp, new RegExp(`m=audio ${stand.port} .*\r\nc=IN IP${near.includes(':') ? 6 : 4} ${near}\r\n`));
        assert.match(sdp, /candidate:2 1 tcp 1 127/, 'what is not UDP stays');
        assert.equal(await relay.detour(described(gateway)), sdp, 'the same candidate, the same place');
        one.send('one', stand);
        const [first] = await gateway.got(1);
        other.send('other', stand);
        const [second] = await gateway.got(1);
        assert.deepEqual([first.text, first.ip, second.text], ['one', home, 'other']);
        assert.notEqual(first.port, second.port);
        stranger.send('strange', first);
        gateway.send('to one', first);
        gateway.send('to other', second);
        assert.deepEqual(await one.got(1), [{ text: 'to one', ...stand }]);
        assert.deepEqual(await other.got(1), [{ text: 'to other', ...stand }]);
        await relay.rebind();
        one.send('again', stand);
        const [again] = await gateway.got(1);
        assert.ok(again.text === 'again' && ![first.port, second.port].includes(again.port), JSON.stringify(again));
        gateway.send('to the old port', first);
        gateway.send('to the new port', again);
        assert.deepEqual((await one.got(1)).map(({ text }) => text), ['to the new port']);
        const { relay: own, access } = await relay.counters();
        assert.equal(own.strangers, 1);
        assert.deepEqual([access.toGateway.packets, access.fromGateway.packets], [3, 3]);
      } finally {
        await relay.stop();
        for (const socket of [gateway, one, other, stranger]) socket.close();
      }
    });
  }

  test('stands in for a phone, with RTP and RTCP, and lets only its gateway in', async () => {
    const relay = await ImpairmentRelay.start({ near: home, far: home });
    const [socket, gateway, gatewayRtcp, stranger] = await Promise.all([udp(phoneAt(0)), udp('127.0.5.50'), udp('127.0.5.50'), udp('127.0.5.99')]);
    try {
      const phone = { ip: socket.ip, port: socket.port };
      const place = { ip: phoneRelay(0), port: phone.port };
      await relay.joinPhone({ relay: place.ip, phone });
      socket.send('nowhere yet', place);
      gateway.send('early', place);
      assert.equal((await socket.got(1))[0].text, 'early');
      await relay.joinPhone({ relay: place.ip, phone, gateway: { ip: gateway.ip, port: gateway.port, rtcpPort: gatewayRtcp.port } });
      socket.send('speech', place);
      assert.deepEqual(await gateway.got(1), [{ text: 'speech', ...place }]);
      stranger.send('let me in', place);
      gateway.send('answer', place);
      assert.deepEqual(await socket.got(1), [{ text: 'answer', ...place }]);
      gatewayRtcp.send('report', { ip: place.ip, port: place.port + 1 });
      await delay(50);
      const { relay: own, ims } = await relay.counters();
      assert.deepEqual([own.strangers, own.unroutable], [1, 1]);
      assert.deepEqual([ims.toGateway.packets, ims.fromGateway.packets], [1, 3]);
    } finally {
      await relay.stop();
      for (const end of [socket, gateway, gatewayRtcp, stranger]) end.close();
    }
  });

  test('applies each direction\'s weather, changes it under way, and brings late packets in their new order', async () => {
    const relay = await ImpairmentRelay.start({ near: home, far: home });
    const [gateway, browser] = await Promise.all([udp('127.0.5.50'), udp('127.0.5.98')]);
    try {
      const stand = candidateOf(await relay.detour(described(gateway)));
      await relay.setWeather('access', { toGateway: { delayMs: 60 }, fromGateway: { loss: 1 } });
      const sentAt = performance.now();
      browser.send('slow', stand);
      const [slow] = await gateway.got(1);
      assert.ok(performance.now() - sentAt >= 59);
      gateway.send('lost', slow);
      while ((await relay.counters()).access.fromGateway.lost === 0) await delay(5);
      await relay.setWeather('access', {});
      gateway.send('comes', slow);
      assert.deepEqual((await browser.got(1)).map(({ text }) => text), ['comes']);
      await relay.interrupt('access', { ms: 100, isHeld: true, directions: ['toGateway'] });
      for (const text of ['1', '2', '3']) browser.send(text, stand);
      assert.deepEqual((await gateway.got(3)).map(({ text }) => text), ['1', '2', '3']);
      await assert.rejects(relay.setWeather('access', { toGateway: { rain: 1 } }), /no such weather: rain/);
      const { access } = await relay.counters();
      assert.deepEqual([access.fromGateway.lost, access.toGateway.held], [1, 3]);
    } finally {
      await relay.stop();
      for (const socket of [gateway, browser]) socket.close();
    }
  });
});

describe('listening', () => {
  const RATE = 16000;
  const tones = steppedTones(RATE);
  const loop = (length, offset) => Int16Array.from({ length }, (_, n) => tones[(n + offset) % tones.length]);

  test('finds clean tones pure and knows how late they are', () => {
    const before = listenToTones(loop(64000, 5000), RATE, 1000);
    assert.deepEqual([before.pureShare, before.gaps], [1, 0]);
    // 80 ms later, recorded at another moment.
    const after = listenToTones(loop(64000, 5000 + 8000 - 1280), RATE, 1500);
    assert.ok(Math.abs(addedDelayMs(before, after) - 80) <= 5, `${addedDelayMs(before, after)}`);
    assert.ok(Math.abs(addedDelayMs(after, before) + 80) <= 5);
  });

  test('holds every missing frame, wrong tone and noise against them', () => {
    const holes = loop(64000, 0);
    for (let frame = 7; frame < 200; frame += 20) holes.fill(0, frame * 320, (frame + 1) * 320);
    const heard = listenToTones(holes, RATE);
    assert.ok(heard.pureShare < 0.92, `${heard.pureShare}`);
    assert.deepEqual([heard.gaps, heard.longestGapMs], [10, 20]);
    const stuck = listenToTones(Int16Array.from({ length: 64000 }, (_, n) => tones[n % 4000]), RATE);
    assert.ok(stuck.pureShare < 0.4, 'one tone only');
    let state = 1;
    const noise = listenToTones(Int16Array.from({ length: 64000 }, () => ((state = (Math.imul(state, 1103515245) + 12345) >>> 0) >>> 17) - 16384), RATE);
    assert.ok(noise.pureShare < 0.05);
    assert.equal(listenToTones(new Int16Array(16000), RATE).pureShare, 0, 'silence');
  });

  test('knows a chord from one of its tones', () => {
    const sound = (tonesHz) => Int16Array.from({ length: RATE }, (_, n) =>
      tonesHz.reduce((sum, hz) => sum + 5000 * Math.sin((2 * Math.PI * hz * n) / RATE), 0));
    const chord = [500, 1100];
    assert.equal(listenToChord(sound(chord), RATE, chord).share, 1);
    assert.equal(listenToChord(sound([500]), RATE, chord).share, 0);
    assert.equal(listenToChord(sound([500, 880, 1100]), RATE, chord).share, 0);
    const half = sound(chord).fill(0, RATE / 2);
    const { share, silentShare } = listenToChord(half, RATE, chord);
    assert.deepEqual([share, silentShare], [0.5, 0.5]);
  });
});
