// What the button says. A visitor is told what he can do about it, never a status code.
export const TEXTS = {
  call: 'Call us',
  hangUp: 'Hang up',
  mute: 'Mute',
  keypad: 'Keypad',
  starting: 'Connecting …',
  ringing: 'Ringing …',
  connected: 'Connected',
  held: 'On hold',
  reconnecting: 'Connection lost, trying to get it back …',
  keys: { '*': 'star', '#': 'hash' } as Record<string, string>,
};

const PHRASES: Record<string, string> = {
  Terminated: 'Call ended',
  Busy: 'The line is busy. Please try again later.',
  Declined: 'The call was not taken.',
  NoAnswer: 'Nobody answered.',
  NotReachable: 'Nobody can be reached at the moment.',
  UNAVAILABLE: 'All lines are busy. Please try again in a moment.',
  QUOTA_EXCEEDED: 'All lines are busy. Please try again in a moment.',
  TOO_MANY_REQUESTS: 'There were too many calls. Please try again in a minute.',
  UNAUTHENTICATED: 'This page is too old to call from. Please load it again.',
  INVALID_TOKEN_CONTEXT: 'This page is too old to call from. Please load it again.',
  NETWORK: 'There is no connection. Please try again.',
  CONNECTION_LOST: 'The connection was lost.',
};

/** For an end status of a call, or the code of a failure. */
export function phraseOf(code: string): string {
  return PHRASES[code] ?? 'The call could not be made.';
}
