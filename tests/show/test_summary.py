"""The block at the end: complete, aligned, and honest about failures."""
import io

import pytest

from kernel.timer import MS, S
from tasks.stop_reasons import StopReason
from tools.show.summary import COLUMNS, PhaseTime, Summary, summary_lines, write_summary
from tools.show.text import BAD, GOOD, paint

PHASES = [PhaseTime("Matching", 500 * MS, 3412 * MS), PhaseTime("SDP", 9 * S, 51 * MS), PhaseTime("Charging", 17 * S, 1800 * S),
          PhaseTime("nothing", 17 * S, 0)]
FULL = dict(reason=StopReason.BATTERY_FULL, duration=1822 * S, wall=15 * S, energy=23_410.0, soc_from=20.0, soc_to=80.0, phases=PHASES,
            frames=28_801, trace_hash="39ad1f50abcad696", files=[("journal", "runs/car.log"), ("pcap", "runs/car.pcap")])


def text(**values):
    return "\n".join(paint(line, False) for line in summary_lines(Summary(**{**FULL, **values})))


def test_a_good_end_says_so_with_all_figures():
    shown = text()
    for words in ("✔ Battery full", "The battery reached its target.", "23.41 kWh", "20.0 → 80.0 %", "30 min 22.0 s", "15.0 s of wall time (×121)",
                  "3412 ms", "51 ms", "30:00", "damage      none", "28801 frames, none lost", "39ad1f50abcad696", "runs/car.log", "runs/car.pcap"):
        assert words in shown, words
    assert all(len(line) <= COLUMNS + 6 for line in shown.splitlines())


def test_bars_grow_with_the_time_of_a_phase():
    bars = {line.split()[0]: line.count("█") for line in text().splitlines() if " ms " in line or "30:00" in line}
    assert bars["Charging"] == 24 > bars["Matching"] > bars["SDP"] > bars["nothing"] == 0


@pytest.mark.parametrize("change", [dict(reason=StopReason.TCP_RESET), dict(trip="Hot inlet"), dict(damage=["contactor closed at 200 V"]), dict(reason=None)])
def test_a_bad_end_is_no_good_end(change):
    assert not Summary(**{**FULL, **change}).good and "✘" in text(**change)
    for value in change.values():
        words = value.hint.split()[0] if isinstance(value, StopReason) else value[0] if isinstance(value, list) else value
        assert words is None or words in text(**change)


def test_the_energy_of_the_live_line_is_named_beside_that_in_the_battery():
    assert "23.41 kWh in the battery, 24.10 kWh through the plug" in text(through_plug=24_100.0)
    assert "through the plug" not in text(through_plug=23_411.0) + text(through_plug=24_100.0, sessions=2) + text()


def test_more_than_one_session_is_told():
    assert "sessions" not in text() and "sessions    4   energy is that of all" in text(sessions=4)


def test_all_damage_is_listed_in_red():
    lines = summary_lines(Summary(**{**FULL, "damage": ["one", "two"]}))
    assert [t for line in lines for t, style in line if style == BAD][-2:] == ["one", "two"]
    assert all(style != GOOD for line in lines for _, style in line)


def test_nothing_known_is_no_crash():
    shown = "\n".join(paint(line, False) for line in summary_lines(Summary(reason=None, duration=0)))
    assert "--" in shown and "None" not in shown


class Stream(io.StringIO):
    def __init__(self, encoding):
        super().__init__()
        self._encoding = encoding

    @property
    def encoding(self):
        return self._encoding


def test_it_is_written_with_and_without_colours_and_in_ascii():
    plain, colored, ascii_ = Stream("utf-8"), Stream("utf-8"), Stream("ascii")
    write_summary(plain, Summary(**FULL))
    write_summary(colored, Summary(**FULL), color=True)
    write_summary(ascii_, Summary(**FULL))
    assert "\x1b" not in plain.getvalue() and "\x1b[32m ✔ Battery full" in colored.getvalue()
    assert ascii_.getvalue().isascii() and "20.0 > 80.0 %" in ascii_.getvalue()


@pytest.mark.parametrize("reason", list(StopReason))
def test_every_reason_can_be_the_end(reason):
    shown = text(reason=reason)
    assert reason.text in shown and all(word in shown for word in reason.hint.split())
