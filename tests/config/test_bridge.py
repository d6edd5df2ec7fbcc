"""`mode: bridge`: a car towards the charger, with what contradicts it; and which section and which guard it has."""
from __future__ import annotations

from types import SimpleNamespace

import pytest

from drivers.errors import DriverError
from kernel.settings import SettingsError, build
from tasks.command_line import configure, parse
from tasks.config import Config
from tools.appliance import guard
from tools.appliance.real_board import planned

AC3 = "AC_three_phase_core"


def made(**sections) -> Config:
    return build(Config, sections, {}, "here")


@pytest.mark.parametrize("mode, role", [("pev", "pev"), ("bridge", "pev"), ("evse", "evse"), ("listen", "listen")])
def test_a_bridge_is_a_car_on_the_ccs_side(mode, role):
    assert made(mode=mode).role == role


@pytest.mark.parametrize("sections, words", [
    ({"charge_parameter_backend": "fixed"}, "mode = bridge, but charge_parameter_backend = fixed: .*set it to none"),
    ({"charge_parameter_backend": "dbc"}, "mode = bridge, but charge_parameter_backend = dbc"),
    ({"ev": {"energy_transfer_modes": ["DC_extended", AC3]}}, f"mode = bridge, but ev.energy_transfer_modes = DC_extended, {AC3}: CHAdeMO is DC"),
    ({"ev": {"light_bulb_demo": True}}, "mode = bridge, but ev.light_bulb_demo = true"),
    ({"bridge": {"discharge_a": 20}}, "bridge.discharge_a = 20 is more than safety.bridge.max_discharge_a = 0: .*set both"),
    ({"bridge": {"discharge_a": 20.5}, "safety": {"bridge": {"max_discharge_a": 20}}}, "bridge.discharge_a = 20.5 is more than safety.bridge.max_discharge_a = 20"),
    ({"bridge": {"discharge_a": 20}, "safety": {"bridge": {"max_discharge_a": 20}, "pev": {"current_sensor_fitted": False}}},
     "bridge.discharge_a = 20, but safety.pev.current_sensor_fitted = false: what is drawn has to be measured")])
def test_what_contradicts_a_bridge_is_refused_with_both_keys(sections, words):
    with pytest.raises(SettingsError, match=words):
        made(mode="bridge", **sections)
    made(mode="pev", **sections)


def test_discharging_is_configured_by_two_keys_and_bounded_by_the_rating():
    assert made().bridge.discharge_a == made().safety.bridge.max_discharge_a == 0.0
    safety = {"bridge": {"max_discharge_a": 20}}
    assert made(mode="bridge", bridge={"discharge_a": 20}, safety=safety).bridge.discharge_a == 20.0
    assert made(mode="bridge", safety=safety).bridge.discharge_a == 0.0
    with pytest.raises(SettingsError, match="discharge_a = 20 is more than max_current_a = 10"):
        made(mode="bridge", bridge={"discharge_a": 20, "max_current_a": 10}, safety=safety)
    with pytest.raises(SettingsError, match="discharge_a"):
        made(mode="bridge", bridge={"discharge_a": -1})


def test_the_word_of_the_command_line(tmp_path):
    (tmp_path / "c.yaml").write_text("charge_parameter_backend: fixed\n")
    assert configure(parse(["pev", "--config", str(tmp_path / "c.yaml")]), tmp_path).mode == "pev"
    with pytest.raises(SettingsError, match="mode = bridge, but charge_parameter_backend = fixed"):
        configure(parse(["bridge", "--config", str(tmp_path / "c.yaml")]), tmp_path)
    (tmp_path / "c.yaml").write_text("")
    assert configure(parse(["bridge", "--config", str(tmp_path / "c.yaml")]), tmp_path).mode == "bridge"


def test_its_guard_obeys_the_section_of_a_car_and_has_a_car_s_name(monkeypatch):
    """The same box as a car or as a bridge holds the same pins: whichever starts next relieves the guard of the other."""
    asked = []
    monkeypatch.setattr(guard, "Guard", lambda *arguments: asked.append(arguments))
    for mode in ("pev", "bridge"):
        guard.standing_by(made(mode=mode, interface="eth7"))
    assert asked[0][:2] == asked[1][:2] == ("pev", "eth7") and asked[1][2].__class__.__name__ == "PevSafetyConfig"


def test_a_bridge_without_a_board_is_refused_like_a_car():
    with pytest.raises(DriverError, match="nothing to switch and to measure"):
        planned(made(mode="bridge"), SimpleNamespace(simulate_io=False))
    assert planned(made(mode="bridge"), SimpleNamespace(simulate_io=True)) is None
