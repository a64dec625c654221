// The page that a business can link to instead of embedding the button: /click-to-call.html#token=...
// The token stands behind the #, where neither servers nor logs see it, and leaves the address bar at once.
import type { ByonCallElement } from './byon_call.js';

const button = document.querySelector('byon-call') as ByonCallElement;
const title = document.querySelector('h1') as HTMLElement;
const hint = document.querySelector('#hint') as HTMLElement;

const given = new URLSearchParams(location.hash.slice(1));
const token = given.get('token') ?? sessionStorage.getItem('byon-visit');
const name = given.get('name');
if (given.has('token')) {
  // Kept for this tab alone, so that the page can be loaded again.
  sessionStorage.setItem('byon-visit', given.get('token') as string);
  history.replaceState(null, '', `${location.pathname}${name ? `#${new URLSearchParams({ name })}` : ''}`);
}
if (name) title.textContent = name;
if (token) {
  button.setAttribute('token', token);
} else {
  button.hidden = true;
  hint.textContent = 'This link is not complete: please go back to the page that you came from.';
}
button.addEventListener('byon-state', (event) => {
  const { state, call } = (event as CustomEvent<{ state: string; call?: { peerName?: string } }>).detail;
  // The gateway knows better whom one calls than whoever made the link.
  if (state === 'ringing' && call?.peerName) title.textContent = call.peerName;
});
