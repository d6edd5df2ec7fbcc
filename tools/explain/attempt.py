"""The V2G conversation of one attempt, message by message: its steps, what both sides told, what stands out, how it stopped."""
from __future__ import annotations

from collections import deque
from dataclasses import replace

from kernel.timer import S
from tasks.listen.record import Category, Record, Role
from tasks.listen.session import Session
from tasks.tcp.wire import FIN, RST, Segment
from tools.explain.evidence import MATCH_V, Ending, Evidence, Limits, Network, Power, Side, Sign, Slac, Step, Volts
from tools.explain.order import out_of_order
from tools.explain.values import Fields

MAX_STEPS = 48
MAX_SIGNS = 64                           # the first ones: what went wrong first matters
LOOPS = ("CurrentDemand", "ChargingStatus", "DC_ChargeLoop", "AC_ChargeLoop")
BAD_STATUS = ("EVSE_Shutdown", "EVSE_UtilityInterruptEvent", "EVSE_EmergencyShutdown", "EVSE_Malfunction")
ASKED_A = 1.0                            # A: a car that asks for less asks for nothing
FLOWS_A = 0.5
EXCESS_A = 5.0                           # A: less is the regulation's business
EXCESS_TIME = S // 2                     # what is shorter is a spike of the meter
FOLLOWS = 2 * S                          # a charger that ramps down is measured against what was asked for so long ago (S5: within 1 s)
MAX_ASKED = 64                           # requests within FOLLOWS: one each 50 ms and more
LIMITS = (("EVSEMinimumVoltageLimit", "charger_least_v"), ("EVSEMaximumVoltageLimit", "charger_most_v"), ("EVSEMaximumCurrentLimit", "charger_most_a"))
SIDES = {Role.CAR: Side.CAR, Role.CHARGER: Side.CHARGER}


class _Stretch:
    """A step as it goes on; ns."""

    def __init__(self, name: str, at: int) -> None:
        self.name, self.began, self.ended = name, at, at
        self.requests = self.answers = self.ongoing = 0
        self.asked_at: int | None = None
        self.slowest: int | None = None


class _Seen:
    """Volts as they come in."""

    def __init__(self) -> None:
        self.target: float | None = None
        self.first: float | None = None
        self.last: float | None = None
        self.highest: float | None = None
        self.answers = self.near = 0

    def told(self, volts: float) -> None:
        self.first = volts if self.first is None else self.first
        self.last = volts
        self.highest = volts if self.highest is None else max(volts, self.highest)
        self.answers += 1
        self.near = self.near + 1 if self.target is not None and abs(volts - self.target) <= MATCH_V else 0

    def volts(self) -> Volts:
        return Volts(self.target, self.first, self.last, self.highest, self.answers, self.near)


