// Checks requests, answers and events against CAMARA's own OpenAPI files, when they are beside the checkout, and
// against the gateway's OpenAPI and AsyncAPI documents.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import Ajv from 'ajv';
import Ajv2020 from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { parse } from 'yaml';

const pathOf = (relative) => fileURLToPath(new URL(relative, import.meta.url));
// Beside the checkout, or beside the folder of its worktrees.
const CAMARA = ['../../../shared/camara/', '../../../../shared/camara/'].map(pathOf).find(existsSync) ?? pathOf('../../../shared/camara/');
export const EXTENSIONS_FILE = pathOf('../../controlplane/api/openapi/byon-v1.yaml');
export const CHANNEL_FILE = pathOf('../../controlplane/api/asyncapi/byon-channel-v1.yaml');

/** Why CAMARA's part cannot be checked; undefined when it can. */
export const whyUnchecked = existsSync(CAMARA) ? undefined : `CAMARA's OpenAPI files are not at ${CAMARA}`;

/** Codes of CAMARA Commonalities: they may come from every operation, whatever its list of examples says. */
const COMMON_CODES = new Set([
  'INVALID_ARGUMENT', 'OUT_OF_RANGE', 'UNAUTHENTICATED', 'PERMISSION_DENIED', 'INVALID_TOKEN_CONTEXT', 'NOT_FOUND',
  'IDENTIFIER_NOT_FOUND', 'METHOD_NOT_ALLOWED', 'NOT_ACCEPTABLE', 'ABORTED', 'ALREADY_EXISTS', 'CONFLICT', 'INCOMPATIBLE_STATE',
  'GONE', 'FAILED_PRECONDITION', 'UNSUPPORTED_MEDIA_TYPE', 'IDENTIFIER_MISMATCH', 'MISSING_IDENTIFIER',
  'SERVICE_NOT_APPLICABLE', 'UNNECESSARY_IDENTIFIER', 'UNSUPPORTED_IDENTIFIER', 'QUOTA_EXCEEDED', 'TOO_MANY_REQUESTS',
  'INTERNAL', 'BAD_GATEWAY', 'UNAVAILABLE', 'TIMEOUT',
]);

const escaped = (part) => part.replaceAll('~', '~0').replaceAll('/', '~1');
const METHODS = ['get', 'post', 'put', 'delete'];

class Document {
  #ajv;
  #root;

  /** @param {{file: string, name: string, release: string, base: RegExp}} source */
  constructor({ file, name, release, base }) {
    Object.assign(this, { name, release, base });
    this.id = `${release}/${name}`;
    this.#root = parse(readFileSync(file, 'utf8'));
    this.#mendKnownFaults();
    this.#ajv = new (this.#root.openapi.startsWith('3.1') ? Ajv2020 : Ajv)({ strict: false, allErrors: true });
    addFormats(this.#ajv);
    this.#ajv.addSchema(this.#root, this.id);
  }

  /** Where CAMARA's files contradict their own texts, and how the gateway decides (controlplane/api/README.md). */
  #mendKnownFaults() {
    const schemas = this.#root.components.schemas;
    // A subscription of three types is answered with one of at most one: the request's limit is what is meant. In r2.2 the
    // gateway takes three as well, as the flow documents send them.
    for (const schema of [schemas.Subscription, schemas.SubscriptionRequest]) {
      if (schema?.properties?.types) schema.properties.types.maxItems = 3;
    }
    if (this.release !== 'r2.2') return;
    // "pattern: uuid" demands the text "uuid"; format is what is meant.
    const deviceId = schemas.regSessionRequest?.properties?.deviceId;
    if (deviceId) Object.assign(deviceId, { pattern: undefined, format: 'uuid' });
    if (deviceId) delete deviceId.pattern;
    // The members of data are required of the envelope.
    const envelope = schemas.EventSessionStatus?.allOf?.find(({ required }) => required?.includes('mediaSessionId'));
    if (envelope) envelope.required = ['data'];
  }

