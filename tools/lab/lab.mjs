// The whole laboratory: IMS core, identity provider, gateway and SIM phones, as an object for tests and as a command.
//   lab start [--dir DIR] [--instance N] [--build DIR]     stays up until Ctrl-C
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { addressesOf } from './addresses.mjs';
import { Child } from './child_process.mjs';
import { controlPlaneConfig, dataPlaneConfig, subscribers } from './gateway_config.mjs';
import { GATEWAY_CLIENT, IdentityProvider, USERS } from './identity_provider.mjs';
import { ImpairmentRelay } from './impairment_relay.mjs';
import { ImsCore } from './ims_core.mjs';
import { ImsNetwork } from './ims_network.mjs';
import { takeInstance } from './instance.mjs';
import { FIRST, SECOND, SecondOperator, withSecondOperator } from './second_operator.mjs';
import { SimPhone } from './sim_phone.mjs';
import { temporaryDirectory } from './temporary_directory.mjs';

export { USERS };
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Where the programs were built: $BYON_BUILD_DIR, else the sanitized build, else the release. */
export function findBuild() {
  const places = [process.env.BYON_BUILD_DIR, `${ROOT}.build/sanitize`, `${ROOT}.build/release`];
  const found = places.find((place) => place && existsSync(`${place}/tools/simphone/byon-simphone`));
  if (!found) throw new Error('the programs are not built; run tests/run or tools/quickstart');
  return path.resolve(found);
}

export class Lab {
  #instance;
  #phones = [];
  #options;
  #relayFault;

  /**
   * @param {{dir?: string, buildDir?: string, instance?: number, hasGateway?: boolean, hasCore?: boolean, hasHss?: boolean, isim?: string[], ims?: object,
   *   identityProvider?: object, codecs?: string[], environment?: object, webDir?: string,
   *   relay?: {seed?: number, near?: string}, hasSecondOperator?: boolean,
   *   controlPlane?: (config: object, lab: Lab) => void, dataPlane?: (config: object) => void,
   *   files?: Record<string, string>}} [options]
   *   hasCore: false where the test plays the network; hasHss: an ImsNetwork instead of an ImsCore, where the numbers of isim authenticate with AKA; controlPlane and
   *   dataPlane change the settings before the programs see them; files are put into the lab's folder;
   *   with `relay` all media that the phones of this lab, and browsers that are given it, exchange with the gateway
   *   passes an ImpairmentRelay; with `hasSecondOperator` the gateway serves two: see second_operator.mjs
   */
  static async start(options = {}) {
    const lab = new Lab();
    try {
      await lab.#start(options);
      return lab;
    } catch (error) {
      await lab.stop();
      throw error;
    }
  }

