import { type Call, type CallerIdentity, isWithheld, numberOf } from '@byon/sdk';

const END_TEXT: Record<string, string> = {
  Busy: 'Busy', NoAnswer: 'No answer', NotReachable: 'Not reachable', Declined: 'Declined', SessionCancelled: 'Missed', Failed: 'Failed',
  Terminated: 'Ended',
};

/** 65 as 1:05, 3665 as 1:01:05. */
export function duration(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const two = (value: number) => String(value).padStart(2, '0');
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}:${two(seconds % 60)}`;
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(seconds % 60)}`;
}

/** +34600000002 as +34 600 000 002: groups of three after a country code of two digits, as far as that helps the eye. */
export function prettyNumber(number: string): string {
  const match = /^(\+[17]|\+\d\d)(\d{6,12})$/.exec(number);
  if (!match) return number;
  return `${match[1]} ${(match[2] as string).replace(/(\d{3})(?=\d{2})/g, '$1 ')}`;
}

/** The other side as people call it. */
export function peerTitle(address: string, name?: string): string {
  if (name) return name;
  if (isWithheld(address)) return 'Number withheld';
  // A number that the network knows comes as tel:; before a domain it is a name that somebody has chosen.
  return /^sips?:\+/i.test(address) ? address.replace(/^sips?:/i, '') : prettyNumber(numberOf(address));
}

/** Could somebody else stand behind the number that is shown? */
export const isDoubtful = (identity?: CallerIdentity): boolean => identity?.verification === 'failed' || identity?.asserted === false;

/** What is known of whoever calls; nothing where the network vouches for the number as it does for every other. */
export function identityText(identity?: CallerIdentity): string {
  if (identity?.verification === 'failed') return 'This number may be false: the network could not verify it';
  if (identity?.asserted === false) return 'The network does not vouch for this number';
  return identity?.verification === 'passed' ? '\u2713 Verified number' : '';
}

/** How a call ended, in words. */
export function endText(call: Call): string {
  if (call.needsPhone) return 'Use your phone';
  if (call.wasAnsweredElsewhere) return 'Answered on another device';
  if (call.endStatus === 'SessionCancelled' && call.direction === 'outgoing') return 'Cancelled';
  if (call.endStatus === 'Declined' && call.direction === 'incoming') return 'Declined';
  return END_TEXT[call.endStatus ?? ''] ?? 'Ended';
}

/** Today, Yesterday or a date. */
export function dayOf(at: number, now = Date.now()): string {
  const midnight = new Date(now).setHours(0, 0, 0, 0);
  if (at >= midnight) return 'Today';
  if (at >= midnight - 86_400_000) return 'Yesterday';
  return new Date(at).toLocaleDateString(undefined, { weekday: 'long', day: 'numeric', month: 'long' });
}

/** The time of day. */
export function timeOf(at: number): string {
  return new Date(at).toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit' });
}

/** A number for a badge, which has room for three characters. */
export const shortCount = (count: number): string => (count > 99 ? '99+' : String(count));
