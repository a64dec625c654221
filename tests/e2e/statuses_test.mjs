// Every status and code that CAMARA documents is produced here, or statuses.mjs says why it cannot be. A status that
// appears in the OpenAPI files and in no row, and a row that fits nothing any more, fail.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { Lab, USERS } from '../../tools/lab/lab.mjs';
import { ApiClient, REGISTRATION, webRtcOffer } from './api_client.mjs';
import { documents, whyUnchecked } from './openapi.mjs';
import { documented, nameOf, pathsOf, ROWS, rowOf, subscription } from './statuses.mjs';

const pairs = documents.filter(({ name }) => name !== 'byon').flatMap((document) => [...documented(document)]);
const LIMITS = { user: 3, msisdn: 4, devices: 2, subscriptions: 40 };

/** The lab as the rows see it. */
class World {
  #clients = new Map();
  #registered;

  constructor(lab) {
    this.lab = lab;
    this.stranger = new ApiClient(lab.url);
  }

  async client(user, scopes) {
    const key = `${user} ${scopes}`;
    if (!this.#clients.has(key)) this.#clients.set(key, new ApiClient(this.lab.url, await this.lab.token(user, scopes ? { scopes } : {})));
    return this.#clients.get(key);
  }
  async service() {
    return new ApiClient(this.lab.url, await this.lab.identityProvider.serviceToken());
  }
  /** A user of his own, with any number. */
  async invented(claims) {
    return new ApiClient(this.lab.url, await this.lab.identityProvider.forgedToken('alice', { claims }));
  }
  numberless() {
    return this.invented({ phone_number: undefined });
  }

  /** Alice's registration, the same for all rows that need one. */
  async registered() {
    const deviceId = randomUUID();
    this.#registered ??= (await this.client('alice')).register(deviceId).then((made) => ({ ...made, deviceId }));
    return this.#registered;
  }
  /** The id of a registration; of its own when the row may end it. */
  async registration() {
    const { registrationId } = await this.registered();
    const { status } = await (await this.client('alice')).request('GET', `${REGISTRATION}/${registrationId}`);
    if (status === 200) return registrationId;
    this.#registered = undefined;
    return (await this.registered()).registrationId;
  }
  async call(release) {
    const api = await this.client('alice');
    const registrationId = await this.registration();
    const channel = await api.openChannel((await this.registered()).deviceId);
    try {
      const { mediaSessionId } = await api.expect(201, 'POST', pathsOf(release).CALLS, {
        headers: { registrationId },
        body: { originatorAddress: `tel:${USERS.alice}`, receiverAddress: `tel:${USERS.bob}`, offer: { sdp: webRtcOffer() } },
      });
      this.#leftovers.push([api, `${pathsOf(release).CALLS}/${mediaSessionId}`]);
      await channel.status(mediaSessionId, 'Connected');
      return mediaSessionId;
    } finally {
      await channel.close();
    }
  }
  #leftovers = [];
  /** Ends what a row left, so that the next finds room. */
  async tidy() {
    for (const [api, path] of this.#leftovers.splice(0)) await api.request('DELETE', path);
  }
  async subscription(release) {
    return (await (await this.client('alice')).expect(201, 'POST', pathsOf(release).SUBSCRIPTIONS, { body: subscription(release) })).id;
  }

  /** Fills one of CAMARA's three limits of registrations. @returns the request that is one too many */
  async atLimit(release, limit) {
    const path = pathsOf(release).REGISTRATION;
    const sub = randomUUID();
    const devices = Array.from({ length: LIMITS.devices }, () => randomUUID());
    const register = async (deviceId, claims) => {
      const client = await this.invented(claims);
      const made = await client.expect(release === 'r2.2' ? 200 : 201, 'POST', path, { body: { deviceId } });
      this.#leftovers.push([client, `${path}/${made.registrationId}`]);
    };
    if (limit === 'devices') {
      for (const deviceId of devices) await register(deviceId, { sub, phone_number: USERS.dave });
      return [await this.invented({ sub, phone_number: USERS.dave }), ['POST', path, { body: { deviceId: randomUUID() } }]];
    }
    if (limit === 'user') {
      const numbers = [USERS.carol, USERS.dave];
      for (let i = 0; i < LIMITS.user; ++i) await register(devices[i >> 1], { sub, phone_number: numbers[i % 2] });
      return [await this.invented({ sub, phone_number: numbers[1] }), ['POST', path, { body: { deviceId: devices[1] } }]];
    }
    for (let i = 0; i < LIMITS.msisdn; ++i) await register(randomUUID(), { sub: randomUUID(), phone_number: USERS.erin });
    return [await this.invented({ sub: randomUUID(), phone_number: USERS.erin }), ['POST', path, { body: { deviceId: randomUUID() } }]];
  }

  async withTooManySubscriptions(release) {
    const client = await this.invented({ sub: randomUUID() });
    const path = pathsOf(release).SUBSCRIPTIONS;
    for (let i = 0; i < LIMITS.subscriptions; ++i) await client.expect(201, 'POST', path, { body: subscription(release) });
    return [client, ['POST', path, { body: subscription(release) }]];
  }
  /** Takes a user's rate at once. */
  async tooFast(request) {
    const client = await this.invented({ sub: randomUUID() });
    const probe = () => client.request('GET', `${REGISTRATION}?deviceId=${randomUUID()}`);
    for (let i = 0; i < 20; ++i) {
      const answers = await Promise.all(Array.from({ length: 25 }, probe));
      if (answers.some(({ status }) => status === 429)) break;
    }
    return [client, request, { isRetried: true }];
  }
}

describe('documented statuses', { skip: whyUnchecked }, () => {
  let world;
  let lab;
  before(async () => {
    lab = await Lab.start({
      controlPlane: (config) => {
        config.registration = { min_expires_s: 60, max_per_user: LIMITS.user, max_per_number: LIMITS.msisdn, max_devices_per_user: LIMITS.devices };
        config.calls = { max_per_user: 4, max_per_registration: 4 };
        config.limits = { subscriptions_per_user: LIMITS.subscriptions, requests_per_second_per_user: 60, requests_per_second_per_address: 2000 };
      },
    });
    const bob = await lab.phone(USERS.bob, { flags: ['--play', 'tones'] });
    await bob.policy({ auto_answer_ms: 0 });
    world = new World(lab);
  });
  after(() => lab?.stop());

  test('each has a row, and each row a status', () => {
    assert.deepEqual(pairs.filter((pair) => rowOf(pair) < 0).map(nameOf), [], 'documented, but in no row');
    const used = new Set(pairs.map(rowOf));
    assert.deepEqual(ROWS.filter((row, index) => !used.has(index)).map(([pattern]) => String(pattern)), [], 'rows that fit nothing');
  });

  for (const pair of pairs) {
    const [, produce] = ROWS[rowOf(pair)] ?? [];
    if (typeof produce !== 'function') continue; // the first test names those without a row; a reason needs no run
    test(nameOf(pair), async () => {
      try {
        const [client, [method, path, options], { isRetried } = {}] = await produce(world, pair);
        let answer = await client.request(method, path, options);
        // A bucket fills up again while we ask.
        for (let i = 0; isRetried && i < 200 && answer.status !== pair.status; ++i) answer = await client.request(method, path, options);
        assert.deepEqual([answer.status, pair.status < 400 ? undefined : answer.body?.code], [pair.status, pair.code], JSON.stringify(answer.body));
        if (pair.status === 429 || pair.status === 503) assert.match(answer.headers.get('retry-after') ?? '', /^[1-9]\d*$/);
        if (pair.status === 401) assert.match(answer.headers.get('www-authenticate') ?? '', /^Bearer/);
        const id = answer.body?.mediaSessionId;
        if (pair.operation === 'createSession' && id) await client.request('DELETE', `${path}/${id}`);
        if (pair.operation === 'createRegistration' && answer.status < 300) await client.request('DELETE', `${path}/${answer.body.registrationId}`);
      } finally {
        await world.tidy();
      }
    });
  }
});
