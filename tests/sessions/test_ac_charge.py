"""Whole AC charges, our car at our wallbox in ISO 15118-2: the regular way, faults in the middle, the invariants and what breaks them."""
from __future__ import annotations

import pytest

from drivers.interfaces import PilotState
from drivers.sim.plant_config import PlantConfig
from exi_native import codec
from kernel.timer import MS, S
from main import main
from tasks.config import Config
from tasks.messages import StopSession
from tasks.stop_reasons import StopReason
from tests.sessions.charges import assert_safe, run_to
from tools.simulate import ac_invariants as i
from tools.simulate.charge import Charge

MODES = {1: "AC_single_phase_core", 3: "AC_three_phase_core"}


def ac(phases: int = 3, soc_start: float = 50.0, soc_stop: float = 50.5, plant: dict | None = None, modes: tuple[str, ...] = (), **settings) -> Charge:
    """A charge of some minutes of virtual time. `settings` of section evse; `modes` of the car."""
    config = Config()
    config.evse.energy_transfer_modes = [MODES[phases]]
    config.ev.energy_transfer_modes = list(modes) or [MODES[phases]]
    config.ev.stop_soc_percent = soc_stop
    for name, value in settings.items():
        setattr(config.evse, name, value)
    made = PlantConfig(battery_soc_percent=soc_start, battery_capacity_wh=28_000.0, mains_phases=phases, **(plant or {}))
    return Charge(config, made, codec.load())


def charging(c: Charge, settle: int = 10 * S) -> Charge:
    """Until full current flows."""
    while c.car.signals.v2g_state.value != "ChargingStatus":
        assert c.clock.time < 60 * S
        c.run_until(c.clock.time + 10 * MS)
    c.run_until(c.clock.time + settle)
    assert c.plant.ac.current > 10.0 and c.charger.signals.safety_state.value == "Delivering"
    return c


def numbers(node) -> list[int]:
    node.journal.flush()
    return [n for _, n, _ in node.checkpoints]


def at_rest(c: Charge) -> None:
    assert_safe(c)
    assert not c.plant.ac.live and not c.plant.ac.contactor.commanded and c.plant.ac.current == 0.0
    assert c.plant.car_contactors.operations == 0, "the DC contactors never move"


# --- the regular way

@pytest.mark.parametrize("phases, watts", [(1, 3680.0), (3, 11040.0)])
def test_a_whole_charge(phases, watts):
    c = charging(ac(phases))
    assert c.plant.ac.power == pytest.approx(watts) and c.charger.signals.ac_power.value == pytest.approx(watts, abs=1)
    c.run()
    assert c.reason is StopReason.BATTERY_FULL and c.good
    at_rest(c)
    assert not c.plant.incidents, "the load had ended before the contactor opened, the contactor before the pilot"
    assert 560 not in numbers(c.car) and 570 not in numbers(c.car) and numbers(c.car)[-2:] == [900, 905]
    # what the charger's meter counted, what the car's session counted, what went into the battery
    meter = c.plant.ac.energy / 3600
    assert c.charger.signals.session_energy.value == pytest.approx(meter, rel=0.05) and c.car.signals.session_energy.value == pytest.approx(meter, rel=0.05)
    assert c.plant.stored / 3600 == pytest.approx(0.92 * meter)


def test_equal_seeds_give_equal_runs():
    hashes = set()
    for _ in range(2):
        c = ac()
        c.run()
        hashes.add(c.trace_hash())
    assert len(hashes) == 1


def test_a_car_of_both_kinds_takes_what_the_wallbox_has():
    c = charging(ac(modes=("DC_extended", "AC_three_phase_core")))
    c.stop()
    c.run()
    assert c.reason is StopReason.USER_STOP
    at_rest(c)


def test_less_current_than_the_car_could_take():
    c = charging(ac(ac_max_current_a=11.0))
    assert c.plant.ac.current == pytest.approx(11.0)


def test_the_meter_is_told_to_the_car():
    c = charging(ac())
    machine = next(row.task for row in c.charger.kernel.rows if row.name == "v2g").side._machine
    told = machine.build.charging_status(machine).MeterInfo
    assert told.MeterID == "ZZ00000" and 10 < told.MeterReading <= int(c.charger.signals.ac_energy.value)


@pytest.mark.parametrize("who", ["car", "charger"])
def test_a_stop_by_a_person_ends_the_load_before_anything_opens(who):
    c = charging(ac())
    getattr(c, who).table.user.put(StopSession(StopReason.USER_STOP))
    c.run()
    assert c.reason is (StopReason.USER_STOP if who == "car" else StopReason.CHARGER_STOP) and c.plant.ac.opened_under_load == 0
    at_rest(c)


