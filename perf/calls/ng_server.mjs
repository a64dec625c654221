// The ng protocol over UDP as rtpengine serves it: each command is carried out once, however often its datagram comes.
import dgram from 'node:dgram';
import { once } from 'node:events';
import { decode, encode } from './bencode.mjs';

const KEPT_MS = 30_000; // longer than anybody repeats a command

export class NgServer {
  #socket = dgram.createSocket({ type: 'udp4', recvBufferSize: 8 << 20, sendBufferSize: 8 << 20 });
  #answers = new Map();
  #carryOut;

  /** @param {(command: object) => Promise<object>} carryOut what is answered; an error is an answer too */
  constructor(carryOut) {
    this.#carryOut = carryOut;
  }

  async start(ip) {
    this.#socket.on('message', (data, from) => this.#take(data.toString('latin1'), from));
    this.#socket.bind(0, ip);
    await once(this.#socket, 'listening');
    const { address, port } = this.#socket.address();
    this.address = `${address}:${port}`;
  }
  stop() {
    this.#socket.close();
    for (const { timer } of this.#answers.values()) clearTimeout(timer);
  }

  async #take(text, from) {
    const space = text.indexOf(' ');
    const cookie = text.slice(0, space);
    if (space <= 0) return;
    if (!this.#answers.has(cookie)) {
      const timer = setTimeout(() => this.#answers.delete(cookie), KEPT_MS);
      this.#answers.set(cookie, { timer, answer: this.#answerTo(text.slice(space + 1)) });
    } else if (!this.#answers.get(cookie).isDone) {
      return; // it will be answered
    }
    const entry = this.#answers.get(cookie);
    const answer = await entry.answer;
    entry.isDone = true;
    this.#socket.send(Buffer.from(`${cookie} ${answer}`, 'latin1'), from.port, from.address);
  }

  async #answerTo(text) {
    try {
      return encode({ result: 'ok', ...await this.#carryOut(decode(text)) });
    } catch (error) {
      return encode({ result: 'error', 'error-reason': error.message });
    }
  }
}
