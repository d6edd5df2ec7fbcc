"""What failed first at the start stands on the screen at rest and on the page of the box, and nowhere else."""
import pytest

from kernel.timer import S
from tasks.display.pages import Box, page_screen
from tasks.display.phases import Phase
from tasks.display.picture import SMALL_CHARACTERS, draw
from tasks.display.screens import screen_of
from tasks.signals import Signals
from tasks.stop_reasons import StopReason

WIDEST = "W" * 19


def texts(signals, now, role="pev", phase=Phase.IDLE):
    made = screen_of(phase, "", signals, now, role, 0)
    draw(made)
    assert all(len(row.text) <= SMALL_CHARACTERS for row in made.rows)
    return [row.text for row in made.rows]


@pytest.mark.parametrize("role", ["pev", "evse", "bridge"])
def test_at_rest_it_stands_in_the_last_row(role):
    signals = Signals()
    assert texts(signals, 0, role)[-1] == ""
    signals.doctor_notice.claim("doctor").set(WIDEST, 0)
    for now in (0, 10 * S, 100 * S):
        assert texts(signals, now, role)[-1] == f"! {WIDEST}"


def test_it_takes_turns_with_the_end_of_the_last_session():
    signals = Signals()
    signals.doctor_notice.claim("doctor").set("disk is full", 0)
    signals.stop_reason.claim("connection").set(next(iter(StopReason)), 0)
    seen = {texts(signals, now * S)[-1][:5] for now in range(0, 16)}
    assert seen == {"! dis", "last:"}


def test_while_something_goes_on_it_is_not_in_the_way():
    signals = Signals()
    signals.doctor_notice.claim("doctor").set("disk is full", 0)
    for phase in (Phase.MATCHING, Phase.CHARGING, Phase.STOPPED, Phase.TRIPPED):
        assert not any("disk" in text for now in (0, 2 * S, 4 * S) for text in texts(signals, now, phase=phase))


def test_the_page_of_the_box_has_it_too():
    signals, box = Signals(), Box("ccsbox 0.1.0", "pev", 0)
    before = page_screen("box", signals, 0, box)
    signals.doctor_notice.claim("doctor").set(WIDEST, 0)
    after = page_screen("box", signals, 0, box)
    assert [row.text for row in after.rows] == [*(row.text for row in before.rows), f"! {WIDEST}"]
