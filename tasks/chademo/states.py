"""The states of the charger's side: on one page what each switches, tells the car, waits for, and how long (chademo sheet 2.3)."""
from __future__ import annotations

from enum import auto

from kernel.record import dataclass
from kernel.timer import NEVER
from kernel.word import Word
from tasks.chademo import timing as t
from tasks.chademo import wire
from tasks.stop_reasons import StopReason


class Side(Word):
    """Names of the sheet's table 2.3."""

    Idle = auto()
    D1On = auto()
    Param = auto()
    Check = auto()
    Locked = auto()
    WaitPower = auto()
    D2On = auto()
    Mate = auto()
    WaitRequest = auto()
    Charge = auto()
    StopRamp = auto()
    StopWd = auto()
    StopD2 = auto()
    StopEnd = auto()
    Ended = auto()


@dataclass(frozen=True, slots=True)
class Row:
    """One state. `limit` (ns) counts from where its comment says; `reason`: the end when it passes."""

    text: str                            # for the display, at most 20 characters
    d1: bool = False
    lock: bool = False
    d2: bool = False
    speaks: bool = False                 # 0x108, 0x109, 0x118 are sent
    status: int = wire.STOP_CONTROL      # 109.5
    limit: int = NEVER
    reason: StopReason = StopReason.TIMEOUT
    waits_for: str = ""                  # for the display, at most 21 characters


STOP, LOCK, CHARGING = wire.STOP_CONTROL, wire.LOCKED, wire.CHARGING
ROWS: dict[Side, Row] = {
    Side.Idle: Row("Not started"),
    # until 0x100, 0x101, 0x102 have come
    Side.D1On: Row("Waking the car", d1=True, limit=t.FIRST_FRAME_LIMIT, reason=StopReason.CAR_NO_CAN, waits_for="car's CAN"),
    # until k and 102.5.0; bridge.permission_limit_s (8 s, row 3) counts from d1
    Side.Param: Row("Car gets ready", d1=True, speaks=True, reason=StopReason.CAR_NO_PERMISSION, waits_for="car's permission (k)"),
    # until its values have settled
    Side.Check: Row("Checking the car", d1=True, speaks=True, limit=t.MAX_TIME_SETTLE, reason=StopReason.CAR_INCOMPATIBLE),
    Side.Locked: Row("Locking CHAdeMO plug", d1=True, lock=True, speaks=True, limit=t.LOCK_LIMIT, reason=StopReason.CAR_PLUG_NOT_LOCKED, waits_for="CHAdeMO lock"),
    # counts from the permission
    Side.WaitPower: Row("Waiting for charger", d1=True, lock=True, speaks=True, status=STOP | LOCK, limit=t.POWER_LIMIT, reason=StopReason.BRIDGE_NO_POWER, waits_for="charger's precharge"),
    # until the car has closed
    Side.D2On: Row("Car closes", d1=True, lock=True, d2=True, speaks=True, status=STOP | LOCK, limit=t.CONTACTOR_LIMIT, reason=StopReason.CAR_CONTACTORS, waits_for="car's contactors"),
    # until the bridge contactor has joined both
    Side.Mate: Row("Joining both sides", d1=True, lock=True, d2=True, speaks=True, status=STOP | LOCK, limit=t.JOIN_LIMIT, reason=StopReason.BRIDGE_NOT_JOINED, waits_for="voltages to match"),
    # counts from the car's contactors
    Side.WaitRequest: Row("Car is to ask", d1=True, lock=True, d2=True, speaks=True, status=STOP | LOCK, limit=t.REQUEST_LIMIT, reason=StopReason.CAR_NO_REQUEST, waits_for="car's request"),
    Side.Charge: Row("Charging", d1=True, lock=True, d2=True, speaks=True, status=LOCK | CHARGING),
    # until the current is gone
    Side.StopRamp: Row("Stopping", d1=True, lock=True, d2=True, speaks=True, status=STOP | LOCK | CHARGING, limit=t.STOP_HARD_LIMIT, waits_for="current to end"),
    # until the car has opened its contactors and has looked for a weld
    Side.StopWd: Row("Car opens", d1=True, lock=True, d2=True, speaks=True, status=STOP | LOCK, limit=t.WELDING_LIMIT, waits_for="car's contactors"),
    Side.StopD2: Row("Discharging", d1=True, lock=True, speaks=True, status=STOP | LOCK, limit=t.DECAY_LIMIT, waits_for="plug below 10 V"),
    # 300 ms of 0x20, then silence
    Side.StopEnd: Row("Ending", speaks=True, limit=t.LAST_FRAMES),
    Side.Ended: Row("CHAdeMO ended"),
}
"""109.5 in a normal session: 20, 24, 05, 25, 24, 20 (sheet 1.8)."""

PERMITTED = frozenset({Side.Check, Side.Locked, Side.WaitPower, Side.D2On, Side.Mate, Side.WaitRequest, Side.Charge})
"""The car has permitted charging: its word ends these."""
STARTING = frozenset({Side.D1On, Side.Param}) | PERMITTED - {Side.Charge}
CLOSED = frozenset({Side.Mate, Side.WaitRequest, Side.Charge, Side.StopRamp, Side.StopWd})
"""The car's contactors count as closed, or may be."""
STOPPING = frozenset({Side.StopRamp, Side.StopWd, Side.StopD2, Side.StopEnd})
