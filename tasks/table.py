"""The machine on one page: which tasks a box has, in which order they run, what they share.

Read a function top to bottom: first the mailboxes (who tells whom), then the rows. One visit of the kernel runs the
rows in this order; rows that got mail from a later one run again within the same visit.
"""
from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Sequence

from exi_native.codec import Codec
from kernel.channels import Mailbox
from kernel.journal import Journal
from kernel.record import dataclass
from kernel.task import ALWAYS, CRITICAL, TIMED, WHEN_IDLE, Row
from kernel.timer import MS, US, S
from tasks.config import Config
from tasks.devices.task import DevicesTask
from tasks.display.task import DisplayTask, Lines
from tasks.ethernet.task import FrameRx, FrameTx, Tap
from tasks.health.task import Flushable, HealthTask, Watchdog
from tasks.safety.trips import INTERNAL_FAULT, Trip
from tasks.signals import Signals

if TYPE_CHECKING:                 # a box is one of these, and loads no other: at a start each file costs (`python -m tools.bench start`)
    from tasks.bridge.task import Memory
    from tasks.connection.task import ConnectionTask
    from tasks.homeplug.task import HomeplugTask
    from tasks.ipv6.task import Ipv6Task, SdpTask
    from tasks.listen.task import Files, ListenTask
    from tasks.safety.ac_task import AcSafetyTask
    from tasks.safety.task import EvseSafetyTask, SafetyTask
    from tasks.tcp.task import TcpTask
    from tasks.user.task import Keys
    from tasks.v2g.task import V2gTask

FRAMES = 64        # frames that wait between rows: twice what one visit drains
ITEMS = 32         # commands, events, datagrams


class Boxes:
    """The mailboxes of a box that charges; the same in both roles. Writer -> reader stands behind each."""

    def __init__(self) -> None:
        self.homeplug_in: Mailbox = Mailbox("homeplug_in", FRAMES)            # frame_rx -> homeplug
        self.ipv6_in: Mailbox = Mailbox("ipv6_in", FRAMES)                    # frame_rx -> ipv6
        self.frames_out: Mailbox = Mailbox("frames_out", FRAMES)              # homeplug, ipv6 -> frame_tx
        self.datagrams_out: Mailbox = Mailbox("datagrams_out", FRAMES)        # sdp, tcp -> ipv6; an answer to each frame of a run, and the session's own
        self.udp_in: Mailbox = Mailbox("udp_in", ITEMS)                       # ipv6 -> sdp
        self.tcp_in: Mailbox = Mailbox("tcp_in", ITEMS)                       # ipv6 -> tcp
        self.to_homeplug: Mailbox = Mailbox("to_homeplug", ITEMS)             # connection -> homeplug
        self.to_sdp: Mailbox = Mailbox("to_sdp", ITEMS)                       # connection -> sdp
        self.to_tcp: Mailbox = Mailbox("to_tcp", ITEMS)                       # connection, v2g -> tcp
        self.stream: Mailbox = Mailbox("stream", ITEMS)                       # tcp -> v2g
        self.to_v2g: Mailbox = Mailbox("to_v2g", ITEMS)                       # connection -> v2g
        self.to_connection: Mailbox = Mailbox("to_connection", ITEMS)         # homeplug, sdp, tcp, v2g -> connection
        self.user: Mailbox = Mailbox("user", ITEMS)                           # user -> connection

    def all(self) -> list[Mailbox]:
        """Every mailbox, for the check that each has a reader."""
        return list(vars(self).values())


@dataclass(slots=True)
class Surroundings:
    """What a box is given besides its board: the person, the process, and who watches."""

    keys: Keys
    terminate: Callable[[], bool]
    tap: Tap | None = None
    sinks: Sequence[Flushable] = ()
    watchdog: Watchdog | None = None
    files: Files | None = None                      # a listener's: where finished sessions are filed
    screen: Callable[[Table], list[Row]] | None = None      # a listener's on a terminal: the rows that show it
    about: str = "ccsbox"                           # name and version, for the display
    lines: Lines | None = None                      # a display of three lines
    memory: Memory | None = None                    # a bridge's: what it has learned about vehicles
    remote: Mailbox | None = None                   # live view -> user: what its page asks for (RemoteStop, RemoteLower); None: there is none


