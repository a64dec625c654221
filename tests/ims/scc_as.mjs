// A core in one UDP socket: P-CSCF and registrar that let everybody in, the callee, the user's SIM phone and the SCC AS
// that moves sessions between devices (TS 24.337 clause 10.3). What it does with a REFER is the test's to say.
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

const token = () => randomBytes(8).toString('hex');
const PHONE_INSTANCE = 'urn:uuid:00000000-0000-4000-8000-000000000009';

/** One message, its headers by name in lower case. */
export function parse(text) {
  const [head, body = ''] = text.split(/\r\n\r\n(.*)/s);
  const [start, ...lines] = head.split('\r\n');
  const headers = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    (headers[line.slice(0, colon).trim().toLowerCase()] ??= []).push(line.slice(colon + 1).trim());
  }
  const [method, uri] = start.split(' ');
  return { start, method, uri, headers, body, get: (name) => headers[name.toLowerCase()]?.[0] ?? '', tag: (name) => /;tag=([^;]+)/.exec(headers[name.toLowerCase()]?.[0])?.[1] };
}

export class SccAs {
  #socket;
  #waiters = [];
  requests = [];
  /** @type {(refer: object, as: SccAs) => void} */
  onRefer = () => {};

  /** @param {{ip: string, port?: number}} address */
  static async start({ ip, port = 5060 }) {
    const as = new SccAs();
    as.ip = ip;
    as.port = port;
    as.#socket = createSocket('udp4');
    as.#socket.on('message', (data, from) => as.#take(parse(data.toString()), from));
    as.#socket.bind(port, ip);
    await once(as.#socket, 'listening');
    return as;
  }
  stop() {
    this.#socket.close();
  }

  gruuOf = (number) => `sip:${number}@ims.test;gr=${PHONE_INSTANCE}`;
  get contact() {
    return `Contact: <sip:core@${this.ip}:${this.port}>`;
  }

  reply(request, status, { tag = 'core', headers = [], body = '' } = {}) {
    const of = (name) => (request.headers[name.toLowerCase()] ?? []).map((value) => `${name}: ${value}`);
    const to = request.get('to') + (request.tag('to') ? '' : `;tag=${tag}`);
    this.#send([`SIP/2.0 ${status}`, ...of('Via'), ...of('From'), `To: ${to}`, ...of('Call-ID'), ...of('CSeq'), this.contact, ...headers], body, request.from);
  }
  /** A request in the dialog that `first`, the gateway's, began. */
  request(method, first, { cseq, tag = 'core', headers = [], body = '' }) {
    const target = /<([^>]+)>/.exec(first.get('contact'))[1];
    this.#send([`${method} ${target} SIP/2.0`, `Via: SIP/2.0/UDP ${this.ip}:${this.port};branch=z9hG4bK${token()}`, 'Max-Forwards: 70',
      `From: ${first.get('to')};tag=${tag}`, `To: ${first.get('from')}`, `Call-ID: ${first.get('call-id')}`, `CSeq: ${cseq} ${method}`,
      this.contact, ...headers], body, first.from);
  }
  /** What the phone says of the call that it was asked to make. */
  report(refer, cseq, line, state = 'active;expires=60') {
    this.request('NOTIFY', refer, { cseq, headers: ['Event: refer', `Subscription-State: ${state}`, 'Content-Type: message/sipfrag;version=2.0'], body: `${line}\r\n` });
  }
  /** The session has moved: the remote leg is the phone's, and the old access leg ends. */
  endAccessLeg(headers = []) {
    this.request('BYE', this.invite, { cseq: 100, headers });
  }

  /** The next request of this method. */
  async next(method) {
    const index = this.requests.findIndex((request) => request.method === method);
    if (index >= 0) return this.requests.splice(index, 1)[0];
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no ${method} in 20 s`)), 20_000);
      this.#waiters.push({ method, resolve: (request) => { clearTimeout(timer); resolve(request); } });
    });
  }

  #send(lines, body, to) {
    this.#socket.send([...lines, `Content-Length: ${Buffer.byteLength(body)}`, '', body].join('\r\n'), to.port, to.address);
  }

  #take(message, from) {
    if (message.start.startsWith('SIP/2.0') || message.method === 'ACK') return;
    message.from = from;
    // What comes again because an answer was slow is answered again, and is no second request.
    const key = message.get('call-id') + message.get('cseq');
    const isNew = !this.#seen.has(key);
    this.#seen.add(key);
    if (isNew) {
      const index = this.#waiters.findIndex(({ method }) => method === message.method);
      index >= 0 ? this.#waiters.splice(index, 1)[0].resolve(message) : this.requests.push(message);
    }
    this.#answer(message, isNew);
  }
  #seen = new Set();

  #answer(message, isNew) {
    const number = /\+\d+/.exec(message.get('to'))?.[0];
    switch (message.method) {
      case 'REGISTER': {
        const expires = message.get('expires');
        return this.reply(message, '200 OK', { headers: [`Contact: ${message.get('contact')};expires=${expires}`, `Service-Route: <sip:orig@${this.ip}:${this.port};lr>`,
          `P-Associated-URI: <sip:${number}@ims.test>`].filter((line) => expires !== '0' || !line.startsWith('Contact')) });
      }
      case 'SUBSCRIBE': {
        if (message.get('expires') !== '0') return this.reply(message, '489 Bad Event');
        this.reply(message, '200 OK', { headers: ['Expires: 0'] });
        return isNew && this.request('NOTIFY', message, { cseq: 1, headers: ['Event: reg', 'Subscription-State: terminated;reason=timeout', 'Content-Type: application/reginfo+xml'],
          body: `<reginfo xmlns="urn:ietf:params:xml:ns:reginfo" xmlns:gr="urn:ietf:params:xml:ns:gruuinfo" version="0" state="full">
<registration aor="sip:${number}@ims.test" id="a" state="active"><contact id="p" state="active" event="registered"><uri>sip:phone@192.0.2.9</uri>
<unknown-param name="+sip.instance">"&lt;${PHONE_INSTANCE}&gt;"</unknown-param><unknown-param name="audio"/>
<gr:pub-gruu uri="${this.gruuOf(number)}"/></contact></registration></reginfo>` });
      }
      case 'INVITE':
        this.invite = message;
        return this.reply(message, '200 OK', { headers: ['Content-Type: application/sdp'], body: ['v=0', `o=- 7 1 IN IP4 ${this.ip}`, 's=-', `c=IN IP4 ${this.ip}`, 't=0 0',
          'm=audio 40000 RTP/AVP 107', 'a=rtpmap:107 AMR-WB/16000', 'a=fmtp:107 mode-change-capability=2', 'a=ptime:20', 'a=sendrecv', ''].join('\r\n') });
      case 'REFER':
        return isNew && this.onRefer(message, this);
      default:
        return this.reply(message, '200 OK');
    }
  }
}
