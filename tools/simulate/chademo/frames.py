"""The frames of a CHAdeMO car: what each identifier carries at a given moment, and what faults make of it."""
from __future__ import annotations

from random import Random
from typing import NamedTuple

from kernel.timer import S
from tasks.chademo.wire import (BATTERY_VOLTAGE, CONTACTOR_OPEN, DISCHARGE, DISCHARGE_ENERGY, DYNAMIC, ENABLED, LIMITS, MAKER, OCTETS, STATUS, STOP_BEFORE,
                                TIMES, USE_COARSE, BatteryLimits, ChargingTime, Discharge, DischargeEnergy, DynamicControl, Maker, MeasuredVoltage,
                                VehicleStatus)
from tools.simulate.chademo.traits import LEAF_EXTRA, CarFaults, CarTraits

PRIVATE = 10                   # protocol number with the battery's voltage in 100.0-1 (sheet 1.2, 5)
FIRST_RATES = (3, 1)           # 102.6 before the state of charge is known (sheet 1.5, log A)
MIN_DISCHARGE = 250            # V, 200.4-5 (sheet 1.10)
V2H_SEQUENCE = 2               # 201.0 of a ZE1 (sheet 1.10)


class Moment(NamedTuple):
    """What the car knows when it sends."""

    age: int                   # ns since its first frame
    charger: int | None        # 109.0; None: not heard yet
    permitted: bool            # has been, in this session
    enabled: bool
    closed_once: bool          # its contactors have been closed in this session
    asked: bool                # it has asked for current in this session
    contactor_open: bool       # open, and welding detection is over
    request: int               # A
    faults: int
    status: int
    soc: float                 # percent
    voltage: float             # V, its battery
    discharge: int = 0         # A that it lets out now


class Frames:
    """`octets(id, moment)`: 8 octets, or what a fault makes of them."""

    def __init__(self, traits: CarTraits, faults: CarFaults, rng: Random | None = None) -> None:
        self._traits = traits
        self._faults = faults
        self._rng = rng

    def cycle(self) -> tuple[int, ...]:
        """The identifiers in the order in which they are sent now."""
        ids = (*(id for id in self._traits.ids if id not in self._faults.missing), *self._faults.foreign)
        return ids[::-1] if self._faults.reversed else ids

    def octets(self, id: int, moment: Moment) -> bytes:
        """ValueError for `garbage` without an rng."""
        faults = self._faults
        data = self._sound(id, moment)
        if faults.garbage:
            if self._rng is None:
                raise ValueError("a car that sends garbage needs an rng")
            if self._rng.random() < faults.garbage:
                data = self._rng.randbytes(OCTETS)
        return data[:OCTETS - 1] if id in faults.short else data

    def protocol(self, charger: int | None) -> int:
        """102.0 towards this charger."""
        own = self._traits.protocol
        return 2 if self._traits.adopts_protocol and charger is not None and charger >= 2 else own

    def _sound(self, id: int, m: Moment) -> bytes:
        t = self._traits
        if id == LIMITS:
            return self._limits(m)
        if id == TIMES:
            return self._times(m)
        if id == STATUS:
            return self._status(m)
        if id == BATTERY_VOLTAGE:
            return MeasuredVoltage(round(m.voltage)).emit()
        if id == DYNAMIC:
            return DynamicControl(DYNAMIC, t.dynamic_flags).emit()
        if id == DISCHARGE:
            levels = (t.min_level, t.max_level) if m.permitted else (0, 0)       # valid after k (sheet 1.10)
            return Discharge(m.discharge, MIN_DISCHARGE, *levels).emit()
        if id == DISCHARGE_ENERGY:
            return DischargeEnergy(V2H_SEQUENCE).emit()
        if id == MAKER:
            return Maker(t.maker).emit()
        return bytes((1, 1, 1)) + bytes(5) if id == LEAF_EXTRA else bytes(OCTETS)

    def _rates(self, m: Moment) -> tuple[int, int]:
        """100.6 and 102.6."""
        if self._faults.rate is not None:
            return self._faults.rate
        first, modern, old = self._traits.rate_at_full
        full = first if m.charger is None else modern if m.charger >= 2 else old
        valid = round(self._traits.soc_valid_s * S)
        return full, FIRST_RATES[m.age >= valid // 2] if m.age < valid else round(m.soc * full / 100)

    def _limits(self, m: Moment) -> bytes:
        t = self._traits
        low, high = t.min_current, t.told_current
        if t.protocol == PRIVATE and m.charger == PRIVATE:
            low, high = round(m.voltage) & 0xFF, round(m.voltage) >> 8
        return BatteryLimits(low, high, t.min_voltage, t.max_voltage, self._rates(m)[0]).emit()

    def _times(self, m: Moment) -> bytes:
        """All 0 until it is known (sheet 1.4)."""
        t = self._traits
        known = m.age >= round(t.time_valid_s * S)
        fine, minutes = (t.fine_on_09 if m.charger == 1 else USE_COARSE, t.max_minutes) if known else (0, 0)
        if self._faults.max_time is not None:
            fine, minutes = self._faults.max_time
        capacity = t.first_capacity_wh if t.first_capacity_wh is not None and not m.asked else t.capacity_wh
        return ChargingTime(fine, minutes, 0, capacity if t.protocol != 1 else 0.0).emit()

    def _status(self, m: Moment) -> bytes:
        t, faults = self._traits, self._faults
        target = t.target_after_close if m.closed_once and t.target_after_close is not None else t.target_voltage
        protocol = self.protocol(m.charger)
        status = t.status_bits | m.status
        enabled = m.enabled if faults.enabled_stuck is None else faults.enabled_stuck
        status |= enabled * ENABLED
        if m.charger is not None and min(protocol, m.charger) >= 2 and m.contactor_open:      # not before it knows the version (sheet 1.5)
            status |= CONTACTOR_OPEN
        if t.stop_before and not m.asked:
            status |= STOP_BEFORE
        request = faults.request if faults.request is not None else max(t.idle_request, m.request)
        return VehicleStatus(protocol, faults.target if faults.target is not None else target, request, m.faults | faults.tell_faults,
                             status | faults.tell_status, self._rates(m)[1]).emit()
