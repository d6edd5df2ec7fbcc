"""The show in a pipe: plain lines, bounded, only what changed."""
from __future__ import annotations

from kernel.timer import MS, S
from tests.display.scenes import NOW
from tests.show.test_show import event, show, view


def test_a_pipe_gets_plain_lines_without_escapes():
    plain, out, keys, wall = show(terminal=False)
    with plain:
        plain.note("pev", event(1500 * MS, "CM_SLAC_PARM.REQ sent", level="checkpoint", number=100, source="pev/homeplug"))
        plain.note("evse", event(1400 * MS, "two %s", "lines\nhere", level="warning", source="evse/tcp"))
        plain.note("pev", event(1600 * MS, "chatter"))
        plain.update(view(2 * S))
    assert out.getvalue().splitlines() == [
        "   1.400 CHARGER WARNING evse/tcp: two lines here",
        "   1.500 CAR     [100] pev/homeplug: CM_SLAC_PARM.REQ sent",
        "   2.000 CAR     connection - -> Session, link - -> Matched, v2g - -> CurrentDemand, safety - -> Charging",
        "   2.000 CHARGER connection - -> Session, link - -> Matched, v2g - -> CurrentDemand, safety - -> Charging",
        "   2.000         SoC  42 %   381.2 V  120.4 A   45.9 kW   12.34 kWh   37 % done",
    ]
    assert out.flushes and keys.closed == 1


def test_progress_comes_with_each_percent_and_otherwise_once_per_second_of_wall_time():
    plain, out, _, wall = show(terminal=False)
    plain.update(view())
    lines = out.getvalue().count("\n")
    for _ in range(10):
        wall.ns += 90 * MS
        plain.update(view())
    assert out.getvalue().count("\n") == lines
    wall.ns += 100 * MS
    plain.update(view())
    assert out.getvalue().count("\n") == lines + 1
    v = view()
    v.car.soc = 43.0
    plain.update(v)
    assert out.getvalue().count("\n") == lines + 2 and "SoC  43 %" in out.getvalue()


def test_only_changes_of_state_are_told():
    plain, out, _, _ = show(terminal=False)
    plain.update(view())
    before = len(out.getvalue())
    plain.update(view(NOW + S, v2g_state="PowerDeliveryStop"))
    assert out.getvalue()[before:] == " 101.000 CAR     v2g CurrentDemand -> PowerDeliveryStop\n"


def test_a_flood_of_events_is_bounded_and_counted():
    plain, out, _, _ = show(terminal=False)
    for n in range(3000):
        plain.note("pev", event(n, "x", level="error"))
    plain.update(view())
    assert "1000 events not shown" in out.getvalue()


def test_a_pipe_without_unicode_gets_ascii():
    plain, out, _, _ = show(terminal=False)
    plain._lines._unicode = False
    plain.note("pev", event(0, "20 → 80 %", level="error"))
    plain.update(view())
    assert "20 > 80 %" in out.getvalue()
