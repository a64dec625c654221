// SIPp as the network: scenarios are put together from steps and run by a real SIPp, a SIP stack that shares nothing with
// the gateway. One process is the P-CSCF with its registrar; others may call from an address of their own.
import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { Child } from '../../tools/lab/child_process.mjs';

const LABEL = { register: 1, subscribe: 2, referred: 3, end: 9 };
const PATIENCE_MS = 20_000;

const element = (name, attributes = {}, body = '') => {
  const text = Object.entries(attributes).filter(([, value]) => value !== undefined).map(([key, value]) => ` ${key}="${value}"`).join('');
  return `<${name}${text}${body ? `>${body}</${name}>` : '/>'}\n`;
};
const message = (lines, body = '') => {
  const type = body ? [`Content-Type: ${body.startsWith('<') ? 'application/3gpp-ims+xml' : 'application/sdp'}`] : [];
  return `<![CDATA[\n${[...lines.filter(Boolean), ...type, 'Content-Length: [len]'].join('\n')}\n\n${body.replaceAll('\r', '')}]]>`;
};
/** What later steps need of a received request, kept in variables of the call. */
const keep = {
  via: element('ereg', { regexp: '.*', search_in: 'hdr', header: 'Via:', assign_to: 'via' }),
  from: element('ereg', { regexp: '.*', search_in: 'hdr', header: 'From:', assign_to: 'from' }),
  to: element('ereg', { regexp: '.*', search_in: 'hdr', header: 'To:', assign_to: 'to' }),
  cseq: element('ereg', { regexp: '.*', search_in: 'hdr', header: 'CSeq:', assign_to: 'cseq' }),
  target: element('ereg', { regexp: 'sip:[A-Za-z0-9_.@:+-]*', search_in: 'hdr', header: 'Contact:', assign_to: 'target' }),
};
const REMEMBER = element('action', {}, Object.values(keep).join(''));

export const AMR_WB = 107;
export const AMR = 105;

/** A description of the network's side; `lines` are added to the media section. */
export function sdp({ type = AMR_WB, direction = 'sendrecv', version = 1, port = 40000, lines = [] } = {}) {
  const codec = type === AMR_WB ? 'AMR-WB/16000' : 'AMR/8000';
  return ['v=0', `o=- 7 ${version} IN IP4 [local_ip]`, 's=-', 'c=IN IP4 [local_ip]', 't=0 0', `m=audio ${port} RTP/AVP ${type}`,
    `a=rtpmap:${type} ${codec}`, `a=fmtp:${type} mode-change-capability=2`, 'a=ptime:20', ...lines, `a=${direction}`, ''].join('\n');
}

// ---- steps

/** Waits for a request. @param {{match?: string}} [options] match: a regular expression that the message must fit */
export const recv = (method, { match, remember = method === 'INVITE' } = {}) => {
  const check = match ? element('ereg', { regexp: match, search_in: 'msg', check_it: 'true', assign_to: 'checked' }) : '';
  const action = remember || check ? element('action', {}, (remember ? Object.values(keep).join('') : '') + check) : '';
  return element('recv', { request: method, timeout: PATIENCE_MS }, action);
};
/** Answers the request that came last. */
export const reply = (status, { headers = [], body } = {}) =>
  element('send', {}, message([`SIP/2.0 ${status}`, '[last_Via:]', '[last_From:]', '[last_To:]', '[last_Call-ID:]', '[last_CSeq:]',
    'Contact: <sip:core@[local_ip]:[local_port]>', ...headers], body));
/** Answers the INVITE, whatever has come since, in the dialog of `tag`. */
export const respond = (status, { tag = 'a', headers = [], body } = {}) =>
  element('send', { retrans: status.startsWith('1') || status.startsWith('2') ? undefined : 500 },
    message([`SIP/2.0 ${status}`, 'Via: [$via]', 'From: [$from]', `To: [$to];tag=${tag}`, 'Call-ID: [call_id]', 'CSeq: [$cseq]',
      'Contact: <sip:core@[local_ip]:[local_port]>', ...headers], body));
/** A request of the network in the dialog of `tag`. */
export const request = (method, { tag = 'a', cseq = 100, headers = [], body } = {}) =>
  element('send', { retrans: method === 'ACK' ? undefined : 500 },
    message([`${method} [$target] SIP/2.0`, 'Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]', `From: [$to];tag=${tag}`,
      'To: [$from]', 'Call-ID: [call_id]', `CSeq: ${cseq} ${method}`, 'Max-Forwards: 70',
      'Contact: <sip:core@[local_ip]:[local_port]>', ...headers], body));
export const expect = (status, { match } = {}) => {
  const check = match ? element('action', {}, element('ereg', { regexp: match, search_in: 'msg', check_it: 'true', assign_to: 'checked' })) : '';
  return element('recv', { response: status, timeout: PATIENCE_MS }, check);
};
/** A provisional response that may come or not. */
export const maybe = (status) => element('recv', { response: status, optional: 'true' });
/**
 * Two scenarios in one: the gateway's call, and that to whom the network refers it, which is known by its Referred-By.
 * @param {string[]} first what follows the INVITE of the one @param {string[]} second of the other
 */
export const withReferral = (first, second) => {
  const known = element('ereg', { regexp: 'Referred-By: ', search_in: 'msg', assign_to: 'referred' });
  return [
    element('recv', { request: 'INVITE', timeout: PATIENCE_MS }, element('action', {}, Object.values(keep).join('') + known)),
    element('nop', { next: LABEL.referred, test: 'referred' }), ...first, mark('released'), element('nop', { next: LABEL.end }),
    element('label', { id: LABEL.referred }), ...second,
  ];
};
/** Says in the log that the scenario has come here; reached() waits for it. */
export const mark = (name) => element('nop', {}, element('action', {}, element('log', { message: `reached ${name}` })));
export const pause = (milliseconds) => element('pause', { milliseconds });

