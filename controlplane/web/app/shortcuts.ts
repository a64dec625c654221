import type { CallsView } from './calls_view.js';
import { byId } from './dom.js';
import { preferences } from './preferences.js';

/** Keys that work wherever the focus is, except where text is typed. */
export function listenToKeys(calls: CallsView, press: (key: string) => void): void {
  document.addEventListener('keydown', (event) => {
    if (!preferences.hasShortcuts || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    const { target, key } = event;
    const isTyping = target instanceof HTMLInputElement && target.type !== 'checkbox';
    const isChoosing = target instanceof HTMLSelectElement || (isTyping && key !== 'Escape' && !(key === 'Enter' && calls.ringing && !target.value));
    if (isChoosing || byId('phone').hidden) return;
    if (key === 'Escape' && calls.ringing) return act(event, () => void calls.ringing?.call.reject().catch(() => {}));
    if (key === 'Enter' && calls.ringing && !(target instanceof HTMLButtonElement)) return act(event, () => void calls.ringing?.answer());
    const call = calls.selected?.call;
    const talks = call && (call.state === 'connected' || call.state === 'held');
    if (/^[0-9*#+]$/.test(key)) {
      return act(event, () => (talks && calls.selected?.isPadOpen && key !== '+' ? calls.selected.press(key) : press(key)));
    }
    if (!call || call.hasEnded) return;
    const letter = key.toLowerCase();
    if (letter === 'm' && talks) return act(event, () => call.mute(!call.isMuted));
    if (letter === 'h' && talks) return act(event, () => void call.hold(call.state !== 'held').catch(() => {}));
    if (letter === 'e' && !calls.selected?.isRingingHere) return act(event, () => void call.hangup().catch(() => {}));
  });
}

function act(event: Event, action: () => void): void {
  event.preventDefault();
  action();
}
