// An HTTPS server that takes CloudEvents, with a certificate of its own.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import https from 'node:https';
import { temporaryDirectory } from '../../tools/lab/temporary_directory.mjs';
import { eventFault } from './openapi.mjs';

export class WebhookSink {
  #server;
  #waiters = new Set();
  #waiting = [];
  deliveries = [];
  faults = [];
  /** What the next deliveries are answered with; then 204. */
  answers = [];
  answerHeaders = {};

  static async start() {
    const sink = new WebhookSink();
    const folder = await temporaryDirectory('byon-sink-');
    sink.caFile = `${folder}/cert.pem`;
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
      '-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', `${folder}/key.pem`, '-out', sink.caFile],
    { stdio: 'ignore' });
    sink.#server = https.createServer({ key: readFileSync(`${folder}/key.pem`), cert: readFileSync(sink.caFile) },
      (request, response) => sink.#take(request, response));
    sink.#server.listen(0, '127.0.0.1');
    await once(sink.#server, 'listening');
    sink.url = `https://127.0.0.1:${sink.#server.address().port}/events`;
    return sink;
  }

  async stop() {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #take(request, response) {
    let text = '';
    for await (const chunk of request) text += chunk;
    response.writeHead(this.answers.shift() ?? 204, this.answerHeaders).end();
    const delivery = { path: request.url, headers: request.headers, body: JSON.parse(text) };
    const fault = eventFault(delivery.body);
    if (fault) this.faults.push(`${delivery.body.type}: ${fault}`);
    this.deliveries.push(delivery);
    for (const waiter of [...this.#waiters]) if (waiter(delivery)) return;
    this.#waiting.push(delivery);
  }

  /** The next delivery that fits; each is given out once. */
  next(fits, timeoutMs = 20_000) {
    if (this.faults.length > 0) return Promise.reject(new Error(this.faults.join('\n')));
    const index = this.#waiting.findIndex(fits);
    if (index >= 0) return Promise.resolve(this.#waiting.splice(index, 1)[0]);
    return new Promise((resolve, reject) => {
      const waiter = (delivery) => {
        if (!fits(delivery)) return false;
        clearTimeout(timer);
        this.#waiters.delete(waiter);
        resolve(delivery);
        return true;
      };
      const timer = setTimeout(() => {
        this.#waiters.delete(waiter);
        const seen = this.deliveries.map(({ body }) => `${body.type.split('.').at(-1)}:${body.data.status ?? ''}`).join(' ');
        reject(new Error(`no such delivery in ${timeoutMs} ms; delivered: ${seen}`));
      }, timeoutMs);
      this.#waiters.add(waiter);
    });
  }
}
