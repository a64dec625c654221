"""One page of the figures that perf/run all has kept.

    perf/run report DIR [--out FILE]

--out FILE   the page (default: DIR/report.html); everything is in it, plots too

What is missing in DIR is left out. Exit status: 0 written, 2 wrong arguments or no figures.
"""
import argparse
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
UPLOT = HERE / 'node_modules' / 'uplot' / 'dist'
NAMES = ('machine', 'peer', 'load', 'calls', 'calls_per_core', 'signalling', 'registrations', 'channels', 'quality')


def fail(text):
    print(f'perf/run report: {text}', file=sys.stderr)
    sys.exit(2)


def read_text(path):
    try:
        return path.read_text(encoding='utf-8')
    except OSError as problem:
        fail(f'{path} cannot be read: {problem.strerror}.')


def parse(path):
    """A JSON document, or a list of rows when there is one a line."""
    text = read_text(path)
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    except ValueError:
        fail(f'{path} is not JSON.')


def benchmarks_of(folder):
    """Program -> name -> the times of its repetitions, ns."""
    scale = {'ns': 1, 'us': 1e3, 'ms': 1e6, 's': 1e9}
    programs = {}
    for file in sorted((folder / 'benchmarks').glob('*.json')):
        rows = programs.setdefault(file.stem, {})
        for run in parse(file).get('benchmarks', []):
            if run.get('run_type') != 'aggregate' and 'cpu_time' in run:
                rows.setdefault(run.get('run_name', run['name']), []).append(run['cpu_time'] * scale[run.get('time_unit', 'ns')])
    return programs


def quality_of(document):
    """Of each row what the page shows: the tracks of every call are too much for it."""
    keep = ('path', 'weather', 'ours', 'library', 'delayMs', 'lost', 'concealed')
    return {**{key: value for key, value in document.items() if key in ('checks', 'calls', 'seconds')},
            'rows': [{key: row[key] for key in keep if key in row} for row in document.get('rows', [])]}


def figures_of(folder):
    figures = {name: parse(folder / f'{name}.json') for name in NAMES if (folder / f'{name}.json').is_file()}
    if 'quality' in figures:
        figures['quality'] = quality_of(figures['quality'])
    programs = benchmarks_of(folder)
    if programs:
        figures['benchmarks'] = programs
    return figures


def page_of(figures):
    # Inside a script element no text may look like its end.
    data = json.dumps(figures, ensure_ascii=True).replace('<', '\\u003c')
    page = read_text(HERE / 'page.html')
    for place, text in (('/*UPLOT-CSS*/', read_text(UPLOT / 'uPlot.min.css')), ('/*UPLOT*/', read_text(UPLOT / 'uPlot.iife.min.js')),
                        ('/*FIGURES*/null', data)):
        before, found, after = page.partition(place)
        assert found, place
        page = before + text.strip() + after
    return page


def main():
    parser = argparse.ArgumentParser(prog='perf/run report', description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('folder', metavar='DIR', type=pathlib.Path)
    parser.add_argument('--out', type=pathlib.Path)
    options = parser.parse_args()
    if not UPLOT.is_dir():
        fail('the module that draws is not installed: tools/setup does that.')
    figures = figures_of(options.folder) if options.folder.is_dir() else {}
    if not figures.keys() - {'machine'}:
        fail(f'DIR is "{options.folder}", but must be a folder of perf/run all with figures in it.')
    out = options.out or options.folder / 'report.html'
    try:
        out.write_text(page_of(figures), encoding='utf-8')
    except OSError as problem:
        fail(f'{out} cannot be written: {problem.strerror}.')
    print(f'{out}: {", ".join(sorted(figures.keys() - {"machine"}))}')


if __name__ == '__main__':
    main()
