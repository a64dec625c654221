import { ByonError } from './error.js';

/** The number or name in a CAMARA address: `tel:+34600000002` is `+34600000002`; empty when it is withheld. */
export function numberOf(address: string): string {
  if (isWithheld(address)) return '';
  return address.replace(/^(tel|sip|sips):/i, '').replace(/[;?].*$/, '').replace(/@.*$/, '');
}

/** True for a caller who withholds the number. */
export function isWithheld(address: string): boolean {
  return /anonymous\.invalid$/i.test(address) || address === '';
}

/**
 * What a user types, as an address the gateway takes: `+34 600 000 002`, or `tel:`, `sip:` and `urn:service:sos` as they are.
 * Local digits (`118`, `*21#`) need a `phoneContext`, RFC 3966 section 5.1.5. Fails with `INVALID_ARGUMENT`.
 */
export function toAddress(text: string, phoneContext?: string): string {
  const trimmed = text.trim();
  if (/^(tel|sip|urn):/i.test(trimmed)) return trimmed;
  const digits = trimmed.replace(/[\s().\-/\u00a0]/g, '');
  if (/^\+[0-9]{5,15}$/.test(digits)) return `tel:${digits}`;
  if (phoneContext && /^[0-9*#]{1,15}$/.test(digits)) return `tel:${digits};phone-context=${phoneContext}`;
  throw new ByonError(
    'INVALID_ARGUMENT',
    phoneContext
      ? 'A number is + and 5 to 15 digits, or up to 15 local digits, or a tel: or sip: address.'
      : 'A number is + and 5 to 15 digits, or a tel: or sip: address.',
  );
}
