"""The journal as syslog: read by a real UDP server, never over the modem's interface, never waiting, bounded, without keys."""
import errno
import ipaddress
import os
import re
import socket
import struct
import subprocess
import sys

import pytest

from drivers import journal_syslog, route
from drivers.errors import DriverError
from drivers.journal_syslog import BATCH, BOM, CALM, LAST, MAX_OCTETS, WAITING, SyslogConfig, SyslogSink, open_syslog, redacted, timestamp
from drivers.route import Route, leads_over, route_to
from kernel.clock import VirtualClock
from kernel.journal import Event, Journal
from kernel.scheduler import Kernel
from kernel.task import TIMED, WHEN_IDLE, Row
from kernel.timer import MS, S, US
from kernel.world import World
from tests.drivers.test_nic_pcap import ROOT

EPOCH = 1_795_000_000 * S            # 2026-11-18
LINE = re.compile(rb"<(\d+)>1 (\S+) (\S+) ccsbox (\d+) (\S+) \[meta sequenceId=\"(\d+)\"\] (.*)", re.S)


class Bench:
    """A real server on the loopback interface, and a sink whose network the test arranges."""

    def __init__(self, tmp_path, host="127.0.0.1", **config):
        self.server = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self.server.bind((host, 0))
        self.server.settimeout(5)
        self.way = Route("lo", True)
        self.sys_net = tmp_path
        self.sink = SyslogSink(SyslogConfig(host=host, port=self.server.getsockname()[1]), "eth1", EPOCH, route=self.ask, sys_net=tmp_path, hostname="box 1")
        self.asked = 0

    def ask(self, address):
        self.asked = getattr(self, "asked", 0) + 1
        if isinstance(self.way, OSError):
            raise self.way
        return self.way

    def got(self):
        return self.server.recv(4096)

    def close(self):
        self.sink.close()
        self.server.close()


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    yield made
    made.close()


def event(text="connected", *args, at=0, source="tcp", level="info", number=0):
    return Event(at, source, level, text, args, number)


def test_a_message_is_as_rfc_5424_wants_it(bench):
    bench.sink(event("%d V at the inlet", 397, at=1500 * MS, source="pev/v2g"))
    bench.sink(event("CM_SLAC_MATCH.REQ sent", level="checkpoint", number=150))
    bench.sink(event("over-voltage", level="error"))
    assert bench.sink.run(2 * S) == 2 * S + 500 * MS
    priority, at, host, process, source, sequence, text = LINE.fullmatch(bench.got()).groups()
    assert (priority, host, source, sequence, text) == (b"134", b"box1", b"pev/v2g", b"1", b"397 V at the inlet") and int(process) == os.getpid()
    assert at == b"2026-11-18T11:06:41.500000Z" and timestamp(EPOCH + 1500 * MS).encode() == at
    assert LINE.fullmatch(bench.got()).group(1, 6, 7) == (b"133", b"2", b"[150] CM_SLAC_MATCH.REQ sent")
    assert LINE.fullmatch(bench.got()).group(1, 7) == (b"131", b"over-voltage")
    assert bench.sink.sent == 3 and not bench.sink.fault


def test_text_of_the_wire_cannot_break_a_message(bench):
    for text in ("line\nbreak\x00\x1b[2J", "Säule \udcff", "x" * 5000, "ß" * 3000):
        bench.sink(event(text, source="a b\n" + "c" * 90))
    bench.sink.run(1)
    plain, umlaut, long, wide = (bench.got() for _ in range(4))
    assert LINE.fullmatch(plain).group(5, 7) == (b"ab" + b"c" * 30, b"line break  [2J")
    assert LINE.fullmatch(umlaut).group(7).startswith(BOM + "Säule ".encode())
    assert len(long) == MAX_OCTETS and MAX_OCTETS - 1 <= len(wide) <= MAX_OCTETS
    wide.decode()
    assert timestamp(1 << 80) == "-"


@pytest.mark.parametrize("text", ["nmk=00112233445566778899AABBCCDDEEFF", "NMK 00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff;", "frame 88e1" + "00112233445566778899aabbccddeeff" * 2])
def test_a_network_key_never_leaves(bench, text):
    bench.sink(event("%s", text))
    bench.sink.run(1)
    got = bench.got().lower()
    assert b"(hidden)" in got and b"44556677" not in got.replace(b":", b"")


def test_what_is_shorter_than_a_key_stays():
    for text in ("MAC 00:b0:52:00:00:01", "NID 00112233445566", "EVSEID 4445414243453132333435", "session 0102030405060708"):
        assert redacted(text) == text