  /** Every documented [operationId, method, template, status, codes]. */
  *statuses() {
    for (const [template, item] of Object.entries(this.#root.paths)) {
      for (const method of METHODS.filter((one) => item[one])) {
        for (const [status, response] of Object.entries(item[method].responses)) {
          yield { operation: item[method].operationId, method, template, status: Number(status), codes: this.#codesOf(response) };
        }
      }
    }
  }

  /** Every {method, path, parameters}: those of path, query and headers that are this operation's own. */
  *operations() {
    for (const [template, item] of Object.entries(this.#root.paths)) {
      for (const method of METHODS.filter((one) => item[one])) {
        const resolved = [...(item.parameters ?? []), ...(item[method].parameters ?? [])]
          .map((one) => (one.$ref ? this.#root.components.parameters[one.$ref.split('/').at(-1)] : one));
        const parameters = resolved.map(({ name }) => name).filter((name) => name !== 'x-correlator');
        yield { method: method.toUpperCase(), path: `/${this.name}${template}`, parameters };
      }
    }
  }

  #codesOf(response) {
    const resolved = response.$ref ? this.#root.components.responses[response.$ref.split('/').at(-1)] : response;
    const codes = Object.values(resolved.content ?? {}).flatMap(({ schema }) =>
      (schema.allOf ?? [schema]).flatMap((part) => (part.properties?.code?.enum ?? [])));
    return [...new Set(codes)];
  }

  /** The operation of a request: {template, operation}; undefined when there is none. */
  find(method, path) {
    const operationPath = path.replace(this.base, '').replace(/\?.*$/, '');
    const template = Object.keys(this.#root.paths).find((candidate) =>
      new RegExp(`^${candidate.replace(/\{[^}]+\}/g, '[^/]+')}$`).test(operationPath));
    const operation = template && this.#root.paths[template][method.toLowerCase()];
    return operation && { template, operation };
  }

  /** The fault of an answer, or undefined. */
  fault(method, path, status, contentType, body) {
    const found = this.find(method, path);
    // Also an unknown path or method has CAMARA's error body.
    if (!found) return status >= 400 ? this.#checkError(body) : `no ${method} ${path} in ${this.id}`;
    const { template, operation } = found;
    const key = operation.responses[status] ? status : 'default';
    let response = operation.responses[key];
    // Codes of CAMARA Commonalities may come everywhere; their body is the common one.
    if (!response) return status >= 400 ? this.#checkError(body) : `${status} is not documented for ${method} ${template}`;
    let pointer = `#/paths/${escaped(template)}/${method.toLowerCase()}/responses/${key}`;
    if (response.$ref) {
      pointer = response.$ref;
      response = this.#root.components.responses[pointer.split('/').at(-1)];
    }
    const [type] = Object.keys(response.content ?? {});
    if (!type) return body === undefined ? undefined : `${status} has a body`;
    if (!contentType?.startsWith(type)) return `content type ${contentType} instead of ${type}`;
    const fault = this.#check(`${pointer}/content/${escaped(type)}/schema`, body);
    const isCommonError = status >= 400 && COMMON_CODES.has(body?.code);
    return fault && isCommonError ? this.#checkError(body) : fault;
  }

  /** The fault of a request that was accepted, or undefined. @param {Record<string, string>} headers lower-case names */
  requestFault(method, path, headers, body) {
    const found = this.find(method, path);
    if (!found) return `no ${method} ${path} in ${this.id}`;
    const { template, operation } = found;
    const query = new URLSearchParams(path.split('?')[1] ?? '');
    for (const parameter of operation.parameters ?? []) {
      const { name, in: place, required } = parameter.$ref ? this.#root.components.parameters[parameter.$ref.split('/').at(-1)] : parameter;
      if (!required) continue;
      if (place === 'header' && headers[name.toLowerCase()] === undefined) return `the header ${name} is missing`;
      if (place === 'query' && !query.has(name)) return `the query parameter ${name} is missing`;
    }
    if (body === undefined) return operation.requestBody?.required ? 'the body is missing' : undefined;
    if (!operation.requestBody) return `${method} ${template} takes no body`;
    return this.#check(`#/paths/${escaped(template)}/${method.toLowerCase()}/requestBody/content/${escaped('application/json')}/schema`, body);
  }

  /** The fault of an event as a webhook or the channel delivers it. */
  eventFault(event) {
    const schemas = this.#root.components.schemas;
    const name = event.type.split('.').at(-1);
    const wanted = name.split('-').map((part) => part[0].toUpperCase() + part.slice(1)).join('');
    const schema = [`Event${wanted}`, 'CloudEvent'].find((candidate) => schemas[candidate]);
    return this.#check(`#/components/schemas/${schema}`, event);
  }

  #checkError(body) {
    const { ErrorInfo } = this.#root.components.schemas;
    return this.#check(ErrorInfo ? '#/components/schemas/ErrorInfo' : '#/components/responses/Error/content/application~1json/schema', body);
  }
  #check(pointer, body) {
    const reference = `${this.id}${pointer}`;
    this.#ajv.getSchema(reference) ?? this.#ajv.compile({ $ref: reference });
    const validate = this.#ajv.getSchema(reference);
    if (validate(body)) return undefined;
    return this.#ajv.errorsText(validate.errors);
  }
}

const camara = (folder, release, name, versions) => ({
  file: `${CAMARA}${folder}/${name}.yaml`, name, release, base: new RegExp(`^/${name}/(${versions})(?=/)`),
});
const SOURCES = [
  ...(whyUnchecked ? [] : [
    camara('r3.1-rc', 'r3.1', 'webrtc-registration', 'v0\\.4|v0\\.4rc1'),
    camara('r3.1-rc', 'r3.1', 'webrtc-call-handling', 'v0\\.4|v0\\.4rc1'),
    camara('r3.1-rc', 'r3.1', 'webrtc-events-subscriptions', 'v0\\.3|v0\\.3rc1'),
    camara('r2.2', 'r2.2', 'webrtc-registration', 'v0\\.3'),
    camara('r2.2', 'r2.2', 'webrtc-call-handling', 'v0\\.3'),
    camara('r2.2', 'r2.2', 'webrtc-events', 'v0\\.2'),
  ]),
  { file: EXTENSIONS_FILE, name: 'byon', release: 'v1', base: /^\/byon\/v1(?=\/)/ },
];
export const documents = SOURCES.map((source) => new Document(source));
const documentOf = (path) => documents.find(({ base }) => base.test(path));

/** The fault of an answer in one sentence; undefined when good, or of an interface that no document describes. */
export function responseFault(method, path, status, contentType, body) {
  return documentOf(path)?.fault(method, path, status, contentType, body);
}
/** A registration as CAMARA has it, of an answer to a request with `x-byon-extensions: channel`. */
export function withoutExtensions(body) {
  const { channelUrl, channelId, ...rest } = body ?? {};
  const isOurs = URL.canParse(channelUrl ?? '') && typeof channelId === 'string' && channelUrl.endsWith(channelId);
  return isOurs ? rest : body;
}
/** The fault of a request that was accepted. */
export function requestFault(method, path, headers, body) {
  return documentOf(path)?.requestFault(method, path, headers, body);
}
/** {release, api, operation} of a request, for records. */
export function operationOf(method, path) {
  const document = documentOf(path);
  const found = document?.find(method, path);
  return found && { release: document.release, api: document.name, operation: found.operation.operationId };
}

export function eventFault(event) {
  const [, api] = /^org\.camaraproject\.([a-z-]+)\./.exec(event.type ?? '') ?? [];
  return api && documents.find(({ name }) => name === api)?.eventFault(event);
}

const channelDocument = parse(readFileSync(CHANNEL_FILE, 'utf8'), { merge: true });
const channelAjv = new Ajv({ strict: false, allErrors: true });
addFormats(channelAjv);
// Only the components: the id of an AsyncAPI document is none of a schema.
channelAjv.addSchema({ components: channelDocument.components }, 'channel');
const [channelItem] = Object.values(channelDocument.channels);
const messageNames = (operation) => operation.message.oneOf.map(({ $ref }) => $ref.split('/').at(-1));
const messageValidators = Object.fromEntries(['publish', 'subscribe'].map((side) => [side, messageNames(channelItem[side]).map((name) =>
  [name, channelAjv.compile({ $ref: `channel#/components/messages/${name}/payload` })])]));

/** The AsyncAPI document's table: {name, operation, params} of every command. */
export const commandRows = [...channelDocument.info.description.matchAll(/^\| ([a-z.]+) \| ([A-Z]+ \S+) \| ([^|]*)\|/gm)].map(([, name, operation, params]) =>
  ({ name, operation, params: params.split(',').map((param) => /\w*/.exec(param.trim())[0]).filter(Boolean) }));

/** The fault of a message on the event channel. @param {'publish' | 'subscribe'} side as in the AsyncAPI document */
export function channelFault(side, message) {
  const faults = [];
  for (const [name, validate] of messageValidators[side]) {
    if (validate(message)) return undefined;
    faults.push(`${name}: ${channelAjv.errorsText(validate.errors)}`);
  }
  return faults.join('; ');
}
