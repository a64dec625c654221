import type { AudioDevice, AudioDevices } from '@byon/sdk';
import { find } from './dom.js';
import { save } from './preferences.js';

/** Fills a list of devices; the system's default comes first. */
export function fillDevices(select: HTMLSelectElement, devices: readonly AudioDevice[], kind: string, chosen: string | undefined): void {
  const options = devices
    .filter((device) => device.id !== 'default')
    .map((device, index) => new Option(device.label || `${kind} ${index + 1}`, device.id));
  select.replaceChildren(new Option('System default', ''), ...options);
  select.value = chosen ?? '';
}

/** Says why a browser has no choice of speakers. */
export function explainSpeaker(select: HTMLSelectElement, canChoose: boolean): void {
  select.disabled = !canChoose;
  select.title = canChoose ? '' : 'This browser uses the speaker of the system';
}

/** Microphone and speaker within a call: what is chosen is used at once, and from now on. */
export class DevicePicker {
  readonly #root: HTMLElement;
  readonly #audio: AudioDevices;
  readonly #off: () => void;

  constructor(root: HTMLElement, audio: AudioDevices, showError: (error: Error) => void) {
    this.#root = root;
    this.#audio = audio;
    this.#onSelect('.microphone-of-call', showError, async (id) => {
      await audio.setInput(id || undefined);
      save({ inputId: id });
    });
    this.#onSelect('.speaker-of-call', showError, async (id) => {
      await audio.setOutput(id || undefined);
      save({ outputId: id });
    });
    const offs = [audio.on('change', () => this.#show()), audio.on('input', () => this.#show()), audio.on('output', () => this.#show())];
    this.#off = () => offs.forEach((off) => off());
  }

  get isOpen(): boolean {
    return !this.#root.hidden;
  }

  async toggle(isOpen = !this.isOpen): Promise<void> {
    this.#root.hidden = !isOpen;
    // Labels are known from the moment the user has permitted the microphone, at the latest in this call.
    if (isOpen) await this.#audio.refresh();
  }
  close(): void {
    this.#off();
  }

  #show(): void {
    if (!this.isOpen) return;
    fillDevices(find(this.#root, '.microphone-of-call'), this.#audio.inputs, 'Microphone', this.#audio.inputId);
    fillDevices(find(this.#root, '.speaker-of-call'), this.#audio.outputs, 'Speaker', this.#audio.outputId);
    explainSpeaker(find(this.#root, '.speaker-of-call'), this.#audio.canChooseOutput);
  }

  #onSelect(selector: string, showError: (error: Error) => void, choose: (id: string) => Promise<void>): void {
    const select = find<HTMLSelectElement>(this.#root, selector);
    // A device that cannot be opened is not the chosen one: the list shows what is used.
    select.onchange = () => void choose(select.value).catch(showError).finally(() => this.#show());
  }
}
