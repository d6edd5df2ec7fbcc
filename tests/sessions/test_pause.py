"""Pause and resume of a whole charge in virtual time: by key, by the charger's schedule, woken from either side, with and without the old network."""
from __future__ import annotations

import pytest

from kernel.timer import MS, S
from tasks.config import Config
from tasks.messages import StopSession
from tasks.stop_reasons import StopReason
from tests.sessions.charges import assert_safe, charge, run_to
from tests.sessions.test_charge import numbers
from tools.simulate.invariants import C_WITH_A_WISH


def iso2(protocol="iso2", schedule=(), soc_stop=53.0, **settings):
    config = Config()
    config.ev.protocols = config.evse.protocols = [protocol]
    config.evse.power_schedule = list(schedule)
    config.evse.schedule()                       # legal
    for name, value in settings.items():
        section, key = name.split("__")
        setattr(getattr(config, section), key, value)
    return charge(config=config, soc_start=50.0, soc_stop=soc_stop, capacity_wh=28_000.0)        # about 25 s for each percent


class Blind:
    """A charger that does not know a toggle when it sees one."""

    def forget(self):
        pass

    def look(self, pilot, now):
        return False


def wait_for(c, state, who="car", limit=60 * S):
    node, end = getattr(c, who), c.clock.time + limit
    while node.signals.connection_state.value != state and c.clock.time < end and not c.over:
        c.run_until(c.clock.time + 100 * MS)
    assert node.signals.connection_state.value == state
    return c


def paused(c):
    run_to(c, 710)
    c.run_until(c.clock.time + 3 * S)
    c.press("pev", "p")
    wait_for(c, "Paused")
    wait_for(c, "Paused", "charger")
    c.run_until(c.clock.time + 3 * S)
    return c


def again(c):
    """The plug out as soon as the locks let it go, and in again after a while; the charge goes on afterwards."""
    c._watch = c.invariants.look                 # nobody else pulls it
    end = c.clock.time + 60 * S
    while not c.plant.unplug(c.clock.time) and c.clock.time < end:
        c.run_until(c.clock.time + 100 * MS)
    c.run_until(c.clock.time + 10 * S)
    assert c.car.signals.connection_state.value == "Unplugged" == c.charger.signals.connection_state.value
    c.plant.plug(c.clock.time)
    return c


def test_a_pause_by_key_is_quiet_and_safe_and_goes_on_by_key_with_the_same_session():
    c = paused(iso2())
    assert c.plant.pilot.at_car.duty_percent == 100.0, "the charger sleeps: X1"
    assert c.car.signals.stop_reason.value is StopReason.PAUSED and c.charger.signals.stop_reason.value is StopReason.CAR_PAUSE
    assert not c.plant.car_contactors.position and c.plant.current == 0.0
    before = c.link.carried
    c.run_until(c.clock.time + 600 * S)
    assert c.link.carried - before < 700, "no matching, no session: only the modems' own announcements"
    sounds = numbers(c.car).count(104)
    c.press("pev", "s")
    woken = c.clock.time
    c.run(c.clock.time + 900 * S)
    assert c.reason is StopReason.BATTERY_FULL
    assert numbers(c.car).count(104) == sounds == 1 and 191 in numbers(c.car) and 191 in numbers(c.charger), "the old network, without SLAC"
    assert numbers(c.car).count(507) == 1, "the old session is joined"
    joined = next(at for at, number, _ in c.car.checkpoints if number == 191)
    assert joined - woken < 6 * S + 2 * S, "T_conn_resume, and the toggle before it"
    assert_safe(c)


def test_the_charger_wakes_the_car():
    c = paused(iso2())
    c.press("evse", "s")
    c.run(c.clock.time + 900 * S)
    assert c.reason is StopReason.BATTERY_FULL and numbers(c.car).count(507) == 1 and numbers(c.car).count(104) == 1
    assert_safe(c)


def test_the_charger_offers_itself_again_when_the_car_never_toggles():
    c = iso2(connection__pause_wake_s=30)
    c.charger.table.connection.machine._toggle_seen = Blind()
    paused(c)
    c.run(c.clock.time + 900 * S)
    assert c.reason is StopReason.BATTERY_FULL and numbers(c.car).count(507) == 1
    assert_safe(c)


