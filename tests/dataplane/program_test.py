#!/usr/bin/env python3
"""The program itself: arguments, configuration mistakes, start, signals. program_test.py PROGRAM SOURCE_ROOT"""
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest

PROGRAM, ROOT = (os.path.abspath(path) for path in sys.argv[1:3])
LIMIT = 60  # seconds, for a loaded machine


def run(*arguments):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=LIMIT)


class Running:
    """A started program, ready to serve."""

    def __init__(self, folder, yaml, prefix=()):
        path = os.path.join(folder, 'dataplane.yaml')
        with open(path, 'w', encoding='utf-8') as file:
            file.write(yaml)
        os.chmod(path, 0o644)
        self.process = subprocess.Popen([*prefix, PROGRAM, '--config', path], stderr=subprocess.PIPE,
                                        text=True, cwd=folder, env={**os.environ, 'XDG_RUNTIME_DIR': folder})
        self.log = ''
        for line in self.process.stderr:
            self.log += line
            if 'event=ready' in line:
                return
        self.process.stderr.close()
        self.process.wait(LIMIT)
        raise AssertionError('ended before it was ready:\n' + self.log)

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        self.log += self.process.stderr.read()
        self.process.stderr.close()
        return self.process.wait(LIMIT)

    def port(self):
        return int(re.search(r'control_port=(\d+)', self.log).group(1))


YAML = 'node_id: {name}\ncontrol: {{listen: "127.0.0.1:{port}"}}\n'


