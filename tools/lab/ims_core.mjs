// The IMS core: two Kamailio processes, P-CSCF and S-CSCF with registrar.
import { mkdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { run } from './child_process.mjs';
import { KamailioRoles, answersOptions } from './kamailio.mjs';

const SCHEMAS = '/usr/share/kamailio/db_sqlite';

export class ImsCore {
  #options;
  #roles;

  /**
   * @param {{dir: string, pcscf: string, scscf: string, trusted: string, domain?: string,
   *   digestAlgorithm?: 'MD5' | 'SHA-256', minExpires?: number, namespace?: string}} options
   */
  constructor(options) {
    this.#options = { domain: 'ims.test', digestAlgorithm: 'MD5', minExpires: 60, ...options };
    this.#roles = new KamailioRoles(options);
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
    this.#roles.start(role);
  }
  stopRole(role) {
    return this.#roles.stop(role);
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

  stop() {
    return this.#roles.stopAll();
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
      RUN_DIR: dir, ROLE: role, PCSCF_IP: pcscf, SCSCF_IP: scscf, REGISTRAR_IP: scscf, TRUSTED_IP: trusted, DOMAIN: domain,
      DIGEST_ALGORITHM: digestAlgorithm, MIN_EXPIRES: String(minExpires),
    };
    await this.#roles.fill(`${role}.cfg.in`, `${role}.cfg`, values);
    await this.#roles.fill('common.cfg.in', `${role}-common.cfg`, values);
  }
}
