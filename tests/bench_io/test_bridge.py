"""A bridge at the workbench: its CHAdeMO plug's inputs and outputs, and when d2 is refused."""
import os

import pytest

from drivers.adc.quantity import CheckedConfig
from drivers.sim.bridge_plant import BridgePlant
from drivers.sim.lines import CONTACTORS, D1, D2, VEHICLE_LOCK, VEHICLE_UNLOCK
from kernel.timer import MS, S
from tasks.config import Config
from tests.bench_io.desk import DIVIDER, Desk, Raspberry, car_config
from tools.bench_io.look import PLUG, Voltages
from tools.bench_io.outputs import HV, MOTOR, SEQUENCE
from tools.bench_io.rules import DEAD_V, LIVE_V, refusal, watch
from tools.bench_io.switch import start_guard

KNOWN = {"inlet": 0.0}


def bridge(typed=None):
    return Desk(Config(mode="bridge", realtime=False), typed)


@pytest.fixture
def pi(monkeypatch):
    """(desk, its Raspberry Pi) with a bridge's wiring; 50 A at the third channel is now the CHAdeMO plug's voltage."""
    pytest.importorskip("smbus2", reason="smbus2 is not installed")
    made = []

    def make(typed=None, voltmeter=True):
        config = car_config()
        config.mode, config.charge_parameter_backend = "bridge", "none"
        measuring = config.raspberry_pi.measuring.voltmeter
        measuring.inlet_current.channel = ""
        config.safety.pev.current_sensor_fitted = config.connection.require_pilot = False
        config.safety.bridge.vehicle_voltmeter_fitted = voltmeter
        measuring.vehicle_voltage = CheckedConfig("ads1x15:2", DIVIDER) if voltmeter else CheckedConfig()
        desk = Desk(config, typed)
        board = Raspberry(monkeypatch, desk.clock)
        board.car_volts = 0.0
        board.adc.pins["2"] = lambda at: board.car_volts / DIVIDER
        for offset in (5, 6, 4):
            board.kernel.levels["/dev/gpiochip0", offset] = 1
        made.append(board)
        return desk, board
    yield make
    for board in made:
        board.close()


@pytest.mark.parametrize("side", [{PLUG: DEAD_V}, {PLUG: -DEAD_V}, {PLUG: LIVE_V + 1}, {PLUG: 0.0, "inlet": LIVE_V + 1}])
@pytest.mark.parametrize("zero", ["", "multimeter at the plug"])
def test_d2_is_refused_at_10_volts_whatever_anybody_says(side, zero):
    assert refusal(SEQUENCE, "d2", Voltages({**KNOWN, **side}, {}), None, zero)


def test_d2_below_10_volts_is_allowed_and_an_unknown_voltage_is_none():
    assert refusal(SEQUENCE, "d2", Voltages({**KNOWN, PLUG: DEAD_V - 0.1}, {}), None) == ""
    unknown = Voltages(KNOWN, {PLUG: "no voltmeter is fitted there"})
    said = refusal(SEQUENCE, "d2", unknown, None)
    assert PLUG in said and "unknown is not safe" in said and "--i-measured-0-volts" in said
    assert refusal(SEQUENCE, "d2", unknown, None, "multimeter at the plug") == ""


def test_d2_that_is_on_goes_off_when_the_vehicle_puts_its_battery_there():
    live, none = Voltages({**KNOWN, PLUG: DEAD_V}, {}), frozenset()
    assert watch(SEQUENCE, "d2", live, none) and watch(SEQUENCE, "d2", Voltages(KNOWN, {PLUG: "gone"}), none)
    assert watch(SEQUENCE, "d2", Voltages({**KNOWN, PLUG: DEAD_V - 1}, {}), none) == ""
    assert watch(HV, "contactors", live, none) == "", "10 V are no reason for what has nothing to do with d2"


def test_the_chademo_lock_may_always_lock():
    live = Voltages({**KNOWN, PLUG: 300.0}, {})
    assert refusal(MOTOR, "vehicle_lock", live, None) == "" and refusal(MOTOR, "vehicle_unlock", live, None)


def test_inputs_and_outputs_are_shown():
    desk = bridge()
    assert desk.run("inputs") == 0
    for name in ("vehicle voltage", "charge permission k", "CHAdeMO plug in", "CHAdeMO plug locked", "inlet voltage"):
        assert sum(row.startswith(name) for row in desk.text.splitlines()) == 1, name
    assert "battery" not in desk.text, "its vehicle speaks CHAdeMO"
    desk = bridge()
    assert desk.run("outputs") == 0
    assert [row.split()[0] for row in desk.text.splitlines()[1:]] == "state_c contactors lock unlock d2 d1 vehicle_lock vehicle_unlock".split()
    assert all(len(row) <= 100 for row in desk.text.splitlines())


