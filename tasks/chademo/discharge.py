"""Discharging (V2X): whether the car is told of it, how much may be drawn out of it, what ends it, and 0x208, 0x209 (chademo sheet 1.10).

Theory. CCS has no message for it (DIN 70121, ISO 15118-2): a bidirectional charger runs an ordinary charge, draws whenever it likes and
reports a negative current, or none at all. So nobody here asks for a discharge. The car is told that it may come (109.4.0) and how much
(208.3), what really flows is compared with what bridge and car allow, and what goes beyond ends the session.
"""
from __future__ import annotations

from typing import NamedTuple

from kernel.timer import NEVER
from tasks.bridge.config import BridgeConfig
from tasks.chademo import timing as t
from tasks.chademo import wire
from tasks.chademo.vehicle import Vehicle
from tasks.signals import ChargerOffer
from tasks.stop_reasons import StopReason

FLOWS = 1.0                  # A: from here on something is charged, or discharged
DRAWN_MARGIN = 5.0           # A: emergency threshold of the standard (safety sheet S5), twice the error of a sensor (chademo sheet 7.4: +-2.5 A)
DRAWS = 2.5                  # A: less may be a sensor's error (7.4), and ends nothing because the battery is low
PERCENT_FROM = 1             # 201.0: from this guideline on 200.6 is percent, before 0.1 kWh (1.10)
LEVEL_WH = 100.0
SEQUENCE = 1                 # 209.0 towards a car that sends no 0x201 (log A: 01 05 00)
REMAINING = 5                # 209.1-2, unit unknown: log A has 5 all the time, and cars do not look at it (1.10)


class Excess(NamedTuple):
    """Why discharging ends the session, and with which numbers."""

    reason: StopReason
    text: str


def drawn(offer: ChargerOffer) -> float:
    """A out of the vehicle: the worse of measurement and the charger's word; 0 while it charges."""
    return max(0.0, -offer.present_current, -(offer.reported_current or 0.0))


