// What the gateway says and is told, as it is on the wire (CAMARA WebRTC and the gateway's own extensions).

/** CAMARA's SessionStatus. */
export type SessionStatus =
  | 'Initial' | 'InProgress' | 'Ringing' | 'Proceeding' | 'Connected' | 'Terminated' | 'Hold' | 'Resume'
  | 'SessionCancelled' | 'Declined' | 'Failed' | 'Waiting' | 'NoAnswer' | 'NotReachable' | 'Busy';

/** The statuses after which nothing follows. */
export type EndStatus = 'Terminated' | 'SessionCancelled' | 'Declined' | 'Failed' | 'NoAnswer' | 'NotReachable' | 'Busy';

const END_STATUSES: ReadonlySet<string> = new Set<EndStatus>([
  'Terminated', 'SessionCancelled', 'Declined', 'Failed', 'NoAnswer', 'NotReachable', 'Busy',
]);

export function isEndStatus(status: string): status is EndStatus {
  return END_STATUSES.has(status);
}

export interface Sdp {
  sdp: string;
}

export interface RegistrationResource {
  registrationId: string;
  regInfo: { phoneNumber: string; regStatus: string };
  /** RFC 3339. */
  expiresAt: string;
  channelId?: string;
  channelUrl?: string;
}

/** Where the caller is, for an emergency call: CAMARA's LocationDetails, and a civic address as the gateway's extension. */
export interface LocationDetails {
  shape?: 'Circle' | 'Ellipsoid';
  /** WGS 84; degrees and metres. */
  coordinates?:
    | { latitude: number; longitude: number; radius: number }
    | { latitude: number; longitude: number; zAxis: number; semiMajorAxis: number; semiMinorAxis: number; verticalAxis: number; orientation: number };
  /** Elements of RFC 5139: `A3` city, `RD` street, `HNO` house number, `FLR` floor, `PC` postal code, ...; `lang` their language. */
  civicAddress?: { country: string; lang?: string; [element: string]: string | undefined };
  method?: 'GPS' | 'DBH' | 'DBH_HELO' | 'Other';
  confidence?: { pdf: 'normal' | 'uniform'; value: number };
  /** RFC 3339; when it was so. */
  timestamp?: string;
}

/**
 * What a call has to do with emergency services: placed as such a call, an ordinary call that such a service has answered, or the
 * service calls back.
 */
export type EmergencyKind = 'call' | 'answered' | 'callback';

export interface EmergencyEventData {
  mediaSessionId: string;
  what: 'routed' | 'answered' | 'callback' | 'use-phone';
}

/** What stands behind the address of whoever calls. */
export interface CallerIdentity {
  /** The operator's network says who it is; else it is what the caller says of itself. */
  asserted: boolean;
  /**
   * What came of the network's check that the caller may use the number (STIR); `none`: there was nothing to check. Absent where the
   * network does not tell.
   */
  verification?: 'passed' | 'failed' | 'none';
}

export interface SessionResource {
  mediaSessionId: string;
  callType?: 'REGULAR' | 'EMERGENCY';
  status: SessionStatus;
  originatorAddress: string;
  originatorName?: string;
  /** Of an incoming call; absent when the number is withheld. */
  originatorIdentity?: CallerIdentity;
  receiverAddress: string;
  receiverName?: string;
  offer?: Sdp;
  answer?: Sdp;
  reason?: string;
  sequenceNumber?: number;
}

/** A session with what CAMARA leaves out, as the gateway lists it. */
export interface ListedSession extends SessionResource {
  registrationId: string;
  direction: 'originating' | 'terminating';
  emergency?: EmergencyKind;
  createdAt?: string;
  connectedAt?: string;
}

/** A call of the user that goes on elsewhere and can be taken over with {@link Device.pull}. */
export interface CallElsewhere extends ListedSession {
  /** On the user's phone, or another device of the gateway. */
  place: 'phone' | 'device';
}

/** What a visitor's token is for. */
export interface Visit {
  campaignId: string;
  /** Whom one calls, for people. */
  name: string;
  receiverAddress: string;
  callsLeft: number;
  /** RFC 3339; a call must begin before. */
  startBefore: string;
  maxCallSeconds: number;
}

/** How moving a call goes on. */
export interface TransferEventData {
  mediaSessionId: string;
  state: 'Started' | 'Ringing' | 'Completed' | 'Failed' | 'Cancelled';
  reason?: string;
}

/** How it goes when the network moves the other side of a call to somebody else. */
export interface ReferralEventData {
  mediaSessionId: string;
  state: 'Started' | 'Ringing' | 'Completed' | 'Failed';
  /** Who is to be there: a `tel:` or `sip:` address. */
  target: string;
  reason?: string;
}

