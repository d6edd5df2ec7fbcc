"""The wiring pictures of the manual: stored as they are drawn now, true to the settings, and legible."""
import re
from html import unescape
from xml.etree import ElementTree

import pytest

from drivers.boards.config import beaglebone, raspberry_pi
from drivers.pins.config import CarPins
from drivers.pins.names import BONE_HEADER, PI_HEADER
from tasks.config import Config
from tools.pictures import __main__ as program
from tools.pictures import boards, wiring
from tools.pictures.canvas import Drawing, faults
from tools.pictures.catalogue import catalogue

BOARDS = {"raspberry-pi.svg": (raspberry_pi, boards.raspberry_pi), "beaglebone.svg": (beaglebone, boards.beaglebone)}
OLED = Config().oled


def words(svg):
    return [unescape(text) for text in re.findall(r"<text [^>]*>([^<]*)</text>", svg)]


def test_the_stored_pictures_are_what_is_drawn_now(capsys):
    """After a change on purpose: python -m tools.pictures --write, and look at them."""
    assert program.main(["--check"]) == 0, capsys.readouterr().out


def test_a_changed_deleted_or_stale_picture_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(program, "STORED", tmp_path)
    assert program.main(["--write"]) == 0 and program.main(["--check"]) == 0
    (tmp_path / "power.svg").write_text((tmp_path / "power.svg").read_text().replace("GPIO27", "GPIO28"))
    (tmp_path / "bench.svg").unlink()
    (tmp_path / "old.svg").touch()
    capsys.readouterr()
    assert program.main(["--check"]) == 1
    assert capsys.readouterr().out.startswith("not as drawn now: power.svg, bench.svg, old.svg (nobody draws it)")


@pytest.mark.parametrize("name", catalogue())
def test_it_can_be_read_and_is_xml(name):
    drawing = catalogue()[name]
    assert faults(drawing) == []
    root = ElementTree.fromstring(drawing.svg())
    assert root.get("viewBox") == f"0 0 {drawing.width} {drawing.height}" and len(drawing.words) == len(words(drawing.svg())) > 15


@pytest.mark.parametrize("name", BOARDS)
def test_every_fitted_pin_stands_beside_what_hangs_there(name):
    make, draw = BOARDS[name]
    shown = words(draw(make(), OLED).svg())
    fitted = [(setting, pin.pin) for setting, pin in wiring.pins(make().car) if pin.pin]
    assert len(fitted) >= 9
    for setting, pin in fitted:
        assert shown[shown.index(pin):].index(wiring.WORDS[setting][1]) <= 2, f"{setting}: {pin} and its words are not in one row"
    for setting in wiring.absent(make()):
        assert any(line.startswith("no pin by default") and setting in line for line in shown)
    for _, quantity in wiring.inputs(make()):
        assert any(line.endswith(f": {quantity}") for line in shown)


def test_every_pin_of_a_car_has_words():
    assert [setting for setting, _ in wiring.pins(CarPins())] and {setting for setting, _ in wiring.pins(CarPins())} == set(wiring.WORDS)


def test_a_pin_that_changes_changes_every_picture_that_shows_it():
    before, config = catalogue(), Config()
    config.raspberry_pi.car.contactors.pin = "PIN32"
    config.safety.pev.match_v = 7.5
    after = catalogue(config)
    assert [name for name in before if before[name].svg() != after[name].svg()] == ["raspberry-pi.svg", "power.svg", "protection.svg"]
    assert "PIN32" in words(after["raspberry-pi.svg"].svg()) and not [w for w in words(after["power.svg"].svg()) if "GPIO27" in w]
    assert any("7.5 V" in line for line in words(after["power.svg"].svg()))


@pytest.mark.parametrize("name", BOARDS)
@pytest.mark.parametrize("setting", ["contactors", "stop_button", "bulb"])
def test_wherever_a_pin_is_moved_the_picture_can_be_read(name, setting):
    make, draw = BOARDS[name]
    free = [f"PIN{number}" for number in PI_HEADER if number not in (3, 5)] if "pi" in name else list(BONE_HEADER)
    taken = {wiring.place(pin.pin) for other, pin in wiring.pins(make().car) if pin.pin and other != setting}
    tried = 0
    for pin in free:
        if wiring.place(pin) not in taken:
            board = make()
            getattr(board.car, setting).pin = pin
            assert faults(draw(board, OLED)) == [], pin
            tried += 1
    assert tried >= 12


