import { Emitter } from './emitter.js';
import { ByonError } from './error.js';

const TERMINAL = new Set([
  'Terminated', 'SessionCancelled', 'Declined', 'Failed', 'NoAnswer', 'NotReachable', 'Busy',
]);

/** The first ICE candidates are enough: the gateway has a public address and learns ours from its checks. */
const AUDIO = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };

/**
 * One call. `state` is one of `new`, `dialing`, `ringing`, `earlyMedia`, `connected`, `held`, `ended`.
 *
 * Events: `state` (the new state), `ringing`, `earlyMedia`, `connected`, `held`, `resumed`,
 * `ended` ({status, reason}), `mute` (boolean), `dtmf` ({digit}), `remoteStream` (MediaStream).
 */
export class Call extends Emitter {
  #api;
  #inject;
  #registration;
  #pc;
  #sender;
  #microphone;
  #muted = false;
  #lastSequence = 0;
  #answerApplied = false;
  #prepared;
  #pendingStatus = [];

  id;
  state = 'new';
  /** 'outgoing' or 'incoming' */
  direction;
  /** The other party as the network shows it, e.g. `tel:+34600000002`. */
  peer;
  peerName;
  startedAt;
  connectedAt;
  endedAt;
  endStatus;
  endReason;
  remoteStream;

  /** Calls are made by GatewayPhone. @private */
  constructor({ api, inject, registration, direction, peer, peerName, id }) {
    super();
    this.#api = api;
    this.#inject = inject;
    this.#registration = registration;
    this.direction = direction;
    this.peer = peer;
    this.peerName = peerName;
    this.id = id;
    this.startedAt = Date.now();
  }

  get isMuted() {
    return this.#muted;
  }
  get hasEnded() {
    return this.state === 'ended';
  }
  /** For statistics and tests; changing it is at your own risk. */
  get peerConnection() {
    return this.#pc;
  }

