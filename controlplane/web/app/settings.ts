import type { Device } from '@byon/sdk';
import { explainSpeaker, fillDevices } from './device_picker.js';
import { byId, element, setLevel } from './dom.js';
import { applyTheme, preferences, save } from './preferences.js';

const LEVEL_MS = 80;
const STEP_TEXT: Record<string, string> = {
  browser: 'Browser', gateway: 'Gateway', events: 'Event channel', microphone: 'Microphone', network: 'Network', call: 'Test call',
};

/** The settings panel: sound devices and their tests, colours, the connection check. */
export class Settings {
  readonly #device: Device;
  readonly #showError: (error: Error) => void;
  #test: { readonly level: number; close(): void } | undefined;
  #testTimer: ReturnType<typeof setInterval> | undefined;

  constructor(device: Device, showError: (error: Error) => void) {
    this.#device = device;
    this.#showError = showError;
    const { audio } = device;
    // A call's card may choose as well.
    for (const event of ['change', 'input', 'output'] as const) audio.on(event, () => this.#listDevices());
    this.#onSelect('microphone', async (id) => {
      save({ inputId: id });
      await audio.setInput(id || undefined);
      if (this.#test) await this.#startTest();
    });
    this.#onSelect('speaker', async (id) => {
      save({ outputId: id });
      await audio.setOutput(id || undefined);
    });
    byId('test-microphone').onclick = () => void (this.#test ? this.stopTest() : this.#startTest().catch(showError));
    byId('test-speaker').onclick = () => void audio.testOutput().catch(showError);
    byId('preflight').onclick = () => void this.#runPreflight().catch(showError);
    this.#onSwitch('ring', preferences.rings, (rings) => save({ rings }));
    this.#onSwitch('notify', preferences.notifies && globalThis.Notification?.permission === 'granted', (notifies) => void this.#allowNotes(notifies));
    this.#onSwitch('shortcuts', preferences.hasShortcuts, (hasShortcuts) => {
      save({ hasShortcuts });
      byId('shortcut-list').hidden = !hasShortcuts;
    });
    byId('shortcut-list').hidden = !preferences.hasShortcuts;
    const theme = byId<HTMLSelectElement>('theme');
    theme.value = preferences.theme;
    theme.onchange = () => {
      save({ theme: theme.value as typeof preferences.theme });
      applyTheme();
    };
  }

  /** Takes up the devices that were chosen last time, as far as they are still there. */
  async open(): Promise<void> {
    const { audio } = this.#device;
    await audio.refresh();
    if (audio.inputs.some(({ id }) => id === preferences.inputId)) await audio.setInput(preferences.inputId);
    if (audio.canChooseOutput && audio.outputs.some(({ id }) => id === preferences.outputId)) await audio.setOutput(preferences.outputId);
    this.#listDevices();
  }

  stopTest(): void {
    clearInterval(this.#testTimer);
    this.#test?.close();
    this.#test = undefined;
    byId('test-microphone').setAttribute('aria-pressed', 'false');
    byId('microphone-level').hidden = true;
  }

  async #startTest(): Promise<void> {
    this.stopTest();
    const test = await this.#device.audio.testInput();
    this.#test = test;
    byId('test-microphone').setAttribute('aria-pressed', 'true');
    const meter = byId('microphone-level');
    meter.hidden = false;
    this.#testTimer = setInterval(() => setLevel(meter, test.level), LEVEL_MS);
    // Labels are known from the moment the user has permitted the microphone.
    await this.#device.audio.refresh();
  }

  /** The browser asks the user; what he says there decides. */
  async #allowNotes(isWanted: boolean): Promise<void> {
    const permission = isWanted ? await globalThis.Notification?.requestPermission() : 'default';
    const notifies = isWanted && permission === 'granted';
    byId<HTMLInputElement>('notify').checked = notifies;
    save({ notifies });
    if (isWanted && !notifies) this.#showError(new Error('The browser does not let this page notify you.'));
  }

  #listDevices(): void {
    const { audio } = this.#device;
    fillDevices(byId('microphone'), audio.inputs, 'Microphone', audio.inputId);
    fillDevices(byId('speaker'), audio.outputs, 'Speaker', audio.outputId);
    explainSpeaker(byId('speaker'), audio.canChooseOutput);
  }

  async #runPreflight(): Promise<void> {
    const button = byId<HTMLButtonElement>('preflight');
    const list = byId('preflight-steps');
    list.replaceChildren();
    button.disabled = true;
    button.textContent = 'Checking…';
    try {
      await this.#device.runPreflight({
        onStep: ({ name, outcome, detail }) => {
          const row = element('li');
          row.dataset['outcome'] = outcome;
          row.append(element('strong', { text: STEP_TEXT[name] ?? name }), element('span', { text: detail }));
          row.setAttribute('aria-label', `${STEP_TEXT[name]}: ${outcome}. ${detail}`);
          if (name !== 'call') list.append(row);
        },
      });
    } finally {
      button.disabled = false;
      button.textContent = 'Check again';
    }
  }

  #onSelect(id: string, choose: (value: string) => Promise<void>): void {
    const select = byId<HTMLSelectElement>(id);
    select.onchange = () => void choose(select.value).catch(this.#showError);
  }
  #onSwitch(id: string, isOn: boolean, change: (isOn: boolean) => void): void {
    const box = byId<HTMLInputElement>(id);
    box.checked = isOn;
    box.onchange = () => change(box.checked);
  }
}