@dataclass(slots=True)
class Table:
    """A finished table and the few of its parts that somebody outside talks to."""

    rows: list[Row]
    mailboxes: list[Mailbox]
    user: Mailbox | None                            # None: there is no session to stop
    safety: SafetyTask | EvseSafetyTask | AcSafetyTask | None      # None: a listener holds nothing
    connection: ConnectionTask | None
    health: HealthTask
    listener: ListenTask | None = None
    witness: Callable[[str, Trip], None] | None = None      # is told what of this kind somebody does to the table

    def on_fault(self, now: int, name: str, cause: Trip = INTERNAL_FAULT) -> None:
        """A task of this table raised, or somebody does not wait for an orderly end (`cause`): the outputs go to their safe state in order."""
        if self.witness is not None:
            self.witness(name, cause)
        if self.safety is not None:
            self.safety.on_fault(now, name, cause)

    @property
    def safe(self) -> bool:
        """The outputs are where they may stay without us."""
        return self.safety is None or self.safety.safe

    @property
    def broken(self) -> bool:
        """The supervisor itself has failed: this program can only be started anew."""
        return self.safety is not None and self.safety.broken


def pev(board: Any, s: Signals, cfg: Config, rng: Any, journal: Journal, codec: Codec, around: Surroundings) -> Table:
    """The box in a car; `board` is a drivers.board.CarBoard, `rng` is seeded in simulation and secret otherwise."""
    from tasks.connection.task import pev_connection
    from tasks.homeplug.modem import Modem
    from tasks.homeplug.slac_pev import PevSlac
    from tasks.homeplug.task import HomeplugTask
    from tasks.ipv6.host import Host
    from tasks.ipv6.sdp import SdpClient
    from tasks.ipv6.task import Ipv6Task, SdpTask
    from tasks.safety.task import SafetyTask
    from tasks.sense.task import CarSense
    from tasks.tcp.endpoint import Endpoint
    from tasks.tcp.task import TcpTask
    from tasks.v2g.sides import PevSide
    from tasks.v2g.task import V2gTask
    box, mac = Boxes(), board.nic.mac
    role, modem = PevSlac(cfg.slac, mac, rng), Modem(cfg.slac, mac, rng, coordinator=False)
    host = Host(mac, cfg.ipv6, rng)
    ipv6 = Ipv6Task(host, box.ipv6_in, box.datagrams_out, box.frames_out, box.udp_in, box.tcp_in, s, journal)
    sdp, tcp = SdpClient(host.address, rng), Endpoint(host.address, cfg.tcp, rng)
    onboard = board.onboard if cfg.ev.takes_ac else None
    if board.can is None:
        from tasks.vehicle.task import VehicleTask
        vehicle = Row("vehicle", VehicleTask(board.vehicle, s, onboard), 200 * MS, 100 * US, CRITICAL)
    else:
        from tasks.chademo.private_task import PrivateTask
        vehicle = Row("vehicle", PrivateTask(board.can, s, cfg.ev.max_current_a, journal), TIMED, 100 * US, CRITICAL)
    return _table(box, s, cfg, journal, around, board, "pev", [
        Row("sense", CarSense(board.voltmeter, board.pilot_monitor, board.inputs, s), 50 * MS, 150 * US, CRITICAL), vehicle,
    ], HomeplugTask(cfg.slac, role, modem, mac, box.homeplug_in, box.to_homeplug, box.frames_out, box.to_connection, s, journal, cfg.interface),
        ipv6,
        SdpTask(sdp, box.to_sdp, box.udp_in, box.datagrams_out, box.to_connection, s, journal),
        TcpTask(tcp, box.tcp_in, box.to_tcp, box.datagrams_out, box.to_connection, box.stream, s.own_address, journal),
        pev_connection(cfg, box, s, journal),
        V2gTask(PevSide(s, cfg.ev, mac), codec, box.stream, box.to_v2g, box.to_tcp, box.to_connection, s, journal),
        SafetyTask(board.control_pilot, board.contactors, board.lock, s, cfg.safety, journal))


