"""The octets on the I2C bus, decoded back into a picture by a controller in software (SSD1306 and SH1106 data sheets)."""
import random

import pytest

from drivers.errors import DriverError
from drivers.oled_luma import OledConfig, OledLuma
from kernel.journal import Journal
from kernel.settings import build
from tasks.display.picture import draw
from tasks.display.screens import screen
from tasks.display.task import DisplayTask
from tests.display.scenes import CAR, NOW, signals

luma_serial = pytest.importorskip("luma.core.interface.serial", reason="luma.oled is not installed")
pytest.importorskip("luma.oled.device", reason="luma.oled is not installed")

pytestmark = pytest.mark.filterwarnings("ignore:Image.Image.getdata:DeprecationWarning")      # luma 3.16; hence pillow<14

ARGUMENTS = {0x20: 1, 0x21: 2, 0x22: 2, 0x81: 1, 0x8D: 1, 0xA8: 1, 0xD3: 1, 0xD5: 1, 0xD9: 1, 0xDA: 1, 0xDB: 1}


class Bus:
    """An SMBus with a controller behind it: memory of `columns` by eight pages, first visible column `first`."""

    def __init__(self, columns=128, first=0):
        self.columns, self.first = columns, first
        self.memory = bytearray(random.Random(1).randbytes(columns * 8))
        self.page, self.column = 0, 0
        self.window = None               # horizontal addressing: (first column, last, first page, last)
        self.commands, self.wire, self.broken = [], 0, False

    def write_i2c_block_data(self, address, mode, data):
        if self.broken:
            raise OSError(121, "Remote I/O error")
        assert address == 0x3C and len(data) <= 32
        self.wire += 2 + len(data)
        if mode == 0x40:
            for octet in data:
                self.put(octet)
            return
        data = list(data)
        while data:
            command = data.pop(0)
            arguments = [data.pop(0) for _ in range(ARGUMENTS.get(command, 0) if self.columns == 128 or command not in (0x20, 0x21, 0x22) else 0)]
            self.commands.append((command, *arguments))
            if command == 0x21 and arguments:
                self.window = (*arguments, *(self.window or (0, 0, 0, 7))[2:])
                self.column = arguments[0]
            elif command == 0x22 and arguments:
                self.window = (*(self.window or (0, 127, 0, 0))[:2], *arguments)
                self.page = arguments[0]
            elif self.columns != 128 and 0xB0 <= command <= 0xB7:
                self.page = command & 7
            elif self.columns != 128 and command <= 0x0F:
                self.column = self.column & 0xF0 | command
            elif self.columns != 128 and 0x10 <= command <= 0x1F:
                self.column = self.column & 0x0F | (command & 15) << 4

    def put(self, octet):
        self.memory[self.page * self.columns + self.column] = octet
        self.column += 1
        if self.window is not None and self.column > self.window[1]:
            self.column = self.window[0]
            self.page = self.page + 1 if self.page < self.window[3] else self.window[2]
        self.column %= self.columns

    def pages(self):
        return [bytes(self.memory[p * self.columns + self.first:p * self.columns + self.first + 128]) for p in range(8)]


BUSES = {"ssd1306": dict(columns=128, first=0), "sh1106": dict(columns=132, first=2)}
both = pytest.mark.parametrize("controller", sorted(BUSES))


def panel(controller, per_octet=0, broken=False, **options):
    """`per_octet`: ns that an octet takes on the wire."""
    bus = Bus(**BUSES[controller])
    bus.broken = broken
    return OledLuma(OledConfig(controller=controller, **options), luma_serial.i2c(bus=bus, address=0x3C), clock=lambda: bus.wire * per_octet), bus


@both
def test_windows_arrive_where_they_were_meant(controller):
    oled, bus = panel(controller)
    assert bus.pages() == [bytes(128)] * 8                    # luma cleared the memory
    rng = random.Random(5)
    expected = [bytearray(128) for _ in range(8)]
    for _ in range(300):
        page, column = rng.randrange(8), rng.randrange(128)
        data = rng.randbytes(rng.randint(1, 128 - column))
        assert oled.write(page, column, data, NOW)
        expected[page][column:column + len(data)] = data
    assert bus.pages() == [bytes(p) for p in expected] and oled.errors == 0


@both
def test_a_screen_on_the_panel_is_the_screen_that_was_drawn(controller):
    oled, bus = panel(controller)
    s = signals(**CAR, connection_state="Session", v2g_state="CurrentDemand")
    display = DisplayTask(oled, s, "pev", Journal())
    for k in range(60):
        display.run(NOW + k * 10_000_000)
    assert bus.pages() == draw(screen(s, NOW, "pev", NOW))


@both
def test_a_place_outside_the_panel_is_refused_and_counted(controller):
    oled, bus = panel(controller)
    sent = bus.wire
    assert [oled.write(*place, NOW) for place in ((8, 0, b"x"), (-1, 0, b"x"), (0, 128, b"x"), (0, -1, b"x"), (0, 127, b"xy"), (0, 0, b""))] == [False] * 6
    assert oled.errors == 6 and bus.wire == sent


@both
def test_a_bus_fault_is_counted_and_the_controller_is_woken_afterwards(controller):
    oled, bus = panel(controller)
    bus.broken = True
    assert not oled.write(0, 0, b"abc", NOW) and not oled.write(0, 0, b"abc", NOW)
    assert (oled.errors, oled.recoveries) == (2, 0)
    bus.broken = False
    bus.commands.clear()
    assert oled.write(0, 0, b"abc", NOW)
    assert bus.commands[0] == (0xAE,) and (0xAF,) in bus.commands and (0x8D, 0x14) in bus.commands     # off, pump, on
    assert (oled.errors, oled.recoveries) == (2, 1) and bus.pages()[0][:3] == b"abc"
    bus.commands.clear()
    assert oled.write(0, 3, b"d", NOW) and (0xAE,) not in bus.commands                                 # woken once


