import type { AudioDevices } from './audio_devices.js';
import type { CallEvents, CallState } from './call_events.js';
import { Emitter } from './emitter.js';
import { asError, ByonError, statusOf } from './error.js';
import { Microphone } from './microphone.js';
import { PathKeeper } from './path_keeper.js';
import { PeerMedia } from './peer_media.js';
import type { Platform } from './platform.js';
import { type CallStats, QualityMonitor, type QualityWarning, readStats } from './quality.js';
import type { Operations } from './operations.js';
import type { Transport } from './transport.js';
import { type CallerIdentity, type DtmfEventData, type EmergencyEventData, type EmergencyKind, type EndStatus, type GatewayQuality, isEndStatus, type LocationDetails, type ReferralEventData, type SessionResource, type TransferEventData } from './wire.js';

const SAMPLE_MS = 1000;
/** A call that cannot be placed is tried again after so long each; then the user is told. */
const CREATE_RETRIES_MS = [500, 1500];

/** How to take or make a call. */
export interface MediaOptions {
  /** Constraints for the microphone, over those of a telephone. */
  audio?: MediaTrackConstraints | boolean;
}

/** @internal */
export interface DialOptions extends MediaOptions {
  displayName?: string;
  anonymous?: boolean;
  location?: LocationDetails;
}

/** What a call needs of its device. @internal */
export interface CallParts {
  transport: Transport;
  platform: Platform;
  audio: AudioDevices;
  /** Absent: a visitor's call, whose token says who calls whom. */
  registration?: { registrationId: string; phoneNumber: string };
  playsAudio: boolean;
  iceServers: () => Promise<RTCIceServer[]>;
  toAddress: (number: string) => string;
  /** Called before this call becomes the one that talks. */
  beforeTalking: (call: Call) => Promise<void>;
  direction: 'outgoing' | 'incoming';
  peer: string;
  peerName?: string | undefined;
  peerIdentity?: CallerIdentity | undefined;
  id?: string | undefined;
}

/** One call. Made by {@link Device.call}, or handed out by its `incoming` event. */
export class Call extends Emitter<CallEvents> {
  readonly #parts: CallParts;
  readonly #monitor = new QualityMonitor();
  #media: PeerMedia | undefined;
  #path: PathKeeper | undefined;
  readonly #microphone: Microphone;
  #isHeldHere = false;
  #lastSequence = 0;
  #isAnswerApplied = false;
  #prepared: Promise<void> | undefined;
  #pendingStatus: SessionResource[] = [];
  #lastChange: Promise<unknown> = Promise.resolve();
  #sampleTimer: ReturnType<typeof setInterval> | undefined;
  #id: string | undefined;
  #state: CallState = 'new';
  #connectedAt: number | undefined;
  #endedAt: number | undefined;
  #endStatus: EndStatus | undefined;
  #endReason: string | undefined;
  #peer: string;
  #peerName: string | undefined;
  #peerIdentity: CallerIdentity | undefined;
  #emergency: EmergencyKind | undefined;

  readonly direction: 'outgoing' | 'incoming';
  /** Milliseconds since 1970. */
  readonly startedAt = Date.now();

