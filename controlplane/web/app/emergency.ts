import type { Call, PageConfig } from '@byon/sdk';
import { byId } from './dom.js';

/** What becomes of a call to this number here, if it is one for help; undefined for any other number. */
export function emergencyOf(number: string, { emergency }: Pick<PageConfig, 'emergency'>): 'refuse' | 'route' | undefined {
  const digits = number.replace(/^tel:/i, '').replace(/;.*$/, '').replace(/[\s().\-/]/g, '');
  const isForHelp = /^urn:service:sos/i.test(number) || (emergency?.numbers ?? ['112', '911']).includes(digits);
  return isForHelp ? (emergency?.policy ?? 'refuse') : undefined;
}

/** In the middle of the page, and until it is read: this web page cannot call for help. */
export function sayUseYourPhone(number: string): void {
  const dialog = byId<HTMLDialogElement>('use-phone');
  const digits = number.replace(/^(tel|sip):/i, '').replace(/[;@].*$/, '');
  byId('use-phone-number').textContent = /^[0-9+ ]+$/.test(digits) ? digits : '112';
  if (!dialog.open) dialog.showModal();
}

/** The network may know numbers for help that the page does not. */
export function watchForEmergency(call: Call): void {
  call.on('ended', () => {
    if (call.needsPhone) sayUseYourPhone(call.peer);
  });
}
