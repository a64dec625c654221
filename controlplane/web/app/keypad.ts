import { element } from './dom.js';

const KEYS: readonly [string, string][] = [
  ['1', ''], ['2', 'ABC'], ['3', 'DEF'], ['4', 'GHI'], ['5', 'JKL'], ['6', 'MNO'], ['7', 'PQRS'], ['8', 'TUV'], ['9', 'WXYZ'], ['*', ''],
  ['0', '+'], ['#', ''],
];
const LONG_PRESS_MS = 500;
const NAMES: Record<string, string> = { '*': 'star', '#': 'hash' };

/** Fills a group with telephone keys. @param press takes each key; a long 0 is + where `hasPlus` */
export function fillKeypad(group: HTMLElement, press: (key: string) => void, { hasPlus = false, testId = '' } = {}): void {
  for (const [key, letters] of KEYS) {
    const button = element('button', { className: 'key' });
    button.type = 'button';
    button.setAttribute('aria-label', NAMES[key] ?? key);
    if (testId) button.dataset['testid'] = `${testId}-${key}`;
    button.append(element('span', { text: key }), element('small', { text: hasPlus || key !== '0' ? letters : '' }));
    let timer: ReturnType<typeof setTimeout> | undefined;
    let wasLong = false;
    if (hasPlus && key === '0') {
      button.onpointerdown = () => {
        wasLong = false;
        timer = setTimeout(() => {
          wasLong = true;
          press('+');
        }, LONG_PRESS_MS);
      };
      button.onpointerup = button.onpointerleave = () => clearTimeout(timer);
    }
    button.onclick = () => {
      if (!wasLong) press(key);
      wasLong = false;
    };
    group.append(button);
  }
}
