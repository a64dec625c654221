// A CAMARA client without browser. Whatever passes through it is checked against the OpenAPI and AsyncAPI files: every
// answer, every request that was accepted, every event and message. recorded tells what was seen.
import assert from 'node:assert/strict';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import WebSocket from 'ws';
import { channelFault, eventFault, operationOf, requestFault, responseFault, withoutExtensions } from './openapi.mjs';

export const REGISTRATION = '/webrtc-registration/v0.4/sessions';
export const CALLS = '/webrtc-call-handling/v0.4/sessions';
export const SUBSCRIPTIONS = '/webrtc-events-subscriptions/v0.3/subscriptions';
/** The paths of CAMARA r2.2. */
export const R2_2 = {
  REGISTRATION: '/webrtc-registration/v0.3/sessions',
  CALLS: '/webrtc-call-handling/v0.3/sessions',
  SUBSCRIPTIONS: '/webrtc-events/v0.2/subscriptions',
};
/** Every answer that any client of this process got: {release, api, operation, status, code}. */
export const recorded = [];
const TYPE = 'org.camaraproject.webrtc-events-subscriptions.v0.';

export class ApiClient {
  /** @param {string} url @param {string} [token] */
  constructor(url, token) {
    this.url = url;
    this.token = token;
  }

  /**
   * @param {{body?: any, headers?: Record<string, string>, text?: string, isDeviation?: boolean}} [options] isDeviation: a
   *   request that the gateway takes although CAMARA's schema forbids it
   * @returns {Promise<{status: number, body?: any, headers: Headers}>}
   */
  async request(method, path, { body, headers = {}, text, isDeviation = false } = {}) {
    const correlator = randomUUID();
    const response = await fetch(this.url + path, {
      method,
      headers: {
        ...(this.token ? { authorization: `Bearer ${this.token}` } : {}),
        ...(body === undefined && text === undefined ? {} : { 'content-type': 'application/json' }),
        'x-correlator': correlator,
        ...headers,
      },
      body: text ?? (body === undefined ? undefined : JSON.stringify(body)),
      signal: AbortSignal.timeout(20_000),
    });
    const raw = await response.text();
    const parsed = raw ? JSON.parse(raw) : undefined;
    if (!headers['x-correlator']) assert.equal(response.headers.get('x-correlator'), correlator, `x-correlator of ${method} ${path}`);
    const operation = operationOf(method, path);
    if (operation) recorded.push({ ...operation, status: response.status, code: parsed?.code });
    // Of a path that CAMARA does not have there is nothing to check.
    if (operation || !isDeviation) {
      const answer = headers['x-byon-extensions'] ? withoutExtensions(parsed) : parsed;
      const fault = responseFault(method, path, response.status, response.headers.get('content-type'), answer);
      assert.equal(fault, undefined, `${method} ${path} -> ${response.status} ${raw.slice(0, 600)}`);
    }
    if (response.ok && !isDeviation) {
      const fault = requestFault(method, path, lowerCase(headers), text === undefined ? body : JSON.parse(text));
      assert.equal(fault, undefined, `request ${method} ${path}, accepted with ${response.status}`);
    }
    return { status: response.status, body: parsed, headers: response.headers };
  }

  /** Asserts the status. @returns the body */
  async expect(status, method, path, options) {
    const response = await this.request(method, path, options);
    assert.equal(response.status, status, `${method} ${path}: ${JSON.stringify(response.body)}`);
    return response.body;
  }
  /** Asserts a CAMARA error. */
  async refused(status, code, method, path, options) {
    const body = await this.expect(status, method, path, options);
    assert.equal(body.code, code, JSON.stringify(body));
    assert.equal(body.status, status);
    assert.ok(body.message.length > 0);
  }

  register(deviceId = randomUUID(), extra = {}) {
    return this.expect(201, 'POST', REGISTRATION, { body: { deviceId, ...extra } });
  }
  async openChannel(deviceId) {
    const { channelUrl } = await this.expect(201, 'POST', '/byon/v1/channels', { body: { deviceId } });
    return Channel.open(channelUrl, this.token);
  }
  createCall(registrationId, originator, receiver, sdp = webRtcOffer()) {
    return this.expect(201, 'POST', CALLS, {
      headers: { registrationId },
      body: { originatorAddress: `tel:${originator}`, receiverAddress: `tel:${receiver}`, offer: { sdp } },
    });
  }
  setStatus(id, status, extra = {}) {
    return this.expect(200, 'PUT', `${CALLS}/${id}/status`, { body: { status, ...extra } });
  }
}

const lowerCase = (headers) => Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));

/** The event WebSocket, with events awaited by type and content. */
export class Channel {
  #socket;
  #waiters = new Set();
  #commands = 0;
  events = [];
  messages = [];
  /** False: events are taken without a word, as by a client that has fallen asleep. */
  acknowledges = true;

