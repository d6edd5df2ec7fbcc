"""The show of a bridge: both protocols beside each other in every size, words for bits, both journals, keys, lines, the summary."""
from __future__ import annotations

import re

import pytest
from tests.display.scenes import BRIDGE, BRIDGE_STEPS, CHARGER, NOW, signals
from tests.show.test_show import SIZES, event, show, text_of

from kernel.timer import MS, S
from tasks.chademo import wire
from tasks.chademo.states import ROWS, Side
from tasks.display.picture import as_text, draw
from tasks.display.screens import screen
from tasks.stop_reasons import StopReason
from tools.show.bridge_view import CHARGER_BITS, FAULT_BITS, FRESH, VEHICLE_BITS, BridgeView, bridge_view, words
from tools.show.panels import picture
from tools.show.summary import PhaseTime, Summary, summary_lines
from tools.show.text import paint, width
from tools.show.view import SideView, View, side_view

STATUS = wire.VehicleStatus(2, 410, 118, 0, wire.ENABLED | wire.CAN_DISCHARGE, 42)
TOLD = wire.ChargerStatus(2, 380.0, 118.0, wire.LOCKED | wire.CHARGING)
NEWEST = {wire.STATUS: (NOW, STATUS.emit()), wire.CHARGER_STATUS: (NOW, TOLD.emit())}


def view(step: str = "CHARGING", now: int = NOW, newest=NEWEST, **more: object) -> View:
    s = signals(**{**BRIDGE, "connection_state": "Session", "v2g_state": "CurrentDemand", "link_state": "Matched", "safety_state": "Closed",
                   "evse_present_voltage": 382.0, "evse_present_current": 120.0, "v2g_protocol": "DIN 70121", **BRIDGE_STEPS.get(step, {}), **more})
    charger = signals(**CHARGER, connection_state="Session", v2g_state="CurrentDemand")
    return View(now, side_view(s, now, True, draw(screen(s, now, "bridge", now))), side_view(charger, now, False, [bytes(128)] * 8),
                0.37, 20.0, 80.0, 12_340.0, 28_801, 12, bridge_view(s, now, newest, "leaf40", "alpitronic"))


JOURNALS = {"bridge": [(1, event(1 * S, "CM_SLAC_PARM.REQ sent", level="checkpoint", number=100)), (2, event(2 * S, "Idle -> D1On", source="pev/chademo")),
                       (4, event(4 * S, "Rest -> Look", source="bridge"))],
            "evse": [(3, event(3 * S, "a defect", level="error", source="evse/safety"))]}


def shown(v: View, columns: int = 150, rows: int = 42, chosen: str = "pev") -> str:
    return "\n".join(text_of(picture(v, JOURNALS, columns, rows, chosen)))


# --- the picture ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("columns, rows", SIZES)
@pytest.mark.parametrize("chosen", ["pev", "evse"])
def test_the_picture_has_exactly_the_size_of_the_terminal(columns, rows, chosen):
    for v in (view(), view("ASKING"), view("STOPPING", safety_trip="CHAdeMO plug is live " * 5), View(0, SideView(), SideView(), bridge=BridgeView())):
        lines = picture(v, JOURNALS, columns, rows, chosen)
        assert len(lines) == rows and {width(line) for line in lines} == {columns}


@pytest.mark.parametrize("columns, rows", [(200, 60), (150, 42), (132, 25), (100, 50), (100, 30), (80, 24)])
def test_every_layout_tells_both_protocols_and_what_joins_them(columns, rows):
    text = shown(view(), columns, rows)
    for part in ("leaf40 at alpitronic, through a bridge", "CCS DIN 70121", "Session · CurrentDem", "CHAdeMO protocol 2", "Charge Charging", "381.2 V",
                 "380.6 V", "410 V 118 A", "charging", "enabled", "109.5 05", "102.5 81", "d1 ●", "d2 ●", "k ●", "CCS ●", "CHAdeMO ●", "● closed",
                 "bridge Joined", "SoC", "42 %", "435 V", "12.34 kWh", "500 V 200 A"):
        assert part in text, part


