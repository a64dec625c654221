"""A self-contained HTML page of the figures that perf/run quality --json writes: tables and SVG plots, no script."""
import html
import re

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 460, 220, 46, 34, 14, 10
OURS, LIBRARY, REPEAT, MUTED = '#1668b8', '#c4622d', '#6b8f3c', '#8a8f98'

STYLE = '''
body { font: 14px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 1420px; padding: 0 1em; color: #1d2126 }
h1 { font-size: 1.5em } h2 { font-size: 1.15em; margin-top: 2em }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 13px }
th, td { padding: .2em .6em; text-align: right; border-bottom: 1px solid #e4e7eb; white-space: nowrap }
th { font-weight: 600; background: #f5f6f8; position: sticky; top: 0 } th:first-child, td:first-child, th.text { text-align: left }
td.text { text-align: left; white-space: normal } .met { color: #20753a } .missed { color: #b3261e; font-weight: 600 }
.wide { overflow-x: auto } .plots { display: flex; flex-wrap: wrap; gap: 12px } figure { margin: 0 } figcaption { font-weight: 600; font-size: 13px }
svg text { font: 11px system-ui, sans-serif; fill: #4a5058 } p.note { color: #4a5058 }
@media (prefers-color-scheme: dark) { body { background: #15181c; color: #dfe3e8 } th { background: #20252b }
  th, td { border-color: #2d333b } svg text { fill: #a9b1bb } p.note { color: #a9b1bb } .met { color: #6cc083 } .missed { color: #ff8a80 } }
'''


