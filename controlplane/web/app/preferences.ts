// What the user chose, kept in this browser.
export interface Preferences {
  inputId: string;
  outputId: string;
  rings: boolean;
  notifies: boolean;
  /** Calls ring while no page is open. */
  wakes: boolean;
  theme: 'system' | 'light' | 'dark';
  hasShortcuts: boolean;
  takesCalls: boolean;
}

const KEY = 'byon.preferences';
const DEFAULTS: Preferences = { inputId: '', outputId: '', rings: true, notifies: false, wakes: false, theme: 'system', hasShortcuts: true, takesCalls: true };

export const preferences: Preferences = { ...DEFAULTS, ...read() };

export function save(changes: Partial<Preferences>): void {
  Object.assign(preferences, changes);
  try {
    localStorage.setItem(KEY, JSON.stringify(preferences));
  } catch {
    // Private windows may have no storage: the choice holds until the page closes.
  }
}

/** Colours the page as chosen. */
export function applyTheme(): void {
  if (preferences.theme === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = preferences.theme;
  document.dispatchEvent(new Event('themechange'));
}

function read(): Partial<Preferences> {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? '{}') as Partial<Preferences>;
  } catch {
    return {};
  }
}
