"""What the viewer knows and the timeline that it grows: pure, bounded, the same however it is asked for."""
from __future__ import annotations

import json

import pytest

from tools.live.known import MAX_LINES, MAX_VALUES, Known
from tools.live.story import MAX_DELTA, MAX_MARKS, MAX_POINTS, MAX_SPANS, Story


def series(story: Story, name: str) -> list:
    return next((s["points"] for s in story.model()["series"] if s["name"] == name), [])


def lane(story: Story, name: str) -> list:
    return next((lane["spans"] for lane in story.model()["lanes"] if lane["name"] == name), [])


def test_states_become_spans_and_what_holds_holds_until_now():
    story = Story("box", "pev", 0.0, 100.0)
    story.values(100.0, {"connection_state": "Matching", "v2g_state": None})
    story.values(103.0, {"connection_state": "Session", "v2g_state": "SessionSetup"})
    story.beat(105.0)
    assert [(s["from"], s["to"], s["text"]) for s in lane(story, "connection")] == [(0.0, 3.0, "Matching"), (3.0, 5.0, "Session")]
    assert [(s["from"], s["to"]) for s in lane(story, "V2G")] == [(3.0, 5.0)]


def test_unknown_breaks_the_line_and_the_lane():
    story = Story("box", "pev", 0.0, 0.0)
    story.values(1.0, {"inlet_voltage": None, "contactors_closed": False})
    story.values(2.0, {"inlet_voltage": 400.0, "contactors_closed": None})
    story.values(3.0, {"inlet_voltage": None, "contactors_closed": True})
    story.beat(4.0)
    assert series(story, "inlet voltage") == [[2.0, 400.0], [3.0, None]]
    assert [(s["from"], s["to"], s["text"]) for s in lane(story, "contactors")] == [(1.0, 2.0, "open"), (3.0, 4.0, "closed")]


def test_a_plug_that_goes_in_begins_anew_with_what_holds():
    story = Story("box", "pev", 1000.0, 0.0)
    story.values(0.0, {"connection_state": "Unplugged", "battery_soc": 40.0})
    story.values(60.0, {"connection_state": "WaitPilot"})
    assert story.generation == 2
    model = story.model()
    assert model["began_unix_s"] == 1060.0 and series(story, "SoC") == [[0.0, 40.0]]
    story.values(70.0, {"connection_state": "Unplugged"})
    assert story.generation == 2                 # the end stays to be seen until the next one


def test_marks_are_checkpoints_commands_and_what_is_wrong():
    story = Story("box", "pev", 0.0, 0.0)
    for source, level, text, number in (("v2g", "checkpoint", "PreChargeReq sent", 570), ("health", "info", "visits 3", 0), ("safety", "error", "trip", 0),
                                        ("user", "info", "stop asked for by the live view (::1)", 0)):
        story.event(1.0, source, level, text, number)
    assert [(m["kind"], m["lane"], m["text"]) for m in story.model()["marks"]] == [
        ("checkpoint", "V2G", "570 PreChargeReq sent"), ("error", "safety", "trip"), ("command", "connection", "stop asked for by the live view (::1)")]


def test_deltas_added_up_are_the_model():
    story, known, marks = Story("box", "pev", 0.0, 0.0), {}, []
    for n in range(100):
        story.values(float(n), {"inlet_voltage": float(n), "v2g_state": f"S{n // 10}"})
        story.event(float(n), "v2g", "checkpoint", "x", n + 1)
        story.beat(float(n))
        if n % 3 == 0:
            delta = story.delta()
            known.setdefault("points", []).extend(delta.get("series", {}).get("inlet voltage", []))
            marks += delta.get("marks", [])
    delta = story.delta()
    assert known["points"] + delta.get("series", {}).get("inlet voltage", []) == series(story, "inlet voltage") and marks + delta.get("marks", []) == story.model()["marks"]
    assert story.delta() == {"now": 99.0}


def test_a_charge_of_days_stays_within_its_bounds_and_keeps_its_beginning_and_its_end():
    story = Story("box", "pev", 0.0, 0.0)
    for n in range(50_000):
        story.values(n / 5, {"inlet_voltage": float(n), "v2g_state": f"S{n}"})
        story.event(n / 5, "v2g", "checkpoint", "x", 1)
    assert len(series(story, "inlet voltage")) <= MAX_POINTS and len(lane(story, "V2G")) <= MAX_SPANS and len(story.model()["marks"]) <= MAX_MARKS
    points = series(story, "inlet voltage")
    assert points[0] == [0.0, 0.0] and points[-1] == [9999.8, 49999.0] and all(a[0] < b[0] for a, b in zip(points, points[1:], strict=False))
    delta = story.delta()
    assert all(len(items) <= MAX_DELTA for items in (delta["series"]["inlet voltage"], delta["lanes"]["V2G"], delta["marks"]))


# --- Known


def box(**more) -> bytes:
    return json.dumps({"k": "box", "about": "ccsbox", "role": "pev", "commands": True, "epoch": 5.0, **more}).encode()


def values(at: float, **v) -> bytes:
    return json.dumps({"k": "values", "t": at, "v": v}).encode()


def beat(at: float) -> bytes:
    return json.dumps({"k": "beat", "t": at, "lost": 0}).encode()


def test_what_comes_before_the_beginning_is_not_believed():
    known = Known()
    assert not known.take(values(1.0, inlet_voltage=3.0)) and not known.take(beat(1.0))
    assert known.values == {} and known.full()["t"] is None and known.strange == 2


def test_a_new_beginning_forgets_the_old_one():
    known = Known()
    known.take(box())
    known.take(values(1.0, inlet_voltage=3.0))
    assert known.take(beat(1.0)) and known.news()["k"] == "full"
    known.take(box(role="evse"))
    assert known.values == {} and known.full()["v"] == {}


def test_news_is_what_came_since_and_a_new_plug_is_everything():
    known = Known()
    known.take(box())
    known.take(values(1.0, connection_state="Unplugged"))
    known.take(beat(1.0))
    known.news()
    known.take(values(2.0, inlet_voltage=7.0))
    known.take(beat(2.0))
    news = known.news()
    assert news["k"] == "tick" and news["v"] == {"inlet_voltage": 7.0} and news["t"] == 2.0 and news["d"]["series"] == {"inlet voltage": [[1.0, 7.0]]}
    known.take(values(3.0, connection_state="WaitPilot"))
    known.take(beat(3.0))
    assert known.news()["k"] == "full"


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"k":"values"}', b'{"k":"values","t":1,"v":[1]}', b'{"k":"oled","t":1,"p":{"0":"@"}}', b'{"k":"oled","t":1,"p":{"8":"AA=="}}',
                                  b'{"k":"events","t":1,"e":[["x","y","z","w","v"]]}', b'{"k":"beat","t":null,"lost":0}', b'{"k":"beat","t":1}', b"[" * 9999, b"\xff\xfe"])
def test_nonsense_is_counted(data):
    known = Known()
    known.take(box())
    assert not known.take(data) and known.strange == 1


def test_values_and_lines_are_bounded():
    known = Known()
    known.take(box())
    for n in range(1000):
        known.take(values(1.0, **{f"name{n}": n}))
        known.take(json.dumps({"k": "events", "t": 1.0, "e": [[1.0, "a", "info", "b", 0]] * 5}).encode())
    assert len(known.values) == MAX_VALUES and len(known.lines) == MAX_LINES
