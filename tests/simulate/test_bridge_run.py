"""`main.py --simulate --bridge`: a whole short charge in lines, what the summary says of both protocols, the CAN log; and which options go together."""
from __future__ import annotations

import contextlib
import io
import re

import pytest

from kernel.settings import SettingsError
from tasks.chademo.wire import CHARGER_IDS, parse
from tasks.command_line import BRIDGE_SHOW_STOP, STRATEGIES, configure
from tasks.command_line import parse as options
from tools.simulate.chademo.profiles import PROFILES
from tools.simulate.run import run

SHORT = ["--soc-start", "78", "--soc-stop", "79", "--pace", "max"]
FRAME = re.compile(r"\((\d+)\.(\d{6})\) can0 ([0-9A-F]{3})#([0-9A-F]{16})")


class Utf8(io.StringIO):
    encoding = "utf-8"


def simulate(folder, *words: str, settings: str = "") -> int:
    """Exit code; what it leaves is in `folder`/out."""
    (folder / "given.yaml").write_text(settings)
    args = options(["--simulate", "--config", str(folder / "given.yaml"), "--output", str(folder / "out"), *words])
    return run(configure(args, folder), args)


@pytest.fixture(scope="module")
def charge(tmp_path_factory):
    """Exit code, what was printed, the folder."""
    folder = tmp_path_factory.mktemp("bridge")
    out = Utf8()
    with contextlib.redirect_stdout(out):
        code = simulate(folder, "--bridge", "leaf40", *SHORT)
    return code, out.getvalue(), folder / "out"


def test_it_charges_and_says_so_in_lines(charge):
    code, text, _ = charge
    assert code == 0 and "✔ Battery full" in text and re.search(r"SoC 78\.0 → 7[89]", text)
    for words in ("BRIDGE  [100]", "CHADEMO phase", "V_car", "CHARGER"):
        assert words in text, words
    assert " CAR  " not in text, "the box is a bridge"


def test_the_summary_tells_the_phases_of_both_protocols(charge):
    _, text, _ = charge
    ends = text[text.index("✔"):]
    ccs, chademo = ends.index("cable check"), ends.index("CHAdeMO  ")
    assert ccs < chademo < ends.index("look: Waking the car") < ends.index("\n   Waking the car") < ends.index("Charging")
    found = re.search(r"plug to 1 A +(\d+)\.\d s", ends)
    assert found is not None and 15 < int(found.group(1)) < 40, "virtual time: 22 s"
    assert "leaf40, ended: charger" in ends and re.search(r"noticed +nothing", ends)


def test_the_folder_has_pcap_journals_and_the_can_log(charge):
    _, text, folder = charge
    assert {"frames.pcap", "can.log", "journal-bridge.txt", "journal-evse.txt", "config.yaml"} <= {path.name for path in folder.iterdir()}
    assert str(folder / "can.log") in text
    assert "mode: bridge" in (folder / "config.yaml").read_text()


def test_the_can_log_is_what_went_over_the_bus(charge):
    lines = (charge[2] / "can.log").read_text().splitlines()
    frames = [FRAME.fullmatch(line) for line in lines]
    assert len(frames) > 1000 and all(frames)
    times = [int(f.group(1)) * 10**6 + int(f.group(2)) for f in frames]
    assert times == sorted(times)
    ids = [int(f.group(3), 16) for f in frames]
    assert set(ids) >= {*CHARGER_IDS, *PROFILES["leaf40"].ids}, "also what the box does not ask for, as 0x202"
    assert ids.index(0x102) < ids.index(0x109), "the car speaks first (chademo sheet 1.1)"
    told = [parse(0x109, bytes.fromhex(f.group(4))).status for f in frames if f.group(3) == "109"]
    assert [status for status, before in zip(told, [None, *told]) if status != before][-6:] == [0x20, 0x24, 0x05, 0x25, 0x24, 0x20], "sheet 1.8"


def test_a_bidirectional_charger_draws_out_of_a_car_that_discharges(tmp_path, capsys):
    """What the setting has to be comes with the charger (`ours` of its personality)."""
    assert simulate(tmp_path, "--bridge", "leaf40-v2x", "--charger", "bidirectional", "--soc-start", "60", "--soc-stop", "62", "--pace", "max") == 0
    text = capsys.readouterr().out
    assert re.search(r"drawn out +0\.04 kWh, as the charger reports it", text) and re.search(r"noticed +nothing", text)
    assert "expected    of a CCS car: charges, Reverse current" in text and "✔" in text


def test_a_car_that_refuses_is_told_in_the_summary(tmp_path, capsys):
    assert simulate(tmp_path, "--bridge", "leaf40", *SHORT, settings="bridge: {max_voltage_v: 400}\n") == 1
    text = capsys.readouterr().out
    assert "✘ Voltage out of range" in text and re.search(r"plug to 1 A +none", text)


def test_the_list_of_cars(tmp_path, capsys):
    assert simulate(tmp_path, "--bridge", "list") == 0
    text = capsys.readouterr().out
    assert all(re.search(rf"^  {name} +\d+ kWh, target \d+ V", text, re.MULTILINE) for name in PROFILES) and not (tmp_path / "out").exists()


def test_an_unknown_car_is_refused_with_the_list(tmp_path):
    with pytest.raises(SettingsError, match=r"(?s)leaf24.*--bridge leaf4O: no car is called so. Did you mean leaf40\?"):
        simulate(tmp_path, "--bridge", "leaf4O")


@pytest.mark.parametrize("words, why", [
    (["--bridge", "leaf40"], "--bridge belongs to --simulate"), (["--simulate", "--bridge", "leaf40", "--car", "ioniq"], "leave out --car"),
    (["--simulate", "--bridge", "leaf40", "--transfer", "ac3"], "leave out --car and --transfer"),
    (["--simulate", "--strategy", "single"], "--strategy belongs to --bridge"),
    (["--simulate", "--bridge", "leaf40", "--strategy", "triple"], "invalid choice")])
def test_options_that_do_not_go_together(words, why, capsys):
    with pytest.raises(SystemExit):
        options(words)
    assert why in capsys.readouterr().err


def test_what_the_options_set(tmp_path):
    (tmp_path / "config.yaml").write_text("")

    def made(*words):
        return configure(options(["--simulate", "--bridge", "leaf40", *words]), tmp_path / "config.yaml")
    assert (made().mode, made().bridge.strategy, made().bridge.stop_soc_percent) == ("bridge", "measured", BRIDGE_SHOW_STOP)
    assert [made("--strategy", word).bridge.strategy for word in STRATEGIES] == list(STRATEGIES)
    assert made("--soc-stop", "100").bridge.stop_soc_percent == 100.0
    (tmp_path / "config.yaml").write_text("bridge: {stop_soc_percent: 60, discovery_until: k}\n")
    assert made("--config", str(tmp_path / "config.yaml")).bridge.stop_soc_percent == 60.0
    with pytest.raises(SettingsError, match="--strategy single: discovery_until = k"):
        made("--config", str(tmp_path / "config.yaml"), "--strategy", "single")
    plain = configure(options(["--simulate", "--config", str(tmp_path / "config.yaml")]), tmp_path)
    assert plain.mode == "pev"
