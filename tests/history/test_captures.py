"""Every recording beside the repository becomes histories; what is known of some of them stands in them; the table of usual times is theirs."""
from __future__ import annotations

from itertools import pairwise

import pytest

from tests.captures import FOLDER, capture_files
from tools.history.limits import USUAL
from tools.history.opening import open_history
from tools.history.usual import of_folder, table

FILES = sorted(p for p in FOLDER.glob("*") if p.suffix in (".pcap", ".pcapng")) if FOLDER.is_dir() else []
pytestmark = [pytest.mark.needs_shared, pytest.mark.skipif(not FILES, reason=f"no captures at {FOLDER}")]


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name[:24])
def test_every_capture_is_a_sound_history(path):
    for history in open_history(str(path)):
        assert history.damage is None and history.not_kept == 0 and history.outcome
        for lane in history.lanes:
            for before, after in pairwise(lane.spans):
                assert before.begin <= before.end <= after.begin <= after.end, lane.name
        assert all(phase.end >= phase.begin for phase in history.phases)
        assert all(-1 <= at <= history.duration + 5 for series in history.series for at, _ in series.points)


def test_pyplcs_own_log_in_a_capture_gives_pilot_and_contactors():
    [path] = capture_files("2022-12-13")
    first = open_history(str(path))[0]
    pilot = [span.text for lane in first.lanes if lane.name == "pilot (CP)" for span in lane.spans]
    assert "state C" in pilot
    assert first.vendor == "Microchip (chip of a Compleo)"
    assert first.phase("PreCharge").duration > first.phase("PreCharge").limit


def test_the_reference_session():
    [path] = capture_files("spi_ioniq")
    [history] = open_history(str(path))
    assert history.phase("CableCheck").duration == pytest.approx(14.1, abs=0.1)      # field sheet, section 11: 14 s
    currents = next(series for series in history.series if series.name == "EVSEPresentCurrent")
    assert max(value for _, value in currents.points if value is not None) == pytest.approx(172, abs=1)
    assert any("790" in mark.text for mark in history.marks if mark.kind == "checkpoint")


def test_the_table_of_usual_times_is_what_these_captures_say():
    if len(FILES) < 22:
        pytest.skip(f"{len(FILES)} of 22 captures at {FOLDER}")
    assert table(of_folder(FOLDER)) == {name: times for name, times in USUAL.items() if name != "matching"}
