"""AC or DC: what a box's energy transfer modes decide, what contradicts them, and the command line's word for it."""
from __future__ import annotations

import pytest

from kernel.settings import SettingsError, build
from tasks.command_line import TRANSFERS, configure, parse
from tasks.config import Config
from tasks.v2g.protocols import DIN, ISO2, chosen

AC3, AC1 = "AC_three_phase_core", "AC_single_phase_core"


def made(**sections) -> Config:
    return build(Config, sections, {}, "here")


@pytest.mark.parametrize("modes, ac", [([AC3], True), ([AC3, AC1], True), (["DC_core"], False), (["DC_extended", "DC_core"], False)])
def test_all_ac_is_a_wallbox(modes, ac):
    assert made(evse={"energy_transfer_modes": modes}).evse.ac is ac


@pytest.mark.parametrize("modes", [[AC3, "DC_core"], ["DC_extended", AC1]])
def test_a_mix_is_refused_with_what_to_do(modes):
    with pytest.raises(SettingsError, match="one box has one power path.*only AC modes.*only DC modes.*second box"):
        made(evse={"energy_transfer_modes": modes})


def test_a_car_may_take_both():
    config = made(ev={"energy_transfer_modes": ["DC_extended", AC3]})
    assert config.ev.takes_ac and not config.ev.ac
    assert not made().ev.takes_ac and made(ev={"energy_transfer_modes": [AC3]}).ev.ac


@pytest.mark.parametrize("sections, words", [
    ({"evse": {"energy_transfer_modes": [AC3], "protocols": ["din"]}}, "evse.energy_transfer_modes are all AC, but evse.protocols = din: DIN 70121 has DC only"),
    ({"ev": {"energy_transfer_modes": [AC3], "protocols": ["din"]}}, "ev.energy_transfer_modes are all AC, but ev.protocols = din"),
    ({"evse": {"energy_transfer_modes": [AC3], "soc_readout": True}}, "evse.soc_readout = true, but evse.energy_transfer_modes are all AC"),
    ({"evse": {"energy_transfer_modes": [AC3], "ac_max_current_a": 32.0}}, "evse.ac_max_current_a = 32 is more than safety.ac.max_current_a = 16")])
def test_what_contradicts_is_refused_with_both_keys(sections, words):
    with pytest.raises(SettingsError, match=words):
        made(**sections)


def test_what_does_not_contradict():
    made(evse={"energy_transfer_modes": [AC3], "ac_max_current_a": 32.0}, safety={"ac": {"max_current_a": 32.0}})
    made(evse={"ac_max_current_a": 32.0})                        # a DC charger: the AC limit is nobody's
    made(evse={"soc_readout": True})


def test_ac_leaves_din_out():
    assert chosen(["din", "iso2"]) == (DIN, ISO2) and chosen(["din", "iso2"], True) == (ISO2,) and chosen(["din"], True) == ()


@pytest.mark.parametrize("word", TRANSFERS)
def test_the_word_of_the_command_line(word, tmp_path):
    (tmp_path / "c.yaml").write_text("")
    config = configure(parse(["--simulate", "--transfer", word, "--config", str(tmp_path / "c.yaml")]), tmp_path)
    assert config.ev.energy_transfer_modes == config.evse.energy_transfer_modes == TRANSFERS[word] and config.evse.ac is (word != "dc")


def test_the_command_line_is_checked_against_the_rest(tmp_path):
    (tmp_path / "c.yaml").write_text("")
    with pytest.raises(SettingsError, match="DIN 70121 has DC only"):
        configure(parse(["--simulate", "--transfer", "ac3", "--protocol", "din", "--config", str(tmp_path / "c.yaml")]), tmp_path)


@pytest.mark.parametrize("words", [["evse", "--simulate-io", "--transfer", "ac3"], ["--simulate", "--transfer", "ac1", "--charger", "compleo"],
                                   ["--simulate", "--transfer", "ac1", "--car", "ioniq"], ["--simulate", "--transfer", "ac2"]])
def test_where_the_word_does_not_belong(words, capsys):
    with pytest.raises(SystemExit) as end:
        parse(words)
    assert end.value.code == 2 and "--transfer" in capsys.readouterr().err