  /** @internal */
  constructor(parts: CallParts) {
    super();
    this.#parts = parts;
    this.direction = parts.direction;
    this.#peer = parts.peer;
    this.#peerName = parts.peerName;
    this.#peerIdentity = parts.peerIdentity;
    this.#id = parts.id;
    this.#microphone = new Microphone({
      platform: parts.platform,
      chosenId: () => parts.audio.inputId,
      replace: async (stream) => this.#media?.useMicrophone(stream),
      report: (error) => this.emit('error', error),
    });
  }

  /** The other party as the network shows it, e.g. `tel:+34600000002`; another one when it was moved (event `referral`). */
  get peer(): string {
    return this.#peer;
  }
  /** The other party's name, when the network tells one; nobody has checked it. */
  get peerName(): string | undefined {
    return this.#peerName;
  }

  /** What stands behind {@link peer} when somebody calls here; undefined for a withheld number and for calls from here. */
  get peerIdentity(): CallerIdentity | undefined {
    return this.#peerIdentity;
  }

  /** The gateway's name of the call; undefined until it has taken an outgoing call. */
  get id(): string | undefined {
    return this.#id;
  }
  get state(): CallState {
    return this.#state;
  }
  get isMuted(): boolean {
    return this.#microphone.isMuted;
  }
  /** True when this side put the call on hold. */
  get isHeldHere(): boolean {
    return this.#isHeldHere;
  }
  get hasEnded(): boolean {
    return this.#state === 'ended';
  }
  /** Milliseconds since 1970. */
  get connectedAt(): number | undefined {
    return this.#connectedAt;
  }
  /** Milliseconds since 1970. */
  get endedAt(): number | undefined {
    return this.#endedAt;
  }
  get endStatus(): EndStatus | undefined {
    return this.#endStatus;
  }
  /** In words, for people; may be absent. */
  get endReason(): string | undefined {
    return this.#endReason;
  }
  /** True when another device of the same number took the call. */
  get wasAnsweredElsewhere(): boolean {
    return this.#endStatus === 'SessionCancelled' && /elsewhere/i.test(this.#endReason ?? '');
  }
  /** What the call has to do with emergency services; undefined for an ordinary call. */
  get emergency(): EmergencyKind | undefined {
    return this.#emergency;
  }
  /** True when it was for an emergency service and could not be made here: tell the user to use the phone. */
  get needsPhone(): boolean {
    return this.#endStatus !== undefined && /use your phone/i.test(this.#endReason ?? '');
  }
  get remoteStream(): MediaStream | undefined {
    return this.#media?.remoteStream;
  }
  /** The microphone's stream while the call is up. */
  get localStream(): MediaStream | undefined {
    return this.#microphone.stream;
  }
  /** The warnings that hold at this moment. */
  get warnings(): QualityWarning[] {
    return this.#monitor.warnings;
  }
  /** For statistics and tests; changing it is at your own risk. */
  get peerConnection(): RTCPeerConnection | undefined {
    return this.#media?.peerConnection;
  }

  /** Sends the offer; resolves when the gateway has taken the call. @internal */
  async dial({ audio, displayName, anonymous, location }: DialOptions): Promise<void> {
    const { registration } = this.#parts;
    try {
      const microphone = await this.#microphone.open(audio);
      const media = await this.#openMedia();
      const sdp = await media.offer(microphone);
      this.#setState('dialing');
      const session = await this.#create({
        ...(registration ? {
          originatorAddress: anonymous ? 'sip:anonymous@anonymous.invalid' : `tel:${registration.phoneNumber}`,
          receiverAddress: this.peer,
          ...(displayName ? { originatorName: displayName } : {}),
          ...(location ? { locationDetails: location } : {}),
        } : {}),
        offer: { sdp },
      });
      this.#id = session.mediaSessionId;
      if (session.callType === 'EMERGENCY') this.#emergency = 'call';
      // Hung up before the gateway had a name for it.
      if (this.hasEnded) await this.#delete();
    } catch (error) {
      this.#finish('Failed', asError(error).message);
      throw error;
    }
  }

  /** Takes over a call that goes on elsewhere. @internal */
  async pull(mediaSessionId: string, { audio }: MediaOptions): Promise<void> {
    try {
      const microphone = await this.#microphone.open(audio);
      const media = await this.#openMedia();
      const sdp = await media.offer(microphone);
      this.#setState('dialing');
      const { registrationId } = this.#parts.registration as { registrationId: string };
      const session = await this.#parts.transport.request('call.pull', { mediaSessionId }, { registrationId, offer: { sdp } });
      this.#id = session.mediaSessionId;
      if (this.hasEnded) await this.#delete();
    } catch (error) {
      this.#finish('Failed', asError(error).message);
      throw error;
    }
  }

  /** An answer that was lost on the way must not make two calls of one: the key tells the gateway that it is the same. */
  async #create(body: Operations['call.create']['body']): Promise<SessionResource> {
    const { registration } = this.#parts;
    const params = { ...(registration ? { registrationId: registration.registrationId } : {}), idempotencyKey: crypto.randomUUID() };
    for (const wait of CREATE_RETRIES_MS) {
      try {
        return await this.#parts.transport.request('call.create', params, body);
      } catch (error) {
        if (!(error instanceof ByonError) || !['NETWORK', 'TIMEOUT'].includes(error.code) || this.hasEnded) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
    return this.#parts.transport.request('call.create', params, body);
  }

  /** Answers the gateway's offer without the microphone, so that media is ready when the user is. @internal */
  prepare(offerSdp: string): Promise<void> {
    this.#prepared ??= this.#prepare(offerSdp);
    return this.#prepared;
  }
  async #prepare(offerSdp: string): Promise<void> {
    const media = await this.#openMedia();
    const sdp = await media.answerTo(offerSdp);
    await this.#put('InProgress', { answer: { sdp } });
    await this.#put('Ringing');
    if (this.#state === 'new') this.#setState('ringing');
  }

  /** Takes an incoming call. Other calls are put on hold first, unless the device was told not to. */
  async accept({ audio }: MediaOptions = {}): Promise<void> {
    this.#require('accept', ['new', 'ringing'], 'incoming');
    const microphone = await this.#microphone.open(audio);
    await this.#prepared;
    await this.#parts.beforeTalking(this);
    if (this.hasEnded) {
      throw new ByonError('INCOMPATIBLE_STATE', 'The call ended before it was taken.');
    }
    await this.#media?.useMicrophone(microphone);
    await this.#put('Connected');
    this.#connected();
  }

  /**
   * Refuses an incoming call.
   * @param how `busy` ends it on this device only, `declined` on all devices of the number
   */
  async reject(how: 'declined' | 'busy' = 'declined'): Promise<void> {
    this.#require('reject', ['new', 'ringing'], 'incoming');
    const status = how === 'busy' ? 'Busy' : 'Declined';
    await this.#put(status);
    this.#finish(status, 'Rejected here');
  }

  /** Ends the call in any state; ending an ended call does nothing. */
  async hangup(): Promise<void> {
    if (this.hasEnded) return;
    this.#finish('Terminated', 'Ended here');
    await this.#delete();
  }

  /** Silences the microphone, or opens it again. The other side hears nothing; the call goes on. */
  mute(on = true): void {
    this.#microphone.isMuted = on;
    this.emit('mute', on);
  }

  /** Puts the call on hold, or takes it back; other calls are put on hold then. The network may refuse. */
  async hold(on = true): Promise<void> {
    this.#require(on ? 'hold' : 'resume', [on ? 'connected' : 'held']);
    if (!on) await this.#parts.beforeTalking(this);
    await this.#inTurn(() => this.#changeHold(on));
  }
  async #changeHold(on: boolean): Promise<void> {
    this.#require(on ? 'hold' : 'resume', [on ? 'connected' : 'held']);
    const seen = this.#lastSequence;
    this.#isHeldHere = on;
    let session: SessionResource;
    try {
      session = await this.#put(on ? 'Hold' : 'Resume');
    } catch (error) {
      this.#isHeldHere = !on;
      throw error;
    }
    // Events may overtake the response: with this change, or with a later one of the other side.
    if (this.#lastSequence === seen) this.#showHold(session.status === 'Hold');
  }

  /**
   * Sends 0-9 * # A-D in the audio (RFC 4733).
   * @param options `durationMs` of each, 40 to 6000; `gapMs` between two, 30 or more
   */
  async sendDigits(digits: string, { durationMs = 100, gapMs = 70 }: { durationMs?: number; gapMs?: number } = {}): Promise<void> {
    if (!/^[0-9*#A-Da-d]{1,32}$/.test(digits)) {
      throw new ByonError('INVALID_ARGUMENT', 'Digits are 1 to 32 of 0-9 * # A-D.');
    }
    this.#require('send digits', ['earlyMedia', 'ringing', 'connected', 'held']);
    if (this.#media?.insertDigits(digits, durationMs, gapMs)) return;
    await this.#parts.transport.request('call.dtmf', { mediaSessionId: this.#idOrThrow() }, { digits: digits.toUpperCase() });
  }

  /**
   * Tells the emergency service that this call is with where the caller is now; `browserLocation()` finds it out. Fails with
   * `INCOMPATIBLE_STATE` in an ordinary call, and when the network does not take it.
   */
  async changeLocation(location: LocationDetails): Promise<void> {
    await this.#parts.transport.request('call.location', { mediaSessionId: this.#idOrThrow() }, location);
  }

  /**
   * Moves the call to the user's own phone, or another number, while it goes on. Resolves when that phone has answered; the
   * call ends here then. Fails with `TRANSFER_FAILED` when it did not, and the call goes on here. @param to as {@link Device.call}
   */
  async transfer(to: 'phone' | (string & {}) = 'phone'): Promise<void> {
    this.#require('transfer', ['connected']);
    const ended = new Promise<void>((resolve, reject) => {
      const settle = ({ state, reason }: CallEvents['transfer']) => {
        if (state === 'Started' || state === 'Ringing') return;
        off();
        if (state === 'Completed') resolve();
        else reject(new ByonError('TRANSFER_FAILED', reason ?? 'The call was not moved.'));
      };
      const offs = [this.on('transfer', settle), this.on('ended', ({ reason }) => settle({ state: 'Failed', reason }))];
      const off = () => offs.forEach((each) => each());
    });
    ended.catch(() => {});
    const body = { to: to === 'phone' ? to : this.#parts.toAddress(to) };
    await this.#parts.transport.request('call.transfer', { mediaSessionId: this.#idOrThrow() }, body);
    return ended;
  }
  /** Stops {@link transfer} before the phone has answered. */
  async cancelTransfer(): Promise<void> {
    await this.#parts.transport.request('call.transfer.cancel', { mediaSessionId: this.#idOrThrow() });
  }

  /** Changes the microphone in mid-call. @param deviceId empty: the system's default */
  async setInput(deviceId: string): Promise<void> {
    await this.#microphone.change(deviceId || undefined);
  }

  /** Changes where the call is heard. Fails with `NOT_SUPPORTED` where the browser cannot. */
  async setOutput(deviceId: string): Promise<void> {
    await this.#media?.setOutput(deviceId);
  }

  /** Renews the path to the gateway (RFC 8445 section 9) while the call goes on. Done by itself when the network changes. */
  async restartIce(): Promise<void> {
    this.#require('restart ICE', ['connected', 'held']);
    await this.#inTurn(() => this.#restartIce());
  }
  async #restartIce(): Promise<void> {
    this.#require('restart ICE', ['connected', 'held']);
    const media = this.#media as PeerMedia;
    const sdp = await media.restartOffer();
    try {
      const { answer } = await this.#put(this.#state === 'held' ? 'Hold' : 'Connected', { offer: { sdp } });
      if (!answer) throw new ByonError('BAD_RESPONSE', 'The gateway did not answer the offer.');
      if (!this.hasEnded) await media.takeAnswer(answer.sdp);
    } catch (error) {
      if (!this.hasEnded) await media.rollBack();
      // The gateway has ended the call, and the word of it was lost with the path.
      if (statusOf(error) === 404) this.#finish('Failed', 'The gateway no longer knows the call');
      throw error;
    }
  }

  /** One change of the media at a time: a renewal that overtakes a hold would take it back, two offers would get each other's answers. */
  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const done = this.#lastChange.then(change);
    this.#lastChange = done.catch(() => {});
    return done;
  }

  /** What the browser measures, now. All zero before there is media. */
  async getStats(): Promise<CallStats> {
    const report = this.#media ? await this.#media.getStats() : (new Map() as unknown as RTCStatsReport);
    return readStats(report, Date.now());
  }

  /** What the gateway measures on both legs, now. */
  async getGatewayQuality(): Promise<GatewayQuality> {
    return this.#parts.transport.request('call.quality', { mediaSessionId: this.#idOrThrow() });
  }

  /** A session-status event of this call, or its present state after a break. @internal */
  async applyStatus(data: SessionResource): Promise<void> {
    // One at a time and in order: applying an answer takes a while, and events must not overtake it.
    this.#pendingStatus.push(data);
    if (this.#pendingStatus.length > 1) return;
    for (let next = this.#pendingStatus[0]; next; next = this.#pendingStatus[0]) {
      try {
        await this.#applyStatus(next);
      } catch (error) {
        this.emit('error', asError(error));
      }
      this.#pendingStatus.shift();
    }
  }
  async #applyStatus({ status, answer, reason, sequenceNumber }: SessionResource): Promise<void> {
    if (this.hasEnded) return;
    if (sequenceNumber) {
      if (sequenceNumber <= this.#lastSequence) return;
      this.#lastSequence = sequenceNumber;
    }
    if (isEndStatus(status)) {
      this.#finish(status, reason);
      return;
    }
    if (answer?.sdp && this.direction === 'outgoing' && !this.#isAnswerApplied) {
      // Applied once: the gateway anchors the media and repeats the same answer with the final response.
      this.#isAnswerApplied = true;
      await this.#media?.takeAnswer(answer.sdp);
    }
    if (this.hasEnded) return;
    if (status === 'Ringing' && ['dialing', 'earlyMedia'].includes(this.#state)) {
      this.#setState('ringing');
      this.emit('ringing');
    } else if (status === 'InProgress' && answer?.sdp && this.#state === 'dialing') {
      this.#setState('earlyMedia');
      this.emit('earlyMedia');
    } else if (status === 'Hold') {
      if (this.#state !== 'connected' && this.direction === 'outgoing') this.#connected();
      this.#showHold(true);
    } else if (status === 'Connected' || status === 'Resume') {
      if (this.#state === 'held') this.#showHold(false);
      else if (this.direction === 'outgoing') this.#connected();
    }
  }

  /** @internal */
  applyDigit({ digit, durationMs }: DtmfEventData): void {
    this.emit('digit', { digit, durationMs });
  }

  /** @internal */
  applyEmergency(what: EmergencyEventData['what']): void {
    if (what === 'use-phone') return;  // the end says so in words
    const kind = what === 'routed' ? 'call' : what;
    if (this.#emergency === kind) return;
    this.#emergency = kind;
    if (kind !== 'call') this.emit('emergency', kind);
  }

  /** @internal */
  applyTransfer({ state, reason }: TransferEventData): void {
    this.emit('transfer', { state, reason });
  }

  /** @internal */
  applyReferral({ state, target, reason }: ReferralEventData): void {
    if (state === 'Completed') {
      this.#peer = target;
      this.#peerName = this.#peerIdentity = undefined;
    }
    this.emit('referral', { state, target, reason });
  }

  /** The network under the browser has changed. @internal */
  networkChanged(): void {
    if (this.#state === 'connected' || this.#state === 'held') this.#path?.restartNow();
  }

  /** The registration is gone, or the page closes. @internal */
  abandon(reason: string): void {
    this.#finish('Terminated', reason);
  }

  #connected(): void {
    if (this.hasEnded || this.#state === 'connected') return;
    this.#connectedAt ??= Date.now();
    this.#setState('connected');
    this.emit('connected');
    this.#sampleTimer ??= setInterval(() => void this.#sample(), SAMPLE_MS);
  }

  #showHold(isHeld: boolean): void {
    if (isHeld && this.#state === 'connected') {
      this.#setState('held');
      this.emit('held', { by: this.#isHeldHere ? 'local' : 'remote' });
    } else if (!isHeld && this.#state === 'held') {
      this.#isHeldHere = false;
      this.#setState('connected');
      this.emit('resumed');
    }
  }

  async #openMedia(): Promise<PeerMedia> {
    const { platform, playsAudio, iceServers, audio } = this.#parts;
    const media = new PeerMedia(platform, { iceServers: await iceServers(), playsAudio });
    if (this.hasEnded) {
      media.close();
      throw new ByonError('INCOMPATIBLE_STATE', 'The call has ended.');
    }
    this.#media = media;
    this.#path = new PathKeeper({
      restart: () => this.restartIce(),
      mayRestart: () => this.#state === 'connected' || this.#state === 'held',
    });
    media.on('stream', (stream) => this.emit('remoteStream', stream));
    media.on('path', (path) => this.#path?.pathIs(path));
    this.#path.on('lost', () => this.emit('reconnecting'));
    this.#path.on('back', () => this.emit('reconnected'));
    this.#path.on('givenUp', () => {
      // A call that rings here shall ring on elsewhere: deleting it would decline it for the user.
      const isRingingHere = this.direction === 'incoming' && this.#connectedAt === undefined;
      this.#finish('Failed', 'The connection to the gateway was lost');
      void (isRingingHere ? this.#put('Busy') : this.#delete()).catch(() => {});
    });
    if (audio.outputId) await media.setOutput(audio.outputId).catch((error: unknown) => this.emit('error', asError(error)));
    return media;
  }

  async #sample(): Promise<void> {
    if (this.#state !== 'connected' && this.#state !== 'held') return;
    const outcome = this.#monitor.feed(await this.getStats(), { isHeld: this.#state === 'held', isMuted: this.isMuted });
    if (!outcome || this.hasEnded) return;
    this.emit('quality', outcome.sample);
    for (const warning of outcome.raised) this.emit('warning', warning);
    for (const warning of outcome.cleared) this.emit('warningCleared', warning);
  }

  #put(status: SessionResource['status'], description: { offer?: { sdp: string }; answer?: { sdp: string } } = {}): Promise<SessionResource> {
    return this.#parts.transport.request('call.status', { mediaSessionId: this.#idOrThrow() }, { status, ...description });
  }
  async #delete(): Promise<void> {
    if (!this.#id) return;
    await this.#parts.transport.request('call.delete', { mediaSessionId: this.#id }).catch((error: unknown) => {
      if (statusOf(error) !== 404) throw error;
    });
  }
  #idOrThrow(): string {
    if (!this.#id) throw new ByonError('INCOMPATIBLE_STATE', 'The gateway has not taken the call yet.');
    return this.#id;
  }

  #require(what: string, states: CallState[], direction?: 'incoming'): void {
    if ((direction && direction !== this.direction) || !states.includes(this.#state)) {
      throw new ByonError('INCOMPATIBLE_STATE', `One cannot ${what} while this ${this.direction} call is ${this.#state}.`);
    }
  }

  #setState(state: CallState): void {
    this.#state = state;
    this.emit('state', state);
  }

  #finish(status: EndStatus, reason: string | undefined): void {
    if (this.hasEnded) return;
    this.#endedAt = Date.now();
    this.#endStatus = status;
    this.#endReason = reason;
    clearInterval(this.#sampleTimer);
    this.#path?.close();
    this.#microphone.close();
    this.#media?.close();
    this.#setState('ended');
    this.emit('ended', { status, reason });
  }
}
