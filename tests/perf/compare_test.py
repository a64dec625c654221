#!/usr/bin/env python3
"""perf/compare: what counts as a change. compare_test.py PERF_COMPARE"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'tools' / 'support'))
from running_dataplane import main  # noqa: E402

COMPARE = os.path.abspath(sys.argv[1])


def benchmark(*times, name='BM_Encode/1', unit='ns'):
    runs = [{'name': name, 'run_name': name, 'run_type': 'iteration', 'cpu_time': time, 'time_unit': unit, 'iterations': 1000} for time in times]
    return {'context': {'num_cpus': 2}, 'benchmarks': [*runs, {'name': name + '_mean', 'run_name': name, 'run_type': 'aggregate', 'cpu_time': 1}]}


class Compare(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def write(self, name, content):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding='utf-8')
        return path

    def compare(self, before, after, *more):
        result = subprocess.run([COMPARE, self.write('a.json', before), self.write('b.json', after), '--json', self.folder / 'out.json', *more],
                                capture_output=True, text=True)
        self.assertEqual(result.stderr, '')
        return result, {row['name']: row['verdict'] for row in json.loads((self.folder / 'out.json').read_text(encoding='utf-8'))}

    def test_a_change_within_the_noise_is_none(self):
        result, verdicts = self.compare(benchmark(100, 120, 90, 110, 95), benchmark(112, 98, 125, 105, 108))
        self.assertEqual(verdicts, {'BM_Encode/1 cpu_ns': 'same'})
        self.assertEqual(result.returncode, 0)
        self.assertIn('0 worse, 0 better, 1 the same', result.stdout)

    def test_a_small_change_of_steady_figures_is_one(self):
        result, verdicts = self.compare(benchmark(100, 100.2, 99.9, 100.1, 100), benchmark(104, 104.1, 103.9, 104.2, 104))
        self.assertEqual(verdicts, {'BM_Encode/1 cpu_ns': 'worse'})
        self.assertEqual(result.returncode, 1)
        self.assertIn('+4.0 %', result.stdout)
        _, verdicts = self.compare(benchmark(104, 104.1, 103.9, 104.2, 104), benchmark(100, 100.2, 99.9, 100.1, 100))
        self.assertEqual(verdicts, {'BM_Encode/1 cpu_ns': 'better'})

    def test_single_figures_count_from_the_threshold_on(self):
        before = {'to_phone': {'delay_ms': {'p50': 40, 'max': 50}, 'mos_mean': 4.4, 'sent': 5000}, 'limit_calls': 100, 'load': {'cpu_percent': 1}}
        after = {'to_phone': {'delay_ms': {'p50': 43, 'max': 80}, 'mos_mean': 3.9, 'sent': 9000}, 'limit_calls': 150, 'load': {'cpu_percent': 2}}
        _, verdicts = self.compare(before, after)
        self.assertEqual(verdicts['to_phone.delay_ms.p50'], 'same')
        self.assertEqual(verdicts['to_phone.delay_ms.max'], 'worse')
        self.assertEqual(verdicts['to_phone.mos_mean'], 'worse')
        self.assertEqual(verdicts['limit_calls'], 'better')
        self.assertEqual(verdicts['load.cpu_percent'], 'same')  # doubled, but of nothing
        self.assertNotIn('to_phone.sent', verdicts)
        _, verdicts = self.compare(before, after, '--threshold', '5')
        self.assertEqual(verdicts['to_phone.delay_ms.p50'], 'worse')

    def test_from_nothing_to_something_is_a_change(self):
        result, verdicts = self.compare({'lost_behind_gateway': 0}, {'lost_behind_gateway': 3})
        self.assertEqual(verdicts, {'lost_behind_gateway': 'worse'})
        self.assertIn('from 0', result.stdout)

    def test_rows_a_line_are_compared_by_their_names(self):
        rows = '{"name": "12.65 batch", "clean_calls": %d}\n{"name": "23.85", "clean_calls": 50}\n'
        _, verdicts = self.compare(rows % 80, rows % 60)
        self.assertEqual(verdicts, {'12.65 batch.clean_calls': 'worse', '23.85.clean_calls': 'same'})

    def test_a_peer_is_no_concern_of_ours_but_for_the_ratio(self):
        def figures(own, other, ratio):
            return {'latest_ms': 20, 'comparisons': {'pcma': {'at_once': 6, 'core_times_rtpengine': ratio, 'rows': {
                'byon': {'core_per_call': own}, 'rtpengine': {'core_per_call': other}}}}}
        _, verdicts = self.compare(figures(0.01, 0.03, 3), figures(0.01, 0.02, 2))
        self.assertEqual(verdicts, {'comparisons.pcma.core_times_rtpengine': 'worse', 'comparisons.pcma.rows.byon.core_per_call': 'same'})

    def test_folders_are_compared_by_file_and_say_what_differs(self):
        for side, time, commit in (('a', 100, 'old'), ('b', 200, 'new')):
            self.write(f'{side}/machine.json', {'commit': commit, 'cpus': 2})
            self.write(f'{side}/benchmarks/codec.json', benchmark(time))
        self.write('a/quality.json', {'stoi': 0.9})
        result = subprocess.run([COMPARE, self.folder / 'a', self.folder / 'b'], capture_output=True, text=True)
        self.assertEqual(result.returncode, 1)
        self.assertIn('commit: old -> new', result.stdout)
        self.assertIn('benchmarks/codec.json: BM_Encode/1', result.stdout)
        self.assertIn('quality.json', result.stdout.splitlines()[0])
        self.assertNotIn('cpus', result.stdout)

    def test_says_what_is_wrong(self):
        good = self.write('good.json', {'x': 1})
        for bad, sentence in ((self.write('bad.json', '{'), 'is not JSON'), (self.write('row.json', '1\n2\n'), 'is not JSON'), (self.folder / 'none.json', 'cannot be read')):
            result = subprocess.run([COMPARE, good, bad], capture_output=True, text=True)
            self.assertEqual(result.returncode, 2)
            self.assertIn(sentence, result.stderr)


if __name__ == '__main__':
    main(Compare)
