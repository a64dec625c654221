import { ByonError } from './error.js';

/**
 * What the SDK takes from the browser. Tests and other run-times may put their own in its place.
 */
export interface Platform {
  fetch?: typeof fetch;
  WebSocket?: typeof WebSocket;
  RTCPeerConnection?: typeof RTCPeerConnection;
  mediaDevices?: MediaDevices;
  /** Makes the element that plays a call. */
  createAudio?: () => HTMLAudioElement;
  AudioContext?: typeof AudioContext;
}

/** The platform with the browser's own parts where none were given. @internal */
export function completePlatform(given: Platform = {}): Platform {
  return {
    ...(globalThis.WebSocket ? { WebSocket: globalThis.WebSocket } : {}),
    ...(globalThis.RTCPeerConnection ? { RTCPeerConnection: globalThis.RTCPeerConnection } : {}),
    ...(globalThis.navigator?.mediaDevices ? { mediaDevices: globalThis.navigator.mediaDevices } : {}),
    ...(globalThis.Audio ? { createAudio: () => new Audio() } : {}),
    ...(globalThis.AudioContext ? { AudioContext: globalThis.AudioContext } : {}),
    ...given,
  };
}

/** What a telephone wants of a microphone. */
const VOICE: MediaTrackConstraints = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };

/** Opens a microphone; fails with `MICROPHONE` and what the user can do about it. @internal */
export async function openMicrophone(
  { mediaDevices }: Platform, wanted: MediaTrackConstraints | boolean | undefined, inputId: string | undefined,
): Promise<MediaStream> {
  if (!mediaDevices) {
    throw new ByonError('MICROPHONE', 'This page has no access to microphones; it must come over HTTPS.');
  }
  const chosen = inputId ? { deviceId: { exact: inputId } } : {};
  const audio = { ...VOICE, ...chosen, ...(typeof wanted === 'object' ? wanted : {}) };
  try {
    return await mediaDevices.getUserMedia({ audio });
  } catch (cause) {
    const name = (cause as { name?: string }).name;
    // The chosen one may have been unplugged since.
    if (name === 'OverconstrainedError' && inputId) return openMicrophone({ mediaDevices }, wanted, undefined);
    throw new ByonError('MICROPHONE', MICROPHONE_FAULTS[name ?? ''] ?? 'The microphone cannot be used.', { cause });
  }
}

const MICROPHONE_FAULTS: Record<string, string> = {
  NotAllowedError: 'The microphone is not permitted for this page; allow it in the address bar.',
  NotFoundError: 'No microphone is connected.',
  NotReadableError: 'The microphone is in use by another program.',
};
