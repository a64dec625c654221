import { describe, expect, test } from 'vitest';
import { isWithheld, numberOf, toAddress } from '../../../controlplane/web/sdk/src/address.js';
import { duration, prettyNumber } from '../../../controlplane/web/app/format.js';

describe('addresses', () => {
  test.each([
    ['+34 600 000 002', 'tel:+34600000002'], ['+34 (600) 000-002', 'tel:+34600000002'], ['tel:+34600000002', 'tel:+34600000002'],
    ['sip:alice@ims.test', 'sip:alice@ims.test'], ['urn:service:sos', 'urn:service:sos'], ['  +3460000 ', 'tel:+3460000'],
  ])('%s is %s', (typed, address) => expect(toAddress(typed)).toBe(address));
  test.each(['', '600', 'alice', '+34', '+1234567890123456', '+34x00000002', 'javascript:alert(1)'])('"%s" is none', (typed) =>
    expect(() => toAddress(typed)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }) as Error));
  test('local digits belong somewhere', () => {
    expect(toAddress('*21#', '+34')).toBe('tel:*21#;phone-context=+34');
    expect(() => toAddress('*21#x', '+34')).toThrow();
  });
  test.each([['tel:+34600000002', '+34600000002'], ['sip:+34600000002@ims.test;user=phone', '+34600000002'], ['sip:anonymous@anonymous.invalid', '']])(
    'the number in %s is "%s"', (address, number) => expect(numberOf(address)).toBe(number));
  test('who withholds the number', () => {
    expect(isWithheld('sip:anonymous@anonymous.invalid')).toBe(true);
    expect(isWithheld('tel:+34600000002')).toBe(false);
  });
});

describe('how the page writes', () => {
  test.each([['+34600000002', '+34 600 000 002'], ['+14155550123', '+1 415 555 0123'], ['118', '118'], ['+4930123456', '+49 301 234 56']])('%s as %s', (number, pretty) =>
    expect(prettyNumber(number)).toBe(pretty));
  test.each([[0, '0:00'], [65_000, '1:05'], [3_665_000, '1:01:05'], [-5, '0:00']])('%i ms as %s', (milliseconds, text) => expect(duration(milliseconds)).toBe(text));
});
