"""Our car asks, a recorded charger answers: each of our requests beside that of the recorded car.

The recorded charger cannot react to us. So
- a run of requests of the same kind is a phase; what the charger says in a phase is a function of the time since it began: our car
  gets the answer that was the last one at that time, after the recorded time to answer. Asking faster than the recorded car it hears
  the same again, asking slower it misses some;
- the car is that of the recording (limits, protocols: values.py); battery, SoC and wishes are what the recorded car told, the inlet
  carries what the charger reports, and the battery's voltage once the recorded car had gone on from precharge;
- lock, state C and contactors obey; a person presses stop when the recorded car left its charge loop without having been told to;
- what the recorded charger left unanswered stays unanswered, and its closing of the connection comes when it came;
- what the recorded car never asked has no answer: the replay ends there, and counts it (`unanswered`);
- the handshake's SchemaID is the one that we gave the same protocol.
"""
from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from drivers.interfaces import PilotState
from exi_native.codec import Codec
from exi_native.messages.appproto import responseCode, supportedAppProtocolRes
from kernel.timer import MS, NEVER, S
from tasks.listen.record import Role
from tasks.messages import StopSession
from tasks.stop_reasons import StopReason
from tasks.v2g.sides import PevSide
from tests.replay import compare
from tests.replay.recording import HANDSHAKE, Exchange, Item, Talk, offers
from tests.replay.result import Answer, Difference, Result
from tests.replay.stand import MAC, Hang, Stand
from tests.replay.values import battery_voltage, car_settings, kind, status, value

HELD = 4 * S                 # how long the last answer of a phase stands beyond the recording: ten rounds of welding detection
MOST = 400 * S               # of virtual time beyond the recording, and no replay is longer
STEPS = 100_000
RESOLUTION = 0.1             # A: what our messages carry
ENDING = ("PowerDeliveryReq(stop)", "WeldingDetectionReq", "SessionStopReq")


@dataclass(slots=True)
class Phase:
    """A run of one kind of request; `first` is its place in the talk, `end` where the next one began (ns of the recording)."""

    kind: str
    exchanges: list[Exchange]
    first: int
    end: int = NEVER

    @property
    def begin(self) -> int:
        return self.exchanges[0].request.at

    @property
    def last(self) -> int:
        """When the recorded car was last in it."""
        return self.exchanges[-1].request.at if self.end == NEVER else self.end

    def at(self, elapsed: int) -> int:
        """Which exchange was the last one at this time since the phase began."""
        found = 0
        for n, e in enumerate(self.exchanges):
            if e.request.at - self.begin <= elapsed:
                found = n
        return found


def phases(talk: Talk) -> list[Phase]:
    """In the order of the recording."""
    out: list[Phase] = []
    for n, e in enumerate(talk.requests()):
        name = kind(e.request)
        if not out or out[-1].kind != name:
            if out:
                out[-1].end = e.request.at
            out.append(Phase(name, [], n))
        out[-1].exchanges.append(e)
    return out


class CarStand(Stand):
    """Our car with lock, pilot and contactors that obey, and the recorded car's battery."""

    def __init__(self, talk: Talk, codec: Codec) -> None:
        evccid = getattr(talk.first("SessionSetupReq"), "EVCCID", b"")
        super().__init__(lambda s: PevSide(s, car_settings(talk), evccid if len(evccid) == 6 else MAC), codec, Role.CAR)
        self.battery = battery_voltage(talk)
        self.inlet = 0.0
        self.told: dict[str, Any] = {"charge_permission": True, "current_limit": 1000.0, "battery_voltage": self.battery}

    def refresh(self) -> None:
        s, now = self.end.signals, self.now
        closed = s.contactor_request.get(now) is True
        self.facts = self.told | {
            "pilot_commanded": PilotState.C if s.pilot_c_request.get(now) is True else PilotState.B,
            "lock_confirmed": s.lock_request.get(now) is True, "contactors_closed": closed,
            "inlet_voltage": self.battery if closed and self.battery is not None else self.inlet}

    def learn(self, request: Item) -> None:
        """What the recorded car told of itself."""
        body, told = request.body, self.told
        state = status(body)
        if hasattr(state, "EVRESSSOC"):
            told["battery_soc"] = float(state.EVRESSSOC)
        for name, signal in (("EVMaximumVoltageLimit", "battery_max_voltage"), ("EVMaximumCurrentLimit", "battery_max_current"),
                             ("EVMaximumPowerLimit", "battery_max_power"), ("EVEnergyCapacity", "battery_capacity"),
                             ("EVTargetVoltage", "battery_target_voltage")):
            found = value(body, name)
            if found is not None:
                told[signal] = found
        if request.name == "CurrentDemandReq":
            told["battery_target_current"] = value(body, "EVTargetCurrent")
        elif "battery_target_current" not in told:
            told["battery_target_current"] = 0.0
            told["battery_target_voltage"] = told.get("battery_max_voltage", self.battery or 0.0)


