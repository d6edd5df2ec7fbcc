"""What the charger's side tells the car: 0x108, 0x109, 0x118 out of the machine's state, 0x208 and 0x209 where it may be discharged (chademo sheet 1.7 to 1.10, 3.5, 3.6)."""
from __future__ import annotations

from typing import TYPE_CHECKING

from kernel.timer import NEVER, S
from tasks.chademo import timing as t
from tasks.chademo import wire
from tasks.chademo.discharge import FLOWS, drawn
from tasks.chademo.states import ROWS, STOPPING, Side

if TYPE_CHECKING:
    from tasks.chademo.charger_side import ChargerSide

DEAD = 10.0                  # V at the plug: d2 and unlocking only below (2.2 rows 5, 20)
STEP = 0.83                  # of the voltage per 100 ms: the decay that is told where nothing measures it (3.6)


def refresh(m: ChargerSide) -> None:
    """0x108: the voltage is said once, the threshold until the first request, the current as long as it may move (1.7)."""
    offer, vehicle = m.facts.offer, m.vehicle
    if offer is None:
        return
    if not m.told_voltage:
        m.told_voltage = float(int(offer.voltage))
    if m.requested_since == NEVER:
        limit = vehicle.max_voltage
        m.threshold = m.told_voltage if limit is None else min(limit, m.told_voltage)
    if m.d2_at == NEVER or moves(m):
        m.told_current = float(int(min(wire.A_MAX, offer.current)))


def moves(m: ChargerSide) -> bool:
    """The available current may move while charging."""
    return m.vehicle.dynamic and m.config.dynamic == "auto"


def frames(m: ChargerSide, now: int) -> list[wire.Message]:
    """One round, 0x108 before 0x109 (1.1)."""
    return [wire.Capability(m.config.welding_detection, m.told_voltage, m.told_current, m.threshold), charger_status(m, now),
            wire.DynamicControl(wire.CHARGER_DYNAMIC, wire.DYNAMIC_CONTROL if m.config.dynamic == "auto" else 0),
            *m.discharge.frames(m.vehicle, m.facts.offer, m.told_voltage, m.state is Side.Charge)]


def status(m: ChargerSide) -> int:
    """109.5."""
    bits = ROWS[m.state].status | m.faults
    voltage = m.facts.plug_voltage
    if m.state is Side.StopD2 and voltage is not None and voltage <= DEAD and m.facts.d2 is False:
        bits &= ~wire.LOCKED                 # row 20: below 10 V
    elif m.state is Side.StopRamp and m.facts.d2 is False:
        bits &= ~wire.CHARGING               # the supervisor has let d2 fall: nothing can flow
    elif m.state is Side.StopEnd and voltage is not None and voltage > DEAD:
        bits |= wire.LOCKED
    return bits


def charger_status(m: ChargerSide, now: int) -> wire.ChargerStatus:
    """0x109."""
    offer, state = m.facts.offer, m.state
    present = 0.0 if offer is None else max(0.0, offer.present_current)
    current = max(float(m.config.idle_current_a), present) if state is Side.Charge else present if state is Side.StopRamp else 0.0
    if m.discharge.announced and state is Side.Charge and offer is not None:
        current = m.discharge.told_current(drawn(offer) >= FLOWS, current, now)
    return wire.ChargerStatus(m.config.announce_protocol, float(round(present_voltage(m, now))), float(round(current)), status(m), remaining(m), m.discharge.announced)


def present_voltage(m: ChargerSide, now: int) -> float:
    """109.1-2: what is measured at the plug; without a voltmeter what the bridge thinks, and at the end a decay that nobody measures."""
    facts, offer = m.facts, m.facts.offer
    if facts.voltmeter:
        return max(0.0, facts.plug_voltage or 0.0)
    known = 0.0 if offer is None or offer.present_voltage is None else max(0.0, offer.present_voltage)
    if m.state in (Side.Mate, Side.WaitRequest, Side.Charge, Side.StopRamp):
        return known
    if m.state is Side.StopWd and m.vehicle.contactors_closed(now) is not False:
        return known * STEP ** ((now - min(m.k_opened_at, now)) / t.PERIOD)
    return 0.0


def remaining(m: ChargerSide) -> float | None:
    """s; None as long as the car's own time is not known."""
    if m.state in STOPPING:
        return 0.0
    if not m.allowed:
        seconds = m.vehicle.max_seconds
        return float(seconds) if seconds else None
    return max(0.0, (m.allowed - m.charged) / S)
