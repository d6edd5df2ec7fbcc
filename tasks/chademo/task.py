"""The row `chademo`: frames of the CAN port to the machine and back, signals to facts, wishes to leases."""
from __future__ import annotations

from drivers.interfaces import CanPort
from kernel.channels import Lease
from kernel.journal import Journal
from kernel.timer import MS
from tasks.bridge.config import BridgeConfig
from tasks.chademo import wire
from tasks.chademo.charger_side import ChargerSide
from tasks.chademo.facts import SideFacts
from tasks.chademo.states import Side
from tasks.errors import WireError
from tasks.machine import StateChanged
from tasks.signals import Signals

SOURCE = "chademo"
FRAMES_PER_RUN = 64          # a vehicle sends eight in 100 ms; at 1 kHz 20 come between two runs
LISTEN = 15 * MS             # every second tick of 10 ms: how often the port is looked at while something is wanted of the vehicle
LATE = 50 * MS               # of the 100 ms of a round: five times the tolerance of the sheet (1.1), told once a second
AT_REST = 95 * MS            # and while nothing is: every tenth tick


class ChademoTask:
    """Counters: `malformed` (no frames of CHAdeMO), `refused` (not taken by the bus)."""

    inboxes = ()

    def __init__(self, port: CanPort, signals: Signals, config: BridgeConfig, journal: Journal, *, voltmeter: bool) -> None:
        """`voltmeter`: the plug's voltage is measured (safety.bridge.vehicle_voltmeter_fitted)."""
        s = signals
        self.machine = ChargerSide(config, SideFacts(voltmeter=voltmeter))
        self.malformed = 0
        self.refused = 0
        self._port = port
        self._s = s
        self._journal = journal
        self._says = s.vehicle_says.claim(SOURCE)
        self._state = s.chademo_state.claim(SOURCE)
        self._stop = s.chademo_stop.claim(SOURCE)
        self._status = s.chademo_status.claim(SOURCE)
        self._urgent = s.chademo_urgent.claim(SOURCE)
        self._wishes = ((Lease(s.d1_request.claim(SOURCE)), lambda m: m.wants_d1), (Lease(s.d2_request.claim(SOURCE)), lambda m: m.wants_d2),
                        (Lease(s.vehicle_lock_request.claim(SOURCE)), lambda m: m.wants_lock))

    def run(self, now: int) -> int:
        machine = self.machine
        self._refresh(now)
        for frame in self._port.receive(FRAMES_PER_RUN, now):
            try:
                machine.receive(wire.parse(frame.id, frame.data), now)
            except WireError as problem:
                self.malformed += 1
                self._journal.limited(now, SOURCE, "malformed", "%s (%d so far)", problem, self.malformed)
        machine.handle_timer(now)
        due = machine.cadence.at
        frames = machine.outgoing(now)
        if frames and due and now - due >= LATE:
            self._journal.limited(now, SOURCE, "late", "frames are %d ms late: this program was held up (%d rounds skipped so far)", (now - due) // MS,
                                  machine.cadence.skipped)
        for message in frames:
            if not self._port.send(message.id, message.emit(), False, now):
                self.refused += 1
                self._journal.limited(now, SOURCE, "refused", "the CAN bus takes no frames (%d so far)", self.refused)
        for event in machine.events():
            if type(event) is StateChanged:
                self._journal.note(now, SOURCE, "%s -> %s", event.old, event.new)
            else:
                self._journal.note(now, SOURCE, event.text, *event.args, level=event.level)
        self._publish(now)
        return min(now + LISTEN if machine.state is not Side.Idle else now + AT_REST, machine.next_timer())

    def _refresh(self, now: int) -> None:
        s, f = self._s, self.machine.facts
        f.permission = s.vehicle_permission.get(now)
        f.plug_voltage = s.vehicle_voltage.get(now)
        f.d1 = s.d1_on.get(now)
        f.d2 = s.d2_on.get(now)
        f.locked = s.vehicle_lock_confirmed.get(now)
        f.joined = s.contactors_closed.get(now)
        f.trip = s.safety_trip.value or ""
        f.offer = s.charger_offer.get(now)

    def _publish(self, now: int) -> None:
        machine = self.machine
        for lease, wish in self._wishes:
            if wish(machine):
                lease.renew(True, now)
            else:
                lease.release(now)
        self._says.set(machine.says(now), now)
        self._state.set(machine.state.name, now)
        self._stop.set(machine.reason, now)
        self._urgent.set(machine.urgent, now)
        self._status.set(machine.status if machine.wants_d1 or machine.state is Side.StopEnd else None, now)
