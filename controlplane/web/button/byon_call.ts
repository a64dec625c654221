// <byon-call>: a button that calls a business from its web page. One script, one element, nothing else:
//   <script type="module" src="https://gateway.example/sdk/byon-call.js"></script>
//   <byon-call token-url="/call-token" label="Call our shop"></byon-call>
import { ByonError, type Call, ClickToCall } from '@byon/sdk';
import { STYLE } from './style.js';
import { phraseOf, TEXTS } from './texts.js';
import { ICONS, iconOf } from './icons.js';

const KEYS = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '0', '#'];
/** How an ended call stays on the button. */
const FAREWELL_MS = 4000;

type State = 'idle' | 'starting' | 'ringing' | 'connected' | 'ended';

/**
 * Attributes: `token` (a visitor's token) or `token-url` (of the business's own server: a POST that answers with the token, as
 * text or as `{"token": ...}`), `gateway` (default: where the script came from), `label`. Property `getToken`: a function instead of
 * both. Event `byon-state`: `detail.state` is idle, starting, ringing, connected or ended, `detail.call` the SDK's call, `detail.error`.
 * Colours: `--byon-accent`, `--byon-on-accent`, `--byon-stop`.
 */
export class ByonCallElement extends HTMLElement {
  static readonly observedAttributes = ['label'];

  /** Gives a visitor's token. */
  getToken: (() => Promise<string>) | undefined;

