// Every status and code that CAMARA's OpenAPI files document, and what produces it or why nothing can. Rows are found by
// "release/api operation status CODE"; the first pattern that fits counts. statuses_test.mjs runs them all.
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { USERS } from '../../tools/lab/lab.mjs';
import { R2_2, REGISTRATION, CALLS, SUBSCRIPTIONS, webRtcOffer } from './api_client.mjs';

const R3_1 = { REGISTRATION, CALLS, SUBSCRIPTIONS };
const { alice: ALICE, bob: BOB } = USERS;
const ID = 'nothing';

/** What the rows need of the lab; see statuses_test.mjs. */
const pathsOf = (release) => (release === 'r2.2' ? R2_2 : R3_1);
const isR22 = (release) => release === 'r2.2';
const eventApi = (release) => (isR22(release) ? 'webrtc-events' : 'webrtc-events-subscriptions');

/** [method, path, options] of each operation with an id that may be unknown. */
export function requestOf(release, operation, id = ID) {
  const { REGISTRATION: registrations, CALLS: calls, SUBSCRIPTIONS: subscriptions } = pathsOf(release);
  return {
    createRegistration: ['POST', registrations, { body: { deviceId: randomUUID() } }],
    getRegistrationsByDeviceId: ['GET', `${registrations}?deviceId=${randomUUID()}`],
    getRegistrationById: ['GET', `${registrations}/${id}`],
    updateRegistrationById: ['PUT', `${registrations}/${id}`, { body: {} }],
    deleteRegistrationById: ['DELETE', `${registrations}/${id}`],
    createSession: ['POST', calls, { headers: { registrationId: id }, body: callTo(BOB) }],
    getSessionDetailsById: ['GET', `${calls}/${id}`],
    updateSessionStatus: ['PUT', `${calls}/${id}/status`, { body: { status: 'Hold' } }],
    deleteSessionById: ['DELETE', `${calls}/${id}`],
    createNotificationChannelSubscription: ['POST', subscriptions, { body: subscription(release) }],
    retrieveNotificationChannelSubscriptionList: ['GET', subscriptions],
    retrieveNotificationChannelSubscription: ['GET', `${subscriptions}/${id}`],
    updateNotificationChannelSubscription: ['PUT', `${subscriptions}/${id}`, { body: { config: { subscriptionExpireTime: inSeconds(600) } } }],
    deleteNotificationChannelSubscription: ['DELETE', `${subscriptions}/${id}`],
  }[operation];
}
const inSeconds = (seconds) => new Date(Date.now() + seconds * 1000).toISOString();
const callTo = (number) => ({ originatorAddress: `tel:${ALICE}`, receiverAddress: `tel:${number}`, offer: { sdp: webRtcOffer() } });
export const subscription = (release, more = {}, detail = {}) => ({
  protocol: 'HTTP', sink: 'https://127.0.0.1:9/', types: [`org.camaraproject.${eventApi(release)}.v0.session-status`],
  config: { subscriptionDetail: { deviceId: randomUUID(), ...(isR22(release) ? { registrationId: ID } : {}), ...detail } }, ...more,
});
const credential = (more) => ({
  sinkCredential: { credentialType: 'ACCESSTOKEN', accessToken: 'x', accessTokenType: 'bearer', accessTokenExpiresUtc: inSeconds(3600), ...more },
});

/** The same request without a part that it must have, or with one that it must not. */
function malformed(release, operation) {
  const [method, path, options = {}] = requestOf(release, operation);
  if (operation === 'getRegistrationsByDeviceId') return [method, path.replace(/\?.*/, '')];
  if (operation === 'retrieveNotificationChannelSubscriptionList') return [method, path, { headers: { 'x-correlator': 'a b' } }];
  if (path.endsWith(`/${ID}`) || path.endsWith(`/${ID}/status`)) return [method, path.replace(ID, ''), options];
  return [method, path, { ...options, text: '{' , body: undefined }];
}

const resourceOf = { registration: 'registrationId', session: 'mediaSessionId', subscription: 'id' };
const kindOf = (operation) => (/Registration/.test(operation) ? 'registration' : /Subscription/.test(operation) ? 'subscription' : 'session');

