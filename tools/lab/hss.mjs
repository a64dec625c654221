// A home subscriber server: the Cx interface (TS 29.228, TS 29.229) for I-CSCF and S-CSCF, subscribers in memory.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { MessageStream, VENDOR_3GPP, encodeMessage } from './diameter.mjs';
import { authenticationVector, sequenceNumberOf } from './milenage.mjs';

const CX = 16777216;
const COMMAND = { capabilities: 257, watchdog: 280, disconnect: 282, userAuthorization: 300, serverAssignment: 301, locationInfo: 302, multimediaAuth: 303, registrationTermination: 304 };
const SUCCESS = 2001;
const EXPERIMENTAL = { firstRegistration: 2001, subsequentRegistration: 2002, userUnknown: 5001, identitiesDontMatch: 5002, identityNotRegistered: 5003 };
const COMMAND_UNSUPPORTED = 3001;
/** Server-Assignment-Type values that leave a number registered, and those that end it (TS 29.229 section 6.3.15). */
const REGISTERS = [1, 2, 3];
const UNREGISTERS = [4, 5, 6, 7, 8, 9, 10, 11];
/** TS 33.102 annex C.1.1.3: SQN = SEQ | IND with five bits of IND; each vector takes the next of both. */
const SQN_STEP = 33n;

const toSqn = (value) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value & 0xffffffffffffn);
  return bytes.subarray(2);
};

export class HomeSubscriberServer {
  #options;
  #server;
  #sockets = new Set();
  #requests = 0;
  #sqn = new Map();
  #registered = new Set();
  #peers = new Map();
  /** What was asked: {command, impi, impu, type}, and with vectors the scheme that was given. */
  asked = [];

  /**
   * @param {{ip: string, port?: number, domain: string, scscf: string,
   *   isim?: Record<string, {k: Buffer, opc: Buffer}>}} options numbers in isim authenticate with AKA, all
   *   others by digest with the password "pw" + number; scscf: SIP URI
   */
  constructor(options) {
    this.#options = { port: 3868, isim: {}, ...options };
  }

