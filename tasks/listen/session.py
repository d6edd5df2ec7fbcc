"""Groups records into charging sessions: phases with durations, answer times, values reached, and why it ended.

A session begins with a car's CM_SLAC_PARM.REQ, SDP request or TCP connection, whichever is seen first; a new one begins when the
same car starts over after the V2G connection ended.
"""
from __future__ import annotations

from dataclasses import field

from kernel.record import dataclass
from kernel.timer import NEVER, S
from tasks.homeplug import wire as mme
from tasks.ipv6.sdp_wire import SECURITY_TLS
from tasks.listen.latency import Latency
from tasks.listen.record import Category, Layer, Record, Role
from tasks.listen.values import average, physical
from tasks.tcp.wire import RST, SYN, Segment

MAX_SESSIONS = 64            # the first ones are kept; what begins later is counted in `not_kept`
MAX_CARS = 32                # cars with a session in progress at the same time
MAX_PHASES = 48              # of one session
MAX_REMARKS = 12             # of one session
MAX_NAMES = 128              # kinds of requests with answer times
SILENCE = 60 * S             # V2G_SECC_Sequence_Timeout: after it the charger has given the session up

MATCHING, JOINING, DISCOVERY, CONNECTING = "matching", "joining the network", "SDP", "TCP connection"
HANDSHAKE = "supportedAppProtocol"
_BAD_STATUS = ("EVSE_Shutdown", "EVSE_UtilityInterruptEvent", "EVSE_EmergencyShutdown", "EVSE_Malfunction")
_FIRST = (MATCHING, JOINING, DISCOVERY, CONNECTING)


@dataclass(slots=True)
class Phase:
    """A stretch of one kind of message; `end` is where the next phase began, or its last message."""

    name: str
    start: int
    end: int
    messages: int = 0


@dataclass(slots=True)
class Session:
    """What was seen of one car's attempt to charge. Voltages V, currents A, state of charge percent, times ns."""

    number: int
    start: int
    end: int
    car: bytes = b""
    charger: bytes = b""
    protocol: str = ""
    session_id: bytes = b""
    evccid: bytes | str = b""            # text in ISO 15118-20
    evseid: bytes | str = b""            # text in ISO 15118-2 and -20
    nid: bytes = b""
    nmk: bytes = b""
    attenuation: float | None = None
    phases: list[Phase] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    v2g_messages: int = 0
    soc_first: int | None = None
    soc_last: int | None = None
    voltage_last: float | None = None
    voltage_max: float | None = None
    current_max: float | None = None
    current_last: float | None = None
    # evidence for the stop reason
    run_id: bytes = b""
    parm_requests: int = 0
    parm_answers: int = 0
    parm_foreign: int = 0
    attenuation_reports: int = 0
    match_requests: int = 0
    match_answers: int = 0
    sdp_requests: int = 0
    sdp_tls_requests: int = 0
    sdp_answers: int = 0
    port: int = 0                # the car's TCP port, 0 when the SYN was not seen
    syns: int = 0
    connections: int = 0
    refused: int = 0
    tls_records: int = 0
    request: str = ""            # the last one, "" once answered
    request_at: int = 0
    last_answer: str = ""
    ongoing: bool = False        # EVSEProcessing of the last answer
    failure: str = ""
    shutdown: str = ""
    car_error: str = ""
    stopped: bool = False
    closed_by: str = ""
    closed_at: int = 0
    reported: bool = False

    @property
    def reached(self) -> str:
        return self.phases[-1].name if self.phases else "nothing"

    def remark(self, text: str) -> None:
        if len(self.remarks) < MAX_REMARKS and text not in self.remarks:
            self.remarks.append(text)


