import { byId } from './dom.js';
import { prettyNumber } from './format.js';
import { fillKeypad } from './keypad.js';

/** The dial pad: a number is typed, pasted or pressed, then called. */
export class Dialer {
  readonly #field = byId<HTMLInputElement>('number');
  readonly #keyTone: (key: string) => void;

  constructor({ call, keyTone }: { call: (number: string, isAnonymous: boolean) => void; keyTone: (key: string) => void }) {
    this.#keyTone = keyTone;
    fillKeypad(byId('keys'), (key) => this.press(key), { hasPlus: true });
    byId('erase').onclick = () => {
      this.number = this.number.slice(0, -1);
    };
    this.#field.oninput = () => this.#changed();
    byId<HTMLFormElement>('dialer').onsubmit = (event) => {
      event.preventDefault();
      call(this.number, byId<HTMLInputElement>('anonymous').checked);
    };
    this.#changed();
  }

  press(key: string): void {
    this.#keyTone(key);
    this.number += key;
  }

  /** Without the spaces that it is shown with. */
  get number(): string {
    return this.#field.value.replaceAll(' ', '');
  }
  set number(number: string) {
    this.#field.value = prettyNumber(number);
    this.#changed();
  }

  #changed(): void {
    const { value, selectionStart } = this.#field;
    // Who writes in the middle keeps his place.
    if (selectionStart === value.length) this.#field.value = prettyNumber(this.number);
    byId('erase').hidden = this.#field.value === '';
    const { length } = this.#field.value;
    this.#field.dataset['length'] = length > 16 ? 'longest' : length > 13 ? 'long' : 'short';
  }
}
