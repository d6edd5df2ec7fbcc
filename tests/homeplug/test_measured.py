"""The table of measured sessions is what the sheet says and what the recordings hold, and the scripted peers keep its times."""
from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from exi_native import codec
from tests.captures import FOLDER
from tests.homeplug.meeting import Meeting
from tests.replay.recording import captures, read
from tools.simulate.slac.columns import columns
from tools.simulate.slac.measured import EQUIPMENT, ROWS, Row, row
from tools.simulate.slac.personalities import CARS, CHARGERS, EARLY

SHEET = Path(__file__).resolve().parents[3] / "shared" / "facts" / "slac-and-network.md"
needs_sheet = [pytest.mark.needs_shared, pytest.mark.skipif(not SHEET.is_file(), reason=f"no sheet at {SHEET}")]
needs_captures = [pytest.mark.needs_shared, pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no captures at {FOLDER}")]
CAR_COLUMNS = ("start", "start_gap", "sound1", "sound_gap", "rsp", "match", "match_from_start")
CHARGER_COLUMNS = ("cnf", "ind", "sounds", "db", "matched")
GIVEN = {row.name: row for row in (*ROWS, *EQUIPMENT)}


def table() -> list[list[str]]:
    """The cells of the table in section 8."""
    text = SHEET.read_text(encoding="utf-8").split("## 8. Measured SLAC sessions")[1].split("Column names")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if re.match(r"\| *(\d{4}-|spi_)", line)]


@pytest.mark.needs_shared
@pytest.mark.skipif(not SHEET.is_file(), reason=f"no sheet at {SHEET}")
def test_the_rows_are_those_of_the_sheet():
    cells = table()
    assert len(cells) == len(ROWS) == 28
    for given, row in zip(cells, ROWS):
        numbers = [None if c == "-" else float(c) for c in given[3:7]] + [tuple(float(x) for x in re.findall(r"[\d.]+\d|\d", given[7].replace("..", " ")))]
        numbers += [None if c == "-" else float(c) for c in given[8:]]
        ours = [row.cnf, row.start, row.start_gap, row.sound1, row.sound_gap, row.ind, row.ind_from_start, row.sounds, row.db, row.rsp, row.match,
                row.match_from_start, row.matched, row.modem_s, row.sdp_request_s, row.sdp_response_s, row.syn_s, row.total_s]
        assert given[0] == row.capture and numbers == ours, row.name


@cache
def recorded(path) -> list[dict]:
    """The complete matchings of a recording, as columns."""
    return [found for attempt in read(path, codec.load()).matching if (found := columns((item.at, item.message) for _, item in attempt))]


@pytest.mark.needs_shared
@pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no captures at {FOLDER}")
@pytest.mark.parametrize("row", [*ROWS, *EQUIPMENT], ids=lambda r: r.name)
def test_the_recordings_say_the_same(row: Row):
    paths = [p for p in captures() if p.name.startswith(row.capture)]
    if not paths:
        pytest.skip("this recording is not at hand")
    found = recorded(paths[0])[row.place - 1]
    for name, value in found.items():
        given = getattr(row, name)
        for a, b in zip(value, given) if name == "sound_gap" else ((value, given),):
            assert a == pytest.approx(b, rel=0.015, abs=0.6), (name, value, given)


def exact(given: float, found: float) -> bool:
    return abs(given - found) <= 0.51


@pytest.mark.parametrize("name", [n for n in CARS if n in GIVEN])
def test_a_scripted_car_keeps_the_times_of_its_row(name):
    """Also the time that it waits after our answer: our charger is quicker than pyPLC, so what counts from START1 does, the rest follows."""
    given, meeting = row(name), Meeting(CARS[name]).run()
    found = meeting.columns()
    assert meeting.matched
    own = set(CAR_COLUMNS) - ({"match_from_start"} if given.car in EARLY else {"match"})
    for column in own:
        pairs = zip(getattr(given, column), found[column]) if column == "sound_gap" else ((getattr(given, column), found[column]),)
        for a, b in pairs:
            assert exact(a, b), (column, getattr(given, column), found[column])


@pytest.mark.parametrize("name", [n for n in CHARGERS if n in GIVEN])
def test_a_scripted_charger_keeps_the_times_of_its_row(name):
    given, meeting = row(name), Meeting(CHARGERS[name]).run()
    found = meeting.columns()
    assert meeting.matched
    whole = given.charger == "Compleo"           # counts from START1
    own = set(CHARGER_COLUMNS) - ({"ind"} if whole or "hiccup" in name else set()) - ({"sounds"} if "hiccup" in name else set())
    if name == "compleo-late-cnf":
        own.discard("cnf")
        assert meeting.peer.said[1][0] - meeting.peer.heard[0][0] > 0
    for column in own:
        assert abs(getattr(given, column) - found[column]) <= 0.51, (column, getattr(given, column), found[column])
    if whole and "hiccup" not in name:
        assert exact(given.ind_from_start, found["ind_from_start"])