class Sessions:
    """The machine: `receive(record, now)`; the result is in `sessions` and `latencies`."""

    def __init__(self) -> None:
        self.sessions: list[Session] = []
        self.latencies: dict[str, Latency] = {}
        self.messages: dict[str, int] = {}
        self.not_kept = 0
        self.latest: Session | None = None       # the one that the last record belonged to
        self._open: dict[bytes, Session] = {}
        self._ended: list[Session] = []

    def receive(self, record: Record, now: int) -> None:
        layer = record.layer
        if layer is Layer.V2G:
            self._v2g(record, now)
        elif layer is Layer.TCP:
            self._tcp(record, now)
        elif layer is Layer.MME:
            self._mme(record, now)
        elif layer is Layer.SDP:
            self._sdp(record, now)
        elif layer is Layer.TLS:
            session = self._of(_car(record), now)
            session.tls_records += 1
            self._phase(session, "TLS", now)

    def handle_timer(self, now: int) -> None:
        """What has been silent for too long is over: most listeners never see an end."""
        for session in self._open.values():
            if now - session.end > SILENCE:
                self._end(session)

    def next_timer(self) -> int:
        return min((session.end + SILENCE + 1 for session in self._open.values() if not session.reported), default=NEVER)

    def finish(self) -> None:
        """Nobody listens any more: what is still going on is reported as it stands."""
        for session in self._open.values():
            self._end(session)

    def events(self) -> list[Session]:
        """Sessions that ended since the last call: closed, silent, or replaced by a new attempt of the same car."""
        ended, self._ended = self._ended, []
        return ended

    # --- which session --------------------------------------------------------------------------------------------

    def _of(self, car: bytes, now: int, again: bool = False) -> Session:
        """The session of a car; a new one when there is none, or when the car starts over (`again`)."""
        session = self._open.get(car)
        if session is None or again:
            if session is not None:
                self._end(session)
            session = self._open[car] = Session(len(self.sessions) + self.not_kept + 1, now, now, car)
            if len(self._open) > MAX_CARS:
                del self._open[next(iter(self._open))]
            if len(self.sessions) < MAX_SESSIONS:
                self.sessions.append(session)
            else:
                self.not_kept += 1
        session.end = now
        self.latest = session
        return session

    def _end(self, session: Session) -> None:
        if not session.reported:
            session.reported = True
            if len(self._ended) < MAX_SESSIONS:
                self._ended.append(session)

    def _over(self, car: bytes, now: int) -> bool:
        """The connection that carried V2G has ended, or been silent for too long: what comes now is a new attempt."""
        session = self._open.get(car)
        if session is None:
            return False
        silent = now - session.end > SILENCE
        return silent and session.reported or _talked(session) and (session.stopped or session.closed_by != "" or silent)

    def _running(self, car: bytes, now: int) -> bool:
        session = self._open.get(car)
        return session is not None and _talked(session) and not self._over(car, now)

    def _phase(self, session: Session, name: str, now: int, messages: int = 1) -> None:
        phases = session.phases
        if name in _FIRST:                       # retries on the way to the first message alternate: one phase of each kind
            for phase in phases:
                if phase.name == name:
                    phase.end = now
                    phase.messages += messages
                    return
        if not phases or phases[-1].name != name:
            if len(phases) >= MAX_PHASES:
                return
            if phases:
                phases[-1].end = now
            phases.append(Phase(name, now, now))
        phases[-1].end = now
        phases[-1].messages += messages

    # --- evidence -------------------------------------------------------------------------------------------------

    def _mme(self, record: Record, now: int) -> None:
        message = record.message
        if isinstance(message, mme.CM_SLAC_PARM_REQ):
            if self._running(message.src, now):
                self._open[message.src].remark("CM_SLAC_PARM.REQ during the V2G session")
                return
            session = self._of(message.src, now, again=self._over(message.src, now))
            session.parm_requests += 1
            session.run_id = message.run_id
        elif isinstance(message, mme.CM_SLAC_PARM_CNF):
            session = self._of(message.dst, now, again=self._running(message.dst, now) or self._over(message.dst, now))
            session.parm_answers += 1
            session.charger = session.charger or message.src
            if session.run_id and message.run_id != session.run_id:
                session.parm_foreign += 1
        elif isinstance(message, mme.CM_ATTEN_CHAR_IND):
            if message.dst[0] & 1:
                return                       # pyPLC misuses it for its own power supply (field sheet, section 11)
            session = self._of(message.dst, now)
            session.attenuation_reports += 1
            session.attenuation = average(message.aag)
        elif isinstance(message, mme.CM_SLAC_MATCH_REQ):
            session = self._of(message.src, now)
            session.match_requests += 1
        elif isinstance(message, mme.CM_SLAC_MATCH_CNF):
            session = self._of(message.dst, now)
            session.match_answers += 1
            session.charger, session.nid, session.nmk = message.src, message.nid, message.nmk
            self._phase(session, MATCHING, now)
            self._phase(session, JOINING, now, 0)
            return
        elif isinstance(message, (mme.CM_START_ATTEN_CHAR_IND, mme.CM_MNBC_SOUND_IND, mme.CM_ATTEN_CHAR_RSP)):
            session = self._of(message.src, now)
        else:
            return
        if session.phases and session.phases[-1].name not in _FIRST:
            return
        self._phase(session, MATCHING, now)

    def _sdp(self, record: Record, now: int) -> None:
        if record.name == "SDP request":
            session = self._of(record.src, now, again=self._over(record.src, now))
            session.sdp_requests += 1
            if getattr(record.message, "security", None) == SECURITY_TLS:
                session.sdp_tls_requests += 1
        elif record.name == "SDP response" and not record.dst[0] & 1:
            session = self._of(record.dst, now)
            session.sdp_answers += 1
            session.charger = record.src
            self._latency("SDP", record)
        else:
            return
        self._phase(session, DISCOVERY, now)

    def _tcp(self, record: Record, now: int) -> None:
        segment = record.message
        if not isinstance(segment, Segment):
            return
        car = _car(record)
        port = segment.src_port if record.sender is Role.CAR else segment.dst_port
        if segment.flags & SYN:
            if self._running(car, now):
                return                       # a second connection beside the one that carries V2G
            session = self._of(car, now, again=record.name == "SYN" and self._over(car, now))
            session.connections += record.name == "SYN, ACK"
            session.syns += record.name == "SYN"
            session.port = port
            self._phase(session, CONNECTING, now)
            return
        known = self._open.get(car)
        if known is None or known.port not in (0, port):
            return
        if segment.flags & RST and not _talked(known):
            known.refused += 1
            known.end = now
            self._phase(known, CONNECTING, now)
        elif record.name == "RST" or record.name.startswith("FIN") and not record.name.endswith("(again)"):
            if not known.closed_by and _talked(known):
                known.closed_by = f"{_name(record.sender)} ({record.name[:3]})"
                known.closed_at = known.end = now
                self._end(known)
        elif record.name in ("retransmission", "data after a gap"):
            known.remark(f"{record.name} of {_name(record.sender)}")

    def _v2g(self, record: Record, now: int) -> None:
        car = _car(record)
        if record.category is Category.DECODED:
            self.messages[record.name] = self.messages.get(record.name, 0) + 1
        session = self._of(car, now, again=record.name == HANDSHAKE + "Req" and car in self._open and _talked(self._open[car]))
        session.v2g_messages += 1
        session.protocol = record.protocol or session.protocol
        if record.receiver is Role.CAR:
            session.charger = record.src
        elif record.sender is Role.CAR and not record.dst[0] & 1:
            session.charger = record.dst
        if record.latency is not None:
            self._latency(record.name[:-3] if record.name.endswith("Res") else record.name, record)
        if record.category is Category.MALFORMED:
            session.remark(f"malformed: {record.name}: {record.reason}")
            return
        if record.sender is Role.CAR:
            session.request, session.request_at = record.name, now
        else:
            session.request, session.last_answer, session.ongoing = "", record.name, False
        name = record.name
        self._phase(session, name[:-3] if name.endswith(("Req", "Res")) else name, now)
        element = getattr(getattr(record.message, "Body", None), "BodyElement", None)
        if element is not None:
            self._element(session, record, element)

    def _element(self, session: Session, record: Record, element: object) -> None:
        """Values and signs of trouble in a message of DIN 70121."""
        name = record.name
        session.session_id = record.session_id or session.session_id
        session.evccid = getattr(element, "EVCCID", session.evccid)
        session.evseid = getattr(element, "EVSEID", session.evseid)
        processing = getattr(element, "EVSEProcessing", None)
        session.ongoing = processing is not None and processing.value == "Ongoing"
        code = getattr(element, "ResponseCode", None)
        if code is not None and code.value.startswith("FAILED"):
            session.remark(f"{name}: {code.value}")
            session.failure = session.failure or f"{name} with {code.value}"
        parameter = getattr(element, "EVChargeParameter", None) or getattr(element, "EVPowerDeliveryParameter", None)
        car = getattr(element, "DC_EVStatus", None) or getattr(parameter, "DC_EVStatus", None)
        if car is not None:
            if session.soc_first is None:
                session.soc_first = car.EVRESSSOC
            session.soc_last = car.EVRESSSOC
            if car.EVErrorCode.value != "NO_ERROR":
                session.remark(f"car reports {car.EVErrorCode.value} in {name}")
                session.car_error = session.car_error or f"{car.EVErrorCode.value} in {name}"
        status = getattr(element, "DC_EVSEStatus", None) or getattr(element, "EVSEStatus", None)
        status_code = getattr(status, "EVSEStatusCode", None)
        if status_code is not None and status_code.value in _BAD_STATUS:
            session.remark(f"charger reports {status_code.value} in {name}")
            session.shutdown = session.shutdown or f"{status_code.value} in {name}"
        voltage = getattr(element, "EVSEPresentVoltage", None)
        if voltage is not None:
            session.voltage_last = physical(voltage, "Voltage")["value"]
            session.voltage_max = max(session.voltage_last, session.voltage_max or session.voltage_last)
        current = getattr(element, "EVSEPresentCurrent", None)
        if current is not None:
            session.current_last = physical(current, "Current")["value"]
            session.current_max = max(session.current_last, session.current_max or session.current_last)
        if name == "SessionStopRes":
            session.stopped = True

    def _latency(self, name: str, record: Record) -> None:
        if record.latency is not None:
            latency = self.latencies.get(name)
            if latency is None and len(self.latencies) < MAX_NAMES:
                latency = self.latencies[name] = Latency()
            if latency is not None:
                latency.add(record.latency)


def _car(record: Record) -> bytes:
    """The MAC address of the car that a record belongs to; b"" when it is not known who the car is."""
    if record.sender is Role.CAR:
        return record.src
    if record.sender is Role.CHARGER or record.receiver is Role.CAR:
        return record.dst
    return b""


def _talked(session: Session) -> bool:
    return session.v2g_messages > 0 or session.tls_records > 0


def _name(role: Role | None) -> str:
    return role.value if role else "unknown side"