def test_a_run_sends_a_few_and_a_flood_is_counted_and_told(bench):
    for i in range(WAITING + 7):
        bench.sink(event("line %d", i))
    assert bench.sink.lost == 7 and bench.sink.waiting == WAITING
    assert bench.sink.run(S) == S + 100 * MS and bench.sink.sent == BATCH and bench.sink.waiting == WAITING - BATCH
    assert LINE.fullmatch(bench.got()).group(7) == b"line 7 (7 lines lost before this one)"
    assert LINE.fullmatch(bench.got()).group(7) == b"line 8"
    bench.sink.close()
    assert bench.sink.sent == BATCH + LAST                       # the last words of a process, bounded as well
    bench.sink.close()
    assert bench.sink.sent == BATCH + LAST


def test_it_is_a_journal_sink(bench):
    journal = Journal()
    journal.add_sink(bench.sink)
    journal.note(0, "main", "hello")
    journal.flush()
    bench.sink.run(1)
    assert bench.got().endswith(b"hello")


def test_as_a_row_of_the_table_it_takes_its_turns(bench):
    kernel = Kernel([Row("syslog", bench.sink, TIMED, 300 * US, WHEN_IDLE)], Journal())
    for i in range(3 * BATCH):
        bench.sink(event("line %d", i))
    World(VirtualClock(), [kernel]).run_until(350 * MS)
    assert bench.sink.sent == 3 * BATCH and kernel.fault is None
    assert [bench.got().split()[-1] for _ in range(3 * BATCH)] == [str(i).encode() for i in range(3 * BATCH)]


def test_over_ipv6(tmp_path):
    try:
        bench = Bench(tmp_path, host="::1")
    except OSError as reason:
        pytest.skip(f"no IPv6 loopback here: {reason}")
    bench.sink(event())
    bench.sink.run(1)
    assert bench.got().endswith(b"connected")
    bench.close()


@pytest.mark.parametrize("host, words", [
    ("logs.example.org", "not an IP address.*resolver"), ("192.168.1.300", "not an IP address"), ("255.255.255.255", "not one host.*power line"),
    ("224.0.0.1", "not one host"), ("ff02::1", "not one host"), ("0.0.0.0", "not one host"),
])
def test_hosts_that_are_refused_at_the_start(host, words):
    with pytest.raises(DriverError, match=words):
        open_syslog(SyslogConfig(host=host), "eth1", 0)
    assert open_syslog(SyslogConfig(), "eth1", 0) is None


@pytest.mark.parametrize("name, below", [("eth1", ()), ("br0", ("eth1",)), ("eth1.7", ("eth1",)), ("br0", ("bond0",))])
def test_never_over_the_network_of_the_charger(tmp_path, name, below):
    def ask(address):
        return Route(name, True)
    for upper, lowers in ((name, below), ("bond0", ("eth1", "eth2"))):
        for lower in lowers:
            (tmp_path / upper / f"lower_{lower}").mkdir(parents=True)
    with pytest.raises(DriverError, match=f"would go over {name}, the network of the charger.*another interface"):
        SyslogSink(SyslogConfig(host="10.0.0.1"), "eth1", 0, route=ask, sys_net=tmp_path)
    assert not leads_over("eth0", "eth1", tmp_path)


def test_a_nest_of_interfaces_without_end_counts_as_leading_there(tmp_path):
    (tmp_path / "a" / "lower_b").mkdir(parents=True)
    (tmp_path / "b" / "lower_a").mkdir(parents=True)
    assert leads_over("a", "eth1", tmp_path)


def test_a_route_to_many_is_refused(tmp_path):
    with pytest.raises(DriverError, match="as a broadcast, which is refused"):
        SyslogSink(SyslogConfig(host="192.168.1.255"), "eth1", 0, route=lambda address: Route("eth0", False), sys_net=tmp_path)


def test_a_route_that_turns_to_the_charger_stops_it_and_one_that_turns_back_starts_it(bench):
    bench.sink.run(0)
    bench.way = Route("eth1", True)
    bench.sink(event("not for the charger"))
    assert bench.sink.run(11 * S) == 12 * S and bench.sink.fault == "syslog: PLC network" and "another interface" in bench.sink.remedy
    assert len(bench.sink.fault) <= 19 and bench.sink.sent == 0 and bench.sink.errors == 1
    asked = bench.asked
    bench.sink.run(11 * S + 999 * MS)
    assert bench.asked == asked                                   # backs off
    bench.way = Route("lo", True)
    bench.sink.run(12 * S)
    assert bench.got().endswith(b"not for the charger")
    bench.sink.run(11 * S + CALM)
    assert bench.sink.fault == "" and bench.sink.remedy == ""


