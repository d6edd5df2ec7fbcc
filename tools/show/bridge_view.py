"""What the show looks at of a bridge besides: its CHAdeMO side, the wires between both, and what the newest frames of the bus say."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Mapping

from kernel.timer import NEVER, S
from tasks.chademo import wire
from tasks.chademo.states import ROWS, Side
from tasks.display.rows import drawn_of
from tasks.errors import WireError
from tasks.signals import ChargerOffer, Signals, VehicleSays

FRESH = S                    # each side takes the other for gone when it is silent so long (chademo sheet 2.2 number 23)
CHARGER_BITS = ((wire.CHARGING, "charging"), (wire.MALFUNCTION, "malfunction"), (wire.LOCKED, "locked"), (wire.INCOMPATIBLE, "incompatible"),
                (wire.SYSTEM_MALFUNCTION, "system malfunction"), (wire.STOP_CONTROL, "stop"))
"""109.5 (chademo sheet 1.8)."""
VEHICLE_BITS = ((wire.ENABLED, "enabled"), (wire.NOT_PARKED, "not in park"), (wire.SYSTEM_FAULT, "fault"), (wire.CONTACTOR_OPEN, "contactors open"),
                (wire.STOP_BEFORE, "stop before"), (wire.ACCEPTS_DYNAMIC, "dynamic"), (wire.CAN_DISCHARGE, "can discharge"))
"""102.5 (chademo sheet 1.5)."""
FAULT_BITS = ((wire.OVER_VOLTAGE, "over-voltage"), (wire.UNDER_VOLTAGE, "under-voltage"), (wire.CURRENT_DEVIATION, "wrong current"),
              (wire.OVER_TEMPERATURE, "too hot"), (wire.VOLTAGE_DEVIATION, "wrong voltage"))
"""102.4 (chademo sheet 1.5)."""


def words(bits: int | None, names: tuple[tuple[int, str], ...]) -> str:
    """`stop, locked`; what has no name is shown as its value. Empty for no bit and for None."""
    if bits is None:
        return ""
    found = [name for bit, name in names if bits & bit]
    rest = bits & ~sum(bit for bit, _ in names)
    return ", ".join([*found, *([f"0x{rest:02X}"] if rest else [])])


@dataclass(slots=True)
class BridgeView:
    """None = unknown. V, A. `status`: 109.5, `vehicle_status`: 102.5, `vehicle_faults`: 102.4, each of the newest frame on the bus."""

    vehicle: str = "a vehicle"
    charger: str = "our charger"
    state: str | None = None                     # of the CHAdeMO side
    phase: str | None = None                     # of the interlock
    wait: str = ""                               # who waits for whom
    battery: str = ""                            # where the battery's voltage comes from, with its error
    hold: str = ""                               # what the CCS session waits for before it begins
    d1: bool | None = None
    d2: bool | None = None
    k: bool | None = None
    lock: bool | None = None                     # of the CHAdeMO plug
    vehicle_contactors: bool | None = None
    plug_voltage: float | None = None            # V_car
    status: int | None = None
    vehicle_status: int | None = None
    vehicle_faults: int | None = None
    says: VehicleSays = field(default_factory=VehicleSays)
    offer: ChargerOffer | None = None
    protocol: str | None = None                  # of the CCS side
    evse_max: tuple[float | None, float | None, float | None] = (None, None, None)       # V, A, W
    evse_present: tuple[float | None, float | None] = (None, None)                       # V, A as the charger reports
    asked: tuple[float | None, float | None] = (None, None)                              # V, A that the charger is asked for
    drawn: float | None = None                   # A out of the vehicle, None while it is charged
    energy_out: float | None = None              # Wh drawn out of it in this session, None as long as none

    @property
    def text(self) -> str:
        """The CHAdeMO side's state as a person would say it."""
        if self.drawn is not None:
            return f"Gives {self.drawn:.0f} A (V2X)"
        row = ROWS.get(Side[self.state]) if self.state in Side.__members__ else None
        return "" if row is None else row.text

    @property
    def waits_for(self) -> str:
        row = ROWS.get(Side[self.state]) if self.state in Side.__members__ else None
        return "" if row is None else row.waits_for


def bridge_view(s: Signals, now: int, newest: Mapping[int, tuple[int, bytes]], vehicle: str, charger: str) -> BridgeView:
    """`newest`: CAN identifier -> time (ns) and octets of its newest frame."""
    status, charger_status = _parsed(newest, wire.STATUS, now), _parsed(newest, wire.CHARGER_STATUS, now)
    says = s.vehicle_says.get(now) or VehicleSays()
    told = isinstance(status, wire.VehicleStatus)
    return BridgeView(
        vehicle, charger, s.chademo_state.value, s.bridge_phase.value, s.bridge_wait.value or "", s.bridge_battery.value or "", s.session_hold.get(now) or "",
        s.d1_on.get(now), s.d2_on.get(now), s.vehicle_permission.get(now), s.vehicle_lock_confirmed.get(now), says.contactors_closed, s.vehicle_voltage.get(now),
        charger_status.status if isinstance(charger_status, wire.ChargerStatus) else None, status.status if told else None, status.faults if told else None,
        says, s.charger_offer.get(now), s.v2g_protocol.value, (s.evse_max_voltage.get(now), s.evse_max_current.get(now), s.evse_max_power.get(now)),
        (s.evse_present_voltage.get(now), s.evse_present_current.get(now)), (s.ev_target_voltage.get(now), s.ev_target_current.get(now)),
        drawn_of(s, now) if s.chademo_state.value == Side.Charge.name else None, s.session_energy_out.get(now))


def _parsed(newest: Mapping[int, tuple[int, bytes]], id: int, now: int) -> object:
    """None for a frame that is no longer sent, or is none of CHAdeMO's."""
    at, data = newest.get(id, (NEVER, b""))
    if at == NEVER or now - at > FRESH:
        return None
    try:
        return wire.parse(id, data)
    except WireError:
        return None
