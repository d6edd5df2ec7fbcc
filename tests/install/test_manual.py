"""What the manual of the box says: its configurations start a board, its pictures and chapters exist, its wiring is that of the pictures."""
import os
import re
from functools import partial
from itertools import pairwise

import pytest

from drivers.adc.iio import Iio
from drivers.boards.plans import plan
from drivers.pins.library import Pins, load_api
from tests.architecture.source import ROOT
from tests.boards_whole.box import written
from tests.boards_whole.gpio import I2cBus, PanelChip
from tests.drivers.adc.twins import Ads1x15Twin, IioTree, Now
from tests.drivers.pins import kernel
from tests.drivers.pins.libraries import gpiod_v2, raspberry
from tests.drivers.pins.test_library import beaglebone
from tools.pictures import wiring
from tools.pictures.catalogue import catalogue

MANUAL = ROOT / "install" / "README.md"
TEXT = MANUAL.read_text(encoding="utf-8")
CONFIGURATIONS = {re.search(r"^board: (\w+)$", block, re.M)[1]: block for block in re.findall(r"^```yaml\n(.*?)^```$", TEXT, re.M | re.S)}
TWINS = {"raspberry_pi": lambda folder: raspberry(), "beaglebone": beaglebone}

HEADER_I2C = {"raspberry_pi": 1, "beaglebone": 2}
"""Linux's number of the bus that the pictures show."""


def anchor(heading):
    """As GitHub makes it of a heading."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def test_links_and_pictures_lead_somewhere():
    anchors = {anchor(heading) for heading in re.findall(r"^#+ (.*)$", TEXT, re.M)}
    links = re.findall(r"\]\(([^)]+)\)", TEXT)
    assert len(links) > 12
    assert [link for link in links if not (link[1:] in anchors if link.startswith("#") else (MANUAL.parent / link).is_file())] == []
    assert {f"pictures/{name}" for name in catalogue()} <= set(links), "a picture that the manual does not show"


def test_the_warning_and_what_software_cannot_do_come_before_anything_that_is_built():
    chapters = re.findall(r"^## (.*)$", TEXT, re.M)
    assert chapters.index("What software cannot do") == 0 and TEXT.index("**High voltage kills") < TEXT.index("## ")
    assert all(chapters.index(one) < chapters.index(other) for one, other in pairwise(
        ("What to buy", "Wiring", "Bench demo in ten minutes", "Install", "First power-on", "Upgrade, going back, backup", "This folder")))


def test_each_reference_build_has_its_configuration():
    assert set(CONFIGURATIONS) == set(TWINS)


@pytest.mark.parametrize("name", TWINS)
def test_a_configuration_starts_its_board(tmp_path, monkeypatch, name):
    """As main.py does it: settings, plan, lines. All that is told is that nothing guards the battery yet."""
    pytest.importorskip("smbus2", reason="smbus2 is not installed")
    config = written(tmp_path, "pev", CONFIGURATIONS[name])
    twin = TWINS[name](tmp_path)
    bus = I2cBus(Ads1x15Twin(Now()), PanelChip())
    monkeypatch.setattr("smbus2.SMBus", lambda number: bus(1 if number == HEADER_I2C[name] else -1))      # -1: there is no such bus
    iio = IioTree(tmp_path / "iio")
    for number in range(len(wiring.AIN)):
        iio.put(f"in_voltage{number}_raw", 0)
    monkeypatch.setattr("drivers.boards.common.Iio", partial(Iio, root=str(tmp_path / "iio"), files=iio))
    made, shared = plan(config, Pins("gpiod", load_api(gpiod_v2(twin), kernel.ioctl), None, twin.paths, str(tmp_path), 0.0))
    lines = made.lines()
    try:
        made.board(lines, None, 0)
    finally:
        lines.close()
        os.close(bus.fd)
    assert [note.split(":")[0] for note in shared.notes] == ["NO CHARGE WILL BEGIN"]


@pytest.mark.parametrize("name", TWINS)
def test_a_configuration_is_wired_as_its_picture_says(tmp_path, name):
    board = getattr(written(tmp_path, "pev", CONFIGURATIONS[name]), name)
    assert wiring.inputs(board) == list(enumerate(wiring.MEASURED))
    assert board.car.enable_pulse.pin, "a reference build has its enable stage"
    assert board.measuring.pilot.channel and board.measuring.voltmeter.inlet_temperature.channels


@pytest.mark.parametrize("name", TWINS)
def test_a_configuration_without_a_channel_is_refused(tmp_path, name):
    """That the test above can fail: take the current's channel away."""
    text = re.sub(r"      inlet_current:\n(?:        .*\n)+", "", CONFIGURATIONS[name])
    with pytest.raises(Exception, match="safety.pev.current_sensor_fitted"):
        plan(written(tmp_path, "pev", text))


def test_what_the_bench_demo_configures_is_understood(tmp_path):
    text = re.search(r"^cat > charger.yaml << 'END'\n(.*?)^END$", TEXT, re.M | re.S)[1]
    config = written(tmp_path, "evse", text)
    assert config.modem_emulator.enabled and config.nic.driver == "socket" and not config.slac.count_toggles
    appended = re.search(r"printf '(.*)' \| sudo tee -a /etc/ccsbox/config.yaml", TEXT)[1].replace("\\n", "\n")
    assert written(tmp_path, "pev", "mode: pev\nboard: simulated\n" + appended).modem_emulator.enabled


def test_tools_that_it_names_exist():
    named = set(re.findall(r"(?:python -m |`)(tools\.\w+)", TEXT))
    assert len(named) >= 4 and [name for name in named if not (ROOT / name.replace(".", "/") / "__main__.py").is_file()] == []