class Discharging:
    """One connection. `announced`: 109.4.0; once said it stays, because some cars toggle 102.5.7 at random (1.5)."""

    def __init__(self, config: BridgeConfig) -> None:
        self.announced = False
        self._config = config
        self._flowed = False                     # current has gone through both contactors, in whichever direction
        self._wrong: StopReason | None = None
        self._wrong_since = NEVER
        self._told_at = NEVER                    # a current other than 0 in 109.3

    def announce(self, vehicle: Vehicle, now: int) -> None:
        """In the charge alone: with the bit in a discovery a ZE0 hangs in the session after it (3.7)."""
        if self._config.discharge_a > 0.0 and vehicle.tells_contactors and vehicle.bit(wire.CAN_DISCHARGE):
            self.announced = True
            self._told_at = now

    def allowed(self, vehicle: Vehicle, offer: ChargerOffer, now: int) -> float:
        """A that may be drawn now: the least of 208.3 and 200.0; 0 where it is refused, or where what limits it is not known."""
        told = vehicle.discharge
        if not self.announced or told is None or now - vehicle.discharge_at >= t.SILENCE_LIMIT or self._kept(vehicle, now) is None:
            return 0.0
        return min(offer.input_current, float(told.max_current))

    def lowest(self, vehicle: Vehicle, offer: ChargerOffer) -> float:
        """208.6-7, V: nothing is drawn below."""
        return max(offer.min_voltage, 0.0 if vehicle.discharge is None else float(vehicle.discharge.min_voltage))

    def _kept(self, vehicle: Vehicle, now: int) -> float | None:
        """Percent that the car keeps for itself (200.6), 0 where it names none; None: it does, and it or the state of charge is not known."""
        level = 0 if vehicle.discharge is None else vehicle.discharge.min_level
        if not level:
            return 0.0
        if vehicle.soc(now) is None:
            return None
        if vehicle.sequence is not None and vehicle.sequence >= PERCENT_FROM:
            return float(level)
        capacity = 0.0 if vehicle.times is None else vehicle.times.capacity
        return 100.0 * level * LEVEL_WH / capacity if capacity > 0.0 else None

    def idles(self, offer: ChargerOffer) -> bool:
        """Nothing has to flow: the charger waits for its house, behind contactors through which something has flowed."""
        if offer.delivering and abs(offer.present_current) >= FLOWS:
            self._flowed = True
        return self.announced and (self._flowed or drawn(offer) >= FLOWS)

    def excess(self, vehicle: Vehicle, offer: ChargerOffer, voltage: float | None, now: int) -> Excess | None:
        """What has been wrong for DRAWN_HOLD; to be asked at every look while charging. `voltage`: at the plug, V."""
        found = self._judged(vehicle, offer, voltage, now)
        reason = None if found is None else found.reason
        if reason is not self._wrong:
            self._wrong, self._wrong_since = reason, now
        return found if reason is not None and now - self._wrong_since >= t.DRAWN_HOLD else None

    def _judged(self, vehicle: Vehicle, offer: ChargerOffer, voltage: float | None, now: int) -> Excess | None:
        current, allowed = drawn(offer), self.allowed(vehicle, offer, now)
        if not current <= allowed + DRAWN_MARGIN:
            if not self.announced:
                why = "bridge.discharge_a is 0" if not self._config.discharge_a else "the car does not say that it can discharge (102.5.7)"
                return Excess(StopReason.CHARGER_DRAWS, f"the charger draws {current:.1f} A out of the car: {why}")
            told = vehicle.discharge
            said = "nothing" if told is None else f"{told.max_current} A, keeps {told.min_level} at {_percent(vehicle.soc(now))}"
            return Excess(StopReason.DISCHARGE_OVERCURRENT, f"the charger draws {current:.1f} A out of the car, allowed are {allowed:.0f} A: bridge {offer.input_current:.0f} A, "
                          f"the car says {said}")
        if current < DRAWS or not self.announced:
            return None
        lowest = self.lowest(vehicle, offer)
        if voltage is None or voltage < lowest:
            return Excess(StopReason.DISCHARGE_VOLTAGE, f"{_volts(voltage)} while {current:.1f} A are drawn, nothing is to be drawn below {lowest:.0f} V")
        kept, soc = self._kept(vehicle, now), vehicle.soc(now)
        if kept is None or kept > 0.0 and (soc is None or soc <= kept):
            return Excess(StopReason.DISCHARGE_LEVEL, f"the car is at {_percent(soc)} and keeps {_percent(kept)} for itself")
        return None

    # --- what the car is told

    def told_current(self, draws: bool, current: float, now: int) -> float:
        """109.3, A: `current`, but 0 while it draws (1.8), with 1 A in one cycle of every 60 s: a Leaf gives up after 6 min of 0 (1.10)."""
        if draws:
            current = 0.0 if now - self._told_at < t.TICKLE else FLOWS
        if current >= FLOWS:
            self._told_at = now
        return current

    def frames(self, vehicle: Vehicle, offer: ChargerOffer | None, voltage: float, charging: bool) -> list[wire.Message]:
        """0x208 and 0x209, without which a car fails that was told of them (1.8). `voltage`: 108.1-2; `charging`: not before, and not while it ends."""
        if not self.announced:
            return []
        offer = offer if offer is not None else ChargerOffer()
        sequence = vehicle.sequence if vehicle.sequence in (1, 2) else SEQUENCE
        return [wire.DischargeCharger(round(drawn(offer)), int(voltage), int(offer.input_current), int(self.lowest(vehicle, offer))),
                wire.DischargeTime(sequence, REMAINING if charging else 0)]


def _percent(share: float | None) -> str:
    return "an unknown state of charge" if share is None else f"{share:.0f} %"


def _volts(voltage: float | None) -> str:
    return "unknown voltage" if voltage is None else f"{voltage:.1f} V"