@pytest.mark.parametrize("name, line, more", [("d1", D1, ["--yes"]), ("d2", D2, []), ("vehicle_lock", VEHICLE_LOCK, ["--yes"]),
                                              ("vehicle_unlock", VEHICLE_UNLOCK, ["--yes"]), ("contactors", CONTACTORS, [])])
def test_one_output_is_on_for_its_time_and_no_other(name, line, more):
    desk, found = bridge(name), []

    def look(bench):
        force = bench.lines.force

        def noting(place, on):
            if bench.lines.level(place) != on:
                found.append((desk.clock.now(), place, on))
            force(place, on)
        bench.lines.force = noting
    assert desk.run("switch", name, "--for", "0.5", *more, look=look) == 0
    assert [(place, on) for _, place, on in found] == [(line, True), (line, False)]
    assert found[1][0] - found[0][0] == S // 2 and "all outputs are off" in desk.text


def test_d2_needs_a_person_and_is_refused_with_voltage():
    desk = bridge()
    assert desk.run("switch", "d2", "--yes") == 1 and "--yes does not count" in desk.text
    desk = bridge("d2")
    assert desk.run("switch", "d2", "--simulate-voltage", "12") == 1 and "12 V at the CHAdeMO plug" in desk.one_line() and not desk.guards
    desk = bridge("d1")
    assert desk.run("switch", "d1", "--simulate-voltage", "12") == 0, "d1 alone closes nothing"


def test_d2_goes_off_when_a_vehicle_closes_its_contactors():
    desk = bridge("d2")

    def look(bench):
        meter = bench.board.bridge.voltmeter
        desk.clock.at = [(S + 300 * MS + 500 * MS, lambda: meter.distort("vehicle_voltage", lambda value: 360.0))]
    assert desk.run("switch", "d2", "--for", "5", look=look) == 1
    assert "360 V have appeared at the CHAdeMO plug" in desk.one_line()


def test_the_guard_of_the_workbench_is_that_of_the_box():
    """Both roles of one box hold the same pins: a bridge's guard has a car's name, so that each start relieves the other."""
    bench = Desk(Config(mode="bridge", realtime=False)).bench()
    assert bench.where == f"pev-{bench.config.interface}" and isinstance(bench.board.contactors._plant, BridgePlant)
    guard = start_guard(bench)
    assert guard._mode == "pev" and guard.lines is bench.lines
    guard.channel.close()
    assert os.waitpid(guard.pid, 0)[1] == 0, "nothing was on: it leaves"
    bench.close()


def test_a_board_s_pins_and_channels_stand_in_the_table(pi):
    desk, board = pi()
    board.car_volts = 30.0
    board.kernel.levels["/dev/gpiochip0", 5] = 0
    assert desk.run("inputs") == 0
    rows = {row[:24].strip(): row for row in reversed(desk.text.splitlines())}         # inputs stand before devices
    assert "GPIO5" in rows["CHAdeMO k"] and " yes " in rows["CHAdeMO k"]
    assert "GPIO6" in rows["CHAdeMO plug"] and "GPIO4" in rows["CHAdeMO lock locked"]
    assert "ads1x15:2" in rows["vehicle V"] and " 30.00 " in rows["vehicle V"] and " 30.00 " in rows["vehicle voltage"]


@pytest.mark.parametrize("name, offset", [("d1", 12), ("d2", 13), ("vehicle_lock", 18)])
def test_the_pin_rises_and_falls(pi, name, offset):
    desk, board = pi(name)
    seen = set()

    def look(bench):
        turn = bench.turn
        bench.turn = lambda now: (seen.add(tuple(n for n in (12, 13, 18, 15, 17, 27) if board.high(n))), turn(now))[1]
    assert desk.run("switch", name, "--for", "0.3", look=look) == 0
    assert seen == {(), (offset,)} and f"GPIO{offset}" in desk.text and "read back on" in desk.text


def test_without_a_voltmeter_at_the_plug_d2_wants_a_hand(pi):
    desk, board = pi("d2", voltmeter=False)
    assert desk.run("switch", "d2") == 1 and "no voltmeter is fitted there" in desk.one_line()
    desk, board = pi("d2", voltmeter=False)
    assert desk.run("switch", "d2", "--i-measured-0-volts", "multimeter at the plug") == 0


def test_a_bridge_that_is_not_complete_is_read_all_the_same(pi):
    desk, board = pi()
    desk.config.raspberry_pi.measuring.voltmeter.vehicle_voltage = CheckedConfig()
    desk.config.safety.bridge.vehicle_voltmeter_fitted = True
    assert desk.run("inputs") == 0
    assert "main.py would refuse to start" in desk.one_line() and "safety.bridge.vehicle_voltmeter_fitted" in desk.one_line()