def test_a_break_contact_and_a_load_that_is_on_while_low_look_different():
    board = raspberry_pi()
    board.car.stop_button.active_low = False
    board.car.contactors.active_low = True
    usual, other = boards.raspberry_pi(raspberry_pi(), OLED).svg(), boards.raspberry_pi(board, OLED).svg()
    assert words(usual).count("transistor") == 2 and words(other).count("transistor") == 1 and "opto, low" in words(other)
    assert usual.count("<polyline") + 1 == other.count("<polyline"), "a break contact has one stroke more"


def test_channels_that_the_settings_name_are_shown_where_they_are():
    board = raspberry_pi()
    board.measuring.voltmeter.inlet_voltage.channel = "ads1x15:2"
    board.measuring.voltmeter.inlet_current.channel = "ads1x15:0"
    assert wiring.inputs(board) == [(0, "current"), (1, "control pilot"), (2, "inlet voltage"), (3, "inlet temperature")]
    board.measuring.voltmeter.inlet_current.channel = "mcp3208:0"
    assert wiring.inputs(board) == [(1, "control pilot"), (2, "inlet voltage"), (3, "inlet temperature")]


@pytest.mark.parametrize("pin, said", [("gpiochip0/17", "'gpiochip0/17' is no pin of a header"),
                                       ("GPIO23", "PIN_16 is used twice"), ("GPIO2", "PIN_3 is used twice")])
def test_what_cannot_be_shown_is_refused(tmp_path, capsys, pin, said):
    mine = tmp_path / "my.yaml"
    mine.write_text(f"raspberry_pi:\n  car:\n    contactors:\n      pin: {pin}\n")
    assert program.main(["--config", str(mine), "--output", str(tmp_path / "out")]) == 2
    assert said in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_ones_own_box(tmp_path, capsys):
    mine = tmp_path / "my.yaml"
    mine.write_text("beaglebone:\n  car:\n    enable_pulse:\n      pin: P8_12\n")
    assert program.main(["--config", str(mine), "--output", str(tmp_path / "out")]) == 0
    shown = words((tmp_path / "out/beaglebone.svg").read_text())
    assert "P8_12" in shown and not [line for line in shown if line.startswith("enable_pulse has no pin")]
    mine.write_text("beaglebone: 3\n")
    assert program.main(["--config", str(mine), "--output", str(tmp_path)]) == 2
    assert program.main(["--config", str(tmp_path / "none.yaml"), "--output", str(tmp_path)]) in (2, 3)
    with pytest.raises(SystemExit):
        program.main(["--check", "--config", str(mine)])


def test_what_cannot_be_read_is_found():
    d = Drawing(400, 200, "Heading")
    d.text(380, 100, "too far")
    d.text(40, 100, "one")
    d.text(50, 104, "two")
    d.text(40, 150, "struck")
    d.wire((30, 146), (200, 146))
    d.text(200, 180, "wide words in a narrow box")
    d.box(180, 160, 60, 30)
    found = faults(d)
    assert "'too far' leaves the page" in found and "'one' lies on 'two'" in found and any(f.startswith("'struck' is struck through by wire") for f in found)
    assert any(f.startswith("'wide words in a narrow box' is struck through by edge") for f in found) and len(found) == 4
    with pytest.raises(ValueError, match="level or upright"):
        d.wire((0, 0), (5, 5))


def test_words_are_as_wide_as_the_font_makes_them():
    """Within 5 % of DejaVu Sans, where that and Pillow are there."""
    font = pytest.importorskip("PIL.ImageFont", reason="Pillow is not installed")
    try:
        faces = {bold: font.truetype(f"/usr/share/fonts/truetype/dejavu/DejaVuSans{'-Bold' * bold}.ttf", 100) for bold in (False, True)}
    except OSError as error:
        pytest.skip(f"DejaVu Sans is not installed (Debian: fonts-dejavu-core): {error}")
    for drawing in catalogue().values():
        drawn = re.findall(r'<text [^>]*font-size="(\d+)" text-anchor="\w+"( font-weight="bold")? [^>]*>([^<]*)<', drawing.svg())
        for (size, bold, text), box in zip(drawn, drawing.words, strict=True):
            assert faces[bool(bold)].getlength(unescape(text)) * int(size) / 100 <= 1.05 * (box.right - box.left), text
