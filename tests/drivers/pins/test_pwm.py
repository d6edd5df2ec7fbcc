"""A hardware PWM in a folder as sysfs shows it: set up in the order that the kernel demands, then one file of one number."""
import errno
import os
from pathlib import Path

import pytest

from drivers.errors import DriverError
from drivers.pins import pwm
from drivers.pins.config import PwmPin
from drivers.pins.pwm import open_pwm
from drivers.pins.pwm_hand import PERIOD_NS, PwmHand, read_pwm


class Sysfs:
    """What the kernel's pwm class does with the writes (drivers/pwm/core.c, sysfs.c): it refuses a duty beyond the period and a polarity while it runs."""

    def __init__(self, root, monkeypatch, period=0, duty=0, enable=0, polarity="normal", exported=False):
        self.chip = root / "pwmchip2"
        self.chip.mkdir()
        self.state = {"period": period, "duty_cycle": duty, "enable": enable, "polarity": polarity}
        self.order, self.real = [], Path.write_text
        (self.chip / "npwm").write_text("2\n")
        (self.chip / "export").write_text("")
        if exported:
            self.export(1)
        monkeypatch.setattr(Path, "write_text", lambda path, text, *rest: self.write(path, text))
        self.refuses = {}

    def export(self, channel):
        folder = self.chip / f"pwm{channel}"
        folder.mkdir()
        for name, value in self.state.items():
            with open(folder / name, "w") as file:
                file.write(f"{value}\n")

    def write(self, path, text):
        if path.name in self.refuses:
            raise OSError(self.refuses[path.name], os.strerror(self.refuses[path.name]))
        if path.name == "export":
            self.export(int(text))
            return
        value = text.strip() if path.name == "polarity" else int(text)
        new = {**self.state, path.name: value}
        bad = new["duty_cycle"] > new["period"] or path.name == "polarity" and self.state["enable"] or path.name == "enable" and value and not new["period"]
        if bad:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        self.state = new
        self.order.append((path.name, value))
        with open(path, "w") as file:
            file.write(text)


@pytest.mark.parametrize("period, duty, enable, polarity, exported", [
    (0, 0, 0, "normal", False), (0, 0, 0, "normal", True), (20_000_000, 1_500_000, 1, "normal", True), (500_000, 500_000, 1, "inversed", True),
    (PERIOD_NS, 50_000, 1, "normal", True), (PERIOD_NS, PERIOD_NS, 1, "normal", True), (PERIOD_NS, 0, 0, "inversed", True)])
def test_it_begins_with_steady_12_volts_from_whatever_state(tmp_path, monkeypatch, period, duty, enable, polarity, exported):
    sysfs = Sysfs(tmp_path, monkeypatch, period, duty, enable, polarity, exported)
    hand = open_pwm(PwmPin(chip=2, channel=1), None, str(tmp_path))
    assert sysfs.state == {"period": PERIOD_NS, "duty_cycle": PERIOD_NS, "enable": 1, "polarity": "normal"}
    if (period, polarity, enable) == (PERIOD_NS, "normal", 1):
        assert sysfs.order == [("duty_cycle", PERIOD_NS)], "what runs already is not interrupted"
    assert hand.put(5.0) and (tmp_path / "pwmchip2/pwm1/duty_cycle").read_text().startswith("50000\n")
    assert read_pwm(hand.word).fd == hand.fd and hand.descriptors == (hand.fd,)
    hand.close()


def test_what_is_in_the_way_is_a_sentence(tmp_path, monkeypatch):
    with pytest.raises(DriverError, match="no .*pwmchip3 .none.*dtoverlay=pwm"):
        open_pwm(PwmPin(chip=3), None, str(tmp_path))
    sysfs = Sysfs(tmp_path, monkeypatch)
    with pytest.raises(DriverError, match="no .*pwmchip3 .pwmchip2."):
        open_pwm(PwmPin(chip=3), None, str(tmp_path))
    with pytest.raises(DriverError, match="has 2 channels, there is no channel 2.*Use 0 to 1"):
        open_pwm(PwmPin(chip=2, channel=2), None, str(tmp_path))
    for file, number, words in (("export", errno.EBUSY, "headphone jack"), ("period", errno.EINVAL, "BeagleBone EHRPWM"), ("enable", errno.EACCES, "udev")):
        sysfs.refuses = {file: number}
        with pytest.raises(DriverError, match=words):
            open_pwm(PwmPin(chip=2, channel=1), None, str(tmp_path))


def test_files_that_stay_forbidden_are_waited_for_and_then_refused(tmp_path, monkeypatch):
    """udev changes their group a moment after the export; when it has no rule for it, never."""
    sysfs = Sysfs(tmp_path, monkeypatch, exported=True)
    passed = [0.0]
    monkeypatch.setattr(pwm.os, "access", lambda *_: False)
    monkeypatch.setattr(pwm.time, "monotonic", lambda: passed[0])
    monkeypatch.setattr(pwm.time, "sleep", lambda s: passed.__setitem__(0, passed[0] + s))
    sysfs.refuses = {"period": errno.EACCES}
    with pytest.raises(DriverError, match="group gpio"):
        open_pwm(PwmPin(chip=2, channel=1), None, str(tmp_path))
    assert pwm.EXPORT_LIMIT_S <= passed[0] <= pwm.EXPORT_LIMIT_S + pwm.EXPORT_PACE_S


def test_a_refused_write_is_false_and_counted(tmp_path):
    read, write = os.pipe()                      # pwrite on a pipe: ESPIPE
    hand = PwmHand(write)
    assert not hand.put(5.0) and (hand.errors, hand.errno) == (1, errno.ESPIPE)
    hand.close(), os.close(read)
