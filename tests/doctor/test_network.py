"""The modem's interface, the right to open it, and the operating system's own network on it."""
import pytest

from drivers.nic_ears import no_permission
from tests.doctor.made import BESIDE, Made, interface, levels, only, settings
from tools.doctor import network


def test_a_healthy_interface(tmp_path):
    finding = only(network.interface(interface(Made(tmp_path)).patient()))
    assert finding.level == "ok" and finding.found == "eth1, 02:00:00:00:00:01, up, carrier"


@pytest.mark.parametrize("files, word", [({"type": "772"}, "no Ethernet"), ({"flags": "0x1002"}, "is down"), ({"carrier": "0"}, "sees nobody")])
def test_what_is_wrong_with_an_interface(tmp_path, files, word):
    finding = only(network.interface(interface(Made(tmp_path), **files).patient()))
    assert finding.level == "fail" and word in finding.found


def test_a_missing_interface_names_those_that_are_there(tmp_path):
    made = interface(interface(Made(tmp_path), "eth0"), "wlan0")
    finding = only(network.interface(made.patient()))
    assert finding.level == "fail" and "'eth1'" in finding.found and "eth0, wlan0" in finding.remedy
    for name in ("", "../eth0", "eth0/x"):
        assert only(network.interface(made.patient(settings(interface=name)))).level == "fail"


def test_a_carrier_that_is_missing_beside_a_running_box_is_only_a_warning(tmp_path):
    """The modem starts more slowly than the box, which waits for it; the display says what the box sees now."""
    made = interface(Made(tmp_path), carrier="0")
    assert levels(network.interface(made.patient(running=BESIDE))) == [("interface", "warn")]


def test_the_right_is_proven_by_opening(tmp_path):
    opened = []
    assert levels(network.rights(Made(tmp_path, open_packet_socket=opened.append).patient())) == [("rights", "ok")] and opened == ["eth1"]

    def refused(name):
        raise no_permission(name)
    made = Made(tmp_path, open_packet_socket=refused)
    finding = only(network.rights(made.patient()))
    assert finding.level == "fail" and "CAP_NET_RAW" in finding.found and "setcap" in finding.remedy
    assert levels(network.rights(made.patient(running=BESIDE))) == [("rights", "warn")], "the box may have the right that this user lacks"


def kernel(made, **conf):
    for name, value in conf.items():
        made.put(f"/proc/sys/net/ipv6/conf/eth1/{name}", f"{value}\n")
    return made.put("/proc/net/if_inet6", "fe80000000000000000000fffe000001 07 40 20 80     eth1\n" if conf.get("disable_ipv6") == 0 else "")


def test_the_operating_system_on_the_interface(tmp_path):
    made = interface(Made(tmp_path))
    assert levels(network.kernel_ipv6(kernel(made, disable_ipv6=1).patient())) == [("kernel IPv6", "ok")]
    finding = only(network.kernel_ipv6(kernel(made, disable_ipv6=0, addr_gen_mode=0).patient()))
    assert finding.level == "warn" and "sysctl -w net.ipv6.conf.eth1.disable_ipv6=1" in finding.remedy
    kernel(made, disable_ipv6=1)
    (tmp_path / "sys/class/net/br0").mkdir()
    (tmp_path / "sys/class/net/eth1/master").symlink_to("../br0")
    finding = only(network.kernel_ipv6(made.patient()))
    assert finding.level == "fail" and "port of br0" in finding.found and finding.short == "port of a bridge"


def test_it_is_not_looked_at_where_there_is_nothing_to_see(tmp_path):
    assert levels(network.kernel_ipv6(Made(tmp_path).patient())) == [("kernel IPv6", "warn")]
    assert levels(network.kernel_ipv6(Made(tmp_path).patient(settings(mode="listen")))) == [("kernel IPv6", "ok")]