@pytest.mark.parametrize("who", ["car", "charger"])
def test_a_modem_that_has_lost_the_network_is_matched_anew_and_the_session_joined_all_the_same(who):
    c = paused(iso2())
    node = getattr(c, who)
    homeplug = next(row.task for row in node.kernel.rows if row.name == "homeplug")
    homeplug._modem.set_key(bytes(7), bytes(range(16)), c.clock.time)
    c.run_until(c.clock.time + 10 * S)
    c.press("pev", "s")
    c.run(c.clock.time + 900 * S)
    assert c.reason is StopReason.BATTERY_FULL and numbers(c.car).count(104) == 2 and numbers(c.car).count(507) == 1
    assert_safe(c)


def test_a_schedule_without_power_pauses_and_wakes_by_itself():
    c = iso2(schedule=["0 50", "60 0", "400 50"], soc_stop=55.0)
    run_to(c, 710)
    wait_for(c, "Paused", limit=90 * S)
    begun = c.clock.time
    wait_for(c, "Session", limit=600 * S)
    assert 250 * S < c.clock.time - begun < 400 * S
    c.run(c.clock.time + 900 * S)
    assert c.reason is StopReason.BATTERY_FULL and numbers(c.car).count(507) == 1
    assert_safe(c)


def test_a_schedule_without_power_from_the_beginning_pauses_before_the_cable_check():
    c = iso2(schedule=["0 0", "300 50"])
    wait_for(c, "Paused")
    assert 560 not in numbers(c.car) and 600 not in numbers(c.car)
    c.run(c.clock.time + 900 * S)
    assert c.reason is StopReason.BATTERY_FULL and numbers(c.car).count(507) == 1
    assert_safe(c)


@pytest.mark.parametrize("protocol", ["din", "iso2"])
def test_a_schedule_begins_anew_with_the_next_car(protocol):
    c = iso2(protocol, schedule=["0 0", "60 50"], soc_stop=90.0, ev__pause_without_power_s=0)
    c.run_until(75 * S)
    assert c.plant.current > 50.0
    c.stop()
    c.run_until(c.clock.time + 2 * S)
    c = again(c)
    c.run_until(c.clock.time + 50 * S)
    assert c.car.signals.v2g_state.value == "CurrentDemand" and c.plant.current == pytest.approx(0.0, abs=0.5)
    c.run_until(c.clock.time + 25 * S)
    assert c.plant.current > 50.0


def test_a_short_lack_of_power_is_waited_out_in_the_loop():
    c = iso2(schedule=["0 50", "40 0", "80 50"], soc_stop=53.0)
    run_to(c, 710)
    c.run_until(60 * S)
    assert c.car.signals.v2g_state.value == "CurrentDemand" and c.plant.current == pytest.approx(0.0, abs=0.5)
    c.run(c.clock.time + 900 * S)
    assert c.reason is StopReason.BATTERY_FULL and 507 not in numbers(c.car)
    assert_safe(c)


@pytest.mark.parametrize("who", ["pev", "evse"])
def test_a_pause_can_be_ended_by_a_stop(who):
    c = paused(iso2())
    (c.car if who == "pev" else c.charger).table.user.put(StopSession(StopReason.USER_STOP))
    if who == "pev":
        c.run(c.clock.time + 30 * S)
        assert c.reason is StopReason.USER_STOP and c.over
    else:
        wait_for(c, "Finished", "charger")
    assert_safe(c)


@pytest.mark.parametrize("state", ["PowerDeliveryStop", "WeldingDetection"])
def test_a_stop_at_the_car_while_its_pause_begins_is_the_end(state):
    c = iso2(soc_stop=90.0)
    run_to(c, 710)
    c.press("pev", "p")
    while c.car.signals.v2g_state.value != state:
        c.run_until(c.clock.time + 10 * MS)
    c.press("pev", "q")
    wait_for(c, "Finished")
    wait_for(c, "Finished", "charger")
    assert c.reason is StopReason.USER_STOP
    assert_safe(c)


def test_after_a_stop_in_a_pause_a_new_beginning_at_the_car_wakes_the_charger():
    c = paused(iso2(connection__pause_wake_s=0, soc_stop=90.0))
    c._watch = c.invariants.look                 # the plug stays in
    c.press("pev", "q")
    wait_for(c, "Finished")
    c.run_until(c.clock.time + 5 * S)
    c.press("pev", "s")
    wait_for(c, "Session", limit=40 * S)
    c.run_until(c.clock.time + 30 * S)
    assert c.car.signals.v2g_state.value == "CurrentDemand" and c.plant.current > 50.0


