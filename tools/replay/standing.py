"""Where a replayed box stands: plug, matching, stream, V2G state, what its devices said last; all that its counterpart has to fit to."""
from __future__ import annotations

from dataclasses import dataclass as plain_dataclass
from dataclasses import field
from typing import Any

from drivers.blackbox.values import BATTERY
from tasks.errors import WireError
from tasks.ethernet.wire import HEADER_LENGTH
from tasks.ipv6 import wire as ipv6
from tasks.stop_reasons import NORMAL_ENDS
from tasks.tcp import wire as tcp
from tasks.tcp.states import State as Tcp
from tasks.v2g import v2gtp
from tasks.v2g.protocols import DIN, ISO2
from tools.replay.engine import Replay

ASKS_NEXT: dict[str, tuple[str, ...]] = {        # states without a request of their own: what is asked after them
    "Agreed": ("SessionSetup",), "WaitReady": ("CableCheck", "PowerDeliveryStart"), "WaitVehicle": ("PreCharge",),
    "WaitContactorsClosed": ("PowerDeliveryStart",), "WaitContactorsOpen": ("WeldingDetection", "SessionStop"), "WaitLoadEnded": ("PowerDeliveryStop",),
    "PowerDeliveryRenegotiate": ("CurrentDemand", "ChargingStatus"),
}
ENDING = frozenset({"WaitLoadEnded", "PowerDeliveryStop", "WaitContactorsOpen", "WeldingDetection", "SessionStop"})
UNDECIDED = frozenset({"SessionSetup", "ServiceDiscovery", "ServiceDetail", "ServicePaymentSelection", "PaymentServiceSelection", "ContractAuthentication",
                       "Authorization"})
"""The car has not yet said whether it takes AC or DC."""
MASK = 0xFFFF_FFFF


class NoLife(Exception):
    """The record cannot be left here; the sentence says why and what to do."""


@plain_dataclass(slots=True)
class Place:
    """One station: MAC of the host and of its modem, IPv6 address; None: not known."""

    mac: bytes | None = None
    modem: bytes | None = None
    address: bytes | None = None


@plain_dataclass(slots=True)
class Standing:
    """`connection`, `link`, `v2g`: names of states. `request`: octets of the stream that the charger has not answered. V, A, W, percent.

    `battery`: what its management told, by names of BatteryReading. `outputs`: as the box has commanded them. `not_yet`: why it cannot be left in this visit.
    """

    mode: str
    connection: str
    link: str
    v2g: str
    vehicle: str = ""                    # a bridge's CHAdeMO side
    asks_next: tuple[str, ...] = ()
    ending: bool = False
    ended_in_order: bool = False         # it will not begin again by itself
    powered: bool = False
    since: int = 0                       # ns that it is in `v2g`
    request: bytes = b""
    session_id: bytes = b""
    protocol: str | None = None
    ac: bool | None = None
    port: int | None = None
    nid: bytes = b""
    nmk: bytes = b""
    modem_maker: str = ""
    inlet: float | None = None
    current: float | None = None
    temperature: float | None = None
    max_voltage: float | None = None
    max_current: float | None = None
    max_power: float | None = None
    target_voltage: float | None = None
    battery: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, bool | None] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)
    not_yet: str = ""

    @property
    def text(self) -> str:
        """For people."""
        if self.connection == "Session":
            return f"in the session, {self.v2g}" + (", a request is unanswered" if self.request else "")
        return self.connection + (f" ({self.link})" if self.connection == "Matching" else "")


def row(made: Any, name: str) -> Any:
    """The task of a row."""
    return next(row.task for row in made.rows if row.name == name)