  readonly #root = this.attachShadow({ mode: 'open' });
  readonly #main = button('main', 'call');
  readonly #label = document.createElement('span');
  readonly #tools = document.createElement('div');
  readonly #mute = button('tool', 'mic');
  readonly #keypadSwitch = button('tool', 'keypad');
  readonly #keypad = document.createElement('div');
  readonly #status = document.createElement('p');
  #line: ClickToCall | undefined;
  #call: Call | undefined;
  #state: State = 'idle';
  #clock: ReturnType<typeof setInterval> | undefined;
  #farewell: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    super();
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    this.#root.adoptedStyleSheets = [sheet];
    this.#label.className = 'label';
    this.#main.append(this.#label);
    this.#main.onclick = () => void (this.#isBusy ? this.hangUp() : this.start());
    this.#mute.onclick = () => this.#toggleMute();
    this.#keypadSwitch.onclick = () => this.#toggleKeypad();
    this.#tools.className = 'tools';
    this.#tools.append(this.#mute, this.#keypadSwitch);
    this.#keypad.className = 'keypad';
    this.#keypad.setAttribute('role', 'group');
    this.#keypad.setAttribute('aria-label', TEXTS.keypad);
    for (const key of KEYS) this.#keypad.append(this.#key(key));
    this.#status.className = 'status';
    this.#status.setAttribute('role', 'status');
    this.#root.append(this.#main, this.#tools, this.#keypad, this.#status);
    this.#show('idle');
  }

  get state(): State {
    return this.#state;
  }
  /** The call that goes on, as the SDK has it. */
  get call(): Call | undefined {
    return this.#call;
  }

  attributeChangedCallback(): void {
    this.#write();
  }
  disconnectedCallback(): void {
    this.#line?.destroy();
    this.#line = undefined;
    this.#forget();
    this.#show('idle');
  }

  /** Calls; what goes wrong is shown on the button, and told by `byon-state`. */
  async start(): Promise<void> {
    if (this.#isBusy) return;
    clearTimeout(this.#farewell);
    this.#show('starting', TEXTS.starting);
    const line = (this.#line ??= this.#makeLine());
    try {
      await line.call();
    } catch (error) {
      if (this.#line === line) this.#fail(error); // else given up meanwhile
    }
  }

  async hangUp(): Promise<void> {
    const call = this.#call;
    if (!call) {
      // Before the SDK has a call there is nothing to be told to anybody.
      this.#line?.destroy();
      this.#line = undefined;
      return this.#show('idle');
    }
    await call.hangup().catch(() => {});
  }

  get #isBusy(): boolean {
    return this.#state === 'starting' || this.#state === 'ringing' || this.#state === 'connected';
  }
  get #gateway(): string {
    return this.getAttribute('gateway') ?? new URL(import.meta.url).origin;
  }

  #makeLine(): ClickToCall {
    const line = new ClickToCall({ gateway: this.#gateway, getToken: () => this.#token() });
    line.on('call', (call) => this.#follow(call));
    line.on('reconnecting', () => this.#say(TEXTS.reconnecting));
    line.on('reconnected', () => this.#say(''));
    return line;
  }
  async #token(): Promise<string> {
    if (this.getToken) return this.getToken();
    const given = this.getAttribute('token');
    if (given) return given;
    const url = this.getAttribute('token-url');
    if (!url) throw new ByonError('INVALID_ARGUMENT', 'The element needs token, token-url or getToken.');
    const response = await fetch(url, { method: 'POST', headers: { accept: 'application/json, text/plain' } });
    if (!response.ok) throw new ByonError('UNAUTHENTICATED', 'The page gives out no token.', { status: response.status });
    const text = (await response.text()).trim();
    return text.startsWith('{') ? (JSON.parse(text) as { token: string }).token : text;
  }

  #follow(call: Call): void {
    if (this.#call === call) return;
    this.#call = call;
    call.on('ringing', () => this.#show('ringing', TEXTS.ringing));
    call.on('earlyMedia', () => this.#show('ringing', TEXTS.ringing));
    call.on('connected', () => this.#talk(call));
    call.on('mute', () => this.#write());
    call.on('held', () => this.#say(TEXTS.held));
    call.on('resumed', () => this.#say(''));
    call.on('reconnecting', () => this.#say(TEXTS.reconnecting));
    call.on('reconnected', () => this.#say(''));
    call.on('ended', ({ status }) => {
      if (this.#call !== call) return;
      this.#forget();
      this.#end(phraseOf(status));
    });
  }

  #talk(call: Call): void {
    this.#show('connected', TEXTS.connected);
    this.#clock ??= setInterval(() => this.#tick(call), 1000);
    this.#tick(call);
  }
  #tick(call: Call): void {
    const seconds = Math.floor((Date.now() - (call.connectedAt ?? Date.now())) / 1000);
    this.#main.dataset['clock'] = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
  }

  #fail(error: unknown): void {
    this.#forget();
    const code = error instanceof ByonError ? error.code : '';
    this.#end(code === 'MICROPHONE' ? (error as ByonError).message : phraseOf(code), error);
  }
  #end(text: string, error?: unknown): void {
    this.#show('ended', text, error);
    clearTimeout(this.#farewell);
    this.#farewell = setTimeout(() => this.#state === 'ended' && this.#show('idle', error ? text : ''), FAREWELL_MS);
  }
  #forget(): void {
    clearInterval(this.#clock);
    this.#clock = undefined;
    this.#call = undefined;
    delete this.#main.dataset['clock'];
    this.#keypad.hidden = true;
  }

  #toggleMute(): void {
    this.#call?.mute(!this.#call.isMuted);
  }
  #toggleKeypad(): void {
    this.#keypad.hidden = !this.#keypad.hidden;
    this.#write();
  }
  #key(key: string): HTMLButtonElement {
    const made = document.createElement('button');
    made.type = 'button';
    made.textContent = key;
    made.setAttribute('aria-label', TEXTS.keys[key] ?? key);
    made.onclick = () => void this.#call?.sendDigits(key).catch(() => {});
    return made;
  }

  #show(state: State, text = '', error?: unknown): void {
    const hasChanged = this.#state !== state;
    this.#state = state;
    this.dataset['state'] = state;
    const isOpen = state === 'connected' || state === 'ringing';
    this.#tools.hidden = !isOpen;
    if (!isOpen) this.#keypad.hidden = true;
    this.#say(text);
    this.#write();
    if (hasChanged) this.dispatchEvent(new CustomEvent('byon-state', { bubbles: true, detail: { state, call: this.#call, error } }));
  }
  #say(text: string): void {
    this.#status.textContent = text;
  }

  /** What is written on the buttons. */
  #write(): void {
    const label = this.getAttribute('label') ?? TEXTS.call;
    this.#label.textContent = this.#isBusy ? TEXTS.hangUp : label;
    this.#main.dataset['mode'] = this.#isBusy ? 'stop' : 'go';
    this.#main.setAttribute('aria-label', this.#isBusy ? TEXTS.hangUp : label);
    setIcon(this.#main, this.#isBusy ? 'hangUp' : 'call');
    const isMuted = this.#call?.isMuted ?? false;
    this.#mute.setAttribute('aria-label', TEXTS.mute);
    this.#mute.setAttribute('aria-pressed', String(isMuted));
    setIcon(this.#mute, isMuted ? 'micOff' : 'mic');
    this.#keypadSwitch.setAttribute('aria-label', TEXTS.keypad);
    this.#keypadSwitch.setAttribute('aria-expanded', String(!this.#keypad.hidden));
  }
}

function button(className: string, icon: keyof typeof ICONS): HTMLButtonElement {
  const made = document.createElement('button');
  made.type = 'button';
  made.className = className;
  made.append(iconOf(icon));
  return made;
}
function setIcon(owner: HTMLElement, icon: keyof typeof ICONS): void {
  owner.querySelector('svg')?.replaceWith(iconOf(icon));
}

if (!customElements.get('byon-call')) customElements.define('byon-call', ByonCallElement);
