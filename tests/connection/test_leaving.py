"""A charger whose program is to go: its oscillator ends as soon as the car has taken its leave, never while anything still hangs on it."""
from __future__ import annotations

import pytest

from drivers.interfaces import PilotState
from kernel.timer import MS, S
from tasks.connection import timing as t
from tasks.connection.ladder import State
from tasks.messages import StopSession, TcpClosed
from tasks.stop_reasons import StopReason as R
from tasks.v2g.timing import V2G_SECC_CPOscillator_Retain
from tests.connection.ladder_bench import Bench, evse, pev

STOP = StopSession(R.USER_STOP, leaving=True)


def ended(*asked: object) -> Bench:
    """A session that was asked to end and has ended in order; the car is in state B, its stream still open."""
    bench = evse().session().tell(*asked)
    bench.facts.pilot = PilotState.B
    return bench.end(R.USER_STOP)


def test_it_ends_with_the_car_s_farewell() -> None:
    bench = ended(STOP)
    assert bench.m.duty == 5.0 and bench.state is State.Ending
    bench.tell(TcpClosed(None))
    assert bench.m.duty == 100.0 and bench.state is State.Ending and bench.take() == [("v2g", "StopSession"), ("tcp", "TcpClose")]
    bench.run(t.FAREWELL + t.POLL)
    assert bench.state is State.Finished and bench.m.reason is R.USER_STOP and bench.m.duty == 100.0


@pytest.mark.parametrize("why", ["nobody leaves", "the stream is open", "the stream broke", "state C", "pilot not known", "outputs not safe"])
def test_it_is_retained_while_somebody_may_need_it(why: str) -> None:
    bench = ended(*([StopSession(R.USER_STOP)] if why == "nobody leaves" else [STOP]))
    if why == "state C":
        bench.facts.pilot = PilotState.C
    elif why == "pilot not known":
        bench.facts.pilot = None
    elif why == "outputs not safe":
        bench.facts.safety_state = "CurrentOff"
    if why != "the stream is open":
        bench.tell(TcpClosed(R.TCP_RESET if why == "the stream broke" else None))
    bench.run(V2G_SECC_CPOscillator_Retain - 1)
    assert bench.m.duty == 5.0
    bench.run(1)
    assert bench.m.duty == 100.0


def test_the_car_may_let_go_after_its_farewell() -> None:
    bench = ended(STOP)
    bench.facts.pilot = PilotState.C
    bench.tell(TcpClosed(None)).run(600 * MS)
    assert bench.m.duty == 5.0
    bench.facts.pilot = PilotState.B
    bench.run(t.POLL)
    assert bench.m.duty == 100.0


def test_it_may_be_asked_while_the_session_ends() -> None:
    bench = ended().tell(TcpClosed(None)).run(100 * MS)
    assert bench.m.duty == 5.0
    assert bench.tell(STOP).m.duty == 100.0


def test_plain_pwm_after_the_state_of_charge_was_read_ends_too() -> None:
    bench = evse(ac_pwm_percent=26.0).session().end(R.SOC_READ).farewell().run(10 * S)
    assert bench.state is State.Finished and bench.m.duty == 26.0, "the car's own AC charger works on"
    assert bench.tell(STOP).m.duty == 100.0


def test_a_car_has_no_oscillator() -> None:
    bench = pev().session().tell(STOP).end().farewell()
    assert bench.state is State.Finished and bench.m.duty is None