  /** @private Sends the offer; resolves when the gateway has taken the call. */
  async dial({ audio, displayName, anonymous }) {
    try {
      this.#microphone = await this.#openMicrophone(audio);
      this.#openPeerConnection();
      const [track] = this.#microphone.getAudioTracks();
      this.#sender = this.#pc.addTrack(track, this.#microphone);
      await this.#pc.setLocalDescription(await this.#pc.createOffer());
      this.#setState('dialing');
      const session = await this.#api.createCall(this.#registration.registrationId, {
        originatorAddress: anonymous
          ? 'sip:anonymous@anonymous.invalid'
          : `tel:${this.#registration.regInfo.phoneNumber}`,
        receiverAddress: this.peer,
        originatorName: displayName,
        sdp: this.#pc.localDescription.sdp,
      });
      this.id = session.mediaSessionId;
    } catch (error) {
      this.#finish('Failed', error.message);
      throw error;
    }
  }

  /** @private Answers the gateway's offer without touching the microphone: media is ready when the user is. */
  prepare(offerSdp) {
    this.#prepared ??= this.#prepare(offerSdp);
    return this.#prepared;
  }
  async #prepare(offerSdp) {
    this.#openPeerConnection();
    await this.#pc.setRemoteDescription({ type: 'offer', sdp: offerSdp });
    const [transceiver] = this.#pc.getTransceivers();
    transceiver.direction = 'sendrecv';
    this.#sender = transceiver.sender;
    await this.#pc.setLocalDescription(await this.#pc.createAnswer());
    await this.#api.setCallStatus(this.id, 'InProgress', { answer: this.#pc.localDescription.sdp });
    await this.#api.setCallStatus(this.id, 'Ringing');
    if (this.state === 'new') this.#setState('ringing');
  }

  /** Takes an incoming call. @param {{audio?: MediaTrackConstraints | boolean}} [options] */
  async accept({ audio } = {}) {
    this.#require('incoming', ['new', 'ringing']);
    this.#microphone = await this.#openMicrophone(audio);
    await this.#prepared;
    const [track] = this.#microphone.getAudioTracks();
    track.enabled = !this.#muted;
    await this.#sender.replaceTrack(track);
    await this.#api.setCallStatus(this.id, 'Connected');
    this.#connected();
  }

  /**
   * Refuses an incoming call: 'busy' ends it on this device only, 'declined' on all devices of the number.
   * @param {'declined' | 'busy'} [how]
   */
  async reject(how = 'declined') {
    this.#require('incoming', ['new', 'ringing']);
    await this.#api.setCallStatus(this.id, how === 'busy' ? 'Busy' : 'Declined');
    this.#finish(how === 'busy' ? 'Busy' : 'Declined', 'Rejected here');
  }

  /** Ends the call in any state; ending an ended call does nothing. */
  async hangup() {
    if (this.hasEnded) return;
    const { id } = this;
    this.#finish('Terminated', 'Ended here');
    if (id) {
      await this.#api.deleteCall(id).catch((error) => {
        if (error.status !== 404) throw error;
      });
    }
  }

  mute(on = true) {
    this.#muted = on;
    for (const track of this.#microphone?.getAudioTracks() ?? []) track.enabled = !on;
    this.emit('mute', on);
  }

  /** Sends 0-9 * # A-D in the audio (RFC 4733). */
  async sendDTMF(digits, { duration = 100, gap = 70 } = {}) {
    if (!/^[0-9*#A-Da-d]{1,32}$/.test(digits)) {
      throw new ByonError('INVALID_ARGUMENT', 'DTMF digits are 1 to 32 of 0-9 * # A-D.');
    }
    const { dtmf } = this.#sender ?? {};
    if (dtmf?.canInsertDTMF) dtmf.insertDTMF(dtmf.toneBuffer + digits, duration, gap);
    else await this.#api.sendDtmf(this.id, digits);
  }

  async hold(on = true) {
    this.#require(undefined, on ? ['connected'] : ['held']);
    const seen = this.#lastSequence;
    await this.#api.setCallStatus(this.id, on ? 'Hold' : 'Resume');
    // Events may overtake the response: with this change, or with a later one of the other side.
    if (this.hasEnded || this.#lastSequence !== seen) return;
    this.#setState(on ? 'held' : 'connected');
    this.emit(on ? 'held' : 'resumed');
  }

  /** Changes the microphone in mid-call. @param {string} deviceId */
  async setInput(deviceId) {
    const stream = await this.#openMicrophone({ ...AUDIO, deviceId: { exact: deviceId } });
    const [track] = stream.getAudioTracks();
    track.enabled = !this.#muted;
    await this.#sender.replaceTrack(track);
    for (const old of this.#microphone?.getTracks() ?? []) old.stop();
    this.#microphone = stream;
  }

  /**
   * What the browser sees of the call.
   * @returns {Promise<{packetsReceived: number, packetsLost: number, packetsSent: number, jitterMs: number,
   *   roundTripMs: number, jitterBufferMs: number, audioLevel: number}>}
   */
  async getStats() {
    const stats = {
      packetsReceived: 0, packetsLost: 0, packetsSent: 0, jitterMs: 0, roundTripMs: 0,
      jitterBufferMs: 0, audioLevel: 0,
    };
    if (!this.#pc) return stats;
    for (const report of (await this.#pc.getStats()).values()) {
      if (report.type === 'inbound-rtp' && report.kind === 'audio') {
        stats.packetsReceived = report.packetsReceived ?? 0;
        stats.packetsLost = report.packetsLost ?? 0;
        stats.jitterMs = (report.jitter ?? 0) * 1000;
        stats.audioLevel = report.audioLevel ?? 0;
        if (report.jitterBufferEmittedCount) {
          stats.jitterBufferMs = (report.jitterBufferDelay / report.jitterBufferEmittedCount) * 1000;
        }
      } else if (report.type === 'outbound-rtp' && report.kind === 'audio') {
        stats.packetsSent = report.packetsSent ?? 0;
      } else if (report.type === 'candidate-pair' && report.nominated) {
        stats.roundTripMs = (report.currentRoundTripTime ?? 0) * 1000;
      }
    }
    return stats;
  }

  /** What the gateway sees of both legs. */
  getGatewayQuality() {
    return this.#api.getQuality(this.id);
  }

  /** @private A session-status event of this call. */
  async applyStatus(data) {
    // One at a time and in order: applying an answer takes a while, and events must not overtake it.
    this.#pendingStatus.push(data);
    if (this.#pendingStatus.length > 1) return;
    while (this.#pendingStatus.length > 0) {
      try {
        await this.#applyStatus(this.#pendingStatus[0]);
      } catch (error) {
        this.emit('error', error);
      }
      this.#pendingStatus.shift();
    }
  }
  async #applyStatus({ status, answer, reason, sequenceNumber }) {
    if (this.hasEnded) return;
    if (sequenceNumber) {
      if (sequenceNumber <= this.#lastSequence) return;
      this.#lastSequence = sequenceNumber;
    }
    if (TERMINAL.has(status)) {
      this.#finish(status, reason);
      return;
    }
    if (answer?.sdp && this.direction === 'outgoing' && !this.#answerApplied) {
      // Applied once: the gateway anchors the media and repeats the same answer with the final response.
      this.#answerApplied = true;
      await this.#pc.setRemoteDescription({ type: 'answer', sdp: answer.sdp });
    }
    if (this.hasEnded) return;
    if (status === 'Ringing' && ['dialing', 'earlyMedia'].includes(this.state)) {
      this.#setState('ringing');
      this.emit('ringing');
    } else if (status === 'InProgress' && answer?.sdp && this.state === 'dialing') {
      this.#setState('earlyMedia');
      this.emit('earlyMedia');
    } else if (status === 'Connected' || status === 'Resume') {
      if (this.state === 'held') {
        this.#setState('connected');
        this.emit('resumed');
      } else if (this.direction === 'outgoing') {
        this.#connected();
      }
    } else if (status === 'Hold' && this.state === 'connected') {
      this.#setState('held');
      this.emit('held');
    }
  }

  /** @private */
  applyDtmf(data) {
    this.emit('dtmf', { digit: data.digit, durationMs: data.durationMs });
  }

  /** @private The registration is gone, or the page closes. */
  abandon(reason) {
    this.#finish('Terminated', reason);
  }

  #connected() {
    if (this.hasEnded || this.state === 'connected') return;
    this.connectedAt ??= Date.now();
    this.#setState('connected');
    this.emit('connected');
  }

  #openPeerConnection() {
    this.#pc = new this.#inject.RTCPeerConnection({ bundlePolicy: 'max-bundle', iceServers: [] });
    this.#pc.ontrack = ({ track, streams }) => {
      this.remoteStream = streams[0] ?? new MediaStream([track]);
      this.emit('remoteStream', this.remoteStream);
    };
    this.#pc.onconnectionstatechange = () => {
      if (this.#pc.connectionState === 'failed' && !this.hasEnded) {
        this.hangup().catch(() => {});
      }
    };
  }

  async #openMicrophone(audio) {
    try {
      return await this.#inject.getUserMedia({ audio: audio && audio !== true ? audio : AUDIO });
    } catch (cause) {
      throw new ByonError('MICROPHONE', 'The microphone cannot be used; check the permission.', { cause });
    }
  }

  #require(direction, states) {
    if ((direction && direction !== this.direction) || !states.includes(this.state)) {
      throw new ByonError('INCOMPATIBLE_STATE', `Not possible while the call is ${this.state}.`);
    }
  }

  #setState(state) {
    this.state = state;
    this.emit('state', state);
  }

  #finish(status, reason) {
    if (this.hasEnded) return;
    this.endedAt = Date.now();
    this.endStatus = status;
    this.endReason = reason;
    for (const track of this.#microphone?.getTracks() ?? []) track.stop();
    this.#pc?.close();
    this.#setState('ended');
    this.emit('ended', { status, reason });
  }
}