class Program(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        os.chmod(self.folder.name, 0o777)
        self.addCleanup(self.folder.cleanup)

    def test_prints_version_help_and_schema(self):
        self.assertRegex(run('--version').stdout, r'^byon-dataplane \d+\.\d+\.\d+\n$')
        self.assertIn('--check-config', run('--help').stdout)
        schema = json.loads(run('--print-config-schema').stdout)
        self.assertEqual(schema['properties']['workers']['properties']['count']['minimum'], 1)

    def test_checks_a_configuration_without_starting(self):
        good = run('--check-config', '--config', f'{ROOT}/config/dataplane.yaml')
        self.assertEqual((good.returncode, good.stdout), (0, 'the configuration is valid\n'))
        path = os.path.join(self.folder.name, 'bad.yaml')
        with open(path, 'w', encoding='utf-8') as file:
            file.write('workers: {count: 0}\nlog: {level: loud}\n')
        bad = run('--check-config', '--config', path)
        self.assertEqual(bad.returncode, 2)
        lines = bad.stderr.splitlines()
        self.assertEqual(len(lines), 2, bad.stderr)
        self.assertTrue(lines[0].startswith(f'{path}: line 1: workers.count is "0"'), lines[0])
        self.assertEqual(run('--config', path).returncode, 2)

    def test_refuses_arguments_it_does_not_know(self):
        for arguments in (['--verbose'], ['--config'], ['file.yaml']):
            result = run(*arguments)
            self.assertEqual(result.returncode, 2)
            self.assertIn('byon-dataplane: ' + arguments[0], result.stderr)

    def test_serves_until_a_signal(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            program = Running(self.folder.name, YAML.format(name='signals', port=0))
            self.assertEqual(program.end(number), 0, program.log)
            self.assertIn('event=draining sessions=0', program.log)
            self.assertIn('event=stopped sessions_cut_off=0', program.log)
            self.assertNotIn('Sanitizer', program.log)

    def test_runs_several_workers_by_every_idle_policy(self):
        for idle in ('spin', 'pause', 'sleep', 'block'):
            program = Running(self.folder.name, YAML.format(name='idle', port=0) +
                              f'workers: {{count: 3, idle: {idle}}}\nport: {{embedded: {{steering: hash}}}}\n')
            self.assertIn('workers=3', program.log)
            self.assertEqual(program.end(), 0, program.log)

    def test_two_run_side_by_side_but_not_on_one_address(self):
        first = Running(self.folder.name, YAML.format(name='one', port=0))
        second = Running(self.folder.name, YAML.format(name='two', port=0))
        with self.assertRaisesRegex(AssertionError, r'event=start_failed reason="control.listen is 127'):
            Running(self.folder.name, YAML.format(name='three', port=first.port()))
        self.assertEqual((first.end(), second.end()), (0, 0))

    def test_runs_on_hugepages_and_gives_them_back(self):
        def free_pages():
            with open('/proc/meminfo', encoding='ascii') as info:
                found = re.search(r'HugePages_Free:\s+(\d+)', info.read())
            return int(found.group(1)) if found else 0

        before = free_pages()
        if before < 80 or os.geteuid() != 0:
            self.skipTest('it needs 80 free hugepages (vm.nr_hugepages) and the right to take them')
        program = Running(self.folder.name, YAML.format(name='huge', port=0) + 'port: {hugepages: true}\n')
        self.assertLess(free_pages(), before)
        self.assertEqual(program.end(), 0, program.log)
        self.assertEqual(free_pages(), before)

    def nobody(self):
        if os.geteuid() != 0:
            self.skipTest('it runs without privileges already')
        nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--no-new-privs']
        if subprocess.run([*nobody, 'test', '-x', PROGRAM], check=False).returncode != 0:
            self.skipTest('nobody may not read the build folder')
        return nobody

    def test_needs_no_privileges(self):
        program = Running(self.folder.name, YAML.format(name='nobody', port=0), self.nobody())
        self.assertEqual(program.end(), 0, program.log)
        self.assertIn('scheduling=normal', program.log)

    def test_workers_are_realtime_threads_where_the_kernel_permits_it(self):
        if subprocess.run(['chrt', '-r', '10', 'true'], check=False, capture_output=True).returncode != 0:
            self.skipTest('the kernel does not permit it')
        program = Running(self.folder.name, YAML.format(name='realtime', port=0) + 'workers: {scheduling: realtime}\n')
        realtime = set()
        end = time.monotonic() + LIMIT
        while not realtime and time.monotonic() < end:  # a worker becomes one by itself, soon after its start
            time.sleep(0.01)
            for thread in os.listdir(f'/proc/{program.process.pid}/task'):
                with open(f'/proc/{program.process.pid}/task/{thread}/comm', encoding='ascii') as name:
                    if os.sched_getscheduler(int(thread)) == os.SCHED_RR:
                        realtime.add(name.read().strip())
        self.assertEqual(program.end(), 0, program.log)
        self.assertIn('scheduling=realtime', program.log)
        self.assertEqual(realtime, {'rte-worker-1'})

    def test_refuses_realtime_workers_where_the_kernel_does(self):
        nobody = [*self.nobody(), 'prlimit', '--rtprio=0:0']
        with self.assertRaisesRegex(AssertionError, r'event=start_failed reason="workers.scheduling is .*CAP_SYS_NICE'):
            Running(self.folder.name, YAML.format(name='refused', port=0) + 'workers: {scheduling: realtime}\n', nobody)


class TapResult(unittest.TestResult):
    """Tells Meson of each case by itself (Test Anything Protocol), so that a skip is not taken for a pass."""

    def line(self, outcome, test, name_remark='', directive=''):
        name = test.id().split('.')[-1]
        print(f'{outcome} {self.testsRun} - {name}{name_remark}{directive}', flush=True)

    def addSuccess(self, test):
        self.line('ok', test)

    def addSkip(self, test, reason):
        # Meson's report keeps the name only.
        self.line('ok', test, f': {reason}', ' # SKIP')

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self.line('not ok', test)
        print('\n'.join('# ' + text for text in self.failures[-1][1].splitlines()), flush=True)

    def addError(self, test, error):
        self.addFailure(test, error)


if __name__ == '__main__':
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(Program)
    print(f'1..{suite.countTestCases()}', flush=True)
    sys.exit(not suite.run(TapResult()).wasSuccessful())