def bridge(board: Any, s: Signals, cfg: Config, rng: Any, journal: Journal, codec: Codec, around: Surroundings) -> Table:
    """The box between a CCS charger and a CHAdeMO vehicle; `board` is a drivers.board.CarBoard with `bridge`.

    Towards the charger it is a car whose battery data come from the row `bridge`; both its rows run before whatever looks at them.
    """
    from tasks.bridge.config import ev_of
    from tasks.bridge.task import BridgeTask
    from tasks.chademo.task import ChademoTask
    from tasks.connection.task import pev_connection
    from tasks.homeplug.modem import Modem
    from tasks.homeplug.slac_pev import PevSlac
    from tasks.homeplug.task import HomeplugTask
    from tasks.ipv6.host import Host
    from tasks.ipv6.sdp import SdpClient
    from tasks.ipv6.task import Ipv6Task, SdpTask
    from tasks.safety.bridge_task import BridgeSafetyTask
    from tasks.sense.task import BridgeSense
    from tasks.tcp.endpoint import Endpoint
    from tasks.tcp.task import TcpTask
    from tasks.v2g.sides import PevSide
    from tasks.v2g.task import V2gTask
    box, mac, ev, plug = Boxes(), board.nic.mac, ev_of(cfg.ev, cfg.bridge, cfg.safety.pev.match_v), board.bridge
    measured = cfg.safety.bridge.vehicle_voltmeter_fitted
    chademo = ChademoTask(plug.can, s, cfg.bridge, journal, voltmeter=measured)
    interlock = BridgeTask(s, cfg.bridge, box.user, journal, voltmeter=measured, memory=around.memory)
    role, modem = PevSlac(cfg.slac, mac, rng), Modem(cfg.slac, mac, rng, coordinator=False)
    host = Host(mac, cfg.ipv6, rng)
    ipv6 = Ipv6Task(host, box.ipv6_in, box.datagrams_out, box.frames_out, box.udp_in, box.tcp_in, s, journal)
    sdp, tcp = SdpClient(host.address, rng), Endpoint(host.address, cfg.tcp, rng)
    return _table(box, s, cfg, journal, around, board, "pev", [
        Row("sense", BridgeSense(board.voltmeter, board.pilot_monitor, board.inputs, plug.voltmeter, plug.inputs, s), 50 * MS, 150 * US, CRITICAL),
        Row("chademo", chademo, TIMED, 150 * US, CRITICAL),
        Row("bridge", interlock, TIMED, 150 * US, CRITICAL),
    ], HomeplugTask(cfg.slac, role, modem, mac, box.homeplug_in, box.to_homeplug, box.frames_out, box.to_connection, s, journal, cfg.interface),
        ipv6,
        SdpTask(sdp, box.to_sdp, box.udp_in, box.datagrams_out, box.to_connection, s, journal),
        TcpTask(tcp, box.tcp_in, box.to_tcp, box.datagrams_out, box.to_connection, box.stream, s.own_address, journal),
        pev_connection(cfg, box, s, journal),
        V2gTask(PevSide(s, ev, mac), codec, box.stream, box.to_v2g, box.to_tcp, box.to_connection, s, journal),
        BridgeSafetyTask(board.control_pilot, board.contactors, board.lock, plug.sequence, plug.lock, s, cfg.safety, journal))