def test_unplugged_in_a_pause_the_session_is_forgotten():
    c = paused(iso2())
    c.plant.unplug(c.clock.time)
    c.run_until(c.clock.time + 5 * S)
    assert c.car.signals.connection_state.value == "Unplugged" == c.charger.signals.connection_state.value
    c.plant.plug(c.clock.time)
    c.run_until(c.clock.time + 30 * S)
    assert numbers(c.car).count(540) >= 2
    assert 507 not in numbers(c.car), "a new session"
    c.stop()
    c.run(c.clock.time + 60 * S)
    assert_safe(c)


def test_an_id_that_a_broken_handshake_left_over_is_forgotten_with_the_plug():
    c = paused(iso2(soc_stop=90.0))
    side = next(row.task for row in c.car.kernel.rows if row.name == "v2g").side
    old = side._machine.session_id
    c.press("pev", "s")
    while c.car.signals.connection_state.value != "Session":
        c.run_until(c.clock.time + MS)
    c.link.up = False                            # no answer to the handshake
    c.run_until(c.clock.time + 15 * S)
    assert side._resume == old and c.car.signals.v2g_state.value == "Ended", "kept for the next try"
    again(c)
    assert side._resume == b""
    c.link.up = True
    wait_for(c, "Session", limit=120 * S)
    c.run_until(c.clock.time + 20 * S)
    assert side._machine.session_id not in (old, bytes(8)) and 507 not in numbers(c.car)


def test_din_has_no_pause_the_session_ends_and_a_new_one_begins_at_the_charger():
    c = iso2("din")
    run_to(c, 710)
    c.press("pev", "p")
    wait_for(c, "Paused")
    wait_for(c, "Finished", "charger")
    c.press("evse", "s")
    c.run(c.clock.time + 900 * S)
    assert c.reason is StopReason.BATTERY_FULL
    assert_safe(c)


def test_a_deaf_charger_is_toggled_three_times_and_then_waited_for():
    c = iso2(connection__pause_wake_s=0)
    c.charger.table.connection.machine._toggle_seen = Blind()
    told = []
    c.car.journal.add_sink(lambda e: told.append(e.message()))
    paused(c)
    c.press("pev", "s")
    c.run_until(c.clock.time + 40 * S)
    c.car.journal.flush()
    assert sum("Idle -> Waking" in text for text in told) == 6 and any("does not wake up after 3 toggles" in text for text in told)
    assert c.car.signals.connection_state.value == "WaitPilot"
    assert_safe(c)


def test_a_toggle_that_lasts_is_seen_by_the_invariants():
    c = paused(iso2())
    c.press("pev", "s")
    while c.car.signals.safety_state.value != "Waking":
        c.run_until(c.clock.time + 10 * MS)
    c.car.board.control_pilot.set_state_c = lambda wanted, now: True          # says that it obeys
    c.run_until(c.clock.time + 1 * S)
    assert C_WITH_A_WISH in {b.sentence for b in c.invariants.broken}


def test_a_toggle_during_which_the_plug_is_pulled_leaves_nothing_behind():
    c = paused(iso2())
    c.press("pev", "s")
    while c.car.signals.safety_state.value != "Waking":
        c.run_until(c.clock.time + 10 * MS)
    c.plant.unplug(c.clock.time)
    c.run_until(c.clock.time + 3 * S)
    assert c.car.signals.safety_state.value == "Idle" and not c.plant.pilot.state_c
    assert c.car.signals.connection_state.value == "Unplugged"
    assert_safe(c)


# --- less and more power by key

@pytest.mark.parametrize("who", ["pev", "evse"])
@pytest.mark.parametrize("protocol", ["din", "iso2"])
def test_minus_lowers_the_power_and_plus_raises_it_again(who, protocol):
    c, told = iso2(protocol, soc_stop=58.0, ev__max_power_kw=50.0), []
    c.car.journal.add_sink(lambda e: told.append(e.message()))

    def power():
        c.run_until(c.clock.time + 15 * S)
        c.plant.advance(c.clock.time)
        return c.plant.current * c.plant.output_voltage / 1000
    run_to(c, 710)
    whole = power()
    for _ in range(5):
        c.press(who, "-")
    half = power()
    for _ in range(5):
        c.press(who, "+")
    again = power()
    assert whole == pytest.approx(again, rel=0.05) and 20.0 < half < 25.0 and whole > 40.0     # 25 kW at the voltage that is asked for
    c.stop()
    c.run(c.clock.time + 60 * S)
    c.car.journal.flush()
    again = sum("-> PowerDeliveryRenegotiate" in text for text in told)
    assert again == (2 if who == "evse" and protocol == "iso2" else 0), "a charger tells it by a renegotiation"
    assert_safe(c)


