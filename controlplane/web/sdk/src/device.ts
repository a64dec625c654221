import { toAddress } from './address.js';
import { AudioDevices } from './audio_devices.js';
import { Call, type MediaOptions } from './call.js';
import { storedDeviceId } from './device_id.js';
import { Emitter } from './emitter.js';
import { emergencyAddress } from './emergency.js';
import { asError, ByonError, statusOf } from './error.js';
import { IceServers } from './ice_servers.js';
import { Inbox, type MessageOptions, type MessageQuery } from './messages.js';
import { watchNetwork } from './network_watch.js';
import { completePlatform, type Platform } from './platform.js';
import { type PreflightOptions, type PreflightReport, runPreflight } from './preflight.js';
import { type PushOptions, subscribe } from './push.js';
import { RestTransport } from './rest_transport.js';
import type { Transport } from './transport.js';
import { WebSocketTransport } from './web_socket_transport.js';
import type {
  CallElsewhere, CallerIdentity, CloudEvent, DtmfEventData, EmergencyEventData, ListedSession, LocationDetails, Message, Presence, PushSubscriptionBody, ReferralEventData, RegistrationEndsData, RegistrationResource,
  SessionResource, TransferEventData,
} from './wire.js';

const REFRESH_BEFORE_EXPIRY_MS = 120_000;
const FIRST_ENDING_WAIT_MS = 100;
const MOST_ENDING_WAIT_MS = 3_200;
/** A gateway that restores a million registrations needs minutes. */
const MOST_LIST_ATTEMPTS = 600;
const REFRESH_RETRY_MS = 10_000;
const EVENT_PREFIX = 'org.camaraproject.webrtc-events-subscriptions.v0.';
const TRANSFER_EVENT = 'org.byon-gateway.events.v1.transfer';
const REFERRAL_EVENT = 'org.byon-gateway.events.v1.referral';
const EMERGENCY_EVENT = 'org.byon-gateway.events.v1.emergency';
const DIGIT_EVENT = 'org.byon-gateway.events.v1.dtmf-received';
const PRESENCE_EVENT = 'org.byon-gateway.events.v1.presence-changed';
/** Events may overtake the answer to the request that made their call: so many are kept until it comes. */
const MOST_UNCLAIMED_CALLS = 64;
const MOST_UNCLAIMED_EVENTS = 16;

/** How to make a {@link Device}. */
export interface DeviceOptions {
  /** Base URL of the gateway; default: the page's own origin. */
  gateway?: string;
  /** UUID of this device, stable across visits; default: made once and kept in localStorage. */
  deviceId?: string;
  /** OAuth access token. This or `getToken` is required. */
  token?: string;
  /** Gives a good access token; asked before every request. */
  getToken?: () => Promise<string>;
  /** How to reach the gateway: REST and an event WebSocket (default), one WebSocket for all, or one's own. */
  transport?: 'rest' | 'websocket' | Transport;
  /** TURN servers for browsers behind firewalls; default: those that the gateway names. */
  iceServers?: RTCIceServer[];
  /** False: the page plays `call.remoteStream` itself. */
  playsAudio?: boolean;
  /** False: several calls may talk at once; default: others are put on hold. */
  holdsOthers?: boolean;
  /** For local digits (`118`): the country or network they belong to, e.g. `+34`. */
  phoneContext?: string;
  /** Numbers of emergency services that may be typed as they are (`091`), besides 112 and 911; see `SignIn.config.emergency.numbers`. */
  emergencyNumbers?: readonly string[];
  logger?: Pick<Console, 'debug'>;
  platform?: Platform;
}

/** Events of a {@link Device}. */
export interface DeviceEvents {
  registered: { phoneNumber: string };
  unregistered: {
    /** `here`: asked for; `replaced`: another page of this device took over; `ended`: by gateway or network. */
    cause: 'here' | 'replaced' | 'ended';
    reason: string;
  };
  /** A call rings here. */
  incoming: Call;
  /** Any new call, either way. */
  call: Call;
  /** A text message for the user's number, told once. */
  message: Message;
  /** What became of a message, sent from or read on any device of the number. */
  messageStatus: Message;
  /** The user's own number or a watched one begins or ends to be on the phone. */
  presence: Presence;
  /** The gateway cannot be reached; calls go on, new ones cannot be made. */
  reconnecting: undefined;
  reconnected: undefined;
  /** Get a fresh token, then call {@link Device.updateToken}. */
  tokenWillExpire: undefined;
  /** Something failed that no promise tells of. */
  error: Error;
}

