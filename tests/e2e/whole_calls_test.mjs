// perf/run calls, as far as it is no measuring: web clients by REST and channel, phones by SIP and the media of both, all real;
// and the parts of it that read what comes from outside.
import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { decode, encode } from '../../perf/calls/bencode.mjs';
import { NgServer } from '../../perf/calls/ng_server.mjs';
import { findBuild } from '../../tools/lab/lab.mjs';

const MAIN = fileURLToPath(new URL('../../perf/calls/main.mjs', import.meta.url));
const LIMIT_MS = 120_000;

test('bencode is read as it is written, and nothing else is', () => {
  const value = { a: -42, b: ['x\r\n', '', {}], 'c d': { e: [] } };
  assert.deepEqual(decode(encode(value)), value);
  for (const text of ['', 'i', 'ie', 'i1', 'i1ei2e', '5:four', '-1:a', 'l', 'd1:a', 'd1:ae', 'e', 'i1x2e', `${'l'.repeat(40)}${'e'.repeat(40)}`]) {
    assert.throws(() => decode(text), /no bencode/, text);
  }
});

test('a command that comes twice is carried out once, and its failure is an answer', async () => {
  let count = 0;
  const server = new NgServer(async ({ command }) => {
    ++count;
    if (command === 'fail') throw new Error('no such call');
    return { count };
  });
  await server.start('127.0.0.1');
  const socket = dgram.createSocket('udp4');
  const ask = async (text) => {
    socket.send(text, Number(server.address.split(':')[1]), '127.0.0.1');
    const [answer] = await once(socket, 'message');
    return answer.toString();
  };
  try {
    assert.equal(await ask('1 d7:command4:pinge'), '1 d6:result2:ok5:counti1ee');
    assert.equal(await ask('1 d7:command4:pinge'), '1 d6:result2:ok5:counti1ee');
    assert.equal(await ask('2 d7:command4:faile'), '2 d6:result5:error12:error-reason12:no such calle');
    assert.match(await ask('3 garbage'), /^3 d6:result5:error/);
    assert.equal(count, 2);
  } finally {
    socket.close();
    server.stop();
  }
});

test('four whole calls, by REST and by channel, carry speech both ways', { timeout: LIMIT_MS }, async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'byon-whole-calls-'));
  try {
    const [profile, out] = [path.join(folder, 'four.yaml'), path.join(folder, 'out.json')];
    await writeFile(profile, 'calls: 4\nramp_per_second: 4\nsettle_seconds: 1\nmeasured_seconds: 3\nlatest_ms: 1000\ncodecs: {amr-12.2: 3, amr-wb-12.65: 1}\n');
    const ran = await new Promise((resolve) => execFile(process.execPath, [MAIN, profile, '--build', findBuild(), '--quiet', '--json', out],
      (error, stdout, stderr) => resolve({ status: error?.code ?? 0, text: stdout + stderr })));
    assert.ok(ran.status === 0 || ran.status === 1, ran.text); // 1: on a machine that has no time the load may be late
    const report = JSON.parse(await readFile(out, 'utf8'));
    assert.deepEqual([report.calls.connected, report.calls.failed], [4, 0], ran.text);
    assert.equal(report.node.id, 'byon, whole calls');
    for (const way of [report.to_phone, report.to_browser]) {
      assert.deepEqual([way.lost_before_gateway, way.undecryptable, way.unexpected_payload_type], [0, 0, 0], ran.text);
      assert.ok(way.received > 4 * 3 * 40, ran.text);
      assert.ok(report.load_limited || way.delay_ms.count > 0, 'speech is heard at the other side, unless nobody had time to listen');
      assert.ok(way.gateway_sent > 0, ran.text);
    }
    assert.deepEqual(report.gateway.processes.map(({ name }) => name).sort(), ['byon-controlplane', 'byon-dataplane']);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
