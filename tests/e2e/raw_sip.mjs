// SIP over a bare WebSocket: what no library would send.
import { randomBytes } from 'node:crypto';
import WebSocket from 'ws';

const token = () => randomBytes(6).toString('hex');

export class RawSip {
  #socket;
  #waiters = [];
  messages = [];

  static async open(url, { protocol = 'sip', path = '/sip', headers } = {}) {
    const it = new RawSip();
    it.#socket = new WebSocket(url.replace(/^http/, 'ws') + path, [protocol], { headers });
    it.closed = new Promise((resolve) => it.#socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() })));
    it.#socket.on('message', (data) => it.#take(data.toString()));
    await new Promise((resolve, reject) => {
      it.#socket.once('open', resolve);
      it.#socket.once('error', reject);
    });
    return it;
  }

  send(text) {
    this.#socket.send(text);
  }
  close() {
    this.#socket.close();
    return this.closed;
  }

  /** A request with all it needs; `headers` adds to or replaces what is there. @returns {string} */
  request(method, uri, { headers = {}, body = '', from, to, callId = token(), cseq = 1 } = {}) {
    const all = {
      Via: `SIP/2.0/WS ${token()}.invalid;branch=z9hG4bK${token()}`, 'Max-Forwards': '69', From: from ?? `<${uri}>;tag=${token()}`,
      To: to ?? `<${uri}>`, 'Call-ID': callId, CSeq: `${cseq} ${method}`, Contact: `<sip:raw@${token()}.invalid;transport=ws>`, ...headers,
    };
    const lines = Object.entries(all).filter(([, value]) => value !== undefined).map(([name, value]) => `${name}: ${value}`);
    return `${method} ${uri} SIP/2.0\r\n${lines.join('\r\n')}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
  }
  /** Sends a request. @returns {Promise<{status: number, text: string}>} the final response */
  async ask(...parameters) {
    this.send(this.request(...parameters));
    return this.response();
  }
  response(timeoutMs = 20_000) {
    return this.next((text) => /^SIP\/2\.0 [2-6]/.test(text), timeoutMs).then((text) => ({ status: Number(text.slice(8, 11)), text }));
  }
  next(fits, timeoutMs = 20_000) {
    const index = this.messages.findIndex(fits);
    if (index >= 0) return Promise.resolve(this.messages.splice(index, 1)[0]);
    return new Promise((resolve, reject) => {
      const waiter = { fits, resolve };
      this.#waiters.push(waiter);
      setTimeout(() => reject(new Error(`no such message in ${timeoutMs} ms; had: ${this.messages.join('\n')}`)), timeoutMs).unref();
    });
  }

  #take(text) {
    const index = this.#waiters.findIndex(({ fits }) => fits(text));
    if (index < 0) this.messages.push(text);
    else this.#waiters.splice(index, 1)[0].resolve(text);
  }
}
