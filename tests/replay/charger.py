"""A recorded car asks, our charger answers: each of its answers beside that of the recorded charger.

The recorded car cannot react to us. So
- what it only repeats of its charger's words is put in as ours said it: session id, ServiceID, SAScheduleTupleID (`_adapted`);
- the charger is that of the recording (limits, ids: values.py), its voltmeter reads what the recorded charger told in answer to the
  same request, its insulation is sound, and a person presses stop when the recorded charger first says EVSE_Shutdown;
- the pilot is C from the first CableCheckReq (AC: PowerDeliveryReq) and B again from what follows PowerDeliveryReq(stop);
- requests that the car repeated only because its charger said Ongoing are left out once ours has said Finished, and the rest
  comes so much earlier; while ours says Ongoing where the recorded one had finished, the car asks again in its own rhythm.
"""
from __future__ import annotations

from dataclasses import replace
from typing import Any

from drivers.interfaces import PilotState
from exi_native.codec import Codec
from kernel.timer import MS, S
from tasks.listen.record import Role
from tasks.messages import StopSession
from tasks.stop_reasons import StopReason
from tasks.v2g import timing as t
from tasks.v2g.config import EvseConfig
from tasks.v2g.sides import EvseSide
from tests.replay import compare
from tests.replay.recording import Exchange, Item, Talk
from tests.replay.result import Answer, Difference, Result
from tests.replay.stand import RecordedId, Stand
from tests.replay.values import charger_settings, kind, ongoing, starts, status, value

ISOLATION = 1e6              # Ohm: sound
RHYTHM = 100 * MS            # of a car that asked once only; real cars 80 to 120 ms (timing of an Ioniq: field sheet 11)
AGAIN_LIMIT = 40 * S         # V2G_EVCC_CableCheck_Timeout
AFTER = 2 * S                # how long after the recording ours may still bring itself to an end
LOOPS = ("ContractAuthenticationReq", "AuthorizationReq", "ChargeParameterDiscoveryReq", "CableCheckReq")
SCHEMAS = {"DIN 70121": "DIN", "ISO 15118-2": "ISO2"}


def patience(name: str) -> int:
    """How long a car waits for the answer: V2G_EVCC_Msg_Timeout of the request, the standard's own (2 s where it has none)."""
    return getattr(t, f"V2G_EVCC_Msg_Timeout_{name}", None) or 2 * S


class ChargerStand(Stand):
    """Our charger with its power stage: in the cable check it follows the wish, else it shows what the recorded one measured. AC: the contactor follows."""

    def __init__(self, talk: Talk, config: EvseConfig, codec: Codec) -> None:
        setup = next((e.response for e in talk.exchanges if e.response is not None and e.response.name == "SessionSetupRes"), None)
        session_id = setup.message.Header.SessionID if setup is not None else b"\1"
        super().__init__(lambda s: EvseSide(s, config, RecordedId(session_id)), codec, Role.CHARGER)
        self.pilot = PilotState.B
        self.voltage = 0.0
        self.current = 0.0

    def refresh(self) -> None:
        voltage = self.voltage
        if self.state == "CableCheck":
            wish = self.end.signals.output_request.get(self.now)
            voltage = wish.voltage if wish is not None else 0.0
        self.facts = {"pilot_state": self.pilot, "output_voltage": voltage, "output_current": self.current, "isolation": ISOLATION,
                      "contactors_closed": self.end.signals.ac_request.get(self.now) is True}