def test_a_small_change_costs_a_few_octets_on_the_bus():
    oled, bus = panel("ssd1306")
    bus.wire = 0
    oled.write(3, 60, b"12345", NOW)
    assert bus.wire == 2 + 6 + 2 + 5           # address and mode, window; address and mode, contents
    oled, bus = panel("sh1106")
    bus.wire = 0
    oled.write(3, 60, b"12345", NOW)
    assert bus.wire == 2 + 3 + 2 + 5


def test_upside_down_and_contrast():
    oled, bus = panel("ssd1306", upside_down=True)
    assert [c for c in bus.commands if c[0] not in (0x21, 0x22)][-4:] == [(0xA0,), (0xC0,), (0x81, 160), (0xAF,)]
    _, bus = panel("ssd1306")
    assert [c for c in bus.commands if c[0] not in (0x21, 0x22)][-4:-2] == [(0xA1,), (0xC8,)]
    wire = bus.wire
    assert oled.set_contrast(8, NOW) and not oled.set_contrast(256, NOW) and not oled.set_contrast(-1, NOW) and oled.errors == 2
    assert bus.wire == wire                    # that of another panel


@both
def test_brightness_is_one_short_command_and_outlives_a_fault(controller):
    oled, bus = panel(controller)
    bus.commands.clear()
    bus.wire = 0
    assert oled.set_contrast(8, NOW)
    assert bus.commands == [(0x81, 8)] and bus.wire == 4
    bus.broken = True
    assert not oled.set_contrast(9, NOW) and oled.fault == "Display: no answer" and len(oled.fault) <= 19 and oled.remedy
    bus.broken = False
    bus.commands.clear()
    assert oled.write(0, 0, b"x", NOW) and (0x81, 9) in bus.commands and oled.fault == oled.remedy == ""


@both
def test_the_slice_follows_the_speed_of_the_bus(controller):
    slow, _ = panel(controller, per_octet=90_000)
    assert 15 <= slow.octets_per_run <= 17               # with its window of 10, and what blocks of 32 octets cost: 2.5 ms at 100 kHz
    fast, _ = panel(controller, per_octet=22_500)
    assert 92 <= fast.octets_per_run <= 113             # 400 kHz
    crawling, _ = panel(controller, per_octet=900_000)
    assert crawling.octets_per_run == 8
    assert crawling.run(NOW) > NOW


@both
def test_one_slow_transfer_is_an_interruption_and_eight_are_a_slow_bus(controller):
    speed, spent = [22_500], [0, 0]
    bus = Bus(**BUSES[controller])

    def clock():
        spent[0] += (bus.wire - spent[1]) * speed[0]
        spent[1] = bus.wire
        return spent[0]
    oled = OledLuma(OledConfig(controller=controller), luma_serial.i2c(bus=bus, address=0x3C), clock)
    before = oled.octets_per_run
    speed[0] = 90_000
    for _ in range(7):
        oled.write(0, 0, bytes(100), NOW)
    assert oled.octets_per_run == before
    oled.write(0, 0, bytes(100), NOW)
    assert oled.octets_per_run < 25
    speed[0] = 22_500
    oled.write(0, 0, bytes(100), NOW)
    assert oled.octets_per_run >= before - 2                       # blocks of 32 octets weigh otherwise in 100 than in a page


@both
def test_a_panel_that_is_missing_at_the_start_is_asked_again_and_drawn_when_it_comes(controller):
    oled, bus = panel(controller, broken=True)
    assert oled.fault and oled.errors == 1
    s = signals(**CAR, connection_state="Session", v2g_state="CurrentDemand")
    display = DisplayTask(oled, s, "pev", Journal())
    for k in range(300):
        display.run(NOW + k * 10_000_000)
    assert oled.errors == 3                              # at 0 and 1 s: ever more rarely
    bus.broken = False
    for k in range(300, 500):
        display.run(NOW + k * 10_000_000)
    assert bus.pages() == display.pages() and not oled.fault and oled.recoveries == 1
    assert (0x81, 160) in bus.commands


@both
def test_closing_makes_the_panel_dark_and_survives_a_dead_bus(controller):
    oled, bus = panel(controller)
    oled.close()
    assert bus.commands[-1] == (0xAE,)
    oled, bus = panel(controller)
    bus.broken = True
    oled.close()
    assert oled.errors == 1


@both
def test_no_panel_is_a_driver_error_with_a_remedy(controller):
    bus = Bus(**BUSES[controller])
    bus.broken = True
    with pytest.raises(DriverError) as caught:
        OledLuma(OledConfig(controller=controller, required=True), luma_serial.i2c(bus=bus, address=0x3C))
    assert "i2cdetect" in caught.value.remedy and "0x3C" in caught.value.problem


def test_no_bus_is_a_driver_error_with_a_remedy():
    pytest.importorskip("smbus2", reason="smbus2 is not installed")
    with pytest.raises(DriverError) as caught:
        OledLuma(OledConfig(controller="ssd1306", i2c_bus=32))
    assert "I2C bus 32" in caught.value.problem


def test_the_settings_are_checked():
    assert build(OledConfig, {}, {}, "x.yaml").controller == "none"
    with pytest.raises(DriverError):
        OledLuma(OledConfig(), luma_serial.noop())
