#!/usr/bin/env python3
"""The page of all figures: report_test.py PERF_REPORT_BUILD"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'tools' / 'support'))
from running_dataplane import main  # noqa: E402

BUILD = os.path.abspath(sys.argv.pop())
PEER = {'versions': {'byon': '0.1.0', 'rtpengine': None}, 'latest_ms': 20,
        'comparisons': {'relay': {'title': 'Opus </script><script>alert(1)', 'at_once': 6,
                                  'rows': {'byon': {'core_per_call': 0.001}, 'rtpengine': {'note': 'not installed'}}}}}


class Report(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        if not (pathlib.Path(BUILD).parent / 'node_modules' / 'uplot').is_dir():
            self.skipTest('the modules of perf/report are not installed: tools/setup')

    def build(self, *arguments):
        return subprocess.run([sys.executable, BUILD, *map(str, arguments)], capture_output=True, text=True)

    def figures(self, **files):
        for name, value in files.items():
            (self.folder / f'{name}.json').write_text(value if isinstance(value, str) else json.dumps(value), encoding='utf-8')

    def test_everything_is_in_the_page(self):
        self.figures(peer=PEER, calls_per_core='{"name": "a", "clean_calls": 3}\n{"name": "b", "clean_calls": 4}\n')
        done = self.build(self.folder)
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        page = (self.folder / 'report.html').read_text(encoding='utf-8')
        self.assertNotRegex(page, r'(src|href)=')
        data = json.loads(re.search(r'const figures = (.*);\n', page)[1])
        self.assertEqual(data['peer']['comparisons']['relay']['title'], 'Opus </script><script>alert(1)')
        self.assertEqual([row['clean_calls'] for row in data['calls_per_core']], [3, 4])
        self.assertEqual(page.count('</script>'), 2)
        self.assertIn('uPlot', page)

    def test_of_benchmarks_and_quality_it_keeps_what_is_shown(self):
        (self.folder / 'benchmarks').mkdir()
        runs = [{'name': 'Encode', 'cpu_time': 2, 'time_unit': 'us'}, {'name': 'Encode', 'cpu_time': 3, 'time_unit': 'us'},
                {'name': 'Encode_mean', 'run_type': 'aggregate', 'cpu_time': 2.5}]
        (self.folder / 'benchmarks' / 'codec_benchmark.json').write_text(json.dumps({'benchmarks': runs}), encoding='utf-8')
        self.figures(quality={'rows': [{'path': 'p', 'weather': 'w', 'delayTrackMs': [1, 2]}]})
        self.assertEqual(self.build(self.folder, '--out', self.folder / 'x.html').returncode, 0)
        data = json.loads(re.search(r'const figures = (.*);\n', (self.folder / 'x.html').read_text(encoding='utf-8'))[1])
        self.assertEqual(data['benchmarks'], {'codec_benchmark': {'Encode': [2000, 3000]}})
        self.assertEqual(data['quality']['rows'], [{'path': 'p', 'weather': 'w'}])

    def test_says_what_is_wrong(self):
        for sentence, files in (('must be a folder of perf/run all', {}), ('is not JSON', {'peer': '{'})):
            self.figures(**files)
            done = self.build(self.folder)
            self.assertEqual(done.returncode, 2)
            self.assertIn(sentence, done.stderr)
            self.assertEqual(len(done.stderr.splitlines()), 1)


if __name__ == '__main__':
    main(Report)
