"""The recorded box takes the place of the simulated car: its devices answer from the plant, its frames go to the simulated charger, in its own time."""
from __future__ import annotations

from typing import Any

from drivers.blackbox.values import BATTERY
from drivers.interfaces import BatteryReading, CanFrame
from drivers.sim.actuator import Actuator
from kernel.timer import NEVER, US
from tasks.ethernet import wire as ethernet
from tasks.homeplug.wire_emulator import key_digest
from tasks.ipv6 import wire as ipv6
from tasks.tcp import wire as tcp
from tasks.tcp.connection import Connection
from tasks.tcp.receive_side import ReceiveSide
from tools.replay.engine import Replay
from tools.replay.rehearsal import is_ipv6
from tools.replay.standing import MASK, Standing, row
from tools.simulate.charge import Node, Pressed
from tools.simulate.invariants import Talk
from tools.simulate.recorder import Recorder

OPTIONAL = frozenset({"voltmeter.inlet_current", "voltmeter.inlet_temperature", "voltmeter.supply_voltage", "inputs.stop_button", "inputs.display_button",
                      "contactors.feedback", "lock.feedback", "onboard.current", "onboard.power"})
"""What a board may lack: where the recorded one has never said anything, the simulated one is silent, too."""


def _later(at: int, shift: int) -> int:
    """A deadline of one time in the other; 0 (at once) and NEVER are the same in both."""
    return at if at in (0, NEVER) else at + shift


class World:
    """What the box hears from now on (drivers.blackbox.played.Outside). `shift`: ns from the time of the tape to that of the simulation."""

    def __init__(self, board: Any, gate: Any, shift: int, silent: frozenset[str], known: frozenset[str], pressed: Pressed) -> None:
        """`silent`: methods of devices that the box does not have. `known`: what its battery management tells."""
        self.nic = _ShiftedNic(gate, shift)
        self.keys = pressed.read
        self._board = board
        self._shift = shift
        self._silent = silent
        self._known = known
        self._calls: dict[str, Any] = {}

    def ask(self, name: str, arguments: tuple[Any, ...], last: Any) -> Any:
        """As Outside says. A device that the simulation has not: what the tape said last; a command to it is accepted."""
        if name in self._silent:
            return None
        if name not in self._calls:
            self._calls[name] = self._find(name)
        call = self._calls[name]
        if call is None:
            return last
        answer = call(*arguments[:-1], arguments[-1] + self._shift)
        if name == "vehicle.read":
            return None if answer is None else self._battery(answer)
        if name.endswith(".run"):
            return _later(answer, -self._shift)
        if name.endswith(".receive"):
            return [CanFrame(frame.id, frame.data, frame.extended, frame.at - self._shift) for frame in answer]
        return answer

    def look(self, name: str) -> Any:
        """As Outside says; None where the simulation has no such device."""
        return self._find(name)

    def _find(self, name: str) -> Any:
        thing: Any = self._board
        for part in name.split("."):
            if part.isdigit():
                thing = thing[int(part)] if int(part) < len(thing) else None
            else:
                thing = getattr(thing, part, None)
        return thing

    def _battery(self, told: BatteryReading) -> BatteryReading:
        reading = BatteryReading()
        for name in BATTERY:
            quantity = getattr(told, name)
            if name in self._known and quantity.at >= 0:
                getattr(reading, name).hear(quantity.value, quantity.at - self._shift)
        return reading


class _ShiftedNic:
    def __init__(self, gate: Any, shift: int) -> None:
        self._gate = gate
        self._shift = shift
        self.favour = gate.favour

    def receive(self, limit: int, now: int) -> list[tuple[int, bytes]]:
        return [(at - self._shift, frame) for at, frame in self._gate.receive(limit, now + self._shift)]

    def send(self, frame: bytes, now: int) -> bool:
        return self._gate.send(frame, now + self._shift)

    def next_event(self) -> int:
        return _later(self._gate.next_event(), -self._shift)


class ShiftedKernel:
    """The box's kernel in the time of the simulation, for its kernel.world.World."""

    def __init__(self, replay: Replay, shift: int) -> None:
        self._replay = replay
        self._shift = shift

    @property
    def next_visit(self) -> int:
        return _later(self._replay.kernel.next_visit, self._shift)

    @property
    def fault(self) -> str | None:
        return self._replay.kernel.fault

    @property
    def rows(self) -> Any:
        return self._replay.kernel.rows

    def visit(self, now: int) -> None:
        replay = self._replay
        replay.now = replay.player.now = now - self._shift
        replay.kernel.visit(replay.now)


class ShiftedSignals:
    """The box's signals in the time of the simulation, for those who watch."""

    def __init__(self, signals: Any, shift: int) -> None:
        self._signals = signals
        self._shift = shift

    def __getattr__(self, name: str) -> Any:
        shifted = _ShiftedSignal(getattr(self._signals, name), self._shift)
        self.__dict__[name] = shifted
        return shifted


