"""Ways of a car to each of its messages: the bench with the request sent and its answer awaited, and what an end looks like."""
from __future__ import annotations

from typing import Any, Iterable, NamedTuple

from exi_native.messages import din, iso2
from tasks.stop_reasons import StopReason
from tasks.v2g.pev_states import Pev
from tests.conformance.sheet import BOTH, DIN, ISO2, of
from tests.v2g.iso2_pev_bench import Iso2PevBench
from tests.v2g.pev_bench import PevBench

WIRE: dict[str, Any] = {DIN: din, ISO2: iso2}
STATES = {"PowerDelivery": ("PowerDeliveryStart", "PowerDeliveryStop", "PowerDeliveryRenegotiate")}
"""Messages that are awaited in more than one state."""
ENDING = ("PowerDeliveryStop", "WeldingDetection", "SessionStop")
"""Steps after the wish to stop: the reason of the end is the one of that wish."""
BEFORE_STOP = StopReason.USER_STOP       # the benches get there by the person's stop


class Step(NamedTuple):
    protocol: str
    message: str
    name: str                            # of the state; more than one per message in STATES
    ac: bool = False

    @property
    def state(self) -> Pev:
        return Pev[self.name]

    @property
    def ending(self) -> bool:
        return self.name in ENDING


def steps(protocols: Iterable[str] = BOTH) -> list[Step]:
    """Every message in every state that awaits it."""
    made = []
    for protocol in protocols:
        for message in of(protocol):
            for name in STATES.get(message, (message,)):
                if name != "PowerDeliveryRenegotiate" or protocol == ISO2:
                    made.append(Step(protocol, message, name, ac=message == "ChargingStatus"))
    return made


def bench_of(protocol: str, ac: bool = False, **config: Any) -> PevBench:
    """A car with the standard's own timeouts, unless it is told otherwise."""
    config = {"tolerant_timeouts": False, **config}
    return PevBench(**config) if protocol == DIN else Iso2PevBench(ac=ac, **config)


def car(step: Step, **config: Any) -> PevBench:
    """The car whose request of this step has just gone out."""
    if step.name == "ServiceDetail":
        config["ask_service_detail"] = True
    bench = bench_of(step.protocol, step.ac, **config)
    if step.name == "MeteringReceipt":
        bench.at(Pev.CurrentDemand).answer(receipt=True)
    elif step.name == "PowerDeliveryRenegotiate":
        bench.at(Pev.CurrentDemand).answer(notification=iso2.EVSENotification.ReNegotiation)
    else:
        bench.at(step.state)
    assert bench.state is step.state and bench.ended is None
    return bench


def request_name(step: Step) -> str:
    """The schema's name of the request."""
    return "SessionStop" if step.protocol == DIN and step.message == "SessionStop" else step.message + "Req"


def forward_to(bench: PevBench, state: Pev) -> None:
    """On from where the bench is."""
    for _ in range(200):
        if bench.state is state:
            return
        bench.forward()
    raise AssertionError(f"did not reach {state}")


def to_the_end(bench: PevBench) -> PevBench:
    """An ideal charger answers until the session is over."""
    for _ in range(300):
        if bench.ended is not None:
            return bench
        bench.forward()
    raise AssertionError("the session does not end")


def assert_cut(bench: PevBench, sent: int, *reasons: StopReason) -> None:
    """The conversation is over: lock, state C and contactors let go, not a word more."""
    assert bench.ended is not None, "the session goes on"
    assert bench.ended[0] in reasons and bench.ended[1] is False, bench.ended
    assert bench.released and len(bench.sent) == sent


def number(value: Any) -> float:
    """A PhysicalValue as a number."""
    return value.Value * 10.0 ** value.Multiplier
