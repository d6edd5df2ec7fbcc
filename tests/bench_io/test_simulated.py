"""Every command on the simulated board, in virtual time."""
import pytest

from drivers.interfaces import BatteryReading
from drivers.sim.lines import CONTACTORS, DUTY, FIRST, LOCK, STEADY, UNLOCK
from kernel.timer import MS, S
from tasks.config import Config
from tests.bench_io.desk import Desk
from tools.bench_io.bench import SETTLE
from tools.bench_io.switch import RECHECK

ON = SETTLE + RECHECK                # ns from the beginning until an output is on


def car(typed=None, **settings):
    return Desk(Config(mode="pev", realtime=False, **settings), typed)


def charger(typed=None, ac=False):
    config = Config(mode="evse", realtime=False)
    if ac:
        config.evse.energy_transfer_modes = ["AC_three_phase_core"]
    return Desk(config, typed)


@pytest.fixture
def levels():
    """Notes every change of the lines that a bench makes, in ns since the beginning."""
    found = []

    def look(desk):
        def note(bench):
            force, force_duty = bench.lines.force, bench.lines.force_duty

            def noting(line, on):
                if bench.lines.level(line) != on:
                    found.append((desk.clock.now() - desk.clock.began, line, on))
                force(line, on)

            def noting_duty(percent):
                if bench.lines.duty != percent:
                    found.append((desk.clock.now() - desk.clock.began, DUTY, percent))
                force_duty(percent)
            bench.lines.force, bench.lines.force_duty = noting, noting_duty
        return note
    look.found = found
    return look


@pytest.mark.parametrize("desk, names", [(car(), ["inlet voltage", "contactors closed", "battery voltage"]), (charger(), ["output voltage", "insulation"]),
                                         (charger(ac=True), ["mains voltage", "residual current trip"])])
def test_every_input_is_a_row_with_its_state(desk, names):
    assert desk.run("inputs") == 0
    rows = desk.text.splitlines()
    for name in [*names, "pilot state", "pilot duty", "plug locked", "stop button pressed"]:
        assert sum(row.startswith(name) for row in rows) == 1, name
    assert all(len(row) <= 100 for row in rows)


def test_watching_ends_when_somebody_wants_it_and_is_plain_without_a_terminal():
    desk = car()
    desk.clock.at = [(SETTLE + 1700 * MS, lambda: setattr(desk.process, "terminate", True))]
    assert desk.run("inputs", "--watch") == 0
    assert desk.text.count("pilot state") == 4 and "\x1b" not in desk.text


def test_outputs_are_listed_and_none_is_switched(levels):
    for desk, names in ((car(), "state_c contactors lock unlock"), (charger(), "power lock unlock pwm state_f"), (charger(ac=True), "mains lock unlock pwm state_f")):
        assert desk.run("outputs", look=levels(desk)) == 0
        assert [row.split()[0] for row in desk.text.splitlines()[1:]] == names.split()
    assert levels.found == []


@pytest.mark.parametrize("make, name, line, more", [
    (car, "state_c", FIRST, ["--yes"]), (car, "lock", LOCK, ["--yes"]), (car, "unlock", UNLOCK, ["--yes"]), (car, "contactors", CONTACTORS, []),
    (charger, "power", FIRST, []), (charger, "unlock", UNLOCK, ["--yes"])])
@pytest.mark.parametrize("seconds", [None, 0.5, 10.0])
def test_one_output_is_on_for_its_time_and_no_other(levels, make, name, line, more, seconds):
    desk = make(name)
    words = [*more, *([] if seconds is None else ["--for", str(seconds)])]
    assert desk.run("switch", name, *words, look=levels(desk)) == 0
    assert [(place, on) for _, place, on in levels.found] == [(line, True), (line, False)]
    (on, *_), (off, *_) = levels.found
    assert off - on == int((2.0 if seconds is None else seconds) * S)
    assert len(desk.asked) == (not more) and desk.guards == 1 and desk.ear.ended and "all outputs are off" in desk.text


@pytest.mark.parametrize("name, percent, words", [("pwm", 5.0, []), ("pwm", 53.0, ["--duty", "53"]), ("state_f", None, [])])
def test_a_pilot_is_made_and_given_back(levels, name, percent, words):
    desk = charger()
    assert desk.run("switch", name, "--yes", *words, look=levels(desk)) == 0
    assert [(place, duty) for _, place, duty in levels.found] == [(DUTY, percent), (DUTY, STEADY)]


def test_the_guard_hears_a_sign_of_life_often_enough_while_something_is_on(levels):
    desk = car()
    assert desk.run("switch", "state_c", "--yes", "--for", "10", look=levels(desk)) == 0
    (on, *_), (off, *_) = levels.found
    beats = [at - desk.clock.began for at in desk.ear.beats]
    assert beats[0] <= on and max(b - a for a, b in zip(beats, beats[1:] + [off])) <= 20 * MS, "the guard's limit may be set to 50 ms"


