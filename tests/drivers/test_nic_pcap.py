"""Both real interfaces: understandable errors everywhere, and real frames over a veth pair where a namespace can be made."""
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from drivers import nic_ears, nic_pcap
from drivers.errors import DriverError
from drivers.nic_ears import NicConfig
from drivers.nic_open import open_nic

pytestmark = pytest.mark.real_time

ROOT = Path(__file__).resolve().parents[2]
DRIVERS = ("pcap", "socket")


def namespace_possible() -> str:
    """Empty when a network namespace with a veth pair can be made and pcap-ct is here, otherwise the reason."""
    if os.geteuid() != 0:
        return "needs root"
    try:
        import pcap  # noqa: F401
    except (ImportError, OSError) as e:
        return f"pcap-ct or libpcap is missing: {e}"
    probe = subprocess.run(["unshare", "--net", "--mount", "ip", "link", "add", "va", "type", "veth", "peer", "name", "vb"],
                           capture_output=True, text=True)
    return "" if probe.returncode == 0 else f"no network namespace: {probe.stderr.strip()}"


def fake_sys(tmp_path: Path, name: str = "plc0", address: str = "02:00:00:00:00:01") -> Path:
    device = tmp_path / "sys" / name
    device.mkdir(parents=True)
    (device / "address").write_text(address + "\n")
    return tmp_path / "sys"


@pytest.mark.parametrize("driver", DRIVERS)
def test_an_unknown_interface_is_named_with_the_known_ones(tmp_path, driver):
    with pytest.raises(DriverError, match="no network interface 'eth9'.*plc0"):
        open_nic(NicConfig(interface="eth9", driver=driver), fake_sys(tmp_path))


@pytest.mark.parametrize("name", ["", "..", ".", "plc0/address"])
def test_an_interface_name_is_not_a_path(tmp_path, name):
    with pytest.raises(DriverError, match="no network interface"):
        nic_ears.own_mac(name, fake_sys(tmp_path))


def test_a_file_with_the_name_of_the_interface_is_not_opened_as_a_capture(tmp_path, monkeypatch):
    (tmp_path / "plc0").write_text("")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DriverError, match="working directory"):
        nic_ears.own_mac("plc0", fake_sys(tmp_path))


def test_an_interface_without_an_ethernet_address(tmp_path):
    with pytest.raises(DriverError, match="carries no Ethernet"):
        nic_ears.own_mac("ppp0", fake_sys(tmp_path, "ppp0", ""))
    assert nic_ears.own_mac("eth7", fake_sys(tmp_path / "x", "eth7")) == bytes.fromhex("020000000001")


def test_missing_permission_says_how_to_grant_it(monkeypatch):
    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")
    monkeypatch.setattr(nic_ears.socket, "socket", refuse)
    with pytest.raises(DriverError, match="CAP_NET_RAW is missing. Run it as root .*setcap cap_net_raw.ep /"):
        nic_ears.membership("lo", nic_ears.PACKET_MR_ALLMULTI)


def test_missing_package_and_missing_library(monkeypatch):
    class Finder:
        def __init__(self, error):
            self.error = error

        def find_spec(self, name, path=None, target=None):
            if name == "pcap":
                raise self.error
            return None
    monkeypatch.delitem(sys.modules, "pcap", raising=False)
    for error, words in ((ModuleNotFoundError("no", name="pcap"), "-m pip install -r .*install/requirements.txt"), (OSError("libpcap"), "apt install libpcap0.8")):
        monkeypatch.setattr(sys, "meta_path", [Finder(error), *sys.meta_path])
        with pytest.raises(DriverError, match=words):
            nic_pcap.open_pcap("lo", promiscuous=False)


@pytest.mark.parametrize("error, words", [
    (PermissionError("x"), "CAP_NET_RAW"),
    (OSError("Activateing packet capture failed. You don't have permission to perform this capture"), "CAP_NET_RAW"),
    (OSError("va: That device is not up"), "ip link set va up"),
    (OSError("something else"), "cannot open network interface"),
])
def test_what_libpcap_says_becomes_a_remedy(monkeypatch, error, words):
    class Pcap:
        PCAP_D_IN = 1

        def pcap(self, *_args, **_kw):
            raise error
    monkeypatch.setitem(sys.modules, "pcap", Pcap())
    with pytest.raises(DriverError, match=words):
        nic_pcap.open_pcap("va", promiscuous=False)


@pytest.mark.needs_netns
@pytest.mark.slow
@pytest.mark.parametrize("driver", DRIVERS)
def test_frames_over_a_real_interface(driver):
    reason = namespace_possible()
    if reason:
        pytest.skip(reason)
    run = subprocess.run(["unshare", "--net", "--mount", sys.executable, "-m", "tests.drivers.veth_exchange", driver], cwd=ROOT, capture_output=True,
                         text=True, timeout=60, env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"})
    assert run.returncode == 0, run.stderr
    got = json.loads(run.stdout.splitlines()[-1])
    assert "ip link set vb up" in got["down"]
    assert got["macs"][0] != got["macs"][1] and all(len(m) == 12 for m in got["macs"])
    assert got["empty"] and got["sent"] and got["unicast"] == 1 and got["multicast"] == 1
    assert got["filtered"] and got["own_frames_seen"] == 0
    assert got["bounded"] == 10 and got["burst"] == 50 and got["too_long"] is False
    assert got["back"] == [True, 1, 0] and got["promiscuous"] == ["020000000099"]
    assert got["stamped"] == [1, True, driver == "socket"] and got["tagged"] == 0      # libpcap's driver stamps with the time of the call
    assert got["drops"] == 0 and got["delay_us"][0] < 5000
    assert got["kept_at_change"] == 1
    assert got["flood_favoured"] == [10, 32, 0, True]            # all of his, then those of others
    assert got["flood_equal"][0] == 0 and got["next"] and got["equal_again"] == 1
    assert got["gone_when_down"] is False and got["after_down"] == 1
    assert got["after_gone"] == [True, False, True, True, True]
