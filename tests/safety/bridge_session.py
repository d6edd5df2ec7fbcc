"""A bridge's safety task in a session: what is commanded happens, the battery is at 350 V, the charger at 352 V."""
from __future__ import annotations

from drivers.interfaces import PilotState
from kernel.timer import MS, S
from tasks.safety.facts import SafetyState
from tests.safety.rig import BridgeRig

B, C = PilotState.B, PilotState.C
START = 10 * S
SOUND = dict(pilot_duty=5.0, inlet_current=0.0, inlet_temperature=30.0, supply_voltage=13.0, stop_button=False, connection_alive=True, charge_permission=True,
             battery_max_voltage=400.0, battery_max_current=100.0, battery_target_current=50.0, battery_voltage=111.0)
OFF = dict(pilot_c_request=None, contactor_request=None, lock_request=True, d1_request=None, d2_request=None, vehicle_lock_request=None)
CHARGE = dict(pilot_c_request=True, contactor_request=True, lock_request=True, d1_request=True, d2_request=True, vehicle_lock_request=True)


class Session:
    """One rig over a plug: what is commanded happens, the battery is at 350 V, the charger at 352 V."""

    def __init__(self, **config) -> None:
        self.rig = BridgeRig(**config)
        self.now = START
        self.wish: dict = dict(OFF)
        self.held: dict = {}
        self.run(3)

    def step(self, ns: int = 10 * MS) -> int:
        rig, out = self.rig, self.rig.task.supervisor.outputs
        world = {**SOUND, "pilot_state": C if out.pilot_c else B, "inlet_voltage": 352.0 if out.pilot_c or out.contactors else 0.0, "vehicle_permission": out.d1,
                 "vehicle_voltage": 350.0 if out.d2 else 0.0}
        rig.write(self.now, **world | self.held)
        rig.write(self.now, **self.wish)
        rig.contactors.position = out.contactors
        for lock, wanted in ((rig.lock, out.lock), (rig.vehicle_lock, out.vehicle_lock)):
            lock.position = lock.position if wanted is None else wanted
        woken = rig.task.run(self.now)
        self.now += ns
        return woken

    def run(self, steps: int) -> "Session":
        for _ in range(steps):
            self.step()
        return self

    def closed(self) -> "Session":
        self.wish = {**CHARGE, "pilot_c_request": None, "contactor_request": None}
        self.run(10)
        self.wish = dict(CHARGE)
        self.run(10)
        assert self.rig.task.state is SafetyState.Closed, (self.rig.lines, self.rig.task.supervisor.blocked)
        return self

    @property
    def calls(self) -> list:
        return self.rig.calls

    def shown(self) -> tuple:
        s = self.rig.signals
        return s.d1_on.value, s.d2_on.value, s.vehicle_lock_confirmed.value
