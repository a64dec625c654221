import { ByonError } from './error.js';
import type { LocationDetails } from './wire.js';

/** The numbers that are emergency numbers everywhere (3GPP TS 22.101). */
const EVERYWHERE = ['112', '911'];

/**
 * The address for a number that is dialled for help, undefined for any other. @internal
 * @param known numbers that are one here, as the gateway lists them
 */
export function emergencyAddress(text: string, known: readonly string[] = []): string | undefined {
  const digits = text.replace(/[\s().\-/\u00a0]/g, '');
  if (EVERYWHERE.includes(digits)) return 'urn:service:sos';
  // A number of the country: which service it is the gateway knows. Its own context is the gateway's too.
  return known.includes(digits) ? `tel:${digits};phone-context=local.invalid` : undefined;
}

/**
 * Where the browser is, for an emergency call; asks the user's permission where that was not given. Fails with `NOT_SUPPORTED` where
 * it cannot be had, and with `TIMEOUT` when it takes longer than `timeoutMs`: call all the same.
 */
export async function browserLocation(
  { timeoutMs = 5000, geolocation = globalThis.navigator?.geolocation }: { timeoutMs?: number; geolocation?: Pick<Geolocation, 'getCurrentPosition'> } = {},
): Promise<LocationDetails> {
  if (!geolocation) throw new ByonError('NOT_SUPPORTED', 'This browser does not know where it is.');
  let timer: ReturnType<typeof setTimeout> | undefined;
  const { coords, timestamp } = await new Promise<GeolocationPosition>((resolve, reject) => {
    // The browser's own time-out does not run while it asks the user.
    timer = setTimeout(() => reject(new ByonError('TIMEOUT', 'It took too long to find out where this is.')), timeoutMs);
    const fail = (cause: GeolocationPositionError) => reject(new ByonError('NOT_SUPPORTED', 'The browser does not tell where it is.', { cause }));
    geolocation.getCurrentPosition(resolve, fail, { enableHighAccuracy: true, timeout: timeoutMs, maximumAge: 30_000 });
  }).finally(() => clearTimeout(timer));
  return {
    shape: 'Circle',
    coordinates: { latitude: coords.latitude, longitude: coords.longitude, radius: coords.accuracy },
    method: 'Other',
    // What accuracy means in the W3C's Geolocation.
    confidence: { pdf: 'normal', value: 95 },
    timestamp: new Date(timestamp).toISOString(),
  };
}
