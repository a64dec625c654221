// Host names of a lab for this process (fetch, WebSocket): below .localhost, so that browsers trust them, but not on 127.0.0.1.
import dns from 'node:dns';

const addresses = new Map();
const { lookup } = dns;

dns.lookup = (name, options, done) => {
  const address = addresses.get(name);
  if (!address) return lookup(name, options, done);
  const answer = typeof options === 'function' ? options : done;
  const all = typeof options === 'object' && options.all;
  process.nextTick(() => (all ? answer(null, [{ address, family: 4 }]) : answer(null, address, 4)));
};

/** @param {string} name @param {string} ip */
export function nameHost(name, ip) {
  addresses.set(name, ip);
}

/** What Chromium must be told to find the same hosts. */
export function resolverFlag() {
  return `--host-resolver-rules=${[...addresses].map(([name, ip]) => `MAP ${name} ${ip}`).join(',')}`;
}
