import { describe, expect, test } from 'vitest';
import { isWithheld, numberOf, toAddress } from '../../../controlplane/web/sdk/src/address.js';
import { emergencyOf } from '../../../controlplane/web/app/emergency.js';
import { browserLocation, emergencyAddress } from '../../../controlplane/web/sdk/src/emergency.js';
import { duration, identityText, isDoubtful, peerTitle, prettyNumber } from '../../../controlplane/web/app/format.js';

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

describe('numbers for help', () => {
  test.each([
    ['112', 'urn:service:sos'], ['9-1-1', 'urn:service:sos'], ['091', 'tel:091;phone-context=local.invalid'], ['118', undefined], ['+34600000112', undefined],
  ])('%s is %s', (typed, address) => expect(emergencyAddress(typed, ['112', '911', '091'])).toBe(address));
  test('the page knows what becomes of them', () => {
    const config = { emergency: { policy: 'route' as const, numbers: ['112', '091'] } };
    expect(emergencyOf('091', config)).toBe('route');
    expect(emergencyOf('tel:091;phone-context=+34', config)).toBe('route');
    expect(emergencyOf('urn:service:sos.fire', {})).toBe('refuse');
    expect(emergencyOf('112', {})).toBe('refuse');
    expect(emergencyOf('+34600000112', config)).toBeUndefined();
  });

  test('the browser is asked where it is', async () => {
    const coords = { latitude: 40.4, longitude: -3.7, accuracy: 12 };
    const geolocation = { getCurrentPosition: (found: (position: unknown) => void) => found({ coords, timestamp: 0 }) } as never;
    await expect(browserLocation({ geolocation })).resolves.toEqual({
      shape: 'Circle', coordinates: { latitude: 40.4, longitude: -3.7, radius: 12 }, method: 'Other',
      confidence: { pdf: 'normal', value: 95 }, timestamp: '1970-01-01T00:00:00.000Z',
    });
    const silent = { getCurrentPosition: () => {} } as never;
    await expect(browserLocation({ geolocation: silent, timeoutMs: 1 })).rejects.toMatchObject({ code: 'TIMEOUT' });
    const denied = { getCurrentPosition: (_: unknown, fail: (why: unknown) => void) => fail({ code: 1 }) } as never;
    await expect(browserLocation({ geolocation: denied })).rejects.toMatchObject({ code: 'NOT_SUPPORTED' });
  });
});

describe('how the page writes', () => {
  test.each([['+34600000002', '+34 600 000 002'], ['+14155550123', '+1 415 555 0123'], ['118', '118'], ['+4930123456', '+49 301 234 56']])('%s as %s', (number, pretty) =>
    expect(prettyNumber(number)).toBe(pretty));
  test.each([
    ['tel:+34600000002', undefined, '+34 600 000 002'], ['tel:+34600000002', 'Bob', 'Bob'], ['sip:1004@ims.test', undefined, '1004'],
    ['sip:+34600000009@evil.example', undefined, '+34600000009@evil.example'], ['sip:anonymous@anonymous.invalid', undefined, 'Number withheld'],
  ])('%s (%s) is called %s', (address, name, title) => expect(peerTitle(address, name)).toBe(title));
  test('what the network says of a caller', () => {
    expect(identityText(undefined)).toBe('');
    expect(identityText({ asserted: true })).toBe('');
    expect(identityText({ asserted: true, verification: 'none' })).toBe('');
    expect(identityText({ asserted: true, verification: 'passed' })).toMatch(/Verified/);
    expect(identityText({ asserted: false, verification: 'passed' })).toMatch(/not vouch/);
    expect(identityText({ asserted: true, verification: 'failed' })).toMatch(/may be false/);
    expect([{ asserted: true }, { asserted: false }, { asserted: true, verification: 'failed' } as const].map(isDoubtful)).toEqual([false, true, true]);
  });
  test.each([[0, '0:00'], [65_000, '1:05'], [3_665_000, '1:01:05'], [-5, '0:00']])('%i ms as %s', (milliseconds, text) => expect(duration(milliseconds)).toBe(text));
});
