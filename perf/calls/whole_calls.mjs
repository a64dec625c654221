// Carries out what the ng protocol asks for with whole calls: an offer is a call that a web client makes, and what the phone
// is offered for it; an answer is the phone's, and what the web client gets for it. Half of the clients speak REST, half use
// commands on their channel; all hear of their calls there. Every other call is ended by its phone.
import http from 'node:http';

const CALLS = '/webrtc-call-handling/v0.4/sessions';
const EXTENSIONS = '/byon/v1';
/** So many users more than calls: the last call of some is not quite over. */
export const SPARE_USERS = 16;
const PATIENCE_MS = 18_000; // less than who asked waits

export class RestClient {
  #agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
  #gateway;

  constructor(gateway) {
    this.#gateway = gateway;
  }
  /** @returns {Promise<{status: number, body?: object}>} */
  ask(method, path, { token, body, headers = {} } = {}) {
    const { host, port } = this.#gateway;
    const text = body && JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const request = http.request({ host, port, method, path, agent: this.#agent, headers: {
        ...(token ? { authorization: `Bearer ${token}` } : {}), ...(text ? { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) } : {}), ...headers,
      } }, (response) => {
        let answer = '';
        response.on('data', (part) => (answer += part));
        response.on('end', () => resolve({ status: response.statusCode, body: answer ? JSON.parse(answer) : undefined }));
      });
      request.on('error', reject);
      request.end(text);
    });
  }
  stop() {
    this.#agent.destroy();
  }
}

/** A promise to be kept from outside, in vain after a while. */
function awaited(what) {
  const it = {};
  it.promise = new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`waited ${PATIENCE_MS / 1000} s in vain for ${what}`)), PATIENCE_MS);
    it.resolve = (value) => (clearTimeout(timer), resolve(value));
    it.reject = (error) => (clearTimeout(timer), reject(error));
  });
  it.promise.catch(() => {}); // whoever waits is told
  return it;
}

const statistics = (leg = {}) => ({
  packets: leg.packetsReceived ?? 0, sent: leg.packetsSent ?? 0, concealed: leg.concealedFrames ?? 0, late: leg.latePackets ?? 0,
  'added latency us': Math.round((leg.addedLatencyMs ?? 0) * 1000),
  ...(leg.mosMean ? { 'mos hundredths': Math.round(leg.mosMean * 100), 'worst mos hundredths': Math.round((leg.mosWorst ?? leg.mosMean) * 100) } : {}),
});

export class WholeCalls {
  #free;
  #room;
  #calls = new Map();
  #invited = new Map();
  #rest;

  /** @param {{clients: import('../channels/subscriber.mjs').Subscriber[], phones: import('./phones.mjs').Phones, rest: RestClient}} parts */
  constructor({ clients, phones, rest }) {
    this.#free = [...clients];
    this.#room = clients.length - SPARE_USERS;
    this.#rest = rest;
    phones.onCall = (invite) => {
      const waiting = this.#invited.get(invite.callee);
      if (waiting) waiting.resolve(invite);
      else invite.decline('480 Temporarily Unavailable');
    };
  }

  carryOut(command) {
    const call = this.#calls.get(command['call-id']);
    if (command.command === 'ping') return { result: 'pong', software: 'byon, whole calls', room: this.#room };
    if (command.command === 'offer') return this.#offer(command);
    if (!call) throw new Error('no such call');
    if (command.command === 'answer') return this.#answer(call, command);
    if (command.command === 'query') return this.#query(call);
    if (command.command === 'delete') return this.#delete(call, command['call-id']);
    throw new Error('unknown command');
  }

  async #offer({ 'call-id': id, sdp }) {
    const client = this.#free.shift();
    if (!client) throw new Error('all users are calling: --users has to be more');
    const callee = `+349${String(10_000_000 + client.index)}`;
    const call = { client, callee, connected: awaited('the answer to the browser') };
    this.#calls.set(id, call);
    const invited = awaited('the INVITE');
    this.#invited.set(callee, invited);
    client.onEvent = ({ data }) => {
      if (data.mediaSessionId === undefined || (call.mediaSessionId && data.mediaSessionId !== call.mediaSessionId)) return;
      if (data.status === 'Connected') call.connected.resolve(data.answer?.sdp ?? call.answer);
      else if (data.answer?.sdp) call.answer = data.answer.sdp; // with early media
      if (data.status === 'Terminated' || data.status === 'Failed') {
        call.ended?.resolve();
        const ended = new Error(`the gateway ended the call: ${data.reason ?? data.status}`);
        invited.reject(ended);
        call.connected.reject(ended);
      }
    };
    try {
      const created = this.#create(call, sdp).then((mediaSessionId) => (call.mediaSessionId = mediaSessionId));
      created.catch((error) => invited.reject(error));
      call.created = created;
      call.invite = await invited.promise;
      return { sdp: call.invite.sdp };
    } finally {
      this.#invited.delete(callee);
    }
  }

  async #create({ client, callee }, sdp) {
    if (client.index % 2 === 0) return client.call(callee, sdp);
    const { status, body } = await this.#rest.ask('POST', CALLS, {
      token: client.token, headers: { registrationId: client.registrationId },
      body: { originatorAddress: `tel:${client.number}`, receiverAddress: `tel:${callee}`, offer: { sdp } },
    });
    if (status !== 201) throw new Error(`a call was refused: ${status} ${body?.code ?? ''} ${body?.message ?? ''}`);
    return body.mediaSessionId;
  }

  async #answer(call, { sdp }) {
    call.invite.answer(sdp);
    const answer = await call.connected.promise;
    call.isAnswered = true;
    if (!answer) throw new Error('the browser got no answer');
    return { sdp: answer };
  }

  async #query({ client, mediaSessionId }) {
    const { status, body } = client.index % 2 === 0 ? await client.command('call.quality', { params: { mediaSessionId } })
      : await this.#rest.ask('GET', `${EXTENSIONS}/calls/${mediaSessionId}/quality`, { token: client.token });
    if (status !== 200) throw new Error(`no figures of the call: ${status}`);
    const leg = (of) => ({ medias: [{ streams: [{ stats: statistics(of) }] }] });
    return { tags: { browser: leg(body.access), phone: leg(body.ims) } };
  }

  async #delete(call, id) {
    this.#calls.delete(id);
    try {
      if (call.isAnswered && call.client.index % 4 >= 2) await this.#endAtPhone(call);
      else await this.#endAtClient(call);
    } finally {
      call.client.onEvent = () => {};
      this.#free.push(call.client);
    }
    return {};
  }

  async #endAtPhone(call) {
    call.ended = awaited('the event of the end of a call');
    const [answer] = await Promise.all([call.invite.hangUp(), call.ended.promise]);
    if (!answer.includes(' 200 ')) throw new Error(`a phone's BYE was refused: ${answer}`);
  }

  async #endAtClient({ client, created, isAnswered, invite }) {
    if (!isAnswered) invite?.decline('480 Temporarily Unavailable');
    const mediaSessionId = await created.catch(() => undefined);
    if (mediaSessionId === undefined) return; // it never came about
    const { status } = client.index % 2 === 0 ? await client.hangUp(mediaSessionId)
      : await this.#rest.ask('DELETE', `${CALLS}/${mediaSessionId}`, { token: client.token });
    if (isAnswered && status !== 204 && status !== 200) throw new Error(`the end of a call was refused: ${status}`);
  }
}
