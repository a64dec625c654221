"""The programs that are measured: how each is started, alone on one processor, and where it is spoken to."""
import contextlib
import os
import pathlib
import resource
import shutil
import signal
import socket
import subprocess
import time

INSTALL = 'apt-get install --no-install-recommends rtpengine-daemon libavcodec-extra'
FIRST_PORT, LAST_PORT = 10000, 31999
ADDRESS = '127.0.77.1'  # of loopback: nobody else's ports are there
PATIENCE_S = 60


class CannotRun(Exception):
    """One sentence: why this contestant is left out."""


def confined(cpu):
    """For a new process: one processor, and as many files as it may have."""
    def set_up():
        os.sched_setaffinity(0, {cpu})
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return set_up


def wait_for(is_ready, process, what):
    deadline = time.monotonic() + PATIENCE_S
    while not is_ready():
        if process.poll() is not None:
            raise CannotRun(f'{what} ended with status {process.returncode} before it was ready.')
        if time.monotonic() > deadline:
            raise CannotRun(f'{what} was not ready within {PATIENCE_S} s.')
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.05)


@contextlib.contextmanager
def running(process):
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Dataplane:
    """byon-dataplane with one worker."""

    def __init__(self, name, build, media=''):
        self.name = name
        self._program = build / 'dataplane' / 'byon-dataplane'
        self._media = media

    def version(self):
        return subprocess.run([self._program, '--version'], capture_output=True, text=True, check=True).stdout.split()[-1]

    def check(self, codec):
        """Every codec is its own."""

    @contextlib.contextmanager
    def start(self, cpu, folder):
        """Yields the process and what byon-load is to be told."""
        control = pathlib.Path(folder) / 'control'
        config = pathlib.Path(folder) / 'dataplane.yaml'
        config.write_text(f'control: {{listen: "unix:{control}", drain_seconds: 1}}\n'
                          f'media: {{access: {{ipv4: {ADDRESS}}}, ims: {{ipv4: {ADDRESS}}}, '
                          f'ports: {{first: {FIRST_PORT}, last: {LAST_PORT}}}{self._media}}}\n'
                          'log: {level: warning}\nworkers: {count: 1, sessions: 5000, idle: block}\n', encoding='utf-8')
        process = subprocess.Popen([self._program, '--config', config], preexec_fn=confined(cpu),
                                   env={**os.environ, 'XDG_RUNTIME_DIR': str(folder)})
        with running(process):
            wait_for(control.exists, process, self.name)
            yield process, ['--dataplane', f'unix:{control}']


class Rtpengine:
    """rtpengine without its kernel module, one thread; on one processor more of them gain nothing."""

    def __init__(self, program, opus):
        self.name = 'rtpengine'
        self._program = shutil.which(program or 'rtpengine')
        self._opus = opus

    def version(self):
        if not self._program:
            return None
        done = subprocess.run([self._program, '--version'], capture_output=True, text=True)
        return (done.stdout + done.stderr).strip().removeprefix('Version: ').partition('\n')[0]

    def check(self, codec):
        if not self._program:
            raise CannotRun(f'not installed ({INSTALL})')
        if codec is None:
            return
        listed = subprocess.run([self._program, '--codecs'], capture_output=True, text=True)
        for line in (listed.stdout + listed.stderr).splitlines():
            name, _, means = line.partition(':')
            if name.strip() == codec and means.strip() == 'fully supported':
                return
        raise CannotRun(f'this rtpengine cannot encode {codec}: its ffmpeg lacks that encoder ({INSTALL})')

    @contextlib.contextmanager
    def start(self, cpu, folder):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as finder:
            finder.bind((ADDRESS, 0))
            port = finder.getsockname()[1]
        address = f'{ADDRESS}:{port}'
        process = subprocess.Popen(
            [self._program, '--config-file=none', '--foreground', '--log-stderr', '--log-level=4', '--table=-1', '--num-threads=1',
             f'--interface={ADDRESS}', f'--listen-ng={address}', f'--port-min={FIRST_PORT}', f'--port-max={LAST_PORT}',
             f'--pidfile={folder}/pid'],
            preexec_fn=confined(cpu), stdout=subprocess.DEVNULL, stderr=open(pathlib.Path(folder) / 'log', 'wb'))
        with running(process), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as pinger:
            pinger.connect((ADDRESS, port))
            pinger.settimeout(0.2)

            def answers():
                try:
                    pinger.send(b'0 d7:command4:pinge')
                    return pinger.recv(100) == b'0 d6:result4:ponge'
                except OSError:
                    return False
            wait_for(answers, process, self.name)
            yield process, ['--ng', address, *(['--ng-opus', self._opus] if self._opus else [])]
