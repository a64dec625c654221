// Inter-UE transfer (TS 24.337 clause 10): the network moves a live call to the user's phone, or does not.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { Lab, USERS } from '../../tools/lab/lab.mjs';
import { ApiClient, CALLS } from '../e2e/api_client.mjs';
import { SccAs } from './scc_as.mjs';

const { alice: ALICE, bob: BOB } = USERS;
const SERVER = 'sip:iut@scc.ims.test';

for (const [asked, transfer] of [
  ['the phone', { dialog: 'replaces' }],
  ['the SCC AS', { inter_ue_refer: 'scc_as' }],
]) {
  describe(`${asked} is asked to move a call`, () => {
    let lab;
    let core;
    let api;
    let channel;
    let registration;
    before(async () => {
      lab = await Lab.start({ hasCore: false, controlPlane: (config) => { config.ims.transfer = { to_phone: 'inter_ue', scc_as: SERVER, ...transfer }; } });
      core = await SccAs.start({ ip: lab.addresses.pcscf });
      api = new ApiClient(lab.url, await lab.token('alice'));
      const deviceId = randomUUID();
      registration = await api.register(deviceId);
      channel = await api.openChannel(deviceId);
    });
    after(async () => {
      await channel?.close();
      await lab?.stop();
      core?.stop();
    });

    /** A call, and the wish to have it on the phone. */
    async function move() {
      const { mediaSessionId: id } = await api.createCall(registration.registrationId, ALICE, BOB);
      await channel.status(id, 'Connected');
      await api.expect(202, 'POST', `/byon/v1/calls/${id}/transfer`, { body: { to: 'phone' } });
      return id;
    }
    const step = (id, state) => channel.message(({ type, data }) =>
      type === 'org.byon-gateway.events.v1.transfer' && data.mediaSessionId === id && data.state === state);
    async function stays(id, reason) {
      assert.equal((await step(id, 'Failed')).data.reason, reason);
      assert.equal((await api.request('GET', `${CALLS}/${id}`)).body.status, 'Connected');
      await api.expect(204, 'DELETE', `${CALLS}/${id}`);
    }

    test('the phone takes it, and the old leg ends', async () => {  // Covers: C31
      core.onRefer = (refer) => {
        core.reply(refer, '202 Accepted');
        core.report(refer, 1, 'SIP/2.0 180 Ringing');
      };
      const id = await move();
      const refer = await core.next('REFER');
      const { get, tag } = core.invite;
      const [callId, near] = [get('call-id'), tag('from')];
      const phone = core.gruuOf(ALICE);
      if (asked === 'the phone') {
        assert.equal(refer.uri, phone);
        assert.equal(refer.get('refer-to'), `<${SERVER}?Replaces=${callId}%3Bto-tag%3Dcore%3Bfrom-tag%3D${near}&Require=replaces>`);
      } else {
        assert.equal(refer.uri, SERVER);
        assert.equal(refer.get('refer-to'), `<${phone}>`);
        assert.equal(refer.get('target-dialog'), `${callId};local-tag=core;remote-tag=${near}`);
        assert.equal(refer.get('require'), 'tdialog');
      }
      await step(id, 'Ringing');
      assert.equal((await api.request('GET', `${CALLS}/${id}`)).body.status, 'Connected', 'it goes on here while the phone rings');
      core.report(refer, 2, 'SIP/2.0 200 OK', 'terminated;reason=noresource');
      await step(id, 'Completed');
      core.endAccessLeg();
      assert.equal((await channel.status(id, 'Terminated')).data.reason, 'Call moved to another phone');
    });

    test('the old leg ends before the news of why', async () => {  // Covers: C31
      core.onRefer = (refer) => {
        core.reply(refer, '202 Accepted');
        core.report(refer, 1, 'SIP/2.0 180 Ringing');
      };
      const id = await move();
      await step(id, 'Ringing');
      core.endAccessLeg(['Reason: SIP;cause=200;text="Call completed elsewhere"']);
      await step(id, 'Completed');
      await channel.status(id, 'Terminated');
    });

    test('a refusal, a phone that declines: the call stays', async () => {  // Covers: C31
      core.onRefer = (refer) => core.reply(refer, '403 Forbidden');
      await stays(await move(), 'SIP 403 Forbidden');
      core.onRefer = (refer) => {
        core.reply(refer, '202 Accepted');
        core.report(refer, 1, 'SIP/2.0 603 Decline', 'terminated;reason=noresource');
      };
      await stays(await move(), 'SIP 603 Decline');
    });
  });
}