class Attempt:
    """`take` each V2G record, `tcp` each other segment, in order; times ns."""

    def __init__(self, start: int) -> None:
        self.start = start
        self.talked = False
        self._steps: list[_Stretch] = []
        self._signs: list[Sign] = []
        self._seen_at: dict[tuple[str, str], int] = {}
        self._names: set[str] = set()
        self._request, self._request_at = "", 0
        self._answered: tuple[str, str] = ("", "")       # the last answer and what it answered
        self._messages = {Role.CAR: 0, Role.CHARGER: 0}
        self._understood = 0
        self._session_id = b""
        self._offers: tuple[str, ...] = ()
        self._refused = False
        self._schema_id: int | None = None
        self._handshake = False
        self._payment: tuple[str, ...] = ()
        self._chosen = ""
        self._modes: tuple[str, ...] = ()
        self._mode = ""
        self._precharge, self._welding = _Seen(), _Seen()
        self._limits: dict[str, float] = {}
        self._isolation = ""
        self._power = _Flow()
        self._stop_asked: int | None = None
        self._stop_at: int | None = None
        self._stopped = self._paused = False
        self._renegotiations = 0
        self._closed: tuple[Side | None, str, int] | None = None
        self._acknowledged = False
        self._repeated = self._gaps = 0
        self._last: tuple[str, Side | None, int] | None = None
        self._alive = start

    def alive(self, now: int) -> None:
        """Something of this attempt was heard."""
        self._alive = max(self._alive, now)

    # --- TCP -----------------------------------------------------------------------------------------------------------

    def tcp(self, record: Record, segment: Segment) -> None:
        """A segment that completes no message."""
        self.alive(record.at)
        if segment.flags & (RST | FIN) and self._closed is None and self.talked:
            self._closed = SIDES.get(record.sender) if record.sender else None, "RST" if segment.flags & RST else "FIN", record.at
        elif record.name.startswith("retransmission"):
            self._repeated += 1
        elif record.name in ("data after a gap", "data of another sequence"):
            self._gaps += 1
        elif record.sender is Role.CHARGER and self._request:
            self._acknowledged = True

    # --- V2G -----------------------------------------------------------------------------------------------------------

    def take(self, record: Record, by: Role | None = None) -> None:
        """One message; `by`: whose MAC address sent it, where that is known."""
        self.talked = True
        self.alive(record.at)
        if self._closed is not None and record.at - self._closed[2] > S:
            self._closed = None          # it went on: that was another connection's, or half of an end
        side = SIDES.get(record.sender) if record.sender else None
        self._repeated = 0
        if record.category is Category.MALFORMED:
            if self._closed is not None:
                return                   # the rest of a stream that was cut
            self._sign(record.at, "malformed", side or Side.RECORD, record.name, record.reason)
            return
        name = record.name[:-3] if record.name.endswith(("Req", "Res")) else record.name
        self._last = record.name, side, record.at
        if record.sender is not None:
            self._messages[record.sender] = self._messages.get(record.sender, 0) + 1
        if record.category is not Category.DECODED:
            return
        self._understood += 1
        fields = Fields(record.message)
        for sentence in fields.wrong:
            self._sign(record.at, "value", side or Side.RECORD, record.name, sentence)
        if by is not None and record.sender is not None and by is not record.sender:
            self._sign(record.at, "sequence", SIDES[by], record.name, f"{record.name} out of the {by.value}")
            if by is Role.CHARGER:
                self._request = ""       # it was meant for an answer
            return
        step = self._step(name, record.at)
        if record.sender is Role.CAR:
            self._from_car(record, name, step, fields)
        elif record.sender is Role.CHARGER:
            self._from_charger(record, name, step, fields)

    def _sign(self, at: int, kind: str, side: Side, message: str, text: str) -> None:
        self._seen_at[kind, text] = at
        known = any(s.kind == kind and s.message == message and s.text == text for s in self._signs)
        if not known and len(self._signs) < MAX_SIGNS:
            self._signs.append(Sign((at - self.start) / S, kind, side, message, text))
        elif not any(s.kind == kind and s.text == text for s in self._signs):
            del self._seen_at[kind, text]        # bounded by the signs

    def _step(self, name: str, at: int) -> _Stretch:
        if not self._steps or self._steps[-1].name != name and len(self._steps) < MAX_STEPS:
            self._steps.append(_Stretch(name, at))
        self._steps[-1].ended = at
        return self._steps[-1]

    def _from_car(self, record: Record, name: str, step: _Stretch, fields: Fields) -> None:
        at = record.at
        if record.name == "supportedAppProtocolReq":
            self._handshake = True
            self._offers = tuple(offer.ProtocolNamespace for offer in getattr(record.message, "AppProtocol", ()))
        elif self._handshake and not self._gaps:
            before = self._request or self._answered[1]
            wrong = out_of_order(name, before.removesuffix("Req"), frozenset(self._names))
            if not wrong and self._request:
                wrong = f"{record.name} before the answer to {self._request}"
            if wrong and not record.protocol.startswith("ISO 15118-20"):
                self._sign(at, "sequence", Side.CAR, record.name, wrong)
        self._names.add(name)
        self._session(record, Side.CAR)
        step.requests += 1
        step.asked_at = at
        self._request, self._request_at, self._acknowledged = record.name, at, False
        words, numbers = fields.words, fields.numbers
        error = words.get("EVErrorCode", "NO_ERROR")
        if error not in ("NO_ERROR", "NoData"):
            self._sign(at, "car error", Side.CAR, record.name, error)
        if "EVMaximumVoltageLimit" in numbers:
            self._limits.setdefault("car_most_v", numbers["EVMaximumVoltageLimit"])
        self._chosen = words.get("SelectedPaymentOption", self._chosen)
        self._mode = words.get("RequestedEnergyTransferMode", words.get("EVRequestedEnergyTransferType", self._mode))
        if "EVTargetVoltage" in numbers:
            self._limits["target_v"] = numbers["EVTargetVoltage"]
            if name == "PreCharge":
                self._precharge.target = numbers["EVTargetVoltage"]
        if name == "PowerDelivery":
            self._power_delivery(at, fields)
        elif name == "SessionStop":
            self._stop_at = at
            self._paused = words.get("ChargingSession") == "Pause"
        elif name in LOOPS:
            self._power.asked(at, numbers)

    def _power_delivery(self, at: int, fields: Fields) -> None:
        progress = fields.words.get("ChargeProgress")
        if progress == "Renegotiate":
            self._renegotiations += 1
        elif progress == "Stop" or progress is None and fields.numbers.get("ReadyToChargeState") == 0:
            self._stop_asked = at if self._stop_asked is None else self._stop_asked
        else:
            self._stop_asked = None

    def _from_charger(self, record: Record, name: str, step: _Stretch, fields: Fields) -> None:
        at, words, numbers = record.at, fields.words, fields.numbers
        if self._request and name != self._request.removesuffix("Req"):
            self._sign(at, "sequence", Side.CHARGER, record.name, f"{record.name} as the answer to {self._request}")
            self._answered, self._request = (record.name, self._request), ""
            return                       # what it says means nothing
        elif not self._request and self._answered[0] == record.name:
            self._sign(at, "sequence", Side.CHARGER, record.name, f"{record.name} a second time")
        elif step.asked_at is not None:
            step.slowest = max(step.slowest or 0, at - step.asked_at)
        step.answers += 1
        step.asked_at = None
        step.ongoing += words.get("EVSEProcessing", "Finished") != "Finished"
        self._answered = record.name, self._request or self._answered[1]
        self._request = ""
        if record.name == "supportedAppProtocolRes":
            self._agreed(words, numbers, record)
        else:
            self._session(record, Side.CHARGER)
        code = words.get("ResponseCode", "OK")
        if code.startswith("FAILED"):
            self._sign(at, "failed", Side.CHARGER, record.name, code)
        self._status(record, words)
        self._told(name, fields)
        if name in LOOPS:
            self._power.told(at, numbers)
        if name == "SessionStop":
            self._stopped = True

    def _agreed(self, words: dict[str, str], numbers: dict[str, float], record: Record) -> None:
        if words.get("ResponseCode", "").startswith("Failed"):
            self._refused = True
        elif record.note.startswith("SchemaID was not") and "SchemaID" in numbers:
            self._schema_id = int(numbers["SchemaID"])

    def _status(self, record: Record, words: dict[str, str]) -> None:
        status = words.get("EVSEStatusCode", "")
        if status in BAD_STATUS:
            self._sign(record.at, "status", Side.CHARGER, record.name, status)
        elif status == "EVSE_NotReady" and record.name in ("CableCheckRes", "CurrentDemandRes") and words.get("EVSEProcessing", "Finished") == "Finished":
            self._sign(record.at, "not ready", Side.CHARGER, record.name, status)
        if words.get("EVSENotification", "None") != "None":
            self._sign(record.at, "notification", Side.CHARGER, record.name, words["EVSENotification"])
        self._isolation = words.get("EVSEIsolationStatus", self._isolation)
        if words.get("EVSEIsolationStatus") in ("Fault", "Warning"):
            self._sign(record.at, "isolation", Side.CHARGER, record.name, words["EVSEIsolationStatus"])

    def _told(self, name: str, fields: Fields) -> None:
        numbers = fields.numbers
        for field, key in LIMITS:
            if field in numbers:
                self._limits.setdefault(key, numbers[field])
        if name == "ServiceDiscovery":
            self._payment = tuple(fields.lists.get("PaymentOption", ()))
            self._modes = tuple(fields.lists.get("EnergyTransferMode", fields.lists.get("EnergyTransferType", ())))
        if "EVSEPresentVoltage" in numbers:
            seen = self._precharge if name == "PreCharge" else self._welding if name == "WeldingDetection" else None
            if seen is not None:
                seen.told(numbers["EVSEPresentVoltage"])

    def _session(self, record: Record, side: Side) -> None:
        """The charger names the session in SessionSetupRes; whoever says another one mixes up two."""
        if record.name == "SessionSetupRes":
            self._session_id = record.session_id
        elif self._session_id and record.name != "SessionSetupReq" and record.session_id and record.session_id != self._session_id:
            self._sign(record.at, "session id", side, record.name, f"{record.session_id.hex()} instead of {self._session_id.hex()}")

    # --- the end -------------------------------------------------------------------------------------------------------

    def evidence(self, session: Session, began: int, last: int, slac: Slac, network: Network, tier: str, blind: tuple[str, ...]) -> Evidence:
        """`began`, `last`: ns of the record's first and last frame."""
        t = self._since
        end = self._last[2] if self._last is not None else max(self._alive, session.end)
        steps = [Step(p.name, t(p.start), t(p.end), p.messages, 0, 0, None, None) for p in session.phases if p.name in FIRST]
        steps += [Step(s.name, t(s.began), t(s.ended), s.requests, s.answers, s.ongoing, None if s.slowest is None else s.slowest / S,
                       None if s.asked_at is None else ((self._closed[2] if self._closed else last) - s.asked_at) / S) for s in self._steps]
        until = self._closed[2] if self._closed is not None else last
        if not self._understood and session.connections and sum(self._messages.values()):
            self._sign(self._last[2] if self._last else end, "malformed", Side.CAR, "the first message", "no handshake that anybody knows")
        closed = self._closed or (None, "", None)
        ending = Ending(
            self._maybe(self._stop_asked), self._maybe(self._stop_at), self._stopped, self._paused, self._renegotiations, self._request,
            (until - self._request_at) / S if self._request else None, self._acknowledged, self._repeated, closed[0], closed[1], self._maybe(closed[2]),
            self._last[0] if self._last else "", self._last[1] if self._last else None, t(self._last[2]) if self._last else None, (last - end) / S)
        return Evidence(
            session.number, (session.start - began) / S, (max(session.end, end) - session.start) / S, session.car, session.charger, session.protocol,
            self._offers, self._refused, self._schema_id, self._handshake, self._payment, self._chosen, self._modes, self._mode, slac, network, tuple(steps),
            tuple(replace(s, until=t(self._seen_at.get((s.kind, s.text), self.start))) for s in self._signs),
            self._precharge.volts(), self._welding.volts(), self._power.power(session), Limits(**self._limits), self._isolation, ending,
            self._understood, self._messages.get(Role.CAR, 0), self._messages.get(Role.CHARGER, 0), self._gaps, tier, blind)

    def _since(self, at: int) -> float:
        return (at - self.start) / S

    def _maybe(self, at: int | None) -> float | None:
        return None if at is None else self._since(at)


