// What changed between two answers of GetNodeStats, per second. Pure.

/** @returns {{ busyPercent: number, receivedPerSecond: number, sentPerSecond: number, handedOverPerSecond: number, lateTicks: number }} */
function workerRates(now, before, seconds) {
  // A counter that went back is a node that was started again: what it counts since is all there is.
  const grown = (key) => (before && now[key] >= before[key] ? now[key] - before[key] : now[key]);
  return {
    worker: now.worker, sessions: now.sessions,
    busyPercent: Math.min(100, grown('busy_ns') / seconds / 1e7),
    receivedPerSecond: grown('packets_received') / seconds,
    sentPerSecond: grown('packets_sent') / seconds,
    handedOverPerSecond: grown('handed_over') / seconds,
    lateTicks: grown('late_ticks'),
  };
}

/** Rates of all workers and the drops that grew, the most first. `before` may be undefined: then all is zero. */
export function nodeRates(now, before, seconds) {
  if (!before) return { workers: now.workers.map((worker) => ({ ...workerRates(worker, worker, 1) })), drops: dropsOf(now.drops, now.drops, 1) };
  const earlier = new Map(before.workers.map((worker) => [worker.worker, worker]));
  return {
    workers: now.workers.map((worker) => workerRates(worker, earlier.get(worker.worker), seconds)),
    drops: dropsOf(now.drops, before.drops, seconds),
  };
}

function dropsOf(now, before, seconds) {
  return Object.entries(now)
    .map(([reason, total]) => ({ reason, total, perSecond: Math.max(0, total - (before[reason] ?? 0)) / seconds }))
    .filter(({ total }) => total > 0)
    .sort((a, b) => b.perSecond - a.perSecond || b.total - a.total);
}

/** A leg's figures that say whether it sounds good; MOS is absent before there is an estimate. */
function legView(leg) {
  return {
    codec: leg.codec || '–', mos: leg.quality ? leg.quality.mos_conversational : undefined,
    lossPercent: 100 * (leg.quality ? leg.quality.loss_rate : 0), jitterMs: leg.jitter_ms, playoutMs: leg.playout_delay_ms,
    addedMs: leg.added_latency_ms, concealed: leg.concealed_frames, late: leg.late_packets,
  };
}

/** One call as it is shown, from a Session and its SessionStats. */
export function callView(session, stats) {
  const access = legView(stats.access);
  const ims = legView(stats.ims);
  const known = [access.mos, ims.mos].filter((mos) => mos !== undefined);
  return {
    id: session.session_id, worker: session.worker, ageSeconds: session.age_ms / 1000, state: session.access_state, access, ims,
    mos: known.length ? Math.min(...known) : undefined,
    lossPercent: Math.max(access.lossPercent, ims.lossPercent),
    delayMs: Math.max(access.addedMs, ims.addedMs),
  };
}

export const ORDERS = {
  mos: (a, b) => (a.mos ?? 9) - (b.mos ?? 9) || b.lossPercent - a.lossPercent,
  loss: (a, b) => b.lossPercent - a.lossPercent,
  delay: (a, b) => b.delayMs - a.delayMs,
  age: (a, b) => b.ageSeconds - a.ageSeconds,
};

/** How many calls have which pair of codecs, the most first. */
export function callsByCodec(calls) {
  const counts = new Map();
  for (const call of calls) {
    const pair = `${call.access.codec} / ${call.ims.codec}`;
    counts.set(pair, (counts.get(pair) ?? 0) + 1);
  }
  return [...counts].map(([pair, count]) => ({ pair, count })).sort((a, b) => b.count - a.count);
}
