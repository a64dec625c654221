#!/usr/bin/env python3
"""The load generator against a real dataplane: program_test.py BYON_LOAD BYON_DATAPLANE"""
import json
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / 'perf' / 'peer'))
import contestants  # noqa: E402
from running_dataplane import LIMIT, DataplaneCase, main  # noqa: E402

ATTEMPTS = 3  # on a machine that has no time for real time
LOAD, DATAPLANE = (os.path.abspath(path) for path in sys.argv[1:3])


def load(*arguments):
    return subprocess.run([LOAD, *arguments], capture_output=True, text=True, timeout=LIMIT)


def was_starved(report):
    """The worker was in the middle of its work much more often than it had a processor: others had it."""
    busy = report['gateway']['worker_busy_percent'][0]
    return busy > 1.5 * report['gateway']['processes'][0]['hottest_thread_percent'] + 10


class Program(DataplaneCase):
    program = DATAPLANE

    def test_20_calls_lose_nothing_and_are_transcoded_both_ways(self):
        address = self.start_dataplane(41000)
        out = os.path.join(self.folder, 'out.json')
        page = os.path.join(self.folder, 'out.html')
        profile = os.path.join(self.folder, 'twenty.yaml')
        with open(profile, 'w', encoding='utf-8') as file:
            # Little AMR-WB: its batch encoder with sanitizers takes a worker's time.
            file.write('calls: 20\nramp_per_second: 7\nsettle_seconds: 1\nmeasured_seconds: 5\n'
                       'codecs: {amr-wb-12.65: 1, amr-12.2: 9, pcma: 9}\n')
        for _ in range(ATTEMPTS):
            result = load(profile, '--dataplane', address, '--pid', str(self.dataplane.pid), '--json', out, '--html', page)
            self.assertIn(result.returncode, (0, 1), result.stderr + result.stdout)
            with open(out, encoding='utf-8') as file:
                report = json.load(file)
            if not was_starved(report):
                break
        else:
            self.skipTest('this machine has no time for 20 calls on a dataplane of this build')
        text = result.stdout + json.dumps(report['calls'])
        self.assertEqual((report['calls']['connected'], report['calls']['failed']), (20, 0), text)
        for way in (report['to_phone'], report['to_browser']):
            self.assertEqual((way['lost_before_gateway'], way['lost_behind_gateway']), (0, 0), text)
            self.assertEqual((way['undecryptable'], way['unexpected_payload_type'], way['source_changes']), (0, 0, 0))
            # 20 calls of 5 s and more, 50 packets a second each.
            self.assertGreater(way['received'], 20 * 5 * 50)
            self.assertGreater(way['reached_gateway'], 20 * 5 * 50)
            # Speech that went in at one side came out at the other, decoded.
            self.assertGreater(way['delay_ms']['count'], 8)
            self.assertGreater(way['delay_ms']['p50'], 15)
            self.assertLess(way['delay_ms']['p50'], 400)
            self.assertGreater(way['mos_mean'], 3)
        # A machine under load may make ticks late; nothing else may be unclean.
        late = [reason for reason in report['reasons'] if 'late' not in reason]
        self.assertEqual(late, [])
        self.assertEqual(report['gateway']['processes'][0]['name'], 'byon-dataplane')
        self.assertGreater(report['gateway']['processes'][0]['cpu_percent'], 1)
        with open(page, encoding='utf-8') as file:
            html = file.read()
        self.assertIn('const report = {"program":"byon-load"', html)
        self.assertNotIn('src=', html)

    def test_weather_reaches_the_gateway_and_is_not_taken_for_loss(self):
        address = self.start_dataplane(41000)
        profile = os.path.join(self.folder, 'rain.yaml')
        out = os.path.join(self.folder, 'out.json')
        with open(profile, 'w', encoding='utf-8') as file:
            file.write('calls: 6\nsettle_seconds: 0\nmeasured_seconds: 4\nhold_seconds: 3\ngateway_dtls_role: client\n'
                       'codecs: {amr-12.2: 1, amr-wb-12.65: 1}\ndtx: true\nprobe_calls: 0\n'
                       'weather: {browser: {loss: 0.1, jitter_ms: 30}, phone: {loss: 0.05}}\n')
        result = load(profile, '--dataplane', address, '--pid', str(self.dataplane.pid), '--json', out, '--quiet')
        with open(out, encoding='utf-8') as file:
            report = json.load(file)
        self.assertGreater(report['calls']['started'], 6, result.stdout)  # they were replaced
        for way, share in ((report['to_phone'], 0.1), (report['to_browser'], 0.05)):
            self.assertEqual((way['lost_before_gateway'], way['lost_behind_gateway']), (0, 0), result.stdout)
            total = way['sent'] + way['lost_by_weather']
            self.assertGreater(way['lost_by_weather'], total * share / 3)
            self.assertLess(way['lost_by_weather'], total * share * 3)

    def test_rtpengine_is_a_peer_where_it_is_installed(self):
        rtpengine = contestants.Rtpengine(None, '')
        try:
            rtpengine.check('PCMA')
        except contestants.CannotRun as reason:
            self.skipTest(str(reason))
        profile = os.path.join(self.folder, 'peer.yaml')
        out = os.path.join(self.folder, 'out.json')
        with open(profile, 'w', encoding='utf-8') as file:
            file.write(f'calls: 4\nsettle_seconds: 1\nmeasured_seconds: 3\ncodecs: {{pcma: 1, opus: 1}}\nlatest_ms: 1000\naddress: {contestants.ADDRESS}\n')
        with rtpengine.start(min(os.sched_getaffinity(0)), self.folder) as (process, address):
            result = load(profile, *address, '--pid', str(process.pid), '--json', out, '--quiet')
        with open(out, encoding='utf-8') as file:
            report = json.load(file)
        self.assertEqual((report['calls']['connected'], report['calls']['failed']), (4, 0), result.stdout)
        for way in (report['to_phone'], report['to_browser']):
            self.assertEqual((way['lost_before_gateway'], way['undecryptable'], way['unexpected_payload_type']), (0, 0, 0), result.stdout)
            self.assertGreater(way['received'], 4 * 3 * 50)
        self.assertEqual(report['gateway']['processes'][0]['name'], 'rtpengine')

    def test_says_what_is_wrong(self):
        profile = os.path.join(self.folder, 'bad.yaml')
        with open(profile, 'w', encoding='utf-8') as file:
            file.write('calls: 0\nspeed: 3\n')
        bad = load(profile)
        self.assertEqual(bad.returncode, 2)
        self.assertEqual(len(bad.stderr.splitlines()), 2, bad.stderr)
        nowhere = load('smoke', '--ng', 'localhost')
        self.assertEqual(nowhere.returncode, 3)
        self.assertIn('--ng is "localhost", but must be an IP address and a port', nowhere.stderr)
        nobody = load('smoke', '--dataplane', f'unix:{self.folder}/none')
        self.assertEqual(nobody.returncode, 3)
        self.assertIn('no dataplane answers at unix:', nobody.stderr)
        self.assertEqual(len(nobody.stderr.splitlines()), 1, nobody.stderr)


if __name__ == '__main__':
    main(Program)
