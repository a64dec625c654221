import { type Call, isWithheld, numberOf } from '@byon/sdk';
import { byId, element, icon } from './dom.js';
import { dayOf, duration, endText, peerTitle, shortCount, timeOf } from './format.js';

const MOST_ENTRIES = 200;

/** One call as history keeps it. */
interface Entry {
  peer: string;
  name?: string | undefined;
  direction: 'outgoing' | 'incoming';
  /** Milliseconds since 1970. */
  at: number;
  /** How long it talked; 0: not at all. */
  talkedMs: number;
  text: string;
  isMissed: boolean;
}

/** The calls of one number in this browser: kept locally, shown newest first. */
export class History {
  #key: string | undefined;
  #entries: Entry[] = [];
  #unseen = 0;
  #marks = 0;
  readonly #redial: (number: string) => void;
  readonly #mark: (peer: string) => HTMLElement;
  /** The list has changed. */
  onChange: () => void = () => {};

  /** @param mark what stands beside the name of a peer */
  constructor(redial: (number: string) => void, mark: (peer: string) => HTMLElement) {
    this.#redial = redial;
    this.#mark = mark;
    byId('clear-history').onclick = () => {
      this.#entries = [];
      this.#store();
      this.#render();
    };
  }

  /** Shows the calls of this number: others who use this browser have their own. */
  open(ownNumber: string): void {
    this.#key = `byon.history.${ownNumber}`;
    try {
      this.#entries = JSON.parse(localStorage.getItem(this.#key) ?? '[]') as Entry[];
    } catch {
      this.#entries = [];
    }
    this.#render();
  }

  close(): void {
    this.#key = undefined;
    this.#entries = [];
    this.#render();
  }

  /** Who was talked to, and when. */
  get recent(): { peer: string; at: number }[] {
    return this.#entries;
  }

  /** Notes a call that has ended. */
  add(call: Call): void {
    const isMissed = call.direction === 'incoming' && !call.connectedAt && !call.wasAnsweredElsewhere && call.endStatus !== 'Declined' && call.endStatus !== 'Busy';
    this.#entries = [
      {
        peer: call.peer, name: call.peerName, direction: call.direction, at: call.startedAt,
        talkedMs: call.connectedAt ? (call.endedAt ?? Date.now()) - call.connectedAt : 0, text: endText(call), isMissed,
      },
      ...this.#entries,
    ].slice(0, MOST_ENTRIES);
    if (isMissed) ++this.#unseen;
    this.#store();
    this.#render();
  }

  /** The user looks at the list: missed calls are no news any more. */
  seen(): void {
    this.#unseen = 0;
    this.#renderBadge();
  }

  #store(): void {
    if (!this.#key) return;
    try {
      localStorage.setItem(this.#key, JSON.stringify(this.#entries));
    } catch {
      // No room or no storage: the list lives until the page closes.
    }
  }

  #render(): void {
    const rows: HTMLElement[] = [];
    let day = '';
    for (const entry of this.#entries) {
      const itsDay = dayOf(entry.at);
      if (itsDay !== day) rows.push(element('li', { text: (day = itsDay), className: 'day' }));
      rows.push(this.#row(entry));
    }
    byId('history').replaceChildren(...rows);
    byId('history-empty').hidden = this.#entries.length > 0;
    byId('clear-history').hidden = this.#entries.length === 0;
    this.#renderBadge();
    this.onChange();
  }
  #renderBadge(): void {
    const badge = byId('missed');
    badge.hidden = this.#unseen === 0;
    badge.textContent = shortCount(this.#unseen);
    badge.setAttribute('aria-label', `${this.#unseen} missed`);
  }

  #row(entry: Entry): HTMLElement {
    const row = element('li');
    const button = element('button', { className: `entry${entry.isMissed ? ' missed' : ''}` });
    const title = peerTitle(entry.peer, entry.name);
    const who = element('span', { className: 'entry-who' });
    const line = element('span', { className: 'entry-line' });
    const presence = this.#mark(entry.peer);
    line.append(element('small', { text: entry.talkedMs > 0 ? `${timeOf(entry.at)} · ${duration(entry.talkedMs)}` : `${timeOf(entry.at)} · ${entry.text}` }), presence);
    who.append(element('strong', { text: title }), line);
    const mark = element('span', { className: 'entry-mark' });
    mark.append(icon(entry.isMissed ? 'missed' : entry.direction === 'incoming' ? 'in' : 'out'));
    button.append(mark, who);
    const isCallable = !isWithheld(entry.peer);
    if (isCallable) {
      const call = element('span', { className: 'entry-call' });
      call.append(icon('phone'));
      button.append(call);
      button.onclick = () => this.#redial(/^(tel|sip):/.test(entry.peer) && !/^tel:\+/.test(entry.peer) ? entry.peer : numberOf(entry.peer));
    }
    button.disabled = !isCallable;
    presence.id = `presence-${++this.#marks}`;
    button.setAttribute('aria-describedby', presence.id);
    button.setAttribute('aria-label', `${isCallable ? 'Call ' : ''}${title}, ${entry.isMissed ? 'missed' : entry.direction}, ${dayOf(entry.at)} ${timeOf(entry.at)}`);
    row.append(button);
    return row;
  }
}
