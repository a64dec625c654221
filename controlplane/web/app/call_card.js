// One call on the page: who, how it stands, what can be done with it.
const TEXT = {
  new: 'Calling', dialing: 'Dialling', ringing: 'Ringing', earlyMedia: 'Connecting',
  connected: 'Connected', held: 'On hold',
};
const END_TEXT = {
  Busy: 'Busy', NoAnswer: 'No answer', NotReachable: 'Not reachable', Declined: 'Declined',
  SessionCancelled: 'Missed', Failed: 'Failed', Terminated: 'Ended',
};
const LINGER_MS = 6000;

export class CallCard {
  #call;
  #root;
  #timer;

  /** @param {import('../sdk/byon.js').Call} call @param {(error: Error) => void} onError */
  constructor(call, onError) {
    this.#call = call;
    this.#root = document.getElementById('call-card').content.firstElementChild.cloneNode(true);
    this.#find('peer').textContent = displayName(call);
    const attempt = (action) => () => Promise.resolve(action()).catch(onError);
    this.#find('answer').onclick = attempt(() => call.accept({ audio: microphoneChoice() }));
    this.#find('reject').onclick = attempt(() => call.reject());
    this.#find('hangup').onclick = attempt(() => call.hangup());
    this.#find('mute').onclick = () => call.mute(!call.isMuted);
    this.#find('hold').onclick = attempt(() => call.hold(call.state !== 'held'));
    this.#makeKeypad(onError);
    call.on('state', () => this.#render());
    call.on('mute', () => this.#render());
    call.on('remoteStream', (stream) => {
      this.#find('remote').srcObject = stream;
    });
    call.on('dtmf', ({ digit }) => {
      const state = this.#find('state');
      state.dataset.dtmf = (state.dataset.dtmf ?? '') + digit;
    });
    this.#timer = setInterval(() => this.#tick(), 1000);
    this.#render();
  }

  get element() {
    return this.#root;
  }

  #find(name) {
    return this.#root.querySelector(`.${name}`);
  }

  #makeKeypad(onError) {
    const pad = this.#find('pad');
    for (const key of '123456789*0#') {
      const button = document.createElement('button');
      button.textContent = key;
      button.dataset.testid = `dtmf-${key}`;
      button.onclick = () => this.#call.sendDTMF(key).catch(onError);
      pad.append(button);
    }
    const toggle = this.#find('keys');
    toggle.onclick = () => {
      pad.hidden = !pad.hidden;
      toggle.setAttribute('aria-expanded', String(!pad.hidden));
    };
  }

  #render() {
    const call = this.#call;
    const { state } = call;
    this.#root.dataset.state = state;
    this.#root.dataset.callId = call.id ?? '';
    const rings = call.direction === 'incoming' && ['new', 'ringing'].includes(state);
    const talks = ['connected', 'held'].includes(state);
    this.#find('answer').hidden = !rings;
    this.#find('reject').hidden = !rings;
    this.#find('hangup').hidden = rings || call.hasEnded;
    for (const name of ['mute', 'hold', 'keys']) this.#find(name).hidden = !talks;
    this.#find('mute').setAttribute('aria-pressed', String(call.isMuted));
    this.#find('hold').setAttribute('aria-pressed', String(state === 'held'));
    if (!talks) this.#find('pad').hidden = true;
    this.#find('state').textContent = this.#stateText();
    if (call.hasEnded) {
      clearInterval(this.#timer);
      this.#root.dataset.endStatus = call.endStatus;
      setTimeout(() => this.#root.remove(), LINGER_MS);
    }
  }

  #stateText() {
    const call = this.#call;
    if (call.hasEnded) {
      const elsewhere = /elsewhere/i.test(call.endReason ?? '');
      return elsewhere ? 'Answered on another device' : END_TEXT[call.endStatus] ?? 'Ended';
    }
    if (call.direction === 'incoming' && ['new', 'ringing'].includes(call.state)) return 'Incoming call';
    if (call.state === 'connected') {
      const seconds = Math.floor((Date.now() - call.connectedAt) / 1000);
      return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
    }
    return TEXT[call.state];
  }

  async #tick() {
    if (this.#call.state !== 'connected') return;
    this.#find('state').textContent = this.#stateText();
    const [browser, gateway] = await Promise.all([
      this.#call.getStats(),
      this.#call.getGatewayQuality().catch(() => undefined),
    ]);
    if (this.#call.state === 'connected') showQuality(this.#find('quality'), browser, gateway);
  }
}

/** The microphone picked on the page, as a constraint. */
export function microphoneChoice() {
  const { value } = document.getElementById('microphone');
  return value ? { deviceId: { exact: value }, echoCancellation: true, noiseSuppression: true, autoGainControl: true } : true;
}

function displayName(call) {
  const address = call.peer ?? '';
  if (/anonymous\.invalid$/.test(address)) return 'Number withheld';
  const number = address.replace(/^(tel|sip):/, '').replace(/@.*$/, '');
  return call.peerName ? `${call.peerName} (${number})` : number;
}

function showQuality(list, browser, gateway) {
  const ms = (value) => `${Math.round(value)} ms`;
  const rows = [
    ['', 'Browser', 'Network'],
    ['Codec', 'Opus', gateway?.ims.codec ?? ''],
    ['Received', browser.packetsReceived, gateway?.ims.packetsReceived ?? ''],
    ['Lost', browser.packetsLost, gateway?.ims.packetsLost ?? ''],
    ['Jitter', ms(browser.jitterMs), gateway ? ms(gateway.ims.jitterMs) : ''],
    ['Round trip', ms(browser.roundTripMs), gateway ? ms(gateway.ims.roundTripMs) : ''],
    ['Buffer', ms(browser.jitterBufferMs), gateway ? ms(gateway.ims.playoutDelayMs) : ''],
  ];
  list.replaceChildren(
    ...rows.flatMap((row, index) =>
      row.map((text, column) => {
        const cell = document.createElement(column === 0 ? 'dt' : 'dd');
        cell.textContent = String(text);
        if (index === 0) cell.className = 'head';
        return cell;
      }),
    ),
  );
  list.hidden = false;
}