def evse(board: Any, s: Signals, cfg: Config, rng: Any, journal: Journal, codec: Codec, around: Surroundings) -> Table:
    """The box in a charger; `board` is a drivers.board.ChargerBoard, or an AcChargerBoard where evse.energy_transfer_modes are all AC."""
    from tasks.connection.task import evse_connection
    from tasks.homeplug.modem import Modem
    from tasks.homeplug.slac_evse import EvseSlac
    from tasks.homeplug.task import HomeplugTask
    from tasks.ipv6.host import Host
    from tasks.ipv6.sdp import SdpServer
    from tasks.ipv6.task import Ipv6Task, SdpTask
    from tasks.tcp.endpoint import Endpoint
    from tasks.tcp.task import TcpTask
    from tasks.v2g.sides import EvseSide
    from tasks.v2g.task import V2gTask
    box, mac = Boxes(), board.nic.mac
    role = EvseSlac(cfg.slac, mac, rng, reports_silence=cfg.evse.ac and cfg.connection.ac_by_pilot)
    modem = Modem(cfg.slac, mac, rng, coordinator=True)
    host = Host(mac, cfg.ipv6, rng)
    ipv6 = Ipv6Task(host, box.ipv6_in, box.datagrams_out, box.frames_out, box.udp_in, box.tcp_in, s, journal)
    sdp, tcp = SdpServer(host.address, cfg.tcp.listen_port, cfg.sdp), Endpoint(host.address, cfg.tcp, rng)
    if cfg.evse.ac:
        from tasks.safety.ac_task import AcSafetyTask
        from tasks.sense.task import AcSense
        sense = Row("sense", AcSense(board.pilot_monitor, board.inputs, board.residual_current, board.meter, s), 20 * MS, 150 * US, CRITICAL)
        safety: AcSafetyTask | EvseSafetyTask = AcSafetyTask(board.pilot_source, board.contactors, board.lock, s, cfg.safety, journal)
    else:
        from tasks.safety.task import EvseSafetyTask
        from tasks.sense.task import ChargerSense
        sense = Row("sense", ChargerSense(board.power_meter, board.pilot_monitor, board.inputs, s), 50 * MS, 150 * US, CRITICAL)
        safety = EvseSafetyTask(board.pilot_source, board.power_supply, board.contactors, board.lock, s, cfg.safety, journal)
    return _table(box, s, cfg, journal, around, board, "evse", [sense], HomeplugTask(cfg.slac, role, modem, mac, box.homeplug_in, box.to_homeplug, box.frames_out, box.to_connection, s, journal, cfg.interface),
        ipv6,
        SdpTask(sdp, box.to_sdp, box.udp_in, box.datagrams_out, box.to_connection, s, journal),
        TcpTask(tcp, box.tcp_in, box.to_tcp, box.datagrams_out, box.to_connection, box.stream, s.own_address, journal),
        evse_connection(cfg, box, s, journal),
        V2gTask(EvseSide(s, cfg.evse, rng), codec, box.stream, box.to_v2g, box.to_tcp, box.to_connection, s, journal),
        safety)


def listen(board: Any, s: Signals, cfg: Config, rng: Any, journal: Journal, codec: Codec, around: Surroundings) -> Table:
    """The listener: nothing here can move an actuator, and without `listen.join` nothing can send a frame; `board` is a ListenBoard."""
    from tasks.listen.exi import decoder
    from tasks.listen.task import INBOX, ListenRx, ListenTask
    frames: Mailbox = Mailbox("frames", INBOX)                     # frame_rx -> listen
    to_join: Mailbox | None = None
    if cfg.listen.join and board.own_modem is not None:
        from tasks.listen.join import Joining
        from tasks.listen.join_task import INBOX as JOIN_INBOX, JoinTask
        to_join = Mailbox("to_join", JOIN_INBOX)                   # listen -> join
    health = HealthTask(journal, around.watchdog, around.sinks)
    listener = ListenTask(decoder(codec), frames, s, cfg.listen, journal, around.files, to_join, board.nic.mac)
    rows = [
        Row("frame_rx", ListenRx(board.nic, frames, journal, around.tap),            TIMED,  500 * US, CRITICAL, board.nic),
        Row("listen",   listener,                                                    TIMED, 2000 * US, CRITICAL),
        Row("display",  DisplayTask(board.oled, s, "listen", journal, config=cfg.display, about=around.about, lines=around.lines), TIMED, 3000 * US, WHEN_IDLE),
        Row("health",   health,                                                      TIMED, 1000 * US, WHEN_IDLE),
    ]
    rows = devices(board, s, journal) + rows
    if to_join is not None:
        joining = Joining(cfg.slac, board.nic.mac, rng)
        rows.insert(len(rows) - 2, Row("join", JoinTask(joining, to_join, board.own_modem, s, journal, around.tap), TIMED, 600 * US, CRITICAL))
    return Table(rows, [frames] if to_join is None else [frames, to_join], None, None, None, health, listener)


