// Which loopback network a lab takes: several labs run side by side without knowing of each other.
import net from 'node:net';
import { randomInt } from 'node:crypto';

function hold(instance) {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', () => resolve(undefined));
    server.listen(5999, `127.0.${instance}.9`, () => resolve(server));
    server.unref();
  });
}

/**
 * Takes an instance, the given one or any free one from 20 up, for as long as the process lives or until release().
 * @param {number} [wanted]
 */
export async function takeInstance(wanted) {
  const tries = wanted === undefined ? Array.from({ length: 60 }, () => randomInt(20, 250)) : [wanted];
  for (const instance of tries) {
    const server = await hold(instance);
    if (server) return { instance, release: () => server.close() };
  }
  throw new Error(wanted === undefined ? 'no free lab instance' : `lab instance ${wanted} is taken`);
}
