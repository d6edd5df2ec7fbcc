"""A supervision machine with fake facts; time passes from deadline to deadline, commands and states are collected."""
from __future__ import annotations

from drivers.interfaces import PilotState
from kernel.timer import S
from tasks.connection.config import ConnectionConfig
from tasks.connection.ladder import ConnectionFacts, State
from tasks.connection.evse_ladder import EvseConnection
from tasks.connection.pev_ladder import PevConnection
from tasks.connection.timing import FAREWELL, POLL
from tasks.machine import Note, StateChanged
from tasks.messages import Discovered, LinkUp, SessionEnded, SessionEstablished, TcpClosed, TcpConnected
from tasks.stop_reasons import StopReason

ADDRESS = b"\xfe\x80" + bytes(13) + b"\x01"
MAC = bytes.fromhex("020000000002")
UP = LinkUp(MAC, bytes(7))
FOUND = Discovered(ADDRESS, 51110, MAC)
CONNECTED = TcpConnected(ADDRESS, 51110, MAC)
PORT = 51110


class Bench:
    """`sent`: (destination, command name) since the last `take`; `states`: every state entered."""

    def __init__(self, role, **config):
        self.facts = ConnectionFacts(pilot=PilotState.A, duty=5.0, safety_state="Idle", link_state="WaitParm")
        make = ConnectionConfig(**config)
        self.m = PevConnection(make, self.facts) if role == "pev" else EvseConnection(make, self.facts, PORT)
        self.role = role
        self.now = 1 * S
        self.out = []
        self.states = [State.Unplugged]
        self.notes = []
        self.run(0)

    @property
    def state(self):
        return self.m.state

    def _collect(self):
        self.out += self.m.outgoing()
        for event in self.m.events():
            if type(event) is StateChanged:
                assert event.old == self.states[-1].name
                self.states.append(State[event.new])
            elif type(event) is Note:
                self.notes.append(event.text % event.args)

    def run(self, duration):
        end = self.now + duration
        for _ in range(1_000_000):
            at = self.m.next_timer()
            if at > end:
                break
            self.now = max(at, self.now)
            self.m.handle_timer(self.now)
            self._collect()
        self.now = end
        return self

    def tell(self, *items):
        for item in items:
            self.m.receive(item, self.now)
            self._collect()
        return self

    def take(self):
        """Commands since the last call."""
        out, self.out = self.out, []
        return [(where, type(command).__name__) for where, command in out]

    def plug(self):
        self.facts.pilot = PilotState.B
        return self.run(2 * S)

    def unplug(self):
        self.facts.pilot = PilotState.A
        return self.run(1 * S)

    def at(self, state):
        """Climb until `state`."""
        for act in (self.plug, lambda: self.tell(UP), lambda: self.tell(FOUND), lambda: self.tell(CONNECTED)):
            if self.state is state:
                break
            act()
        assert self.state is state, self.state
        return self

    def session(self):
        self.at(State.Session).tell(SessionEstablished())
        self.take()
        return self

    def end(self, reason=StopReason.USER_STOP, normal=True):
        return self.tell(SessionEnded(reason, normal))

    def farewell(self):
        """The peer's FIN, and the time that our own gets."""
        return self.tell(TcpClosed(None)).run(FAREWELL + POLL)


PEV_RUNGS = [State.WaitPilot, State.Matching, State.Discovering, State.Connecting, State.Session]
EVSE_RUNGS = [State.Preparing, State.Matching, State.Discovering, State.Session]
DOWN = [("tcp", "TcpAbort"), ("sdp", "StopDiscovery"), ("homeplug", "StopMatching")]


def pev(**config):
    return Bench("pev", **config)


def evse(**config):
    return Bench("evse", **config)


def rungs():
    return [("pev", s) for s in PEV_RUNGS] + [("evse", s) for s in EVSE_RUNGS]


def at(role, state):
    """A bench whose ladder has just come to `state`."""
    bench = Bench(role)
    if state is State.WaitPilot:
        bench.facts.duty = 100.0
    if state is State.Preparing:
        bench.facts.link_state = "WaitKey"
    bench.at(state)
    bench.take()
    return bench
