// The network as far as channels need one: takes every REGISTER, and lets calls ring. UDP, one line of text at a time;
// no state but the calls under way.
import dgram from 'node:dgram';
import { once } from 'node:events';

function headersOf(text) {
  const [start, ...lines] = text.slice(0, text.indexOf('\r\n\r\n')).split('\r\n');
  const headers = [];
  for (const line of lines) {
    const colon = line.indexOf(':');
    headers.push([line.slice(0, colon).trim(), line.slice(colon + 1).trim()]);
  }
  return { start, headers, all: (name) => headers.filter(([key]) => key.toLowerCase() === name.toLowerCase()).map(([, value]) => value) };
}

export class Registrar {
  #socket = dgram.createSocket({ type: 'udp4', recvBufferSize: 8 << 20, sendBufferSize: 8 << 20 });
  #calls = new Map();
  registrations = 0;
  /** @type {(call: {callee: string, ring: () => void}) => void} */
  onInvite = () => {};

  async start({ ip, port }) {
    this.contact = `<sip:${ip}:${port}>`;
    this.#socket.on('message', (data, from) => this.#take(data.toString(), from));
    this.#socket.bind(port, ip);
    await once(this.#socket, 'listening');
  }
  stop() {
    this.#socket.close();
  }

  #answer(request, from, status, more = []) {
    const to = request.all('To')[0];
    const lines = [`SIP/2.0 ${status}`, ...request.all('Via').map((via) => `Via: ${via}`), `From: ${request.all('From')[0]}`,
      `To: ${to.includes('tag=') || status.startsWith('100') ? to : `${to};tag=load`}`, `Call-ID: ${request.all('Call-ID')[0]}`,
      `CSeq: ${request.all('CSeq')[0]}`, ...more, 'Content-Length: 0', '', ''];
    this.#socket.send(lines.join('\r\n'), from.port, from.address);
  }

  #take(text, from) {
    if (text.startsWith('SIP/2.0')) return;
    const request = headersOf(text);
    const [method, uri] = request.start.split(' ');
    const callId = request.all('Call-ID')[0];
    if (method === 'REGISTER') {
      ++this.registrations;
      const contacts = request.all('Contact').map((contact) => `Contact: ${contact.replace(/;expires=\d+/, '')};expires=600000`);
      return this.#answer(request, from, '200 OK', [...contacts, `P-Associated-URI: ${request.all('To')[0]}`]);
    }
    if (method === 'INVITE') {
      if (this.#calls.has(callId)) return undefined;
      const call = { request, from };
      this.#calls.set(callId, call);
      this.#answer(request, from, '100 Trying');
      return this.onInvite({ callee: uri, ring: () => this.#answer(request, from, '180 Ringing', [`Contact: ${this.contact}`]) });
    }
    if (method === 'CANCEL') {
      this.#answer(request, from, '200 OK');
      const call = this.#calls.get(callId);
      this.#calls.delete(callId);
      if (call) this.#answer(call.request, call.from, '487 Request Terminated');
      return undefined;
    }
    if (method !== 'ACK') this.#answer(request, from, '200 OK');
    return undefined;
  }
}
