import { asError } from './error.js';
import { openMicrophone, type Platform } from './platform.js';

/** What a call does with its microphone. @internal */
export interface MicrophoneOwner {
  platform: Platform;
  /** The chosen microphone; undefined: the default. */
  chosenId: () => string | undefined;
  /** Sends another stream from now on. */
  replace: (stream: MediaStream) => Promise<void>;
  report: (error: Error) => void;
}

/** The microphone of one call: opened, muted, changed, and replaced by the default one when it is unplugged. @internal */
export class Microphone {
  readonly #owner: MicrophoneOwner;
  #stream: MediaStream | undefined;
  #isMuted = false;
  #isClosed = false;

  constructor(owner: MicrophoneOwner) {
    this.#owner = owner;
  }

  get stream(): MediaStream | undefined {
    return this.#stream;
  }
  get isMuted(): boolean {
    return this.#isMuted;
  }
  set isMuted(isMuted: boolean) {
    this.#isMuted = isMuted;
    this.#applyMute();
  }

  async open(audio: MediaTrackConstraints | boolean | undefined): Promise<MediaStream> {
    const stream = await openMicrophone(this.#owner.platform, audio, this.#owner.chosenId());
    this.#take(stream);
    return stream;
  }

  /** @param id undefined: the default */
  async change(id: string | undefined): Promise<void> {
    const stream = await openMicrophone(this.#owner.platform, true, id);
    const old = this.#stream;
    this.#take(stream);
    if (this.#isClosed) return;
    await this.#owner.replace(stream);
    stop(old);
  }

  close(): void {
    this.#isClosed = true;
    stop(this.#stream);
  }

  #take(stream: MediaStream): void {
    this.#stream = stream;
    if (this.#isClosed) {
      stop(stream);
      return;
    }
    this.#applyMute();
    const [track] = stream.getAudioTracks();
    if (!track) return;
    track.onended = () => {
      if (this.#isClosed || this.#stream !== stream) return;
      this.change(undefined).catch((error: unknown) => this.#owner.report(asError(error)));
    };
  }
  #applyMute(): void {
    for (const track of this.#stream?.getAudioTracks() ?? []) track.enabled = !this.#isMuted;
  }
}

function stop(stream: MediaStream | undefined): void {
  for (const track of stream?.getTracks() ?? []) {
    track.onended = null;
    track.stop();
  }
}
