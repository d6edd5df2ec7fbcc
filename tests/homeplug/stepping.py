"""Drives one machine through virtual time and notes what it sends, exactly when."""
from __future__ import annotations

from tasks.homeplug.events import KeyTaken, ModemFound
from tasks.machine import Checkpoint


class Stepper:
    """`sent`: (time, message); `seen`: (time, event). Time moves only by `run_to`."""

    def __init__(self, machine, now: int = 0) -> None:
        self.machine = machine
        self.now = now
        self.sent: list = []
        self.seen: list = []

    def collect(self) -> None:
        self.sent += [(self.now, m) for m in self.machine.outgoing()]
        self.seen += [(self.now, e) for e in self.machine.events()]

    def run_to(self, end: int) -> None:
        """Every timer fires exactly when it is due."""
        for _ in range(10_000):
            at = self.machine.next_timer()
            if at > end:
                break
            self.now = max(self.now, at)
            self.machine.handle_timer(self.now)
            self.collect()
        else:
            raise AssertionError("timers do not come to rest")
        self.now = end

    def give(self, message) -> None:
        self.machine.receive(message, self.now)
        self.collect()

    def call(self, method, *args) -> None:
        method(*args, self.now)
        self.collect()

    def times(self, kind) -> list[int]:
        return [at for at, m in self.sent if type(m) is kind]

    def last(self, kind):
        return [m for _, m in self.sent if type(m) is kind][-1]

    def events(self, kind) -> list:
        return [e for _, e in self.seen if type(e) is kind]

    def checkpoints(self) -> list[int]:
        return [e.number for e in self.events(Checkpoint)]


def evse_with_key(machine, modem_mac: bytes) -> Stepper:
    """An EVSE machine that waits for a car."""
    from tasks.homeplug.events import ModemBack
    s = Stepper(machine)
    s.call(machine.start)
    s.give(ModemFound(modem_mac, "test"))
    s.give(KeyTaken())
    s.give(ModemBack())
    return s
