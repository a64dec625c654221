// The gateway before a network that does what Kamailio does not: each test is a scenario run by SIPp as P-CSCF.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Lab, USERS } from '../../tools/lab/lab.mjs';
import { ApiClient, CALLS, REGISTRATION, webRtcAnswer } from '../e2e/api_client.mjs';
import { AMR, Sipp, expect, mark, maybe, pause, recv, reply, request, respond, sdp, withReferral } from './sipp.mjs';

const { alice: ALICE, bob: BOB } = USERS;
const RELIABLE = (rseq) => ['Require: 100rel', `RSeq: ${rseq}`];
const hangUp = [recv('BYE'), reply('200 OK')];
const alternative = (type, action) =>
  `<?xml version="1.0" encoding="UTF-8"?><ims-3gpp version="1"><alternative-service><type>${type}</type>` +
  `<reason>laboratory</reason><action>${action}</action></alternative-service></ims-3gpp>`;

describe('a network as SIPp plays it', () => {
  let lab;
  let count = 0;
  const running = [];
  before(async () => {
    lab = await Lab.start({ hasCore: false, controlPlane: (config, { addresses }) => { config.ims.allowed_peers = [addresses.backupPcscf]; config.ims.refer = 'accept'; config.limits = { channels_per_user: 100 }; } });
  });
  after(() => lab?.stop());

  async function withCore(options, use, { isRegistered = true } = {}) {
    const core = await Sipp.core(lab.dir, `core-${++count}`, { ip: lab.addresses.pcscf, steps: [recv('INVITE')], ...options });
    running.push(core);
    await delay(300);  // SIPp opens its socket
    const api = new ApiClient(lab.url, await lab.token('alice'));
    const deviceId = randomUUID();
    let channel;
    let registration;
    try {
      if (isRegistered) {
        registration = await api.register(deviceId);
        channel = await api.openChannel(deviceId);
      }
      await use({ core, api, channel, deviceId, registration });
    } finally {
      await channel?.close();
      if (registration) await api.request('DELETE', `${REGISTRATION}/${registration.registrationId}`);
      await core.stop();
    }
  }
  const call = async (api, registration, to = BOB) => (await api.createCall(registration.registrationId, ALICE, to)).mediaSessionId;

  test('two forks with different answers: PRACK for each, the first 200 wins, the late one is ended', async () => {  // Covers: C3 C6
    await withCore({
      steps: [
        recv('INVITE'), respond('100 Trying'),
        respond('183 Session Progress', { tag: 'a', headers: RELIABLE(1), body: sdp() }),
        recv('PRACK', { match: 'RAck: 1 ' }), reply('200 OK'),
        respond('183 Session Progress', { tag: 'b', headers: RELIABLE(1), body: sdp({ type: AMR }) }),
        recv('PRACK', { match: 'To: .*tag=b' }), reply('200 OK'),
        respond('200 OK', { tag: 'b' }), recv('ACK', { match: 'To: .*tag=b' }),
        respond('200 OK', { tag: 'a' }), recv('ACK', { match: 'To: .*tag=a' }), recv('BYE', { match: 'To: .*tag=a' }), reply('200 OK'), mark('one left'),
        recv('BYE', { match: 'To: .*tag=b' }), reply('200 OK'),
      ],
    }, async ({ core, api, channel, registration }) => {
      const id = await call(api, registration);
      await channel.status(id, 'Connected');
      await core.reached('one left');
      await api.expect(204, 'DELETE', `${CALLS}/${id}`);
      await core.done();
    });
  });

  test('an early dialog that ends with 199 leaves the other to answer', async () => {  // Covers: C6
    await withCore({
      steps: [
        recv('INVITE'), respond('180 Ringing', { tag: 'a' }), respond('180 Ringing', { tag: 'b' }), respond('199 Early Dialog Terminated', { tag: 'a' }),
        respond('200 OK', { tag: 'b', body: sdp() }), recv('ACK', { match: 'To: .*tag=b' }), ...hangUp,
      ],
    }, async ({ core, api, channel, registration }) => {
      const id = await call(api, registration);
      await channel.status(id, 'Connected');
      await api.expect(204, 'DELETE', `${CALLS}/${id}`);
      await core.done();
    });
  });

  test('UPDATE of the network in the early dialog and re-INVITE in the confirmed one are answered', async () => {  // Covers: C5 C13
    await withCore({
      steps: [
        recv('INVITE'), respond('183 Session Progress', { headers: RELIABLE(5), body: sdp() }), recv('PRACK'), reply('200 OK'),
        request('UPDATE', { cseq: 1, body: sdp({ version: 2, port: 40010 }) }), expect(200, { match: 'm=audio [1-9]' }),
        respond('200 OK'), recv('ACK', { remember: false }),
        request('INVITE', { cseq: 2, body: sdp({ version: 3, port: 40020 }) }), maybe(100), expect(200, { match: 'm=audio [1-9]' }), request('ACK', { cseq: 2 }),
        request('INVITE', { cseq: 3 }), maybe(100), expect(200, { match: 'a=rtpmap:[0-9]+ AMR-WB' }), request('ACK', { cseq: 3, body: sdp({ version: 4 }) }),
        request('INFO', { cseq: 4, headers: ['Info-Package: unknown'] }), expect(469), mark('all said'), ...hangUp,
      ],
    }, async ({ core, api, channel, registration }) => {
      const id = await call(api, registration);
      await channel.status(id, 'Connected');
      await core.reached('all said');
      await api.expect(204, 'DELETE', `${CALLS}/${id}`);
      await core.done();
    });
  });

  test('the core sees nothing of the browser, the app nothing of the core', async () => {  // Covers: T3
    await withCore({
      steps: [
        recv('INVITE'), respond('183 on core-secret.ims.test', { headers: ['Server: core-secret', 'P-Charging-Vector: icid-value=core-secret'], body: sdp() }),
        respond('200 OK', { headers: ['Record-Route: <sip:[local_ip];lr>', 'P-Asserted-Identity: <sip:core-secret@ims.test>'], body: sdp() }),
        recv('ACK', { remember: false }), ...hangUp,
      ],
    }, async ({ core, api, channel, registration }) => {
      const id = await call(api, registration);
      await channel.status(id, 'Connected');
      const read = await Promise.all([REGISTRATION, CALLS].map((path, index) =>
        api.request('GET', `${path}/${[registration.registrationId, id][index]}`)));
      const details = await api.request('GET', `/byon/v1/calls/${id}`);
      assert.equal(details.status, 200);
      const told = JSON.stringify([channel.events, read.map(({ body }) => body), details.body, [...details.headers]]);
      for (const secret of ['core-secret', lab.addresses.pcscf, core.contacts[0].uri, core.contacts[0].callId]) {
        assert.ok(!told.includes(secret), `the app is told ${secret}`);
      }
      await api.expect(204, 'DELETE', `${CALLS}/${id}`);
      await core.done();
      const sent = core.messages;
      assert.match(sent, /^INVITE /m);
      assert.doesNotMatch(sent, /ice-ufrag|fingerprint|candidate|msid|opus|^User-Agent/im);
      assert.ok(!sent.includes(lab.addresses.http.ip), 'nor where the API is');
    });
  });

  test('glare: 491 to our hold, which is sent again after the time that the owner of the call waits', async () => {  // Covers: C5 C12
    await withCore({
      steps: [
        recv('INVITE'), respond('200 OK', { body: sdp() }), recv('ACK', { remember: false }),
        recv('INVITE', { match: 'a=sendonly' }), respond('491 Request Pending'), recv('ACK', { remember: false }),
        recv('INVITE', { match: 'a=sendonly' }), respond('200 OK', { body: sdp({ version: 2, direction: 'recvonly' }) }), recv('ACK', { remember: false }),
        mark('held'), ...hangUp,
      ],
    }, async ({ core, api, channel, registration }) => {
      const id = await call(api, registration);
      await channel.status(id, 'Connected');
      const started = Date.now();
      await api.setStatus(id, 'Hold');
      await core.reached('held');
      const waited = Date.now() - started;
      assert.ok(waited > 2000 && waited < 15_000, `RFC 3261 section 14.1: 2.1 to 4 s, and what the machine adds, not ${waited} ms`);
      await api.expect(204, 'DELETE', `${CALLS}/${id}`);
      await core.done();
    });
  });

  test('422: again with the interval that the network wants, which refreshes it then', async () => {  // Covers: C15
    await withCore({
      steps: [
        recv('INVITE', { match: 'Session-Expires: 1800' }), respond('422 Session Interval Too Small', { headers: ['Min-SE: 3600'] }),
        recv('ACK', { remember: false }), recv('INVITE', { match: 'Session-Expires: 3600' }),
        respond('200 OK', { headers: ['Require: timer', 'Session-Expires: 3600;refresher=uas'], body: sdp() }), recv('ACK', { remember: false }),
        request('UPDATE', { cseq: 1, headers: ['Supported: timer', 'Session-Expires: 3600;refresher=uac', 'Min-SE: 90'] }),
        expect(200, { match: 'Session-Expires: 3600' }), mark('refreshed'), ...hangUp,
      ],
    }, async ({ core, api, channel, registration }) => {
      const id = await call(api, registration);
      await channel.status(id, 'Connected');
      await core.reached('refreshed');
      await api.expect(204, 'DELETE', `${CALLS}/${id}`);
      await core.done();
    });
  });

  for (const [what, status, headers, body, end, text] of [
    ['380 for emergency', '380 Alternative Service', ['P-Asserted-Identity: <sip:term@[local_ip];lr>'], alternative('emergency', 'emergency-registration'), 'Failed', /your phone/],
    ['503 with Retry-After', '503 Service Unavailable', ['Retry-After: 30'], '', 'Failed', /503/],
    ['a redirection', '302 Moved Temporarily', ['Contact: <sip:+34600000009@198.51.100.9>'], '', 'Failed', /302/],
    ['486', '486 Busy Here', [], '', 'Busy', /486/],
    ['603', '603 Decline', [], '', 'Declined', /603/],
    ['488', '488 Not Acceptable Here', [], '', 'Failed', /488/],
  ]) {
    test(`${what} ends the call in words`, async () => {  // Covers: C11 C18
      await withCore({
        steps: [recv('INVITE'), respond(status, { headers, body }), recv('ACK', { remember: false })],
      }, async ({ core, api, channel, registration }) => {
        // What is answered as an emergency number once is one for good.
        const id = await call(api, registration, status.startsWith('380') ? '+34600000380' : BOB);
        const { data } = await channel.status(id, end);
        assert.match(data.reason, text);
        await core.done();
      });
    });
  }

  test('504 with restoration: a new initial registration, then the call once more', async () => {  // Covers: R14
    await withCore({
      steps: [
        recv('INVITE'), respond('504 Server Time-out', {
          headers: ['P-Asserted-Identity: <sip:term@[local_ip];lr>'], body: alternative('restoration', 'initial-registration'),
        }), recv('ACK', { remember: false }),
      ],
    }, async ({ core, api, channel, registration }) => {
      const first = await core.registered();
      const id = await call(api, registration);
      await core.done(2);
      const second = await core.registered(2);
      assert.notEqual(second.callId, first.callId, 'TS 24.229 section 5.1.2A.1.6: an initial registration');
      await channel.status(id, 'Failed');
    });
  });

  test('423: registers with the interval that the network wants', async () => {  // Covers: R5
    await withCore({
      register: [
        `<nop><action><test assign_to="checked" variable="expires" compare="less_than" value="700000"/></action></nop>\n`,
        reply('423 Interval Too Brief', { headers: ['Min-Expires: 700000'] }),
        recv('REGISTER', { match: 'Expires: 700000' }), reply('200 OK', { headers: ['[last_Contact:];expires=700000'] }),
      ],
    }, async ({ registration }) => assert.equal(registration.regInfo.regStatus, 'Registered'));
  });

  test('403 to REGISTER: this line is not served, and nobody tries again', async () => {  // Covers: R10
    await withCore({ register: [reply('403 Forbidden')] }, async ({ core, api, deviceId }) => {
      await api.refused(422, 'SERVICE_NOT_APPLICABLE', 'POST', REGISTRATION, { body: { deviceId } });
      await delay(300);
      assert.equal(core.contacts.length, 1);
    }, { isRegistered: false });
  });

  const removal = (event, more = '') => [
    reply('200 OK', { headers: ['Expires: 600000'] }), pause(1000),
    request('NOTIFY', {
      tag: 'n', cseq: 1,
      headers: ['Event: reg', 'Subscription-State: active;expires=600000'],
      body: '',
    }).replace('Content-Length: [len]\n\n', 'Content-Type: application/reginfo+xml\nContent-Length: [len]\n\n' +
      `<?xml version="1.0"?><reginfo xmlns="urn:ietf:params:xml:ns:reginfo" version="0" state="full"><registration aor="sip:${ALICE}@ims.test" id="a" state="active">` +
      `<contact id="c" state="terminated" event="${event}"${more}><uri>[$target]</uri></contact></registration></reginfo>`),
    expect(200),
  ];
  for (const event of ['rejected', 'unregistered']) {
    test(`NOTIFY ${event}: the device is told, and nothing registers again`, async () => {  // Covers: R13
      await withCore({ subscribe: removal(event) }, async ({ core, channel, registration }) => {
        const { data } = await channel.event('registration-ends', ({ registrationId }) => registrationId === registration.registrationId);
        assert.equal(data.terminationReason, 'NETWORK_TERMINATED');
        await delay(300);
        assert.ok(core.contacts.slice(1).every(({ expires }) => expires === 0), 'only a de-registration may follow');
      });
    });
  }
  test('NOTIFY deactivated: a new initial registration, and the device hears nothing', async () => {  // Covers: R13
    await withCore({ subscribe: removal('deactivated') }, async ({ core, channel }) => {
      const first = core.contacts[0];
      const second = await core.registered(2);
      assert.notEqual(second.callId, first.callId);
      assert.ok(!channel.events.some(({ type }) => type.endsWith('registration-ends')));
    });
  });
  test('NOTIFY probation: registers again after the time that it names', async () => {  // Covers: R13
    await withCore({ subscribe: removal('probation', ' retry-after="2"') }, async ({ core }) => {
      const started = Date.now();
      await core.registered(2);
      assert.ok(Date.now() - started > 1500, `${Date.now() - started} ms`);
    });
  });

  // ---- calls of the network

  const invite = (target, headers, body) => `<send retrans="500">${`<![CDATA[
INVITE ${target} SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
From: <sip:${BOB}@ims.test>;tag=[call_number]
To: <sip:${ALICE}@ims.test>
Call-ID: [call_id]
CSeq: 1 INVITE
Max-Forwards: 70
Contact: <sip:core@[local_ip]:[local_port]>
P-Asserted-Identity: <sip:${BOB}@ims.test>
P-Called-Party-ID: <sip:${ALICE}@ims.test>
${headers.map((line) => `${line}\n`).join('')}${body ? 'Content-Type: application/sdp\n' : ''}Content-Length: [len]

${body}]]>`}</send>\n`;
  const inDialog = (target, method, cseq, { headers = [], body = '' } = {}) => `<send${method === 'ACK' || method === 'CANCEL' ? '' : ' retrans="500"'}>${`<![CDATA[
${method} ${target} SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
From: <sip:${BOB}@ims.test>;tag=[call_number]
To: <sip:${ALICE}@ims.test>[peer_tag_param]
Call-ID: [call_id]
CSeq: ${cseq} ${method}
Max-Forwards: 70
Contact: <sip:core@[local_ip]:[local_port]>
${headers.map((line) => `${line}\n`).join('')}${body ? 'Content-Type: application/sdp\n' : ''}Content-Length: [len]

${body}]]>`}</send>\n`;

  const reliable = (status) => `<recv response="${status}" rrs="true"><action>` +
    '<ereg regexp="[0-9]+" search_in="hdr" header="RSeq:" assign_to="checked"/></action></recv>\n';

  async function calledBy(steps, use) {
    await withCore({}, async ({ core, api, channel }) => {
      const { uri } = await core.registered();
      const caller = await Sipp.caller(lab.dir, `caller-${count}`, {
        ip: lab.addresses.backupPcscf, to: `${lab.addresses.gatewaySip.ip}:${lab.addresses.gatewaySip.port}`, steps: steps(uri),
      });
      try {
        const { data } = await channel.event('session-invitation');
        await use({ api, channel, caller, id: data.mediaSessionId, offer: data.offer?.sdp });
        await caller.done();
      } finally {
        await caller.stop();
      }
    });
  }
  async function answer(api, id, offer) {
    await api.setStatus(id, 'InProgress', { answer: { sdp: webRtcAnswer(offer) } });
    await api.setStatus(id, 'Ringing');
  }

  test('an incoming call with reliable progress and an UPDATE before the answer', async () => {  // Covers: C3 C5 C8
    await calledBy((target) => [
      invite(target, ['Supported: 100rel, timer', 'Allow: INVITE, ACK, BYE, PRACK, UPDATE'], sdp()), maybe(100),
      reliable(183), inDialog(target, 'PRACK', 2, { headers: ['RAck: [$checked] 1 INVITE'] }), expect(200),
      inDialog(target, 'UPDATE', 3, { body: sdp({ version: 2, port: 40010 }) }), expect(200, { match: 'm=audio [1-9]' }), mark('updated'),
      reliable(180), inDialog(target, 'PRACK', 4, { headers: ['RAck: [$checked] 1 INVITE'] }), expect(200), mark('rung'),
      expect(200), inDialog(target, 'ACK', 1), pause(200), inDialog(target, 'BYE', 5), expect(200),
    ], async ({ api, channel, caller, id, offer }) => {
      await api.setStatus(id, 'InProgress', { answer: { sdp: webRtcAnswer(offer) } });
      await caller.reached('updated');
      await api.setStatus(id, 'Ringing');
      await caller.reached('rung');
      await api.setStatus(id, 'Connected');
      await channel.status(id, 'Terminated');
    });
  });

  test('an incoming call without an offer: ours in the 200, theirs in the ACK', async () => {  // Covers: C13
    await calledBy((target) => [
      invite(target, [], ''), maybe(100), maybe(183), maybe(180), expect(200, { match: 'a=rtpmap:[0-9]+ AMR-WB' }),
      inDialog(target, 'ACK', 1, { body: sdp() }), pause(300), inDialog(target, 'BYE', 2), expect(200),
    ], async ({ api, channel, id, offer }) => {
      await answer(api, id, offer);
      await api.setStatus(id, 'Connected');
      await channel.status(id, 'Terminated');
    });
  });

  test('an incoming call without an offer, with reliable progress: ours in the 183, theirs in the PRACK', async () => {  // Covers: C3 C13
    await calledBy((target) => [
      invite(target, ['Supported: 100rel'], ''), maybe(100),
      reliable(183).replace('<ereg', '<ereg regexp="a=rtpmap:[0-9]+ AMR-WB" search_in="msg" check_it="true" assign_to="offer"/><ereg'),
      inDialog(target, 'PRACK', 2, { headers: ['RAck: [$checked] 1 INVITE'], body: sdp() }), expect(200),
      reliable(180), inDialog(target, 'PRACK', 3, { headers: ['RAck: [$checked] 1 INVITE'] }), expect(200), mark('rung'),
      expect(200), inDialog(target, 'ACK', 1), pause(200), inDialog(target, 'BYE', 4), expect(200),
      '<Reference variables="offer"/>\n',
    ], async ({ api, channel, caller, id, offer }) => {
      await answer(api, id, offer);
      await caller.reached('rung');
      await api.setStatus(id, 'Connected');
      await channel.status(id, 'Terminated');
    });
  });

  const qos = (local, remote) => [`a=curr:qos local ${local}`, `a=curr:qos remote ${remote}`, 'a=des:qos mandatory local sendrecv', 'a=des:qos mandatory remote sendrecv'];
  const CARING = ['Supported: 100rel, precondition, timer', 'Require: precondition', 'Allow: INVITE, ACK, BYE, PRACK, UPDATE'];
  test('a caller whose resources are not ready: progress with our state, and the device is not told before they are', async () => {  // Covers: C4 C8
    await calledBy((target) => [
      invite(target, CARING, sdp({ lines: qos('none', 'none') })), maybe(100),
      reliable(183).replace('<ereg', '<ereg regexp="a=curr:qos local " search_in="msg" check_it="true" assign_to="offer"/><ereg'),
      inDialog(target, 'PRACK', 2, { headers: ['RAck: [$checked] 1 INVITE'] }), expect(200),
      pause(500), inDialog(target, 'UPDATE', 3, { body: sdp({ version: 2, lines: qos('sendrecv', 'sendrecv') }) }),
      expect(200, { match: 'a=curr:qos remote sendrecv' }),
      reliable(180), inDialog(target, 'PRACK', 4, { headers: ['RAck: [$checked] 1 INVITE'] }), expect(200), mark('rung'),
      expect(200), inDialog(target, 'ACK', 1), pause(200), inDialog(target, 'BYE', 5), expect(200),
      '<Reference variables="offer"/>\n',
    ], async ({ api, channel, caller, id, offer }) => {
      await answer(api, id, offer);
      await caller.reached('rung');
      await api.setStatus(id, 'Connected');
      await channel.status(id, 'Terminated');
    });
  });

  test('a caller who gives up because another device answered: no missed call', async () => {  // Covers: C9
    await calledBy((target) => [
      invite(target, [], sdp()), maybe(100), maybe(183), expect(180), pause(200),
      inDialog(target, 'CANCEL', 1, { headers: ['Reason: SIP;cause=200;text="Call completed elsewhere"'] })
        .replace('branch=[branch]', 'branch=z9hG4bK-[pid]-[call_number]-0').replace('[peer_tag_param]', ''),
      expect(200), expect(487), inDialog(target, 'ACK', 1),
    ], async ({ api, channel, id, offer }) => {
      await answer(api, id, offer);
      const { data } = await channel.status(id, 'SessionCancelled');
      assert.match(data.reason, /elsewhere/i);
    });
  });

  for (const [kind, header, wanted] of [
    ['blind', `<sip:${USERS.carol}@ims.test>`, /^Referred-By: /m],
    ['consulted', `<sip:${USERS.carol}@ims.test?Replaces=talk%40core%3Bto-tag%3Dcarol%3Bfrom-tag%3Dbob&Require=replaces>`,
      /^Replaces: talk@core;(?=.*to-tag=carol)(?=.*from-tag=bob)/m],
  ]) {
    test(`a ${kind} REFER of the network: the new party is called, the old one is told and lets go`, async () => {  // Covers: C29
      await withCore({
        steps: withReferral([
          respond('200 OK', { body: sdp() }), recv('ACK', { remember: false }),
          request('REFER', { cseq: 2, headers: [`Refer-To: ${header}`, `Referred-By: <sip:${BOB}@ims.test>`] }), expect(202),
          recv('NOTIFY', { match: 'SIP/2.0 100' }), reply('200 OK'),
          recv('NOTIFY', { match: 'Subscription-State: terminated.*SIP/2.0 200'.replace('.*', '(.|\\n)*') }), reply('200 OK'),
          request('BYE', { cseq: 3 }), expect(200),
        ], [respond('200 OK', { tag: 'carol', body: sdp({ port: 40030 }) }), recv('ACK', { remember: false }), ...hangUp]),
      }, async ({ core, api, channel, registration }) => {
        const id = await call(api, registration);
        await channel.status(id, 'Connected');
        await core.reached('released');
        const { body } = await api.request('GET', `${CALLS}/${id}`);
        assert.equal(body.status, 'Connected', 'the app has one call all the while');
        assert.match(body.receiverAddress, new RegExp(USERS.carol.replace('+', '\\+')));
        await api.expect(204, 'DELETE', `${CALLS}/${id}`);
        await core.done();
        assert.match(core.messages, wanted);
      });
    });
  }

  // The last one: SIPp acknowledges the 491 with another branch, so it goes on coming.
  test('a re-INVITE of the network that meets ours gets 491, and both find through', async () => {  // Covers: C5
    await withCore({
      steps: [
        recv('INVITE'), respond('200 OK', { body: sdp() }), recv('ACK', { remember: false }),
        recv('INVITE', { match: 'a=sendonly' }),
        request('INVITE', { cseq: 1, body: sdp({ version: 2 }) }), maybe(100), expect(491), request('ACK', { cseq: 1 }),
        respond('200 OK', { body: sdp({ version: 2, direction: 'recvonly' }) }), recv('ACK', { remember: false }),
        request('INVITE', { cseq: 2, body: sdp({ version: 3, direction: 'recvonly' }) }), maybe(100), expect(200), request('ACK', { cseq: 2 }),
        mark('held'), ...hangUp,
      ],
    }, async ({ core, api, channel, registration }) => {
      const id = await call(api, registration);
      await channel.status(id, 'Connected');
      await api.setStatus(id, 'Hold');
      await core.reached('held');
      await api.expect(204, 'DELETE', `${CALLS}/${id}`);
      await core.done();
    });
  });
});
