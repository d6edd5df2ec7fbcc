"""Every personality comes to its expected end: charging or a stop that explains itself, nothing damaged, no invariant broken."""
from __future__ import annotations

import pytest

from exi_native import codec
from kernel.timer import S
from tasks.config import Config
from tasks.stop_reasons import NORMAL_ENDS, StopReason
from tools.simulate.fleet.__main__ import main
from tools.simulate.fleet.cars import CARS
from tools.simulate.fleet.chargers import CHARGERS
from tools.simulate.fleet.iso2_cars import ISO2_CARS
from tools.simulate.fleet.iso2_chargers import ISO2_CHARGERS
from tools.simulate.fleet.meet import meet
from tools.simulate.fleet.traits import CarTraits, ChargerTraits

EVERYBODY = {**CHARGERS, **CARS}


@pytest.mark.parametrize("name", EVERYBODY)
def test_our_box_meets(name):
    who = EVERYBODY[name]
    result = meet(who, codec.load())
    assert result.complaints == []
    assert result.damage == 0 and result.broken == [] and result.reason is not None
    if not who.expected.charges:
        assert result.reason not in NORMAL_ENDS and result.told


def test_the_fleet_is_large_enough_and_names_its_sources():
    assert len(CHARGERS) >= 20 and len(CARS) >= 6 and len(ISO2_CHARGERS) + len(ISO2_CARS) >= 30
    assert not set(CHARGERS) & set(CARS)
    for name, who in EVERYBODY.items():
        assert who.name == name and who.title and who.sources and all(who.sources), name
        assert type(who.traits) is (CarTraits if name in CARS else ChargerTraits), name
        assert who.expected.charges or who.expected.told, f"{name}: a stop must be explained"


@pytest.mark.parametrize("name", ["abb", "alpitronic-hyc300"])
def test_a_missing_last_answer_does_not_make_it_begin_again(name):
    result = meet(CHARGERS[name], codec.load())
    assert result.virtual < 60 * S and not any("5 % PWM" in sentence for sentence in result.told)


def test_a_tritium_does_not_like_398_v():
    """Field sheet 7.2: it ends when the car's limit is 398 V."""
    config = Config()
    config.ev.max_voltage_v = 398.0
    result = meet(CHARGERS["tritium"], codec.load(), config=config)
    assert not result.charged and result.reason is StopReason.TCP_CLOSED
    assert any("ChargeParameterDiscovery" in sentence for sentence in result.told)


def test_the_table_says_what_is_not_as_expected(capsys):
    assert main(["kempower", "--told"]) == 0
    assert "0 of 1 not as expected" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["nobody"])
    assert "compleo" in capsys.readouterr().err
