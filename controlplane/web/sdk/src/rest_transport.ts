import { Emitter } from './emitter.js';
import { ByonError } from './error.js';
import { EventChannel, passOn } from './event_channel.js';
import { type OperationName, type Operations, REST_FORMS } from './operations.js';
import { errorOfBody, type Transport, type TransportEvents, type TransportOptions } from './transport.js';

/** Operations over REST, events over the gateway's WebSocket. */
export class RestTransport extends Emitter<TransportEvents> implements Transport {
  readonly #options: TransportOptions;
  readonly #gateway: string;
  #channel: EventChannel | undefined;

  constructor(options: TransportOptions) {
    super();
    this.#options = options;
    this.#gateway = options.gateway.replace(/\/+$/, '');
  }

  async request<Name extends OperationName>(
    name: Name,
    params: Operations[Name]['params'],
    ...[body]: Operations[Name]['body'] extends undefined ? [] : [Operations[Name]['body']]
  ): Promise<Operations[Name]['result']> {
    const form = REST_FORMS[name];
    const given = params as Record<string, string>;
    const path = form.path.replace(/\{(\w+)\}/g, (_, param: string) => encodeURIComponent(given[param] ?? ''));
    const query = new URLSearchParams((form.query ?? []).flatMap((param) => (given[param] === undefined ? [] : [[param, given[param]]])));
    const token = await this.#options.getToken();
    const send = this.#options.fetch ?? globalThis.fetch.bind(globalThis);
    let response: Response;
    let text: string;
    try {
      response = await send(this.#gateway + path + (query.size > 0 ? `?${query}` : ''), {
        method: form.method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(form.asksForChannel ? { 'x-byon-extensions': 'channel' } : {}),
          ...Object.fromEntries(Object.entries(form.headers ?? {}).flatMap(([param, header]) => (given[param] === undefined ? [] : [[header, given[param]]]))),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        // Hanging up must reach the gateway although the page closes.
        keepalive: name === 'call.delete',
      });
      text = await response.text();
    } catch (cause) {
      throw new ByonError('NETWORK', 'The gateway cannot be reached.', { cause });
    }
    return read(response, text) as Operations[Name]['result'];
  }

  async connect(): Promise<void> {}

  async listen(channelUrl: string | undefined): Promise<void> {
    if (!channelUrl) throw new ByonError('BAD_RESPONSE', 'The gateway offers no event channel.');
    this.close();
    const channel = new EventChannel({ url: channelUrl, getToken: this.#options.getToken, WebSocket: this.#options.WebSocket });
    this.#channel = channel;
    passOn(channel, (name, ...detail) => this.emit(name, ...detail));
    await channel.open();
  }

  async renewToken(): Promise<void> {
    await this.#channel?.renewToken();
  }
  ping(): Promise<number> {
    return this.#channel?.ping() ?? Promise.reject(new ByonError('NOT_REGISTERED', 'The event channel is not open.'));
  }
  hurry(): void {
    this.#channel?.hurry();
  }
  close(): void {
    this.#channel?.close();
    this.#channel = undefined;
  }
}

/** The body of a good answer; throws the error that a bad one carries. */
function read(response: Response, text: string): unknown {
  let body: unknown;
  try {
    body = text ? JSON.parse(text) : undefined;
  } catch (cause) {
    throw new ByonError('BAD_RESPONSE', 'The gateway answered with something that is not JSON.', { status: response.status, cause });
  }
  if (response.ok) return body;
  throw errorOfBody(response.status, body, response.headers.get('retry-after'));
}
