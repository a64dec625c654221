// Checks what a page and the gateway say to each other, as ApiClient and Channel do for their own: by the OpenAPI and
// AsyncAPI files.
import { channelFault, eventFault, requestFault, responseFault } from './openapi.mjs';

export class PageTraffic {
  faults = [];
  requests = 0;
  messages = 0;

  /** @param {import('playwright-core').Page} page from now on */
  constructor(page) {
    page.on('response', (response) => this.#takeResponse(response).catch(() => {})); // the page may close meanwhile
    page.on('websocket', (socket) => {
      if (!new URL(socket.url()).pathname.includes('/byon/v1/channels')) return;
      socket.on('framesent', ({ payload }) => this.#takeMessage('publish', payload));
      socket.on('framereceived', ({ payload }) => this.#takeMessage('subscribe', payload));
    });
  }

  async #takeResponse(response) {
    const request = response.request();
    const { pathname, search } = new URL(response.url());
    const path = pathname + search;
    const headers = request.headers();
    if (!/^\/(webrtc-|byon\/)/.test(pathname) || request.method() === 'OPTIONS' || headers['x-byon-extensions']) return;
    const text = response.status() === 204 ? '' : await response.text();
    ++this.requests;
    this.#note(path, responseFault(request.method(), path, response.status(), response.headers()['content-type'], text ? JSON.parse(text) : undefined));
    if (response.ok()) {
      const body = request.postData();
      this.#note(path, requestFault(request.method(), path, headers, body ? JSON.parse(body) : undefined));
    }
  }
  #takeMessage(side, payload) {
    const message = JSON.parse(payload.toString());
    ++this.messages;
    this.#note(`message ${message.type ?? message.command ?? message.id}`, channelFault(side, message));
    if (message.specversion) this.#note(message.type, eventFault(message));
  }
  #note(what, fault) {
    if (fault) this.faults.push(`${what}: ${fault}`);
  }
}