class _ShiftedSignal:
    def __init__(self, signal: Any, shift: int) -> None:
        self._signal = signal
        self._shift = shift
        self.revision = signal.revision

    @property
    def value(self) -> Any:
        return self._signal.value

    def get(self, now: int) -> Any:
        return self._signal.get(now - self._shift)

    def stale_at(self) -> int:
        return min(_later(self._signal.stale_at(), self._shift), NEVER)


class _TableFromNow:
    """The box's table for a person who watches: how often it began anew before does not make anybody give up now."""

    def __init__(self, table: Any) -> None:
        self._table = table
        self._before = table.connection.machine.restarts
        self.connection = self

    @property
    def machine(self) -> Any:
        return self

    @property
    def restarts(self) -> int:
        return self._table.connection.machine.restarts - self._before

    def __getattr__(self, name: str) -> Any:
        return getattr(self._table, name)


# --- the change of places ------------------------------------------------------------------------------------------

def take_over(replay: Replay, at: Standing, charge: Any) -> Node:
    """The box stands in the charge from now on; `charge.car` is it."""
    now = charge.clock.time
    shift, player, gate, old = now - replay.now, replay.player, charge.gate, charge.car
    _fit_plant(charge.plant, at, now)
    _fit_keys(charge, at, old)
    _forget_frames(charge, old, gate)
    silent = frozenset(name for name in OPTIONAL if (channel := player.channels.get(name)) is not None and channel.known and not channel.spoke)
    pressed = Pressed()
    world = World(old.board, gate, shift, silent, frozenset(at.battery) or frozenset(BATTERY), pressed)
    node = Node("pev", _TableFromNow(replay.made), ShiftedKernel(replay, shift), ShiftedSignals(replay.signals, shift), replay.journal, Recorder(),   # type: ignore[arg-type]
                old.nic, old.board, pressed)
    old.nic.on_frame = gate.on_event = replay.kernel.waker("frame_rx")
    charge.world.kernels[charge.world.kernels.index(old.kernel)] = node.kernel
    charge.car = node
    gate.open()
    replay.black_box.tape.take()
    replay.black_box.tape.muted = True
    player.live = world
    gate.favour(player.favoured)
    _watch(replay, at, charge, node)
    if at.connection == "Session":
        _go_on_talking(replay, at, charge, gate, now)
    return node


def _fit_plant(plant: Any, at: Standing, now: int) -> None:
    """Outputs as the box has them, voltages and temperature as it has measured them."""
    plant.touch(now)
    pilot = at.outputs["pilot"]
    if pilot is not None and at.connection != "Unplugged":
        plant.pilot.state_c = pilot
        plant.pilot.update()
    for actuator, name in ((plant.car_contactors, "contactors"), (plant.car_lock, "lock")):
        _fit_actuator(actuator, at.outputs[name])
    if at.mode == "bridge":
        _fit_actuator(plant.vehicle_lock, at.outputs["bridge.lock"])
        plant.set_sequence(now, d1=at.outputs["d1"], d2=at.outputs["d2"])
    soc = at.battery.get("soc_percent")
    if soc is not None and hasattr(plant.battery, "soc"):
        plant.battery.soc = soc
    limit = at.battery.get("max_voltage")
    if limit:
        plant.battery.max_voltage = limit
    if at.battery.get("permission") is not None:
        plant.battery.permission = at.battery["permission"]
    if not plant.joined and at.inlet is not None:
        plant.inlet_voltage = max(0.0, at.inlet)
        if plant.tied:
            plant.output_voltage = plant.inlet_voltage
    if at.temperature is not None:
        plant.inlet_temperature = at.temperature
    plant._plan()


def _fit_actuator(actuator: Actuator, on: bool | None) -> None:
    if on is not None and (on != actuator.commanded or actuator.position != on):
        actuator.commanded = actuator.position = on
        actuator.done_at = NEVER


def _fit_keys(charge: Any, at: Standing, old: Node) -> None:
    """Both modems are in the recorded network, and the charger knows that."""
    if not at.nmk or at.connection in ("Unplugged", "WaitPilot", "Pausing") or at.connection == "Matching" and at.link != "Join":
        return
    homeplug = row(charge.charger.table, "homeplug")
    homeplug._role.nid, homeplug._role._nmk = at.nid, at.nmk
    homeplug._modem._key.nid, homeplug._modem._key.nmk, homeplug._modem._test.nid = at.nid, at.nmk, at.nid
    modems = [modem_of(charge.gate), modem_of(charge.charger.board.nic)]
    digest = key_digest(at.nid, at.nmk)
    before = modems[0]._digest
    for modem in modems:
        modem.flash.use_key(at.nid, at.nmk)
        modem.nid, modem.nmk, modem._digest = at.nid, at.nmk, digest
        for neighbour in modem.neighbours.values():
            if neighbour.digest == before:
                neighbour.nid, neighbour.digest = at.nid, digest


def modem_of(nic: Any) -> Any:
    """The emulated modem behind whatever stands before it."""
    while not hasattr(nic, "modem"):
        nic = nic.inner if hasattr(nic, "inner") else nic._inner
    return nic.modem