FIRST = frozenset({"matching", "joining the network", "SDP", "TCP connection", "TLS"})


class _Flow:
    """The charging loop as it goes on."""

    def __init__(self) -> None:
        self.rounds = 0
        self.began: int | None = None
        self.at = 0
        self.wanted: float | None = None
        self.most_asked: float | None = None
        self.most: float | None = None
        self.least: float | None = None
        self.last: float | None = None
        self.volts: float | None = None
        self.excess_since: int | None = None
        self.lately: deque[tuple[int, float]] = deque(maxlen=MAX_ASKED)
        self.excess_at: int | None = None
        self.greatest_excess: float | None = None
        self.idle_since: int | None = None
        self.energy = 0.0

    def asked(self, at: int, numbers: dict[str, float]) -> None:
        self.wanted = numbers.get("EVTargetCurrent", self.wanted)
        if self.wanted is not None:
            self.lately.append((at, self.wanted))
            while self.lately[0][0] < at - FOLLOWS:
                self.lately.popleft()
            self.most_asked = max(self.wanted, self.most_asked or self.wanted)

    def told(self, at: int, numbers: dict[str, float]) -> None:
        if self.began is None:
            self.began = at
        current = numbers.get("EVSEPresentCurrent")
        self.volts = numbers.get("EVSEPresentVoltage", self.volts)
        if current is not None:
            self.most = max(current, current if self.most is None else self.most)
            self.least = min(current, current if self.least is None else self.least)
            if self.rounds and self.volts is not None and 0 <= at - self.at <= 5 * S:
                self.energy += current * self.volts * (at - self.at) / S / 3600
            self.last = current
            if self.wanted is not None:
                self._exceeds(at, current - max(wanted for _, wanted in self.lately))
            idle = self.wanted is not None and self.wanted >= ASKED_A and abs(current) < FLOWS_A
            self.idle_since = (at if self.idle_since is None else self.idle_since) if idle else None
        self.rounds += 1
        self.at = at

    def _exceeds(self, at: int, excess: float) -> None:
        """Only what stays for EXCESS_TIME."""
        if excess < EXCESS_A:
            self.excess_since = None
            return
        if self.excess_since is None:
            self.excess_since = at
        elif at - self.excess_since >= EXCESS_TIME:
            self.greatest_excess = max(excess, self.greatest_excess or 0.0)
            self.excess_at = at

    def power(self, session: Session) -> Power:
        seconds = 0.0 if self.began is None else (self.at - self.began) / S
        idle = 0.0 if self.idle_since is None else (self.at - self.idle_since) / S
        excess_at = None if self.excess_at is None else (self.excess_at - session.start) / S
        return Power(self.rounds, seconds, self.most_asked, self.most, self.least, self.last, excess_at, self.greatest_excess, self.volts, self.energy or None,
                     session.soc_first, session.soc_last, idle)
