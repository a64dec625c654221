// A gateway and a browser to try the SDK on: they keep the contract, have no network and no clock of their own.
import type { Operations, OperationName, Transport, TransportEvents, SessionResource } from '../../../controlplane/web/sdk/src/byon.js';
import { Emitter } from '../../../controlplane/web/sdk/src/emitter.js';
import { ByonError } from '../../../controlplane/web/sdk/src/error.js';

/** Lets promises that are due run. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 30; ++i) await Promise.resolve();
}

type Handler = (params: Record<string, string>, body: Record<string, unknown>) => unknown;

/** The gateway as a transport shows it: operations are answered by handlers, events are sent at will. */
export class FakeGateway extends Emitter<TransportEvents> implements Transport {
  readonly requests: { name: OperationName; params: Record<string, string>; body: Record<string, unknown> }[] = [];
  readonly handlers: Partial<Record<OperationName, Handler>> = {
    'registration.create': () => registration(),
    'registration.list': () => [],
    'registration.update': () => registration(),
    'registration.delete': () => undefined,
    'call.create': (_, body) => session({ status: 'Initial', ...(body as object) }),
    'call.status': ({ mediaSessionId = '' }, { status, offer }) =>
      session({ mediaSessionId, status: status === 'Resume' ? 'Connected' : (status as SessionResource['status']), ...(offer ? { answer: { sdp: 'answer' } } : {}) }),
    'call.delete': () => undefined,
    'call.list': () => [],
    'call.dtmf': () => undefined,
    'call.location': () => undefined,
  };
  isListening = false;
  renewals = 0;
  hurries = 0;
  closes = 0;

  async request<Name extends OperationName>(
    name: Name, params: Operations[Name]['params'], ...[body]: Operations[Name]['body'] extends undefined ? [] : [Operations[Name]['body']]
  ): Promise<Operations[Name]['result']> {
    this.requests.push({ name, params: params as Record<string, string>, body: (body ?? {}) as Record<string, unknown> });
    await Promise.resolve();
    const handler = this.handlers[name];
    if (!handler) throw new ByonError('NOT_FOUND', `no ${name}`, { status: 404 });
    return handler(params as Record<string, string>, (body ?? {}) as Record<string, unknown>) as Operations[Name]['result'];
  }
  async connect(): Promise<void> {}
  async listen(): Promise<void> {
    this.isListening = true;
  }
  async renewToken(): Promise<void> {
    ++this.renewals;
  }
  async ping(): Promise<number> {
    return 7;
  }
  hurry(): void {
    ++this.hurries;
  }
  close(): void {
    this.isListening = false;
    ++this.closes;
  }

  /** Tells the SDK something. */
  tell<Name extends keyof TransportEvents>(name: Name, ...detail: TransportEvents[Name] extends undefined ? [] : [TransportEvents[Name]]): void {
    this.emit(name, ...detail);
  }
  #events = 0;
  event(kind: string, data: object): void {
    const type = kind.includes('.') ? kind : `org.camaraproject.webrtc-events-subscriptions.v0.${kind}`;
    this.tell('event', { specversion: '1.0', id: `e${++this.#events}`, type, data });
  }
  status(data: Partial<SessionResource>): void {
    this.event('session-status', session(data));
  }
  asked(name: OperationName): { params: Record<string, string>; body: Record<string, unknown> }[] {
    return this.requests.filter((request) => request.name === name);
  }
}

export function registration(extra: object = {}) {
  return {
    registrationId: 'reg-1', regInfo: { phoneNumber: '+34600000001', regStatus: 'Registered' },
    expiresAt: new Date(Date.now() + 3_600_000).toISOString(), channelUrl: 'ws://gw/byon/v1/channels/c1', ...extra,
  };
}

export function session(extra: Partial<SessionResource> = {}): SessionResource {
  return {
    mediaSessionId: 'call-1', status: 'Initial', originatorAddress: 'tel:+34600000001', receiverAddress: 'tel:+34600000002', ...extra,
  };
}

export class FakeTrack {
  enabled = true;
  isStopped = false;
  onended: (() => void) | null = null;
  readonly label = 'A microphone';
  stop(): void {
    this.isStopped = true;
  }
}

export class FakeStream {
  readonly track = new FakeTrack();
  getTracks() {
    return [this.track];
  }
  getAudioTracks() {
    return [this.track];
  }
}

