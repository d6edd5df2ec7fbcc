"""What the show looks at: one snapshot of both sides, taken from their signals and displays."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Sequence

from tasks.signals import Signals
from tasks.stop_reasons import StopReason
from tools.show.bridge_view import BridgeView

DELIVERING = "Delivering"            # the charger's safety state in which its power stage is on


@dataclass(slots=True)
class SideView:
    """One box. None = unknown. V, A, Wh, percent; `pages` is its display, eight pages of 128 octets.

    `output`: a charger's power stage is on; None for a car.
    """

    connection_state: str | None = None
    link_state: str | None = None
    v2g_state: str | None = None
    safety_state: str | None = None
    trip: str = ""
    stop_reason: StopReason | None = None
    voltage: float | None = None
    current: float | None = None
    power: float | None = None           # W, of a meter or an on-board charger: AC has more than one phase
    soc: float | None = None
    battery_voltage: float | None = None
    contactors: bool | None = None
    output: bool | None = None
    lock: bool | None = None
    pilot: str | None = None
    duty: float | None = None
    attenuation: float | None = None     # dB, of the matching
    rate_tx: int | None = None           # Mbit/s to the peer's modem, and from it
    rate_rx: int | None = None
    quality: str | None = None           # both in one word: good, weak or poor
    pages: Sequence[bytes] = field(default_factory=lambda: [bytes(128)] * 8)


BY_PILOT = "Nominal"             # state of the connection supervision in which nobody speaks


@dataclass(slots=True)
class View:
    """`now`: virtual ns since the start. `progress`: 0 to 1 from the first to the last SoC, None while unknown.
    `energy` in Wh. `frames` and `dropped` count what the link carried and lost. `bridge`: `car` is a bridge, and this is its CHAdeMO side."""

    now: int
    car: SideView
    charger: SideView
    progress: float | None = None
    soc_from: float | None = None
    soc_to: float | None = None
    energy: float | None = None
    frames: int = 0
    dropped: int = 0
    bridge: BridgeView | None = None


def side_view(signals: Signals, now: int, car: bool, pages: Sequence[bytes]) -> SideView:
    """A snapshot of one box: what its signals know and its display (`board.oled.pages`) shows."""
    s = signals
    pilot = s.pilot_state.get(now)
    ac = s.ac_session.value is True or s.connection_state.value == BY_PILOT
    return SideView(
        connection_state=s.connection_state.value, link_state=s.link_state.value, v2g_state=s.v2g_state.value,
        safety_state=s.safety_state.value, trip=s.safety_trip.value or "", stop_reason=s.stop_reason.value,
        voltage=s.ac_voltage.get(now) if ac else s.inlet_voltage.get(now) if car else s.output_voltage.get(now),
        current=s.ac_current.get(now) if ac else s.inlet_current.get(now) if car else s.output_current.get(now),
        power=s.ac_power.get(now) if ac else None,
        soc=s.battery_soc.get(now) if car else s.ev_soc.get(now),
        battery_voltage=s.battery_voltage.get(now) if car else None,
        contactors=s.contactors_closed.get(now), output=None if car else s.safety_state.value == DELIVERING, lock=s.lock_confirmed.get(now),
        pilot=None if pilot is None else pilot.value, duty=s.pilot_duty.get(now),
        attenuation=s.attenuation.get(now), rate_tx=s.link_rate_tx.get(now), rate_rx=s.link_rate_rx.get(now), quality=s.link_quality.get(now),
        pages=pages)
