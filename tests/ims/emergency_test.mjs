// Calls for help through the gateway: an E-CSCF and a P-CSCF that SIPp plays, an app, and the SDK in a browser.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Lab, USERS } from '../../tools/lab/lab.mjs';
import { openBrowser } from '../e2e/call_lab.mjs';
import { ApiClient, CALLS, REGISTRATION, webRtcOffer } from '../e2e/api_client.mjs';
import { SipPage } from '../e2e/sip_page.mjs';
import { Sipp, mark, recv, reply, respond, sdp } from './sipp.mjs';

const { alice: ALICE } = USERS;
const HANG_UP = [recv('BYE'), reply('200 OK')];
const HELP = '<?xml version="1.0" encoding="UTF-8"?><ims-3gpp version="1"><alternative-service><type>emergency</type>' +
  '<reason>laboratory</reason><action>emergency-registration</action></alternative-service></ims-3gpp>';

describe('calls for help', () => {
  let lab;
  let browser;
  let count = 0;
  before(async () => {
    lab = await Lab.start({
      hasCore: false,
      controlPlane: (config, { addresses }) => {
        config.emergency = { policy: 'route', country: 'ES', location: 'required', next_hops: [`${addresses.backupPcscf}:5060`] };
        config.limits = { channels_per_user: 100 };
      },
    });
  });
  after(async () => {
    await browser?.close();
    await lab?.stop();
  });

  const play = (ip, steps) => Sipp.core(lab.dir, `help-${++count}`, { ip, steps });
  /** A P-CSCF that takes registrations and what `steps` say, and an E-CSCF. */
  async function withNetwork({ pcscf = [recv('INVITE')], ecscf }, use) {
    const elements = [await play(lab.addresses.pcscf, pcscf), await play(lab.addresses.backupPcscf, ecscf)];
    await delay(300);  // SIPp opens its sockets
    try {
      await use(...elements);
    } finally {
      await Promise.all(elements.map((element) => element.stop()));
    }
  }
  async function withApp(use) {
    const api = new ApiClient(lab.url, await lab.token('alice'));
    const deviceId = randomUUID();
    const registration = await api.register(deviceId);
    const channel = await api.openChannel(deviceId);
    try {
      const post = (receiverAddress, more = {}, options = {}) => api.request('POST', CALLS, {
        headers: { registrationId: registration.registrationId },
        body: { originatorAddress: `tel:${ALICE}`, receiverAddress, offer: { sdp: webRtcOffer() }, ...more }, ...options,
      });
      await use({ api, channel, post });
    } finally {
      await channel.close();
      await api.request('DELETE', `${REGISTRATION}/${registration.registrationId}`);
    }
  }
  const CIRCLE = { shape: 'Circle', coordinates: { latitude: 40.4168, longitude: -3.7038, radius: 15 }, method: 'GPS' };

  test('to the E-CSCF as a service, with who calls and where', async () => {  // Covers: C18
    await withNetwork({
      ecscf: [recv('INVITE', { match: '^INVITE urn:service:sos.fire SIP' }), respond('180 Ringing'),
        respond('200 OK', { headers: ['Allow: INVITE, ACK, BYE, UPDATE'], body: sdp() }), recv('ACK', { remember: false }), mark('answered'),
        recv('UPDATE', { match: 'Geolocation: .cid:' }), reply('200 OK'), ...HANG_UP],
    }, async (pcscf, ecscf) => {
      await withApp(async ({ api, channel, post }) => {
        const { status, body } = await post('tel:080;phone-context=+34', {
          locationDetails: { ...CIRCLE, civicAddress: { country: 'ES', A3: 'Madrid', RD: 'Calle <Mayor>', HNO: '1' } },
        }, { isDeviation: true });
        assert.equal(status, 201, JSON.stringify(body));
        assert.equal(body.callType, 'EMERGENCY');
        await channel.status(body.mediaSessionId, 'Connected');
        const [routed] = channel.events.filter(({ type }) => type === 'org.byon-gateway.events.v1.emergency');
        assert.deepEqual(routed.data, { mediaSessionId: body.mediaSessionId, what: 'routed' });
        await ecscf.reached('answered');
        const moved = { ...CIRCLE, coordinates: { latitude: 40.5, longitude: -3.8, radius: 5 } };
        await api.expect(204, 'PUT', `/byon/v1/calls/${body.mediaSessionId}/location`, { body: moved });
        await api.expect(204, 'DELETE', `${CALLS}/${body.mediaSessionId}`);
        await ecscf.done();
      });
      const sent = ecscf.messages;
      assert.match(sent, /^P-Asserted-Identity: <sip:\+34600000001@ims\.test>/m);
      assert.match(sent, /^Geolocation: <cid:[0-9a-f]+@ims\.test>/m);
      assert.match(sent, /^Geolocation-Routing: yes/m);
      assert.match(sent, /<gml:pos>40\.4168000 -3\.7038000<\/gml:pos><gs:radius[^>]*>15\.0</);
      assert.match(sent, /^UPDATE [^]*Content-Type: application\/pidf\+xml[^]*<gml:pos>40\.5000000 -3\.8000000</m, 'the new place');
      assert.match(sent, /<ca:A3>Madrid<\/ca:A3><ca:RD>Calle &lt;Mayor&gt;<\/ca:RD>/);
      assert.doesNotMatch(pcscf.messages, /^INVITE/m, 'nothing on the normal path');
      const log = await readFile(`${lab.dir}/controlplane.log`, 'utf8');
      assert.match(log, /emergency.*what=routed.*service=urn:service:sos\.fire has_location=yes/);
      assert.doesNotMatch(log, /Mayor|Madrid|40\.4168|tel:080/, 'neither the place nor the number');
    });
  });

  test('a number that the network knows for an emergency one is called as one at once', async () => {  // Covers: C18
    await withNetwork({
      pcscf: [recv('INVITE'), respond('380 Alternative Service', { headers: ['Contact: <urn:service:sos.mountain>', 'P-Asserted-Identity: <sip:term@[local_ip];lr>'], body: HELP }), recv('ACK', { remember: false })],
      ecscf: [recv('INVITE', { match: '^INVITE urn:service:sos.mountain SIP' }), respond('200 OK', { body: sdp() }), recv('ACK', { remember: false }), ...HANG_UP],
    }, async (pcscf, ecscf) => {
      await withApp(async ({ api, channel, post }) => {
        const { body } = await post('tel:+34600000381', { locationDetails: CIRCLE });
        await channel.status(body.mediaSessionId, 'Connected');
        const { emergency } = await api.expect(200, 'GET', `/byon/v1/calls/${body.mediaSessionId}`);
        assert.equal(emergency, 'call');
        await api.expect(204, 'DELETE', `${CALLS}/${body.mediaSessionId}`);
        await ecscf.done();
      });
    });
  });

  test('without a place: refused in words, for the user to take the phone', async () => {  // Covers: C18
    await withNetwork({ ecscf: [recv('INVITE')] }, async (pcscf, ecscf) => {
      await withApp(async ({ post }) => {
        const { status, body } = await post('urn:service:sos');
        assert.equal(status, 501);
        assert.equal(body.code, 'CALLTYPE_EMERGENCY_NOT_SUPPORTED');
        assert.match(body.message, /use your phone/);
        assert.equal((await post('urn:service:sos', { locationDetails: { ...CIRCLE, coordinates: { latitude: 91, longitude: 0, radius: 1 } } })).status, 400);
      });
      assert.doesNotMatch(pcscf.messages + ecscf.messages, /^INVITE/m);
    });
  });

  test('JsSIP: 112 with the place beside the offer', async () => {  // Covers: C18
    browser ??= await openBrowser(lab);
    const place = '<presence xmlns="urn:ietf:params:xml:ns:pidf"><tuple id="a"><status><geopriv xmlns="urn:ietf:params:xml:ns:pidf:geopriv10">' +
      '<location-info><Point xmlns="http://www.opengis.net/gml"><pos>41.38 2.17</pos></Point></location-info></geopriv></status></tuple></presence>';
    await withNetwork({
      ecscf: [recv('INVITE', { match: '^INVITE urn:service:sos SIP' }), respond('200 OK', { body: sdp() }), recv('ACK', { remember: false }), ...HANG_UP],
    }, async (pcscf, ecscf) => {
      const page = await SipPage.open(browser, lab.url, { library: 'JsSIP', number: ALICE, token: await lab.token('alice') });
      try {
        await page.do('register');
        await page.waitFor('registered', 20_000);
        await page.do('call', '112', { place });
        await page.waitFor('confirmed', 20_000);
        await page.do('hangUp');
        await ecscf.done();
        await page.do('unregister');
        await page.waitFor('unregistered', 20_000);
      } finally {
        await page.close();
      }
      assert.match(ecscf.messages, /<gml:pos>41\.3800000 2\.1700000</);
    });
  });

  test('the SDK: 112 from a page that may know where it is', async () => {  // Covers: C18
    browser ??= await openBrowser(lab);
    await withNetwork({
      ecscf: [recv('INVITE', { match: '^INVITE urn:service:sos SIP' }), respond('200 OK', { body: sdp() }), recv('ACK', { remember: false }), ...HANG_UP],
    }, async (pcscf, ecscf) => {
      const context = await browser.newContext({ permissions: ['microphone', 'geolocation'], geolocation: { latitude: 43.36, longitude: -8.41, accuracy: 25 } });
      try {
        const page = await context.newPage();
        await page.goto(`${lab.url}/`);
        const told = await page.evaluate(async ({ token, deviceId }) => {
          const { browserLocation, Device } = await import('/sdk/byon.js');
          const device = new Device({ token, deviceId });
          await device.register();
          const call = await device.call('112', { location: await browserLocation() });
          const end = new Promise((resolve) => { call.on('connected', resolve); call.on('ended', resolve); });
          if (call.state !== 'connected') await end;
          const result = { state: call.state, emergency: call.emergency, reason: call.endReason };
          await call.hangup();
          await device.unregister();
          return result;
        }, { token: await lab.token('alice'), deviceId: randomUUID() });
        assert.deepEqual(told, { state: 'connected', emergency: 'call', reason: undefined });
        await ecscf.done();
        assert.match(ecscf.messages, /<gml:pos>43\.3600000 -8\.4100000<\/gml:pos><gs:radius[^>]*>25\.0</);
      } finally {
        await context.close();
      }
    });
  });
});