def devices(board: Any, s: Signals, journal: Journal) -> list[Row]:
    """The row that gives the board's devices their turns, before anybody reads them; none where there are none (simulation)."""
    return [Row("devices", DevicesTask(board.polled, s, journal), TIMED, 700 * US, CRITICAL)] if board.polled else []


def _table(box: Boxes, s: Signals, cfg: Config, journal: Journal, around: Surroundings, board: Any, role: str, first: list[Row],
           homeplug: HomeplugTask, ipv6: Ipv6Task, sdp: SdpTask, tcp: TcpTask, connection: ConnectionTask, v2g: V2gTask,
           safety: SafetyTask | EvseSafetyTask | AcSafetyTask) -> Table:
    """The rows that both roles have, in their order. Budgets are estimates for a Pi 4 (house.md 2.4), to be measured there."""
    from tasks.user.task import UserTask
    health = HealthTask(journal, around.watchdog, around.sinks)
    rows = devices(board, s, journal) + first + [
        #   name          task                                                                      every  budget    rank       wakes
        Row("user",       UserTask(around.keys, around.terminate, box.user, s.power_share, journal, s.display_keys, s.reset_request, around.remote, s.connection_state), TIMED, 100 * US, CRITICAL),
        Row("frame_rx",   FrameRx(board.nic, box.homeplug_in, box.ipv6_in, journal, around.tap, s.station, s.peer_mac), TIMED, 500 * US, CRITICAL, board.nic),
        Row("homeplug",   homeplug,                                                                 TIMED,  400 * US, CRITICAL),
        Row("ipv6",       ipv6,                                                                     TIMED,  300 * US, CRITICAL),
        Row("sdp",        sdp,                                                                      TIMED,  100 * US, CRITICAL),
        Row("tcp",        tcp,                                                                      TIMED,  400 * US, CRITICAL),
        Row("connection", connection,                                                               TIMED,  150 * US, CRITICAL),
        Row("v2g",        v2g,                                                                      TIMED,  800 * US, CRITICAL),
        Row("frame_tx",   FrameTx(board.nic, box.frames_out, journal, around.tap),                  TIMED,  400 * US, CRITICAL),
        Row("safety",     safety,                                                                   TIMED,  300 * US, ALWAYS),
        Row("display",    DisplayTask(board.oled, s, role, journal, config=cfg.display, about=around.about, lines=around.lines), TIMED, 3000 * US, WHEN_IDLE),
        Row("health",     health,                                                                   TIMED, 1000 * US, WHEN_IDLE),
    ]
    if getattr(board, "can_info", None) is not None:
        from tasks.can_info.task import CanInfoTask
        rows.append(Row("can_info", CanInfoTask(board.can_info, s, journal), TIMED, 100 * US, WHEN_IDLE))
    if board.mqtt is not None:
        from tasks.mqtt.task import MqttTask
        rows.append(Row("mqtt", MqttTask(board.mqtt, s, role, cfg.mqtt.discovery), 200 * MS, 300 * US, WHEN_IDLE))
    if board.rest is not None:
        from tasks.rest.report import Report
        from tasks.rest.task import RestTask
        report = Report(int(cfg.rest.every_s * S), int(cfg.rest.repeat_s * S))
        rows.append(Row("rest", RestTask(board.rest, s, role, report, cfg.rest.also, cfg.ev.stop_soc_percent, board.nic.mac), 200 * MS, 100 * US, WHEN_IDLE))
    return Table(rows, box.all() if around.remote is None else [*box.all(), around.remote], box.user, safety, connection, health)
