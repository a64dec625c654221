import { Emitter } from './emitter.js';
import { ByonError } from './error.js';
import type { Platform } from './platform.js';

interface PeerMediaEvents {
  /** The far side's sound. */
  stream: MediaStream;
  /** The path to the gateway: `lost` may come back, `failed` does not without an ICE restart. */
  path: 'connected' | 'lost' | 'failed';
}

/**
 * The media of one call: one peer connection with one audio track each way, and the element that plays it.
 *
 * The gateway is ICE-lite with its candidates in the description and learns the browser's address from its checks,
 * so descriptions go out before ICE gathering ends: waiting would only add to set-up time.
 * @internal
 */
export class PeerMedia extends Emitter<PeerMediaEvents> {
  readonly #pc: RTCPeerConnection;
  readonly #audio: HTMLAudioElement | undefined;
  #sender: RTCRtpSender | undefined;
  remoteStream: MediaStream | undefined;

  constructor(platform: Platform, { iceServers, playsAudio }: { iceServers: RTCIceServer[]; playsAudio: boolean }) {
    super();
    if (!platform.RTCPeerConnection) throw new ByonError('NOT_SUPPORTED', 'This browser has no WebRTC.');
    this.#pc = new platform.RTCPeerConnection({ bundlePolicy: 'max-bundle', iceServers });
    this.#audio = playsAudio ? platform.createAudio?.() : undefined;
    this.#pc.ontrack = ({ track, streams }) => {
      this.remoteStream = streams[0] ?? new MediaStream([track]);
      if (this.#audio) {
        this.#audio.autoplay = true;
        this.#audio.srcObject = this.remoteStream;
      }
      this.emit('stream', this.remoteStream);
    };
    this.#pc.onconnectionstatechange = () => {
      const state = this.#pc.connectionState;
      if (state === 'connected') this.emit('path', 'connected');
      else if (state === 'disconnected') this.emit('path', 'lost');
      else if (state === 'failed') this.emit('path', 'failed');
    };
  }

  get peerConnection(): RTCPeerConnection {
    return this.#pc;
  }

  /** The offer of an outgoing call. */
  async offer(microphone: MediaStream): Promise<string> {
    const [track] = microphone.getAudioTracks();
    if (!track) throw new ByonError('MICROPHONE', 'The microphone has no audio track.');
    this.#sender = this.#pc.addTrack(track, microphone);
    await this.#pc.setLocalDescription(await this.#pc.createOffer());
    return this.#localSdp();
  }

  /** The answer to the gateway's offer, without a microphone yet: media is ready when the user is. */
  async answerTo(sdp: string): Promise<string> {
    await this.#pc.setRemoteDescription({ type: 'offer', sdp });
    const [transceiver] = this.#pc.getTransceivers();
    if (!transceiver) throw new ByonError('BAD_RESPONSE', 'The gateway offers no audio.');
    transceiver.direction = 'sendrecv';
    this.#sender = transceiver.sender;
    await this.#pc.setLocalDescription(await this.#pc.createAnswer());
    return this.#localSdp();
  }

  /** A new offer with fresh ICE credentials (RFC 8445 section 9). */
  async restartOffer(): Promise<string> {
    await this.#pc.setLocalDescription(await this.#pc.createOffer({ iceRestart: true }));
    return this.#localSdp();
  }
  /** Takes back an offer that nobody answered. */
  async rollBack(): Promise<void> {
    if (this.#pc.signalingState === 'have-local-offer') await this.#pc.setLocalDescription({ type: 'rollback' });
  }

  /** The gateway's answer. One that comes when no offer is open is a repetition and does nothing. */
  async takeAnswer(sdp: string): Promise<void> {
    if (this.#pc.signalingState !== 'have-local-offer') return;
    await this.#pc.setRemoteDescription({ type: 'answer', sdp });
  }

  async useMicrophone(microphone: MediaStream): Promise<void> {
    await this.#sender?.replaceTrack(microphone.getAudioTracks()[0] ?? null);
  }

  /** Sends digits in the media (RFC 4733). False when this browser cannot. */
  insertDigits(digits: string, durationMs: number, gapMs: number): boolean {
    const dtmf = this.#sender?.dtmf;
    if (!dtmf?.canInsertDTMF) return false;
    dtmf.insertDTMF(dtmf.toneBuffer + digits, durationMs, gapMs);
    return true;
  }

  /** @param deviceId of an audio output; empty: the default */
  async setOutput(deviceId: string): Promise<void> {
    if (!this.#audio) return;
    if (!this.#audio.setSinkId) throw new ByonError('NOT_SUPPORTED', 'This browser cannot choose the speaker.');
    await this.#audio.setSinkId(deviceId);
  }

  /** @param volume 0 to 1 */
  set volume(volume: number) {
    if (this.#audio) this.#audio.volume = volume;
  }

  getStats(): Promise<RTCStatsReport> {
    return this.#pc.getStats();
  }

  close(): void {
    this.#pc.close();
    if (this.#audio) this.#audio.srcObject = null;
  }

  #localSdp(): string {
    return this.#pc.localDescription?.sdp ?? '';
  }
}
