"""What the viewer knows and the timeline that it grows: pure, bounded, the same however it is asked for."""
from __future__ import annotations

import json

import pytest

from tools.live.known import MAX_LINES, MAX_VALUES, Known
from tools.live.story import MAX_DELTA, MAX_MARKS, MAX_PHASES, MAX_POINTS, MAX_SPANS, Story


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


class Page:
    """What the renderer does with deltas (tools/scope/page/store.js): lanes and series by name, an open span or phase is replaced."""

    def __init__(self, model: dict) -> None:
        self.known = json.loads(json.dumps(model))

    def append(self, delta: dict) -> None:
        known = self.known
        known["duration_s"] = delta["duration_s"]
        for lane in delta.get("lanes", []):
            self._named(known["lanes"], lane, "spans")
            for span in lane["spans"]:
                self._replace(self._named(known["lanes"], lane, "spans")["spans"], span, ("from",))
        for one in delta.get("series", []):
            self._named(known["series"], one, "points")["points"].extend(one["points"])
        known["marks"].extend(delta.get("marks", []))
        for phase in delta.get("phases", []):
            self._replace(known["phases"], phase, ("name", "from"))

    @staticmethod
    def _named(rows: list, what: dict, emptied: str) -> dict:
        found = next((row for row in rows if row["name"] == what["name"]), None)
        if found is None:
            found = {**what, emptied: []}
            rows.append(found)
        return found

    @staticmethod
    def _replace(items: list, item: dict, keys: tuple) -> None:
        if items and all(items[-1][key] == item[key] for key in keys):
            items[-1] = item
        else:
            items.append(item)


def by_name(model: dict) -> dict:
    """Without the order of rows, which is that of their coming on a page."""
    return {**model, "lanes": {lane["name"]: lane["spans"] for lane in model["lanes"]}, "series": {one["name"]: one["points"] for one in model["series"]}}


@pytest.mark.parametrize("each", [1, 3, 7, 100])
def test_deltas_added_up_are_the_model(each):
    story = Story("box", "pev", 0.0, 0.0)
    story.values(0.0, {"connection_state": "Matching"})
    story.delta()
    page = Page(story.model())
    states = ("Matching", "Matching", "Discovering", "Connecting", "Session", "Session", "Session", "Ending", "Pausing", "Finished")
    for n in range(100):
        story.values(n + 0.1, {"inlet_voltage": float(n) if n % 11 else None, "inlet_current": 2.0, "v2g_state": ("CableCheck", "PreCharge", None, "CurrentDemand")[n // 5 % 4],
                               "connection_state": states[n // 10], "link_state": "Join" if n > 10 else "Parm", "contactors_closed": n % 9 == 0})
        story.event(n + 0.1, "v2g", "checkpoint", "x", n + 1)
        story.beat(n + 0.2)
        if n % each == each - 1:
            page.append(story.delta())
    page.append(story.delta())
    assert by_name(page.known) == by_name(story.model())
    assert story.delta().keys() <= {"duration_s", "lanes", "phases"}


def test_phases_carry_the_limit_of_the_standard_and_what_is_usual():
    story = Story("box", "pev", 0.0, 0.0)
    for t, changed in ((0.0, {"connection_state": "Matching", "link_state": "Parm"}), (2.0, {"link_state": "Join"}), (9.0, {"connection_state": "Discovering"}),
                       (10.0, {"connection_state": "Session", "v2g_state": "CableCheck"}), (15.0, {"v2g_state": "PreCharge"}), (16.0, {"connection_state": "Finished"})):
        story.values(t, changed)
    story.beat(20.0)
    phases = story.model()["phases"]
    assert [(p["name"], p["from"], p["to"]) for p in phases] == [("matching", 0.0, 2.0), ("joining the network", 2.0, 9.0), ("SDP", 9.0, 10.0), ("CableCheck", 10.0, 15.0), ("PreCharge", 15.0, 16.0)]
    assert phases[3]["limit_s"] == 40.0 and phases[3]["limit_name"] == "V2G_EVCC_CableCheck_Timeout" and phases[0]["usual_s"] and "open" not in phases[0]


def test_power_is_of_what_is_measured_and_unknown_where_one_of_both_is():
    story = Story("box", "pev", 0.0, 0.0)
    story.values(1.0, {"evse_present_voltage": 400.0, "evse_present_current": 100.0})
    story.values(2.0, {"inlet_voltage": 390.0, "inlet_current": 100.0})
    story.values(3.0, {"inlet_current": None, "evse_present_current": None})
    assert series(story, "power") == [[1.0, 40.0], [2.0, 39.0], [3.0, None]]


def test_a_charge_of_days_stays_within_its_bounds_and_keeps_its_beginning_and_its_end():
    story = Story("box", "pev", 0.0, 0.0)
    for n in range(50_000):
        story.values(n / 5, {"inlet_voltage": float(n), "v2g_state": f"S{n}", "connection_state": "Session"})
        story.event(n / 5, "v2g", "checkpoint", "x", 1)
    model = story.model()
    assert len(series(story, "inlet voltage")) <= MAX_POINTS and len(lane(story, "V2G")) <= MAX_SPANS and len(model["marks"]) <= MAX_MARKS and len(model["phases"]) <= MAX_PHASES
    points = series(story, "inlet voltage")
    assert points[0] == [0.0, 0.0] and points[-1] == [9999.8, 49999.0] and all(a[0] < b[0] for a, b in zip(points, points[1:], strict=False))
    delta = story.delta()
    assert len(delta["series"][0]["points"]) <= MAX_DELTA and len(delta["lanes"][-1]["spans"]) <= MAX_DELTA + 1 and len(delta["marks"]) <= MAX_DELTA


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
    assert news["k"] == "tick" and news["v"] == {"inlet_voltage": 7.0} and news["t"] == 2.0 and [one["points"] for one in news["d"]["series"]] == [[[1.0, 7.0]]]
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
