import { byId } from './dom.js';
import { fillKeypad } from './keypad.js';

/** The dial pad: a number is typed, pasted or pressed, then called. */
export class Dialer {
  readonly #field = byId<HTMLInputElement>('number');
  readonly #keyTone: (key: string) => void;

  constructor({ call, keyTone }: { call: (number: string, isAnonymous: boolean) => void; keyTone: (key: string) => void }) {
    this.#keyTone = keyTone;
    fillKeypad(byId('keys'), (key) => this.press(key), { hasPlus: true });
    byId('erase').onclick = () => {
      this.#field.value = this.#field.value.slice(0, -1);
      this.#changed();
    };
    this.#field.oninput = () => this.#changed();
    byId<HTMLFormElement>('dialer').onsubmit = (event) => {
      event.preventDefault();
      call(this.#field.value, byId<HTMLInputElement>('anonymous').checked);
    };
    this.#changed();
  }

  press(key: string): void {
    this.#keyTone(key);
    this.#field.value += key;
    this.#changed();
  }

  set number(number: string) {
    this.#field.value = number;
    this.#changed();
  }

  #changed(): void {
    byId('erase').hidden = this.#field.value === '';
    this.#field.dataset['length'] = this.#field.value.length > 14 ? 'long' : 'short';
  }
}