def test_a_car_renegotiates_where_it_is_told_to():
    c = iso2(soc_stop=58.0, ev__renegotiate="always")
    run_to(c, 710)
    c.run_until(c.clock.time + 5 * S)
    c.press("pev", "-")
    c.run_until(c.clock.time + 10 * S)
    assert numbers(c.car).count(740) == 1 and c.car.signals.v2g_state.value == "CurrentDemand"
    c.stop()
    c.run(c.clock.time + 60 * S)
    assert_safe(c)


def test_a_planned_end_is_announced_and_the_car_ends_within_the_delay():
    c = iso2(soc_stop=90.0, evse__stop_after_min=0.5)
    run_to(c, 600)
    begun = c.clock.time
    c.run(c.clock.time + 90 * S)
    assert c.reason is StopReason.CHARGER_STOP and c.charger.signals.stop_reason.value in (None, StopReason.CHARGER_STOP)
    power_off = next(at for at, number, _ in c.car.checkpoints if number == 800)
    assert 19 * S < power_off - begun < 23 * S, "10 s of notice, and our car does not use them up"
    assert_safe(c)


# --- what a pause does not win

def test_a_pause_wins_no_time_against_the_chargers_limit():
    c = iso2(soc_stop=90.0, evse__stop_after_min=1.0, evse__notification_max_delay_s=0)
    charged = 0.0
    for n in range(5):
        run_while(c, lambda: c.car.signals.v2g_state.value != "CurrentDemand" and not c.over)
        begun = c.clock.time
        run_while(c, lambda: c.car.signals.v2g_state.value == "CurrentDemand" and c.clock.time < begun + 25 * S)
        charged += (c.clock.time - begun) / S
        if c.car.signals.v2g_state.value != "CurrentDemand":
            break
        c.press("pev", "p")
        wait_for(c, "Paused", "charger")
        c.run_until(c.clock.time + 5 * S)
        c.press("pev", "s")
    assert 55 < charged < 65 and n == 2, (charged, n)
    c.run(c.clock.time + 60 * S)
    assert c.reason is StopReason.CHARGER_STOP
    assert_safe(c)


def run_while(c, condition):
    for _ in range(12_000):
        if not condition():
            return
        c.run_until(c.clock.time + 10 * MS)
    raise AssertionError("never")


def test_a_session_that_a_person_ends_in_its_pause_at_the_car_is_forgotten():
    c = paused(iso2())
    c.press("pev", "q")
    wait_for(c, "Finished")
    side = next(row.task for row in c.car.kernel.rows if row.name == "v2g").side
    assert side._machine is None and side._resume == b""


def test_a_session_that_a_person_ends_in_its_pause_at_the_charger_is_not_joined_again():
    c = paused(iso2())
    c.press("evse", "q")
    wait_for(c, "Finished", "charger")
    c.press("evse", "s")
    wait_for(c, "Session", limit=120 * S)
    c.run_until(c.clock.time + 15 * S)
    assert 507 not in numbers(c.car)
    c.stop()
    c.run(c.clock.time + 60 * S)
    assert_safe(c)


def test_a_car_that_comes_back_with_a_new_session_is_counted_from_zero():
    c = paused(iso2())
    before = c.charger.signals.session_energy.value
    next(row.task for row in c.car.kernel.rows if row.name == "v2g").side.forget_pause()
    c.press("pev", "s")
    wait_for(c, "Session", "charger")
    run_while(c, lambda: c.car.signals.v2g_state.value != "CurrentDemand")
    c.run_until(c.clock.time + 1 * S)
    assert 507 not in numbers(c.car) and 0 <= c.charger.signals.session_energy.value < before / 2
    c.stop()
    c.run(c.clock.time + 60 * S)
    assert_safe(c)
