import { GatewayApi } from './api.js';
import { Call } from './call.js';
import { EventChannel } from './channel.js';
import { Emitter } from './emitter.js';
import { ByonError } from './error.js';

export { Call, ByonError };

const REFRESH_BEFORE_EXPIRY_MS = 120_000;
const EVENT_PREFIX = 'org.camaraproject.webrtc-events-subscriptions.v0.';

/**
 * A telephone line in the browser: registers the user's number, makes and takes calls.
 *
 * Events: `registered`, `unregistered` ({reason}), `incoming` (Call), `call` (Call, either way),
 * `reconnecting`, `reconnected`, `tokenWillExpire`, `error` (ByonError).
 */
export class GatewayPhone extends Emitter {
  #api;
  #inject;
  #getToken;
  #channel;
  #registration;
  #refreshTimer;
  #calls = new Map();
  #unclaimed = new Map();
  #logger;

  /** @param {import('./byon.js').GatewayPhoneOptions} options */
  constructor({ baseUrl = globalThis.location?.origin, deviceId, token, getToken, inject = {}, logger }) {
    super();
    if (!token && !getToken) throw new ByonError('INVALID_ARGUMENT', 'Give a token or getToken.');
    this.#getToken = getToken ?? (async () => token);
    this.#logger = logger;
    this.#inject = {
      RTCPeerConnection: globalThis.RTCPeerConnection,
      WebSocket: globalThis.WebSocket,
      getUserMedia: (constraints) => navigator.mediaDevices.getUserMedia(constraints),
      ...inject,
    };
    this.deviceId = deviceId ?? storedDeviceId();
    this.#api = new GatewayApi({ baseUrl, getToken: this.#getToken, fetch: inject.fetch });
  }

  /** The registered number, e.g. `+34600000001`. */
  get phoneNumber() {
    return this.#registration?.regInfo?.phoneNumber;
  }
  get isRegistered() {
    return this.#registration !== undefined;
  }
  get calls() {
    return [...this.#calls.values()];
  }

  /** Registers the number of the token, or takes up this device's registration that is still alive. */
  async register() {
    if (this.#registration) return;
    let registration;
    try {
      registration = await this.#api.createRegistration(this.deviceId);
    } catch (error) {
      if (error.code !== 'ALREADY_EXISTS') throw error;
      const [existing] = await this.#api.listRegistrations(this.deviceId);
      if (!existing) throw error;
      registration = await this.#api.refreshRegistration(existing.registrationId);
    }
    if (!registration.channelUrl) {
      throw new ByonError('BAD_RESPONSE', 'The gateway offers no event channel.');
    }
    this.#registration = registration;
    await this.#openChannel(registration.channelUrl);
    this.#scheduleRefresh();
    await this.#recoverCalls();
    this.emit('registered', { phoneNumber: this.phoneNumber });
  }

  /** Ends all calls, takes the number off this device and closes the channel. */
  async unregister() {
    const registration = this.#registration;
    if (!registration) return;
    await Promise.allSettled(this.calls.map((call) => call.hangup()));
    this.#leave('Unregistered here');
    await this.#api.deleteRegistration(registration.registrationId).catch((error) => {
      if (error.status !== 404) throw error;
    });
  }

  /**
   * Calls a number. Resolves when the gateway has taken the call; follow the rest by the call's events.
   * @param {string} to `+34600000002`, `tel:...`, `sip:...`, or local digits when `phoneContext` is given
   * @param {{audio?: MediaTrackConstraints | boolean, displayName?: string, anonymous?: boolean}} [options]
   */
  async call(to, options = {}) {
    if (!this.#registration) throw new ByonError('NOT_REGISTERED', 'Register first.');
    const call = this.#makeCall({ direction: 'outgoing', peer: toAddress(to) });
    this.emit('call', call);
    await call.dial(options);
    this.#calls.set(call.id, call);
    // Events may overtake the answer to the request that made the call.
    for (const data of this.#unclaimed.get(call.id) ?? []) call.applyStatus(data);
    this.#unclaimed.delete(call.id);
    return call;
  }

  /** After the app renewed its token, so that registration and channel live on. */
  async tokenRenewed() {
    await this.#channel?.renewToken();
    await this.#refresh();
  }

  destroy() {
    this.#leave('Destroyed');
  }

  #makeCall(parts) {
    const call = new Call({
      api: this.#api, inject: this.#inject, registration: this.#registration, ...parts,
    });
    call.on('ended', () => this.#calls.delete(call.id));
    call.on('error', (error) => this.emit('error', error));
    return call;
  }

  async #openChannel(url) {
    const channel = new EventChannel({
      url, getToken: this.#getToken, WebSocket: this.#inject.WebSocket,
    });
    this.#channel = channel;
    let isDown = false;
    channel.on('event', (event) => this.#handleEvent(event));
    channel.on('down', () => {
      isDown = true;
      this.emit('reconnecting');
    });
    channel.on('tokenExpiring', () => this.emit('tokenWillExpire'));
    channel.on('gap', () => this.#recoverCalls().catch((error) => this.emit('error', error)));
    channel.on('gone', () => this.#leave('The registration has ended'));
    await channel.open();
    channel.on('open', () => {
      if (!isDown) return;
      isDown = false;
      this.emit('reconnected');
      this.#recoverCalls().catch((error) => this.emit('error', error));
    });
  }

  #handleEvent(event) {
    this.#logger?.debug?.('event', event.type, event.data?.status);
    const { data } = event;
    switch (event.type) {
      case `${EVENT_PREFIX}session-invitation`:
        this.#handleInvitation(data);
        break;
      case `${EVENT_PREFIX}session-status`: {
        const call = this.#calls.get(data.mediaSessionId);
        if (call) {
          call.applyStatus(data);
        } else {
          const waiting = this.#unclaimed.get(data.mediaSessionId) ?? [];
          this.#unclaimed.set(data.mediaSessionId, [...waiting, data].slice(-16));
          if (this.#unclaimed.size > 64) this.#unclaimed.delete(this.#unclaimed.keys().next().value);
        }
        break;
      }
      case `${EVENT_PREFIX}registration-ends`:
        if (data.registrationId === this.#registration?.registrationId) {
          this.#leave(data.terminationDescription ?? data.terminationReason);
        }
        break;
      default:
        if (event.type.endsWith('.dtmf-received')) this.#calls.get(data.mediaSessionId)?.applyDtmf(data);
    }
  }

  #handleInvitation(data) {
    if (this.#calls.has(data.mediaSessionId) || !data.offer?.sdp) return;
    const call = this.#makeCall({
      direction: 'incoming', id: data.mediaSessionId,
      peer: data.originatorAddress, peerName: data.originatorName,
    });
    this.#calls.set(call.id, call);
    call.prepare(data.offer.sdp).catch((error) => {
      if (call.hasEnded) return;
      call.abandon(error.message);
      this.emit('error', error);
    });
    this.emit('call', call);
    this.emit('incoming', call);
  }

  /** After a break: calls that ended meanwhile end here, invitations that came meanwhile ring here. */
  async #recoverCalls() {
    const sessions = await this.#api.listCalls(this.deviceId);
    const alive = new Map(sessions.map((session) => [session.mediaSessionId, session]));
    for (const call of this.calls) {
      const session = alive.get(call.id);
      if (session) call.applyStatus({ ...session, sequenceNumber: undefined });
      else call.abandon('Ended while disconnected');
    }
    for (const session of sessions) {
      const isRinging = ['Initial', 'InProgress', 'Ringing'].includes(session.status);
      const isIncoming = session.direction === 'terminating';
      if (!this.#calls.has(session.mediaSessionId) && isRinging && isIncoming && !session.answer) {
        this.#handleInvitation(session);
      }
    }
  }

  #scheduleRefresh() {
    clearTimeout(this.#refreshTimer);
    const life = Date.parse(this.#registration.expiresAt) - Date.now();
    const wait = Math.max(life > 2 * REFRESH_BEFORE_EXPIRY_MS ? life - REFRESH_BEFORE_EXPIRY_MS : life / 2, 1000);
    this.#refreshTimer = setTimeout(() => this.#refresh(), Math.min(wait, 2 ** 31 - 1));
  }

  async #refresh() {
    if (!this.#registration) return;
    try {
      const { registrationId } = this.#registration;
      const fresh = await this.#api.refreshRegistration(registrationId);
      if (this.#registration?.registrationId !== registrationId) return;
      this.#registration = { ...this.#registration, ...fresh };
      this.#scheduleRefresh();
    } catch (error) {
      if (error.status === 404) {
        this.#leave('The registration has expired');
        return;
      }
      this.emit('error', error);
      this.#refreshTimer = setTimeout(() => this.#refresh(), 10_000);
    }
  }

  #leave(reason) {
    if (!this.#registration) return;
    this.#registration = undefined;
    clearTimeout(this.#refreshTimer);
    this.#channel?.close();
    this.#channel = undefined;
    for (const call of this.calls) call.abandon(reason);
    this.emit('unregistered', { reason });
  }
}

/** `+34 600 000 002` and `tel:` and `sip:` forms to a CAMARA address. */
function toAddress(text) {
  const trimmed = text.trim();
  if (/^(tel|sip|urn):/.test(trimmed)) return trimmed;
  const digits = trimmed.replace(/[\s().-]/g, '');
  if (/^\+[0-9]{5,15}$/.test(digits)) return `tel:${digits}`;
  throw new ByonError('INVALID_ARGUMENT', 'A number is + and 5 to 15 digits, or a tel: or sip: address.');
}

/** One id for this browser, kept across visits, as CAMARA's deviceId asks. */
function storedDeviceId() {
  const key = 'byon.deviceId';
  let id = globalThis.localStorage?.getItem(key);
  if (!id) {
    id = globalThis.crypto.randomUUID();
    globalThis.localStorage?.setItem(key, id);
  }
  return id;
}
