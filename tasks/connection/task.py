"""The connection task: one inbox of events and one of the person's commands in, commands to the rungs out."""
from __future__ import annotations

from typing import Any

from kernel.channels import Lease, Mailbox
from kernel.journal import Journal
from kernel.timer import S
from tasks.connection.config import ConnectionConfig
from tasks.connection.ladder import HOMEPLUG, SDP, TCP, V2G, ConnectionFacts, Ladder
from tasks.machine import Checkpoint, StateChanged
from tasks.signals import Signals

SOURCE = "connection"
INBOX_LIMIT = 32
DUTY_RENEWAL = 1 * S         # the request lapses after 3 s


class ConnectionTask:
    """Thin: signals -> facts, events -> machine, commands -> mailboxes."""

    def __init__(self, machine: Ladder, inbox: Mailbox, user: Mailbox, outboxes: dict[str, Mailbox], signals: Signals,
                 journal: Journal) -> None:
        """`inbox`: events of all rungs. `user`: StopSession, StartSession. `outboxes`: by the names in ladder.py."""
        self.inboxes = (inbox, user)
        self.machine = machine
        self._out = outboxes
        self._s = signals
        self._journal = journal
        self._state = signals.connection_state.claim(SOURCE)
        self._reason = signals.stop_reason.claim(SOURCE)
        self._alive = signals.connection_alive.claim(SOURCE)
        self._held = signals.session_hold.writer is not None         # a bridge, whose task is made before this one
        self._duty = None if machine.duty is None else Lease(signals.pilot_duty_request.claim(SOURCE))
        self._wake = Lease(signals.pilot_wake_request.claim(SOURCE)) if machine.duty is None else None
        self._waking = False
        self._by_pilot = Lease(signals.by_pilot_request.claim(SOURCE)) if machine.duty is not None else None
        self._leave_given = False
        self._renew_at = 0
        self._told_duty: float | None = None
        self._told_state = ""

    def run(self, now: int) -> int:
        machine = self.machine
        self._alive.set(True, now)
        self._refresh(machine.facts, now)
        for box in self.inboxes:
            for item in box.drain(INBOX_LIMIT):
                machine.receive(item, now)
        if machine.next_timer() <= now:
            machine.handle_timer(now)
        for destination, command in machine.outgoing():
            self._out[destination].put(command)
        for event in machine.events():
            if type(event) is StateChanged:
                self._journal.note(now, SOURCE, "%s -> %s", event.old, event.new)
            elif type(event) is Checkpoint:
                self._journal.checkpoint(now, SOURCE, event.number, event.text)
            else:
                self._journal.note(now, SOURCE, event.text, *event.args, level=event.level)
        self._publish(now)
        if any(len(box) for box in self.inboxes):
            return now
        if self._duty is not None:
            return min(machine.next_timer(), self._renew_at)
        return machine.next_timer()

    def _refresh(self, facts: ConnectionFacts, now: int) -> None:
        s = self._s
        facts.pilot = s.pilot_state.get(now)
        facts.duty = s.pilot_duty.get(now)
        facts.safety_state = s.safety_state.get(now)
        facts.link_state = s.link_state.value
        facts.modem = s.modem.value
        facts.power_share = s.power_share.value
        facts.heard = s.peer_heard.get(now) is True
        facts.stop_button = s.stop_button.get(now)
        if self._held:
            hold = s.session_hold.get(now)
            facts.hold = "the bridge's task" if hold is None else hold

    def _publish(self, now: int) -> None:
        machine = self.machine
        if machine.state.name != self._told_state:
            self._told_state = machine.state.name
            self._state.set(machine.state.name, now)
        if machine.reason is not self._s.stop_reason.value:
            self._reason.set(machine.reason, now)
        if self._duty is not None and (machine.duty != self._told_duty or machine.by_pilot != self._leave_given or now >= self._renew_at):
            self._told_duty = machine.duty
            self._renew_at = now + DUTY_RENEWAL
            self._duty.renew(machine.duty, now)
            if machine.by_pilot:
                self._by_pilot.renew(True, now)
            elif self._leave_given:
                self._by_pilot.release(now)
            self._leave_given = machine.by_pilot
        if self._wake is not None and machine.wants_c != self._waking:       # shorter than the lease lasts: nothing to renew
            self._waking = machine.wants_c
            if self._waking:
                self._wake.renew(True, now)
            else:
                self._wake.release(now)


def _task(machine: Ladder, box: Any, signals: Signals, journal: Journal) -> ConnectionTask:
    outboxes = {HOMEPLUG: box.to_homeplug, SDP: box.to_sdp, TCP: box.to_tcp, V2G: box.to_v2g}
    return ConnectionTask(machine, box.to_connection, box.user, outboxes, signals, journal)


def pev_connection(cfg: Any, box: Any, signals: Signals, journal: Journal) -> ConnectionTask:
    """The supervision of a car; `cfg` is the configuration of the box, `box` its mailboxes (tasks/table.py)."""
    from tasks.connection.pev_ladder import PevConnection        # a box is car or charger, and loads the one
    config: ConnectionConfig = cfg.connection
    return _task(PevConnection(config, ConnectionFacts()), box, signals, journal)


def evse_connection(cfg: Any, box: Any, signals: Signals, journal: Journal) -> ConnectionTask:
    """The supervision of a charger."""
    from tasks.connection.evse_ladder import EvseConnection
    from tasks.connection.nominal import NominalDuty
    config: ConnectionConfig = cfg.connection
    nominal = NominalDuty(cfg.evse) if cfg.evse.ac and config.ac_by_pilot else None
    return _task(EvseConnection(config, ConnectionFacts(), cfg.tcp.listen_port, nominal), box, signals, journal)