def standing_of(replay: Replay, mode: str) -> Standing:
    """What there is to know of a car's box now."""
    s, made, player = replay.signals, replay.made, replay.player
    at = Standing(mode, s.connection_state.value or "Unplugged", s.link_state.value or "Off", s.v2g_state.value or "Idle")
    homeplug = row(made, "homeplug")
    modem = homeplug._modem
    at.modem_maker, at.nid, at.nmk = modem._own.kind.maker, modem._key.nid or b"", modem._key.nmk
    at.places = {"pev": Place(player.mac, modem.mac, row(made, "ipv6").host.address), "evse": Place(s.peer_mac.value, s.peer_modem.value)}
    at.inlet, at.current, at.temperature = (_told(player, f"voltmeter.{what}") for what in ("inlet_voltage", "inlet_current", "inlet_temperature"))
    at.max_voltage, at.max_current, at.max_power = s.evse_max_voltage.value, s.evse_max_current.value, s.evse_max_power.value
    at.target_voltage = s.ev_target_voltage.value
    at.battery = {name: value for name, (value, _) in zip(BATTERY, _told(player, "vehicle.read") or ()) if value is not None}
    at.ended_in_order = s.stop_reason.value in NORMAL_ENDS
    at.vehicle = s.chademo_state.value or ""
    if mode == "bridge":
        at.battery = {name: value for name, value in (("soc_percent", s.battery_soc.value),) if value is not None}
    pilot = _told(player, "pilot_monitor.read")
    at.outputs = {"pilot": _commanded(player, "control_pilot.set_state_c", pilot is not None and pilot[0] in "CD"),
                  "contactors": _commanded(player, "contactors.set_closed", _told(player, "contactors.feedback")),
                  "lock": _commanded(player, "lock.set_locked", _told(player, "lock.feedback")),
                  "bridge.lock": _commanded(player, "bridge.lock.set_locked", _told(player, "bridge.lock.feedback")),
                  "d1": _commanded(player, "bridge.sequence.set_d1", s.d1_on.value), "d2": _commanded(player, "bridge.sequence.set_d2", s.d2_on.value)}
    found = getattr(made.connection.machine, "_found", None)
    if found is not None and at.connection in ("Connecting", "Session"):
        at.places["evse"].address, at.port = found.address, found.port
        at.places["evse"].mac = found.mac or at.places["evse"].mac
    if at.connection == "Session":
        _session(at, made, player, replay.now, s.v2g_state.at)
    return at


def _session(at: Standing, made: Any, player: Any, now: int, since: int) -> None:
    v2g, stream = row(made, "v2g"), row(made, "tcp").endpoint.session
    machine, session = v2g.side._machine, v2g._session
    if stream is None or session is None or stream.connection.state is not Tcp.ESTABLISHED:
        at.connection = "Ending"
        return
    connection = stream.connection
    at.places["evse"].address, at.places["evse"].mac, at.port = stream.peer, stream.mac or at.places["evse"].mac, connection.remote
    at.since = now - since
    at.asks_next = ASKS_NEXT.get(at.v2g, (at.v2g,))
    at.ending = at.v2g in ENDING
    if v2g._deframer.waiting or connection.rx.ahead or connection.tx.queue:
        at.not_yet = "a message is under way"
    elif at.v2g == "MeteringReceipt":
        at.not_yet = "a receipt is being given"
    awaiting = machine is None or machine._exchange.awaiting
    if machine is not None:
        at.powered = machine._power
        at.session_id = machine.session_id if machine.established else b""
        at.ac = not machine.dc if at.v2g not in UNDECIDED else None
        at.protocol = (DIN if machine.wire.__name__.endswith(".din") else ISO2).key
        if at.powered and at.v2g in ("ChargeParameterDiscovery", "PowerDeliveryRenegotiate"):
            at.not_yet = "parameters are being agreed anew"
    if awaiting and not at.not_yet:
        at.request = _request(connection, stream, player.sent)
        if not at.request:
            at.not_yet = "the request that is unanswered was sent before the record begins"


def _request(connection: Any, stream: Any, sent: Any) -> bytes:
    """The last message of the box, out of the segments that carried it."""
    pieces: dict[int, bytes] = {}
    end = connection.tx.nxt & MASK
    for flying in connection.tx.flight:              # of a record that begins in the middle of a life: not yet acknowledged
        pieces[flying.seq & MASK] = flying.data
    for frame in sent:
        try:
            packet = ipv6.parse_ipv6(frame, HEADER_LENGTH)
            if packet.next_header != ipv6.TCP or packet.src != stream.own or packet.dst != stream.peer:
                continue
            segment = tcp.parse(packet.payload, ipv6.pseudo_sum(packet.src, packet.dst, ipv6.TCP))
        except WireError:
            continue
        if segment.data and segment.src_port == connection.local:
            pieces[segment.seq] = segment.data
    ends = {seq + len(data) & MASK: seq for seq, data in pieces.items()}
    whole = b""
    while end in ends and len(whole) <= v2gtp.MAX_PAYLOAD_OCTETS_DIN:
        end = ends.pop(end)
        whole = pieces[end] + whole
        if whole[:2] == bytes((v2gtp.VERSION, v2gtp.INVERSE_VERSION)) and int.from_bytes(whole[4:8], "big") + v2gtp.HEADER_OCTETS == len(whole):
            return whole
    return b""


def _told(player: Any, name: str) -> Any:
    """The last answer of a channel, as the tape has it; None where there is no such device."""
    channel = player.channels.get(name)
    return channel.value if channel is not None else None


def _commanded(player: Any, name: str, otherwise: Any) -> bool | None:
    """What today's code has told the device last; before it told it anything: what was measured."""
    told = player.told.get(name)
    return otherwise if told is None else bool(told[0])
