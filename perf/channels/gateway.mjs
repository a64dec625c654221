// The real programs, with the settings of a gateway for many channels.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { Child } from '../../tools/lab/child_process.mjs';
import { audience } from './identity.mjs';

export class GatewayUnderLoad {
  /**
   * @param {{controlPlane: string, dataPlane: string, dir: string, addresses: object, issuer: string, connections: number,
   *   isTls: boolean, change?: (settings: object) => void}} options `controlPlane`, `dataPlane`: the programs; `change`: of the
   *   control plane's settings
   */
  static async start({ controlPlane, dataPlane, dir, addresses, issuer, connections, isTls, change }) {
    const it = new GatewayUnderLoad();
    const { http, gatewaySip, mediaControl, media, pcscf } = addresses;
    const origin = `http${isTls ? 's' : ''}://${http.ip}:${http.port}`;
    const tls = { certificate_file: `${dir}/server.pem`, private_key_file: `${dir}/server.key` };
    if (isTls) {
      execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=load',
        '-keyout', tls.private_key_file, '-out', tls.certificate_file], { stdio: 'ignore' });
    }
    // JSON is YAML. What is not here is the default: limits per address and per user among it.
    const control = {
      node_id: 'load', log: { level: 'warning' },
      http: { listen: `${http.ip}:${http.port}`, public_url: origin, ...(isTls ? { tls } : {}) },
      oauth: { issuers: [{ issuer }], audience: [audience], web_client: { client_id: 'load', scopes: 'openid' } },
      ims: { home_domain: 'ims.test', local: `${gatewaySip.ip}:${gatewaySip.port}`, next_hops: [`${pcscf}:5060`], reg_event: false },
      dataplanes: [{ address: `${mediaControl.ip}:${mediaControl.port}` }],
      store: { kind: 'sqlite', path: `${dir}/controlplane.db` },
      limits: { connections },
    };
    const data = {
      node_id: 'load-media', control: { listen: `${mediaControl.ip}:${mediaControl.port}`, drain_seconds: 1 },
      media: { access: { ipv4: media }, ims: { ipv4: media } }, log: { level: 'warning' },
    };
    change?.(control);
    await writeFile(`${dir}/controlplane.yaml`, JSON.stringify(control));
    await writeFile(`${dir}/dataplane.yaml`, JSON.stringify(data));
    it.data = new Child('byon-dataplane', [dataPlane, '--config', `${dir}/dataplane.yaml`], { log: `${dir}/dataplane.log` });
    it.control = new Child('byon-controlplane', [controlPlane, '--config', `${dir}/controlplane.yaml`], { log: `${dir}/controlplane.log` });
    it.address = { host: http.ip, port: http.port, isTls };
    return it;
  }

  async waitUntilReady(isReady, patienceMs = 60_000) {
    for (const until = Date.now() + patienceMs; ; await delay(100)) {
      if (await isReady().catch(() => false)) return;
      if (!this.control.isRunning || !this.data.isRunning || Date.now() > until) {
        throw new Error(`the gateway did not get ready:\n${this.control.tail()}\n${this.data.tail()}`);
      }
    }
  }

  /** Memory that is really there, in bytes. */
  get residentBytes() {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${this.control.pid}/status`, 'utf8'))[1]) * 1024;
  }
  /** Processor time so far, in seconds. */
  get cpuSeconds() {
    const fields = readFileSync(`/proc/${this.control.pid}/stat`, 'utf8').split(') ')[1].split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  }

  async stop() {
    await this.control?.stop(20_000);
    await this.data?.stop(10_000);
  }
}
