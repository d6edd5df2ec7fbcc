"""MCP3208 against a twin that decodes its three octets bit by bit."""
import errno
import sys

import pytest

from drivers.adc.mcp3208 import CHANNELS, Mcp3208, Mcp3208Config
from drivers.errors import DriverError
from kernel.settings import SettingsError, build
from kernel.timer import MS, S
from tests.drivers.adc.twins import Mcp3208Twin, Now


def bench(**settings):
    settings.setdefault("channels", ["0"])
    now = Now()
    twin = Mcp3208Twin(now)
    return now, twin, Mcp3208(Mcp3208Config(**settings), twin)


def go(now, driver, ns):
    end = now.ns + ns
    while now.ns < end:
        now.ns = min(end, max(driver.run(now.ns), now.ns + 10 * MS))


def test_the_frame_is_the_sheet_s():
    # boards sheet, section 3: xfer2([6 | ch>>2, (ch&3)<<6, 0])
    _, twin, driver = bench(channels=[str(n) for n in range(8)])
    assert [list(frame) for frame in driver._frames] == [[6 | n >> 2, (n & 3) << 6, 0] for n in range(8)]
    assert len(CHANNELS) == 16


def test_every_channel_reads_its_own_pin():
    now, twin, driver = bench(channels=[str(n) for n in range(8)] + ["2-3", "3-2"])
    for n in range(8):
        twin.pins[n] = lambda at, n=n: 0.4 * n + 0.1
    go(now, driver, 100 * MS)
    step = 3.3 / 4096
    assert [driver.volts(str(n), now.ns) for n in range(8)] == [pytest.approx(0.4 * n + 0.1, abs=step) for n in range(8)]
    assert driver.volts("2-3", now.ns) == 0.0 and driver.volts("3-2", now.ns) == pytest.approx(0.4, abs=step)
    assert driver.raw("1") == int(0.5 / step) and driver.errors == 0


def test_a_line_that_nothing_drives_is_seen():
    now, twin, driver = bench()
    twin.pins[0] = lambda at: 1.0
    go(now, driver, 50 * MS)
    twin.line = 1
    go(now, driver, 3 * S)
    assert driver.fault == "ADC: no answer" and "ff ff ff" in driver.remedy and driver.volts("0", now.ns) is None
    twin.line = None
    go(now, driver, 1100 * MS)
    assert driver.volts("0", now.ns) == pytest.approx(1.0, abs=0.001) and driver.fault == ""


def test_a_line_held_low_needs_a_witness():
    now, twin, driver = bench(channels=["0", "7"], witness_channel="7", witness_v=1.65)
    twin.pins[0], twin.pins[7] = lambda at: 1.0, lambda at: 1.65
    go(now, driver, 50 * MS)
    assert driver.volts("0", now.ns) == pytest.approx(1.0, abs=0.001)
    twin.line = 0
    for _ in range(20):
        go(now, driver, 10 * MS)
        assert driver.volts("0", now.ns) in (None, 0.0, pytest.approx(1.0, abs=0.001))
    assert driver.volts("0", now.ns) is None and driver.fault == "ADC: witness wrong"


def test_the_end_of_the_range_is_unknown():
    now, twin, driver = bench()
    twin.pins[0] = lambda at: 5.0
    go(now, driver, 50 * MS)
    assert driver.volts("0", now.ns) is None and driver.raw("0") == 4095 and driver.fault == "ADC: 0 off range"


@pytest.mark.parametrize("code", [errno.EIO, errno.ENODEV, errno.ETIMEDOUT])
def test_errors_of_the_bus_are_backed_off_and_mended(code):
    now, twin, driver = bench()
    twin.pins[0] = lambda at: 1.0
    go(now, driver, 50 * MS)
    twin.code = code
    go(now, driver, 30 * S)
    assert driver.volts("0", now.ns) is None and driver.fault == "ADC: SPI error" and 30 <= driver.errors < 40
    assert twin.closed == (driver.errors if code == errno.ENODEV else 0)
    twin.code = 0
    go(now, driver, 1100 * MS)
    assert driver.volts("0", now.ns) is not None and driver.fault == "" and driver.recoveries == 1
    driver.close()


def test_what_must_be_mended_at_the_start(monkeypatch):
    with pytest.raises(DriverError, match="no channels"):
        Mcp3208(Mcp3208Config(), Mcp3208Twin(Now()))
    monkeypatch.setitem(sys.modules, "spidev", None)
    with pytest.raises(DriverError, match="python3-spidev"):
        Mcp3208(Mcp3208Config(channels=["0"]))

    class Spidev:
        class SpiDev:
            def open(self, bus, select):
                raise FileNotFoundError(errno.ENOENT, "No such file or directory")
    monkeypatch.setitem(sys.modules, "spidev", Spidev)
    with pytest.raises(DriverError, match="dtparam=spi=on"):
        Mcp3208(Mcp3208Config(channels=["0"]))
    for settings, words in (({"channels": ["8"]}, "has channel 8"), ({"channels": ["0", "1"], "period_ms": 60}, "takes 120 ms"),
                            ({"channels": ["0", "1"], "filter": "median", "filter_ms": 30}, "filter_ms = 30")):
        with pytest.raises(SettingsError, match=words):
            build(Mcp3208Config, settings, {}, "test.yaml")


def test_the_device_is_opened_as_the_settings_say(monkeypatch):
    calls = []

    class SpiDev(Mcp3208Twin):
        def __init__(self):
            super().__init__(Now())

        def open(self, bus, select):
            calls.append((bus, select))
    monkeypatch.setitem(sys.modules, "spidev", type("spidev", (), {"SpiDev": SpiDev}))
    driver = Mcp3208(Mcp3208Config(channels=["0"], spi_bus=1, spi_select=2, clock_hz=500_000))
    assert calls == [(1, 2)] and driver._spi.max_speed_hz == 500_000 and driver._spi.mode == 0
    driver.run(0)
    assert driver.volts("0", 0) == 0.0
