"""Two whole V2G tasks, car and charger, with the codec between them, a stream that splits as told, and a small plant."""
from __future__ import annotations

from random import Random

from drivers.interfaces import PilotState
from exi_native import codec
from kernel.channels import Mailbox
from kernel.journal import Journal
from kernel.timer import MS, S
from tasks.messages import SessionEnded, TcpClose, TcpClosed, TcpConnected, TcpData, TcpSend
from tasks.signals import Signals
from tasks.v2g.config import EvConfig, EvseConfig
from tasks.v2g.sides import EvseSide, PevSide
from tasks.v2g.task import V2gTask

MAC = bytes.fromhex("020000000001")
TICK = 10 * MS
CONNECTED = TcpConnected(b"\xfe\x80" + bytes(14), 51110, MAC)


class End:
    """One V2gTask with its mailboxes, signals and journal."""

    def __init__(self, make_side, the_codec):
        self.signals, self.journal = Signals(), Journal()
        self.stream, self.commands, self.tcp, self.connection = (Mailbox(n, 256) for n in ("stream", "commands", "tcp", "connection"))
        self.task = V2gTask(make_side(self.signals), the_codec, self.stream, self.commands, self.tcp, self.connection, self.signals,
                            self.journal)
        self.due = 0
        self.told = []
        self.lines = []
        self.journal.add_sink(self.lines.append)
        self.writers = {}

    def set(self, now, **values):
        """Write signals as their owners would."""
        for name, value in values.items():
            if name not in self.writers:
                self.writers[name] = getattr(self.signals, name).claim("plant")
            self.writers[name].set(value, now)

    @property
    def state(self):
        return self.signals.v2g_state.value

    @property
    def ended(self):
        ends = [e for e in self.told if type(e) is SessionEnded]
        return (ends[-1].reason, ends[-1].normal) if ends else None

    @property
    def checkpoints(self):
        self.journal.flush()
        return [e.number for e in self.lines if e.number]


class Pair:
    """`split`: octets per segment, None = whole messages. The plant obeys every wish at once."""

    def __init__(self, split=None, ev=None, evse=None):
        shared = codec.load()
        self.car = End(lambda s: PevSide(s, EvConfig(**(ev or {})), MAC), shared)
        self.charger = End(lambda s: EvseSide(s, EvseConfig(**(evse or {})), Random(1)), shared)
        self.split = split
        self.now = 0
        self.soc = 50.0
        self.voltage = 0.0
        self.hook = None                 # called with (pair) each tick

    def connect(self):
        for end in (self.car, self.charger):
            end.stream.put(CONNECTED)
        return self

    def plant(self):
        now, car, charger = self.now, self.car, self.charger
        ready = car.signals.pilot_c_request.get(now) is True
        closed = car.signals.contactor_request.get(now) is True
        output = charger.signals.output_request.get(now)
        self.voltage = 360.0 if closed else output.voltage if output else 0.0
        amps = output.current if output and closed and charger.state == "CurrentDemand" else 0.0
        pilot = PilotState.C if ready else PilotState.B
        car.set(now, pilot_commanded=pilot, lock_confirmed=car.signals.lock_request.get(now) is True, contactors_closed=closed,
                inlet_voltage=self.voltage, battery_voltage=360.0, battery_soc=self.soc, battery_target_voltage=400.0,
                battery_target_current=100.0, battery_max_voltage=410.0, battery_max_current=120.0, battery_max_power=90000.0,
                battery_capacity=30000.0, charge_permission=True, current_limit=1000.0)
        charger.set(now, pilot_state=pilot, output_voltage=self.voltage, output_current=amps, isolation=1e6,
                    contactors_closed=charger.signals.ac_request.get(now) is True)

    def run(self, duration):
        """Tick by tick, delivering what each end sends."""
        until = self.now + duration
        car, charger = self.car, self.charger
        while self.now < until:
            self.plant()
            if self.hook:
                self.hook(self)
            for _ in range(20):
                if not any([self._turn(car, charger), self._turn(charger, car)]):
                    break
            self.now += TICK
        return self

    def until(self, condition, limit=60 * S):
        end = self.now + limit
        while not condition(self):
            assert self.now < end, f"car {self.car.state}, charger {self.charger.state}"
            self.run(TICK)
        return self

    def _turn(self, end, other):
        if end.due > self.now and not len(end.stream) and not len(end.commands):
            return False
        end.due = end.task.run(self.now)
        for item in end.tcp.drain(64):
            if type(item) is TcpSend:
                step = self.split or len(item.data)
                for i in range(0, len(item.data), step):
                    other.stream.put(TcpData(item.data[i:i + step]))
            elif type(item) is TcpClose:
                for each in (end, other):
                    each.stream.put(TcpClosed(None))
        end.told += end.connection.drain(64)
        return True
