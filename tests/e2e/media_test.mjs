// The dataplane alone, over its gRPC contract: two browsers talk through two sessions whose IMS legs are joined, so
// that every word is Opus, AMR and Opus again.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { after, afterEach, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { stringify } from 'yaml';
import { addressesOf } from '../../tools/lab/addresses.mjs';
import { steppedTones, writeWav } from '../../tools/lab/audio.mjs';
import { launchChromium } from '../../tools/lab/browser.mjs';
import { Child } from '../../tools/lab/child_process.mjs';
import { dataPlaneConfig } from '../../tools/lab/gateway_config.mjs';
import { takeInstance } from '../../tools/lab/instance.mjs';
import { findBuild } from '../../tools/lab/lab.mjs';
import { temporaryDirectory } from '../../tools/lab/temporary_directory.mjs';
import { accessRemote, BarePeer, emptyPageServer, gatewaySdp } from './bare_peer.mjs';
import { assertTones } from './call_lab.mjs';
import { MediaNode } from './media_node.mjs';

const LISTEN_MS = 4000;

const codecs = {
  'AMR-WB': { payload_type: 98, encoding_name: 'AMR-WB', clock_rate_hz: 16000, channels: 1 },
  'AMR-WB octet-aligned': { payload_type: 99, encoding_name: 'AMR-WB', clock_rate_hz: 16000, channels: 1, octet_align: true },
  AMR: { payload_type: 100, encoding_name: 'AMR', clock_rate_hz: 8000, channels: 1 },
  PCMA: { payload_type: 8, encoding_name: 'PCMA', clock_rate_hz: 8000, channels: 1 },
};
const imsRemote = (local, codec) => ({
  rtp: local.rtp, rtcp: local.rtcp, direction: 'DIRECTION_SENDRECV',
  audio: { send: codec, receive: [codec], telephone_events: [{ payload_type: 101, clock_rate_hz: codec.clock_rate_hz }] },
});

for (const [setting, change, isHandedOver] of [
  ['one worker', () => {}, false],
  ['two workers, packets at the wrong one', (config) => spreadOverTwoWorkers(config), true],
]) {
  describe(`media through ${setting}`, () => {
    let instance;
    let child;
    let node;
    let server;
    let browser;
    let count = 0;
    let leftOpen;
    afterEach(() => leftOpen?.());
    before(async () => {
      const dir = await temporaryDirectory('byon-media-');
      instance = await takeInstance();
      const addresses = addressesOf(instance.instance);
      const config = dataPlaneConfig({ addresses });
      change(config);
      await writeFile(`${dir}/dataplane.yaml`, stringify(config));
      child = new Child('byon-dataplane', [`${findBuild()}/dataplane/byon-dataplane`, '--config', `${dir}/dataplane.yaml`], { log: `${dir}/dataplane.log` });
      await child.waitForLine(/\bready\b/, 60_000);
      node = new MediaNode(`${addresses.mediaControl.ip}:${addresses.mediaControl.port}`);
      server = await emptyPageServer();
      browser = await launchChromium({ microphone: writeWav(`${dir}/microphone.wav`, 48000, steppedTones()) });
    });
    after(async () => {
      await browser?.close();
      await server?.stop();
      node?.close();
      const result = await child?.stop();
      instance?.release();
      assert.deepEqual(result, { code: 0, signal: null }, child?.tail(60));
      assert.doesNotMatch(child.tail(400), /AddressSanitizer|runtime error:|LeakSanitizer/);
    });

    /** Two sessions with their IMS legs joined, two browsers: one offers, one answers. */
    async function joinedPair(codec) {
      const ids = [`pair-${++count}-a`, `pair-${count}-b`];
      const [offering, answering] = await Promise.all(ids.map(() => BarePeer.open(browser, server.url)));
      const offer = await offering.offer();
      const first = await node.call('CreateSession', { session_id: ids[0], controller_id: 'test', access: accessRemote(offer, 'CLIENT') });
      const second = await node.call('CreateSession', { session_id: ids[1], controller_id: 'test' });
      await offering.answerFrom(gatewaySdp(first.access, { ...offer, setup: 'active' }));
      const answer = await answering.answerTo(gatewaySdp(second.access, { setup: 'actpass' }));
      await node.call('ModifySession', { session_id: ids[0], ims: imsRemote(second.ims, codec) });
      await node.call('ModifySession', { session_id: ids[1], access: accessRemote(answer, 'SERVER'), ims: imsRemote(first.ims, codec) });
      await Promise.all([offering.connected(), answering.connected()]);
      const close = async () => {
        leftOpen = undefined;
        await Promise.all([offering.close(), answering.close()]);
        return Promise.all(ids.map((id) => node.call('CloseSession', { session_id: id, reason: 'test' })));
      };
      leftOpen = close;
      return { ids, offering, answering, close };
    }

    for (const [name, codec] of Object.entries(codecs)) {
      test(`two browsers hear each other through ${name}`, async () => {
        const { ids, offering, answering, close } = await joinedPair(codec);
        await delay(500);
        await assertTones(() => Promise.all([offering.measure(LISTEN_MS), answering.measure(LISTEN_MS)]));
        const stats = await Promise.all(ids.map((id) => node.call('GetStats', { session_id: id })));
        for (const { access, ims } of stats) {
          assert.ok(access.packets_received > 150 && ims.packets_received > 150, JSON.stringify({ access, ims }));
          assert.match(ims.codec, new RegExp(`^${codec.encoding_name}`));
        }
        const [{ existed, final_stats: last }] = await close();
        assert.ok(existed && last.access.packets_sent > 150);
      });
    }

    test('DTLS is done in both roles with an AEAD profile or the browser\'s own choice', async () => {
      const { offering, answering, close } = await joinedPair(codecs['AMR-WB']);
      const [active, passive] = await Promise.all([offering.transport(), answering.transport()]);
      assert.equal(active.dtlsRole, 'server');
      assert.equal(passive.dtlsRole, 'client');
      for (const { tlsVersion, srtpCipher } of [active, passive]) {
        assert.equal(tlsVersion, 'FEFD');
        assert.match(srtpCipher, /AEAD_AES_(128|256)_GCM|AES.*CM.*SHA1_80/);
      }
      await close();
    });

    test('digits pressed in one browser come out of the other session', async () => {
      const { ids, offering, close } = await joinedPair(codecs['AMR-WB']);
      await delay(300);
      await offering.sendDigits('19#');
      const deadline = Date.now() + 8000;
      let stats;
      do {
        await delay(200);
        stats = await node.call('GetStats', { session_id: ids[1] });
      } while (stats.ims.dtmf_received < 3 && Date.now() < deadline);
      assert.equal(stats.ims.dtmf_received, 3, JSON.stringify(stats.ims));
      await close();
    });

    test('nothing is left when all is closed', async () => {
      const { sessions } = await node.call('ListSessions', {});
      assert.deepEqual(sessions, []);
      const { session_count: left } = await node.call('GetNode');
      assert.equal(left, 0);
      const stats = await node.call('GetNodeStats');
      const handedOver = stats.workers.reduce((sum, worker) => sum + worker.handed_over, 0);
      if (isHandedOver) {
        assert.equal(stats.workers.length, 2);
        assert.ok(handedOver > 500, `only ${handedOver} packets came to the wrong worker`);
        assert.ok(stats.workers.every((worker) => worker.packets_received > 0), JSON.stringify(stats.workers));
      }
    });
  });
}

function spreadOverTwoWorkers(config) {
  config.workers = { count: 2 };
  config.port = { kind: 'embedded', embedded: { steering: 'hash' } };
}
