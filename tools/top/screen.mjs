// Draws what is known as lines of text. Pure: the caller says how large the terminal is and whether it has colours.

const paint = (code) => (text, colours) => (colours ? `\x1b[${code}m${text}\x1b[0m` : text);
const red = paint('31');
const yellow = paint('33');
const green = paint('32');
const bold = paint('1');
const faint = paint('2');

// What comes from elsewhere must not steer the terminal.
const printable = (text) => String(text).replace(/[^\x20-\x7e–]/g, '?');
const whole = (value) => Math.round(value).toLocaleString('en');
const fixed = (value, digits, width) => (value === undefined ? '–' : value.toFixed(digits)).padStart(width);

function bar(percent, width) {
  const full = Math.round(Math.min(100, Math.max(0, percent)) / 100 * width);
  return '█'.repeat(full) + '░'.repeat(width - full);
}

function busy(percent, colours) {
  const text = `${bar(percent, 20)} ${fixed(percent, 1, 5)} %`;
  return (percent > 85 ? red : percent > 65 ? yellow : green)(text, colours);
}

const mosText = (mos, colours) => {
  const text = fixed(mos, 2, 5);
  if (mos === undefined) return text;
  return (mos < 3 ? red : mos < 3.6 ? yellow : green)(text, colours);
};

function age(seconds) {
  const s = Math.floor(seconds);
  return s < 3600 ? `${Math.floor(s / 60)}:${String(s % 60).padStart(2, '0')}` : `${Math.floor(s / 3600)}h${String(Math.floor(s / 60) % 60).padStart(2, '0')}`;
}

/**
 * @param {{ node?: object, rates?: object, calls: object[], codecs: object[], looked: number, order: string, isPaused: boolean, problem?: string, address: string }} view
 * @returns {string[]} at most `rows` lines
 */
export function draw(view, { rows = 40, columns = 100, colours = false } = {}) {
  const lines = [];
  const { node, rates } = view;
  if (!node) return [bold(`byon top  ${printable(view.address)}`, colours), red(printable(view.problem ?? 'asking ...'), colours)];
  const state = node.is_draining ? yellow('drains', colours) : green('serves', colours);
  lines.push(`${bold(`byon top  ${printable(node.node_id)}`, colours)}  ${printable(node.version)}  ${state}  ${whole(node.session_count)} of ${whole(node.session_capacity)} calls`
    + `  ${faint(printable(view.address), colours)}${view.isPaused ? yellow('  PAUSED', colours) : ''}`);
  if (view.problem) lines.push(red(printable(view.problem), colours));
  lines.push('', faint('worker  busy                           calls   packets in/s      out/s  handed over/s  late ticks', colours));
  for (const worker of rates?.workers ?? []) {
    const late = String(whole(worker.lateTicks)).padStart(10);
    lines.push(`${String(worker.worker).padStart(6)}  ${busy(worker.busyPercent, colours)}  ${whole(worker.sessions).padStart(6)}  ${whole(worker.receivedPerSecond).padStart(13)} `
      + `${whole(worker.sentPerSecond).padStart(10)}  ${whole(worker.handedOverPerSecond).padStart(13)}  ${worker.lateTicks > 0 ? red(late, colours) : late}`);
  }
  const drops = rates?.drops ?? [];
  lines.push('', faint('packets dropped, by reason                     /s       since start', colours));
  if (drops.length === 0) lines.push('none');
  for (const drop of drops.slice(0, 5)) {
    const line = `${printable(drop.reason).padEnd(40)} ${fixed(drop.perSecond, 1, 8)}  ${whole(drop.total).padStart(16)}`;
    lines.push(drop.perSecond > 0 ? yellow(line, colours) : line);
  }
  if (drops.length > 5) lines.push(faint(`and ${drops.length - 5} more reasons`, colours));
  lines.push('', faint('codecs, browser / network', colours) + (view.looked < node.session_count ? faint(`   (of the ${whole(view.looked)} calls looked at so far)`, colours) : ''));
  lines.push(view.codecs.slice(0, 4).map(({ pair, count }) => `${printable(pair)}: ${whole(count)}`).join('    ') || 'no calls');
  lines.push('', faint(`worst first by ${view.order}`.padEnd(34) + '   age worker   MOS  loss %  delay ms | browser: jitter buffer concealed | network: jitter buffer concealed', colours));
  const room = Math.max(0, rows - lines.length - 2);
  for (const call of view.calls.slice(0, room)) {
    const leg = (side) => `${fixed(side.jitterMs, 1, 15)} ${fixed(side.playoutMs, 0, 6)} ${String(side.concealed).padStart(9)}`;
    lines.push(`${printable(call.id).slice(0, 34).padEnd(34)} ${age(call.ageSeconds).padStart(5)} ${String(call.worker).padStart(6)} ${mosText(call.mos, colours)} `
      + `${fixed(call.lossPercent, 2, 7)} ${fixed(call.delayMs, 0, 9)} |${leg(call.access)} |${leg(call.ims)}`);
  }
  lines.push('', faint('q quits   space pauses   s sorts by MOS, loss, delay, age', colours));
  return lines.slice(0, rows).map((line) => (colours ? line : line.slice(0, columns)));
}
