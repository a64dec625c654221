// Kamailio processes of an IMS core: configuration from templates, start, stop, and whether they answer.
import dgram from 'node:dgram';
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Child } from './child_process.mjs';

const TEMPLATES = fileURLToPath(new URL('kamailio', import.meta.url));

export class KamailioRoles {
  #processes = new Map();

  /** @param {{dir: string, namespace?: string}} options */
  constructor({ dir, namespace }) {
    this.dir = dir;
    this.namespace = namespace;
  }

  /** A template of the folder `kamailio` as a file; words between @ signs are filled in. */
  async fill(template, file, values) {
    await mkdir(path.dirname(path.join(this.dir, file)), { recursive: true });
    const text = await readFile(path.join(TEMPLATES, template), 'utf8');
    await writeFile(path.join(this.dir, file), text.replace(/@([A-Z_]+)@/g, (whole, name) => values[name] ?? whole));
  }

  /** The process of ROLE.cfg. */
  start(role) {
    const { dir, namespace } = this;
    const command = ['kamailio', '-f', `${dir}/${role}.cfg`, '-L', moduleFolder(), '-P', `${dir}/${role}.pid`,
      '-Y', dir, '-m', '64', '-M', '8', '-E', '-DD'];
    this.#processes.set(role, new Child(role, command, { log: `${dir}/${role}.log`, namespace }));
  }

  async stop(role) {
    await this.#processes.get(role)?.stop();
    this.#processes.delete(role);
  }
  async stopAll() {
    await Promise.all([...this.#processes.keys()].map((role) => this.stop(role)));
  }
}

function moduleFolder() {
  const folder = readdirSync('/usr/lib')
    .map((name) => `/usr/lib/${name}/kamailio/modules`)
    .find((name) => existsSync(name));
  if (!folder) throw new Error('no Kamailio modules found; run tools/setup');
  return folder;
}

/** Resolves when the SIP server at this address answers OPTIONS. */
export async function answersOptions(ip, patienceMs = 15_000) {
  const socket = dgram.createSocket('udp4');
  await new Promise((resolve) => socket.bind(0, ip, resolve));
  const deadline = Date.now() + patienceMs;
  try {
    const answer = new Promise((resolve) => socket.once('message', resolve));
    for (let cseq = 1; Date.now() < deadline; ++cseq) {
      const { port } = socket.address();
      socket.send(
        `OPTIONS sip:${ip} SIP/2.0\r\nVia: SIP/2.0/UDP ${ip}:${port};branch=z9hG4bKlab${process.pid}x${cseq}\r\n` +
          `From: <sip:lab@${ip}>;tag=lab\r\nTo: <sip:${ip}>\r\nCall-ID: lab-${process.pid}-${port}\r\n` +
          `CSeq: ${cseq} OPTIONS\r\nMax-Forwards: 5\r\nContent-Length: 0\r\n\r\n`, 5060, ip);
      if (await Promise.race([answer.then(() => true), delay(150, false)])) return;
    }
    throw new Error(`no SIP server answers at ${ip}:5060`);
  } finally {
    socket.close();
  }
}
