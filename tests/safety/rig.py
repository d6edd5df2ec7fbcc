"""One safety task over noted drivers, with a writer for every signal that it reads; no plant."""
from __future__ import annotations

from kernel.journal import Journal
from tasks.safety.config import EvseSafetyConfig, PevSafetyConfig, SafetyConfig
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

    def set_duty(self, duty, now):
        return self._do("duty", duty)

    def off(self, now):
        return self._do("off")

    def set(self, voltage, current, now):
        return self._do("set", voltage, current)

    def feedback(self, now):
        return self.position


class Rig:
    """One task over three drivers, and a writer for every signal it reads."""

    def __init__(self, charger: bool = False, contactor: bool = True, lock: bool = True, fast: bool = True, **limits) -> None:
        self.calls: list = []
        self.lines: list[str] = []
        journal = Journal()
        journal.add_sink(lambda e: self.lines.append(f"{e.level} {e.message()} at {e.at}"))
        self.journal = journal
        self.signals = s = Signals()
        path = {} if fast else {"fast": False}             # fast is what nobody asks for: the default
        self.first, self.contactors, self.lock = Driver(self.calls), Driver(self.calls), Driver(self.calls)
        if charger:
            self.source = Driver(self.calls)
            self.task = EvseSafetyTask(self.source, self.first, self.contactors if contactor else None, self.lock if lock else None, s,
                                       SafetyConfig(evse=EvseSafetyConfig(**limits)), journal, **path)
        else:
            self.task = SafetyTask(self.first, self.contactors, self.lock, s, SafetyConfig(pev=PevSafetyConfig(**limits)), journal, **path)
        self.writers: dict = {}

    def write(self, now: int, **values) -> None:
        for name, value in values.items():
            if name not in self.writers:
                self.writers[name] = getattr(self.signals, name).claim("test")
            self.writers[name].set(value, now)

    def told(self, words: str) -> list[str]:
        self.journal.flush()
        return [line for line in self.lines if words in line]
