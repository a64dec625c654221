#!/usr/bin/env python3
"""The comparison with rtpengine, as far as it needs no measuring: peer_test.py FOLDER_OF_PERF_PEER"""
import contextlib
import importlib.machinery
import importlib.util
import io
import os
import pathlib
import sys
import tempfile
import unittest

FOLDER = pathlib.Path(sys.argv.pop()).resolve()
sys.dont_write_bytecode = True
sys.path.insert(0, str(FOLDER))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'tools' / 'support'))
import contestants  # noqa: E402
from running_dataplane import main  # noqa: E402

loader = importlib.machinery.SourceFileLoader('peer_run', str(FOLDER / 'run'))
spec = importlib.util.spec_from_loader('peer_run', loader)
peer = importlib.util.module_from_spec(spec)
loader.exec_module(peer)


class Entrant:
    def __init__(self, name):
        self.name = name


class Bench:
    """Plays nothing: each call takes what its program is said to take."""

    def __init__(self, cpu_percent, failed=0):
        self.cpu_percent, self.failed, self.played = list(cpu_percent), failed, []

    def play(self, entrant, codec, calls, *arguments):
        self.played.append((entrant.name, calls))
        way = {'lost_before_gateway': -2, 'lost_behind_gateway': 1, 'delay_ms': {'p50': 20.5}, 'lateness_ms': {'p99': 3}}
        return {
            'calls': {'connected': calls - self.failed}, 'load_limited': False, 'reasons': ['2 calls failed.'] if self.failed else [],
            'gateway': {'processes': [{'cpu_percent': self.cpu_percent.pop(0) if calls > 1 else 1.0, 'rss_before_mib': 10, 'rss_mib': 20 + calls}]},
            'setup_ms': {'total': {'p50': 100}, 'create': {'p50': 2}}, 'to_phone': way, 'to_browser': way}


class Peer(unittest.TestCase):
    def test_rounds_take_turns_and_give_medians(self):
        bench = Bench([12, 60, 18, 66, 24, 63])
        rows = peer.rounds(bench, [Entrant('a'), Entrant('b')], 'pcma', 6, 3)
        self.assertEqual(bench.played[:4], [('a', 6), ('b', 6), ('a', 6), ('b', 6)])
        self.assertEqual(rows['a']['core_per_call'], 0.03)
        self.assertEqual((rows['b']['core_per_call'], rows['b']['core_per_call_least'], rows['b']['core_per_call_most']), (0.105, 0.1, 0.11))
        # Of the calls beside the first: what it brought with it is not theirs.
        self.assertEqual(rows['a']['memory_per_call_mib'], 1)
        self.assertEqual((rows['a']['memory_idle_mib'], rows['a']['lost_packets']), (10, 2))
        self.assertNotIn('note', rows['a'])

    def test_ratios_are_ours_to_theirs(self):
        rows = {'byon': {'core_per_call': 0.01, 'clean_calls': 60}, 'rtpengine': {'core_per_call': 0.03, 'clean_calls': 8}}
        self.assertEqual(peer.ratios(rows), {'core_times_rtpengine': 3, 'clean_calls_times_rtpengine': 7.5})
        self.assertEqual(peer.ratios({'byon': rows['byon'], 'rtpengine': {'note': 'not installed'}}), {})

    def test_a_round_that_was_no_fair_one_says_so(self):
        rows = peer.rounds(Bench([12], failed=2), [Entrant('a')], 'pcma', 6, 1)
        self.assertEqual(rows['a']['note'], '2 calls failed.')

    def test_rtpengine_that_is_missing_says_how_to_get_it(self):
        with self.assertRaisesRegex(contestants.CannotRun, 'not installed .apt-get install .*rtpengine-daemon'):
            contestants.Rtpengine('/nowhere/rtpengine', '').check(None)
        self.assertIsNone(contestants.Rtpengine('/nowhere/rtpengine', '').version())
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            peer.table('Opus <-> PCMA', 6, {'rtpengine': {'note': 'not installed'}})
        self.assertRegex(out.getvalue(), r'rtpengine +not installed')

    def test_rtpengine_without_an_encoder_says_which(self):
        with tempfile.TemporaryDirectory() as folder:
            program = os.path.join(folder, 'rtpengine')
            with open(program, 'w', encoding='utf-8') as file:
                file.write('#!/bin/sh\necho "  AMR-WB: supported for decoding only" >&2\necho "    PCMA: fully supported" >&2\n')
            os.chmod(program, 0o755)
            rtpengine = contestants.Rtpengine(program, '')
            rtpengine.check('PCMA')
            rtpengine.check(None)
            with self.assertRaisesRegex(contestants.CannotRun, 'cannot encode AMR-WB.*libavcodec-extra'):
                rtpengine.check('AMR-WB')


if __name__ == '__main__':
    main(Peer)
