import type { Emitter } from './emitter.js';
import { ByonError } from './error.js';
import type { OperationName, Operations } from './operations.js';
import type { CloudEvent } from './wire.js';

/** What a transport tells. */
export interface TransportEvents {
  /** A CloudEvent of this device. */
  event: CloudEvent;
  /** Events flow; again after each break. */
  up: undefined;
  /** The connection broke; the transport tries to come back by itself. */
  down: { code: number };
  /** Events were lost while the connection was broken: ask for the present state. */
  gap: undefined;
  /**
   * The channel will not come back: `deleted` by the gateway, `replaced` by another connection of this device, or
   * `forbidden` for this token.
   */
  gone: { reason: 'deleted' | 'replaced' | 'forbidden' };
  /** The access token is about to end. */
  tokenExpiring: undefined;
}

/**
 * How operations reach the gateway and events come back. {@link RestTransport} and {@link WebSocketTransport} come with the
 * SDK; an application may bring its own, for instance to go through its own server.
 */
export interface Transport extends Emitter<TransportEvents> {
  /** Carries an operation out. Rejects with a ByonError that has the gateway's code and HTTP status. */
  request<Name extends OperationName>(
    name: Name,
    params: Operations[Name]['params'],
    ...body: Operations[Name]['body'] extends undefined ? [] : [Operations[Name]['body']]
  ): Promise<Operations[Name]['result']>;
  /** Makes ready for requests of this device. */
  connect(deviceId: string): Promise<void>;
  /** Opens the registration's event channel and keeps it open. Resolves when events flow. */
  listen(channelUrl: string | undefined): Promise<void>;
  /** Presents the renewed access token. */
  renewToken(): Promise<void>;
  /** Time of a message to the gateway and back over the event channel, in milliseconds. */
  ping(): Promise<number>;
  /** The network has changed: what was waiting for another attempt is tried at once. */
  hurry(): void;
  /** Ends all connections. The transport can connect again afterwards. */
  close(): void;
}

/** What both transports of the SDK need. */
export interface TransportOptions {
  /** Base URL of the gateway. */
  gateway: string;
  /** A good access token. */
  getToken: () => Promise<string>;
  fetch?: typeof fetch | undefined;
  WebSocket?: typeof WebSocket | undefined;
}

/** CAMARA's error body as a ByonError. @internal */
export function errorOfBody(status: number, body: unknown, retryAfter?: unknown): ByonError {
  const { code, message } = (body ?? {}) as { code?: string; message?: string };
  const seconds = retryAfter === undefined || retryAfter === null ? Number.NaN : Number(retryAfter);
  return new ByonError(code ?? `HTTP_${status}`, message ?? 'The gateway refused the request.', {
    status, retryAfterSeconds: Number.isFinite(seconds) ? seconds : undefined,
  });
}
