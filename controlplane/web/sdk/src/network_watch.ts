/** Tells when the gateway may be reachable again, and whether the network is another one. Returns what ends it. @internal */
export function watchNetwork(tell: (hasChanged: boolean) => void): () => void {
  const { window, document, navigator } = globalThis as unknown as { window?: Window; document?: Document; navigator?: Navigator };
  if (!window || !document || typeof window.addEventListener !== 'function') return () => {};
  const network = (navigator as { connection?: EventTarget & { type?: string } } | undefined)?.connection;
  let type = network?.type;
  const online = () => tell(true);
  // Chromium tells of every new estimate of the bandwidth; only another kind of network counts.
  const changed = () => {
    const was = type;
    type = network?.type;
    if (type !== was && type !== 'none') tell(true);
  };
  const awake = () => document.visibilityState === 'visible' && tell(false);
  window.addEventListener('online', online);
  network?.addEventListener('change', changed);
  document.addEventListener('visibilitychange', awake);
  return () => {
    window.removeEventListener('online', online);
    network?.removeEventListener('change', changed);
    document.removeEventListener('visibilitychange', awake);
  };
}
