"""One safety task over noted drivers, with a writer for every signal that it reads; no plant."""
from __future__ import annotations

from drivers.interfaces import PilotState
from kernel.journal import Journal
from tasks.safety.ac_task import AcSafetyTask
from tasks.safety.bridge_task import BridgeSafetyTask
from tasks.safety.config import AcSafetyConfig, BridgeSafetyConfig, EvseSafetyConfig, PevSafetyConfig, SafetyConfig
from tasks.safety.task import EvseSafetyTask, SafetyTask
from tasks.signals import Signals


class Driver:
    """Any actuator: notes (call, value), refuses or raises when told to."""

    def __init__(self, calls: list, feedback: bool | None = False) -> None:
        self.errors = 0
        self.calls = calls
        self.position = feedback
        self.refuses = False
        self.raises = False

    def _do(self, *call) -> bool:
        self.calls.append(call)
        if self.raises:
            raise OSError("bus")
        return not self.refuses

    def set_state_c(self, c, now):
        return self._do("pilot", c)

    def set_closed(self, closed, now):
        return self._do("contactors", closed)

    def set_locked(self, locked, now):
        return self._do("lock", locked)

    def set_d1(self, on, now):
        return self._do("d1", on)

    def set_d2(self, on, now):
        return self._do("d2", on)

    def set_duty(self, duty, now):
        return self._do("duty", duty)

    def off(self, now):
        return self._do("off")

    def set(self, voltage, current, now):
        return self._do("set", voltage, current)

    def feedback(self, now):
        return self.position


class Noted:
    """Journal, signals, and a writer for every signal that a task reads."""

    def __init__(self) -> None:
        self.calls: list = []
        self.lines: list[str] = []
        self.journal = Journal()
        self.journal.add_sink(lambda e: self.lines.append(f"{e.level} {e.message()} at {e.at}"))
        self.signals = Signals()
        self.writers: dict = {}

    def write(self, now: int, **values) -> None:
        for name, value in values.items():
            if name not in self.writers:
                self.writers[name] = getattr(self.signals, name).claim("test")
            self.writers[name].set(value, now)

    def told(self, words: str) -> list[str]:
        self.journal.flush()
        return [line for line in self.lines if words in line]

class Rig(Noted):
    """One task over three drivers."""

    def __init__(self, charger: bool = False, contactor: bool = True, lock: bool = True, fast: bool = True, **limits) -> None:
        super().__init__()
        journal, s = self.journal, self.signals
        path = {} if fast else {"fast": False}             # fast is what nobody asks for: the default
        self.first, self.contactors, self.lock = Driver(self.calls), Driver(self.calls), Driver(self.calls)
        if charger:
            self.source = Driver(self.calls)
            self.task = EvseSafetyTask(self.source, self.first, self.contactors if contactor else None, self.lock if lock else None, s,
                                       SafetyConfig(evse=EvseSafetyConfig(**limits)), journal, **path)
        else:
            self.task = SafetyTask(self.first, self.contactors, self.lock, s, SafetyConfig(pev=PevSafetyConfig(**limits)), journal, **path)


class VehicleLock(Driver):
    """Tells its calls from those of the other lock."""

    def set_locked(self, locked, now):
        return self._do("vehicle lock", locked)


class BridgeRig(Noted):
    """A bridge's task over five drivers; `limits` are those of safety.bridge."""

    def __init__(self, fast: bool = True, pev: PevSafetyConfig | None = None, **limits) -> None:
        super().__init__()
        self.first, self.contactors, self.lock = Driver(self.calls), Driver(self.calls), Driver(self.calls)
        self.sequence, self.vehicle_lock = Driver(self.calls), VehicleLock(self.calls)
        path = {} if fast else {"fast": False}
        config = SafetyConfig(pev=PevSafetyConfig() if pev is None else pev, bridge=BridgeSafetyConfig(**limits))
        self.task = BridgeSafetyTask(self.first, self.contactors, self.lock, self.sequence, self.vehicle_lock, self.signals, config, self.journal, **path)


class AcRig(Noted):
    """An AC charger's task over three drivers."""

    def __init__(self, lock: bool = True, fast: bool = True, **limits) -> None:
        super().__init__()
        self.source, self.contactors, self.lock = Driver(self.calls), Driver(self.calls), Driver(self.calls)
        path = {} if fast else {"fast": False}
        self.task = AcSafetyTask(self.source, self.contactors, self.lock if lock else None, self.signals,
                                 SafetyConfig(ac=AcSafetyConfig(**limits)), self.journal, **path)

    def good(self, now: int, **changes) -> None:
        """A locked car in state C that may be charged, as the signals say it."""
        self.write(now, **{"pilot_state": PilotState.C, "pilot_duty": 5.0, "residual_current": False, "connection_alive": True, "stop_button": False,
                           "ac_current": 0.0, "ac_request": None, "pilot_duty_request": 5.0, "lock_request": None, **changes})
