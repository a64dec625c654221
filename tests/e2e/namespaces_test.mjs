// The dataplane on a NIC port (AF_PACKET on a veth) in a namespace of its own, with its own ARP, NDP and IP; everything
// else in another. Chromium and Firefox, IPv4 and IPv6. The test runs itself again inside the user's namespace.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import { measureFile } from '../../tools/lab/audio.mjs';
import { USERS } from '../../tools/lab/lab.mjs';
import { assertTones, CallLab } from './call_lab.mjs';
import { FirefoxLab, whyNoFirefox } from './firefox_lab.mjs';
import { VethNetwork, whyNoNamespaces } from './network_namespace.mjs';

const { alice: ALICE, bob: BOB } = USERS;
const inside = process.env.BYON_TEST_NAMESPACE && JSON.parse(process.env.BYON_TEST_NAMESPACE);

/** The dataplane's settings for a NIC port on the veth, with one address family only. */
function onVeth({ ue, gateway, gatewayDevice }, family) {
  const address = family === 'v6'
    ? { ipv6: { address: `${gateway.v6}/64`, gateway: ue.v6 } }
    : { ipv4: { address: `${gateway.v4}/24`, gateway: ue.v4 } };
  return (config) => {
    config.control = { listen: inside.control, drain_seconds: 1 };
    config.port = { kind: 'ethdev', ethdev: { device: `net_af_packet0,iface=${gatewayDevice}`, ...address } };
    delete config.media;
  };
}

if (inside) {
  const { network, gatewaySpace } = inside;
  for (const family of ['v4', 'v6']) {
    describe(`on a veth, IP${family}`, () => {
      const options = {
        namespaces: { dataplane: gatewaySpace },
        dataPlane: onVeth(network, family),
        controlPlane: (config) => {
          config.dataplanes = [{ address: inside.control }];
        },
      };
      let it;
      let bob;
      const start = async (Kind) => {
        it = await Kind.start(options);
        bob = await it.lab.phone(BOB, { mediaIp: network.ue[family], flags: ['--play', 'tones'] });
      };
      const stop = () => it?.stop();

      async function talk() {
        await it.web.dial(BOB);
        await bob.waitFor('incoming');
        bob.send('answer');
        await it.web.callState('connected', 15_000);
        await delay(500);
        const file = `${it.lab.dir}/bob.wav`;
        await assertTones(async () => {
          const [inBrowser] = await Promise.all([it.web.measure(4000), bob.record(file, 4000)]);
          return [inBrowser, measureFile(file)];
        });
        const stats = await bob.stats();
        const source = family === 'v6' ? network.gateway.v6 : network.gateway.v4;
        assert.ok(stats.remote.startsWith(`${source}:`), `RTP comes from ${stats.remote}`);
        await it.web.hangUp();
        await bob.waitFor('bye');
      }

      async function isCalled() {
        bob.call(ALICE);
        await it.web.callState('ringing', 15_000);
        await it.web.answer();
        await bob.waitFor('answered');
        await it.web.callState('connected', 15_000);
        // The microphone is opened only now, and Firefox takes up to a second until it sends.
        await bob.waitFor('media_started');
        await delay(500);
        const file = `${it.lab.dir}/bob.wav`;
        await assertTones(async () => {
          const [inBrowser] = await Promise.all([it.web.measure(4000), bob.record(file, 4000)]);
          return [inBrowser, measureFile(file)];
        });
        bob.send('hangup');
        await it.web.callState('ended');
      }

      describe('Chromium', () => {
        before(() => start(CallLab));
        after(stop);
        test('talks to a phone', talk);
        test('is called by a phone', isCalled);
      });

      describe('Firefox', { skip: whyNoFirefox() }, () => {
        before(() => start(FirefoxLab));
        after(stop);
        test('talks to a phone', talk);
        test('is called by a phone', isCalled);
      });
    });
  }
} else {
  const reason = whyNoNamespaces();
  test('in namespaces', { skip: reason, timeout: 400_000 }, async () => {
    const network = new VethNetwork().create();
    try {
      const { ue, gateway, gatewayDevice, gatewaySpace, userSpace } = network;
      const setting = {
        network: { ue, gateway, gatewayDevice }, gatewaySpace, control: `unix:/tmp/byon-media-${process.pid}.sock`,
      };
      // The runner's own variables would make the inner run report to it instead of to us.
      const { NODE_TEST_CONTEXT, ...environment } = process.env;
      const child = spawn('ip', ['netns', 'exec', userSpace, process.execPath, '--test', '--test-reporter=spec', fileURLToPath(import.meta.url)], {
        env: { ...environment, BYON_TEST_NAMESPACE: JSON.stringify(setting) }, stdio: ['ignore', 'pipe', 'inherit'],
      });
      let output = '';
      child.stdout.on('data', (data) => (output += data));
      const code = await new Promise((resolve) => child.on('close', resolve));
      console.log(output);
      assert.equal(code, 0, output.slice(-4000));
      assert.match(output, /pass [1-9]/);
    } finally {
      network.destroy();
    }
  });
}