/** TURN and STUN servers for browsers behind firewalls (`GET /byon/v1/ice-servers`). */
export interface IceServersResource {
  iceServers: RTCIceServer[];
  /** RFC 3339. */
  expiresAt?: string;
}

/** One leg of a call as the gateway measures it. */
export interface GatewayLegQuality {
  codec: string;
  packetsReceived: number;
  packetsSent: number;
  packetsLost: number;
  jitterMs: number;
  roundTripMs: number;
  playoutDelayMs: number;
  addedLatencyMs: number;
  /** Frames of 20 ms filled in by concealment. */
  concealedFrames: number;
  /** Frames of 20 ms filled in from the error correction in the packet after. */
  recoveredFrames: number;
  latePackets: number;
  duplicatePackets: number;
  /** Of what the gateway sent on this leg, 0 to 1, by the other end's last report. */
  remoteFractionLost: number;
  /** What the gateway sends on this leg. */
  sentCodec?: string;
  /** Estimate for the last 5 s of speech received on this leg, 1 to 4.5, with delay; absent before. */
  mos?: number;
  mosListening?: number;
  mosMean?: number;
  mosWorst?: number;
  /** To 129 when `wideband`, else to 93.2. */
  rFactor?: number;
  wideband?: boolean;
  lossPercent?: number;
  discardPercent?: number;
  concealedPercent?: number;
  oneWayDelayMs?: number;
  signalLevelDbm0?: number;
  noiseLevelDbm0?: number;
  /** What the peer says of the stream it gets. */
  remoteMos?: number;
}

/** Both legs of a call as the gateway measures them: `access` to the browser, `ims` to the network. */
export interface GatewayQuality {
  access: GatewayLegQuality;
  ims: GatewayLegQuality;
  /** Packets the gateway dropped, by reason. */
  drops: Record<string, number>;
}

/** What a page needs to know to sign in (`GET /byon/v1/config`). */
export interface PageConfig {
  issuer: string;
  clientId: string;
  scopes: string[];
  resource?: string;
  /** Base URL of the gateway's interfaces. */
  apiRoot: string;
  gatewayVersion?: string;
  /** What becomes of calls to emergency services here, and which numbers those are. */
  emergency?: { policy: 'refuse' | 'route'; numbers: string[] };
  /** Absent where the gateway sends no pushes. */
  push?: { types: Array<'web-push' | 'fcm' | 'apns'>; vapidPublicKey?: string };
}

/** Where a sleeping device is woken (`PUT /byon/v1/registrations/{registrationId}/push`). */
export type PushSubscriptionBody =
  | { type: 'web-push'; endpoint: string; keys: { p256dh: string; auth: string }; expirationTime?: number | null }
  | { type: 'fcm'; token: string }
  | { type: 'apns'; token: string; environment?: 'production' | 'sandbox' };

export interface PushState {
  registrationId: string;
  /** Of the registration, which needs no fresh token until then. RFC 3339. */
  expiresAt: string;
  type: PushSubscriptionBody['type'];
  endpoint?: string;
  environment?: string;
}

export interface RegistrationEndsData {
  registrationId: string;
  terminationReason: string;
  terminationDescription?: string;
}

export interface DtmfEventData {
  mediaSessionId: string;
  digit: string;
  durationMs: number;
}

/** A text message of the user's number. */
export interface Message {
  messageId: string;
  direction: 'outgoing' | 'incoming';
  /** `sip:anonymous@anonymous.invalid` when withheld. */
  from: string;
  to: string;
  peerName?: string;
  text: string;
  /** Outgoing: queued, sent (the network has it), delivered, displayed, failed. Incoming: received, read. */
  state: 'queued' | 'sent' | 'delivered' | 'displayed' | 'failed' | 'received' | 'read';
  cause?: { sipStatus?: number; text?: string };
  createdAt: string;
  updatedAt: string;
}

/** Whether a number is on the phone, as the network tells it. */
export interface Presence {
  phoneNumber: string;
  state: 'unknown' | 'offline' | 'available' | 'ringing' | 'on-the-phone';
  /** The network does not tell. */
  isRefused: boolean;
  note?: string;
  changedAt?: string;
  /** Calls on any device; of the user's own number only. */
  calls?: { id: string; state: 'calling' | 'ringing' | 'confirmed'; direction: 'originating' | 'terminating'; peer?: string }[];
}

/** A CloudEvent 1.0. */
export interface CloudEvent {
  specversion: string;
  id: string;
  type: string;
  data: unknown;
}