  static async open(url, token, { headers, auth = {} } = {}) {
    const channel = new Channel();
    const socket = new WebSocket(url, ['byon.events.v1'], { headers });
    channel.#socket = socket;
    channel.closed = new Promise((resolve) => socket.once('close', (code) => resolve(code)));
    socket.on('message', (data) => channel.#take(JSON.parse(data.toString())));
    await new Promise((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
    });
    if (token) channel.send({ type: 'auth', token, ...auth });
    await channel.message((message) => message.type === 'ready');
    return channel;
  }

  /** A command, by the AsyncAPI document. @returns the answer */
  async command(name, { params, body, correlator } = {}) {
    const id = `r${++this.#commands}`;
    this.send({ id, command: name, ...(params ? { params } : {}), ...(body ? { body } : {}), ...(correlator ? { correlator } : {}) });
    return this.message((message) => message.id === id && message.status !== undefined && !message.specversion, 15_000);
  }
  send(message, { isFaulty = false } = {}) {
    if (!isFaulty) assert.equal(channelFault('publish', message), undefined, JSON.stringify(message).slice(0, 400));
    this.#socket.send(JSON.stringify(message));
  }
  close() {
    this.#socket.close(1000);
    return this.closed;
  }

  /** The next event of this kind that fits. */
  event(kind, where = () => true, timeoutMs = 20_000) {
    return this.message((message) => message.type === TYPE + kind && where(message.data), timeoutMs);
  }
  status(id, status, timeoutMs) {
    return this.event('session-status', (data) => data.mediaSessionId === id && data.status === status, timeoutMs);
  }

  message(fits, timeoutMs = 20_000) {
    return new Promise((resolve, reject) => {
      const index = this.messages.findIndex(fits);
      if (index >= 0) return resolve(this.messages.splice(index, 1)[0]);
      const waiter = (message) => {
        if (!fits(message)) return false;
        clearTimeout(timer);
        this.#waiters.delete(waiter);
        resolve(message);
        return true;
      };
      const timer = setTimeout(() => {
        this.#waiters.delete(waiter);
        const seen = this.events.map(({ type, data }) => `${type.split('.').at(-1)}:${data?.status ?? ''}`).join(' ');
        reject(new Error(`no such message on the channel in ${timeoutMs} ms; events: ${seen}`));
      }, timeoutMs);
      this.#waiters.add(waiter);
    });
  }

  #take(message) {
    assert.equal(channelFault('subscribe', message), undefined, JSON.stringify(message).slice(0, 800));
    if (message.specversion) {
      this.events.push(message);
      assert.equal(eventFault(message), undefined, JSON.stringify(message).slice(0, 800));
      if (this.acknowledges) this.send({ ack: message.id });
    }
    for (const waiter of [...this.#waiters]) if (waiter(message)) return;
    this.messages.push(message);
  }
}

/** What a browser would offer, with nobody behind it. */
export function webRtcOffer({ setup = 'actpass', direction = 'sendrecv', kind = 'offer' } = {}) {
  const fingerprint = createHash('sha256').update(randomBytes(8)).digest('hex').toUpperCase().match(/../g).join(':');
  return [
    'v=0', `o=- ${randomBytes(4).readUInt32BE()} 2 IN IP4 127.0.0.1`, 's=-', 't=0 0', 'a=group:BUNDLE 0', 'a=msid-semantic: WMS',
    'm=audio 9 UDP/TLS/RTP/SAVPF 111 126', 'c=IN IP4 0.0.0.0', 'a=rtcp:9 IN IP4 0.0.0.0', `a=ice-ufrag:${randomBytes(3).toString('hex')}`,
    `a=ice-pwd:${randomBytes(12).toString('hex')}`, 'a=ice-options:trickle', `a=fingerprint:sha-256 ${fingerprint}`,
    `a=setup:${setup}`, 'a=mid:0', `a=${direction}`, 'a=rtcp-mux', 'a=rtpmap:111 opus/48000/2',
    'a=fmtp:111 minptime=10;useinbandfec=1', 'a=rtpmap:126 telephone-event/8000', `a=ssrc:${randomBytes(4).readUInt32BE()} cname:${kind}`, '',
  ].join('\r\n');
}

/** The answer of a client to the gateway's offer. */
export function webRtcAnswer(offer) {
  const mid = /a=mid:(\S+)/.exec(offer)?.[1] ?? '0';
  const opus = /a=rtpmap:(\d+) opus\/48000/i.exec(offer)[1];
  const types = [opus, /a=rtpmap:(\d+) telephone-event\/8000/.exec(offer)?.[1]].filter(Boolean);
  return webRtcOffer({ setup: 'active', kind: 'answer' })
    .replaceAll('BUNDLE 0', `BUNDLE ${mid}`).replace('a=mid:0', `a=mid:${mid}`)
    .replace('SAVPF 111 126', `SAVPF ${types.join(' ')}`).replaceAll(':111 ', `:${opus} `)
    .replace(/a=rtpmap:126 telephone-event\/8000/, types[1] ? `a=rtpmap:${types[1]} telephone-event/8000` : 'a=x-none');
}
