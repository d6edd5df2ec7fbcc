"""The operating system's network on our interface: what is read, how it is judged, and what it does to a connection on a real wire."""
from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from drivers.kernel_network import BROKEN, DISTURBED, MAX_ADDRESSES, KernelNetwork, NetworkFacts, findings, harmless_to_disable, key, parse_if_inet6
from tests.drivers.test_nic_pcap import namespace_possible

pytestmark = pytest.mark.real_time

ROOT = Path(__file__).resolve().parents[2]
OWN = bytes.fromhex("fe80000000000000000000fffe000001")
OTHER = bytes.fromhex("fe80000000000000112233445566 7788")
GLOBAL = bytes.fromhex("2001" + "00" * 13 + "01")
IF_INET6 = """00000000000000000000000000000001 01 80 10 80       lo
fe80000000000000000000fffe000001 02 40 20 80     eth1
20010000000000000000000000000001 02 40 00 00     eth1
nonsense 02 40 20 80     eth1
fe80000000000000000000fffe000009 03 40 20 80    eth10
"""


def kinds(**facts) -> list[tuple[str, str]]:
    return [(f.kind, f.level) for f in findings(NetworkFacts("eth1", **facts), OWN)]


def test_a_quiet_interface_has_nothing_to_tell() -> None:
    assert kinds() == [] and kinds(ipv6=False, forwarding=True) == [] and kinds(ipv6=True, automatic=False) == []


@pytest.mark.parametrize("facts, expected", [
    (dict(ipv6=True, addresses=(OWN,)), [("same", BROKEN)]),
    (dict(ipv6=True, addresses=(OTHER,)), [("address", DISTURBED)]),
    (dict(ipv6=True, addresses=(OTHER, OWN)), [("same", BROKEN)]),
    (dict(ipv6=True), [("ready", DISTURBED)]),
    (dict(ipv6=True, automatic=False, forwarding=True), [("forwarding", DISTURBED)]),
    (dict(ipv4="192.168.1.5"), [("ipv4", DISTURBED)]),
    (dict(bridge="br0"), [("bridge", BROKEN)]),
])
def test_what_disturbs_is_found(facts, expected) -> None:
    assert kinds(**facts) == expected


@pytest.mark.parametrize("facts", [dict(ipv6=True, addresses=(OWN,)), dict(ipv6=True, addresses=(OTHER,)), dict(ipv6=True), dict(ipv6=True, forwarding=True, automatic=False),
                                   dict(ipv4="10.0.0.1"), dict(bridge="br0")])
def test_each_finding_names_interface_reason_and_a_command(facts) -> None:
    for f in findings(NetworkFacts("eth1", manager="NetworkManager", **facts), OWN):
        assert "eth1" in f.problem and f.why and ("sysctl -w net.ipv6.conf.eth1." in f.remedy or "ip " in f.remedy) and len(f.short) <= 19
        if f.kind in ("same", "address", "ready", "ipv4"):
            assert "nmcli device set eth1 managed no" in f.remedy
        if f.kind in ("same", "address", "ready"):
            assert "/etc/sysctl.d/" in f.remedy and "install/modem-interface.sh eth1" in f.remedy


@pytest.mark.parametrize("facts, harmless", [
    (dict(ipv6=True, addresses=(OWN,)), True), (dict(ipv6=True), True), (dict(ipv6=False), False), (dict(), False),
    (dict(ipv6=True, addresses=(OWN, GLOBAL)), False),           # somebody may be logged in over it
    (dict(ipv6=True, addresses=(OWN,), ipv4="10.0.0.1"), False), (dict(ipv6=True, bridge="br0"), False)])
def test_an_interface_that_carries_more_is_not_touched(facts, harmless) -> None:
    assert harmless_to_disable(NetworkFacts("eth1", **facts)) is harmless


def test_addresses_of_one_interface_only() -> None:
    assert parse_if_inet6(IF_INET6, "eth1") == (OWN, GLOBAL)
    assert parse_if_inet6("", "eth1") == () and parse_if_inet6("x\0y", "eth1") == ()
    flood = "\n".join(f"fe80{i:028x} 02 40 20 80 eth1" for i in range(1000))
    assert len(parse_if_inet6(flood, "eth1")) == MAX_ADDRESSES


def test_a_dot_in_the_name_is_written_as_sysctl_wants_it() -> None:
    assert key("eth1.5", "disable_ipv6") == "net.ipv6.conf.eth1/5.disable_ipv6"


def fake(tmp_path: Path, disabled: str = "0\n") -> KernelNetwork:
    """An interface that this machine does not have, as files."""
    conf, device = tmp_path / "proc/sys/net/ipv6/conf/plc0", tmp_path / "sys/plc0"
    for folder in (conf, device, tmp_path / "proc/net", tmp_path / "run/NetworkManager/devices"):
        folder.mkdir(parents=True)
    (conf / "disable_ipv6").write_text(disabled)
    (conf / "forwarding").write_text("1\n")
    (conf / "addr_gen_mode").write_text("0\n")
    (tmp_path / "proc/net/if_inet6").write_text(IF_INET6.replace("eth1", "plc0"))
    (device / "ifindex").write_text("7\n")
    (tmp_path / "run/NetworkManager/devices/7").write_text("[device]\nmanaged=true\n")
    return KernelNetwork("plc0", tmp_path / "proc", tmp_path / "sys", tmp_path / "run")


def test_the_files_are_read(tmp_path) -> None:
    network = fake(tmp_path)
    assert network.read() == NetworkFacts("plc0", True, (OWN, GLOBAL), True, None, True, None, "NetworkManager")
    (tmp_path / "sys/plc0/master").symlink_to("../br0")
    assert network.read().bridge == "br0"
    assert network.disable_ipv6() == "" and network.read().ipv6 is False


def test_a_machine_without_any_of_the_files(tmp_path) -> None:
    network = KernelNetwork("plc0", tmp_path, tmp_path, tmp_path)
    assert network.read() == NetworkFacts("plc0") and findings(network.read(), OWN) == []
    assert network.disable_ipv6()                                  # why not, and no exception


@pytest.mark.needs_netns
@pytest.mark.slow
def test_the_kernel_answers_with_reset_unless_a_measure_is_taken() -> None:
    """The failure itself, that it is found, and that each measure ends it (sheet 6.6)."""
    reason = namespace_possible()
    if reason:
        pytest.skip(reason)
    run = subprocess.run([sys.executable, "-m", "tests.drivers.kernel_interference"], cwd=ROOT, capture_output=True, text=True, timeout=120,
                         env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"})
    assert run.returncode == 0, run.stderr
    got = json.loads(run.stdout.splitlines()[-1])
    assert got["same"]["outcome"] == "ConnectionRefusedError" and got["same"]["found"] == ["same"] and "RST" in got["same"]["text"]
    assert got["other"]["outcome"] == "answer" and got["other"]["found"] == ["address"] and got["other"]["errors"] == 0
    assert got["forward"]["outcome"] == "answer" and got["forward"]["found"] == ["address", "forwarding"] and got["forward"]["errors"] > 0
    assert got["off"]["outcome"] == "answer" and got["off"]["found"] == [] and got["off"]["kernel"] == 0