/** A row: [pattern, a function that answers [client, request], or the reason why the status cannot occur]. */
export const ROWS = [
  // ---- successes
  [/createRegistration 20[01] /, async (lab, { release }) => [await lab.client('bob'), requestOf(release, 'createRegistration')]],
  [/createSession 201 /, async (lab, { release }) => {
    const client = await lab.client('alice');
    const registrationId = await lab.registration();
    return [client, ['POST', pathsOf(release).CALLS, { headers: { registrationId }, body: callTo(BOB) }]];
  }],
  [/createNotificationChannelSubscription 201 /, async (lab, { release }) =>
    [await lab.client('alice'), ['POST', pathsOf(release).SUBSCRIPTIONS, { body: subscription(release) }]]],
  [/updateRegistrationById 204 /, async (lab, { release }) =>
    [await lab.client('alice'), ['PUT', `${pathsOf(release).REGISTRATION}/${await lab.registration()}`]]],
  [/(List|ByDeviceId) 200 /, async (lab, { release, operation }) => [await lab.client('alice'), requestOf(release, operation)]],
  [/updateSessionStatus 204 /, 'a change of status is always answered with the session that it leaves behind, so with 200'],
  [/Subscription 202 /, 'subscriptions are made and deleted at once, so with 201 and 204'],
  [/ 20[04] /, async (lab, { release, operation }) => {
    const kind = kindOf(operation);
    const id = kind === 'registration' ? await lab.registration() : kind === 'session' ? await lab.call(release) : await lab.subscription(release);
    return [await lab.client('alice'), requestOf(release, operation, id)];
  }],

  // ---- 400
  [/ 400 INVALID_ARGUMENT/, async (lab, { release, operation }) => [await lab.client('alice'), malformed(release, operation)]],
  [/createRegistration 400 OUT_OF_RANGE/, async (lab, { release }) =>
    [await lab.client('alice'), ['POST', pathsOf(release).REGISTRATION, { body: { deviceId: randomUUID(), registrationExpireTime: inSeconds(5) } }]]],
  [/r3\.1.*updateRegistrationById 400 OUT_OF_RANGE/, async (lab) =>
    [await lab.client('alice'), ['PUT', `${REGISTRATION}/${await lab.registration()}`, { body: { registrationExpireTime: inSeconds(5) } }]]],
  [/r2\.2.*updateRegistrationById 400 OUT_OF_RANGE/, 'the specification itself says that a time out of range falls back to the server\'s policy'],
  [/ 400 OUT_OF_RANGE/, 'the operation takes nothing that has a range; what is not of its form is INVALID_ARGUMENT'],
  [/ 400 EMERGENCY_ADDRESS_MISSING/, 'the gateway serves no emergency calls, so it needs no address for them'],
  [/ 400 INVALID_PROTOCOL/, changed({ protocol: 'MQTT5' })],
  [/ 400 INVALID_SINK/, changed({ sink: 'https://user@127.0.0.1/' })],
  [/createN.* 400 INVALID_CREDENTIAL/, changed(credential({ credentialType: 'PLAIN' }))],
  [/createN.* 400 INVALID_TOKEN/, changed(credential({ accessTokenType: 'mac' }))],
  [/updateN.* 400 INVALID_CREDENTIAL/, updated(credential({ credentialType: 'PLAIN' }))],
  [/updateN.* 400 INVALID_TOKEN/, updated(credential({ accessTokenType: 'mac' }))],

  // ---- 401, 403, 404
  [/ 401 UNAUTHENTICATED/, async (lab, { release, operation }) => [lab.stranger, requestOf(release, operation)]],
  [/createN.* 403 PERMISSION_DENIED/, 'a missing scope of an event type is SUBSCRIPTION_MISMATCH'],
  [/ 403 PERMISSION_DENIED/, async (lab, { release, operation }) => [await lab.client('alice', ['openid']), requestOf(release, operation)]],
  [/createN.* 403 SUBSCRIPTION_MISMATCH/, async (lab, { release }) =>
    [await lab.client('alice', ['openid']), ['POST', pathsOf(release).SUBSCRIPTIONS, { body: subscription(release) }]]],
  [/ 403 SUBSCRIPTION_MISMATCH/, 'an update cannot change what the token is judged by: types and device'],
  [/r2\.2.*createRegistration 403 INVALID_TOKEN_CONTEXT/, async (lab, { release }) =>
    [await lab.numberless(), requestOf(release, 'createRegistration')]],
  [/r3\.1.*createRegistration 403 INVALID_TOKEN_CONTEXT/, 'the request names nothing that could contradict the token: a phoneNumber beside a 3-legged token is 422'],
  [/createSession 403 INVALID_TOKEN_CONTEXT/, async (lab, { release }) => [await lab.client('alice'), requestOf(release, 'createSession')]],
  [/Session(Details|Status|ById).* 403 INVALID_TOKEN_CONTEXT/, async (lab, { release, operation }) => {
    const [method, path, options] = requestOf(release, operation, await lab.call(release));
    return [await lab.client('alice'), [method, path, { ...options, headers: { registrationId: ID } }]];
  }],
  [/ 403 INVALID_TOKEN_CONTEXT/, 'a resource of another token does not exist for this one: 404'],
  [/ 403 MAX_REGISTRATION_PER_USER/, async (lab, { release }) => lab.atLimit(release, 'user')],
  [/ 403 MAX_REGISTRATION_PER_MSISDN/, async (lab, { release }) => lab.atLimit(release, 'msisdn')],
  [/ 403 MAX_DEVICES_PER_USER/, async (lab, { release }) => lab.atLimit(release, 'devices')],
  [/ 404 NOT_FOUND/, async (lab, { release, operation }) => [await lab.client('alice'), requestOf(release, operation)]],
  [/ 404 IDENTIFIER_NOT_FOUND/, 'no operation with this answer takes a device identifier'],

  // ---- 409, 422, 429, 501
  [/createRegistration 409 ALREADY_EXISTS/, async (lab) =>
    [await lab.client('alice'), ['POST', REGISTRATION, { body: { deviceId: (await lab.registered()).deviceId } }]]],
  [/ 409 ALREADY_EXISTS/, async (lab, { release }) => {
    const body = subscription(release);
    const client = await lab.client('alice');
    await client.expect(201, 'POST', pathsOf(release).SUBSCRIPTIONS, { body });
    return [client, ['POST', pathsOf(release).SUBSCRIPTIONS, { body }]];
  }],
  [/ 409 ABORTED/, 'one strand serves all requests in turn, so none can cross another'],
  [/createRegistration 422 MISSING_IDENTIFIER/, async (lab, { release }) => [await lab.service(), requestOf(release, 'createRegistration')]],
  [/createRegistration 422 UNNECESSARY_IDENTIFIER/, async (lab, { release }) =>
    [await lab.client('alice'), ['POST', pathsOf(release).REGISTRATION, { body: { deviceId: randomUUID(), phoneNumber: ALICE } }]]],
  [/ 422 MULTIEVENT_/, 'up to three types are taken together, in any combination; with api.r2_2 strict a unit test has the 422'],
  [/ 422 /, 'a subscription names a deviceId of the client\'s own making: none is missing, superfluous, unsupported or without the service'],
  [/create.* 429 QUOTA_EXCEEDED/, async (lab, { release }) => lab.withTooManySubscriptions(release)],
  [/ 429 QUOTA_EXCEEDED/, 'an update takes no more of what is bounded'],
  [/ 429 TOO_MANY_REQUESTS/, async (lab, { release, operation }) => lab.tooFast(requestOf(release, operation))],
  [/ 501 CALLTYPE_EMERGENCY_NOT_SUPPORTED/, async (lab) => [await lab.client('alice'), ['POST', CALLS, {
    headers: { registrationId: await lab.registration() }, body: { ...callTo(BOB), callType: 'EMERGENCY', receiverAddress: 'urn:service:sos' },
  }]]],
];