def test_a_renegotiation_leaves_the_mains_on():
    c = charging(ac())
    before = c.plant.ac.contactor.operations
    task = next(row.task for row in c.charger.kernel.rows if row.name == "v2g")
    task.side._machine.renegotiate(c.clock.time)
    c.run_until(c.clock.time + 20 * S)
    assert 785 in numbers(c.charger) and c.plant.ac.contactor.operations == before and c.plant.ac.current > 10.0
    c.run()
    assert c.reason is StopReason.BATTERY_FULL
    at_rest(c)


def test_a_second_car_is_charged_after_the_first():
    c = charging(ac())
    c.run()
    assert c.charger.signals.connection_state.value == "Unplugged" and c.charger.table.safe


# --- faults in the middle

def _residual(c):
    c.plant.ac.tripped = True


def _button(c):
    c.plant.charger_stop_button = True


def _leaves_c(c):
    c.plant.pilot.state_c = False
    c.plant.touch(c.clock.time)
    c.plant.pilot.update()


def _pilot(c):
    c.plant.break_pilot(c.clock.time)


def _request_lapses(c):
    task = next(row.task for row in c.charger.kernel.rows if row.name == "v2g")
    task.side.renew = lambda now: now + 100 * S
    task.run = lambda now: now + 100 * S


def _car_trips(c):
    c.plant.stop_button = True


def _dropped(c):
    c.plant.ac.contactor.feedback_fault = "broken"