@pytest.mark.parametrize("step, waits, awaits", [("ASKING", "CCS waits for car", "car's permission"), ("VEHICLE", "CCS waits for car", "CHAdeMO lock"),
                                                 ("PRECHARGE", "car waits for CCS", "charger's"), ("STOPPING", "waiting for car", "car's contactors")])
@pytest.mark.parametrize("columns, rows", [(150, 42), (80, 24)])
def test_who_waits_for_whom_is_told(step, waits, awaits, columns, rows):
    text = shown(view(step), columns, rows)
    assert waits in text and awaits in text


def test_where_the_battery_s_voltage_comes_from():
    assert "battery 381 V measured ±4 V" in shown(view()) and "battery 381 V n ±12 V" in shown(view("PRECHARGE"))


def test_what_holds_the_charger_back_is_told_while_it_does():
    assert "CCS held: a look at the car" in shown(view("ASKING")) and "CCS held" not in shown(view())
    assert "CCS held" not in shown(view("IDLE")), "at rest it is always held"


def test_a_trip_and_the_car_s_faults_are_told():
    assert "CHAdeMO plug is live" in shown(view(safety_trip="CHAdeMO plug is live"), 150).replace("\n", " ")
    faulty = {**NEWEST, wire.STATUS: (NOW, wire.VehicleStatus(2, 410, 0, wire.OVER_TEMPERATURE, wire.SYSTEM_FAULT, 42).emit())}
    text = shown(view(newest=faulty))
    assert "102.4 too hot" in text and "102.5 04 fault" in text


def test_unknown_is_shown_as_unknown():
    text = shown(View(0, SideView(), SideView(), bridge=BridgeView()))
    assert "d1 ?" in text and "109.5 not sent" in text and "? unknown" in text and "None" not in text


@pytest.mark.parametrize("columns, rows, beside", [(150, 42, True), (100, 50, True), (80, 24, False), (100, 30, False)])
def test_the_display_is_there_or_one_key_away(columns, rows, beside):
    v = view()
    line = as_text(v.car.pages)[6].replace("\u2800", " ")
    panel, other = shown(v, columns, rows), shown(v, columns, rows, "evse")
    assert (line in panel) is beside and line in other
    assert ("Tab: display" in panel) is not beside


def test_wide_terminals_show_both_journals_beside_each_other():
    lines = shown(view()).split("\n")
    head = next(line for line in lines if "─ CHAdeMO ─" in line)
    place = head.index("─ CHAdeMO")
    right = [line[place:] for line in lines[lines.index(head) + 1:]]
    left = [line[:place] for line in lines[lines.index(head) + 1:]]
    assert any("chademo: Idle -> D1On" in line for line in right) and any("bridge: Rest -> Look" in line for line in right)
    assert any("[100] CM_SLAC_PARM.REQ sent" in line for line in left) and any("CHARGER safety: a defect" in line for line in left)
    assert not any("D1On" in line for line in left)
    merged = shown(view(), 80, 24)
    assert merged.index("[100]") < merged.index("D1On") < merged.index("a defect") < merged.index("Rest -> Look")


# --- the view ----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("names, bits", [(CHARGER_BITS, 0x3F), (VEHICLE_BITS, 0xDF), (FAULT_BITS, 0x1F)])
def test_every_bit_has_one_name(names, bits):
    assert sum(bit for bit, _ in names) == bits and len({name for _, name in names}) == len(names)
    assert words(bits, names) == ", ".join(name for _, name in names) and words(0, names) == words(None, names) == ""


def test_a_bit_without_a_name_is_shown_by_its_value():
    assert words(0x24, CHARGER_BITS) == "locked, stop" and words(0x85, CHARGER_BITS) == "charging, locked, 0x80"


