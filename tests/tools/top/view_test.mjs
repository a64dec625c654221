// What tools/byon top makes of a node's answers. Pure functions, no node.
import assert from 'node:assert/strict';
import test from 'node:test';
import { ORDERS, callView, callsByCodec, nodeRates } from '../../../tools/top/rates.mjs';
import { draw } from '../../../tools/top/screen.mjs';

const worker = (values) => ({ worker: 0, sessions: 3, packets_received: 0, packets_sent: 0, handed_over: 0, loops: 0, busy_ns: 0, late_ticks: 0, ...values });
const leg = (values) => ({ codec: 'opus', jitter_ms: 1, playout_delay_ms: 40, added_latency_ms: 30, concealed_frames: 0, late_packets: 0, quality: null, ...values });
const call = (id, access, ims, age = 60_000) => callView({ session_id: id, worker: 0, age_ms: age, access_state: 'TRANSPORT_STATE_DTLS_CONNECTED' }, { access: leg(access), ims: leg({ codec: 'AMR-WB mode 2', ...ims }) });
const quality = (mos, loss = 0) => ({ quality: { mos_conversational: mos, loss_rate: loss } });

test('rates are what grew, by the time between', () => {
  const before = { workers: [worker({ packets_received: 1000, busy_ns: 1e9, late_ticks: 4 })], drops: { replay: 10 } };
  const now = { workers: [worker({ packets_received: 1500, busy_ns: 2e9, late_ticks: 5 })], drops: { replay: 30, malformed: 1 } };
  const { workers: [rates], drops } = nodeRates(now, before, 2);
  assert.equal(rates.receivedPerSecond, 250);
  assert.equal(rates.busyPercent, 50);
  assert.equal(rates.lateTicks, 1);
  assert.deepEqual(drops, [{ reason: 'replay', total: 30, perSecond: 10 }, { reason: 'malformed', total: 1, perSecond: 0.5 }]);
});

test('a first look has no rates, and a counter that went back is a new start', () => {
  const stats = { workers: [worker({ packets_received: 1000 })], drops: { replay: 3 } };
  const first = nodeRates(stats, undefined, 1);
  assert.equal(first.workers[0].receivedPerSecond, 0);
  assert.equal(first.drops[0].perSecond, 0);
  const again = nodeRates({ workers: [worker({ packets_received: 50 })], drops: {} }, stats, 1);
  assert.equal(again.workers[0].receivedPerSecond, 50);
});

test('the worst call comes first', () => {
  const calls = [call('good', quality(4.4), quality(4.2)), call('new', {}, {}), call('bad', quality(4.4), quality(2.1, 0.1))];
  assert.deepEqual(calls.sort(ORDERS.mos).map(({ id }) => id), ['bad', 'good', 'new']);
  assert.equal(calls.sort(ORDERS.loss)[0].id, 'bad');
  assert.deepEqual(callsByCodec(calls), [{ pair: 'opus / AMR-WB mode 2', count: 3 }]);
});

test('the screen fits the terminal and takes nothing that steers it', () => {
  const calls = Array.from({ length: 100 }, (_, index) => call(`call-${index}\x1b[2J`, quality(3), {}));
  const view = {
    node: { node_id: 'edge\x07', version: '0.1.0', session_count: 100, session_capacity: 2000, is_draining: true }, address: 'unix:/run/x', order: 'mos', isPaused: false,
    rates: nodeRates({ workers: [worker({})], drops: { replay: 4 } }, undefined, 1), calls, codecs: callsByCodec(calls), looked: 100,
  };
  const lines = draw(view, { rows: 24, columns: 80 });
  assert.equal(lines.length, 24);
  assert.ok(lines.every((line) => line.length <= 80 && !/[\x00-\x1f]/.test(line)), lines.join('\n'));
  assert.ok(lines[0].includes('edge?') && lines[0].includes('drains'));
  assert.ok(draw({ address: 'a', problem: 'no answer' }).join().includes('no answer'));
});
