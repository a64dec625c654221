/**
 * Why something failed. Besides these, `code` may be any code of CAMARA's error bodies
 * (`INVALID_ARGUMENT`, `PERMISSION_DENIED`, `ALREADY_EXISTS`, `TOO_MANY_REQUESTS`, ...).
 */
export type ByonErrorCode =
  /** The gateway cannot be reached. */
  | 'NETWORK'
  /** The gateway answered with something that is not of its interface. */
  | 'BAD_RESPONSE'
  /** An argument is not what the call asks for. */
  | 'INVALID_ARGUMENT'
  /** Not possible in the present state of the call or device. */
  | 'INCOMPATIBLE_STATE'
  /** The device is not registered. */
  | 'NOT_REGISTERED'
  /** The microphone is missing, in use or not permitted. */
  | 'MICROPHONE'
  /** The phone that a call was to move to did not take it. */
  | 'TRANSFER_FAILED'
  /** The browser or the gateway does not offer this. */
  | 'NOT_SUPPORTED'
  /** The user is signed out or the sign-in failed. */
  | 'SIGNED_OUT'
  /** The connection between browser and gateway was lost and did not come back. */
  | 'CONNECTION_LOST'
  /** Nothing came in time. */
  | 'TIMEOUT'
  /** Given up meanwhile: through an AbortSignal, or `destroy()`. */
  | 'ABORTED';

/** Every failure of the SDK: `code` is stable, `message` is for people. */
export class ByonError extends Error {
  /** A {@link ByonErrorCode}, or a code of CAMARA's error bodies. */
  readonly code: ByonErrorCode | (string & {});
  /** HTTP status of the gateway's answer; 0 when there was none. */
  readonly status: number;
  /** Seconds to wait before another attempt, when the gateway named them (`Retry-After`). */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    code: ByonErrorCode | (string & {}),
    message: string,
    options: { status?: number; cause?: unknown; retryAfterSeconds?: number | undefined } = {},
  ) {
    super(message, { cause: options.cause });
    this.name = 'ByonError';
    this.code = code;
    this.status = options.status ?? 0;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** Anything thrown, as an Error. @internal */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/** The HTTP status of a failure, 0 when it has none. @internal */
export function statusOf(thrown: unknown): number {
  return thrown instanceof ByonError ? thrown.status : 0;
}
