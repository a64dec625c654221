// Runs in the page: the two SIP libraries as an application would use them, behind the same verbs and events.
import JsSIP from 'jssip';
import { Inviter, Messager, Registerer, RegistererState, SessionState, UserAgent } from 'sip.js';

const AUDIO = { audio: true, video: false };
const NO_SERVERS = { iceServers: [] };

class Driver {
  events = [];
  emit(name, more = {}) {
    this.events.push({ name, ...more });
  }
  remoteStream() {
    const stream = new MediaStream(this.peerConnection().getReceivers().map(({ track }) => track).filter(Boolean));
    // Chromium decodes a remote stream only while an element plays it.
    this.player ??= new Audio();
    this.player.srcObject = stream;
    this.player.play();
    return stream;
  }
}

class JsSipDriver extends Driver {
  constructor({ socket, domain, number, token, password, instance }) {
    super();
    this.domain = domain;
    this.ua = new JsSIP.UA({
      sockets: [new JsSIP.WebSocketInterface(socket)], uri: `sip:${number}@${domain}`, display_name: 'Alice of JsSIP',
      register: true, register_expires: 300, session_timers: true,
      ...(token ? { authorization_jwt: `Bearer ${token}` } : {}), ...(password ? { password } : {}),
      ...(instance ? { instance_id: instance } : {}),
    });
    this.ua.on('registered', ({ response }) => this.emit('registered', { expires: response.getHeader('Contact') }));
    this.ua.on('unregistered', () => this.emit('unregistered'));
    this.ua.on('registrationFailed', ({ response, cause }) => this.emit('refused', { code: response?.status_code, cause }));
    this.ua.on('newMessage', ({ originator, request }) => {
      if (originator === 'remote') this.emit('message', { from: request.from.uri.toString(), text: request.body });
    });
    this.ua.on('newRTCSession', ({ originator, session, request }) => {
      if (originator !== 'remote') return;
      this.#take(session);
      this.emit('incoming', {
        from: session.remote_identity.uri.toString(), display: session.remote_identity.display_name,
        asserted: request.getHeader('P-Asserted-Identity'),
      });
    });
  }
  register() {
    this.ua.start();
  }
  unregister() {
    this.ua.unregister();
  }
  stop() {
    this.ua.stop();
  }
  disconnect() {
    this.ua.transport.socket._ws.close();
  }

  #take(session) {
    this.session = session;
    session.on('progress', ({ response }) => response && this.emit('progress', { code: response.status_code, sdp: Boolean(response.body) }));
    session.on('accepted', () => this.emit('accepted'));
    session.on('confirmed', () => this.emit('confirmed'));
    session.on('ended', ({ originator, cause, message }) => this.emit('ended', { originator, cause, reason: message?.getHeader?.('Reason') }));
    session.on('failed', ({ originator, cause, message }) =>
      this.emit('failed', { originator, cause, code: message?.status_code, reason: message?.getHeader?.('Reason') }));
    session.on('newDTMF', ({ originator, dtmf }) => originator === 'remote' && this.emit('dtmf', { digit: dtmf.tone }));
  }
  /** `place`: a PIDF-LO, which JsSIP leaves to the application to put beside the offer (RFC 6442). */
  call(target, { anonymous = false, place = '' } = {}) {
    const sending = ({ request }) => {
      request.setHeader('Content-Type', 'multipart/mixed; boundary=place');
      request.setHeader('Geolocation', '<cid:place@page.invalid>');
      const part = (headers, body) => `--place\r\n${headers}\r\n\r\n${body}\r\n`;
      request.body = `${part('Content-Type: application/sdp', request.body)}` +
        `${part('Content-Type: application/pidf+xml\r\nContent-ID: <place@page.invalid>', place)}--place--\r\n`;
    };
    const session = this.ua.call(target.includes(':') ? target : `sip:${target}@${this.domain}`,
      { mediaConstraints: AUDIO, pcConfig: NO_SERVERS, anonymous, eventHandlers: place ? { sending } : {} });
    this.#take(session);
  }
  message(target, text) {
    this.ua.sendMessage(`sip:${target}@${this.domain}`, text, { eventHandlers: {
      succeeded: ({ response }) => this.emit('message_answered', { code: response.status_code }),
      failed: ({ response }) => this.emit('message_answered', { code: response?.status_code }),
    } });
  }
  answer() {
    this.session.answer({ mediaConstraints: AUDIO, pcConfig: NO_SERVERS });
  }
  reject(code) {
    this.session.terminate(code ? { status_code: code } : {});
  }
  hangUp() {
    this.session.terminate();
  }
  dtmf(digits) {
    this.session.sendDTMF(digits, { duration: 100, interToneGap: 100 });
  }
  hold() {
    return new Promise((resolve) => this.session.hold({}, resolve));
  }
  resume() {
    return new Promise((resolve) => this.session.unhold({}, resolve));
  }
  refresh() {
    return new Promise((resolve, reject) => {
      this.session.sendRequest('UPDATE', { eventHandlers: { onSuccessResponse: () => resolve(true), onErrorResponse: ({ status_code }) => reject(new Error(String(status_code))) } });
    });
  }
  peerConnection() {
    return this.session.connection;
  }
}