FAULTS = {
    "residual current": (_residual, 40 * MS, "Residual current"), "stop button": (_button, 40 * MS, "Stop button"), "car leaves C": (_leaves_c, 80 * MS, ""),
    "pilot lost": (_pilot, 80 * MS, None), "request lapses": (_request_lapses, 7 * S, ""), "car trips": (_car_trips, 200 * MS, ""),
    "contactor feedback lost": (_dropped, 40 * MS, "Contactor dropped"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_in_the_middle_ends_the_charge_in_time(name):
    deed, limit, trip = FAULTS[name]
    c = charging(ac(soc_stop=90.0))
    deed(c)
    began = c.clock.time
    while c.plant.ac.contactor.commanded:
        c.run_until(c.clock.time + MS)
        assert c.clock.time - began <= limit, f"still closed {(c.clock.time - began) / MS:.0f} ms after"
    if trip is not None:
        c.run_until(c.clock.time + 20 * MS)
        assert c.charger.signals.safety_trip.value == trip
    c.run_until(c.clock.time + 25 * S)
    c.run_until(c.clock.time + 200 * MS)
    assert_safe(c)
    assert not c.plant.ac.live and not c.charging


def _welds(c):
    c.plant.ac.contactor.welded = True


def _sticks(c):
    c.plant.ac.contactor.stuck = True


def _detector(c):
    c.charger.board.residual_current.failed = True


def _meter(c):
    c.charger.board.meter.set_faults(failed=True)


def _onboard(c):
    c.plant.ac.ignores = True


def _unplugs(c):
    c.plant.unplug(c.clock.time, force=True)


EVERYWHERE = {**{name: row[0] for name, row in FAULTS.items()}, "weld": _welds, "stuck": _sticks, "detector": _detector, "meter": _meter, "car ignores": _onboard,
              "plug torn out": _unplugs}
WHEN = (500, 540, 555, 550, 600, 720, 725, 800, 900)         # checkpoints of the car, from the first message to the last
HARMLESS = {"meter"}                                         # an AC charger charges on without it
BREAKS = {"plug torn out"}                                   # damage of its own


@pytest.mark.parametrize("name", EVERYWHERE)
@pytest.mark.parametrize("number", WHEN)
def test_a_fault_at_any_time_leaves_the_mains_off_and_every_invariant_whole(name, number):
    c = ac(soc_stop=50.1)
    run_to(c, number)
    EVERYWHERE[name](c)
    c.run_until(c.clock.time + 3 * S)
    if number < 720 and name in ("residual current", "stop button", "detector", "stuck"):
        assert c.plant.ac.current == 0.0 and not c.charging
    c.stop()
    c.run_until(c.clock.time + 40 * S)
    assert [str(b) for b in c.invariants.broken] == [] and (c.plant.damage == 0 or name in BREAKS), c.plant.incidents
    assert not c.plant.ac.contactor.commanded and c.plant.car_contactors.operations == 0 and not c.plant.pilot.state_c
    stays = c.plant.ac.contactor.welded or c.plant.ac.contactor.stuck
    assert not c.plant.ac.live or stays and c.charger.signals.safety_state.value == "Tripped"
    assert name not in HARMLESS or not c.charger.signals.safety_trip.value


def test_the_car_hears_of_a_residual_current():
    c = charging(ac(soc_stop=90.0))
    lines: list[str] = []
    c.car.journal.add_sink(lambda event: lines.append(event.message()))
    _residual(c)
    c.run_until(c.clock.time + 3 * S)
    c.car.journal.flush()
    assert c.reason is StopReason.CHARGER_MALFUNCTION and c.charger.signals.stop_reason.value is StopReason.SAFETY_TRIP
    assert any("residual current (RCD)" in line for line in lines)


def test_a_welded_contactor_is_told_and_nothing_charges_any_more():
    c = charging(ac(soc_stop=90.0))
    c.plant.ac.contactor.welded = True
    c.stop()
    c.run_until(c.clock.time + 10 * S)
    assert c.charger.signals.safety_trip.value == "Contactor welded?" and c.plant.pilot.duty == 100.0
    assert c.plant.charger_lock.position, "the socket keeps the plug"
    assert c.charger.signals.pilot_state.value is PilotState.B
    c.run_until(c.clock.time + 60 * S)
    assert c.charger.signals.safety_state.value == "Tripped" and not [b for b in c.invariants.broken]


def test_a_contactor_that_does_not_close_is_a_contactor_error():
    c = ac()
    c.plant.ac.contactor.stuck = True
    c.run_until(15 * S)
    assert c.charger.signals.safety_trip.value == "Contactor not closed" and c.reason is StopReason.FAILED_RESPONSE
    at_rest(c)


def test_a_detector_that_does_not_answer_keeps_the_mains_off():
    c = ac()
    c.charger.board.residual_current.failed = True
    c.run_until(15 * S)
    assert c.reason is StopReason.FAILED_RESPONSE and c.plant.ac.contactor.operations == 0 and not c.charger.signals.safety_trip.value
    assert_safe(c)


# --- the invariants

def _dead_safety(c):
    next(row for row in c.charger.kernel.rows if row.name == "safety").task.run = lambda now: now + 10 * MS


def _closes_unasked(c):
    _dead_safety(c)
    c.charger.board.contactors.set_closed(False, c.clock.time)
    c.run_until(c.clock.time + 100 * MS)
    c.charger.signals.ac_request.value = None
    c.charger.board.contactors.set_closed(True, c.clock.time)


def _left_on(c):
    _dead_safety(c)
    _leaves_c(c)


def _trip_ignored(c):
    _dead_safety(c)
    c.charger.signals.safety_trip.value = "on purpose"


def _unlocks(c):
    c.charger.board.lock.set_locked(False, c.clock.time)


def _dc_closes(c):
    c.car.board.contactors.set_closed(True, c.clock.time)
    c.invariants.look()


def _nobody_asks(c):
    """The conversation goes on, the wish does not."""
    _dead_safety(c)
    next(row.task for row in c.charger.kernel.rows if row.name == "v2g").side.renew = lambda now: now + 100 * S


SABOTAGE = [(i.CLOSED_WITH_PERMITS, _closes_unasked), (i.OFF_IN_TIME, _left_on), (i.OPEN_AFTER_TRIP, _trip_ignored), (i.NOT_UNLOCKED_LIVE, _unlocks),
            (i.DC_STAYS_OPEN, _dc_closes), (i.NO_WISH_NO_MAINS, _nobody_asks)]


@pytest.mark.parametrize("sentence, sabotage", SABOTAGE)
def test_sabotage_is_seen(sentence, sabotage):
    c = charging(ac(soc_stop=90.0))
    assert not c.invariants.broken
    sabotage(c)
    c.run_until(c.clock.time + 10 * S)
    assert sentence in {b.sentence for b in c.invariants.broken}


def test_every_sentence_has_its_sabotage():
    assert [sentence for sentence, _ in SABOTAGE] == list(i.AC_SENTENCES)


# --- main.py

@pytest.mark.parametrize("transfer, power", [("ac1", "3.7 kW AC"), ("ac3", "11.0 kW AC")])
def test_main_shows_an_ac_charge(transfer, power, tmp_path, capsys):
    code = main(["--simulate", "--transfer", transfer, "--pace", "max", "--soc-start", "50", "--soc-stop", "51", "--output", str(tmp_path)])
    told = capsys.readouterr().out
    assert code == 0 and power in told and "all held" in told and "cable check" not in told and "Battery full" in told