def test_no_network_at_the_start_is_retried_and_nothing_is_lost(tmp_path):
    bench = Bench(tmp_path)
    bench.way = OSError(errno.ENETUNREACH, "Network is unreachable")
    sink = SyslogSink(SyslogConfig(host="127.0.0.1", port=bench.server.getsockname()[1]), "eth1", EPOCH, route=bench.ask, sys_net=tmp_path)
    sink(event("waits"))
    due, tries = sink.run(0), 0
    while due < 200 * S:
        before = sink.errors
        now, due = due, sink.run(due)
        assert now < due <= now + S
        tries += sink.errors > before
    assert 7 <= tries <= 13 and "no route (Network is unreachable)" in sink.remedy and sink.fault == "syslog: no answer"
    bench.way = Route("lo", True)
    sink.run(due + 31 * S)
    assert bench.got().endswith(b"waits")
    sink.close()
    bench.close()


def test_nobody_listens_and_the_cable_is_full(bench, monkeypatch):
    class Full:
        def __init__(self, error):
            self.error = error

        def send(self, data):
            raise self.error

        def close(self):
            self.closed = True
    real = bench.sink._socket
    bench.sink._socket = Full(BlockingIOError())
    bench.sink(event("first"))
    bench.sink(event("second"))
    assert bench.sink.run(0) == 100 * MS and bench.sink.waiting == 2 and not bench.sink.fault
    bench.sink._socket = Full(ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"))
    assert bench.sink.run(100 * MS) == 1100 * MS and bench.sink.fault == "syslog: no answer" and "Connection refused" in bench.sink.remedy
    real.close()
    bench.sink.run(1100 * MS)
    assert bench.got().endswith(b"first") and bench.got().endswith(b"second")


def test_without_the_right_to_bind_the_remedy_names_it(tmp_path, monkeypatch):
    bench = Bench(tmp_path)
    bench.sink.close()

    class Poor(socket.socket):
        def setsockopt(self, *words):
            raise PermissionError(errno.EPERM, "Operation not permitted")
    monkeypatch.setattr(journal_syslog.socket, "socket", Poor)
    assert bench.sink.run(0) == S and "CAP_NET_RAW" in bench.sink.remedy
    bench.server.close()


def test_the_kernel_tells_the_way_to_ourselves():
    assert route_to(ipaddress.ip_address("127.0.0.1")) == Route("lo", True)
    assert not route_to(ipaddress.ip_address("127.255.255.255")).single


@pytest.mark.parametrize("data, words", [
    (b"", "0 octets"), (route.HEADER.pack(20, 3, 0, 0, 0) + bytes(4), "type 3"), (route.HEADER.pack(36, 2, 0, 0, 0) + struct.pack("=i", -101), "unreachable"),
    (route.HEADER.pack(28, 24, 0, 0, 0) + bytes(12), "without an interface"), (route.HEADER.pack(36, 24, 0, 0, 0) + bytes(12) + struct.pack("=HHI", 0, 4, 1), "without an interface"),
    (route.HEADER.pack(99, 24, 0, 0, 0) + bytes(12) + struct.pack("=HH", 8, 4), "without an interface"),
])
def test_answers_that_are_none(data, words):
    with pytest.raises(OSError, match=words):
        route.answer(data)


@pytest.mark.needs_netns
@pytest.mark.slow
def test_in_a_network_of_its_own_the_host_behind_the_modem_is_refused():
    if os.geteuid() != 0 or subprocess.run(["unshare", "--net", "true"], capture_output=True).returncode:
        pytest.skip("needs root and network namespaces")
    script = """
import subprocess
from drivers.errors import DriverError
from drivers.journal_syslog import SyslogConfig, open_syslog
for words in ("link add plc0 type veth peer name p1", "link add lan0 type veth peer name p2", "link add br0 type bridge", "link set plc0 master br0", "link set p1 up",
              "link set p2 up", "link set plc0 up", "link set lan0 up", "link set br0 up", "addr add 10.1.0.1/24 dev plc0", "addr add 10.2.0.1/24 dev lan0", "addr add 10.3.0.1/24 dev br0"):
    subprocess.run(["ip", *words.split()], check=True)
for host in ("10.1.0.9", "10.3.0.9", "10.2.0.255", "10.2.0.9", "10.9.0.9"):
    try:
        sink = open_syslog(SyslogConfig(host=host), "plc0", 0)
        print(host, sink._over or "retried")
    except DriverError as error:
        print(host, "refused", "broadcast" in str(error))
"""
    done = subprocess.run(["unshare", "--net", "--mount", "sh", "-c", 'mount -t sysfs sysfs /sys && exec "$0" -c "$1"', sys.executable, script], cwd=ROOT,
                          capture_output=True, text=True, timeout=60, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["10.1.0.9 refused False", "10.3.0.9 refused False", "10.2.0.255 refused True", "10.2.0.9 lan0", "10.9.0.9 retried"]
