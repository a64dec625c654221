import { ByonError } from './error.js';

const REGISTRATION = '/webrtc-registration/v0.4/sessions';
const CALLS = '/webrtc-call-handling/v0.4/sessions';
const EXTENSIONS = '/byon/v1';

/**
 * The gateway's REST interface: CAMARA WebRTC (release r3.1) and the gateway's own extensions.
 * Each method answers with the parsed body or rejects with a ByonError carrying CAMARA's code.
 */
export class GatewayApi {
  #baseUrl;
  #getToken;
  #fetch;

  /** @param {{baseUrl: string, getToken: () => Promise<string>, fetch?: typeof fetch}} options */
  constructor({ baseUrl, getToken, fetch: fetchLike }) {
    this.#baseUrl = baseUrl.replace(/\/+$/, '');
    this.#getToken = getToken;
    this.#fetch = fetchLike ?? ((...args) => globalThis.fetch(...args));
  }

  createRegistration(deviceId, expireTime) {
    const body = { deviceId, ...(expireTime ? { registrationExpireTime: expireTime } : {}) };
    return this.#request('POST', REGISTRATION, { body, headers: { 'x-byon-extensions': 'channel' } });
  }
  listRegistrations(deviceId) {
    return this.#request('GET', `${REGISTRATION}?deviceId=${encodeURIComponent(deviceId)}`, {
      headers: { 'x-byon-extensions': 'channel' },
    });
  }
  refreshRegistration(id) {
    return this.#request('PUT', `${REGISTRATION}/${encodeURIComponent(id)}`, {
      body: {},
      headers: { 'x-byon-extensions': 'channel' },
    });
  }
  deleteRegistration(id) {
    return this.#request('DELETE', `${REGISTRATION}/${encodeURIComponent(id)}`);
  }

  createCall(registrationId, { originatorAddress, receiverAddress, originatorName, sdp }) {
    return this.#request('POST', CALLS, {
      body: {
        originatorAddress,
        receiverAddress,
        ...(originatorName ? { originatorName } : {}),
        offer: { sdp },
      },
      headers: { registrationId },
    });
  }
  getCall(id) {
    return this.#request('GET', `${CALLS}/${encodeURIComponent(id)}`);
  }
  setCallStatus(id, status, { offer, answer } = {}) {
    return this.#request('PUT', `${CALLS}/${encodeURIComponent(id)}/status`, {
      body: {
        status,
        ...(offer ? { offer: { sdp: offer } } : {}),
        ...(answer ? { answer: { sdp: answer } } : {}),
      },
    });
  }
  deleteCall(id) {
    return this.#request('DELETE', `${CALLS}/${encodeURIComponent(id)}`);
  }

  listCalls(deviceId) {
    return this.#request('GET', `${EXTENSIONS}/calls?deviceId=${encodeURIComponent(deviceId)}`);
  }
  sendDtmf(id, digits) {
    return this.#request('POST', `${EXTENSIONS}/calls/${encodeURIComponent(id)}/dtmf`, {
      body: { digits },
    });
  }
  getQuality(id) {
    return this.#request('GET', `${EXTENSIONS}/calls/${encodeURIComponent(id)}/quality`);
  }

  async #request(method, path, { body, headers = {} } = {}) {
    const token = await this.#getToken();
    let response;
    try {
      response = await this.#fetch(this.#baseUrl + path, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        body: body === undefined ? undefined : JSON.stringify(body),
      });
    } catch (cause) {
      throw new ByonError('NETWORK', 'The gateway cannot be reached.', { cause });
    }
    if (response.status === 204) return undefined;
    const text = await response.text();
    let parsed;
    try {
      parsed = text ? JSON.parse(text) : undefined;
    } catch (cause) {
      throw new ByonError('BAD_RESPONSE', 'The gateway answered with something that is not JSON.', {
        status: response.status,
        cause,
      });
    }
    if (response.ok) return parsed;
    throw new ByonError(parsed?.code ?? `HTTP_${response.status}`, parsed?.message ?? 'Request failed.', {
      status: response.status,
    });
  }
}
