"""A dataplane of one's own on a free port, and results in TAP; for the tests of tools."""
import os
import re
import signal
import subprocess
import sys
import tempfile
import unittest

LIMIT = 120  # seconds, for a loaded machine


class DataplaneCase(unittest.TestCase):
    """Each test has a folder; start_dataplane() gives the address of a dataplane that ends with the test."""
    program = ''  # of byon-dataplane

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def start_dataplane(self, first_port):
        path = os.path.join(self.folder, 'dataplane.yaml')
        with open(path, 'w', encoding='utf-8') as file:
            file.write('control: {listen: "127.0.0.1:0"}\n'
                       f'media: {{ports: {{first: {first_port}, last: {first_port + 1999}}}}}\n')
        self.dataplane = subprocess.Popen([self.program, '--config', path], stderr=subprocess.PIPE, text=True,
                                          env={**os.environ, 'XDG_RUNTIME_DIR': self.folder})
        log = ''
        for line in self.dataplane.stderr:
            log += line
            if 'event=ready' in line:
                self.addCleanup(self.end_dataplane)
                return f"127.0.0.1:{re.search(r'control_port=([0-9]+)', log).group(1)}"
        raise AssertionError('ended before it was ready:\n' + log)

    def end_dataplane(self):
        if self.dataplane.poll() is None:
            self.dataplane.send_signal(signal.SIGTERM)
        log = self.dataplane.stderr.read()
        self.dataplane.stderr.close()
        self.assertEqual(self.dataplane.wait(LIMIT), 0, log)
        self.assertNotIn('Sanitizer', log)


class TapResult(unittest.TestResult):
    def line(self, outcome, test, directive=''):
        print(f'{outcome} {self.testsRun} - {test.id().split(".")[-1]}{directive}', flush=True)

    def addSuccess(self, test):
        self.line('ok', test)

    def addSkip(self, test, reason):
        # Meson's report keeps the name only.
        self.line('ok', test, f': {reason} # SKIP')

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self.line('not ok', test)
        print('\n'.join('# ' + text for text in self.failures[-1][1].splitlines()), flush=True)

    def addError(self, test, error):
        self.addFailure(test, error)


def main(case):
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(case)
    print(f'1..{suite.countTestCases()}', flush=True)
    sys.exit(not suite.run(TapResult()).wasSuccessful())
