// Small tools for the page's elements.

/** The element with this id; its absence is a fault of the page. */
export function byId<Kind extends HTMLElement = HTMLElement>(id: string): Kind {
  const found = document.getElementById(id);
  if (!found) throw new Error(`The page has no element "${id}".`);
  return found as Kind;
}

/** The first descendant that fits; its absence is a fault of the page. */
export function find<Kind extends Element = HTMLElement>(root: ParentNode, selector: string): Kind {
  const found = root.querySelector<Kind>(selector);
  if (!found) throw new Error(`The page has no element "${selector}".`);
  return found;
}

/** A new element with text; text is never read as HTML. */
export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name, { text, className }: { text?: string; className?: string } = {},
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

/** One of the page's symbols. */
export function icon(name: string): SVGSVGElement {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS('http://www.w3.org/2000/svg', 'use');
  use.setAttribute('href', `#i-${name}`);
  svg.append(use);
  return svg;
}

/** Changes which symbol an element shows. */
export function setIcon(owner: Element, name: string): void {
  owner.querySelector('use')?.setAttribute('href', `#i-${name}`);
}

/** Shows a level of 0 to 1 on a meter. */
export function setLevel(meter: HTMLElement, level: number): void {
  const percent = Math.round(level * 100);
  meter.style.setProperty('--level', `${percent}%`);
  meter.setAttribute('aria-valuenow', String(percent));
}

/** Says something to screen readers at once. */
export function announce(text: string): void {
  byId('announcer').textContent = text;
}