const REGISTERED = reply('200 OK', { headers: ['Service-Route: <sip:orig@[local_ip]:[local_port];lr>', 'Path: <sip:term@[local_ip];lr>',
  'P-Associated-URI: [$to]', '[last_Contact:];expires=[$expires]'] });
const logToken = element('action', {}, keep.target + keep.from + keep.to +
  element('ereg', { regexp: '[0-9]+', search_in: 'hdr', header: 'Expires:', assign_to: 'expires' }) +
  element('log', { message: 'contact [$target] call-id [call_id] expires [$expires]' }));
/** A registrar that lets everybody in. */
const OPEN_REGISTRAR = [REGISTERED];

function scenario({ steps, register = OPEN_REGISTRAR, subscribe = [reply('489 Bad Event')] }) {
  const finish = [element('nop', {}, element('action', {}, element('log', { message: 'done' })))];
  const jump = (label) => element('nop', { next: label });
  return `<?xml version="1.0" encoding="ISO-8859-1"?>\n<!DOCTYPE scenario SYSTEM "sipp.dtd">\n<scenario name="core">\n${[
    element('recv', { request: 'REGISTER', optional: 'true', next: LABEL.register }, logToken),
    element('recv', { request: 'SUBSCRIBE', optional: 'true', next: LABEL.subscribe }, REMEMBER),
    ...steps, ...finish, jump(LABEL.end),
    element('label', { id: LABEL.register }), ...register, jump(LABEL.end),
    element('label', { id: LABEL.subscribe }), ...subscribe,
    element('label', { id: LABEL.end }),
  ].join('')}${reference([...steps, ...register, ...subscribe], 'via,from,to,cseq,target,expires')}</scenario>\n`;
}

/** SIPp wants every variable to be used. */
function reference(steps, names) {
  const all = [names, steps.some((step) => step.includes('"checked"')) ? 'checked' : ''].filter(Boolean);
  return all.length > 0 ? element('Reference', { variables: all.join(',') }) : '';
}

function callerScenario(steps) {
  return `<?xml version="1.0" encoding="ISO-8859-1"?>\n<!DOCTYPE scenario SYSTEM "sipp.dtd">\n<scenario name="caller">\n${[
    ...steps, element('nop', {}, element('action', {}, element('log', { message: 'done' }))),
  ].join('')}${reference(steps, '')}</scenario>\n`;
}

export class Sipp {
  #child;
  #base;

  /**
   * @param {string} dir @param {string} name
   * @param {{ip: string, port?: number, steps: string[], register?: string[], subscribe?: string[]}} options
   */
  static async core(dir, name, options) {
    return new Sipp().#start(dir, name, scenario(options), options, []);
  }

  /** One call into the gateway. @param {{ip: string, to: string, steps: string[]}} options to: IP:port of the gateway */
  static async caller(dir, name, options) {
    return new Sipp().#start(dir, name, callerScenario(options.steps), options, ['-m', '1', options.to]);
  }

  async #start(dir, name, text, { ip, port = 5060 }, more) {
    this.#base = `${dir}/sipp-${name}`;
    await writeFile(`${this.#base}.xml`, text);
    this.#child = new Child(`sipp ${name}`, ['sipp', '-sf', `${this.#base}.xml`, '-i', ip, '-p', String(port), '-nostdin',
      '-trace_err', '-error_file', `${this.#base}.errors`, '-trace_logs', '-log_file', `${this.#base}.said`, '-trace_msg',
      '-message_file', `${this.#base}.messages`, '-skip_rlimit', '-deadcall_wait', '0', ...more], { log: `${this.#base}.log` });
    return this;
  }

  get said() {
    return existsSync(`${this.#base}.said`) ? readFileSync(`${this.#base}.said`, 'utf8') : '';
  }
  get errors() {
    return existsSync(`${this.#base}.errors`) ? readFileSync(`${this.#base}.errors`, 'utf8') : '';
  }
  /** Everything that passed. */
  get messages() {
    return existsSync(`${this.#base}.messages`) ? readFileSync(`${this.#base}.messages`, 'utf8') : '';
  }

  /** Contacts that were registered, the last one last: {uri, callId, expires}. */
  get contacts() {
    return [...this.said.matchAll(/contact (\S+) call-id (\S+) expires (\d+)/g)]
      .map(([, uri, callId, expires]) => ({ uri, callId, expires: Number(expires) }));
  }

  /** Resolves when the scenario went through to its end so many times; rejects with what went wrong. */
  done(times = 1) {
    return this.#lines(/\bdone$/gm, times);
  }
  reached(name) {
    return this.#lines(new RegExp(`reached ${name}$`, 'gm'), 1);
  }
  async #lines(pattern, times) {
    const deadline = Date.now() + 30_000;
    while ((this.said.match(pattern) ?? []).length < times) {
      if (this.errors) throw new Error(`SIPp: ${this.errors.slice(0, 2000)}`);
      if (Date.now() > deadline) throw new Error(`SIPp did not come to the end of its scenario:\n${this.messages.slice(-3000)}`);
      await delay(30);
    }
  }
  async registered(count = 1) {
    const deadline = Date.now() + PATIENCE_MS;
    while (this.contacts.length < count) {
      if (Date.now() > deadline) throw new Error(`only ${this.contacts.length} of ${count} REGISTERs came: ${this.errors}`);
      await delay(20);
    }
    return this.contacts.at(-1);
  }

  stop() {
    return this.#child.stop(1000);
  }
}