/** A peer connection that keeps the signalling states of JSEP (RFC 8829) and says what was done to it. */
export class FakePeerConnection {
  static all: FakePeerConnection[] = [];
  signalingState = 'stable';
  connectionState = 'new';
  localDescription: { type: string; sdp: string } | null = null;
  readonly done: string[] = [];
  readonly sender = {
    track: null as unknown,
    dtmf: { canInsertDTMF: true, toneBuffer: '', insertDTMF: (digits: string) => this.done.push(`digits ${digits}`) },
    replaceTrack: async (track: unknown) => {
      this.sender.track = track;
    },
  };
  ontrack: ((event: object) => void) | null = null;
  onconnectionstatechange: (() => void) | null = null;
  onicecandidate: ((event: { candidate: unknown }) => void) | null = null;
  report = new Map<string, Record<string, unknown>>();
  #offers = 0;

  constructor(readonly configuration: RTCConfiguration) {
    FakePeerConnection.all.push(this);
  }
  addTrack(track: unknown) {
    this.sender.track = track;
    return this.sender;
  }
  addTransceiver() {}
  getTransceivers() {
    return [{ direction: 'recvonly', sender: this.sender }];
  }
  async createOffer(options: { iceRestart?: boolean } = {}) {
    return { type: 'offer', sdp: `offer ${++this.#offers}${options.iceRestart ? ' restart' : ''}` };
  }
  async createAnswer() {
    return { type: 'answer', sdp: 'answer of the browser' };
  }
  async setLocalDescription(description: { type: string; sdp: string }) {
    this.done.push(`local ${description.type}`);
    if (description.type === 'rollback') this.signalingState = 'stable';
    else {
      this.localDescription = description;
      this.signalingState = description.type === 'offer' ? 'have-local-offer' : 'stable';
    }
    queueMicrotask(() => {
      this.onicecandidate?.({ candidate: {} });
      this.onicecandidate?.({ candidate: null });
    });
  }
  async setRemoteDescription({ type, sdp }: { type: string; sdp: string }) {
    if (type === 'answer' && this.signalingState !== 'have-local-offer') throw new Error(`an answer in ${this.signalingState}`);
    this.done.push(`remote ${type} ${sdp}`);
    this.signalingState = type === 'offer' ? 'have-remote-offer' : 'stable';
  }
  async getStats() {
    return this.report;
  }
  close() {
    this.connectionState = 'closed';
    this.done.push('close');
  }
  become(state: string) {
    this.connectionState = state;
    this.onconnectionstatechange?.();
  }
}

/** A browser without sound. */
export function fakePlatform() {
  FakePeerConnection.all = [];
  const streams: FakeStream[] = [];
  const mediaDevices = {
    refusal: undefined as string | undefined,
    constraints: [] as unknown[],
    devices: [] as { kind: string; deviceId: string; label: string }[],
    async getUserMedia(constraints: unknown) {
      this.constraints.push(constraints);
      if (this.refusal) throw Object.assign(new Error('refused'), { name: this.refusal });
      const stream = new FakeStream();
      streams.push(stream);
      return stream;
    },
    async enumerateDevices() {
      return this.devices;
    },
    addEventListener() {},
    removeEventListener() {},
  };
  return {
    streams, mediaDevices,
    platform: {
      RTCPeerConnection: FakePeerConnection as unknown as typeof RTCPeerConnection,
      mediaDevices: mediaDevices as unknown as MediaDevices,
    },
    get pc(): FakePeerConnection {
      return FakePeerConnection.all.at(-1) as FakePeerConnection;
    },
  };
}

/** A WebSocket whose other end the test holds. */
export class FakeWebSocket {
  static readonly OPEN = 1;
  static all: FakeWebSocket[] = [];
  readyState = 0;
  readonly sent: Record<string, unknown>[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;

  constructor(readonly url: string, readonly protocols: string[]) {
    FakeWebSocket.all.push(this);
  }
  send(text: string) {
    this.sent.push(JSON.parse(text) as Record<string, unknown>);
  }
  close(code = 1000) {
    this.drop(code);
  }

  accept() {
    this.readyState = 1;
    this.onopen?.();
  }
  say(message: object) {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
  ready(extra: object = {}) {
    this.accept();
    this.say({ type: 'ready', channelId: 'c1', ...extra });
  }
  drop(code: number) {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.onclose?.({ code });
  }
}
