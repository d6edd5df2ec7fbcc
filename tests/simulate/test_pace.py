"""The show takes about fifteen seconds whatever the battery is; the other paces are what they say."""
import pytest

from kernel.timer import S
from tools.simulate.pace import FRAME, Pace


def wall_of_show(charging_s, before_s=12.0, after_s=10.0, estimate=1.0):
    """s of wall time for a charge of these virtual lengths; `estimate` is how wrong the estimated rest is."""
    pace, now, frames = Pace("show"), 0, 0
    begin, end = int(before_s * S), int((before_s + charging_s) * S)
    while now < end + int(after_s * S):
        charging = begin <= now < end
        now = pace.target(now, charging, int((end - now) * estimate) if charging else None)
        frames += 1
        assert frames < 10_000
    return frames * FRAME


@pytest.mark.parametrize("charging", [120, 1800, 6 * 3600])
@pytest.mark.parametrize("estimate", [0.5, 1.0, 2.0])
def test_a_show_takes_about_fifteen_seconds(charging, estimate):
    assert 9.0 <= wall_of_show(charging, estimate=estimate) <= 20.0


def test_the_ends_of_the_scale():
    assert Pace("realtime").target(0, True, S) == int(FRAME * S) and Pace("realtime").waits()
    assert Pace("max").target(0, False, None) == 60 * S and not Pace("max").waits()
    with pytest.raises(ValueError, match="show, max, realtime"):
        Pace("slow")
