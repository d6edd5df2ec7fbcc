"""Ways of a charger to each of its requests: the bench that awaits it, the request as an ideal car makes it, what an end looks like."""
from __future__ import annotations

from typing import Any, Iterable, NamedTuple

from drivers.interfaces import PilotState
from exi_native.messages import din, iso2
from tasks.stop_reasons import StopReason
from tasks.v2g.evse_states import Evse
from tests.conformance.sheet import BOTH, DIN, ISO2, of
from tests.v2g.evse_bench import BATTERY, EvseBench
from tests.v2g.iso2_evse_bench import Iso2Bench

WIRE: dict[str, Any] = {DIN: din, ISO2: iso2}
STATES = {
    # message: (name, state that awaits it, fields of the request)
    "ServiceDetail": (("ServiceDetail", Evse.PaymentServiceSelection, {}),),
    "PowerDelivery": (("PowerDeliveryStart", Evse.PowerDelivery, {"start": True}), ("PowerDeliveryStop", Evse.CurrentDemand, {"start": False}),
                      ("PowerDeliveryRenegotiate", Evse.CurrentDemand, {"start": None})),
    "MeteringReceipt": (("MeteringReceipt", Evse.CurrentDemand, {}),),
    "PreCharge": (("PreCharge", Evse.PreCharge, {"volts": BATTERY, "amps": 1.0}),),
    "SessionStop": (("SessionStop", Evse.WeldingDetection, {}),),
}
PROGRESS = {True: iso2.chargeProgress.Start, False: iso2.chargeProgress.Stop, None: iso2.chargeProgress.Renegotiate}


class Step(NamedTuple):
    protocol: str
    message: str
    name: str
    state: Evse
    fields: dict[str, Any]

    @property
    def ac(self) -> bool:
        return self.message == "ChargingStatus"

    @property
    def kind(self) -> type:
        return kind(self.protocol, self.message)


def kind(protocol: str, message: str) -> type:
    """The type of a request."""
    return din.SessionStop if protocol == DIN and message == "SessionStop" else getattr(WIRE[protocol], message + "Req")


def response_name(message: str) -> str:
    return message + "Res"


def steps(protocols: Iterable[str] = BOTH) -> list[Step]:
    """Every request in every state that awaits it."""
    made = []
    for protocol in protocols:
        for message in of(protocol):
            for name, state, fields in STATES.get(message, ((message, Evse.__members__.get(message), {}),)):
                if name == "PowerDeliveryRenegotiate" and protocol == DIN:
                    continue
                if "start" in fields and protocol == ISO2:
                    fields = {"progress": PROGRESS[fields["start"]]}
                made.append(Step(protocol, message, name, state, fields))
    return made


def step(protocol: str, name: str) -> Step:
    return next(s for s in steps([protocol]) if s.name == name)


def bench_of(protocol: str, ac: bool = False, **config: Any) -> EvseBench:
    return EvseBench(**config) if protocol == DIN else Iso2Bench(ac=ac, **config)


def charger(step: Step, **config: Any) -> EvseBench:
    """The charger that awaits the request of this step, plugged and, where an ideal car is, in state C."""
    bench = bench_of(step.protocol, step.ac, **config).at(step.state)
    if step.message == "CableCheck":
        bench.facts.pilot = PilotState.C
    elif step.state is Evse.WeldingDetection:
        bench.facts.pilot = PilotState.B
    return bench


def ask(bench: EvseBench, step: Step, **more: Any) -> EvseBench:
    return bench.ask(step.kind, **{**step.fields, **more})


def off(bench: EvseBench) -> bool:
    return bench.machine.wants_output is None and not bench.machine.wants_ac


def code(bench: EvseBench) -> str:
    return bench.last.ResponseCode.name


def assert_refused(bench: EvseBench, message: str, word: str, *reasons: StopReason) -> None:
    """The request's own response with the proper code, output off, the end."""
    assert type(bench.last).__name__ == response_name(message) and code(bench) == word, (type(bench.last).__name__, code(bench))
    assert bench.ended is not None and bench.ended[1] is False and off(bench)
    assert not reasons or bench.ended[0] in reasons, bench.ended


def number(value: Any) -> float:
    return value.Value * 10.0 ** value.Multiplier


def respond_time(bench: EvseBench, step: Step, limit: int) -> int:
    """ns from the request to its response, while the world stands still."""
    bench.follow = False
    count, begin = len(bench.answers), bench.now
    ask(bench, step, after=0)
    while len(bench.answers) == count:
        assert bench.machine.next_timer() <= begin + limit, "no response in time"
        bench.wake(max(bench.machine.next_timer(), bench.now))
    assert len(bench.answers) == count + 1
    return bench.now - begin
