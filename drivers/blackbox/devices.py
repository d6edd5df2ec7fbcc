"""Which methods of which device answer something (noted when the answer changes), and which do something (noted each time)."""
from __future__ import annotations

from typing import Any, Callable

from drivers.blackbox.values import of_battery, of_pilot, to_battery, to_pilot
from kernel.record import dataclass


@dataclass(slots=True, frozen=True)
class Kind:
    """One device of a board (drivers/board.py). `reads(now)`, `calls(..., now)`, `values`: attributes that are looked at."""

    reads: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    constants: tuple[str, ...] = ()
    can: bool = False                    # a CanPort: frames, not values


METER = Kind(("inlet_voltage", "inlet_current", "inlet_temperature", "supply_voltage"))
LOCK = Kind(("feedback",), ("set_locked",))
PORT = Kind(can=True)
POLLED = Kind(values=("fault", "remedy"), constants=("name",))
DEVICES: dict[str, Kind] = {
    "voltmeter": METER, "pilot_monitor": Kind(("read",)), "inputs": Kind(("stop_button", "display_button")),
    "vehicle": Kind(("read",), ("observe",)), "onboard": Kind(("current", "power"), ("set_limit",)),
    "control_pilot": Kind((), ("set_state_c",)), "contactors": Kind(("feedback",), ("set_closed",)), "lock": LOCK,
    "oled": Kind((), ("write", "set_contrast"), ("octets_per_run",)), "text_display": Kind((), ("show",)), "mqtt": Kind((), ("publish", "announce")),
    "rest": Kind((), ("tell",)),
    "power_meter": Kind(("voltage", "current", "isolation")), "pilot_source": Kind((), ("set_duty",)), "power_supply": Kind((), ("set", "off")),
    "residual_current": Kind(("tripped",)), "meter": Kind(("voltage", "current", "power", "energy")), "can": PORT, "can_info": PORT,
    "bridge.can": PORT, "bridge.voltmeter": Kind(("vehicle_voltage",)), "bridge.inputs": Kind(("charge_permission", "plug_present")),
    "bridge.sequence": Kind((), ("set_d1", "set_d2")), "bridge.lock": LOCK,
}
QUIET = frozenset({"oled", "text_display", "mqtt", "rest"})      # what they are told is for people: a session is the same without it
CODED: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "pilot_monitor.read": (of_pilot, to_pilot), "vehicle.read": (of_battery, to_battery),
}
"""Answers that are no plain values: how they are written, and made again."""