def _forget_frames(charge: Any, old: Node, gate: Any) -> None:
    """What was on its way to the simulated car belongs to another stream."""
    modem = modem_of(gate)
    for queue in (modem._to_host, old.nic._received, old.nic._first):
        kept = [item for item in queue if not is_ipv6(item[1], ipv6.TCP)]
        queue.clear()
        queue.extend(kept)
    link = charge.link
    link._queue = [item for item in link._queue if not (item[2] is old.nic and is_ipv6(item[3], ipv6.TCP))]      # stays a heap: it is ordered by time alone
    link._queue.sort(key=lambda item: item[:2])


def _watch(replay: Replay, at: Standing, charge: Any, node: Node) -> None:
    """The invariants look at this box now, from where it stands."""
    invariants, plant = charge.invariants, charge.plant
    invariants.watch(node, charge.charger)
    invariants.broken.clear()
    invariants._closed, invariants._locked, invariants._charger_locked = plant.car_contactors.commanded, plant.car_lock.commanded, plant.charger_lock.commanded
    invariants._b_since = NEVER if plant.pilot.state_c else charge.clock.time
    invariants._toggling_since = invariants._lacking_since = NEVER
    invariants._granted = None
    if invariants._ac is not None:
        invariants._ac._commanded, invariants._ac._locked = plant.ac.contactor.commanded, plant.charger_lock.commanded
    bridge = getattr(charge, "bridge_invariants", None)
    if bridge is not None:
        bridge.watch(node)
        bridge.broken.clear()
        bridge._d1, bridge._d2, bridge._closed, bridge._locked = plant.d1, plant.d2, plant.car_contactors.commanded, plant.vehicle_lock.commanded
        bridge._cycle_at = bridge._ends_at = NEVER
        bridge._due, bridge._capability_due = (), True
    _forget_the_rehearsal(charge)
    talk = Talk(at.session_id or None, trip=replay.signals.safety_trip.value or "", connection=replay.signals.connection_state.value,
                peer_mac=replay.signals.peer_mac.value)
    invariants.talks["pev"] = talk
    v2g = row(replay.made, "v2g")
    v2g._codec = invariants.overhear("pev", v2g._codec)
    plant.damage = 0
    plant.incidents.clear()


def _forget_the_rehearsal(charge: Any) -> None:
    """What a person saw and heard of it."""
    charge.trip, charge.told[:] = "", []
    charge._reason = charge._heard = None
    charge._charged_at = charge.clock.time
    charge._unplugged_at = NEVER


# --- the conversation ----------------------------------------------------------------------------------------------

def _go_on_talking(replay: Replay, at: Standing, charge: Any, gate: Any, now: int) -> None:
    """The charger's stream and session get the recorded numbers; then the unanswered request goes to it."""
    ours = row(replay.made, "tcp").endpoint.session
    theirs = row(charge.charger.table, "tcp").endpoint.session
    adopt(theirs.connection, ours.connection, len(at.request))
    if at.session_id:
        _adopt_id(row(charge.charger.table, "v2g"), at.session_id)
        charge.invariants.talks["evse"].session_id = at.session_id
    if at.request:
        connection = ours.connection
        segment = tcp.emit(connection.local, connection.remote, connection.tx.nxt - len(at.request) & MASK, connection.rx.nxt & MASK, tcp.ACK | tcp.PSH,
                           connection.rx.edge - connection.rx.nxt, at.request, connection.pseudo)
        packet = ipv6.emit_ipv6(ours.own, ours.peer, ipv6.TCP, ipv6.HOP_LIMIT, segment)
        # after whatever the box itself says in this visit
        charge.plant.at(now + US, lambda when: gate.send(ethernet.emit(ours.mac, replay.player.mac, ethernet.ETHERTYPE_IPV6, packet), when))


def adopt(theirs: Connection, ours: Connection, unanswered: int) -> None:
    """`theirs` becomes the other end of `ours`: all it has sent has arrived, all but the last `unanswered` octets of ours has been read."""
    theirs.local, theirs.remote = ours.remote, ours.local
    tx = theirs.tx
    tx.stop()
    tx.flight.clear()
    tx.una = tx.nxt = tx.top = ours.rx.nxt
    tx.tries, tx.duplicates, tx.extra, tx.recover, tx.recovered = 0, 0, 0, -1, -1
    theirs.rx = ReceiveSide(ours.tx.nxt - unanswered, theirs.config.mss)
    tx.set_window(theirs.rx.nxt, tx.una, ours.rx.edge - ours.rx.nxt)
    theirs._segments_unacked = 0
    theirs._ack_now = False
    for timer in (theirs._ack_timer, theirs._user):
        timer.cancel()


def _adopt_id(v2g: Any, session_id: bytes) -> None:
    """The machine has the id with as many octets as it makes; what stands before it says and hears only those of the record."""
    whole = session_id.ljust(8, b"\0")
    v2g.side.machine.session_id = whole
    session = v2g._session
    session._id, session._octets = whole, len(session_id)