  async start() {
    this.#server = net.createServer((socket) => this.#serve(socket));
    this.#server.listen(this.#options.port, this.#options.ip);
    await once(this.#server, 'listening');
  }

  async stop() {
    for (const socket of this.#sockets) socket.destroy();
    if (this.#server?.listening) await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Resolves when so many CSCFs have opened their Diameter connections. */
  async peersConnected(count, patienceMs) {
    for (const deadline = Date.now() + patienceMs; this.#peers.size < count; await delay(50)) {
      if (Date.now() > deadline) throw new Error(`only ${this.#peers.size} of ${count} CSCFs are connected to the HSS`);
    }
  }

  /** What the S-CSCF has told. */
  isRegistered(number) {
    return this.#registered.has(`sip:${number}@${this.#options.domain}`);
  }

  /** The next vector of a number gets an SQN behind what its card has seen, as after a restore from an old backup. */
  loseSequenceNumbers() {
    this.#sqn.clear();
  }

  /**
   * Takes a subscriber's registration away (RTR).
   * @param {string} number
   * @param {number} [reason] 0 permanent termination, 1 new server assigned, 2 server change, 3 remove S-CSCF
   * @returns {Promise<number>} the Result-Code of the S-CSCF
   */
  terminate(number, reason = 0) {
    const { domain } = this.#options;
    const peer = [...this.#peers.values()].find(({ origin }) => origin.startsWith('scscf'));
    if (!peer) throw new Error('no S-CSCF is connected to the HSS');
    const request = ++this.#requests;
    const answer = new Promise((resolve) => peer.pending.set(request, resolve));
    peer.socket.write(encodeMessage({
      command: COMMAND.registrationTermination, application: CX, isRequest: true, hopByHop: request, endToEnd: request,
      avps: [['Session-Id', `${this.#options.ip};${request};${Date.now()}`], cxApplication(), ['Auth-Session-State', 1], ...this.#origin(),
        ['Destination-Host', peer.origin], ['Destination-Realm', domain], ['User-Name', `${number}@${domain}`],
        ['Public-Identity', `sip:${number}@${domain}`],
        ['Deregistration-Reason', [['Reason-Code', reason], ['Reason-Info', 'administrative']]]],
    }));
    this.#registered.delete(`sip:${number}@${domain}`);
    return answer.then((avps) => avps.number('Result-Code'));
  }

  #serve(socket) {
    const stream = new MessageStream();
    const peer = { socket, pending: new Map(), origin: '' };
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#sockets.delete(socket);
      this.#peers.delete(socket);
    });
    socket.on('data', (bytes) => {
      for (const message of stream.feed(bytes)) {
        if (!message.isRequest) {
          peer.pending.get(message.hopByHop)?.(message.avps);
          peer.pending.delete(message.hopByHop);
          continue;
        }
        if (message.command === COMMAND.capabilities) {
          peer.origin = message.avps.text('Origin-Host');
          this.#peers.set(socket, peer);
        }
        const { command, application, hopByHop, endToEnd } = message;
        socket.write(encodeMessage({ command, application, isRequest: false, hopByHop, endToEnd, avps: this.#answer(message, socket) }));
      }
    });
  }

  #origin() {
    return [['Origin-Host', this.#options.ip], ['Origin-Realm', this.#options.domain]];
  }

  #answer({ command, avps }, socket) {
    const result = (code) => [['Result-Code', code]];
    switch (command) {
      case COMMAND.capabilities:
        return [...result(SUCCESS), ...this.#origin(), ['Host-IP-Address', Buffer.from([0, 1, ...socket.localAddress.split('.').map(Number)])],
          ['Vendor-Id', VENDOR_3GPP], ['Product-Name', 'byon-lab'], ['Supported-Vendor-Id', VENDOR_3GPP],
          ['Auth-Application-Id', CX], cxApplication()];
      case COMMAND.watchdog:
      case COMMAND.disconnect:
        return [...result(SUCCESS), ...this.#origin()];
      default:
    }
    const common = [['Session-Id', avps.text('Session-Id') ?? ''], cxApplication(), ['Auth-Session-State', 1], ...this.#origin()];
    const experimental = (code) => ['Experimental-Result', [['Vendor-Id', VENDOR_3GPP], ['Experimental-Result-Code', code]]];
    const impu = avps.text('Public-Identity') ?? '';
    const impi = avps.text('User-Name') ?? '';
    const number = /^(?:sip:|tel:)(\+?\d+)/.exec(impu)?.[1];
    const type = avps.number('Server-Assignment-Type');
    const item = avps.group('SIP-Auth-Data-Item');
    const question = { command, impi, impu, type };
    this.asked.push(question);
    if (!number) return [...common, experimental(EXPERIMENTAL.userUnknown)];
    // One subscriber is one number: its private identity and its public ones carry it.
    if (impi && !impi.startsWith(`${number}@`)) return [...common, experimental(EXPERIMENTAL.identitiesDontMatch)];
    const isRegistered = this.isRegistered(number);
    const server = ['Server-Name', this.#options.scscf];
    switch (command) {
      case COMMAND.userAuthorization:
        return [...common, experimental(isRegistered ? EXPERIMENTAL.subsequentRegistration : EXPERIMENTAL.firstRegistration), server];
      case COMMAND.locationInfo:
        return isRegistered ? [...common, ...result(SUCCESS), server] : [...common, experimental(EXPERIMENTAL.identityNotRegistered)];
      case COMMAND.multimediaAuth:
        question.scheme = this.#options.isim[number] ? 'Digest-AKAv1-MD5' : 'Digest-MD5';
        return [...common, ['User-Name', impi], ['Public-Identity', impu], ['SIP-Number-Auth-Items', 1],
          ['SIP-Auth-Data-Item', this.#authData(number, item)], ...result(SUCCESS)];
      case COMMAND.serverAssignment:
        if (REGISTERS.includes(type)) this.#registered.add(`sip:${number}@${this.#options.domain}`);
        if (UNREGISTERS.includes(type)) this.#registered.delete(`sip:${number}@${this.#options.domain}`);
        return [...common, ...result(SUCCESS), ['User-Name', `${number}@${this.#options.domain}`], ['User-Data', this.#profile(number)]];
      default:
        return [...common, ...result(COMMAND_UNSUPPORTED)];
    }
  }

  #authData(number, item) {
    const keys = this.#options.isim[number];
    if (!keys) {
      // Kamailio's Digest-MD5 takes a nonce and the password itself.
      return [['SIP-Item-Number', 1], ['SIP-Authentication-Scheme', 'Digest-MD5'], ['SIP-Authenticate', randomBytes(16)],
        ['SIP-Authorization', `pw${number}`]];
    }
    // RAND | AUTS: the card's own count goes on (TS 33.102 section 6.3.5).
    const resync = item?.bytes('SIP-Authorization');
    if (resync?.length === 30) {
      const sqn = sequenceNumberOf(keys, resync.subarray(0, 16), resync.subarray(16));
      if (sqn) this.#sqn.set(number, BigInt(`0x${sqn.toString('hex')}`));
    }
    const next = (this.#sqn.get(number) ?? 0n) + SQN_STEP;
    this.#sqn.set(number, next);
    const rand = randomBytes(16);
    const vector = authenticationVector(keys, { rand, sqn: toSqn(next) });
    return [['SIP-Item-Number', 1], ['SIP-Authentication-Scheme', 'Digest-AKAv1-MD5'], ['SIP-Authenticate', Buffer.concat([rand, vector.autn])],
      ['SIP-Authorization', vector.res], ['Confidentiality-Key', vector.ck], ['Integrity-Key', vector.ik]];
  }

  /** The service profile (TS 29.228 annex E): the number's two public identities, an implicit registration set. */
  #profile(number) {
    const { domain } = this.#options;
    const identities = [`sip:${number}@${domain}`, `tel:${number}`]
      .map((identity) => `<PublicIdentity><Identity>${identity}</Identity></PublicIdentity>`).join('');
    return `<?xml version="1.0" encoding="UTF-8"?><IMSSubscription><PrivateID>${number}@${domain}</PrivateID>` +
      `<ServiceProfile>${identities}</ServiceProfile></IMSSubscription>`;
  }
}

function cxApplication() {
  return ['Vendor-Specific-Application-Id', [['Vendor-Id', VENDOR_3GPP], ['Auth-Application-Id', CX]]];
}
