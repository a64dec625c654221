// Looks at a dataplane again and again, without becoming a load for it.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';
import { callView, nodeRates } from './rates.mjs';

const PROTO = fileURLToPath(new URL('../../dataplane/api/media_control.proto', import.meta.url));
const CALLS_A_LOOK = 200; // asked for their figures; with more calls, others have their turn at the next look
const AT_ONCE = 8;

export class NodeWatch {
  #client;
  #before;
  #calls = new Map(); // id -> view, as it was when last asked
  #next = 0;

  constructor(address, tls) {
    const definition = loader.loadSync(PROTO, { keepCase: true, longs: Number, enums: String, defaults: true, oneofs: true });
    const { media } = grpc.loadPackageDefinition(definition).byon;
    const file = (path) => (path ? readFileSync(path) : null);
    const credentials = tls.ca ? grpc.credentials.createSsl(file(tls.ca), file(tls.key), file(tls.cert)) : grpc.credentials.createInsecure();
    this.#client = new media.v1.MediaControl(address, credentials);
  }

  #ask(method, request = {}) {
    return new Promise((resolve, reject) => this.#client[method](request, { deadline: Date.now() + 3000 }, (error, answer) => (error ? reject(error) : resolve(answer))));
  }

  /** @returns what is known now: the node, rates since the last look, and the calls that were looked at so far. */
  async look() {
    const [node, stats, list] = await Promise.all([this.#ask('GetNode'), this.#ask('GetNodeStats'), this.#ask('ListSessions')]);
    const at = performance.now();
    const isSame = this.#before?.generation === node.generation;
    const seconds = isSame ? Math.max(0.001, (at - this.#before.at) / 1000) : 1;
    const rates = nodeRates(stats, isSame ? this.#before.stats : undefined, seconds);
    this.#before = { at, stats, generation: node.generation };
    await this.#lookAtCalls(list.sessions);
    return { node, rates, calls: [...this.#calls.values()] };
  }

  async #lookAtCalls(sessions) {
    const alive = new Set(sessions.map((session) => session.session_id));
    for (const id of this.#calls.keys()) {
      if (!alive.has(id)) this.#calls.delete(id);
    }
    if (sessions.length === 0) return;
    const start = this.#next % sessions.length;
    const turn = [...sessions.slice(start), ...sessions.slice(0, start)].slice(0, CALLS_A_LOOK);
    this.#next = start + turn.length;
    await Promise.all(Array.from({ length: AT_ONCE }, async () => {
      for (let session = turn.pop(); session; session = turn.pop()) {
        const stats = await this.#ask('GetStats', { session_id: session.session_id }).catch((error) => {
          if (error.code !== grpc.status.NOT_FOUND) throw error; // it ended meanwhile
        });
        if (stats) this.#calls.set(session.session_id, callView(session, stats));
        else this.#calls.delete(session.session_id);
      }
    }));
  }

  close() {
    this.#client.close();
  }
}
