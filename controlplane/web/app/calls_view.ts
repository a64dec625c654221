import type { Call, Device } from '@byon/sdk';
import { CallCard, type CardOwner } from './call_card.js';
import { announce, byId, find } from './dom.js';
import { endText, peerTitle } from './format.js';
import type { History } from './history.js';
import { preferences } from './preferences.js';
import type { Tones } from './tones.js';

const LINGER_MS = 6000;
const SOUND_MS = 250;

/** What the calls ask of the page. */
export interface CallsOwner {
  showError: (error: Error) => void;
  addCall: () => void;
  call: (address: string) => void;
  /** The stage has come to the front or left it. */
  stageChanged: () => void;
}

/** All calls on the page: who is in front, who waits, who rings, and what is heard of it. */
export class CallsView {
  readonly #device: Device;
  readonly #history: History;
  readonly #tones: Tones;
  readonly #owner: CallsOwner;
  #cards: CallCard[] = [];
  #selected: CallCard | undefined;
  readonly #title = document.title;

  constructor(device: Device, { history, tones, owner }: { history: History; tones: Tones; owner: CallsOwner }) {
    this.#device = device;
    this.#history = history;
    this.#tones = tones;
    this.#owner = owner;
    device.on('call', (call) => this.#add(call));
    device.on('incoming', (call) => this.#alert(call));
    setInterval(() => this.#sound(), SOUND_MS);
  }

  /** The card in front. */
  get selected(): CallCard | undefined {
    return this.#selected;
  }
  /** The oldest call that waits for an answer. */
  get ringing(): CallCard | undefined {
    return this.#cards.findLast((card) => card.isRingingHere);
  }
  get hasCalls(): boolean {
    return this.#cards.length > 0;
  }
  get hasLiveCalls(): boolean {
    return this.#cards.some(({ call }) => !call.hasEnded);
  }

  #add(call: Call): void {
    const owner: CardOwner = {
      showError: this.#owner.showError,
      audio: this.#device.audio,
      keyTone: (digit) => this.#tones.key(digit),
      changed: () => this.#render(),
      select: (card) => this.#select(card),
      addCall: this.#owner.addCall,
      dismiss: (card) => this.#remove(card),
      callAgain: (ended) => {
        const again = this.#cards.find((card) => card.call === ended);
        if (again) this.#remove(again);
        this.#owner.call(ended.peer);
      },
    };
    const card = new CallCard(call, owner);
    this.#cards.unshift(card);
    byId('calls').prepend(card.element);
    call.on('ended', () => {
      this.#history.add(call);
      announce(`${endText(call)}: ${peerTitle(call.peer, call.peerName)}`);
      setTimeout(() => this.#remove(card), LINGER_MS);
    });
    if (!card.isRingingHere) this.#select(card);
    else this.#render();
  }

  #alert(call: Call): void {
    const who = peerTitle(call.peer, call.peerName);
    announce(`Incoming call from ${who}`);
    const card = this.#cards.find((known) => known.call === call);
    // Not while the user types a number elsewhere.
    if (card && !(document.activeElement instanceof HTMLInputElement)) find(card.element, '.answer').focus();
    if (document.hidden && preferences.notifies && globalThis.Notification?.permission === 'granted') {
      const note = new Notification('Incoming call', { body: who, tag: call.id ?? who, icon: 'app/icon.svg' });
      note.onclick = () => {
        window.focus();
        note.close();
      };
      call.on('state', (state) => state !== 'ringing' && note.close());
    }
  }

  #select(card: CallCard): void {
    this.#selected = card;
    this.#render();
    this.#owner.stageChanged();
  }

  #remove(card: CallCard): void {
    if (!this.#cards.includes(card)) return;
    this.#cards = this.#cards.filter((other) => other !== card);
    card.close();
    if (this.#selected === card) this.#selected = undefined;
    this.#render();
    this.#owner.stageChanged();
  }

  #render(): void {
    // Whoever talks is in front; without one the last that was, then the newest.
    const talking = this.#cards.find(({ call }) => call.state === 'connected');
    if (!this.#selected || this.#selected.call.hasEnded) {
      this.#selected = talking ?? this.#cards.find(({ call, isRingingHere }) => !call.hasEnded && !isRingingHere) ?? this.#selected ?? this.#cards[0];
    }
    for (const card of this.#cards) {
      card.mode = card === this.#selected || card.isRingingHere ? 'main' : 'line';
      card.render();
    }
    byId('stage').dataset['count'] = String(this.#cards.length);
    byId('idle').hidden = this.hasCalls;
    document.title = this.ringing ? `Incoming: ${peerTitle(this.ringing.call.peer, this.ringing.call.peerName)}` : this.#title;
    this.#sound();
  }

  #sound(): void {
    const isTalking = this.#cards.some(({ call }) => call.state === 'connected');
    if (this.ringing) this.#tones.loop(isTalking ? 'waiting' : preferences.rings ? 'ring' : undefined);
    else this.#tones.loop(this.#selected?.needsRingback ? 'ringback' : undefined);
  }
}