function changed(more) {
  return async (lab, { release }) =>
    [await lab.client('alice'), ['POST', pathsOf(release).SUBSCRIPTIONS, { body: subscription(release, more) }]];
}
function updated(body) {
  return async (lab, { release }) =>
    [await lab.client('alice'), ['PUT', `${pathsOf(release).SUBSCRIPTIONS}/${await lab.subscription(release)}`, { body }]];
}

/** Every documented [status, code] pair of a document; success statuses have no code. */
export function* documented(document) {
  for (const { operation, status, codes } of document.statuses()) {
    for (const code of codes.length > 0 ? codes : [undefined]) yield { release: document.release, api: document.name, operation, status, code };
  }
}
export const nameOf = ({ release, api, operation, status, code }) => `${release}/${api} ${operation} ${status} ${code ?? ''}`;
export const rowOf = (pair) => ROWS.findIndex(([pattern]) => pattern.test(nameOf(pair)));
export { pathsOf, resourceOf };

// tools/node tests/e2e/statuses.mjs prints the table: what is documented, and the test that produces it or why none can.
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { documents, whyUnchecked } = await import('./openapi.mjs');
  if (whyUnchecked) throw new Error(whyUnchecked);
  for (const document of documents.filter(({ name }) => name !== 'byon')) {
    for (const pair of documented(document)) {
      const [, produce] = ROWS[rowOf(pair)] ?? [undefined, 'NOTHING: a row is missing'];
      console.log(`${nameOf(pair).trim().padEnd(96)} ${typeof produce === 'function' ? 'statuses_test.mjs, by this name' : `none: ${produce}`}`);
    }
  }
}
