// All phones of the network, and the network before them: takes every REGISTER, answers every call when it is told with what.
// SIP over UDP; a dialog is the call alone.
import { randomUUID } from 'node:crypto';
import dgram from 'node:dgram';
import { once } from 'node:events';

const RESEND_MS = 500; // T1 (RFC 3261 section 17.1.1.1)
const MOST_RESENDS = 60;

function parse(text) {
  const end = text.indexOf('\r\n\r\n');
  const [start, ...lines] = text.slice(0, end).split('\r\n');
  const headers = lines.map((line) => [line.slice(0, line.indexOf(':')).trim().toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]);
  const all = (name) => headers.filter(([key]) => key === name).map(([, value]) => value);
  return { start, body: text.slice(end + 4), all, one: (name) => all(name)[0] ?? '' };
}

export class Phones {
  #socket = dgram.createSocket({ type: 'udp4', recvBufferSize: 8 << 20, sendBufferSize: 8 << 20 });
  #calls = new Map();
  registrations = 0;
  /**
   * A call came in. `answer` sends a 200 with the phone's description, `decline` a final status, `hangUp` a BYE.
   * @type {(call: {callee: string, sdp: string, answer: (sdp: string) => void, decline: (status: string) => void, hangUp: () => Promise<string>}) => void}
   */
  onCall = ({ decline }) => decline('480 Temporarily Unavailable');

  async start({ ip, port }) {
    this.contact = `<sip:phones@${ip}:${port}>`;
    this.#socket.on('message', (data, from) => this.#take(data.toString(), from));
    this.#socket.bind(port, ip);
    await once(this.#socket, 'listening');
  }
  stop() {
    for (const call of this.#calls.values()) clearInterval(call.timer);
    this.#socket.close();
  }

  #answer(request, from, status, more = [], body = '') {
    const to = request.one('to');
    const lines = [`SIP/2.0 ${status}`, ...request.all('via').map((via) => `Via: ${via}`), ...request.all('record-route').map((route) => `Record-Route: ${route}`),
      `From: ${request.one('from')}`, `To: ${to.includes('tag=') || status.startsWith('100') ? to : `${to};tag=phone`}`, `Call-ID: ${request.one('call-id')}`,
      `CSeq: ${request.one('cseq')}`, ...more, `Content-Length: ${body.length}`, '', body];
    this.#socket.send(lines.join('\r\n'), from.port, from.address);
  }

  #take(text, from) {
    const request = parse(text);
    if (text.startsWith('SIP/2.0')) return this.#ended(request);
    const [method, uri] = request.start.split(' ');
    const callId = request.one('call-id');
    const call = this.#calls.get(callId);
    if (method === 'REGISTER') {
      ++this.registrations;
      const contacts = request.all('contact').map((contact) => `Contact: ${contact.replace(/;expires=\d+/, '')};expires=600000`);
      return this.#answer(request, from, '200 OK', [...contacts, `P-Associated-URI: ${request.one('to')}`]);
    }
    if (method === 'INVITE') return call ? undefined : this.#ring(request, from, uri, callId);
    if (method === 'ACK') return clearInterval(call?.timer);
    if (method === 'BYE' || method === 'CANCEL') {
      clearInterval(call?.timer);
      this.#calls.delete(callId);
      this.#answer(request, from, '200 OK');
      if (method === 'CANCEL' && call && !call.isOver) this.#answer(call.request, from, '487 Request Terminated');
      return undefined;
    }
    return this.#answer(request, from, '200 OK', [`Contact: ${this.contact}`]);
  }

  // The answer to a BYE of ours.
  #ended(response) {
    const callId = response.one('call-id');
    const call = this.#calls.get(callId);
    if (!call?.hungUp || !response.one('cseq').endsWith('BYE')) return;
    clearInterval(call.timer);
    this.#calls.delete(callId);
    call.hungUp(response.start);
  }

  /** The phone ends the call. @returns {Promise<string>} the first line of the answer */
  #hangUp(call, from) {
    const { request } = call;
    const target = /<([^>]+)>/.exec(request.one('contact'))?.[1] ?? request.one('contact');
    const { address, port } = this.#socket.address();
    // What the phone is in the dialog the INVITE's To says, and its route is that of the INVITE (RFC 3261 section 12.1.1).
    const bye = [`BYE ${target} SIP/2.0`, `Via: SIP/2.0/UDP ${address}:${port};branch=z9hG4bK${randomUUID()}`, 'Max-Forwards: 70',
      ...request.all('record-route').map((route) => `Route: ${route}`), `From: ${request.one('to')};tag=phone`, `To: ${request.one('from')}`,
      `Call-ID: ${request.one('call-id')}`, 'CSeq: 1 BYE', 'Content-Length: 0', '', ''].join('\r\n');
    return new Promise((resolve) => {
      call.hungUp = resolve;
      clearInterval(call.timer);
      this.#socket.send(bye, from.port, from.address);
      let resends = 0;
      call.timer = setInterval(() => {
        if (++resends <= MOST_RESENDS) return this.#socket.send(bye, from.port, from.address);
        clearInterval(call.timer);
        return resolve('no answer');
      }, RESEND_MS);
    });
  }

  #ring(request, from, uri, callId) {
    const call = { request, isOver: false };
    this.#calls.set(callId, call);
    this.#answer(request, from, '100 Trying');
    const contact = [`Contact: ${this.contact}`];
    const end = (...response) => {
      call.isOver = true;
      let resends = 0;
      this.#answer(request, from, ...response);
      // Until the ACK (RFC 3261 section 13.3.1.4).
      call.timer = setInterval(() => (++resends > MOST_RESENDS ? clearInterval(call.timer) : this.#answer(request, from, ...response)), RESEND_MS);
    };
    this.onCall({
      callee: /\+\d+/.exec(uri)?.[0], sdp: request.body,
      answer: (sdp) => end('200 OK', [...contact, 'Content-Type: application/sdp'], sdp),
      decline: (status) => end(status),
      hangUp: () => this.#hangUp(call, from),
    });
  }
}
