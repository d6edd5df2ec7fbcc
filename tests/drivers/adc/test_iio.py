"""IIO's files in a temporary folder, with an `os` that fails as drivers do."""
import errno

import pytest

from drivers.adc.iio import Iio, IioConfig
from drivers.errors import DriverError
from kernel.settings import SettingsError, build
from kernel.timer import MS, S
from tests.drivers.adc.twins import IioTree


def go(driver, start, ns):
    at = start
    while at < start + ns:
        at = min(start + ns, max(driver.run(at), at + 10 * MS))
    return at


def bench(tmp_path, channels=("3",), tree=None, **settings):
    tree = tree or IioTree(tmp_path)
    for channel in channels:
        tree.put("in_voltage" + channel.replace("-", "-voltage") + "_raw", 2048)
    return tree, Iio(IioConfig(channels=list(channels), **settings), str(tmp_path), tree)


def test_channels_are_read_in_turn_and_scaled(tmp_path):
    tree, driver = bench(tmp_path, ("0", "3", "0-1"))
    tree.put("in_voltage3_raw", 4000)
    tree.put("in_voltage0-voltage1_raw", -12)
    tree.put("in_voltage0-voltage1_scale", 2.0)
    tree.put("in_voltage0_offset", 10)
    driver.close()
    driver = Iio(driver._config, str(tmp_path), tree)
    at = go(driver, 0, 50 * MS)
    assert driver.volts("0", at) == pytest.approx(2058 * 1.8 / 4096) and driver.volts("3", at) == pytest.approx(4000 * 1.8 / 4096)
    assert driver.volts("0-1", at) == -0.024 and driver.raw("0-1") == -12 and driver.errors == 0 and tree.preads == 5
    tree.put("in_voltage3_raw", 1)
    at = go(driver, at, 50 * MS)
    assert driver.raw("3") == 1                               # the descriptor stays open and still reads what is new
    driver.close()
    assert not tree.opened


def test_the_scale_of_the_settings_serves_where_the_driver_has_none(tmp_path):
    tree = IioTree(tmp_path, scale=None)
    tree.put("in_voltage3_raw", 2048)
    with pytest.raises(DriverError, match="scale_mv"):
        Iio(IioConfig(channels=["3"]), str(tmp_path), tree)
    assert not tree.opened
    _, driver = bench(tmp_path, tree=tree, scale_mv=0.5)
    assert driver.volts("3", go(driver, 0, 20 * MS)) == 1.024
    driver.close()


def test_the_highest_count_is_off_range(tmp_path):
    tree, driver = bench(tmp_path)
    tree.put("in_voltage3_raw", 4095)
    assert driver.volts("3", go(driver, 0, 30 * MS)) is None and driver.fault == "ADC: 3 off range"
    driver.close()


def test_a_long_channel_name_fits_the_display(tmp_path):
    tree, driver = bench(tmp_path, ("10-11",))
    tree.put("in_voltage10-voltage11_raw", -4095)
    assert driver.volts("10-11", go(driver, 0, 30 * MS)) is None and driver.fault == "ADC: 10-11 range"
    driver.close()


@pytest.mark.parametrize("code, fault", [(errno.EAGAIN, "ADC: busy"), (errno.EBUSY, "ADC: busy"), (errno.ENODEV, "ADC: gone"), (errno.EIO, "ADC: read error")])
def test_errors_of_the_driver_are_told_backed_off_and_mended(tmp_path, code, fault):
    tree, driver = bench(tmp_path)
    at = go(driver, 0, 50 * MS)
    tree.code = code
    told = set()
    for _ in range(100):
        at = go(driver, at, 100 * MS)
        told.add(driver.fault)
    assert fault in told and told <= {"", fault} and driver.volts("3", at) is None and len(tree.opened) <= 1
    assert 10 <= driver.errors < 30
    tree.code = 0
    at = go(driver, at, 1200 * MS)
    assert driver.volts("3", at) == pytest.approx(0.9) and driver.fault == ""
    driver.close()
    assert not tree.opened


def test_a_driver_that_is_bound_again_is_found_under_its_new_number(tmp_path):
    tree, driver = bench(tmp_path)
    at = go(driver, 0, 50 * MS)
    tree.rename(4)
    at = go(driver, at, 1200 * MS)
    assert driver.volts("3", at) == pytest.approx(0.9) and driver.errors == 1 and len(tree.opened) == 1
    driver.close()


def test_a_device_that_comes_later_is_waited_for(tmp_path):
    root = tmp_path / "devices"
    driver = Iio(IioConfig(channels=["3"]), str(root))
    at = go(driver, 0, 3 * S)
    assert driver.volts("3", at) is None and driver.fault == "ADC: not found" and "none at all" in driver.remedy
    other = IioTree(root, "ads1015", 0)
    at = go(driver, at, 2 * S)
    assert "iio:device0 (ads1015)" in driver.remedy
    tree = IioTree(root, number=1)
    at = go(driver, at, 2 * S)
    assert driver.fault == "ADC: unfit" and "no in_voltage3_raw" in driver.remedy
    tree.put("in_voltage3_raw", 1024)
    at = go(driver, at, 2 * S)
    assert driver.volts("3", at) == pytest.approx(0.45) and driver.fault == "" and not other.opened
    driver.close()


def test_no_number_is_a_fault_and_no_value(tmp_path):
    tree, driver = bench(tmp_path)
    at = go(driver, 0, 50 * MS)
    for text in ("", "nan", "12 34", "0x10", "1e3", "1.5", "\x00\x00"):
        tree.put("in_voltage3_raw", text)
        at = go(driver, at, 1200 * MS)
        assert driver.volts("3", at) is None and driver.fault == "ADC: garbage" and driver.raw("3") == 2048, text
    driver.close()


def test_what_must_be_mended_at_the_start(tmp_path):
    tree = IioTree(tmp_path)
    tree.put("in_voltage0_raw", 1)
    with pytest.raises(DriverError) as refused:
        Iio(IioConfig(channels=["0", "9"]), str(tmp_path), tree)
    assert "in_voltage9_raw" in refused.value.problem and "in_voltage0_raw" in refused.value.remedy and not tree.opened
    IioTree(tmp_path, number=7)
    with pytest.raises(DriverError, match="2 devices"):
        Iio(IioConfig(channels=["0"]), str(tmp_path))
    driver = Iio(IioConfig(channels=["0"], device="iio:device0"), str(tmp_path))
    driver.close()
    with pytest.raises(DriverError, match="no channels"):
        Iio(IioConfig(), str(tmp_path))
    tree.open = lambda path, flags: (_ for _ in ()).throw(PermissionError(errno.EACCES, "Permission denied"))
    with pytest.raises(DriverError, match="udev"):
        Iio(IioConfig(channels=["0"], device="iio:device0"), str(tmp_path), tree)
    for channels in (["A0"], ["0-1-2"], [""]):
        with pytest.raises(SettingsError, match="in_voltage3_raw"):
            build(IioConfig, {"channels": channels}, {}, "test.yaml")