/** How to make a call. */
export interface CallOptions extends MediaOptions {
  displayName?: string;
  /** Withhold the number (CLIR). Emergency services see it all the same. */
  anonymous?: boolean;
  /** Where the caller is: told to an emergency service, and to nobody else. {@link browserLocation} finds it out. */
  location?: LocationDetails;
}

/** A telephone in the browser: registers the user's number, makes and takes calls. */
export class Device extends Emitter<DeviceEvents> {
  readonly #options: DeviceOptions;
  readonly #platform: Platform;
  readonly #transport: Transport;
  readonly #iceServers: IceServers;
  #token: string | undefined;
  #registration: RegistrationResource | undefined;
  #registering: Promise<void> | undefined;
  #refreshTimer: ReturnType<typeof setTimeout> | undefined;
  #isDown = false;
  readonly #calls = new Map<string, Call>();
  #push: PushSubscriptionBody | undefined;
  readonly #unclaimed = new Map<string, SessionResource[]>();
  readonly #stopWatching: () => void;
  readonly #inbox: Inbox;

  /** UUID of this device, as the gateway knows it. */
  readonly deviceId: string;
  /** Microphones and speakers. */
  readonly audio: AudioDevices;

  /** Fails with `INVALID_ARGUMENT` when neither `token` nor `getToken` is given. */
  constructor(options: DeviceOptions) {
    super();
    if (!options.token && !options.getToken) throw new ByonError('INVALID_ARGUMENT', 'Give a token or getToken.');
    this.#options = options;
    this.#token = options.token;
    this.#platform = completePlatform(options.platform);
    this.deviceId = options.deviceId ?? storedDeviceId();
    this.audio = new AudioDevices(this.#platform, async (kind, id) => {
      await Promise.all(this.calls.map((call) => (kind === 'input' ? call.setInput(id) : call.setOutput(id))));
    });
    const gateway = options.gateway ?? globalThis.location?.origin;
    const parts = { gateway, getToken: () => this.#getToken(), fetch: this.#platform.fetch, WebSocket: this.#platform.WebSocket };
    const { transport = 'rest' } = options;
    this.#transport =
      transport === 'rest' ? new RestTransport(parts) : transport === 'websocket' ? new WebSocketTransport(parts) : transport;
    this.#iceServers = new IceServers(this.#transport, options.iceServers);
    this.#inbox = new Inbox(this.#transport, (message) => this.emit('message', message), (message) => this.emit('messageStatus', message));
    this.#listen();
    this.#stopWatching = watchNetwork((hasChanged) => {
      this.#transport.hurry();
      if (hasChanged) for (const call of this.calls) call.networkChanged();
    });
  }

  /** The registered number, e.g. `+34600000001`. */
  get phoneNumber(): string | undefined {
    return this.#registration?.regInfo.phoneNumber;
  }
  get isRegistered(): boolean {
    return this.#registration !== undefined;
  }
  /** False while the gateway cannot be reached. */
  get isConnected(): boolean {
    return this.#registration !== undefined && !this.#isDown;
  }
  /** All calls that have not ended, oldest first. */
  get calls(): Call[] {
    return [...this.#calls.values()];
  }

  /** Registers the number of the token, or takes up this device's registration that is still alive. */
  register(): Promise<void> {
    this.#registering ??= this.#register().finally(() => {
      this.#registering = undefined;
    });
    return this.#registering;
  }

  /** Ends all calls, takes the number off this device and closes the event channel. */
  async unregister(): Promise<void> {
    await this.#registering?.catch(() => {});
    const registration = this.#registration;
    if (!registration) return;
    await Promise.allSettled(this.calls.map((call) => call.hangup()));
    try {
      await this.#transport.request('registration.delete', { registrationId: registration.registrationId });
    } catch (error) {
      if (statusOf(error) !== 404) throw error;
    } finally {
      this.#leave('here', 'Unregistered here');
    }
  }

  /**
   * Calls a number. Resolves when the gateway has taken the call; follow the rest by the call's events.
   * Where the operator takes no emergency calls it fails with `CALLTYPE_EMERGENCY_NOT_SUPPORTED`: tell the user to use the phone.
   * @param to `+34600000002`, `tel:...`, `sip:...`, `112`, `urn:service:sos`, or local digits where `phoneContext` was given
   */
  async call(to: string, options: CallOptions = {}): Promise<Call> {
    const peer = emergencyAddress(to, this.#options.emergencyNumbers) ?? toAddress(to, this.#options.phoneContext);
    if (!this.#registration) throw new ByonError('NOT_REGISTERED', 'Register first.');
    const call = this.#makeCall({ direction: 'outgoing', peer });
    this.emit('call', call);
    await this.#holdOthers(call);
    await call.dial(options);
    this.#claim(call);
    return call;
  }

  /** The user's calls that could go on here: those on his phone, and those on his other devices. */
  callsElsewhere(): Promise<CallElsewhere[]> {
    return this.#transport.request('call.elsewhere', { deviceId: this.deviceId });
  }
  /** Goes on here with one of {@link callsElsewhere}; it is `connected` when the other side has followed. */
  async pull({ mediaSessionId, direction, originatorAddress, receiverAddress }: CallElsewhere, options: MediaOptions = {}): Promise<Call> {
    if (!this.#registration) throw new ByonError('NOT_REGISTERED', 'Register first.');
    const call = this.#makeCall({ direction: 'outgoing', peer: direction === 'originating' ? receiverAddress : originatorAddress });
    this.emit('call', call);
    await this.#holdOthers(call);
    await call.pull(mediaSessionId, options);
    this.#claim(call);
    return call;
  }

  /** The gateway has named the call: what it has said of it already is heard now. */
  #claim(call: Call): void {
    const id = call.id as string;
    if (!call.hasEnded) this.#calls.set(id, call);
    for (const data of this.#unclaimed.get(id) ?? []) void call.applyStatus(data);
    this.#unclaimed.delete(id);
  }

  /** Sends a text. Resolves when the gateway has it; follow the rest by `messageStatus`. @param to as in {@link Device.call} */
  async sendMessage(to: string, text: string, options: MessageOptions = {}): Promise<Message> {
    const address = toAddress(to, this.#options.phoneContext);
    if (!this.#registration) throw new ByonError('NOT_REGISTERED', 'Register first.');
    const { registrationId } = this.#registration;
    return this.#transport.request('message.send', { idempotencyKey: crypto.randomUUID() }, { to: address, text, registrationId, ...options });
  }
  /** The number's messages, newest first. */
  messages({ peer, before, limit }: MessageQuery = {}): Promise<Message[]> {
    return this.#transport.request('message.list', {
      ...(peer ? { peer: toAddress(peer, this.#options.phoneContext) } : {}), ...(before ? { before } : {}), ...(limit ? { limit: String(limit) } : {}),
    });
  }
  /** This message and all earlier ones of the same sender have been read. */
  async markRead(messageId: string): Promise<void> {
    await this.#transport.request('message.read', { messageId });
  }
  /** Forgets a message on all devices of the number. */
  async deleteMessage(messageId: string): Promise<void> {
    await this.#transport.request('message.delete', { messageId });
  }

  /** Who is on the phone: the user's number on all its devices, and the watched ones. */
  presence(): Promise<{ own: Presence; watched: Presence[] }> {
    return this.#transport.request('presence.list', {});
  }
  /** Watches a number until {@link Device.unwatch}; `presence` tells of changes. */
  watch(number: string): Promise<Presence> {
    return this.#transport.request('presence.watch', { number });
  }
  async unwatch(number: string): Promise<void> {
    await this.#transport.request('presence.unwatch', { number });
  }

  /** After the access token was renewed: registration and event channel live on. @param token without `getToken` only */
  async updateToken(token?: string): Promise<void> {
    if (token) this.#token = token;
    await this.#transport.renewToken();
    await this.#refresh();
  }

  /**
   * Lets calls ring while no page is open: the browser's push service wakes the page's service worker. Ask in answer to a click:
   * the browser wants the user's permission. Fails with `NOT_SUPPORTED` where browser or gateway cannot.
   */
  async enablePush(options: PushOptions = {}): Promise<void> {
    await this.setPush(await subscribe(this.#options.gateway ?? globalThis.location.origin, options, this.#platform.fetch));
  }
  /** The same where an app has a push token of its own, or to take it away. Holds for later registrations too. */
  async setPush(subscription: PushSubscriptionBody | undefined): Promise<void> {
    if (!this.#registration) throw new ByonError('NOT_REGISTERED', 'Register first.');
    const { registrationId } = this.#registration;
    if (!subscription) {
      await this.#transport.request('push.delete', { registrationId }).catch((error: unknown) => {
        if (statusOf(error) !== 404) throw error;
      });
    } else {
      const { expiresAt } = await this.#transport.request('push.set', { registrationId }, subscription);
      if (this.#registration?.registrationId === registrationId) this.#registration = { ...this.#registration, expiresAt };
      this.#scheduleRefresh();
    }
    this.#push = subscription;
  }

  /** The page was woken: a connection that died in its sleep is found and made anew at once. */
  wake(): void {
    this.#transport.hurry();
  }

  /** Tries browser, gateway, event channel, microphone and network; with `testCallTo` a whole call too. */
  runPreflight(options: PreflightOptions = {}): Promise<PreflightReport> {
    return runPreflight(options, { device: this, transport: this.#transport, platform: this.#platform });
  }

  /** Ends everything at once, without telling the gateway: the registration stays until it expires. */
  destroy(): void {
    this.#leave('here', 'Destroyed');
    this.#transport.close();
    this.#stopWatching();
    this.audio.close();
  }

  async #register(): Promise<void> {
    if (this.#registration) return;
    await this.#transport.connect(this.deviceId);
    const registration = await this.#create();
    this.#registration = registration;
    this.#isDown = false;
    try {
      await this.#transport.listen(registration.channelUrl);
      this.#scheduleRefresh();
      // Asked for now, so that no call has to wait for the answer.
      void this.#iceServers.get();
      await this.#recoverCalls({ isFresh: true });
    } catch (error) {
      this.#registration = undefined;
      clearTimeout(this.#refreshTimer);
      this.#transport.close();
      throw error;
    }
    this.emit('registered', { phoneNumber: registration.regInfo.phoneNumber });
    // A new registration knows nothing of the old one's subscription.
    if (this.#push) await this.setPush(this.#push).catch((error: unknown) => this.emit('error', asError(error)));
  }

  /** Anew, or this device's registration that is still alive; one that is just ending is waited for. */
  async #create(): Promise<RegistrationResource> {
    for (let wait = FIRST_ENDING_WAIT_MS; ; wait *= 2) {
      try {
        return await this.#transport.request('registration.create', {}, { deviceId: this.deviceId });
      } catch (error) {
        if (!(error instanceof ByonError) || error.code !== 'ALREADY_EXISTS' || wait > MOST_ENDING_WAIT_MS) throw error;
      }
      const [existing] = await this.#transport.request('registration.list', { deviceId: this.deviceId });
      if (existing) {
        try {
          return { ...existing, ...(await this.#transport.request('registration.update', { registrationId: existing.registrationId }, {})) };
        } catch (error) {
          if (statusOf(error) !== 404) throw error;
        }
      }
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }

  /**
   * The calls of this device. A gateway that has just been started may have to read them first: it is asked again for as long
   * as it says so. Nothing when the connection broke meanwhile, after which somebody asks again anyway.
   */
  async #listCalls(): Promise<ListedSession[] | undefined> {
    for (let attempt = 1; ; ++attempt) {
      try {
        return await this.#transport.request('call.list', { deviceId: this.deviceId });
      } catch (error) {
        const isBusy = error instanceof ByonError && error.status === 503 && attempt < MOST_LIST_ATTEMPTS;
        if (!isBusy) throw error;
        await new Promise((resolve) => setTimeout(resolve, 1000 * (error.retryAfterSeconds ?? 1)));
        if (this.#isDown || !this.#registration) return undefined;
      }
    }
  }

  #listen(): void {
    const transport = this.#transport;
    const report = (error: unknown) => this.emit('error', asError(error));
    transport.on('event', (event) => this.#handleEvent(event));
    transport.on('tokenExpiring', () => this.emit('tokenWillExpire'));
    transport.on('gap', () => {
      void this.#recoverCalls().catch(report);
      void this.#inbox.recover().catch(report);
    });
    transport.on('gone', ({ reason }) => {
      if (reason !== 'replaced') return this.#leave('ended', 'The registration has ended');
      const { calls } = this;
      this.#leave('replaced', 'Another page took over', { keepsCalls: true });
      for (const call of calls) call.hangup().catch(report);
    });
    transport.on('down', () => {
      if (!this.#registration || this.#isDown) return;
      this.#isDown = true;
      this.emit('reconnecting');
    });
    transport.on('up', () => {
      if (!this.#isDown) return;
      this.#isDown = false;
      this.emit('reconnected');
      this.#recoverCalls().catch(report);
    });
  }

  #makeCall(parts: { direction: 'outgoing' | 'incoming'; peer: string; peerName?: string | undefined; peerIdentity?: CallerIdentity | undefined; id?: string }): Call {
    const { registrationId, regInfo } = this.#registration as RegistrationResource;
    const call = new Call({
      transport: this.#transport, platform: this.#platform, audio: this.audio,
      registration: { registrationId, phoneNumber: regInfo.phoneNumber },
      playsAudio: this.#options.playsAudio ?? true,
      iceServers: () => this.#iceServers.get(),
      toAddress: (number) => toAddress(number, this.#options.phoneContext),
      beforeTalking: (talking) => this.#holdOthers(talking),
      ...parts,
    });
    call.on('ended', () => {
      if (call.id) this.#calls.delete(call.id);
    });
    call.on('error', (error) => this.emit('error', error));
    return call;
  }

  async #holdOthers(talking: Call): Promise<void> {
    if (this.#options.holdsOthers === false) return;
    const others = this.calls.filter((call) => call !== talking && call.state === 'connected');
    await Promise.all(others.map((call) => call.hold().catch((error: unknown) => this.emit('error', asError(error)))));
  }

  #handleEvent(event: CloudEvent): void {
    this.#options.logger?.debug('event', event.type, (event.data as { status?: string } | undefined)?.status);
    switch (event.type) {
      case `${EVENT_PREFIX}session-invitation`:
        this.#handleInvitation(event.data as SessionResource);
        break;
      case `${EVENT_PREFIX}session-status`:
        this.#handleStatus(event.data as SessionResource);
        break;
      case `${EVENT_PREFIX}registration-ends`: {
        const { registrationId, terminationReason, terminationDescription } = event.data as RegistrationEndsData;
        if (registrationId === this.#registration?.registrationId) this.#leave('ended', terminationDescription ?? terminationReason);
        break;
      }
      case TRANSFER_EVENT: {
        const data = event.data as TransferEventData;
        this.#calls.get(data.mediaSessionId)?.applyTransfer(data);
        break;
      }
      case REFERRAL_EVENT: {
        const data = event.data as ReferralEventData;
        this.#calls.get(data.mediaSessionId)?.applyReferral(data);
        break;
      }
      case EMERGENCY_EVENT: {
        const data = event.data as EmergencyEventData;
        this.#calls.get(data.mediaSessionId)?.applyEmergency(data.what);
        break;
      }
      case PRESENCE_EVENT:
        this.emit('presence', event.data as Presence);
        break;
      case DIGIT_EVENT: {
        const data = event.data as DtmfEventData;
        this.#calls.get(data.mediaSessionId)?.applyDigit(data);
        break;
      }
      default:
        this.#inbox.handle(event);
    }
  }

  #handleStatus(data: SessionResource): void {
    const call = this.#calls.get(data.mediaSessionId);
    if (call) {
      void call.applyStatus(data);
      return;
    }
    const waiting = this.#unclaimed.get(data.mediaSessionId) ?? [];
    this.#unclaimed.set(data.mediaSessionId, [...waiting, data].slice(-MOST_UNCLAIMED_EVENTS));
    if (this.#unclaimed.size > MOST_UNCLAIMED_CALLS) this.#unclaimed.delete(this.#unclaimed.keys().next().value as string);
  }

  #handleInvitation(session: SessionResource): void {
    const { mediaSessionId: id, offer, originatorAddress: peer, originatorName: peerName, originatorIdentity: peerIdentity } = session;
    if (this.#calls.has(id) || !offer?.sdp || !this.#registration) return;
    const call = this.#makeCall({ direction: 'incoming', id, peer, peerName, peerIdentity });
    this.#calls.set(id, call);
    call.prepare(offer.sdp).catch((error: unknown) => {
      if (call.hasEnded) return;
      call.abandon(asError(error).message);
      this.emit('error', asError(error));
    });
    this.emit('call', call);
    this.emit('incoming', call);
  }

  /**
   * After a break: calls that ended meanwhile end here, invitations that came meanwhile ring here. A page that just
   * opened ends what a page before it has left: its media went with it.
   */
  async #recoverCalls({ isFresh = false } = {}): Promise<void> {
    const sessions = await this.#listCalls();
    if (!sessions) return;
    const alive = new Map(sessions.map((session) => [session.mediaSessionId, session]));
    for (const call of this.calls) {
      const session = alive.get(call.id as string);
      if (!session) {
        call.abandon('Ended while disconnected');
        continue;
      }
      const { sequenceNumber: _, emergency, ...present } = session;
      if (emergency) call.applyEmergency(emergency === 'call' ? 'routed' : emergency);
      void call.applyStatus(present);
    }
    for (const session of sessions) {
      if (this.#calls.has(session.mediaSessionId)) continue;
      const isRinging = session.direction === 'terminating' && ['Initial', 'InProgress', 'Ringing'].includes(session.status);
      if (isRinging && !session.answer) this.#handleInvitation(session);
      else if (isFresh) await this.#endOrphan(session, isRinging).catch((error: unknown) => this.emit('error', asError(error)));
    }
  }
  async #endOrphan({ mediaSessionId }: ListedSession, isRinging: boolean): Promise<void> {
    try {
      // Busy, so that the number's other devices ring on.
      if (isRinging) await this.#transport.request('call.status', { mediaSessionId }, { status: 'Busy' });
      else await this.#transport.request('call.delete', { mediaSessionId });
    } catch (error) {
      if (![404, 409].includes(statusOf(error))) throw error;
    }
  }

  #scheduleRefresh(): void {
    if (!this.#registration) return;
    clearTimeout(this.#refreshTimer);
    const life = Date.parse(this.#registration.expiresAt) - Date.now();
    const wait = Math.max(life > 2 * REFRESH_BEFORE_EXPIRY_MS ? life - REFRESH_BEFORE_EXPIRY_MS : life / 2, 1000);
    this.#refreshTimer = setTimeout(() => void this.#refresh(), Math.min(wait, 2 ** 31 - 1));
  }

  async #refresh(): Promise<void> {
    const registrationId = this.#registration?.registrationId;
    if (!registrationId) return;
    try {
      const fresh = await this.#transport.request('registration.update', { registrationId }, {});
      if (this.#registration?.registrationId !== registrationId) return;
      this.#registration = { ...this.#registration, ...fresh };
      this.#scheduleRefresh();
    } catch (error) {
      if (statusOf(error) === 404) return this.#leave('ended', 'The registration has expired');
      this.emit('error', asError(error));
      clearTimeout(this.#refreshTimer);
      this.#refreshTimer = setTimeout(() => void this.#refresh(), REFRESH_RETRY_MS);
    }
  }

  #leave(cause: DeviceEvents['unregistered']['cause'], reason: string, { keepsCalls = false } = {}): void {
    if (!this.#registration) return;
    this.#registration = undefined;
    this.#isDown = false;
    clearTimeout(this.#refreshTimer);
    this.#transport.close();
    if (!keepsCalls) for (const call of this.calls) call.abandon(reason);
    this.emit('unregistered', { cause, reason });
  }

  async #getToken(): Promise<string> {
    return this.#options.getToken ? this.#options.getToken() : (this.#token as string);
  }
}
