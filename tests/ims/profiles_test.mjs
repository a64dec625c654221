// The ways in which an operator may connect the gateway, each with a call out and a call in through the lab's core, and a
// re-INVITE and a BYE of the network in their dialogs.
import { after, before, describe, test } from 'node:test';
import { USERS } from '../../tools/lab/lab.mjs';
import { CallLab } from '../e2e/call_lab.mjs';

const { bob: BOB } = USERS;

/** As a node of the core: it speaks with the S-CSCF itself, from an address that is known there. */
const beside = ({ trusted, scscf, pcscf }) =>
  ({ local: `${trusted}:5070`, next_hops: [`${scscf}:5060`], allowed_peers: [pcscf] });

const PROFILES = {
  'a UE by TCP, with preconditions and two SIP threads': () => ({ transport: 'tcp', preconditions: true, shards: 2 }),
  'a UE with GRUU and outbound': () => ({ gruu: true, outbound: true }),
  'an access that is known by its address': ({ trusted }) => ({ profile: 'trusted_access', local: `${trusted}:5070` }),
  'a trusted node on Mw': (addresses) =>
    ({ profile: 'trusted', visited_network_id: 'visited.test', originating_ioi: 'gw.test', ...beside(addresses) }),
};

for (const [name, settings] of Object.entries(PROFILES)) {
  describe(name, () => {
    let it;
    let bob;
    before(async () => {
      it = await CallLab.start({
        controlPlane: (config, { addresses }) => Object.assign(config.ims, settings(addresses)),
      });
      bob = await it.lab.phone(BOB, { flags: ['--play', 'tones'] });
    });
    after(() => it?.stop());

    /** The network changes the dialog, and ends it. */
    async function holdAndHangUp() {
      bob.send('hold');
      await bob.waitFor('held');
      await it.web.callState('held');
      bob.send('resume');
      await bob.waitFor('resumed');
      await it.web.callState('connected');
      await it.assertTonesBothWays(bob);
      bob.send('hangup');
      await bob.waitFor('ended');
      await it.web.ended(20_000);
    }

    test('a call out', async () => {  // Covers: R16 R17 T4 T5
      await it.connectTo(bob);
      await holdAndHangUp();
    });
    test('a call in', async () => {  // Covers: R16 R17 T4 T5
      await it.connectFrom(bob);
      await holdAndHangUp();
    });
  });
}
