// A whole IMS core: P-CSCFs, I-CSCF and S-CSCF of Kamailio's ims_* modules, and an HSS behind them.
import { mkdir, writeFile } from 'node:fs/promises';
import { HomeSubscriberServer } from './hss.mjs';
import { KamailioRoles, answersOptions } from './kamailio.mjs';
import { laboratoryKeys } from './milenage.mjs';

const PATIENCE_MS = 15_000;

export class ImsNetwork {
  #options;
  #roles;

  /**
   * @param {{dir: string, pcscf: string, backupPcscf: string, icscf: string, scscf: string, hss: string, domain?: string,
   *   isim?: string[], namespace?: string}} options
   *   isim: the numbers that authenticate with AKAv1-MD5; all others do by MD5 with "pw" + number
   */
  constructor(options) {
    this.#options = { domain: 'ims.test', ...options, isim: options.isim ?? [] };
    this.#roles = new KamailioRoles(options);
    const { hss, domain, isim, scscf } = this.#options;
    const keys = Object.fromEntries(isim.map((number) => [number, laboratoryKeys(number)]));
    this.hss = new HomeSubscriberServer({ ip: hss, domain, isim: keys, scscf: `sip:${scscf}:5060` });
  }

  async start() {
    await this.#writeConfigs();
    await this.hss.start();
    for (const role of ['scscf', 'icscf', 'pcscf', 'pcscf2']) this.startRole(role);
    const { pcscf, backupPcscf, icscf, scscf } = this.#options;
    await Promise.all([pcscf, backupPcscf, icscf, scscf].map((ip) => answersOptions(ip, PATIENCE_MS)));
    await this.hss.peersConnected(2, PATIENCE_MS);
  }

  /** @param {'pcscf' | 'pcscf2' | 'icscf' | 'scscf'} role */
  startRole(role) {
    this.#roles.start(role);
  }
  stopRole(role) {
    return this.#roles.stop(role);
  }

  /** Takes a number's registration away, as the HSS does for an operator. */
  removeRegistrations(number, reason) {
    return this.hss.terminate(number, reason);
  }

  async stop() {
    await this.#roles.stopAll();
    await this.hss.stop();
  }

  async #writeConfigs() {
    const { dir, pcscf, backupPcscf, icscf, scscf, hss, domain } = this.#options;
    const addresses = { pcscf, pcscf2: backupPcscf, icscf, scscf };
    for (const [role, ip] of Object.entries(addresses)) {
      const values = {
        RUN_DIR: dir, ROLE: role, OWN_IP: ip, PCSCF_IP: ip, ICSCF_IP: icscf, SCSCF_IP: scscf, REGISTRAR_IP: icscf, HSS_IP: hss, DOMAIN: domain,
      };
      const isEdge = role.startsWith('pcscf');
      await this.#roles.fill(isEdge ? 'pcscf.cfg.in' : `ims/${role}.cfg.in`, `${role}.cfg`, values);
      await this.#roles.fill('common.cfg.in', `${role}-common.cfg`, values);
      if (!isEdge) await this.#roles.fill('ims/diameter.xml.in', `${role}-diameter.xml`, values);
    }
    await this.#writeSelection();
  }

  /** The I-CSCF's own tables of S-CSCFs (TS 29.228 section 6.7). */
  async #writeSelection() {
    const { dir, scscf, domain } = this.#options;
    const tables = {
      version: ['table_name(str) table_version(int)', 'nds_trusted_domains:1', 's_cscf:1', 's_cscf_capabilities:1'],
      nds_trusted_domains: ['id(int) trusted_domain(str)', `1:${domain}`],
      s_cscf: ['id(int) name(str) s_cscf_uri(str)', `1:scscf:sip\\:${scscf}\\:5060`],
      s_cscf_capabilities: ['id(int) id_s_cscf(int) capability(int)', '1:1:0'],
    };
    await mkdir(`${dir}/icscf-db`, { recursive: true });
    for (const [name, lines] of Object.entries(tables)) await writeFile(`${dir}/icscf-db/${name}`, `${lines.join('\n')}\n`);
  }
}