@pytest.mark.parametrize("typed", ["", "y", "yes", "Contactors", "state_c"])
def test_the_wrong_answer_switches_nothing(levels, typed):
    desk = car(typed)
    assert desk.run("switch", "contactors", look=levels(desk)) == 1
    assert levels.found == [] and desk.guards == 0 and "nothing was switched" in desk.text and len(desk.asked) == 1


@pytest.mark.parametrize("make, name, words, says", [
    (car, "contactors", ["--yes"], "--yes does not count"), (charger, "power", ["--yes"], "--yes does not count"),
    (car, "contactors", [], "type its name at a terminal"), (car, "state_c", [], "no terminal"),
    (car, "contactors", ["--simulate-voltage", "61"], "61 V at the inlet"), (car, "unlock", ["--yes", "--simulate-voltage", "400"], "400 V at the inlet"),
    (charger, "power", ["--simulate-voltage", "200"], "200 V at the output"),
    (car, "contactors", ["--simulate-voltage", "400", "--i-measured-0-volts", "multimeter at both sides"], "no option overrides")])
def test_what_is_refused_is_refused_with_words_before_anybody_is_asked(levels, make, name, words, says):
    desk = make()
    assert desk.run("switch", name, *words, look=levels(desk)) == 1
    assert says in desk.one_line() and levels.found == [] and desk.guards == 0 and desk.asked == []


def test_a_mains_contactor_wants_no_mains_and_no_car(levels):
    desk = charger("mains", ac=True)
    assert desk.run("switch", "mains", "--simulate-voltage", "230", look=levels(desk)) == 1 and "230 V at the mains" in desk.text
    assert desk.run("switch", "mains", "--yes", look=levels(desk)) == 1 and "--yes does not count" in desk.text

    def plug(bench):
        levels(desk)(bench)
        bench.board.pilot_monitor._plant.plug(desk.clock.now())
    assert desk.run("switch", "mains", look=plug) == 1 and "state B, expected A" in desk.text
    assert levels.found == []
    assert desk.run("switch", "mains", look=levels(desk)) == 0
    assert [(line, on) for _, line, on in levels.found] == [(FIRST, True), (FIRST, False)]


def test_a_reason_of_a_few_letters_is_none():
    desk = car("contactors")
    assert desk.run("switch", "contactors", "--i-measured-0-volts", "yes") == 2 and "multimeter" in desk.text


def test_an_unknown_name_says_which_there_are():
    desk = car()
    assert desk.run("switch", "contactor") == 2 and "state_c, contactors, lock, unlock" in desk.text


def test_a_wish_to_stop_ends_it_at_once(levels):
    desk = car()
    desk.clock.at = [(ON + 700 * MS, lambda: setattr(desk.process, "terminate", True))]
    assert desk.run("switch", "state_c", "--yes", "--for", "10", look=levels(desk)) == 130
    (on, *_), (off, line, level) = levels.found
    assert off - on <= 710 * MS and (line, level) == (FIRST, False) and "stopped" in desk.text


def test_a_voltage_that_appears_ends_it_at_once(levels):
    desk = car("contactors")
    meters = []

    def look(bench):
        levels(desk)(bench)
        meters.append(bench.board.voltmeter)
    desk.clock.at = [(ON + 500 * MS, lambda: meters[0].distort("voltage", lambda value: 350.0))]
    assert desk.run("switch", "contactors", "--for", "10", look=look) == 1
    (on, *_), (off, *_) = levels.found
    assert off - on <= 520 * MS and "350 V have appeared at the inlet" in desk.text


def test_a_voltage_that_appears_while_the_person_types_is_seen_before_the_deed(levels):
    desk = car("contactors")
    meters = []

    def look(bench):
        levels(desk)(bench)
        meters.append(bench.board.voltmeter)
    ask = desk.world.ask
    desk.world.ask = lambda question: (meters[0].distort("voltage", lambda value: 350.0), ask(question))[1]
    assert desk.run("switch", "contactors", look=look) == 1 and levels.found == [] and "350 V at the inlet" in desk.text


def test_a_measurement_that_is_lost_ends_it_at_once(levels):
    desk = car("contactors")
    boards = []

    def look(bench):
        levels(desk)(bench)
        boards.append(bench.board)
    desk.clock.at = [(ON + 500 * MS, lambda: boards[0].voltmeter.set_faults(failed=True))]
    assert desk.run("switch", "contactors", "--for", "10", look=look) == 1 and "no longer known" in desk.one_line()
    assert levels.found[1][0] - levels.found[0][0] <= 520 * MS


