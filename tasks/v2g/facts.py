"""What the DIN machines know of the world: plain values, None when unknown or stale; task.py fills them before each verb."""
from __future__ import annotations

from drivers.interfaces import PilotState
from kernel.record import dataclass


@dataclass(slots=True)
class PevFacts:
    """The car's side. V, A, W, Wh, percent."""

    lock_confirmed: bool | None = None
    pilot_c: bool | None = None              # the supervisor has set state C
    contactors_closed: bool | None = None    # feedback
    trip: str = ""                           # text of the supervisor's trip, empty when none
    inlet_voltage: float | None = None
    battery_voltage: float | None = None
    soc: float | None = None
    target_voltage: float | None = None
    target_current: float | None = None
    max_voltage: float | None = None
    max_current: float | None = None
    max_power: float | None = None
    current_limit: float | None = None       # what the supervisor allows to ask for
    capacity: float | None = None
    permission: bool | None = None
    ac_current: float | None = None          # drawn by the on-board charger, per phase; None where it does not say
    power_share: float = 1.0                 # of the power limit, as the person allows (0.1 to 1)
    # a bridge's, None in a car
    vehicle_ready: bool | None = None        # its vehicle permits charging
    vehicle_joined: bool | None = None       # the vehicle's contactors are closed: battery_voltage is the battery's
    precharge_voltage: float | None = None   # what to ask for in precharge
    precharge_tolerance: float | None = None
    remaining_seconds: float | None = None   # until it is full, as its vehicle says
    error: str = "NO_ERROR"                  # EVErrorCode


@dataclass(slots=True)
class EvseFacts:
    """The charger's side. V, A, Ohm, W, Wh."""

    pilot: PilotState | None = None
    output_voltage: float | None = None
    output_current: float | None = None
    isolation: float | None = None
    trip: str = ""
    blocked: str = ""                        # what the supervisor lacks before it grants the output that is asked for
    stop_button: bool | None = None
    contactors_closed: bool | None = None    # feedback; AC: the mains contactor
    residual_current: bool | None = None     # AC: RCD or 6 mA detector has tripped
    ac_power: float | None = None            # W, of a meter
    ac_energy: float | None = None           # Wh, the meter's register
    session_energy: float | None = None      # Wh, counted in this session


@dataclass(slots=True)
class ChargerLimits:
    """What the charger announced (ChargeParameterDiscoveryRes, CurrentDemandRes); None until then."""

    max_voltage: float | None = None
    min_voltage: float | None = None
    max_current: float | None = None
    max_power: float | None = None
