// Two operators behind one entry point: two IMS cores, two identity providers, and subscribers that have the same numbers,
// user names and clients in both. Nothing of one exists for the other, and nothing that befalls one disturbs the other.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import dgram from 'node:dgram';
import { readFile, writeFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { parse, stringify } from 'yaml';
import { WebPhone } from '../../tools/lab/browser.mjs';
import { resolverFlag } from '../../tools/lab/host_names.mjs';
import { Lab, USERS } from '../../tools/lab/lab.mjs';
import { FIRST, SECOND } from '../../tools/lab/second_operator.mjs';
import { ApiClient, CALLS, Channel, REGISTRATION, SUBSCRIPTIONS, webRtcOffer } from './api_client.mjs';
import { assertTones, openBrowser } from './call_lab.mjs';

const { alice: ALICE, bob: BOB } = USERS;
const SOUTH_RATE = 40;

describe('two operators', () => {
  let lab;
  let metricsAddress;
  let north;  // alice at each
  let south;
  before(async () => {
    lab = await Lab.start({
      hasSecondOperator: true,
      controlPlane: (config, { url }) => {
        const [first, second] = config.operators;
        first.http = { cors_origins: ['https://app.north.example'] };
        second.http = { cors_origins: ['https://app.south.example'] };
        // The storm is to meet the operator's limit, not that of its address.
        config.limits = { requests_per_second_per_address: 100_000 };
        second.limits = { requests_per_second: SOUTH_RATE, registrations: 3 };
        assert.equal(config.http.public_url, url);
        metricsAddress = config.http.listen.replace(/:\d+$/, ':9464');
        config.metrics = { listen: metricsAddress };
      },
    });
    north = new ApiClient(lab.firstUrl, await lab.token('alice'));
    south = new ApiClient(lab.second.url, await lab.second.token('alice'));
  });
  after(() => lab?.stop());

  async function ready(url, patienceMs = 15_000) {
    for (const until = Date.now() + patienceMs; Date.now() < until; await delay(100)) {
      if ((await fetch(`${url}/readyz`)).status === 200) return;
    }
    assert.fail(`${url} is not ready`);
  }

  /** What is answered is written a moment later: waits until a kill cannot lose the record with this id. */
  async function isStored(id) {
    for (const until = Date.now() + 20_000; ; await delay(20)) {
      const files = await Promise.all(['', '-wal'].map((end) => readFile(`${lab.dir}/controlplane.db${end}`).catch(() => Buffer.alloc(0))));
      if (files.some((bytes) => bytes.includes(id))) return;
      assert.ok(Date.now() < until, `${id} is not written`);
    }
  }

  /** Both operators' alice, registered on the same device. */
  async function bothRegistered(use) {
    const deviceId = randomUUID();
    const [first, second] = await Promise.all([north.register(deviceId), south.register(deviceId)]);
    try {
      await use(first.registrationId, second.registrationId, deviceId);
    } finally {
      await north.request('DELETE', `${REGISTRATION}/${first.registrationId}`);
      await south.request('DELETE', `${REGISTRATION}/${second.registrationId}`);
    }
  }

  test('a number registers in the core of its operator, and nothing of one exists for the other', async () => {
    await bothRegistered(async (first, second, deviceId) => {
      assert.equal((await lab.core.registrations(ALICE)).length, 1);
      assert.equal((await lab.second.core.registrations(ALICE)).length, 1);
      const ids = async (client) => (await client.expect(200, 'GET', `${REGISTRATION}?deviceId=${deviceId}`)).map((one) => one.registrationId);
      assert.deepEqual(await ids(north), [first]);
      assert.deepEqual(await ids(south), [second]);
      for (const [client, foreign] of [[north, second], [south, first]]) {
        await client.refused(404, 'NOT_FOUND', 'GET', `${REGISTRATION}/${foreign}`);
        await client.refused(404, 'NOT_FOUND', 'DELETE', `${REGISTRATION}/${foreign}`);
        await client.refused(403, 'INVALID_TOKEN_CONTEXT', 'POST', CALLS, {
          headers: { registrationId: foreign },
          body: { originatorAddress: `tel:${ALICE}`, receiverAddress: `tel:${BOB}`, offer: { sdp: webRtcOffer() } },
        });
      }
      const channel = await north.expect(201, 'POST', '/byon/v1/channels', { body: { deviceId } });
      await south.refused(404, 'NOT_FOUND', 'DELETE', `/byon/v1/channels/${channel.channelId}`);
      assert.deepEqual(await south.expect(200, 'GET', SUBSCRIPTIONS), []);
    });
  });

  test('a call stays with its operator: the same number rings in one network only', async () => {
    const [bobNorth, bobSouth] = [await lab.phone(BOB), await lab.phone(BOB, { ofSecond: true })];
    await bothRegistered(async (first, second) => {
      for (const [client, registration, own, other, domain] of [
        [north, first, bobNorth, bobSouth, 'ims.test'], [south, second, bobSouth, bobNorth, SECOND.domain],
      ]) {
        other.forget();
        const call = await client.createCall(registration, ALICE, BOB);
        assert.equal((await own.waitFor('incoming')).pai, `<sip:${ALICE}@${domain}>`);
        const stranger = client === north ? south : north;
        await stranger.refused(404, 'NOT_FOUND', 'GET', `${CALLS}/${call.mediaSessionId}`);
        await client.expect(204, 'DELETE', `${CALLS}/${call.mediaSessionId}`);
        await own.waitFor('cancelled');
        assert.ok(!other.events.some(({ event, taken }) => event === 'incoming' && !taken), 'the other network heard of it');
      }
    });
  });

  test('browsers of both operators talk at the same time, each signed in at its own identity provider', async () => {
    const browser = await openBrowser(lab, { flags: [resolverFlag()] });
    try {
      const open = async (url) => {
        const web = await WebPhone.open(browser, `${url}/`);
        await web.signIn('carol');
        await web.registered();
        return web;
      };
      const pages = [await open(lab.firstUrl), await open(lab.second.url)];
      const phones = [await lab.phone(USERS.dave, { flags: ['--play', 'tones'] }),
        await lab.phone(USERS.dave, { flags: ['--play', 'tones'], ofSecond: true })];
      for (const [i, web] of pages.entries()) {
        await web.dial(USERS.dave);
        await phones[i].waitFor('incoming');
        phones[i].send('answer');
        await web.callState('connected');
      }
      await assertTones(() => Promise.all(pages.map((web) => web.measure(2500))));
      await pages[0].hangUp();
      await phones[0].waitFor('bye');
      await pages[1].callState('connected');
      phones[1].send('hangup');
      assert.equal((await pages[1].ended()).status, 'Terminated');
      for (const web of pages) await web.close();
    } finally {
      await browser.close();
      for (const [url, token] of [[lab.firstUrl, await lab.token('carol')], [lab.second.url, await lab.second.token('carol')]]) {
        const carol = new ApiClient(url, token);
        for (const { registrationId } of await carol.expect(200, 'GET', '/byon/v1/registrations')) {
          await carol.expect(204, 'DELETE', `${REGISTRATION}/${registrationId}`);
        }
      }
    }
  });

  /** What the metrics say while a call is there, as soon as the dataplane has dropped a packet of nobody's. */
  async function metricsOfACall(registration) {
    await lab.phone(BOB);
    const { mediaSessionId } = await north.createCall(registration, ALICE, BOB);
    const socket = dgram.createSocket('udp4');
    try {
      for (const until = Date.now() + 20_000; ; await delay(100)) {
        for (let port = 20000; port < 20016; ++port) socket.send('?', port, lab.addresses.media);
        const response = await fetch(`http://${metricsAddress}/metrics`);
        assert.match(response.headers.get('content-type'), /^application\/openmetrics-text; version=1\.0\.0/);
        const text = await response.text();
        if (text.includes('\nbyon_dataplane_drops_total{')) return text;
        assert.ok(Date.now() < until, 'no packet is dropped');
      }
    } finally {
      socket.close();
      await north.expect(204, 'DELETE', `${CALLS}/${mediaSessionId}`);
    }
  }

  test('metrics tell the operators apart, and nothing of their users', async () => {
    await bothRegistered(async (first) => {
      await north.expect(200, 'GET', `${REGISTRATION}/${first}`);
      const text = await metricsOfACall(first);
      assert.ok(text.endsWith('\n# EOF\n'));
      for (const line of text.trimEnd().split('\n')) {
        assert.match(line, /^(# (TYPE|HELP|EOF)|[a-z_]+(\{([a-z_]+="([^"\\]|\\.)*",?)+\})? -?[0-9.e+-]+$)/, line);
      }
      const value = (name, operator, more = '') => Number(new RegExp(`^${name}\\{operator="${operator}"${more}\\} (\\S+)$`, 'm').exec(text)?.[1]);
      const operators = [...new Set([...text.matchAll(/operator="([a-z0-9-]+)"/g)].map(([, id]) => id))];
      assert.equal(operators.length, 2);
      for (const operator of operators) {
        assert.equal(value('byon_ready', operator), 1);
        assert.equal(value('byon_registrations', operator), 1);
        assert.ok(value('byon_sip_events_total', operator, ',event="register_succeeded"') >= 1);
        assert.ok(value('byon_sip_requests_total', operator, ',method="REGISTER",direction="sent"') >= 2);
        assert.ok(value('byon_sip_responses_total', operator, ',method="REGISTER",direction="received",status="200"') >= 1);
        assert.ok(value('byon_sip_round_trip_seconds_bucket', operator, ',method="REGISTER",le="\\+Inf"') >= 2);
        assert.ok(value('byon_api_requests_total', operator, ',operation="registration.create",status="201"') >= 1);
        assert.match(text, new RegExp(`^byon_dataplane_up\\{operator="${operator}",address="[^"]+",node="[^"]+"\\} 1$`, 'm'));
        assert.match(text, new RegExp(`^byon_dataplane_drops_total\\{operator="${operator}",.*reason="[a-z_]+"\\} \\d+$`, 'm'));
      }
      assert.match(text, /^byon_http_requests_total \d+$/m);
      for (const secret of [ALICE, ALICE.slice(1), first, 'alice']) assert.ok(!text.includes(secret), secret);
      assert.equal((await fetch(`http://${metricsAddress}/`)).status, 404);
    });
  });

  test('a token is good at its own operator only; on a common host its issuer tells whose it is', async () => {
    const list = `${REGISTRATION}?deviceId=${randomUUID()}`;
    await new ApiClient(lab.firstUrl, south.token).refused(401, 'UNAUTHENTICATED', 'GET', list);
    await new ApiClient(lab.second.url, north.token).refused(401, 'UNAUTHENTICATED', 'GET', list);
    await bothRegistered(async (first, second, deviceId) => {
      for (const [token, own] of [[north.token, first], [south.token, second]]) {
        const common = new ApiClient(lab.url, token);
        const found = await common.expect(200, 'GET', `${REGISTRATION}?deviceId=${deviceId}`);
        assert.deepEqual(found.map(({ registrationId }) => registrationId), [own]);
        const channel = await Channel.open(`${lab.url.replace('http', 'ws')}/byon/v1/channels`, token, { auth: { deviceId } });
        const { body } = await channel.command('registration.list', { params: { deviceId } });
        assert.deepEqual(body.map(({ registrationId }) => registrationId), [own]);
        await channel.close();
      }
    });
    const nobody = new ApiClient(lab.url);
    await nobody.refused(401, 'UNAUTHENTICATED', 'GET', list);
    await nobody.refused(404, 'NOT_FOUND', 'GET', '/byon/v1/config');
  });

  test('a page is told of the operator of its host, and foreign pages are let in by each for itself', async () => {
    for (const [client, issuer, id] of [
      [north, lab.identityProvider.issuer, FIRST.id], [south, lab.second.identityProvider.issuer, SECOND.id],
    ]) {
      const config = await new ApiClient(client.url).expect(200, 'GET', '/byon/v1/config');
      assert.equal(config.issuer, issuer);
      assert.equal(config.apiRoot, client.url);
      const page = await fetch(`${client.url}/`);
      assert.ok(page.headers.get('content-security-policy').includes(issuer));
      for (const other of [FIRST.id, SECOND.id]) {
        const origin = `https://app.${other}.example`;
        const answer = await fetch(`${client.url}/byon/v1/config`, { headers: { origin } });
        assert.equal(answer.headers.get('access-control-allow-origin'), other === id ? origin : null);
      }
    }
  });

  test('SIP over WebSocket is challenged in the name of the operator of its host', async () => {
    const { default: WebSocket } = await import('ws');
    for (const [url, domain] of [[lab.firstUrl, 'ims.test'], [lab.second.url, SECOND.domain]]) {
      const socket = new WebSocket(`${url.replace('http', 'ws')}/sip`, ['sip']);
      await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
      socket.send([`REGISTER sip:${domain} SIP/2.0`, 'Via: SIP/2.0/WS x.invalid;branch=z9hG4bKa', 'Max-Forwards: 70',
        `From: <sip:${ALICE}@${domain}>;tag=a`, `To: <sip:${ALICE}@${domain}>`, 'Call-ID: a', 'CSeq: 1 REGISTER',
        'Contact: <sip:a@x.invalid;transport=ws>', 'Content-Length: 0', '', ''].join('\r\n'));
      const [answer] = await new Promise((resolve) => socket.once('message', (...message) => resolve(message)));
      assert.match(answer.toString(), /^SIP\/2.0 401 /);
      assert.ok(answer.toString().includes(`realm="${domain}"`), answer.toString());
      socket.close();
    }
  });

  test("one operator's storm is refused at its own limit and does not slow the other down", async () => {
    const list = `${REGISTRATION}?deviceId=${randomUUID()}`;
    const tokens = await Promise.all(['bob', 'carol', 'dave', 'erin'].map((user) => lab.second.token(user)));
    const storm = { running: true, statuses: new Map() };
    const blow = async (token) => {
      while (storm.running) {
        const { status } = await fetch(`${lab.second.url}${list}`, { headers: { authorization: `Bearer ${token}` } });
        storm.statuses.set(status, (storm.statuses.get(status) ?? 0) + 1);
      }
    };
    const winds = tokens.map(blow);
    try {
      while ((storm.statuses.get(429) ?? 0) < 20) await north.expect(200, 'GET', list);
      for (let i = 0; i < 30; ++i) await north.expect(200, 'GET', list);
    } finally {
      storm.running = false;
      await Promise.all(winds);
    }
    assert.deepEqual([...storm.statuses.keys()].sort(), [200, 429]);
    // Its quota of registrations is its own too; what the storm has used up comes back with time.
    await delay(1000);
    const taken = [];
    for (const user of ['alice', 'bob', 'carol']) {
      const client = new ApiClient(lab.second.url, await lab.second.token(user));
      taken.push([client, (await client.register()).registrationId]);
    }
    const late = new ApiClient(lab.second.url, await lab.second.token('dave'));
    await late.refused(429, 'QUOTA_EXCEEDED', 'POST', REGISTRATION, { body: { deviceId: randomUUID() } });
    const { registrationId } = await north.register();
    await north.expect(204, 'DELETE', `${REGISTRATION}/${registrationId}`);
    for (const [client, id] of taken) await client.expect(204, 'DELETE', `${REGISTRATION}/${id}`);
  });

  test("one operator's core and identity provider are down: the other's users notice nothing", async () => {
    await lab.second.core.stopRole('pcscf');
    await lab.second.identityProvider.stop();
    try {
      const refused = await south.request('POST', REGISTRATION, { body: { deviceId: randomUUID() } });
      assert.ok([503, 504].includes(refused.status), `${refused.status}`);
      const { registrationId } = await north.register();
      const call = await north.createCall(registrationId, ALICE, USERS.erin);
      await north.expect(204, 'DELETE', `${CALLS}/${call.mediaSessionId}`);
      await north.expect(204, 'DELETE', `${REGISTRATION}/${registrationId}`);
      // After a restart too; and the keys that were fetched before it serve on.
      await lab.restartControlPlane();
      await Promise.all([ready(north.url), ready(south.url)]);
      assert.deepEqual(await (await fetch(`${lab.url}/readyz`)).json(), {
        status: 'ready', missing: '', operators: { [FIRST.id]: 'ready', [SECOND.id]: 'ready' },
      });
      await north.expect(200, 'GET', `${REGISTRATION}?deviceId=${randomUUID()}`);
      await south.expect(200, 'GET', `${REGISTRATION}?deviceId=${randomUUID()}`);
    } finally {
      await lab.second.core.startRole('pcscf');
      await lab.second.identityProvider.start();
    }
  });

  test('a killed process gives each operator its own back, and one that is gone from the settings is forgotten', async () => {
    const deviceId = randomUUID();
    // The core of the test before has just come back: until it is noticed there is no way to it.
    let second;
    for (const until = Date.now() + 20_000; second?.status !== 201; await delay(100)) {
      second = await south.request('POST', REGISTRATION, { body: { deviceId } });
      assert.ok(second.status === 201 || Date.now() < until, `south does not register: ${second.status}`);
    }
    second = second.body;
    const first = await north.register(deviceId);
    await Promise.all([isStored(first.registrationId), isStored(second.registrationId)]);
    await lab.restartControlPlane({ signal: 'SIGKILL' });
    await Promise.all([ready(north.url), ready(south.url)]);
    await north.expect(200, 'GET', `${REGISTRATION}/${first.registrationId}`);
    await south.expect(200, 'GET', `${REGISTRATION}/${second.registrationId}`);
    await north.refused(404, 'NOT_FOUND', 'GET', `${REGISTRATION}/${second.registrationId}`);

    const file = `${lab.dir}/controlplane.yaml`;
    const settings = parse(await readFile(file, 'utf8'));
    settings.operators.pop();
    await writeFile(file, stringify(settings));
    await lab.restartControlPlane();
    await lab.controlPlane.waitForLine(new RegExp(`event=operator_removed operator=${SECOND.id} registrations=1 `));
    await ready(north.url);
    await north.expect(200, 'GET', `${REGISTRATION}/${first.registrationId}`);
    await new ApiClient(lab.url, south.token).refused(401, 'UNAUTHENTICATED', 'GET', `${REGISTRATION}/${second.registrationId}`);
    await north.expect(204, 'DELETE', `${REGISTRATION}/${first.registrationId}`);
    const log = await readFile(`${lab.dir}/controlplane.log`, 'utf8');
    for (const id of [FIRST.id, SECOND.id]) {
      assert.match(log, new RegExp(`operator=${id} event=totals registrations=\\d+ calls=0 calls_started=\\d+`));
    }
  });
});