def test_whatever_is_raised_it_is_off_afterwards(levels):
    desk = car()
    boards = []

    def look(bench):
        levels(desk)(bench)
        boards.append(bench)

    def break_it():
        def broken(now):
            raise ZeroDivisionError("a device that raises against its contract")
        boards[0].board.voltmeter.inlet_voltage = broken
    desk.clock.at = [(ON + 500 * MS, break_it)]
    with pytest.raises(ZeroDivisionError):
        desk.run("switch", "state_c", "--yes", "--for", "10", look=look)
    assert [(line, on) for _, line, on in levels.found] == [(FIRST, True), (FIRST, False)] and desk.ear.ended


def test_without_its_guard_it_goes_off(levels):
    desk = car()
    desk.clock.at = [(ON + 500 * MS, lambda: setattr(desk.ear, "closed", True))]
    assert desk.run("switch", "state_c", "--yes", "--for", "10", look=levels(desk)) == 1
    assert levels.found[1][0] - levels.found[0][0] <= 540 * MS and "guard process is gone" in desk.text


def test_an_output_that_does_not_go_off_is_told_loudly(levels):
    desk = car()

    def look(bench):
        put = bench.board.control_pilot.set_state_c
        bench.board.control_pilot.set_state_c = lambda c, now: put(c, now) if c else False
    assert desk.run("switch", "state_c", "--yes", look=look) == 0
    assert "NOT OFF: state_c" in desk.text and "BY HAND" in desk.text


def test_an_output_that_goes_off_late_is_commanded_until_it_does():
    desk = car()
    refusals = [False] * 5

    def look(bench):
        put = bench.board.control_pilot.set_state_c
        bench.board.control_pilot.set_state_c = lambda c, now: put(c, now) if c or not refusals else refusals.pop()
    assert desk.run("switch", "state_c", "--yes", look=look) == 0 and refusals == [] and "all outputs are off (commanded off" in desk.text


def test_when_the_guard_has_taken_the_outputs_that_is_said():
    desk = car()
    benches = []
    desk.clock.at = [(ON + 500 * MS, lambda: (benches[0].lines.hold(), benches[0].lines.force(FIRST, False)))]
    assert desk.run("switch", "state_c", "--yes", "--for", "10", look=benches.append) == 1
    assert "no sign of life for too long" in desk.one_line() and "the guard has the outputs" in desk.text and "all outputs are off" not in desk.text


def test_a_battery_voltage_that_is_old_is_not_known():
    desk = car("contactors")

    def look(bench):
        bench.board.vehicle.read = lambda now: BatteryReading.of(now - 2100 * MS, voltage=0.0)
    assert desk.run("switch", "contactors", look=look) == 1 and "battery: no value younger than 2 s" in desk.one_line()


def test_a_second_relay_does_not_follow_at_the_bench_and_the_report_has_the_file_s_settings():
    desk = car()
    desk.config.dieter.relay_2 = "with_contactors"
    bench = desk.bench()
    assert (bench.config.dieter.relay_2, bench.given.dieter.relay_2, desk.config.dieter.relay_2) == ("none", "with_contactors", "with_contactors")
    bench.close()


def test_a_welded_contactor_is_told():
    desk = car("contactors")
    assert desk.run("switch", "contactors") == 0 and "contacts say open" in desk.text and "WELDED" not in desk.text.upper()
    desk = car("contactors")
    assert desk.run("switch", "contactors", look=lambda bench: setattr(bench.board.contactors._plant.car_contactors, "welded", True)) == 0
    assert "STILL SAY CLOSED" in desk.text and "Measure" in desk.text


def test_the_picture_goes_to_the_panel_and_a_deaf_one_is_told():
    desk = car()
    panels = []
    assert desk.run("oled", look=lambda bench: panels.append(bench.board.oled)) == 0
    assert panels[0].octets == 3 * 1024 and panels[0].contrast == 128
    desk = car()
    assert desk.run("oled", look=lambda bench: setattr(bench.board.oled, "failed", True)) == 1 and "took 0 of 1024" in desk.text


def test_ticks_on_the_scheduler_name_every_device():
    desk = car()
    assert desk.run("ticks", "--seconds", "2") == 0
    assert "200 ticks" in desk.text and "0 missed" in desk.text and "simulated display" in desk.text


def test_a_report_has_everything_and_no_secret(tmp_path):
    desk = car()
    desk.config.mqtt.user, desk.config.ev.max_voltage_v = "hunter2", 390.0
    path = tmp_path / "report.txt"
    assert desk.run("report", str(path)) == 0
    text = path.read_text()
    for title in ("machine", "settings that differ", "inputs", "devices", "outputs", "I2C", "ticks"):
        assert f"== {title}" in text
    assert "ev.max_voltage_v: 390" in text and "mqtt.user: (not told)" in text and "hunter2" not in text and "kernel: Linux" in text
    assert all(len(line) <= 100 for line in text.splitlines())
    assert desk.run("report", str(path)) == 2 and "exists" in desk.text
