// The IMS core: two Kamailio processes, P-CSCF and S-CSCF with registrar.
import dgram from 'node:dgram';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Child, run } from './child_process.mjs';

const TEMPLATES = fileURLToPath(new URL('kamailio', import.meta.url));
const SCHEMAS = '/usr/share/kamailio/db_sqlite';

export class ImsCore {
  #options;
  #processes = new Map();

  /**
   * @param {{dir: string, pcscf: string, scscf: string, trusted: string, domain?: string,
   *   digestAlgorithm?: 'MD5' | 'SHA-256', minExpires?: number, namespace?: string}} options
   */
  constructor(options) {
    this.#options = { domain: 'ims.test', digestAlgorithm: 'MD5', minExpires: 60, ...options };
  }

  async start() {
    const { dir } = this.#options;
    await mkdir(dir, { recursive: true });
    await this.#makeDatabase();
    for (const role of ['scscf', 'pcscf']) {
      await this.#writeConfig(role);
      await this.startRole(role);
    }
    await Promise.all([answersOptions(this.#options.pcscf), answersOptions(this.#options.scscf)]);
  }

  /** One of the two alone, after stopRole(). @param {'pcscf' | 'scscf'} role */
  async startRole(role) {
    const { dir, namespace } = this.#options;
    const command = ['kamailio', '-f', `${dir}/${role}.cfg`, '-L', moduleFolder(), '-P', `${dir}/${role}.pid`,
      '-Y', dir, '-m', '64', '-M', '8', '-E', '-DD'];
    this.#processes.set(role, new Child(role, command, { log: `${dir}/${role}.log`, namespace }));
  }

  async stopRole(role) {
    await this.#processes.get(role)?.stop();
    this.#processes.delete(role);
  }

  /** Takes every contact of a number away, as an operator would: reg-event tells the gateway. */
  async removeRegistrations(number) {
    const { dir, domain } = this.#options;
    return run(['kamcmd', '-s', `unix:${dir}/scscf.ctl`, 'ul.rm', 'location', `${number}@${domain}`]);
  }

  /** The contacts of a number as the registrar has them. */
  async registrations(number) {
    const { dir, domain } = this.#options;
    const text = await run(['kamcmd', '-s', `unix:${dir}/scscf.ctl`, 'ul.lookup', 'location', `${number}@${domain}`])
      .catch(() => '');
    return [...text.matchAll(/Address: (\S+)/g)].map(([, contact]) => contact);
  }

  async stop() {
    await Promise.all([...this.#processes.keys()].map((role) => this.stopRole(role)));
  }

  async #makeDatabase() {
    const file = path.join(this.#options.dir, 'scscf.sqlite');
    await rm(file, { force: true });
    for (const name of ['standard', 'presence']) {
      await run(['sqlite3', file], { input: await readFile(`${SCHEMAS}/${name}-create.sql`, 'utf8') });
    }
    // Debian's schema has the table but not its version number.
    await run(['sqlite3', file, "INSERT OR IGNORE INTO version (table_name, table_version) VALUES ('pua', 7)"]);
  }

  async #writeConfig(role) {
    const { dir, pcscf, scscf, trusted, domain, digestAlgorithm, minExpires } = this.#options;
    const values = {
      RUN_DIR: dir, ROLE: role, PCSCF_IP: pcscf, SCSCF_IP: scscf, TRUSTED_IP: trusted, DOMAIN: domain,
      DIGEST_ALGORITHM: digestAlgorithm, MIN_EXPIRES: String(minExpires),
    };
    for (const [template, file] of [[`${role}.cfg.in`, `${role}.cfg`], ['common.cfg.in', `${role}-common.cfg`]]) {
      const text = await readFile(path.join(TEMPLATES, template), 'utf8');
      await writeFile(path.join(dir, file), text.replace(/@([A-Z_]+)@/g, (whole, name) => values[name] ?? whole));
    }
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
async function answersOptions(ip, patienceMs = 15_000) {
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
