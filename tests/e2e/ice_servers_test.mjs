// The TURN credentials that the gateway hands out, tried at a real relay (coturn).
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { Child } from '../../tools/lab/child_process.mjs';
import { Lab } from '../../tools/lab/lab.mjs';
import { ApiClient } from './api_client.mjs';

const SECRET = 'secret-of-the-relay';
const run = promisify(execFile);
const missing = ['/usr/bin/turnserver', '/usr/bin/turnutils_uclient'].find((program) => !existsSync(program));

describe('ICE servers', { skip: missing && `${missing} is not there (Debian package coturn)` }, () => {
  let lab;
  let relay;
  let relayIp;
  before(async () => {
    lab = await Lab.start({
      controlPlane: (config, { instance, dir }) => {
        relayIp = `127.0.${instance}.62`;
        config.ice = {
          stun_urls: [`stun:${relayIp}:3478`], turn_urls: [`turn:${relayIp}:3478?transport=udp`], turn_secret_file: `${dir}/turn.secret`, ttl_s: 600,
        };
      },
      files: { 'turn.secret': `${SECRET}\n` },
    });
    relay = new Child('turnserver', ['/usr/bin/turnserver', '-n', '-c', '/dev/null', '--no-cli', '--no-tls', '--no-dtls', '-L', relayIp, '-p', '3478',
      '--use-auth-secret', `--static-auth-secret=${SECRET}`, '--realm=ims.test', '--allow-loopback-peers', '--log-file', 'stdout', '--simple-log',
      '--pidfile', `${lab.dir}/turn.pid`, '--userdb', `${lab.dir}/turn.db`], { log: `${lab.dir}/turn.log` });
    await relay.waitForLine(/IO method \(auth thread\)/, 10_000);
  });
  after(async () => {
    await relay?.stop(5000);
    await lab?.stop();
  });

  const serversOf = async (user) => (await new ApiClient(lab.url, await lab.token(user)).expect(200, 'GET', '/byon/v1/ice-servers'));
  /** Relays packets between two allocations. @returns what the client printed */
  const relayed = async (username, credential) => {
    try {
      const { stdout, stderr } = await run('/usr/bin/turnutils_uclient', ['-y', '-c', '-u', username, '-w', credential, '-n', '4', '-m', '1',
        '-L', relayIp.replace(/62$/, '63'), relayIp], { timeout: 30_000 });
      return stdout + stderr;
    } catch ({ stdout, stderr }) {
      return `${stdout}${stderr}`;
    }
  };

  test('let a client relay through coturn', async () => {
    const { iceServers: [stun, turn], expiresAt } = await serversOf('alice');
    assert.deepEqual(stun, { urls: [`stun:${relayIp}:3478`] });
    assert.deepEqual(turn.urls, [`turn:${relayIp}:3478?transport=udp`]);
    assert.ok(Math.abs(Date.parse(expiresAt) - Date.now() - 600_000) < 5000);
    assert.match(await relayed(turn.username, turn.credential), /tot_send_msgs=8, tot_recv_msgs=8/);
  });

  test('are refused by it when somebody prolongs them', async () => {
    const { iceServers: [, { username, credential }] } = await serversOf('alice');
    const [end, user] = username.split(':');
    assert.match(await relayed(`${Number(end) + 1}:${user}`, credential), /Cannot complete Allocation/);
  });

  test('tell users apart, and nothing about them', async () => {
    const names = await Promise.all(['alice', 'bob', 'alice'].map(async (user) => (await serversOf(user)).iceServers[1].username.split(':')[1]));
    assert.equal(names[0], names[2]);
    assert.notEqual(names[0], names[1]);
    assert.doesNotMatch(names.join(), /alice|bob|346/);
  });
});
