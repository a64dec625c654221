// A WebSocket client (RFC 6455) that costs little: texts of one frame, pings answered, a source address of choice. The
// load is thousands of these in one process, so that what is measured is the gateway and not its clients.
import { randomBytes } from 'node:crypto';
import net from 'node:net';
import tls from 'node:tls';

const TEXT = 1;
const CLOSE = 8;
const PING = 9;
const PONG = 10;

function frame(opcode, payload) {
  const size = payload.length;
  const extra = size < 126 ? 0 : size < 65536 ? 2 : 8;
  const bytes = Buffer.alloc(6 + extra + size);
  bytes[0] = 0x80 | opcode;
  bytes[1] = 0x80 | (extra === 0 ? size : extra === 2 ? 126 : 127);
  if (extra === 2) bytes.writeUInt16BE(size, 2);
  if (extra === 8) bytes.writeBigUInt64BE(BigInt(size), 2);
  // A masking key of zeros (section 5.3 asks a browser for a random one): the text goes as it is.
  payload.copy(bytes, 6 + extra);
  return bytes;
}

export class LeanWebSocket {
  #socket;
  #rest = Buffer.alloc(0);
  #isOpen = false;
  #closing = 'without a word';
  onText = () => {};
  /** With code and reason, where the gateway gave any. */
  onClose = () => {};

  /**
   * @param {{host: string, port: number, path: string, protocol: string, from: string, isTls?: boolean}} options
   *   `from`: source address
   */
  static open({ host, port, path, protocol, from, isTls = false }) {
    return new Promise((resolve, reject) => {
      const it = new LeanWebSocket();
      const head = [`GET ${path} HTTP/1.1`, `Host: ${host}:${port}`, 'Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13',
        `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`, `Sec-WebSocket-Protocol: ${protocol}`,
        // What a browser says besides.
        `Origin: http${isTls ? 's' : ''}://${host}:${port}`, 'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
        'Accept-Encoding: gzip, deflate, br', 'Accept-Language: en-US,en;q=0.9', 'Cache-Control: no-cache', 'Pragma: no-cache', '', ''].join('\r\n');
      const connect = isTls ? tls.connect({ host, port, localAddress: from, rejectUnauthorized: false }) : net.connect({ host, port, localAddress: from });
      it.#socket = connect;
      connect.setNoDelay(true);
      connect.on(isTls ? 'secureConnect' : 'connect', () => connect.write(head));
      connect.on('error', (error) => (it.#isOpen ? undefined : reject(error)));
      connect.on('close', () => {
        if (!it.#isOpen) return reject(new Error('closed before the upgrade'));
        it.onClose(it.#closing);
      });
      connect.on('data', (data) => {
        it.#rest = it.#rest.length === 0 ? data : Buffer.concat([it.#rest, data]);
        if (!it.#isOpen) {
          const end = it.#rest.indexOf('\r\n\r\n');
          if (end < 0) return;
          const status = it.#rest.subarray(0, 12).toString();
          if (!status.endsWith('101')) {
            reject(new Error(status));
            connect.destroy();
            return;
          }
          it.#rest = it.#rest.subarray(end + 4);
          it.#isOpen = true;
          resolve(it);
        }
        // Whoever waited for the opening sets its handlers first.
        queueMicrotask(() => it.#takeFrames());
      });
    });
  }

  #takeFrames() {
    while (this.#rest.length >= 2) {
      const opcode = this.#rest[0] & 15;
      let size = this.#rest[1] & 127;
      let start = 2;
      if (size === 126) {
        if (this.#rest.length < 4) return;
        size = this.#rest.readUInt16BE(2);
        start = 4;
      } else if (size === 127) {
        if (this.#rest.length < 10) return;
        size = Number(this.#rest.readBigUInt64BE(2));
        start = 10;
      }
      if (this.#rest.length < start + size) return;
      const payload = this.#rest.subarray(start, start + size);
      const next = this.#rest.subarray(start + size);
      // A slice would keep the whole read alive.
      this.#rest = next.length === 0 ? Buffer.alloc(0) : next;
      if (opcode === TEXT) this.onText(payload.toString());
      if (opcode === PING) this.#socket.write(frame(PONG, payload));
      if (opcode === CLOSE) {
        this.#closing = `${payload.length >= 2 ? payload.readUInt16BE() : ''} ${payload.subarray(2)}`;
        this.#socket.end(frame(CLOSE, payload.subarray(0, 2)));
      }
    }
  }

  send(value) {
    this.#socket.write(frame(TEXT, Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))));
  }
  end() {
    this.#socket.end(frame(CLOSE, Buffer.from([3, 232])));
  }
}
