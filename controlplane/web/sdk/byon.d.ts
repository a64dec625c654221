/** Every failure of the SDK: `code` is stable, `message` is for people. */
export class ByonError extends Error {
  readonly code: string;
  /** HTTP status of the gateway's answer, 0 when there was none. */
  readonly status: number;
}

export interface GatewayPhoneOptions {
  /** Origin of the gateway; default: the page's own. */
  baseUrl?: string;
  /** UUID of this device, stable across visits; default: made once and kept in localStorage. */
  deviceId?: string;
  /** OAuth access token, or a function that returns a fresh one. One of the two is required. */
  token?: string;
  getToken?: () => Promise<string>;
  logger?: Pick<Console, 'debug'>;
  /** Replacements for tests and other run-times. */
  inject?: {
    fetch?: typeof fetch;
    WebSocket?: typeof WebSocket;
    RTCPeerConnection?: typeof RTCPeerConnection;
    getUserMedia?: (constraints: MediaStreamConstraints) => Promise<MediaStream>;
  };
}

export interface PhoneEvents {
  registered: { phoneNumber: string };
  unregistered: { reason: string };
  /** A call rings here. */
  incoming: Call;
  /** Any new call, either way. */
  call: Call;
  reconnecting: undefined;
  reconnected: undefined;
  /** Renew the token, then call tokenRenewed(). */
  tokenWillExpire: undefined;
  error: Error;
}

export interface CallOptions {
  audio?: MediaTrackConstraints | boolean;
  displayName?: string;
  /** Withhold the number (CLIR). */
  anonymous?: boolean;
}

export class GatewayPhone {
  constructor(options: GatewayPhoneOptions);
  readonly deviceId: string;
  readonly phoneNumber: string | undefined;
  readonly isRegistered: boolean;
  readonly calls: Call[];
  register(): Promise<void>;
  unregister(): Promise<void>;
  call(to: string, options?: CallOptions): Promise<Call>;
  tokenRenewed(): Promise<void>;
  destroy(): void;
  on<K extends keyof PhoneEvents>(name: K, listener: (detail: PhoneEvents[K]) => void): () => void;
  once<K extends keyof PhoneEvents>(name: K, listener: (detail: PhoneEvents[K]) => void): () => void;
}

export type CallState = 'new' | 'dialing' | 'ringing' | 'earlyMedia' | 'connected' | 'held' | 'ended';
export type EndStatus =
  | 'Terminated' | 'SessionCancelled' | 'Declined' | 'Failed' | 'NoAnswer' | 'NotReachable' | 'Busy';

export interface CallEvents {
  state: CallState;
  ringing: undefined;
  earlyMedia: undefined;
  connected: undefined;
  held: undefined;
  resumed: undefined;
  ended: { status: EndStatus; reason?: string };
  mute: boolean;
  dtmf: { digit: string; durationMs: number };
  remoteStream: MediaStream;
  error: Error;
}

export interface CallStats {
  packetsReceived: number;
  packetsLost: number;
  packetsSent: number;
  jitterMs: number;
  roundTripMs: number;
  jitterBufferMs: number;
  audioLevel: number;
}

export interface GatewayLegQuality {
  codec: string;
  packetsReceived: number;
  packetsSent: number;
  packetsLost: number;
  jitterMs: number;
  roundTripMs: number;
  playoutDelayMs: number;
  addedLatencyMs: number;
  concealedFrames: number;
}

export class Call {
  readonly id: string | undefined;
  readonly direction: 'outgoing' | 'incoming';
  readonly state: CallState;
  /** The other party as the network shows it, e.g. `tel:+34600000002`. */
  readonly peer: string;
  readonly peerName: string | undefined;
  readonly startedAt: number;
  readonly connectedAt: number | undefined;
  readonly endedAt: number | undefined;
  readonly endStatus: EndStatus | undefined;
  readonly endReason: string | undefined;
  readonly isMuted: boolean;
  readonly hasEnded: boolean;
  readonly remoteStream: MediaStream | undefined;
  readonly peerConnection: RTCPeerConnection | undefined;
  accept(options?: { audio?: MediaTrackConstraints | boolean }): Promise<void>;
  /** 'busy' ends it on this device only, 'declined' on all devices of the number. */
  reject(how?: 'declined' | 'busy'): Promise<void>;
  hangup(): Promise<void>;
  mute(on?: boolean): void;
  hold(on?: boolean): Promise<void>;
  sendDTMF(digits: string, options?: { duration?: number; gap?: number }): Promise<void>;
  setInput(deviceId: string): Promise<void>;
  getStats(): Promise<CallStats>;
  getGatewayQuality(): Promise<{
    access: GatewayLegQuality;
    ims: GatewayLegQuality;
    drops: Record<string, number>;
  }>;
  on<K extends keyof CallEvents>(name: K, listener: (detail: CallEvents[K]) => void): () => void;
  once<K extends keyof CallEvents>(name: K, listener: (detail: CallEvents[K]) => void): () => void;
}