class SipJsDriver extends Driver {
  constructor({ socket, domain, number, token, password }) {
    super();
    this.domain = domain;
    this.headers = token ? [`Authorization: Bearer ${token}`] : [];
    this.ua = new UserAgent({
      uri: UserAgent.makeURI(`sip:${number}@${domain}`), displayName: 'Alice of SIP.js', transportOptions: { server: socket },
      authorizationUsername: number, ...(password ? { authorizationPassword: password } : {}), logLevel: 'error',
      sessionDescriptionHandlerFactoryOptions: { peerConnectionConfiguration: NO_SERVERS, iceGatheringTimeout: 500 },
      delegate: {
        onMessage: (message) => {
          this.emit('message', { from: message.request.from.uri.toString(), text: message.request.body });
          void message.accept();
        },
        onInvite: (invitation) => {
          this.#take(invitation);
          this.emit('incoming', {
            from: invitation.remoteIdentity.uri.toString(), display: invitation.remoteIdentity.displayName,
            asserted: invitation.request.getHeader('P-Asserted-Identity'),
          });
        },
      },
    });
    this.registerer = new Registerer(this.ua, { expires: 300, extraHeaders: this.headers });
    this.registerer.stateChange.addListener((state) => {
      if (state === RegistererState.Registered) this.emit('registered');
      if (state === RegistererState.Unregistered) this.emit('unregistered');
    });
  }
  async register() {
    await this.ua.start();
    await this.registerer.register({
      requestDelegate: { onReject: ({ message }) => this.emit('refused', { code: message.statusCode }) },
    });
  }
  unregister() {
    return this.registerer.unregister();
  }
  stop() {
    return this.ua.stop();
  }

  #take(session) {
    this.session = session;
    session.stateChange.addListener((state) => {
      if (state === SessionState.Established) this.emit('confirmed');
      if (state === SessionState.Terminated) this.emit('ended');
    });
    session.delegate = {
      onBye: (bye) => this.emit('bye', { reason: bye.incomingByeRequest?.message.getHeader('Reason') }),
      onCancel: (cancel) => this.emit('cancelled', { reason: cancel.incomingCancelRequest?.getHeader('Reason') }),
      onInfo: (info) => {
        this.emit('dtmf', { digit: /Signal=(.)/.exec(info.request.body)?.[1] });
        info.accept();
      },
    };
  }
  async call(target, { anonymous = false } = {}) {
    const uri = UserAgent.makeURI(target.includes(':') ? target : `sip:${target}@${this.domain}`);
    const inviter = new Inviter(this.ua, uri, {
      sessionDescriptionHandlerOptions: { constraints: AUDIO }, extraHeaders: this.headers, anonymous, earlyMedia: true,
    });
    this.#take(inviter);
    await inviter.invite({
      requestDelegate: {
        onProgress: ({ message }) => this.emit('progress', { code: message.statusCode, sdp: Boolean(message.body) }),
        onAccept: () => this.emit('accepted'),
        onReject: ({ message }) => this.emit('failed', { code: message.statusCode, reason: message.getHeader('Reason') }),
      },
    });
  }
  async message(target, text) {
    await new Messager(this.ua, UserAgent.makeURI(`sip:${target}@${this.domain}`), text, 'text/plain').message({
      requestDelegate: {
        onAccept: ({ message }) => this.emit('message_answered', { code: message.statusCode }),
        onReject: ({ message }) => this.emit('message_answered', { code: message.statusCode }),
      },
    });
  }
  answer() {
    return this.session.accept({ sessionDescriptionHandlerOptions: { constraints: AUDIO } });
  }
  reject(code) {
    return this.session.reject(code ? { statusCode: code } : {});
  }
  async hangUp() {
    if (this.session.state === SessionState.Established) await this.session.bye();
    else if (this.session instanceof Inviter) await this.session.cancel();
    else await this.session.reject();
  }
  async dtmf(digits) {
    for (const digit of digits) {
      await new Promise((resolve, reject) => this.session.info({
        requestOptions: { body: { contentDisposition: 'render', contentType: 'application/dtmf-relay', content: `Signal=${digit}\r\nDuration=100` } },
        requestDelegate: { onAccept: resolve, onReject: ({ message }) => reject(new Error(`INFO ${message.statusCode}`)) },
      }));
    }
  }
  async #hold(hold) {
    const options = { ...this.session.sessionDescriptionHandlerOptionsReInvite, hold };
    this.session.sessionDescriptionHandlerOptionsReInvite = options;
    await new Promise((resolve, reject) => this.session.invite({
      requestDelegate: { onAccept: resolve, onReject: ({ message }) => reject(new Error(`re-INVITE ${message.statusCode}`)) },
    }));
  }
  hold() {
    return this.#hold(true);
  }
  resume() {
    return this.#hold(false);
  }
  peerConnection() {
    return this.session.sessionDescriptionHandler.peerConnection;
  }
}

export const drivers = { JsSIP: JsSipDriver, 'SIP.js': SipJsDriver };