def ticks_of(low, high):
    """About five round values from low to high."""
    step = 10 ** len(str(int(high - low))) / 100 if high - low >= 1 else 0.001
    for factor in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000):
        if (high - low) / (step * factor) <= 5:
            step *= factor
            break
    value = step * -(-low // step)
    while value <= high + 1e-9:
        yield value + 0.0  # no minus zero
        value += step


def plot(title, x_label, y_label, series):
    """series: (name, colour, [(x, y, half width of y)])."""
    points = [point for _, _, some in series for point in some]
    if not points:
        return ''
    x_low, x_high = min(p[0] for p in points), max(p[0] for p in points)
    y_low, y_high = min(p[1] - p[2] for p in points), max(p[1] + p[2] for p in points)
    x_high, y_high = max(x_high, x_low + 1e-6), max(y_high, y_low + 1e-6)

    def x(value):
        return LEFT + (value - x_low) / (x_high - x_low) * (WIDTH - LEFT - RIGHT)

    def y(value):
        return HEIGHT - BOTTOM - (value - y_low) / (y_high - y_low) * (HEIGHT - BOTTOM - TOP)

    parts = []
    for value in ticks_of(y_low, y_high):
        parts.append(f'<path d="M{LEFT} {y(value):.1f}H{WIDTH - RIGHT}" stroke="{MUTED}" stroke-opacity=".25"/>'
                     f'<text x="{LEFT - 5}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.3g}</text>')
    for value in ticks_of(x_low, x_high):
        parts.append(f'<text x="{x(value):.1f}" y="{HEIGHT - BOTTOM + 15}" text-anchor="middle">{value:.3g}</text>')
    for index, (name, colour, some) in enumerate(series):
        path = 'M' + 'L'.join(f'{x(a):.1f} {y(b):.1f}' for a, b, _ in some)
        parts.append(f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.8"/>')
        for a, b, half in some:
            if half:
                parts.append(f'<path d="M{x(a):.1f} {y(b - half):.1f}V{y(b + half):.1f}" stroke="{colour}" stroke-opacity=".6"/>')
        parts.append(f'<text x="{LEFT + 8 + index * 130}" y="{HEIGHT - 4}" style="fill:{colour}">{html.escape(name)}</text>')
    parts.append(f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 4}" text-anchor="end">{html.escape(x_label)}</text>'
                 f'<text x="4" y="10">{html.escape(y_label)}</text>')
    return (f'<figure><figcaption>{html.escape(title)}</figcaption><svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
            f'height="{HEIGHT}" role="img" aria-label="{html.escape(title)}">{"".join(parts)}</svg></figure>')


KINDS = {'loss': 'single losses', 'bursts': 'bursts of 60 ms', 'listener loses': 'lost behind the gateway'}
CURVES = (('library', 'library chain', LIBRARY), ('repeat', 'repeat 20 ms', REPEAT),
          ('usual', 'told of none', REPEAT), ('ours', 'gateway', OURS))


def loss_plots(rows):
    plots = []
    for path in dict.fromkeys(row['path'] for row in rows):
        for kind, words in KINDS.items():
            # Behind the gateway no concealment of ours is heard, before it nobody is told.
            curves = {name: [] for name, _, _ in CURVES if name != ('repeat' if kind == 'listener loses' else 'usual')}
            for row in rows:
                share = 0 if row['weather'] == 'clean' else None
                if match := re.fullmatch(kind + r' (\d+) %', row['weather']):
                    share = int(match[1])
                if row['path'] != path or share is None:
                    continue
                for name, points in curves.items():
                    if name in row:
                        half = row['stoiGain']['halfWidth95'] if name == 'ours' else 0
                        points.append((share, row[name]['stoi'], half))
            series = [(label, colour, sorted(curves[name])) for name, label, colour in CURVES
                      if len(curves.get(name, [])) > 1]
            if series:
                plots.append(plot(f'{path}, {words}', 'lost, %', 'STOI', series))
    return plots


def delay_plots(rows):
    plots = []
    for row in rows:
        is_adaptive = re.search('jitter|drift|stall|freeze|outage|DRX|reorder', row['weather'])
        if ' > ' in row['path'] or not is_adaptive:
            continue
        track = [(i / 10, value, 0) for i, value in enumerate(row['delayTrackMs'])]
        target = [(i / 10, value, 0) for i, value in enumerate(row['targetTrackMs'])]
        plots.append(plot(f"{row['path']}, {row['weather']}", 's', 'ms',
                          [('delay', OURS, track), ('target', LIBRARY, target)]))
    return plots


def table(header, lines, text_columns=()):
    head = ''.join(f'<th{" class=text" if cell in text_columns else ""}>{html.escape(cell)}</th>' for cell in header)
    return f'<div class=wide><table><thead><tr>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'


def row_lines(rows):
    for row in rows:
        delay, gain = row['delayMs'], row['stoiGain']
        cells = [f"{row['ours']['stoi']:.4f}", f"{row['library']['stoi']:.4f}",
                 f"{row['repeat']['stoi']:.4f}" if 'repeat' in row else '',
                 f"{gain['mean']:+.4f} ± {gain['halfWidth95']:.4f}",
                 f"{row['ours']['lsdDb']:.2f}", f"{row['library']['lsdDb']:.2f}",
                 f"{delay['mean']:.1f}", f"{delay['p95']:.1f}", f"{delay['arrivalP95']:.1f}"]
        cells += [f'{row[key] * 100:.2f}' for key in
                  ('lost', 'late', 'concealed', 'recovered', 'inserted', 'removed')]
        cells.append(f"{row['speechBackMs']:.0f}" if row.get('speechBackMs') is not None else '')
        yield (f"<tr><td>{html.escape(row['weather'])}</td>" +
               ''.join(f'<td>{cell}</td>' for cell in cells) + '</tr>')


def check_lines(checks):
    for check in sorted(checks, key=lambda check: check['isMet']):  # what is missed first
        state = 'met' if check['isMet'] else 'missed'
        yield (f'<tr><td class="{state}">{state}</td><td class="text">{html.escape(check["id"])}</td>'
               f'<td class="text">{html.escape(check["target"])}</td><td>{html.escape(check["figure"])}</td></tr>')


def page(result):
    rows, checks = result['rows'], result.get('checks') or []
    parts = [f'<p>Speech: {html.escape(result["speech"])}. {result["seeds"]} seeds, {len(rows)} rows.</p>']
    if checks:
        met = sum(check['isMet'] for check in checks)
        parts.append(f'<h2>Targets: {met} of {len(checks)} met</h2>' +
                     table(['', 'goal', 'target', 'figure'], check_lines(checks), ('goal', 'target')))
    if plots := loss_plots(rows):
        parts.append('<h2>Intelligibility under loss</h2><p class="note">Bars: 95 % confidence of the difference to the '
                     'library chain on the same losses.</p><div class="plots">' + ''.join(plots) + '</div>')
    if plots := delay_plots(rows):
        parts.append('<h2>Play-out delay over a call</h2><p class="note">First seed, by the gateway\'s own account.</p>'
                     '<div class="plots">' + ''.join(plots) + '</div>')
    header = ['weather', 'STOI', 'library', 'repeat', 'ours - library', 'LSD dB', 'library', 'delay ms', 'p95',
              'arrival p95', 'lost %', 'late %', 'concealed %', 'redundancy %', 'inserted %', 'removed %', 'back ms']
    for path in dict.fromkeys(row['path'] for row in rows):
        parts.append(f'<h2>{html.escape(path)}</h2>' +
                     table(header, row_lines([row for row in rows if row['path'] == path])))
    return ('<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
            f'<title>How calls sound</title><style>{STYLE}</style><h1>How calls sound</h1>{"".join(parts)}</html>\n')
