"""Gives the devices of a board their turns, one short piece of work each, and tells a person which of them is out of order and what to do."""
from __future__ import annotations

from typing import Sequence

from drivers.interfaces import Polled
from kernel.journal import Journal
from kernel.timer import MS, NEVER, S
from tasks.signals import Signals

SOURCE = "devices"
PER_VISIT = 16               # turns in one visit; who is left over comes first in the next tick. A car's pins (10 us each, one per tick), an ADS1115, MQTT and
                             # a battery by CAN want eleven per tick: with fewer the pilot's samples grow too old (tests/devices)
TICK = 10 * MS               # that next visit
LONGEST_REST = 1 * S         # whatever a device wishes: so often its state is looked at
NOTICE_TURN = 4 * S          # several faults take turns on the display
TELL_AGAIN = 60 * S          # a fault that comes and goes is in the journal so often


class DevicesTask:
    """The row `devices`. A device never raises and never waits (drivers/README.md); its `fault` is "" while all is well."""

    inboxes = ()

    def __init__(self, devices: Sequence[Polled], signals: Signals, journal: Journal) -> None:
        self._devices = tuple(devices)
        self._journal = journal
        self._due = [0] * len(self._devices)                  # ns: when each wants its turn
        self._served = list(range(len(self._devices)))        # among equals the one served longest ago is the next
        self._turns = len(self._devices)
        self._told = [""] * len(self._devices)                # the fault that the journal has
        self._told_at = [-TELL_AGAIN] * len(self._devices)
        self._unsaid = [0] * len(self._devices)               # changes that were not told
        self._notice = signals.device_notice.claim(SOURCE)
        self._shown: str | None = None

    def run(self, now: int) -> int:
        due = self._due
        waiting = sorted((n for n in range(len(due)) if due[n] <= now), key=lambda n: (due[n], self._served[n]))
        for n in waiting[:PER_VISIT]:
            device = self._devices[n]
            self._turns += 1
            self._served[n] = self._turns
            due[n] = max(now + 1, min(device.run(now), now + LONGEST_REST))
            if device.fault != self._told[n]:
                self._tell(n, device, now)
        self._show(now)
        if len(waiting) > PER_VISIT:
            return now + TICK
        return min(due, default=NEVER)

    def _tell(self, n: int, device: Polled, now: int) -> None:
        if device.fault and now - self._told_at[n] < TELL_AGAIN:
            self._unsaid[n] += 1
            return
        before = f" ({self._unsaid[n]} changes before were not told)" if self._unsaid[n] else ""
        self._unsaid[n] = 0
        if device.fault:
            self._told_at[n] = now
            self._journal.note(now, SOURCE, "%s: %s. %s%s", device.name, device.fault, device.remedy, before, level="warning")
        else:
            self._journal.note(now, SOURCE, "%s: well again%s", device.name, before)
        self._told[n] = device.fault

    def _show(self, now: int) -> None:
        faults = list(dict.fromkeys(device.fault for device in self._devices if device.fault))
        shown = faults[now // NOTICE_TURN % len(faults)] if faults else ""
        if shown != self._shown:
            self._shown = shown
            self._notice.set(shown, now)
