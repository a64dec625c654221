/** Every failure of the SDK: `code` is stable, `message` is for people. */
export class ByonError extends Error {
  /** @param {string} code @param {string} message @param {{status?: number, cause?: unknown}} [options] */
  constructor(code, message, options = {}) {
    super(message, { cause: options.cause });
    this.name = 'ByonError';
    this.code = code;
    /** HTTP status of the gateway's answer, 0 when there was none. */
    this.status = options.status ?? 0;
  }
}
