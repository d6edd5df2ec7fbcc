"""`--simulate-io`: the physical half of the other side, for one box on a real network interface.

Two processes share a wire but no cable and no pilot line, so each simulates the other's power stage or battery from
what its own V2G session says. Messages, timing and safety are real; volts and amperes are not.
"""
from __future__ import annotations

from drivers.sim.battery import Battery, cell_ocv
from drivers.sim.plant import Plant
from kernel.timer import MS, S
from tasks.pilot_duty import promised_current
from tasks.signals import Signals

PERIOD = 20 * MS
PLUG_AFTER = 100 * MS
UNPLUG_AFTER = 1 * S          # after the end of the session
PRECHARGE_CURRENT = 2.0       # A, the most that a charger gives in precharge (safety sheet S3)
POWERED = frozenset({"PreCharge", "WaitContactorsClosed", "PowerDeliveryStart"})
READY = frozenset({"CableCheck", "PreCharge", "PowerDelivery", "CurrentDemand", "PowerDeliveryStart", "ChargingStatus", "Renegotiation",
                   "PowerDeliveryRestart"})                                        # of a charger: its car is in state C
CONNECTED = frozenset({"CurrentDemand", "Renegotiation", "PowerDeliveryRestart"})  # its contactors are closed
AC_POWERED = frozenset({"ChargingStatus", "MeteringReceipt", "PowerDeliveryRenegotiate", "WaitLoadEnded", "PowerDeliveryStop"})     # of a car
DIGITAL_DUTY = 5.0


class _Shadow:
    """Plugs in at the beginning; after a session that has ended, pulls the plug."""

    inboxes = ()

    def __init__(self, plant: Plant, signals: Signals) -> None:
        self._plant = plant
        self._s = signals
        self._plug_at: int | None = None
        self._unplug_at: int | None = None

    def _plug(self, now: int) -> None:
        if self._plug_at is None:
            self._plug_at = now + PLUG_AFTER
        elif now >= self._plug_at and not self._plant.pilot.plugged and self._unplug_at is None:
            self._plant.plug(now)
        if self._unplug_at is None and self._s.connection_state.value == "Finished":
            self._unplug_at = now + UNPLUG_AFTER
        elif self._unplug_at is not None and now >= self._unplug_at and self._plant.pilot.plugged:
            self._plant.unplug(now)


class ShadowCharger(_Shadow):
    """For a car: a power stage that does what the car asks for, or a mains contactor that is closed while it charges with AC."""

    def run(self, now: int) -> int:
        self._plug(now)
        s, plant = self._s, self._plant
        if plant.pilot.duty != DIGITAL_DUTY:
            plant.touch(now)
            plant.pilot.duty = DIGITAL_DUTY
            plant.pilot.update()
        state, volts, amperes = s.v2g_state.value, s.ev_target_voltage.get(now), s.ev_target_current.get(now)
        if volts is None:
            wanted = (False, 0.0, 0.0)
        elif state in POWERED:
            wanted = (True, volts, PRECHARGE_CURRENT)
        elif state == "CurrentDemand":
            wanted = (True, volts, amperes or 0.0)
        else:
            wanted = (False, 0.0, 0.0)
        plant.command_stage(*wanted, now)
        plant.command(plant.ac.contactor, plant.pilot.state_c and state in AC_POWERED, now)
        return now + PERIOD


class ShadowCar(_Shadow):
    """For a charger: a car that goes to state C when asked to be ready, and a battery that takes the current.

    A stranger's car decides by itself at which voltage it precharges, so the battery is made to have that voltage.
    """

    def __init__(self, plant: Plant, signals: Signals) -> None:
        super().__init__(plant, signals)
        self._fitted = False

    def run(self, now: int) -> int:
        self._plug(now)
        plant, state = self._plant, self._s.v2g_state.value
        plant.advance(now)
        c = state in READY
        if c != plant.pilot.state_c:
            plant.touch(now)
            plant.pilot.state_c = c
            plant.pilot.update()
        volts = self._s.ev_target_voltage.get(now)
        if state == "PowerDelivery" and volts and not self._fitted:
            self._fitted = True
            self._fit(volts)
        plant.command(plant.car_contactors, state in CONNECTED, now)
        return now + PERIOD

    def _fit(self, volts: float) -> None:
        """A battery of as many cells as `volts` needs at the present state of charge."""
        c, old = self._plant.config, self._plant.battery
        self._plant.battery = Battery(
            cells=max(1, round(volts / cell_ocv(old.soc))), capacity=c.battery_capacity_wh, resistance=c.battery_resistance_ohm, soc=old.soc,
            max_current=c.battery_max_current_a, max_power=c.battery_max_power_w, taper_from=c.battery_taper_from_percent,
            taper_to=c.battery_taper_to_percent / 100.0)


class ShadowAcCar(_Shadow):
    """For an AC charger: a car that goes to state C when power is about to come, draws what was agreed, and ends its load before it asks for the end.

    Under a nominal duty it is a car that does not speak: state C by itself until its battery is full, with what the duty promises.
    """

    def __init__(self, plant: Plant, signals: Signals, current: float) -> None:
        """`current`: EVSEMaxCurrent, A."""
        super().__init__(plant, signals)
        self._current = current

    def run(self, now: int) -> int:
        self._plug(now)
        plant, state = self._plant, self._s.v2g_state.value
        plant.advance(now)
        by_pilot = promised_current(plant.pilot.at_car.duty_percent or 0.0) > 0.0
        c = state in READY or by_pilot and plant.battery.wanted_current() > 0.0
        limit = self._current if c and (by_pilot or self._s.ac_request.get(now) is True) else 0.0
        if c != plant.pilot.state_c or limit != plant.ac.limit:
            plant.touch(now)
            plant.pilot.state_c, plant.ac.limit = c, limit
            plant.pilot.update()
        return now + PERIOD
