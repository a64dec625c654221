#!/usr/bin/env python3
"""tools/byon top beside a dataplane with calls: program_test.py TOOLS_BYON BYON_LOAD BYON_DATAPLANE"""
import json
import os
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
from running_dataplane import LIMIT, DataplaneCase, main  # noqa: E402

BYON, LOAD, DATAPLANE = (os.path.abspath(path) for path in sys.argv[1:4])


def top(*arguments):
    return subprocess.run([BYON, 'top', *arguments], capture_output=True, text=True, timeout=LIMIT)


class Top(DataplaneCase):
    program = DATAPLANE

    def setUp(self):
        super().setUp()
        if not (pathlib.Path(BYON).parent / 'top' / 'node_modules').is_dir():
            self.skipTest('the node modules of tools/top are not installed (tools/setup)')

    def look_until(self, address, condition):
        """What top says, once the calls have got so far."""
        end = time.monotonic() + LIMIT
        while True:
            result = top(address, '--once', '--json', '--interval', '0.5')
            self.assertEqual(result.returncode, 0, result.stderr)
            view = json.loads(result.stdout)
            if condition(view) or time.monotonic() > end:
                return view

    def test_shows_workers_and_calls(self):
        address = self.start_dataplane(43000)
        profile = os.path.join(self.folder, 'four.yaml')
        with open(profile, 'w', encoding='utf-8') as file:
            file.write('calls: 4\ncodecs: {amr-wb-23.85: 1}\nsettle_seconds: 0\nmeasured_seconds: 600\nprobe_calls: 0\n')
        with subprocess.Popen([LOAD, profile, '--dataplane', address, '--quiet'], stdout=subprocess.DEVNULL) as load:
            try:
                view = self.look_until(address, lambda v: v['codecs'] == [{'pair': 'opus / AMR-WB mode 8', 'count': 4}]
                                       and all('mos' in call for call in v['calls']))
                text = top(address, '--once', '--sort', 'age').stdout
            finally:
                load.terminate()
        self.assertEqual(view['codecs'], [{'pair': 'opus / AMR-WB mode 8', 'count': 4}])
        self.assertEqual(view['node']['session_count'], 4)
        self.assertEqual(view['workers'][0]['sessions'], 4)
        self.assertGreater(view['workers'][0]['receivedPerSecond'], 200)  # 4 calls, 2 legs, 50 a second
        self.assertGreater(view['workers'][0]['busyPercent'], 0.1)
        self.assertEqual(len(view['calls']), 4)
        moses = [call['mos'] for call in view['calls']]
        self.assertEqual(moses, sorted(moses))
        self.assertIn('opus / AMR-WB mode 8: 4', text)
        self.assertIn('worst first by age', text)

    def test_says_what_is_wrong(self):
        nobody = top(f'unix:{self.folder}/none', '--once')
        self.assertEqual(nobody.returncode, 1)
        self.assertIn('byon top: no answer from unix:', nobody.stderr)
        for arguments, sentence in ((['--interval', 'x'], '--interval is "x"'), (['--sort', 'name'], '--sort is "name"'), (['a', 'b'], 'b is one address')):
            wrong = top(*arguments)
            self.assertEqual(wrong.returncode, 2)
            self.assertIn(sentence, wrong.stderr)


if __name__ == '__main__':
    main(Top)