class _Play:
    """One talk."""

    def __init__(self, talk: Talk, codec: Codec, recorded_end: str) -> None:
        self.talk = talk
        self.codec = codec
        self.result = Result("V2G", "car", recorded_end=recorded_end)
        self.stand = CarStand(talk, codec)
        self.phases = phases(talk)
        self.asked: dict[str, int] = {}              # kind -> how many phases of it ours has begun
        self.phase: Phase | None = None
        self.began = 0                               # of ours
        self.answer_at, self.answer = NEVER, b""
        self.close_at = NEVER
        self.stop_at = NEVER
        self.heard_at: int | None = None             # when the last answer came
        self.given: Exchange | None = None
        self.over = ""

    def run(self) -> Result:
        stand = self.stand
        for e in self.talk.requests():
            if e.request.name == "ChargeParameterDiscoveryReq":
                stand.learn(e.request)
                break
        stand.connect(0)
        self._sent()
        limit = MOST + (self.phases[-1].exchanges[-1].request.at - self.phases[0].begin if self.phases else 0)
        for _ in range(STEPS):
            if stand.ended is not None or self.over:
                break
            self._next(limit)
        else:
            raise Hang(f"{STEPS} steps in state {stand.state}")
        self.result.end = self.over or stand.end_text()
        self._rhythms()
        return self.result

    def _rhythms(self) -> None:
        """How often each of the two asks in its loops, where that differs by more than a tenth."""
        for phase in self.phases:
            theirs = _median_gap([e.request.at for e in phase.exchanges])
            ours = _median_gap([a.at for a in self.result.answers if a.name == phase.exchanges[0].request.name])
            if theirs and ours and abs(theirs - ours) * 10 > theirs:
                self.result.remarks.append(Difference(f"{phase.kind}.rhythm", f"{theirs / MS:.0f} ms", f"{ours / MS:.0f} ms"))

    def _next(self, limit: int) -> None:
        """Whatever comes first: an answer, the recorded end, a person's stop, or a deadline of ours."""
        stand = self.stand
        at = min(self.answer_at, self.close_at, self.stop_at, stand.due)
        if at == NEVER or at > limit:
            raise Hang(f"nothing happens any more in state {stand.state} at {stand.now / S:.1f} s")
        stand.now = max(stand.now, at)
        if at == self.stop_at:
            self.stop_at = NEVER
            stand.command(StopSession(StopReason.USER_STOP))
        elif at == self.answer_at:
            self._hear()
        elif at == self.close_at:
            self.close_at = NEVER
            stand.close(self.talk.reset)
        else:
            self._learn()
            stand.run(stand.now)
        self._sent()

    def _learn(self) -> None:
        """The recorded car at this time of the phase."""
        if self.phase is not None:
            self.stand.learn(self.phase.exchanges[self.phase.at(self.stand.now - self.began)].request)

    def _sent(self) -> None:
        """What ours has asked meanwhile gets its answer."""
        stand = self.stand
        while stand.sent and not self.over:
            self._asked(stand.sent.pop(0).item)

    def _asked(self, item: Item) -> None:
        now, name = self.stand.now, kind(item)
        if self.phase is None or self.phase.kind != name:
            count = self.asked.get(name, 0)
            self.asked[name] = count + 1
            same = [p for p in self.phases if p.kind == name]
            if count >= len(same):
                self._nothing(name, now)
                return
            self.phase, self.began = same[count], now
            self._plan_stop()
        phase = self.phase
        elapsed = now - self.began
        if elapsed > phase.last - phase.begin + HELD:
            self._nothing(name, now)
            return
        place = phase.at(elapsed)
        given = phase.exchanges[place]
        self._compare(item, given, phase.first + place)
        if given.response is None:
            self._plan_close(given.request.at)
            return
        self.given = given
        self.answer_at, self.answer = now + given.latency, self._adapted(item, given.response)
        everything = self.talk.requests()
        if phase.first + place + 1 < len(everything):
            self.stand.learn(everything[phase.first + place + 1].request)

    def _nothing(self, name: str, now: int) -> None:
        """The recording has no answer to this."""
        self.result.unanswered += 1
        if self.talk.closed_by is Role.CHARGER and not self._left():
            self._plan_close(None)
        else:
            self.over = f"asks {name}, which the recorded car did not ask there" if self._left() else f"asks {name} when the recording has ended"

    def _left(self) -> bool:
        """The recorded car had gone on to something else."""
        return self.phase is not None and self.phase.end != NEVER

    def _plan_close(self, since: int | None) -> None:
        if self.talk.closed_by is Role.CHARGER:
            self.close_at = self.stand.now + max(0, self.talk.closed_at - (self.talk.closed_at if since is None else since))

    def _plan_stop(self) -> None:
        """The recorded car left its loop by itself: so does the person of ours, at the same time since its beginning."""
        phase = self.phase
        self.stop_at = NEVER
        after = self.phases[self.phases.index(phase) + 1:]
        told = phase.exchanges[-1].response
        if after and after[0].kind in ENDING and phase.kind not in ENDING and not (told is not None and calls_off(told)):
            self.stop_at = self.began + phase.end - phase.begin

    def _hear(self) -> None:
        stand, given = self.stand, self.given
        self.answer_at = NEVER
        self.heard_at = stand.now
        volts = value(given.response.body, "EVSEPresentVoltage")
        if volts is not None:
            stand.inlet = volts
        phase = self.phase
        if phase.kind == "PreChargeReq" and given is phase.exchanges[-1] and stand.battery is not None and self._next_starts():
            stand.inlet = stand.battery
        self.result.fed += 1
        last = self.talk.exchanges[-1]
        if given is last and self.talk.closed_by is Role.CHARGER:
            self.close_at = stand.now + self.talk.closed_at - given.response.at
        stand.hear(self.answer)

    def _next_starts(self) -> bool:
        place = self.phases.index(self.phase) + 1
        return place < len(self.phases) and self.phases[place].kind == "PowerDeliveryReq(start)"

    def _adapted(self, item: Item, response: Item) -> bytes:
        """The recorded octets; only the handshake names the protocol by the number that ours gave it."""
        if item.name != HANDSHAKE:
            return response.octets
        chosen = [o.ProtocolNamespace for o in offers(self.talk) if o.SchemaID == response.body.SchemaID or len(offers(self.talk)) == 1]
        ours = [o.SchemaID for o in item.body.AppProtocol if o.ProtocolNamespace in chosen]
        if ours:
            message = replace(response.body, SchemaID=ours[0])
        else:                                        # it would have said so to a car that offers nothing else
            message = supportedAppProtocolRes(ResponseCode=responseCode.Failed_NoNegotiation)
            self.result.answers[-1].differences.append(Difference("supportedAppProtocolReq.chosen", self.talk.protocol, "not offered by ours"))
        return self.codec.encode("SAP", message)

    def _compare(self, item: Item, given: Exchange, place: int) -> None:
        """Our request beside the recorded one of the same time."""
        theirs = given.request
        mine, recorded = compare.exi(item.body), compare.exi(theirs.body)
        header = getattr(item.message, "Header", None)
        if header is not None and hasattr(theirs.message, "Header"):
            mine["SessionID"], recorded["SessionID"] = header.SessionID.hex(), theirs.message.Header.SessionID.hex()
        took = None if self.heard_at is None else self.stand.now - self.heard_at
        before = self.talk.requests()[place - 1].response if place else None
        answer = Answer(self.stand.now, item.name, compare.short(mine), compare.short(recorded), took, theirs.at - before.at if before else None)
        answer.differences = compare.differences(item.name, recorded, mine)
        for d in answer.differences:
            if d.field == "CurrentDemandReq.EVTargetCurrent" and compare.number(d.ours) < compare.number(d.recorded) - RESOLUTION:
                d.field += " (beyond)" if self._beyond(compare.number(d.recorded)) else " (within)"
        self.result.answers.append(answer)

    def _beyond(self, current: float) -> bool:
        """That current is more than the charger has announced: in A, or in W at the voltage that it reports."""
        s = self.stand.end.signals
        return current > s.evse_max_current.value or current * self.stand.inlet > s.evse_max_power.value


def _median_gap(times: list[int]) -> int:
    """ns between two; 0 for less than a loop of four."""
    return int(median(b - a for a, b in zip(times, times[1:]))) if len(times) >= 4 else 0


def calls_off(response: Item) -> bool:
    """The charger asks for the end."""
    state = status(response.body)
    return (getattr(getattr(state, "EVSEStatusCode", None), "name", "") not in ("", "EVSE_Ready", "EVSE_NotReady", "EVSE_IsolationMonitoringActive")
            or getattr(getattr(state, "EVSENotification", None), "name", "") == "StopCharging")


def play(talk: Talk, codec: Codec, recorded_end: str = "") -> Result:
    """The recorded charger of one talk against our car."""
    return _Play(talk, codec, recorded_end).run()