class _Play:
    """One talk."""

    def __init__(self, talk: Talk, codec: Codec, recorded_end: str) -> None:
        self.talk = talk
        self.codec = codec
        self.result = Result("V2G", "charger", recorded_end=recorded_end)
        self.config = charger_settings(talk)
        self.stand = ChargerStand(talk, self.config, codec)
        self.shift = 0                                       # ns: how much later than recorded the car is
        self.finished: set[str] = set()                      # requests to which ours has said Finished
        self.asked_first: dict[str, int] = {}                # when ours was asked the first of a kind
        self.exchanges = talk.requests()

    def run(self) -> Result:
        stand, result = self.stand, self.result
        begin = self.exchanges[0].request.at if self.exchanges else 0
        stand.connect(0)
        for n, exchange in enumerate(self.exchanges):
            if stand.ended is not None:
                result.left_out += len(self.exchanges) - n
                break
            if self._superfluous(n):
                gap = exchange.request.at - self.exchanges[n - 1].request.at
                self.shift -= gap
                result.left_out += 1
                continue
            at = exchange.request.at - begin + self.shift
            self._ask(exchange, at)
            self._again(n)
        self._close(begin)
        result.end = stand.end_text()
        return result

    def _superfluous(self, n: int) -> bool:
        """The car repeated itself only because the recorded charger was not ready; ours already is. So is a question about what we have not offered."""
        request = self.exchanges[n].request
        if request.name == "ServiceDetailReq" and request.body.ServiceID != self._service():
            return True
        before = self.exchanges[n - 1] if n else None
        return request.name in self.finished and before is not None and before.request.name == request.name and ongoing(before.response)

    def _service(self) -> int:
        """ServiceID of our charge service."""
        offered = self._last_of("ServiceDiscoveryRes")
        service = getattr(offered, "ChargeService", None)
        return getattr(getattr(service, "ServiceTag", service), "ServiceID", 1)

    def _last_of(self, name: str) -> Any:
        return next((s.item.body for s in reversed(self.stand.sent) if s.item.name == name), None)

    def _ask(self, exchange: Exchange, at: int) -> Answer:
        """The request at its time, our answer, and what to think of it."""
        stand, request = self.stand, exchange.request
        for _ in range(1000):                                # what we do unasked meanwhile (nothing is said, but time passes)
            if stand.now >= at:
                break
            stand.until(at)
        self._facts(exchange)
        count = len(stand.sent)
        asked = stand.now
        self.asked_first.setdefault(request.name, asked)
        if stand.ended is None:
            stand.hear(self._adapted(request))
            self.result.fed += 1
        if len(stand.sent) == count and stand.ended is None:
            stand.until(asked + patience(request.name))
        ours = stand.sent[-1] if len(stand.sent) > count else None
        answer = self._compare(exchange, ours.item if ours else None, ours.at - asked if ours else None, asked)
        self.result.answers.append(answer)
        if ours is not None and request.name in LOOPS and not ongoing(ours.item):
            self.finished.add(request.name)
            if ours.item.body.ResponseCode.name.startswith("OK"):
                self._duration(request.name, asked)
        return answer

    def _duration(self, name: str, at: int) -> None:
        """How long it took until Finished, where the car had to ask more than once; "-": the recorded one never finished."""
        same = [e for e in self.exchanges if e.request.name == name]
        done = [e.request.at - same[0].request.at for e in same if e.response is not None and not ongoing(e.response)]
        ours, recorded = f"{(at - self.asked_first[name]) / S:.1f} s", f"{done[0] / S:.1f} s" if done else "-"
        if ours != recorded:
            self.result.remarks.append(Difference(f"{name}.duration", recorded, ours))

    def _again(self, n: int) -> None:
        """Ours still says Ongoing where the recorded charger had finished: the car asks again."""
        exchange = self.exchanges[n]
        stand, name = self.stand, exchange.request.name
        behind = (name in LOOPS and name not in self.finished and exchange.response is not None and not ongoing(exchange.response)
                  and getattr(exchange.response.body, "ResponseCode").name.startswith("OK"))
        before = self.exchanges[n - 1].request if n else None
        rhythm = exchange.request.at - before.at if before is not None and before.name == name else RHYTHM
        began = stand.now
        while behind and stand.ended is None and name not in self.finished and stand.now - began < AGAIN_LIMIT:
            self._ask(exchange, stand.now + rhythm)
            self.result.again += 1
        self.shift += stand.now - began if behind else 0

    def _facts(self, exchange: Exchange) -> None:
        """What the world is like when this request comes."""
        stand, request, response = self.stand, exchange.request, exchange.response
        told = response.body if response is not None else None
        if request.name in ("CableCheckReq", "ChargingStatusReq") or request.name == "PowerDeliveryReq" and starts(request):
            stand.pilot = PilotState.C
        elif request.name in ("WeldingDetectionReq", "SessionStopReq"):
            stand.pilot = PilotState.B
        volts, amps = value(told, "EVSEPresentVoltage"), value(told, "EVSEPresentCurrent")
        stand.voltage = stand.voltage if volts is None else volts
        stand.current = amps if amps is not None else stand.current if request.name == "CurrentDemandReq" else 0.0
        state = status(told)
        code = getattr(getattr(state, "EVSEStatusCode", None), "name", "")
        failed = told is not None and told.ResponseCode.name.startswith("FAILED")
        if code == "EVSE_Shutdown" and not failed and request.name != "WeldingDetectionReq":
            stand.command(StopSession(StopReason.CHARGER_STOP))

    def _adapted(self, request: Item) -> bytes:
        """The recorded octets; where the car repeats an id of its charger, with ours in its place."""
        message = request.message
        header = getattr(message, "Header", None)
        schema = SCHEMAS.get(self.talk.protocol)
        if header is None or schema is None:
            return request.octets
        recorded = next((e.response.message.Header.SessionID for e in self.exchanges
                         if e.response is not None and e.response.name == "SessionSetupRes"), b"")
        own = next((s.item.message.Header.SessionID for s in self.stand.sent if s.item.name == "SessionSetupRes"), b"")
        changed = message
        if recorded and header.SessionID == recorded != own:
            changed = replace(changed, Header=replace(header, SessionID=own))
        body = self._adapted_body(request.body)
        if body is not request.body:
            changed = replace(changed, Body=replace(message.Body, BodyElement=body))
        return request.octets if changed is message else self.codec.encode(schema, changed)

    def _adapted_body(self, body: Any) -> Any:
        if hasattr(body, "SelectedServiceList"):
            chosen = body.SelectedServiceList.SelectedService
            known = [s for s in chosen if s.ServiceID == self._service()]
            if len(known) != len(chosen):
                return replace(body, SelectedServiceList=replace(body.SelectedServiceList, SelectedService=known))
        return body

    def _compare(self, exchange: Exchange, ours: Item | None, took: int | None, at: int) -> Answer:
        """Once ours has finished where the recorded one had not, the recorded one's Finished is what it is compared with."""
        request = exchange.request
        theirs = exchange.response
        if ours is not None and ongoing(theirs) and not ongoing(ours):
            theirs = self._finished_like(exchange) or theirs
        mine = compare.exi(ours.body) if ours is not None else {}
        recorded = compare.exi(theirs.body) if theirs is not None else {}
        name = ours.name if ours is not None else request.name.removesuffix("Req") + "Res"
        answer = Answer(at, name, compare.short(mine), compare.short(recorded), took, exchange.latency)
        if ours is None or theirs is None:
            if (ours is None) != (theirs is None):
                answer.differences.append(Difference(f"{name}.answer", "none" if theirs is None else theirs.name, "none" if ours is None else ours.name))
            return answer
        if ours.name != theirs.name:
            answer.differences.append(Difference(f"{name}.name", theirs.name, ours.name))
        answer.differences += compare.differences(name, recorded, mine)
        if mine.get("ResponseCode", "").startswith("FAILED"):            # what else it says has another weight there
            for d in answer.differences:
                d.field += "" if d.field.endswith(".ResponseCode") else " (FAILED)"
        for d in answer.differences:
            if d.field == "CurrentDemandRes.EVSEPowerLimitAchieved":
                d.field += " (beyond)" if self._beyond(request.body) else " (within)"
        if exchange.latency is not None and exchange.latency > patience(request.name) >= took:
            answer.differences.append(Difference(f"{name}.late", f"{exchange.latency / MS:.0f} ms", f"{took / MS:.0f} ms"))
        return answer

    def _beyond(self, request: Any) -> bool:
        """What is asked for is more than the announced power at the voltage that the output has."""
        return (value(request, "EVTargetCurrent") or 0.0) * self.stand.voltage > self.config.max_power_kw * 1000

    def _finished_like(self, exchange: Exchange) -> Item | None:
        """The last answer of the same run of repetitions."""
        place = self.exchanges.index(exchange)
        found = None
        for later in self.exchanges[place:]:
            if later.request.name != exchange.request.name:
                break
            found = later.response or found
        return found

    def _close(self, begin: int) -> None:
        """The recorded car's end of the connection, then a moment for ours."""
        talk, stand = self.talk, self.stand
        if talk.closed_by is Role.CAR and stand.ended is None:
            at = max(stand.now, talk.closed_at - begin + self.shift)
            for _ in range(1000):
                if stand.now >= at:
                    break
                stand.until(at)
            if stand.ended is None:
                stand.close(talk.reset)
        if stand.ended is None:
            stand.until(stand.now + AFTER)


def play(talk: Talk, codec: Codec, recorded_end: str = "") -> Result:
    """The recorded car of one talk against our charger."""
    return _Play(talk, codec, recorded_end).run()
