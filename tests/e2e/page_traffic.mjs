// Checks what a page and the gateway say to each other, as ApiClient and Channel do for their own: by the OpenAPI and
// AsyncAPI files.
import { channelFault, eventFault, requestFault, responseFault, withoutExtensions } from './openapi.mjs';

const isApi = (path) => /^\/(webrtc-|byon\/)/.test(path);
const isChannel = (url) => new URL(url).pathname.includes('/byon/v1/channels');

/** What was said, and what of it no document describes. */
class Checked {
  faults = [];
  requests = 0;
  messages = 0;

  /** @param {{method: string, url: string, headers: Record<string, string>, sent?: string, status: number, type?: string, text: string}} exchange */
  takeExchange({ method, url, headers, sent, status, type, text }) {
    const { pathname, search } = new URL(url);
    if (!isApi(pathname) || method === 'OPTIONS') return;
    const path = pathname + search;
    const answer = text ? JSON.parse(text) : undefined;
    ++this.requests;
    this.#note(path, responseFault(method, path, status, type, headers['x-byon-extensions'] ? withoutExtensions(answer) : answer));
    if (status < 300) this.#note(path, requestFault(method, path, headers, sent ? JSON.parse(sent) : undefined));
  }
  /** @param {'publish' | 'subscribe'} side */
  takeMessage(side, payload) {
    const message = JSON.parse(payload.toString());
    ++this.messages;
    this.#note(`message ${message.type ?? message.command ?? message.id}`, channelFault(side, message));
    if (message.specversion) this.#note(message.type, eventFault(message));
  }
  #note(what, fault) {
    if (fault) this.faults.push(`${what}: ${fault}`);
  }
}

/** Throws what was wrong with all that pages said; without pages nothing is. @param {Checked[]} all */
function assertGood(all) {
  const faults = all.flatMap(({ faults: found }) => found);
  if (all.length > 0 && all.every(({ requests, messages }) => requests + messages === 0)) faults.push('no page said anything');
  if (faults.length > 0) throw new Error(`page and gateway spoke as no document says:\n${[...new Set(faults)].join('\n')}`);
}

/** Listens to a page of Playwright from now on. */
function listenTo(page) {
  const checked = new Checked();
  const takeResponse = async (response) => {
    const request = response.request();
    checked.takeExchange({
      method: request.method(), url: response.url(), headers: request.headers(), sent: request.postData() ?? undefined,
      status: response.status(), type: response.headers()['content-type'],
      text: response.status() === 204 || !isApi(new URL(response.url()).pathname) ? '' : await response.text(),
    });
  };
  page.on('response', (response) => takeResponse(response).catch(() => {})); // the page may close meanwhile
  page.on('websocket', (socket) => {
    if (!isChannel(socket.url())) return;
    socket.on('framesent', ({ payload }) => checked.takeMessage('publish', payload));
    socket.on('framereceived', ({ payload }) => checked.takeMessage('subscribe', payload));
  });
  return checked;
}

/** Checks every page that this browser opens from now on; its close() throws what was wrong. */
export function watchPages(browser) {
  const watched = [];
  const { newContext, close } = browser;
  browser.newContext = async (...options) => {
    const context = await newContext.apply(browser, options);
    context.on('page', (page) => watched.push(listenTo(page)));
    return context;
  };
  browser.close = async () => {
    await close.call(browser);
    assertGood(watched);
  };
  return browser;
}

/** Runs in a page before everything else, in browsers that do not tell of WebSocket frames: the page writes down itself. */
export function recordTraffic() {
  const record = { exchanges: [], messages: [] };
  window.labTraffic = record;
  const { fetch: original, WebSocket: Original } = window;
  window.fetch = async (input, init) => {
    const request = new Request(input, init);
    const sent = ['GET', 'HEAD'].includes(request.method) ? undefined : await request.clone().text();
    const response = await original(input, init);
    record.exchanges.push({
      method: request.method, url: request.url, headers: Object.fromEntries(request.headers), sent, status: response.status,
      type: response.headers.get('content-type') ?? undefined, text: await response.clone().text(),
    });
    return response;
  };
  window.WebSocket = class extends Original {
    constructor(...parameters) {
      super(...parameters);
      this.addEventListener('message', ({ data }) => record.messages.push(['subscribe', this.url, data]));
    }
    send(data) {
      record.messages.push(['publish', this.url, data]);
      super.send(data);
    }
  };
}

/** Throws what was wrong with a page's own record. */
export function assertRecorded({ exchanges, messages }) {
  const checked = new Checked();
  for (const exchange of exchanges) checked.takeExchange({ ...exchange, text: isApi(new URL(exchange.url).pathname) ? exchange.text : '' });
  for (const [side, url, data] of messages) if (isChannel(url)) checked.takeMessage(side, data);
  assertGood([checked]);
}
