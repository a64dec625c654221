import { AudioDevices } from './audio_devices.js';
import { Call, type MediaOptions } from './call.js';
import { Emitter } from './emitter.js';
import { asError, ByonError } from './error.js';
import { IceServers } from './ice_servers.js';
import { watchNetwork } from './network_watch.js';
import { completePlatform, type Platform } from './platform.js';
import type { Transport } from './transport.js';
import { WebSocketTransport } from './web_socket_transport.js';
import type { CloudEvent, DtmfEventData, SessionResource, Visit } from './wire.js';

const STATUS_EVENT = 'org.camaraproject.webrtc-events-subscriptions.v0.session-status';
const DIGIT_EVENT = 'org.byon-gateway.events.v1.dtmf-received';
/** Events may overtake the answer to the request that made their call: so many are kept until it comes. */
const MOST_EARLY_EVENTS = 16;
/** The connection outlives its call so long, for the last words. */
const CLOSE_MS = 3000;

/** How to make a {@link ClickToCall}. */
export interface ClickToCallOptions {
  /** Base URL of the gateway; default: the page's own origin. */
  gateway?: string;
  /** A visitor's token, as the business's server got it from the gateway. This or `getToken` is required. */
  token?: string;
  /** Gives a fresh token; asked once before each call. */
  getToken?: () => Promise<string>;
  /** How to reach the gateway, where it shall not be one WebSocket for all. */
  transport?: Transport;
  /** TURN servers for browsers behind firewalls; default: those that the gateway names. */
  iceServers?: RTCIceServer[];
  /** False: the page plays `call.remoteStream` itself. */
  playsAudio?: boolean;
  platform?: Platform;
}

/** Events of a {@link ClickToCall}. */
export interface ClickToCallEvents {
  /** A call is on its way; it may still fail before {@link ClickToCall.call} resolves. */
  call: Call;
  /** The gateway cannot be reached; a call that is connected goes on. */
  reconnecting: undefined;
  reconnected: undefined;
  /** Something failed that no promise tells of. */
  error: Error;
}

/**
 * Calls a business from its web page, by a visitor who has no number of his own: the token says who is called, and the
 * network shows the callee one of the business's numbers. No sign-in, no registration, one call at a time.
 * @example
 * const line = new ClickToCall({ gateway: 'https://gateway.example', getToken: () => fetch('/call-token', { method: 'POST' }).then((r) => r.text()) });
 * const call = await line.call();
 * call.on('connected', () => console.log('talking'));
 */
export class ClickToCall extends Emitter<ClickToCallEvents> {
  readonly #options: ClickToCallOptions;
  readonly #platform: Platform;
  readonly #transport: Transport;
  readonly #iceServers: IceServers;
  readonly #stopWatching: () => void;
  readonly #deviceId = crypto.randomUUID();
  #token: string | undefined;
  #visit: Visit | undefined;
  #call: Call | undefined;
  #early: SessionResource[] = [];
  #isOpen = false;
  #isDown = false;
  #isStarting = false;
  #isDestroyed = false;

  /** Microphones and speakers. */
  readonly audio: AudioDevices;

