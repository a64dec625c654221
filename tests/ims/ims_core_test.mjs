// The gateway in a whole IMS core: P-CSCF, I-CSCF, S-CSCF of Kamailio's ims_* modules, an HSS behind Cx. Alice's line
// authenticates with an ISIM (AKAv1-MD5), Bob's phone by digest.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { USERS } from '../../tools/lab/lab.mjs';
import { ApiClient, REGISTRATION } from '../e2e/api_client.mjs';
import { assertTones, CallLab } from '../e2e/call_lab.mjs';
import { measureFile } from '../../tools/lab/audio.mjs';

const { alice: ALICE, bob: BOB } = USERS;
const MULTIMEDIA_AUTH = 303;
const SERVER_ASSIGNMENT = 301;
const DIAMETER_SUCCESS = 2001;

describe('a whole IMS core', () => {
  let it;
  let bob;
  before(async () => {
    it = await CallLab.start({
      hasHss: true, isim: [ALICE],
      controlPlane: (config, { addresses }) => {
        config.ims.next_hops.push(`${addresses.backupPcscf}:5060`);
        config.ims.keepalive_s = 1;
      },
    });
    bob = await it.lab.phone(BOB, { flags: ['--play', 'tones'] });
  });
  after(() => it?.stop());

  const asked = (command, number) =>
    it.lab.core.hss.asked.filter((question) => question.command === command && question.impu === `sip:${number}@ims.test`);
  async function withDevice(user, use) {
    const api = new ApiClient(it.lab.url, await it.lab.token(user));
    const deviceId = randomUUID();
    const registration = await api.register(deviceId);
    const channel = await api.openChannel(deviceId);
    try {
      await use({ api, registration, channel });
    } finally {
      await channel.close();
      await api.request('DELETE', `${REGISTRATION}/${registration.registrationId}`);
    }
  }

  test('a line with an ISIM proves itself by AKA, and the HSS assigns its S-CSCF', () => {  // Covers: R1 R3 R4
    assert.equal(asked(MULTIMEDIA_AUTH, ALICE)[0].scheme, 'Digest-AKAv1-MD5');
    assert.equal(asked(SERVER_ASSIGNMENT, ALICE)[0].type, 1, 'REGISTRATION');
    assert.ok(it.lab.core.hss.isRegistered(ALICE));
  });

  test('a call out through P-CSCF, S-CSCF and I-CSCF, with sound both ways', async () => {  // Covers: C1 C16
    await it.web.dial(BOB);
    const incoming = await bob.waitFor('incoming');
    assert.equal(incoming.pai, `<sip:${ALICE}@ims.test>`);
    bob.send('answer');
    await it.web.callState('connected');
    const file = `${it.lab.dir}/bob.wav`;
    await assertTones(async () => {
      await bob.record(file, 2500);
      return [measureFile(file), await it.web.measure(2500)];
    });
    await it.web.hangUp();
    await bob.waitFor('bye');
  });

  test('a call in', async () => {  // Covers: C8
    bob.call(ALICE);
    await it.web.callState('ringing');
    await it.web.answer();
    await bob.waitFor('answered');
    bob.send('hangup');
    await it.web.ended(20_000);
  });

  test('an ISIM and a network whose sequence numbers have parted find together', async () => {  // Covers: R4
    const before = asked(MULTIMEDIA_AUTH, ALICE).length;
    it.lab.core.hss.loseSequenceNumbers();
    await withDevice('alice', async ({ registration }) => assert.equal(registration.regInfo.regStatus, 'Registered'));
    assert.ok(asked(MULTIMEDIA_AUTH, ALICE).length >= before + 2, 'one vector refused, one taken');
  });

  test('the P-CSCF dies: the registration moves to the other, and calls go through it', async () => {  // Covers: R15
    const { hss } = it.lab.core;
    const before = asked(SERVER_ASSIGNMENT, ALICE).length;
    await it.lab.core.stopRole('pcscf');
    for (const deadline = Date.now() + 20_000; asked(SERVER_ASSIGNMENT, ALICE).length === before; await delay(50)) {
      assert.ok(Date.now() < deadline, 'no new registration');
    }
    assert.ok(hss.isRegistered(ALICE));
    const phone = await it.lab.phone(USERS.dave, { pcscf: it.lab.addresses.backupPcscf });
    await it.web.dial(USERS.dave);
    await phone.waitFor('incoming');
    phone.send('answer');
    await it.web.callState('connected');
    await it.web.hangUp();
    await phone.waitFor('bye');
    it.lab.core.startRole('pcscf');
  });

  test('the HSS ends a registration, and the app is told', async () => {  // Covers: R12 R13
    await withDevice('carol', async ({ registration, channel }) => {
      assert.equal(await it.lab.core.removeRegistrations(USERS.carol), DIAMETER_SUCCESS);
      const { data } = await channel.event('registration-ends', ({ registrationId }) => registrationId === registration.registrationId, 10_000);
      assert.equal(data.terminationReason, 'NETWORK_TERMINATED');
    });
  });
});
