// Two network namespaces joined by a veth pair: "ue" with everything of the lab, "gw" with the dataplane's
// interface, on which the kernel has no address.
import { execFileSync } from 'node:child_process';

const ip = (...args) => execFileSync('ip', args, { stdio: ['ignore', 'pipe', 'pipe'] }).toString();

/** Why namespaces cannot be made here; undefined when they can. */
export function whyNoNamespaces() {
  if (process.getuid() !== 0) return 'network namespaces need root';
  const name = `byon-try-${process.pid}`;
  try {
    ip('netns', 'add', name);
    ip('netns', 'exec', name, 'true');
    return undefined;
  } catch (error) {
    return `network namespaces are not allowed here: ${String(error.stderr ?? error.message).trim()}`;
  } finally {
    try {
      ip('netns', 'delete', name);
    } catch {
      // It was never made.
    }
  }
}

export class VethNetwork {
  // The dataplane answers ARP and NDP for .2 itself.
  ue = { v4: '10.99.0.1', v6: 'fd00:99::1' };
  gateway = { v4: '10.99.0.2', v6: 'fd00:99::2' };

  constructor() {
    this.userSpace = `byon-ue-${process.pid}`;
    this.gatewaySpace = `byon-gw-${process.pid}`;
    this.gatewayDevice = 'byongw';
  }

  create() {
    // A run that is cut short leaves no namespaces behind.
    process.once('SIGTERM', () => {
      this.destroy();
      process.exit(1);
    });
    const { userSpace, gatewaySpace, gatewayDevice } = this;
    for (const space of [userSpace, gatewaySpace]) {
      ip('netns', 'add', space);
      ip('-n', space, 'link', 'set', 'lo', 'up');
    }
    ip('link', 'add', 'byonue', 'netns', userSpace, 'type', 'veth', 'peer', 'name', gatewayDevice, 'netns', gatewaySpace);
    ip('-n', userSpace, 'link', 'set', 'byonue', 'up');
    ip('-n', gatewaySpace, 'link', 'set', gatewayDevice, 'up');
    ip('-n', userSpace, 'addr', 'add', `${this.ue.v4}/24`, 'dev', 'byonue');
    ip('-n', userSpace, 'addr', 'add', `${this.ue.v6}/64`, 'dev', 'byonue', 'nodad');
    // Firefox gathers no candidates without a default route.
    ip('-n', userSpace, 'route', 'add', 'default', 'via', this.gateway.v4);
    ip('-n', userSpace, '-6', 'route', 'add', 'default', 'via', this.gateway.v6);
    for (const [space, device] of [[userSpace, 'byonue'], [gatewaySpace, gatewayDevice]]) {
      // veth leaves checksums to a wire that is not there.
      execFileSync('ip', ['netns', 'exec', space, 'ethtool', '-K', device, 'tx', 'off', 'rx', 'off'], { stdio: 'ignore' });
    }
    return this;
  }

  destroy() {
    for (const space of [this.userSpace, this.gatewaySpace]) {
      try {
        ip('netns', 'delete', space);
      } catch {
        // Already gone.
      }
    }
  }
}
