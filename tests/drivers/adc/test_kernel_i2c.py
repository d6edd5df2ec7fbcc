"""The real kernel's I2C, where one is here: its i2c-stub knows SMBus only and refuses plain transfers, which the driver must say in words."""
import os
from pathlib import Path

import pytest

from drivers.adc.ads1x15 import Ads1x15, Ads1x15Config
from drivers.i2c import shorten_timeout
from kernel.timer import MS


def stub():
    """Number of an i2c-stub adapter; no other bus is touched, for something may be wired to it."""
    for adapter in sorted(Path("/sys/class/i2c-dev").glob("i2c-*")):
        if "stub" in (adapter / "name").read_text().lower() and os.access(f"/dev/{adapter.name}", os.R_OK | os.W_OK):
            return int(adapter.name.removeprefix("i2c-"))
    return None


def test_an_adapter_without_plain_transfers_is_told():
    number = stub()
    if number is None:
        pytest.skip("no i2c-stub adapter: `sudo modprobe i2c-dev i2c-stub chip_addr=0x48` makes one where the kernel has it (Debian amd64)")
    driver = Ads1x15(Ads1x15Config(channels=["0"], i2c_bus=number))
    due = 0
    for _ in range(5):
        due = driver.run(due)
    assert driver.fault == "ADC: bus unfit" and driver.volts("0", due) is None and driver.errors >= 2 and due < 1000 * MS
    driver.close()


def test_an_adapter_that_knows_no_time_out_is_no_fault():
    with open(os.devnull, "rb") as device:
        shorten_timeout(device.fileno())
    with pytest.raises(ValueError):                # a closed file is a programming error and not swallowed
        shorten_timeout(device.fileno())
