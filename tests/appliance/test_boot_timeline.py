"""The boot timeline: what the kernel says of this process, the block in the journal, and the first SLAC message after it."""
from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from kernel.journal import Journal
from kernel.timer import MS, S
from tools.appliance.boot_timeline import MAX_MARKS, TITLE, Timeline, boot_offset, own_start, process_start

STAT = "4711 (a (strange) name) S 1 4711 4711 0 -1 4194560 1000 0 0 0 5 2 0 0 20 0 1 0 1234 100000 2000 18446744073709551615 1 1 0\n"


def test_field_22_is_found_behind_any_name() -> None:
    assert process_start(STAT, 100) == 12340 * MS and process_start(STAT, 250) == 4936 * MS


@pytest.mark.parametrize("text", ["", "4711 (x) S 1 2", "nonsense", STAT.replace("1234", "soon")])
def test_a_text_that_is_no_stat_is_unknown(text: str) -> None:
    assert process_start(text, 100) is None


def test_this_process_was_made_after_the_boot_and_before_now(tmp_path: Path) -> None:
    begun = own_start()
    assert begun is not None and 0 < begun <= time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    assert own_start(tmp_path / "none") is None
    assert os.sysconf("SC_CLK_TCK") > 0 and boot_offset() > -S


class Story:
    """A start at 10 s after the boot, the monotonic clock 3 s behind the boot's."""

    def __init__(self, process: int | None = 10 * S) -> None:
        self.now, self.journal, self.told = 7090 * MS, Journal(), []
        self.journal.add_sink(lambda event: self.told.append((event.level, event.message())))
        self.timeline = Timeline(self.now, lambda: self.now, 3 * S, process)

    def step(self, name: str, ms: int) -> None:
        self.now += ms * MS
        self.timeline.mark(name)

    def flushed(self) -> list[str]:
        self.journal.flush()
        self.journal.flush()             # what a sink noted meanwhile
        told, self.told = self.told, []
        return [text for _, text in told]


def test_the_block_tells_each_step_since_the_boot_and_since_the_one_before() -> None:
    story = Story()
    story.step("configuration read", 20)
    story.step("board open", 300)
    story.timeline.tell(story.now, story.journal)
    assert story.flushed() == [TITLE, "   10000 ms  +10000 ms  process made", "   10090 ms     +90 ms  main.py begins (interpreter started)",
                                  "   10110 ms     +20 ms  configuration read", "   10410 ms    +300 ms  board open"]


def test_what_the_kernel_does_not_tell_is_left_out() -> None:
    story = Story(process=None)
    assert [line.split("  ")[-1] for line in story.timeline.lines()] == ["main.py begins (interpreter started)"]


@pytest.mark.parametrize("number, word", [(100, "first CM_SLAC_PARM.REQ sent"), (101, "first CM_SLAC_PARM.CNF sent")])
def test_the_first_slac_message_is_told_once(number: int, word: str) -> None:
    story = Story()
    story.step("task table runs", 1000)
    story.timeline.tell(story.now, story.journal)
    story.flushed()
    story.journal.checkpoint(story.now + 100 * MS, "connection", 3, "plugged in")
    story.journal.checkpoint(story.now + 250 * MS, "homeplug", number, "matching")
    story.journal.checkpoint(story.now + 900 * MS, "homeplug", number, "matching")
    told = story.flushed()
    assert [text for text in told if "boot timeline" in text] == [f"boot timeline: {word} 11340 ms after the kernel's start, 250 ms after the task table began to run"]


def test_the_checkpoints_are_those_of_matching() -> None:
    root = Path(__file__).resolve().parents[2] / "tasks" / "homeplug"
    assert 'Checkpoint(100, "CM_SLAC_PARM.REQ")' in (root / "pev_run.py").read_text()
    assert 'Checkpoint(101, "CM_SLAC_PARM.CNF")' in (root / "evse_run.py").read_text()


def test_steps_are_bounded() -> None:
    story = Story()
    for n in range(100):
        story.step(f"step {n}", 1)
    assert len(story.timeline.lines()) == MAX_MARKS + 1
