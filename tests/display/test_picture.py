"""Octets of pictures: the faces, the layout, the wandering, differences, braille."""
import random

from tasks.display.font import FIRST, HUGE as HUGE_FACE, LARGE as LARGE_FACE, SMALL, TALL as TALL_FACE
from tasks.display.picture import (BAR, HUGE, INVERSE, LARGE, PAGES, TALL, TEXT, WANDER, WIDTH, Row, Screen, as_text, dot, draw, fits, next_span,
                                   shifted)


def test_every_glyph_exists_once_and_fits_its_cell():
    assert len(SMALL) == 95 and min(SMALL) == chr(FIRST) and max(SMALL) == "~"
    assert len(set(SMALL.values())) == 95
    for octets in SMALL.values():
        assert len(octets) == 6 and octets[5] == 0 and all(octet < 128 for octet in octets)


def test_the_other_faces_are_the_small_one_stretched_with_a_free_row_below():
    for face, wide, high in ((TALL_FACE, 1, 2), (LARGE_FACE, 2, 2), (HUGE_FACE, 3, 3)):
        for c, small in SMALL.items():
            pages = [page[c] for page in face]
            assert [len(page) for page in pages] == [6 * wide] * high
            for x in range(6 * wide):
                column = sum(page[x] << 8 * n for n, page in enumerate(pages))
                expected = sum(1 << y + high - 1 for y in range(7 * high) if small[x // wide] >> (y // high) & 1)
                assert column == expected and column < 1 << 8 * high - 1


FULL = (
    (Row(TEXT, "M" * 21), Row(LARGE, "g" * 10), Row(TALL, "p" * 21), Row(BAR, "", 100), Row(TEXT, "_" * 21)),
    (Row(HUGE, "100%", None, "-660", "kW 12345"), Row(LARGE, "1100V-600A"), Row(TALL, "_" * 21)),
    (Row(HUGE, "MMMM", None, "MMMM", "MMMMMMMM"), Row(HUGE, "____", None, "____", "________"), Row(TEXT, "M" * 21)),
)


def lit(pages):
    return sum(octet.bit_count() for page in pages for octet in page)


def test_the_picture_wanders_without_losing_a_pixel():
    for rows in FULL:
        shown = Screen("M" * 19, rows, 1)
        assert fits(shown)
        pages = draw(shown)
        seen = set()
        for right, down in WANDER:
            moved = shifted(pages, right, down)
            assert len(moved) == PAGES and all(len(page) == WIDTH for page in moved)
            assert lit(moved) == lit(pages), (rows, right, down)
            for y in range(64 - down):
                for x in range(max(0, -right), min(WIDTH, WIDTH - right)):
                    assert moved[(y + down) // 8][x + right] >> (y + down) % 8 & 1 == pages[y // 8][x] >> y % 8 & 1
            seen.add(tuple(moved))
        assert len(seen) == len(WANDER)


def test_the_dot_moves_and_is_all_there_is():
    pictures = [dot(step) for step in range(60)]
    assert all(lit(p) == 4 and len(p) == PAGES and all(len(page) == WIDTH for page in p) for p in pictures)
    assert all(a != b for a, b in zip(pictures, pictures[1:])) and len({tuple(p) for p in pictures}) > 50


def test_a_huge_row_stands_beside_large_and_small_type():
    pages = draw(Screen("", (Row(HUGE, "4", None, "9", "kW"),)))
    assert pages[1][1:19] == HUGE_FACE[0]["4"] and pages[3][1:19] == HUGE_FACE[2]["4"]
    assert pages[1][115:127] == LARGE_FACE[0]["9"] and pages[2][115:127] == LARGE_FACE[1]["9"] and pages[3][115:127] == SMALL["k"] + SMALL["W"]


def test_the_letter_L_stands_where_it_belongs():
    page = draw(Screen("", (Row(TEXT, "L"),)))[1]
    assert page[:8].hex() == "007f404040400000"       # margin, upright of seven pixels from bit 0, foot at bit 6


def test_a_picture_has_always_eight_pages():
    for rows in ((), (Row(LARGE, "x"),) * 9, (Row(TEXT, "y" * 99),), (Row(BAR, "", 50),), (Row(INVERSE, "z"),), (Row(HUGE, "12345", None, "12345", "123456789"),),
                 (Row(TALL, "y" * 99),)):
        pages = draw(Screen("t" * 99, rows, 7))
        assert len(pages) == PAGES and all(len(page) == WIDTH for page in pages)


def test_the_title_carries_the_life_sign_and_is_not_inverse():
    one, two = draw(Screen("CAR", (), 0)), draw(Screen("CAR", (), 1))
    assert one[0][0] == 0 and one[0][127] == 0
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
