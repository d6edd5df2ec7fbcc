"""What drives a stand-in box without a network: who asks for what, and the other side's half of the plant."""
from __future__ import annotations

import signal
from abc import ABC, abstractmethod

from drivers.interfaces import PilotState
from kernel.channels import Lease
from kernel.timer import MS, NEVER
from tasks.signals import OutputRequest

PERIOD = 10 * MS
RELEASED = 50 * MS        # requests must be seen released before they count
SETTLE = 100 * MS         # from contactors closed to `closed`: charging current flows
CURRENT = 50.0            # A
MATCH = 5.0               # V


class Script(ABC):
    """Base: keeps the other tasks alive for the supervisor, says `closed` when current flows, lets the fault happen at SIGUSR1."""

    inboxes = ()

    def __init__(self, plant, signals, system, fault) -> None:
        self._plant, self._s, self._system, self._fault = plant, signals, system, fault
        self._alive = [s.claim("test") for name, s in vars(signals).items() if name.endswith("_alive")]
        self._state = signals.connection_state.claim("test")
        self._closed_at = None
        self._begin_at = None
        self._wanted = False
        signal.signal(signal.SIGUSR1, self._want)

    def _want(self, number, frame) -> None:
        self._wanted = True

    def run(self, now: int) -> int:
        for writer in self._alive:
            writer.set(True, now)
        if self._begin_at is None:
            self._begin_at = now + RELEASED
        ending = self._system.terminate or now < self._begin_at
        self._state.set("Finished" if ending else "Session", now)
        if self._ask(ending, now) and self._closed_at is None:
            self._closed_at = now
        if self._closed_at is not None and now >= self._closed_at + SETTLE:
            self._closed_at = NEVER // 2
            print("closed", flush=True)
        if self._wanted:
            self._wanted = False
            self._fault()
        return now + PERIOD

    @abstractmethod
    def _ask(self, ending: bool, now: int) -> bool:
        """Renew or release the requests, move the other side; True while current may flow."""


class CarScript(Script):
    """Asks for pilot C, lock and contactors; the charger follows the pilot."""

    def __init__(self, plant, signals, system, fault) -> None:
        super().__init__(plant, signals, system, fault)
        self._leases = [Lease(s.claim("v2g")) for s in (signals.pilot_c_request, signals.lock_request, signals.contactor_request)]
        plant.pilot.duty = 5.0

    def _ask(self, ending: bool, now: int) -> bool:
        s, plant = self._s, self._plant
        pilot_c, lock, contactors = self._leases
        inlet, battery = s.inlet_voltage.get(now), s.battery_voltage.get(now)
        closed = s.contactors_closed.get(now) is True
        if ending:                               # in order; the lock is not asked for any more, either
            for lease in self._leases:
                lease.release(now)
        else:
            pilot_c.renew(True, now)
            lock.renew(True, now)
            if closed or (inlet is not None and battery is not None and abs(inlet - battery) < MATCH):
                contactors.renew(True, now)
        ready = plant.pilot.state_c
        plant.command_stage(ready, 410.0 if closed else battery or 0.0, CURRENT if closed else 2.0, now)
        return closed


class BridgeScript(CarScript):
    """The same, with a CHAdeMO vehicle that closes its contactors once d1 and d2 are on and its plug is locked."""

    def __init__(self, plant, signals, system, fault, plug) -> None:
        super().__init__(plant, signals, system, fault)
        self._plug = plug

    def _ask(self, ending: bool, now: int) -> bool:
        plug, plant = self._plug, self._plant
        if ending:
            if self._s.contactors_closed.get(now) is False:
                plug.sequence.set_d2(False, now)
                plug.sequence.set_d1(False, now)
        elif not plant.vehicle_contactors.position:
            plug.sequence.set_d1(True, now)
            if plug.lock.set_locked(True, now) and plug.lock.feedback(now):
                plug.sequence.set_d2(True, now)
                plant.want_vehicle_contactors(True, now)
            return False
        return super()._ask(ending, now)


class ChargerScript(Script):
    """Asks for PWM, lock and output; the car goes to state C at the PWM and closes at its battery's voltage."""

    def __init__(self, plant, signals, system, fault) -> None:
        super().__init__(plant, signals, system, fault)
        self._duty, self._lock = Lease(signals.pilot_duty_request.claim("connection")), Lease(signals.lock_request.claim("v2g"))
        self._output = Lease(signals.output_request.claim("v2g"))
        self._battery = plant.battery.ocv()

    def _ask(self, ending: bool, now: int) -> bool:
        s, plant = self._s, self._plant
        voltage = s.output_voltage.get(now)
        closed = plant.car_contactors.position
        if ending:
            for lease in (self._output, self._lock):
                lease.release(now)
        else:
            self._lock.renew(True, now)
            if s.lock_confirmed.get(now) is True:
                self._output.renew(OutputRequest(410.0 if closed else self._battery, CURRENT if closed else 2.0), now)
        self._duty.renew(100.0 if ending else 5.0, now)
        ready = plant.pilot.duty == 5.0 and plant.pilot.at_charger.state in (PilotState.B, PilotState.C) and not ending
        plant.advance(now)
        if ready != plant.pilot.state_c:
            plant.touch(now)
            plant.pilot.state_c = ready
            plant.pilot.update()
        if not ready and plant.current < 1.0:
            plant.command(plant.car_contactors, False, now)
        elif ready and voltage is not None and abs(voltage - self._battery) < MATCH:
            plant.command(plant.car_contactors, True, now)
        return closed and s.safety_state.value == "Delivering"


class AcScript(Script):
    """Asks for PWM and the mains; the car goes to state C at the PWM and draws."""

    def __init__(self, plant, signals, system, fault) -> None:
        super().__init__(plant, signals, system, fault)
        self._duty, self._ac = Lease(signals.pilot_duty_request.claim("connection")), Lease(signals.ac_request.claim("v2g"))

    def _ask(self, ending: bool, now: int) -> bool:
        plant = self._plant
        plant.advance(now)
        if ending:                               # the car has ended its load
            self._ac.renew(False, now)
        else:
            self._ac.renew(True, now)
        self._duty.renew(100.0 if ending else 5.0, now)
        ready, limit = plant.pilot.duty == 5.0, 0.0 if ending else 16.0
        if ready != plant.pilot.state_c or limit != plant.ac.limit:
            plant.touch(now)
            plant.pilot.state_c, plant.ac.limit = ready, limit
            plant.pilot.update()
        return plant.ac.current > 10.0