  async #start(options) {
    this.#options = options;
    this.#instance = await takeInstance(options.instance);
    this.instance = this.#instance.instance;
    this.addresses = { ...addressesOf(this.instance), ...options.addresses };
    this.dir = path.resolve(options.dir ?? (await temporaryDirectory('byon-lab-')));
    this.buildDir = options.buildDir ? path.resolve(options.buildDir) : findBuild();
    await mkdir(this.dir, { recursive: true });
    const { pcscf, backupPcscf, icscf, scscf, hss, trusted, http, app, identityProvider } = this.addresses;
    if (options.hasCore ?? true) this.core = options.hasHss
      ? new ImsNetwork({ dir: `${this.dir}/ims`, pcscf, backupPcscf, icscf, scscf, hss, isim: options.isim, ...options.ims })
      : new ImsCore({ dir: `${this.dir}/ims`, pcscf, scscf, trusted, ...options.ims });
    this.url = `http://${http.ip}:${http.port}`;
    this.appUrl = `http://${app.ip}:${app.port}`;
    if (options.hasSecondOperator) {
      this.second = new SecondOperator(this);
      this.firstUrl = `http://${FIRST.host}:${http.port}`;
    }
    this.identityProvider = new IdentityProvider({
      ...identityProvider, webOrigins: [this.url, this.appUrl, ...(this.second ? [this.firstUrl] : [])],
      ...options.identityProvider,
    });
    await Promise.all([this.core?.start(), this.identityProvider.start(), this.second?.start()]);
    if (options.relay) this.relay = await ImpairmentRelay.start({ near: this.addresses.relay, far: this.addresses.relay, ...options.relay });
    if (options.hasGateway ?? true) await this.#startGateway();
  }

  async #startGateway() {
    const { dir } = this;
    await writeFile(`${dir}/introspection.secret`, GATEWAY_CLIENT.secret, { mode: 0o600 });
    await writeFile(`${dir}/subscribers.yaml`, stringify(subscribers(Object.values(USERS), this.#options.isim)), { mode: 0o600 });
    const settings = controlPlaneConfig({
      addresses: this.addresses, issuer: this.identityProvider.issuer, webDir: this.#options.webDir ?? process.env.BYON_WEB_DIR ?? '',
      secretFile: `${dir}/introspection.secret`, subscribersFile: `${dir}/subscribers.yaml`,
      storeFile: `${dir}/controlplane.db`, codecs: this.#options.codecs,
    });
    const control = this.second ? withSecondOperator(settings, this) : settings;
    const data = dataPlaneConfig({ addresses: this.addresses });
    this.#options.controlPlane?.(control, this);
    this.#options.dataPlane?.(data);
    for (const [name, text] of Object.entries(this.#options.files ?? {})) await writeFile(`${dir}/${name}`, text, { mode: 0o600 });
    await writeFile(`${dir}/controlplane.yaml`, stringify(control));
    await writeFile(`${dir}/dataplane.yaml`, stringify(data));
    await this.startDataPlane();
    await this.startControlPlane();
  }

  async startDataPlane() {
    this.dataPlane = this.#program('dataplane', 'dataplane/byon-dataplane');
    await this.dataPlane.waitForLine(/\bready\b/, 60_000);
  }
  async startControlPlane() {
    this.controlPlane = this.#program('controlplane', 'controlplane/byon-controlplane');
    await this.controlPlane.waitForLine(/\bready\b/, 60_000);
    // Until then the API tells clients to come again in a moment (503).
    await this.controlPlane.waitForLine(/\brestored\b/, 60_000);
  }
  #program(name, file) {
    return new Child(`byon-${name}`, [`${this.buildDir}/${file}`, '--config', `${this.dir}/${name}.yaml`],
      { log: `${this.dir}/${name}.log`, env: this.#options.environment, namespace: this.#options.namespaces?.[name] });
  }

  /** Ends the control plane by a signal and starts it again. @param {{signal?: string}} [options] */
  async restartControlPlane({ signal = 'SIGTERM' } = {}) {
    this.controlPlane.signal(signal);
    await this.controlPlane.exit;
    await this.startControlPlane();
  }

  /** An access token of a user. @param {string} user see USERS */
  token(user, options) {
    return this.identityProvider.token(user, options);
  }

  /**
   * A SIM phone, registered.
   * @param {string} number
   * @param {{flags?: string[], ofSecond?: boolean}} [options] flags of byon-simphone; at the second operator
   */
  async phone(number, { flags = [], ofSecond = false, ...others } = {}) {
    const options = ofSecond ? { pcscf: this.addresses.second.pcscf, domain: SECOND.domain, ...others } : others;
    const index = this.#phones.length;
    const phone = new SimPhone(number, {
      program: `${this.buildDir}/tools/simphone/byon-simphone`, log: `${this.dir}/phone-${index}-${number}.log`,
      localIp: this.addresses.phone(index), pcscf: this.addresses.pcscf,
      flags: ['--imei', imei(index), ...this.#detour(index), ...flags], ...options,
      onMediaPath: (path) => this.#joinPhone(index, path),
    });
    this.#phones.push(phone);
    await phone.registered();
    return phone;
  }

  #detour(index) {
    return this.relay ? ['--media-relay', this.addresses.phoneRelay(index)] : [];
  }
  #joinPhone(index, { ip, port, remote }) {
    const gateway = remote && { ip: remote.ip, port: remote.port, rtcpPort: remote.rtcp_port };
    this.relay.joinPhone({ relay: this.addresses.phoneRelay(index), phone: { ip, port }, gateway })
      .catch((error) => (this.#relayFault ??= error));
  }

  /** Ends everything that was started. Throws when a program of ours reported a fault of memory. */
  async stop() {
    const died = [this.controlPlane, this.dataPlane].filter((child) => child && !child.isRunning);
    await Promise.all(this.#phones.map((phone) => phone.stop()));
    await this.controlPlane?.stop(15_000);
    await this.dataPlane?.stop(15_000);
    await this.core?.stop();
    await this.identityProvider?.stop();
    await this.second?.stop();
    await this.relay?.stop();
    this.#instance?.release();
    if (this.#relayFault) throw new Error('the relay did not join a phone', { cause: this.#relayFault });
    if (died.length > 0) {
      throw new Error(died.map((child) => `${child.name} ended by itself, ${JSON.stringify(child.result)} (${child.log}):\n${child.tail(40)}`).join('\n'));
    }
    const children = [this.controlPlane, this.dataPlane, ...this.#phones.map(({ child }) => child)];
    const faulty = children.filter((child) => child && /AddressSanitizer|runtime error:|LeakSanitizer|CHECK failed/.test(child.tail(400)));
    if (faulty.length > 0) {
      throw new Error(faulty.map((child) => `${child.name} (${child.log}):\n${child.tail(60)}`).join('\n'));
    }
  }
}

/** A phone's IMEI without its check digit, different for each phone of a lab. */
function imei(index) {
  return `35209900-${String(100000 + index)}-0`;
}

async function main([command, ...args]) {
  if (command !== 'start') {
    console.error('usage: lab start [--dir DIR] [--instance N] [--build DIR]');
    process.exit(2);
  }
  const flag = (name) => (args.includes(name) ? args[args.indexOf(name) + 1] : undefined);
  const instance = flag('--instance');
  const lab = await Lab.start({
    dir: flag('--dir'), buildDir: flag('--build'), ...(instance === undefined ? {} : { instance: Number(instance) }),
  });
  console.log(`web client   ${lab.url}`);
  console.log(`your page    ${lab.appUrl} may use the gateway too`);
  console.log(`logins       ${Object.entries(USERS).map(([user, number]) => `${user}/${user} (${number})`).join(', ')}`);
  console.log(`P-CSCF       ${lab.addresses.pcscf}:5060, domain ims.test, password pwNUMBER`);
  console.log(`logs         ${lab.dir}`);
  const stop = () => lab.stop().then(() => process.exit(0), (error) => {
    console.error(error.message);
    process.exit(1);
  });
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv.slice(2));
