"""How wide libpcap's time stamps are: asked of the library that is here, and what pcap-ct makes of either answer."""
import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

from drivers import pcap_time

ROOT = Path(__file__).resolve().parents[2]
WIDE = 2 * ctypes.sizeof(ctypes.c_long)          # on this computer


@pytest.fixture(scope="module", autouse=True)
def needs_libpcap():
    pytest.importorskip("libpcap", reason="the Python package libpcap (of pcap-ct) is missing", exc_type=(ImportError, OSError))


def test_the_library_is_asked_and_not_the_package():
    assert pcap_time.place_of_length() == WIDE


@pytest.mark.parametrize("octets", [8, 16])
def test_the_package_takes_the_width_that_it_is_told(octets):
    program = ("from drivers import pcap_time\npcap_time.set_width({0})\nimport libpcap\n"
               "print(libpcap.pkthdr.caplen.offset, libpcap.pkthdr.len.offset)")
    done = subprocess.run([sys.executable, "-c", program.format(octets)], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(octets), str(octets + 4)]


def test_a_frame_is_as_long_as_it_is_and_not_as_many_microseconds(tmp_path):
    """The whole way of a 32-bit board, pcap-ct included."""
    (tmp_path / "one.pcap").write_bytes(pcap_time.CAPTURE)
    program = "from drivers import nic_pcap\nnic_pcap.import_on_32bit()\nimport pcap\nprint([len(frame) for _, frame in pcap.pcap('one.pcap')])"
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"[{pcap_time.LENGTH}]"


def test_a_package_that_reads_the_wrong_place_is_refused_with_a_way_out():
    program = "from drivers import pcap_time\npcap_time.set_width(8)\nimport libpcap\npcap_time.check(libpcap, 16)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert "8 octets into its header, and the system's libpcap has it at 16. Set nic.driver to socket" in done.stderr.replace("\n", " ")


def test_a_library_that_is_not_there_is_an_os_error():
    with pytest.raises(OSError):
        pcap_time.place_of_length("libpcap.so.of-nobody")
