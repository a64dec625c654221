// In a shadow root: the page's styles do not reach in, and ours do not leave.
export const STYLE = `
:host {
  --accent: var(--byon-accent, light-dark(#0a6b4c, #35c192)); --on-accent: var(--byon-on-accent, light-dark(#ffffff, #06251a));
  --stop: var(--byon-stop, light-dark(#c22a20, #f0645a)); --line: light-dark(#d8e1dc, #2b3631); --raised: light-dark(#f4f7f5, #202925);
  --ink: light-dark(#14201b, #e8f0ec); --faint: light-dark(#55645d, #9db0a7);
  display: inline-grid; grid-template-columns: auto auto; gap: .5rem .6rem; align-items: center; justify-items: start;
  font: 1rem/1.4 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; color: var(--ink);
}
:host([hidden]) { display: none; }
[hidden] { display: none !important; }
button { font: inherit; color: inherit; cursor: pointer; border: 1px solid var(--line); background: var(--raised); transition: background .12s, scale .06s; }
button:active { scale: .97; }
button:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
svg { width: 1.4rem; height: 1.4rem; fill: currentColor; flex: none; }
.main {
  display: flex; align-items: center; gap: .6rem; min-height: 3rem; padding: .55rem 1.3rem .55rem 1.05rem; border: 0; border-radius: 3rem;
  font-weight: 600; background: var(--accent); color: var(--on-accent); box-shadow: 0 1px 2px #0003, 0 4px 14px #0002;
}
.main[data-mode=stop] { background: var(--stop); color: light-dark(#ffffff, #2b0704); }
.main[data-clock]::after { content: attr(data-clock); font-variant-numeric: tabular-nums; font-weight: 400; padding-left: .2rem; }
.tools { display: flex; gap: .4rem; }
.tool { display: grid; place-items: center; width: 3rem; height: 3rem; padding: 0; border-radius: 50%; }
.tool[aria-pressed=true], .tool[aria-expanded=true] { background: var(--ink); color: var(--raised); border-color: var(--ink); }
.keypad { grid-column: 1 / -1; display: grid; grid-template-columns: repeat(3, 3.4rem); gap: .4rem; }
.keypad button { height: 3rem; border-radius: .8rem; font-size: 1.15rem; }
.status { grid-column: 1 / -1; margin: 0; min-height: 1.4em; max-width: 22rem; font-size: .9rem; color: var(--faint); }
:host([data-state=ringing]) .main svg, :host([data-state=starting]) .main svg { animation: byon-pulse 1.2s infinite; }
@keyframes byon-pulse { 50% { opacity: .35; } }
@media (prefers-reduced-motion: reduce) { * { animation: none !important; transition: none !important; } }
`;
