// One user of the load: signs in on the event channel, registers the number, calls.
import { createHash } from 'node:crypto';
import { LeanWebSocket } from './web_socket.mjs';

const PROTOCOL = 'byon.events.v1';
const CHANNELS_OF_AN_ADDRESS = 150; // below the gateway's default of 200

// What a browser offers, as far as the gateway reads it; no media ever comes.
const OFFER = [
  'v=0', 'o=- 1 2 IN IP4 127.0.0.1', 's=-', 't=0 0', 'a=group:BUNDLE 0', 'm=audio 9 UDP/TLS/RTP/SAVPF 111 126', 'c=IN IP4 0.0.0.0',
  'a=ice-ufrag:load', 'a=ice-pwd:aaaaaaaaaaaaaaaaaaaaaaaa', `a=fingerprint:sha-256 ${Array(32).fill('AB').join(':')}`, 'a=setup:actpass',
  'a=mid:0', 'a=sendrecv', 'a=rtcp-mux', 'a=rtpmap:111 opus/48000/2', 'a=fmtp:111 minptime=10;useinbandfec=1',
  'a=rtpmap:126 telephone-event/8000', '',
].join('\r\n');
const ACK_AFTER_MS = 100;

const uuidOf = (text) => {
  const hex = createHash('sha256').update(text).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
};

/** Number and name of the nth user; and the address of 127.0.0.0/8 it comes from. */
export function userOf(index) {
  const place = Math.floor(index / CHANNELS_OF_AN_ADDRESS);
  return {
    user: `user-${index}`, number: `+346${String(10_000_000 + index)}`, deviceId: uuidOf(`device-${index}`),
    from: `127.${100 + Math.floor(place / 62_500)}.${Math.floor(place / 250) % 250}.${1 + (place % 250)}`,
  };
}

export class Subscriber {
  #socket;
  #answers = new Map();
  #lastId = 0;
  #unacknowledged;
  #ackTimer;
  /** Status and reason of the last event of a call, for who waits for something in vain. */
  lastStatus = 'no event';
  /** Every CloudEvent of the channel. */
  onEvent = () => {};
  onClose = () => {};

  /** @param {number} index @param {{gateway: {host: string, port: number, isTls: boolean}, mint: import('./identity.mjs').Mint}} options */
  static async open(index, { gateway, mint }) {
    const it = new Subscriber();
    Object.assign(it, userOf(index), { index });
    it.#socket = await LeanWebSocket.open({ ...gateway, path: '/byon/v1/channels', protocol: PROTOCOL, from: it.from });
    const ready = new Promise((resolve, reject) => {
      it.#answers.set('ready', resolve);
      it.#socket.onClose = (why) => {
        it.onClose(why);
        reject(new Error(`the channel of ${it.user} was closed: ${why}`));
        for (const answer of it.#answers.values()) answer({ status: 0, why });
      };
    });
    it.#socket.onText = (text) => it.#take(text);
    it.#socket.send({ type: 'auth', token: mint.token(it), deviceId: it.deviceId });
    await ready;
    return it;
  }

  #take(text) {
    const message = JSON.parse(text);
    if (message.specversion) {
      this.#unacknowledged = message.id;
      this.#ackTimer ??= setTimeout(() => this.#acknowledge(), ACK_AFTER_MS);
      if (message.data?.status) this.lastStatus = `${message.data.status} ${message.data.reason ?? ''}`;
      this.onEvent(message);
      return;
    }
    const key = message.type === 'ready' ? 'ready' : message.id;
    this.#answers.get(key)?.(message);
    this.#answers.delete(key);
  }

  // The newest stands for all before it.
  #acknowledge() {
    this.#ackTimer = undefined;
    this.#socket.send({ ack: this.#unacknowledged });
  }

  command(command, more = {}) {
    const id = String(++this.#lastId);
    const answer = new Promise((resolve) => this.#answers.set(id, resolve));
    this.#socket.send({ id, command, ...more });
    return answer;
  }

  async register() {
    const answer = await this.command('registration.create', { body: { deviceId: this.deviceId } });
    if (answer.status !== 201) throw new Error(`registration of ${this.user}: ${JSON.stringify(answer)}`);
    this.registrationId = answer.body.registrationId;
  }

  /** Starts a call, of a browser without media if nothing is offered. @returns {Promise<string>} its mediaSessionId */
  async call(number, offer = OFFER) {
    const answer = await this.command('call.create', {
      params: { registrationId: this.registrationId },
      body: { originatorAddress: `tel:${this.number}`, receiverAddress: `tel:${number}`, offer: { sdp: offer } },
    });
    if (answer.status !== 201) throw new Error(`call of ${this.user}: ${JSON.stringify(answer)}`);
    return answer.body.mediaSessionId;
  }
  hangUp(mediaSessionId) {
    return this.command('call.delete', { params: { mediaSessionId } });
  }
  end() {
    clearTimeout(this.#ackTimer);
    this.#socket.end();
  }
}
