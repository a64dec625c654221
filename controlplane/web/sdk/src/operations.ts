import type {
  CallElsewhere, GatewayQuality, IceServersResource, ListedSession, LocationDetails, Message, Presence, PushState, PushSubscriptionBody, RegistrationResource, Sdp,
  SessionResource, SessionStatus, Visit,
} from './wire.js';

/** Every operation of the gateway that the SDK uses: what it takes and what it answers. */
export interface Operations {
  'registration.create': { params: {}; body: { deviceId: string; registrationExpireTime?: string }; result: RegistrationResource };
  'registration.list': { params: { deviceId: string }; body: undefined; result: RegistrationResource[] };
  'registration.update': { params: { registrationId: string }; body: { registrationExpireTime?: string }; result: RegistrationResource };
  'registration.delete': { params: { registrationId: string }; body: undefined; result: undefined };
  'call.create': {
    /** Registration and addresses are left out with a visitor's token, which says who calls whom. */
    params: { registrationId?: string; idempotencyKey: string };
    body: { originatorAddress?: string; receiverAddress?: string; originatorName?: string; locationDetails?: LocationDetails; offer: Sdp };
    result: SessionResource;
  };
  'call.status': {
    params: { mediaSessionId: string };
    body: { status: SessionStatus; offer?: Sdp; answer?: Sdp };
    result: SessionResource;
  };
  'call.delete': { params: { mediaSessionId: string }; body: undefined; result: undefined };
  'call.list': { params: { deviceId: string }; body: undefined; result: ListedSession[] };
  'call.location': { params: { mediaSessionId: string }; body: LocationDetails; result: undefined };
  'call.dtmf': { params: { mediaSessionId: string }; body: { digits: string }; result: undefined };
  'call.quality': { params: { mediaSessionId: string }; body: undefined; result: GatewayQuality };
  'push.set': { params: { registrationId: string }; body: PushSubscriptionBody; result: PushState };
  'push.delete': { params: { registrationId: string }; body: undefined; result: undefined };
  'call.transfer': { params: { mediaSessionId: string }; body: { to: string }; result: SessionResource };
  'call.transfer.cancel': { params: { mediaSessionId: string }; body: undefined; result: undefined };
  'call.elsewhere': { params: { deviceId: string }; body: undefined; result: CallElsewhere[] };
  'call.pull': { params: { mediaSessionId: string }; body: { registrationId: string; offer: Sdp }; result: SessionResource };
  'visit.get': { params: {}; body: undefined; result: Visit };
  'ice.servers': { params: {}; body: undefined; result: IceServersResource };
  'message.send': {
    params: { idempotencyKey: string };
    body: { to: string; text: string; registrationId: string; deliveryReport?: boolean };
    result: Message;
  };
  'message.list': { params: { peer?: string; before?: string; limit?: string }; body: undefined; result: Message[] };
  'message.read': { params: { messageId: string }; body: undefined; result: undefined };
  'message.delete': { params: { messageId: string }; body: undefined; result: undefined };
  'presence.list': { params: {}; body: undefined; result: { own: Presence; watched: Presence[] } };
  'presence.watch': { params: { number: string }; body: undefined; result: Presence };
  'presence.unwatch': { params: { number: string }; body: undefined; result: undefined };
}
/** The names are those of the gateway's commands over WebSocket. */
export type OperationName = keyof Operations;

/** An operation as HTTP has it. Params stand in the path as `{name}`, in the query or in a header. */
export interface RestForm {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  path: string;
  query?: readonly string[];
  /** Param to header. */
  headers?: Readonly<Record<string, string>>;
  /** The answer of webrtc-registration names the event channel only to those who ask. */
  asksForChannel?: true;
}

const REGISTRATIONS = '/webrtc-registration/v0.4/sessions';
const CALLS = '/webrtc-call-handling/v0.4/sessions';
const EXTENSIONS = '/byon/v1';

/** CAMARA WebRTC, release r3.1, and the gateway's extensions. @internal */
export const REST_FORMS: { readonly [Name in OperationName]: RestForm } = {
  'registration.create': { method: 'POST', path: REGISTRATIONS, asksForChannel: true },
  'registration.list': { method: 'GET', path: REGISTRATIONS, query: ['deviceId'], asksForChannel: true },
  'registration.update': { method: 'PUT', path: `${REGISTRATIONS}/{registrationId}`, asksForChannel: true },
  'registration.delete': { method: 'DELETE', path: `${REGISTRATIONS}/{registrationId}` },
  'call.create': { method: 'POST', path: CALLS, headers: { registrationId: 'registrationId', idempotencyKey: 'idempotency-key' } },
  'call.status': { method: 'PUT', path: `${CALLS}/{mediaSessionId}/status` },
  'call.delete': { method: 'DELETE', path: `${CALLS}/{mediaSessionId}` },
  'call.list': { method: 'GET', path: `${EXTENSIONS}/calls`, query: ['deviceId'] },
  'call.location': { method: 'PUT', path: `${EXTENSIONS}/calls/{mediaSessionId}/location` },
  'call.dtmf': { method: 'POST', path: `${EXTENSIONS}/calls/{mediaSessionId}/dtmf` },
  'call.quality': { method: 'GET', path: `${EXTENSIONS}/calls/{mediaSessionId}/quality` },
  'push.set': { method: 'PUT', path: `${EXTENSIONS}/registrations/{registrationId}/push` },
  'push.delete': { method: 'DELETE', path: `${EXTENSIONS}/registrations/{registrationId}/push` },
  'call.transfer': { method: 'POST', path: `${EXTENSIONS}/calls/{mediaSessionId}/transfer` },
  'call.transfer.cancel': { method: 'DELETE', path: `${EXTENSIONS}/calls/{mediaSessionId}/transfer` },
  'call.elsewhere': { method: 'GET', path: `${EXTENSIONS}/calls-elsewhere`, query: ['deviceId'] },
  'call.pull': { method: 'POST', path: `${EXTENSIONS}/calls-elsewhere/{mediaSessionId}/pull` },
  'visit.get': { method: 'GET', path: `${EXTENSIONS}/click-to-call/visit` },
  'ice.servers': { method: 'GET', path: `${EXTENSIONS}/ice-servers` },
  'message.send': { method: 'POST', path: `${EXTENSIONS}/messages`, headers: { idempotencyKey: 'idempotency-key' } },
  'message.list': { method: 'GET', path: `${EXTENSIONS}/messages`, query: ['peer', 'before', 'limit'] },
  'message.read': { method: 'POST', path: `${EXTENSIONS}/messages/{messageId}/read` },
  'message.delete': { method: 'DELETE', path: `${EXTENSIONS}/messages/{messageId}` },
  'presence.list': { method: 'GET', path: `${EXTENSIONS}/presence` },
  'presence.watch': { method: 'PUT', path: `${EXTENSIONS}/presence/{number}` },
  'presence.unwatch': { method: 'DELETE', path: `${EXTENSIONS}/presence/{number}` },
};
