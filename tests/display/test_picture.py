"""Octets of pictures: the face, the layout, golden pictures, differences, braille."""
import random
from pathlib import Path

import pytest
from tests.display.scenes import AC_CAR, AC_CHARGER, CAR, CHARGER, NOW, signals

from tasks.display.font import FIRST, LARGE_LOWER, LARGE_UPPER, SMALL
from tasks.display.picture import BAR, INVERSE, LARGE, PAGES, TEXT, WIDTH, Row, Screen, as_text, draw, next_span
from tasks.display.screens import screen
from tasks.stop_reasons import StopReason

GOLDEN = Path(__file__).parent / "golden"
SCENES = {
    "car_charging": ("pev", dict(CAR, connection_state="Session", v2g_state="CurrentDemand")),
    "car_precharge": ("pev", dict(CAR, connection_state="Session", v2g_state="PreCharge", inlet_voltage=190.5)),
    "charger_cable_check": ("evse", dict(CHARGER, connection_state="Session", v2g_state="CableCheck")),
    "car_stopped": ("pev", dict(CAR, connection_state="Failed", stop_reason=StopReason.ONGOING_TIMEOUT)),
    "car_charging_ac": ("pev", dict(AC_CAR, connection_state="Session", v2g_state="ChargingStatus")),
    "charger_charging_ac": ("evse", dict(AC_CHARGER, connection_state="Session", v2g_state="ChargingStatus")),
    "charger_idle": ("evse", dict(modem="QCA7005 1.2.4")),
}


@pytest.mark.parametrize("name", sorted(SCENES))
def test_golden_pictures(name):
    """Looked at by a person when made; a change on purpose replaces the file with what the failure prints."""
    role, values = SCENES[name]
    text = "\n".join(as_text(draw(screen(signals(**values), NOW, role, NOW - 60 * 10**9)))) + "\n"
    assert text == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8"), text


def test_every_glyph_exists_once_and_fits_its_cell():
    assert len(SMALL) == 95 and min(SMALL) == chr(FIRST) and max(SMALL) == "~"
    assert len(set(SMALL.values())) == 95
    for octets in SMALL.values():
        assert len(octets) == 6 and octets[5] == 0 and all(octet < 128 for octet in octets)


def test_the_large_face_is_the_small_one_doubled():
    for c, small in SMALL.items():
        for x, column in enumerate(small):
            doubled = LARGE_UPPER[c][2 * x] | LARGE_LOWER[c][2 * x] << 8
            assert LARGE_UPPER[c][2 * x] == LARGE_UPPER[c][2 * x + 1] and LARGE_LOWER[c][2 * x] == LARGE_LOWER[c][2 * x + 1]
            assert [doubled >> y & 1 for y in range(16)] == [column >> (y // 2) & 1 for y in range(16)]


def test_the_letter_L_stands_where_it_belongs():
    page = draw(Screen("", (Row(TEXT, "L"),)))[1]
    assert page[:8].hex() == "007f404040400000"       # margin, upright of seven pixels from bit 0, foot at bit 6


def test_a_picture_has_always_eight_pages():
    for rows in ((), (Row(LARGE, "x"),) * 9, (Row(TEXT, "y" * 99),), (Row(BAR, "", 50),), (Row(INVERSE, "z"),)):
        pages = draw(Screen("t" * 99, rows, 7))
        assert len(pages) == PAGES and all(len(page) == WIDTH for page in pages)


def test_the_title_is_inverse_and_carries_the_life_sign():
    one, two = draw(Screen("CAR", (), 0)), draw(Screen("CAR", (), 1))
    assert one[0][0] == 0xFF and one[0][127] == 0xFF
    assert one[1:] == two[1:] and one[0][:121] == two[0][:121] and one[0] != two[0]


def test_unknown_characters_become_question_marks():
    assert draw(Screen("", (Row(TEXT, "5 °C"),))) == draw(Screen("", (Row(TEXT, "5 ?C"),)))
    assert draw(Screen("", (Row(LARGE, "ß"),))) == draw(Screen("", (Row(LARGE, "?"),)))


def test_the_bar_grows_with_its_percent():
    def full(percent):
        return sum(octet == 0x5A for octet in draw(Screen("", (Row(BAR, "", percent),)))[1])
    assert [full(p) for p in (None, -5, 0, 50, 100, 400)] == [0, 0, 0, 61, 122, 122]


def test_next_span_finds_the_first_difference_and_joins_near_ones():
    blank = bytes(128)

    def page(*columns):
        return bytes(1 if x in columns else 0 for x in range(128))
    assert next_span(blank, blank, 128, 8) == (0, 0)
    assert next_span(blank, page(5), 128, 8) == (5, 1)
    assert next_span(blank, page(127), 128, 8) == (127, 1)
    assert next_span(blank, page(0, 8), 128, 8) == (0, 9)       # seven equal octets between: sent along
    assert next_span(blank, page(0, 9), 128, 8) == (0, 1)       # eight: a new window is no dearer
    assert next_span(blank, page(120, 125), 128, 8) == (120, 6)
    assert next_span(blank, b"\1" * 128, 32, 8) == (0, 32)


def test_next_span_applied_until_nothing_differs_gives_the_wanted_page():
    rng = random.Random(7)
    for _ in range(300):
        shown = bytearray(rng.choices((0, 1), (rng.random(), 1), k=128))
        wanted = bytes(rng.choices((0, 1), (rng.random(), 1), k=128))
        for _ in range(128):
            column, length = next_span(bytes(shown), wanted, rng.randint(1, 128), 8)
            if not length:
                break
            assert shown[:column] == wanted[:column] and shown[column] != wanted[column]
            shown[column:column + length] = wanted[column:column + length]
        assert shown == wanted


def test_braille_dots_follow_the_unicode_numbering():
    def cell(left, right):
        return ord(as_text([bytes([left, right]) + bytes(126)])[0][0]) - 0x2800
    assert [cell(1 << y, 0) for y in range(4)] == [0x01, 0x02, 0x04, 0x40]     # dots 1 2 3 7
    assert [cell(0, 1 << y) for y in range(4)] == [0x08, 0x10, 0x20, 0x80]     # dots 4 5 6 8
    assert cell(15, 15) == 0xFF


def test_braille_shows_each_pixel_at_its_place():
    rng = random.Random(3)
    pages = [bytearray(rng.randrange(256) for _ in range(128)) for _ in range(8)]
    lines = as_text(pages)
    assert len(lines) == 16 and all(len(line) == 64 for line in lines)
    order = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
    for y in range(64):
        for x in range(128):
            lit = ord(lines[y // 4][x // 2]) - 0x2800 & order[x % 2][y % 4] != 0
            assert lit == bool(pages[y // 8][x] >> y % 8 & 1)
