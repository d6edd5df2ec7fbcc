"""The log of a CAN bus: its lines, and its bound."""
from __future__ import annotations

import pytest

from drivers.can.candump import CanLog, line
from drivers.can.settings import EXTENDED
from kernel.timer import MS, S


@pytest.mark.parametrize("at, key, data, wanted", [
    (12 * S + 340 * MS, 0x102, bytes.fromhex("029a010000800300"), "(12.340000) can0 102#029A010000800300\n"),
    (999, 0x7, b"", "(0.000000) can0 007#\n"), (1_000_001_000, EXTENDED | 0x1806E5F4, b"\x01", "(1.000001) can0 1806E5F4#01\n"),
    (0, EXTENDED | 0x102, b"\xff", "(0.000000) can0 00000102#FF\n")])
def test_a_line(at, key, data, wanted):
    assert line(at, "can0", key, data) == wanted


def test_it_is_bounded_and_what_comes_later_is_counted(tmp_path, monkeypatch):
    monkeypatch.setattr("drivers.can.candump.MAX_BYTES", 80)
    log = CanLog(tmp_path / "can.log", "vcan1")
    for n in range(4):
        log.write(n * S, 0x102, bytes(8))
    log.close()
    log.close()
    assert log.refused == 2 and log.path.read_text() == "(0.000000) vcan1 102#0000000000000000\n(1.000000) vcan1 102#0000000000000000\n"


def test_a_full_disk_is_counted_and_never_raised(tmp_path):
    class Full:
        def write(self, text):
            raise OSError(28, "No space left on device")

        close = write
    log = CanLog(tmp_path / "can.log")
    log._file.close()
    log._file = Full()
    log.write(0, 0x102, bytes(8))
    assert log.refused == 1


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(OSError):
        CanLog(tmp_path / "none" / "can.log")
