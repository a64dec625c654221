// Checks what the gateway answers against CAMARA's own OpenAPI files, when they are beside the checkout.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import Ajv from 'ajv';
import addFormats from 'ajv-formats';
import { parse } from 'yaml';

const FOLDER = fileURLToPath(new URL('../../../shared/camara/r3.1-rc/', import.meta.url));
const FILES = ['webrtc-registration', 'webrtc-call-handling', 'webrtc-events-subscriptions'];

/** Why nothing can be checked; undefined when it can. */
export const whyUnchecked = existsSync(FOLDER) ? undefined : `CAMARA's OpenAPI files are not at ${FOLDER}`;

/** Codes of CAMARA Commonalities: they may come from every operation, whatever its list of examples says. */
const COMMON_CODES = new Set([
  'INVALID_ARGUMENT', 'OUT_OF_RANGE', 'UNAUTHENTICATED', 'PERMISSION_DENIED', 'INVALID_TOKEN_CONTEXT', 'NOT_FOUND',
  'IDENTIFIER_NOT_FOUND', 'METHOD_NOT_ALLOWED', 'NOT_ACCEPTABLE', 'ABORTED', 'ALREADY_EXISTS', 'CONFLICT', 'INCOMPATIBLE_STATE',
  'GONE', 'FAILED_PRECONDITION', 'UNSUPPORTED_MEDIA_TYPE', 'IDENTIFIER_MISMATCH', 'MISSING_IDENTIFIER',
  'SERVICE_NOT_APPLICABLE', 'UNNECESSARY_IDENTIFIER', 'UNSUPPORTED_IDENTIFIER', 'QUOTA_EXCEEDED', 'TOO_MANY_REQUESTS',
  'INTERNAL', 'BAD_GATEWAY', 'UNAVAILABLE', 'TIMEOUT',
]);

const escaped = (part) => part.replaceAll('~', '~0').replaceAll('/', '~1');

class Document {
  #ajv = new Ajv({ strict: false, allErrors: true });
  #root;

  constructor(name) {
    this.name = name;
    this.#root = parse(readFileSync(`${FOLDER}${name}.yaml`, 'utf8'));
    // A subscription of three types is answered with one of at most one: the request's limit is what is meant.
    const types = this.#root.components.schemas.Subscription?.properties?.types;
    if (types) types.maxItems = this.#root.components.schemas.SubscriptionRequest.properties.types.maxItems;
    addFormats(this.#ajv);
    this.#ajv.addSchema(this.#root, name);
    // Servers are "{apiRoot}/webrtc-registration/v0.4rc1"; the version is ours to choose.
    this.base = new RegExp(`^/${name}/v[0-9a-z.]+`);
  }

  /** The fault of an answer, or undefined. */
  fault(method, path, status, contentType, body) {
    const operationPath = path.replace(this.base, '').replace(/\?.*$/, '');
    const template = Object.keys(this.#root.paths).find((candidate) =>
      new RegExp(`^${candidate.replace(/\{[^}]+\}/g, '[^/]+')}$`).test(operationPath));
    if (!template) return `no path ${operationPath} in ${this.name}`;
    const operation = this.#root.paths[template][method.toLowerCase()];
    if (!operation) return `no ${method} ${template} in ${this.name}`;
    let pointer = `#/paths/${escaped(template)}/${method.toLowerCase()}/responses/${status}`;
    let response = operation.responses[status];
    // Codes of CAMARA Commonalities may come everywhere; their body is the common one.
    if (!response) return status >= 400 ? this.#check('#/components/schemas/ErrorInfo', body) : `${status} is not documented for ${method} ${template}`;
    if (response.$ref) {
      pointer = response.$ref;
      response = this.#root.components.responses[pointer.split('/').at(-1)];
    }
    const [type] = Object.keys(response.content ?? {});
    if (!type) return body === undefined ? undefined : `${status} has a body`;
    if (!contentType?.startsWith(type)) return `content type ${contentType} instead of ${type}`;
    const fault = this.#check(`${pointer}/content/${escaped(type)}/schema`, body);
    const isCommonError = status >= 400 && COMMON_CODES.has(body?.code);
    return fault && isCommonError ? this.#check('#/components/schemas/ErrorInfo', body) : fault;
  }

  /** The fault of an event as a webhook or the channel delivers it. */
  eventFault(event) {
    const schemas = this.#root.components.schemas;
    const name = event.type.split('.').at(-1);
    const wanted = name.split('-').map((part) => part[0].toUpperCase() + part.slice(1)).join('');
    const schema = [`Event${wanted}`, 'CloudEvent'].find((candidate) => schemas[candidate]);
    return this.#check(`#/components/schemas/${schema}`, event);
  }

  #check(pointer, body) {
    const reference = `${this.name}${pointer}`;
    this.#ajv.getSchema(reference) ?? this.#ajv.compile({ $ref: reference });
    const validate = this.#ajv.getSchema(reference);
    if (validate(body)) return undefined;
    return this.#ajv.errorsText(validate.errors);
  }
}

const documents = whyUnchecked ? [] : FILES.map((name) => new Document(name));

/** The fault of an answer to a CAMARA request in one sentence; undefined when good or not CAMARA's. */
export function responseFault(method, path, status, contentType, body) {
  return documents.find(({ base }) => base.test(path))?.fault(method, path, status, contentType, body);
}

export function eventFault(event) {
  if (!event.type?.startsWith('org.camaraproject.')) return undefined;
  return documents.find(({ name }) => name === 'webrtc-events-subscriptions')?.eventFault(event);
}
