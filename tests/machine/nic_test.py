#!/usr/bin/env python3
"""byon-dataplane on a NIC that its poll-mode driver owns (virtio, by vfio-pci), on huge pages; the other end of the segment is
the kernel's. Runs in tools/machine/run --hugepages N --nics 2. nic_test.py BUILD_DIR
"""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(sys.argv[1]).resolve()
DPDK_NIC, KERNEL_NIC = '0000:00:10.0', '0000:00:11.0'
GATEWAY, STATION = '10.99.0.2', '10.99.0.1'
LIMIT = 300  # seconds, for an emulated machine
CALLS = 3


def configuration(folder, workers):
    return f'''
control: {{listen: "unix:{folder}/control", drain_seconds: 1}}
workers: {{count: {workers}, idle: sleep}}
port:
  kind: ethdev
  hugepages: true
  ethdev: {{device: "{DPDK_NIC}", ipv4: {{address: {GATEWAY}/24}}}}
'''


def free_pages():
    return int(re.search(r'HugePages_Free:\s+(\d+)', pathlib.Path('/proc/meminfo').read_text(encoding='ascii')).group(1))


def give_to_vfio(address):
    for module in ('vfio_iommu_type1', 'vfio-pci'):
        subprocess.run(['/run/machine/modprobe', module], check=True)
    device = pathlib.Path('/sys/bus/pci/devices') / address
    (device / 'driver_override').write_text('vfio-pci', encoding='ascii')
    if (device / 'driver').exists():
        (device / 'driver' / 'unbind').write_text(address, encoding='ascii')
    pathlib.Path('/sys/bus/pci/drivers_probe').write_text(address, encoding='ascii')
    assert (device / 'driver').resolve().name == 'vfio-pci', f'vfio-pci does not take {address}'


def kernel_interface(address):
    found = list(pathlib.Path('/sys/bus/pci/devices').glob(f'{address}/virtio*/net/*'))
    assert found, f'{address} has no interface'
    return found[0].name


class Dataplane:
    """The program, ready to serve, on the NIC."""

    def __init__(self, folder, workers=1):
        config = pathlib.Path(folder) / 'dataplane.yaml'
        config.write_text(configuration(folder, workers), encoding='utf-8')
        self.process = subprocess.Popen([BUILD / 'dataplane/byon-dataplane', '--config', config], stderr=subprocess.PIPE, text=True)
        self.log = ''
        for line in self.process.stderr:
            self.log += line
            if 'event=ready' in line:
                return
        self.process.stderr.close()
        self.process.wait(LIMIT)
        raise AssertionError('ended before it was ready:\n' + self.log)

    def kill(self):
        self.process.kill()
        self.process.wait(LIMIT)
        self.process.stderr.close()

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.log += self.process.stderr.read()
        self.process.stderr.close()
        return self.process.wait(LIMIT)


class Nic(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        give_to_vfio(DPDK_NIC)
        interface = kernel_interface(KERNEL_NIC)
        for command in (f'ip address add {STATION}/24 dev {interface}', f'ip link set {interface} up'):
            subprocess.run(command.split(), check=True)

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def start(self, workers=1):
        dataplane = Dataplane(self.folder, workers)
        self.addCleanup(dataplane.kill)
        return dataplane

    def test_answers_a_ping_and_gives_the_pages_back(self):
        before = free_pages()
        dataplane = self.start()
        self.assertLess(free_pages(), before)
        ping = subprocess.run(['/run/machine/busybox', 'ping', '-c', '5', '-w', '60', GATEWAY], capture_output=True, text=True)
        self.assertEqual(ping.returncode, 0, ping.stdout + ping.stderr)
        print(ping.stdout.strip().splitlines()[-1])
        self.assertEqual(dataplane.end(), 0, dataplane.log)
        self.assertNotIn('Unexpected size', dataplane.log)
        self.assertEqual(free_pages(), before)

    def test_carries_calls(self):
        dataplane = self.start()
        profile = pathlib.Path(self.folder) / 'profile.yaml'
        profile.write_text(f'calls: {CALLS}\naddress: {STATION}\nmeasured_seconds: 10\nprobe_calls: 0\nramp_per_second: 1\n'
                           'codecs: {pcma: 1}\n', encoding='utf-8')
        report = pathlib.Path(self.folder) / 'report.json'
        load = subprocess.run([BUILD / 'tools/load/byon-load', profile, '--dataplane', f'unix:{self.folder}/control', '--json', report,
                               '--pid', str(dataplane.process.pid)], capture_output=True, text=True, timeout=LIMIT)
        print(load.stdout)
        self.assertTrue(report.exists(), load.stdout + load.stderr + dataplane.log)
        result = json.loads(report.read_text(encoding='utf-8'))
        # What an emulated machine is late with says nothing; what arrives, whole and in its key, does.
        self.assertEqual((result['calls']['connected'], result['calls']['failed']), (CALLS, 0), dataplane.log)
        for direction in ('to_phone', 'to_browser'):
            self.assertGreater(result[direction]['received'], 0, direction)
            self.assertEqual(result[direction]['undecryptable'] + result[direction]['duplicates'], 0, direction)
        self.assertEqual(dataplane.end(), 0, dataplane.log)
        self.assertNotIn('Unexpected size', dataplane.log)

    def test_refuses_more_workers_than_it_has_queues(self):
        with self.assertRaisesRegex(AssertionError, 'event=start_failed.*it has 1 queue pairs for 2 workers'):
            self.start(workers=2)


if __name__ == '__main__':
    if os.geteuid() != 0 or not pathlib.Path('/run/machine').exists():
        sys.exit('nic_test.py runs in a machine of its own: tests/machine/run')
    unittest.main(argv=sys.argv[:1], verbosity=2)
