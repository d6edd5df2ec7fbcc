"""A charger or car that says anything at all: the listener goes on, shows nothing that cannot be, and no row fails."""
import random
from types import SimpleNamespace

import pytest

from drivers.board import ListenBoard
from drivers.sim.oled import SimOled
from exi_native import codec
from exi_native.messages import din
from kernel.journal import Journal
from kernel.scheduler import TICK, Kernel
from kernel.timer import S
from tasks import table
from tasks.config import Config
from tasks.listen.readings import PLAUSIBLE, Readings
from tasks.listen.record import Category, Layer, Record, Role
from tasks.signals import Signals
from tests.listen import line
from tests.listen.test_no_transmitter import Ears
from tools.show.listen_panels import picture
from tools.show.listen_view import listen_view
from tools.show.text import width


def told(**values):
    """Readings after an answer whose fields are these numbers."""
    readings = Readings()
    record = Record(0, 1, Layer.V2G, Category.DECODED, "CurrentDemandRes", line.CHARGER, line.CAR, Role.CHARGER, Role.CAR)
    for name, value in values.items():
        readings._value(record, name, value, None)
    return readings


@pytest.mark.parametrize("name, attribute", [("EVSEPresentVoltage", "voltage"), ("EVSEPresentCurrent", "current"), ("EVTargetCurrent", "target_current"),
                                             ("EVRESSSOC", "soc"), ("PresentSOC", "soc"), ("RemainingTimeToFullSoC", "full_in")])
def test_what_cannot_be_is_unknown_and_told(name, attribute):
    low, high = PLAUSIBLE[attribute]
    for value in (low, high):
        assert getattr(told(**{name: value}), attribute) == value
    for value in (low - 1, high + 1, 32767 * 10**127, -1e131, float("inf"), float("nan")):
        readings = told(**{name: value})
        assert getattr(readings, attribute) is None and len(readings.troubles) == 1


def test_troubles_are_bounded():
    readings = told()
    record = Record(0, 1, Layer.V2G, Category.DECODED, "CurrentDemandRes", line.CHARGER, line.CAR, Role.CHARGER, Role.CAR)
    for n in range(100):
        readings._value(record, "EVSEPresentVoltage", 10_000 + n, None)
    assert len(readings.troubles) == 6


def value(rng, unit):
    return din.PhysicalValue(Multiplier=rng.randrange(-3, 4), Value=rng.choice((-32768, -1, 0, 1, rng.randrange(-32768, 32768), 32767)), Unit=unit)


def demand(rng, talk):
    """One exchange of CurrentDemand with random numbers."""
    volt, ampere, watt = din.unitSymbol.V, din.unitSymbol.A, din.unitSymbol.W
    status = din.DC_EVStatus(EVReady=True, EVErrorCode=rng.choice(list(din.DC_EVErrorCode)), EVRESSSOC=rng.randrange(101))
    request = din.CurrentDemandReq(
        DC_EVStatus=status, EVTargetCurrent=value(rng, ampere), EVMaximumVoltageLimit=value(rng, volt), EVMaximumCurrentLimit=value(rng, ampere),
        EVMaximumPowerLimit=value(rng, watt), ChargingComplete=False, EVTargetVoltage=value(rng, volt))
    answer = din.CurrentDemandRes(
        ResponseCode=rng.choice(list(din.responseCode)),
        DC_EVSEStatus=din.DC_EVSEStatus(EVSEIsolationStatus=rng.choice(list(din.isolationLevel)), EVSEStatusCode=rng.choice(list(din.DC_EVSEStatusCode)),
                                        NotificationMaxDelay=0, EVSENotification=din.EVSENotification.None_),
        EVSEPresentVoltage=value(rng, volt), EVSEPresentCurrent=value(rng, ampere), EVSECurrentLimitAchieved=rng.random() < 0.3,
        EVSEVoltageLimitAchieved=rng.random() < 0.3, EVSEPowerLimitAchieved=rng.random() < 0.3, EVSEMaximumVoltageLimit=value(rng, volt),
        EVSEMaximumCurrentLimit=value(rng, ampere), EVSEMaximumPowerLimit=value(rng, watt))
    return [talk.say(True, line.din_message(request)), talk.say(False, line.din_message(answer))]


def box():
    ears, journal, signals = Ears(), Journal(), Signals()
    made = table.listen(ListenBoard(ears, SimOled()), signals, Config(), random.Random(1), journal, codec.load(),
                        table.Surroundings(SimpleNamespace(read=lambda: ""), lambda: False))
    return SimpleNamespace(ears=ears, made=made, kernel=Kernel(made.rows, journal), journal=journal)


@pytest.mark.parametrize("seed", range(3))
def test_any_numbers_leave_every_row_alive(seed):
    rng, talk, b = random.Random(seed), line.Talk(), box()
    frames = [*line.slac(), *talk.open(), talk.say(True, line.app_request()), talk.say(False, line.app_response())]
    for _ in range(150):
        frames += demand(rng, talk)
    for n, now in enumerate(range(0, 6 * S, TICK)):
        b.ears.frames = frames[n:n + 1]
        b.kernel.visit(now)
        if n % 20 == 0:
            lines = picture(listen_view(b.made.listener.hearing, "eth1", now, 0, False), [], 100, 30)
            assert {width(x) for x in lines} == {100}
    assert b.kernel.fault is None
    assert b.made.listener.sessions.messages["CurrentDemandRes"] == 150


@pytest.mark.parametrize("seed", range(3))
def test_any_frames_leave_every_row_alive(seed):
    rng, b = random.Random(seed), box()
    good = line.session()
    for n, now in enumerate(range(0, 8 * S, TICK)):
        frames = []
        for _ in range(4):
            frame = bytearray(rng.choice(good))
            for _ in range(rng.randrange(4)):
                frame[rng.randrange(12, len(frame))] = rng.randrange(256)
            frames.append(bytes(frame[:rng.choice((len(frame), rng.randrange(len(frame) + 1)))]))
        b.ears.frames = frames
        b.kernel.visit(now)
    tally = b.made.listener.follow.tally
    assert b.kernel.fault is None and sum(tally.kinds.values()) == tally.frames == 4 * (n + 1)