def test_a_frame_that_is_no_longer_sent_is_not_shown():
    assert (view().bridge.status, view().bridge.vehicle_status, view().bridge.vehicle_faults) == (0x05, 0x81, 0)
    old = view(newest={key: (NOW - FRESH - 1, data) for key, (_, data) in NEWEST.items()}).bridge
    assert (old.status, old.vehicle_status, old.vehicle_faults) == (None, None, None)
    broken = view(newest={wire.STATUS: (NOW, b"\x01")}).bridge
    assert (broken.status, broken.vehicle_status) == (None, None)


def test_a_snapshot_knows_stale_from_fresh():
    later = bridge_view(signals(**BRIDGE), NOW + 60 * S, {}, "x", "y")
    assert (later.d1, later.k, later.plug_voltage, later.says.soc, later.offer) == (None, None, None, None, None) and later.state == "Charge"


@pytest.mark.parametrize("side", list(Side))
def test_every_state_has_its_words(side):
    b = BridgeView(state=side.name)
    assert (b.text, b.waits_for) == (ROWS[side].text, ROWS[side].waits_for)
    assert (BridgeView(state="New").text, BridgeView().waits_for) == ("", "")


# --- terminal, lines, summary -------------------------------------------------------------------------------------------

def test_keys_go_to_the_bridge_whichever_side_is_shown():
    pressed = []
    live, out, keys, _ = show()
    live.on_key(lambda node, key: pressed.append((node, key)))
    live.update(view())
    keys.typed = "p\t-"
    live.update(view())
    assert pressed == [("pev", "p"), ("pev", "-")] and "╭─ BRIDGE" in out.getvalue()


def test_the_lines_of_a_bridge():
    plain, out, _, _ = show(terminal=False)
    plain.note("bridge", event(500 * MS, "plugged in", level="checkpoint", number=3, source="pev/connection"))
    plain.update(view("PRECHARGE", v2g_state="PreCharge"))
    plain.update(view(now=NOW + 100 * MS, v2g_state="CurrentDemand"))
    lines = out.getvalue().splitlines()
    assert lines[0] == "   0.500 BRIDGE  [  3] pev/connection: plugged in"
    assert lines[1].startswith(" 100.000 BRIDGE  connection - -> Session") and lines[3].startswith(" 100.000 CHARGER ")
    assert lines[2] == (" 100.000 CHADEMO phase - -> Start, state - -> WaitPower, wait - -> car waits for CCS, battery - -> n +-12 V, "
                        "d1 - -> on, d2 - -> off, k - -> on, lock - -> on")
    assert "V_car" in lines[4]
    changed = next(line for line in lines[5:] if "CHADEMO" in line)
    assert changed == (" 100.100 CHADEMO phase Start -> Joined, state WaitPower -> Charge, wait car waits for CCS -> -, "
                       "battery n +-12 V -> measured +-4 V, d2 off -> on, vehicle_contactors - -> on")


def test_the_summary_has_both_protocols_and_what_the_car_noticed():
    found = Summary(StopReason.CAR_STOP, 100 * S, phases=[PhaseTime("cable check", S, 5 * S)], beside=("CHAdeMO", [PhaseTime("look: Waking the car", S, 1040 * MS)]),
                    remarks=[("plug to 1 A", "22.2 s"), ("noticed", "under-delivery tripped")])
    text = "\n".join(paint(line, False).rstrip() for line in summary_lines(found))
    assert re.search(r"phase +begins", text) and re.search(r"CHAdeMO +begins +takes", text) and re.search(r"look: Waking the car +1\.000 s +1040 ms", text)
    assert "plug to 1 A 22.2 s" in text and "noticed     under-delivery tripped" in text
    plain = "\n".join(paint(line, False) for line in summary_lines(Summary(StopReason.CAR_STOP, 100 * S, phases=[PhaseTime("cable check", S, 5 * S)])))
    assert "CHAdeMO" not in plain
