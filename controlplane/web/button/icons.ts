// The button's pictures: paths in a square of 24.
export const ICONS = {
  call: 'M6.6 3.5 9 3l2 4.6-1.9 1.9a12 12 0 0 0 5.4 5.4l1.9-1.9L21 15l-.5 2.4c-.3 1.5-1.6 2.6-3.2 2.6A13.3 13.3 0 0 1 4 6.7C4 5.1 5.1 3.8 6.6 3.5z',
  hangUp: 'M2.6 13.8c5.2-5.1 13.6-5.1 18.8 0 .6.6.6 1.5.1 2.1l-1.7 1.9c-.5.5-1.3.6-1.9.2l-2.5-1.7c-.5-.3-.7-.9-.6-1.4l.3-1.6a9.6 9.6 0 0 0-6.2 0l.3 1.6c.1.5-.1 1.1-.6 1.4l-2.5 1.7c-.6.4-1.4.3-1.9-.2l-1.7-1.9c-.5-.6-.5-1.5.1-2.1z',
  mic: 'M12 2.5a3.5 3.5 0 0 1 3.5 3.5v5.5a3.5 3.5 0 0 1-7 0V6A3.5 3.5 0 0 1 12 2.5zM5 11h2a5 5 0 0 0 10 0h2a7 7 0 0 1-6 6.9V21.5h-2v-3.6A7 7 0 0 1 5 11z',
  micOff: 'm3.5 2.3 18.2 18.2-1.4 1.4-4.3-4.3a7 7 0 0 1-3 1.3v2.6h-2v-2.6A7 7 0 0 1 5 12h2a5 5 0 0 0 7.5 4.3l-1.5-1.5a3.5 3.5 0 0 1-4.5-3.3v-1.2L2.1 3.7zM12 2.5A3.5 3.5 0 0 1 15.5 6v5.2L8.6 4.9A3.5 3.5 0 0 1 12 2.5z',
  keypad: 'M5 4h3v3H5zm5.5 0h3v3h-3zM16 4h3v3h-3zM5 9.5h3v3H5zm5.5 0h3v3h-3zm5.5 0h3v3h-3zM5 15h3v3H5zm5.5 0h3v3h-3zm5.5 0h3v3h-3z',
} as const;

const SVG = 'http://www.w3.org/2000/svg';

export function iconOf(name: keyof typeof ICONS): SVGSVGElement {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('d', ICONS[name]);
  svg.append(path);
  return svg;
}
