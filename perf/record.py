"""Runs all measurements and keeps what they say, with what they ran on.

    perf/run all --out DIR [--only LIST] [--quick]

--out DIR     a folder for the figures: one JSON file a measurement, machine.json and report.html; perf/compare takes two of them
--only LIST   of benchmarks, quality, calls-per-core, load, calls, peer, channels, signalling, registrations (default: all)
--quick       a short look: to see that all of it works

Exit status: 0 all ran, 1 one did not or was not clean, 2 wrong arguments. A measurement that fails does not stop the others.
"""
import argparse
import datetime
import json
import os
import pathlib
import platform
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FEATURES = ('aes', 'avx2', 'avx512f', 'avx512bw', 'vaes', 'vpclmulqdq', 'gfni')
REPETITIONS = 5


def steps(out, quick):
    """Name -> command."""
    channels = ['--count', '200'] if quick else []
    signalling = ['--count', '100', '--calls', '10', '--threads', '1'] if quick else []
    registrations = ['--count', '2000', '--watch', '0'] if quick else []
    load = ['smoke'] if quick else []
    return {
        'benchmarks': ['--json', out / 'benchmarks', *(['--quick'] if quick else ['--repetitions', str(REPETITIONS)])],
        'quality': ['quality', '--json', out / 'quality.json', *(['--quick'] if quick else [])],
        'calls-per-core': ['calls-per-core', '--json', out / 'calls_per_core.json', *(['--quick'] if quick else [])],
        'load': ['load', *load, '--quiet', '--json', out / 'load.json', '--html', out / 'load.html'],
        'calls': ['calls', *(['smoke', '--calls', '8'] if quick else []), '--quiet', '--json', out / 'calls.json'],
        'peer': ['peer', '--json', out / 'peer.json', *(['--quick'] if quick else [])],
        'channels': ['channels', *channels, '--json', out / 'channels.json'],
        'signalling': ['signalling', *signalling, '--json', out / 'signalling.json'],
        'registrations': ['registrations', *registrations, '--json', out / 'registrations.json'],
    }


def output(*command):
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ''


def processor():
    info = {}
    for line in pathlib.Path('/proc/cpuinfo').read_text(encoding='utf-8').splitlines():
        key, _, value = line.partition(':')
        info.setdefault(key.strip(), value.strip())
    flags = info.get('flags', info.get('Features', '')).split()
    return info.get('model name', platform.machine()), ' '.join(flag for flag in FEATURES if flag in flags)


def machine():
    model, features = processor()
    memory = os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE')
    return {
        'date': datetime.datetime.now(datetime.timezone.utc).isoformat(timespec='seconds'),
        'commit': output('git', 'rev-parse', 'HEAD'),
        'changed': bool(output('git', 'status', '--porcelain', '--untracked-files=no')),
        'compiler': output('c++', '--version').partition('\n')[0],
        'build': 'release',
        'processor': model,
        'features': features,
        'cpus': len(os.sched_getaffinity(0)),
        'memory_gib': round(memory / 2**30, 1),
        'kernel': platform.release(),
        'load_before': round(os.getloadavg()[0], 2),
        'packages': {name: output('dpkg-query', '-W', '-f=${Version}', name)
                     for name in ('dpdk', 'libopus0', 'libvo-amrwbenc0', 'libopencore-amrwb0', 'libssl3', 'libipsec-mb1')},
    }


def main():
    parser = argparse.ArgumentParser(prog='perf/run all', description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', type=pathlib.Path, required=True)
    parser.add_argument('--only', default='')
    parser.add_argument('--quick', action='store_true')
    options = parser.parse_args()
    out = options.out.resolve()
    commands = steps(out, options.quick)
    wanted = options.only.split(',') if options.only else list(commands)
    for name in wanted:
        if name not in commands:
            parser.error(f'--only has "{name}", but must be of {", ".join(commands)}.')
    out.mkdir(parents=True, exist_ok=True)
    record = machine()
    if record['load_before'] > 0.5 * record['cpus']:
        print(f'perf/run all: the machine is busy (load {record["load_before"]}): the figures will be worse than it is.', file=sys.stderr)
    failed = []
    for name in wanted:
        print(f'== {name}', flush=True)
        status = subprocess.run([ROOT / 'perf' / 'run', *commands[name]]).returncode
        if status == 130:
            return 130
        if status != 0:
            failed.append(name)
        record.setdefault('status', {})[name] = status
        # After each, so that what was measured is kept when the next one is interrupted.
        (out / 'machine.json').write_text(json.dumps(record, indent=1) + '\n', encoding='utf-8')
    subprocess.run([ROOT / 'perf' / 'run', 'report', out])
    print(f'{out}: {len(wanted) - len(failed)} of {len(wanted)} ran cleanly' + (f'; not: {", ".join(failed)}' if failed else ''))
    return 1 if failed else 0


sys.exit(main())
