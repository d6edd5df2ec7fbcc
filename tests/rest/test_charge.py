"""Whole simulated charges with a REST call at both ends, and a car that is read out before AC."""
import pytest

from drivers.sim.plant_config import PlantConfig
from exi_native import codec
from kernel.timer import S
from tasks.config import Config
from tasks.v2g.session import SCHEMAS
from tests.rest.test_report import Sink
from tools.simulate import charge as world
from tools.simulate.charge import Charge


@pytest.fixture
def charge(monkeypatch):
    """Both boxes have somebody to call."""
    def with_sink(make):
        def board(*about):
            made = make(*about)
            made.rest = Sink()
            return made
        return board
    monkeypatch.setattr(world, "simulated_car", with_sink(world.simulated_car))
    monkeypatch.setattr(world, "simulated_charger", with_sink(world.simulated_charger))

    def make(**evse):
        config = Config()
        for name, value in evse.items():
            setattr(config.evse, name, value)
        config.rest.also = ["stop_reason", "energy"]
        return Charge(config, PlantConfig(battery_capacity_wh=20_000.0, battery_soc_percent=97.0), codec.load(schemas=SCHEMAS), 1)
    return make


def run(made, limit=600 * S):
    while made.car.signals.stop_reason.value is None and made.clock.time < limit:
        made.run_until(made.clock.time + S // 2)
    made.run_until(made.clock.time + 10 * S)


def test_a_charge_from_its_first_words_to_its_last(charge):
    made = charge()
    run(made)
    told = [values for _, values in made.charger.board.rest.told]
    socs = [int(values["current_soc"]) for values in told if values["current_soc"] != "-1"]
    assert socs == sorted(socs) and socs[0] == 97 and socs[-1] == 98 and len(told) < made.clock.time / S / 4
    assert {values["evccid"] for values in told} == {made.car.board.nic.mac.hex().upper()}
    assert {values["energy_capacity"] for values in told} >= {"20000"} and {values["full_soc"] for values in told} >= {"98"}
    assert int(told[-1]["energy"]) > 200 and told[-1]["stop_reason"], "the last words have the end"
    car = [values for _, values in made.car.board.rest.told]
    assert car[0]["current_soc"] == "97" and car[-1]["stop_reason"] == "BATTERY_FULL" and car[-1]["evccid"] == told[-1]["evccid"]


def test_a_readout_before_ac_is_told_though_it_lasts_a_moment(charge):
    made = charge(soc_readout=True)
    made.run_until(60 * S)
    told = [values for _, values in made.charger.board.rest.told]
    assert told and told[0]["evccid"] and any(values["current_soc"] == "97" and values["energy_capacity"] == "20000" and int(values["energy_request"]) > 0 for values in told)
