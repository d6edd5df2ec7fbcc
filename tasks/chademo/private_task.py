"""The row `vehicle` of a car whose battery management speaks pyPLC's private CHAdeMO: frames to battery signals, the charger's values to frames."""
from __future__ import annotations

from drivers.interfaces import CanPort
from kernel.journal import Journal
from kernel.timer import MS
from tasks.chademo import wire
from tasks.chademo.private import PROTOCOL, PrivateVehicle
from tasks.errors import WireError
from tasks.sense.reading import Reading
from tasks.signals import Signals

SOURCE = "vehicle"
PERIOD = 20 * MS
FRAMES_PER_RUN = 64          # as in task.py
OTHERS = ("max_power", "capacity", "hottest", "coldest")      # which such a car does not say
AFTER = 10                   # frames with another number until it is told


class PrivateTask:
    """Counters: `malformed` (no frames of CHAdeMO), `refused` (not taken by the bus)."""

    inboxes = ()

    def __init__(self, port: CanPort, signals: Signals, max_current: float, journal: Journal) -> None:
        """`max_current`: A, the rating of the box (ev.max_current_a): the car says only what it wants now."""
        s = signals
        self.machine = PrivateVehicle()
        self.malformed = 0
        self.refused = 0
        self._port = port
        self._s = s
        self._journal = journal
        self._max_current = max_current
        self._battery = {name: Reading(getattr(s, "battery_" + name), SOURCE) for name in (
            "voltage", "soc", "target_voltage", "target_current", "max_voltage", "max_current", *OTHERS)}
        self._permission = s.charge_permission.claim(SOURCE)
        self._told = False

    def run(self, now: int) -> int:
        machine, s = self.machine, self._s
        for frame in self._port.receive(FRAMES_PER_RUN, now):
            try:
                machine.receive(wire.parse(frame.id, frame.data), now)
            except WireError as problem:
                self.malformed += 1
                self._journal.limited(now, SOURCE, "malformed", "%s (%d so far)", problem, self.malformed)
        if machine.foreign >= AFTER and not self._told:
            self._told = True
            self._journal.note(now, SOURCE, "0x102 says protocol number %s; expected %d: is this an ordinary CHAdeMO car? It wants mode: bridge", machine.protocol, PROTOCOL,
                               level="warning")
        voltage, current = s.inlet_voltage.get(now), s.inlet_current.get(now)
        for message in machine.outgoing(s.evse_present_voltage.get(now) if voltage is None else voltage,
                                        s.evse_present_current.get(now) if current is None else current,
                                        s.evse_max_voltage.value, s.evse_max_current.value, now):
            if not self._port.send(message.id, message.emit(), False, now):
                self.refused += 1
                self._journal.limited(now, SOURCE, "refused", "the CAN bus takes no frames (%d so far)", self.refused)
        self._publish(now)
        return now + PERIOD

    def _publish(self, now: int) -> None:
        """Each value with the time of its frame: silence makes it stale, and that ends the charge."""
        says, put = self.machine.says, self._battery
        put["voltage"].put(says.voltage, says.limits_at)
        put["max_voltage"].put(says.max_voltage, says.limits_at)
        put["soc"].put(says.soc, says.status_at)
        put["target_voltage"].put(says.target_voltage, says.status_at)
        put["target_current"].put(says.request, says.status_at)
        put["max_current"].put(self._max_current if says.status_at >= 0 else None, says.status_at)
        for name in OTHERS:
            put[name].put(None, now)
        self._permission.set(says.permission, says.status_at)