  /** Fails with `INVALID_ARGUMENT` when neither `token` nor `getToken` is given. */
  constructor(options: ClickToCallOptions) {
    super();
    if (!options.token && !options.getToken) throw new ByonError('INVALID_ARGUMENT', 'Give a token or getToken.');
    this.#options = options;
    this.#platform = completePlatform(options.platform);
    this.audio = new AudioDevices(this.#platform, async (kind, id) => {
      await (kind === 'input' ? this.#call?.setInput(id) : this.#call?.setOutput(id));
    });
    this.#transport = options.transport ?? new WebSocketTransport({
      gateway: options.gateway ?? globalThis.location?.origin,
      getToken: async () => this.#token as string,
      WebSocket: this.#platform.WebSocket,
    });
    this.#iceServers = new IceServers(this.#transport, options.iceServers);
    this.#listen();
    this.#stopWatching = watchNetwork((hasChanged) => {
      this.#transport.hurry();
      if (hasChanged) this.#call?.networkChanged();
    });
  }

  /** The call that has not ended. */
  get current(): Call | undefined {
    return this.#call;
  }
  /** What the token of the last call was for; undefined before. */
  get visit(): Visit | undefined {
    return this.#visit;
  }

  /**
   * Calls the business. Resolves when the gateway has taken the call; follow the rest by the call's events. Fails with
   * `UNAUTHENTICATED` (the token is over), `INVALID_TOKEN_CONTEXT` (its calls are used up), `TOO_MANY_REQUESTS`, `QUOTA_EXCEEDED` or
   * `UNAVAILABLE` (all lines are busy; `retryAfterSeconds` says when to try again), `MICROPHONE`.
   */
  async call(options: MediaOptions = {}): Promise<Call> {
    if (this.#call || this.#isStarting) throw new ByonError('INCOMPATIBLE_STATE', 'A call goes on already.');
    this.#isStarting = true;
    try {
      await this.#open();
      this.#checkWanted();
      const call = this.#makeCall(this.#visit as Visit);
      this.#call = call;
      this.#early = [];
      this.emit('call', call);
      await call.dial(options);
      for (const data of this.#early.splice(0)) if (data.mediaSessionId === call.id) void call.applyStatus(data);
      return call;
    } catch (error) {
      this.#call = undefined;
      this.#close();
      throw error;
    } finally {
      this.#isStarting = false;
    }
  }

  /** Ends the call and everything else at once. */
  destroy(): void {
    this.#isDestroyed = true;
    const call = this.#call;
    this.#stopWatching();
    this.audio.close();
    // The hang-up is on its way before the connection closes.
    void call?.hangup().catch(() => {});
    this.#close();
  }

  async #open(): Promise<void> {
    // The connection of the call before would speak for its token.
    if (this.#isOpen) this.#close();
    this.#token = this.#options.getToken ? await this.#options.getToken() : this.#options.token;
    this.#checkWanted();
    await this.#transport.connect(this.#deviceId);
    this.#checkWanted();
    await this.#transport.listen(undefined);
    this.#checkWanted();
    this.#isOpen = true;
    this.#isDown = false;
    this.#visit = await this.#transport.request('visit.get', {});
  }
  // Nobody is called, and no microphone opened, after the user has given up.
  #checkWanted(): void {
    if (this.#isDestroyed) throw new ByonError('ABORTED', 'Given up before the call was made.');
  }
  #close(): void {
    this.#isOpen = false;
    this.#transport.close();
  }

  #makeCall({ receiverAddress, name }: Visit): Call {
    const call = new Call({
      transport: this.#transport, platform: this.#platform, audio: this.audio,
      playsAudio: this.#options.playsAudio ?? true,
      iceServers: () => this.#iceServers.get(),
      toAddress: (number) => number,
      beforeTalking: async () => {},
      direction: 'outgoing', peer: receiverAddress, peerName: name,
    });
    call.on('error', (error) => this.emit('error', error));
    call.on('ended', () => {
      if (this.#call !== call) return;
      this.#call = undefined;
      // What ends the call here is still to be told to the gateway.
      setTimeout(() => !this.#call && !this.#isStarting && this.#close(), CLOSE_MS);
    });
    return call;
  }

  #listen(): void {
    const transport = this.#transport;
    transport.on('event', (event) => this.#handle(event));
    transport.on('gap', () => void this.#recover());
    transport.on('gone', () => this.#call?.abandon('The gateway has ended the connection'));
    transport.on('down', () => {
      if (!this.#isOpen || this.#isDown) return;
      this.#isDown = true;
      this.emit('reconnecting');
    });
    transport.on('up', () => {
      if (!this.#isOpen || !this.#isDown) return;
      this.#isDown = false;
      this.emit('reconnected');
      void this.#recover();
    });
  }

  #handle({ type, data }: CloudEvent): void {
    if (type === DIGIT_EVENT) {
      this.#call?.applyDigit(data as DtmfEventData);
      return;
    }
    if (type !== STATUS_EVENT) return;
    const status = data as SessionResource;
    if (this.#call?.id === status.mediaSessionId) void this.#call.applyStatus(status);
    else this.#early = [...this.#early, status].slice(-MOST_EARLY_EVENTS);
  }

  /** After a break: a call that has ended meanwhile ends here. */
  async #recover(): Promise<void> {
    const call = this.#call;
    if (!call?.id) return;
    try {
      const sessions = await this.#transport.request('call.list', { deviceId: this.#deviceId });
      const session = sessions.find(({ mediaSessionId }) => mediaSessionId === call.id);
      if (!session) return call.abandon('Ended while disconnected');
      const { sequenceNumber: _, ...present } = session;
      await call.applyStatus(present);
    } catch (error) {
      this.emit('error', asError(error));
    }
  }
}
