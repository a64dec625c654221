import { byId } from './dom.js';

/** The tabs of the phone, as the WAI-ARIA practices have them: arrows move, one tab is in the tab order. */
export function wireTabs(changed: (panel: string) => void): (panel: string) => void {
  const tabs = [...document.querySelectorAll<HTMLButtonElement>('[role=tab]')];
  const show = (panel: string) => {
    for (const tab of tabs) {
      const isShown = tab.dataset['panel'] === panel;
      tab.setAttribute('aria-selected', String(isShown));
      tab.tabIndex = isShown ? 0 : -1;
      byId(tab.dataset['panel'] as string).hidden = !isShown;
    }
    changed(panel);
  };
  for (const tab of tabs) {
    tab.onclick = () => show(tab.dataset['panel'] as string);
    tab.onkeydown = ({ key }) => {
      const step = key === 'ArrowRight' ? 1 : key === 'ArrowLeft' ? -1 : 0;
      const visible = tabs.filter((one) => !one.hidden);
      const next = visible[(visible.indexOf(tab) + step + visible.length) % visible.length];
      if (step === 0 || !next) return;
      show(next.dataset['panel'] as string);
      next.focus();
    };
  }
  return show;
}
