"""Every phase, every state and every stop reason has a screen on which nothing is cut."""
import importlib

import pytest
from tests.display.scenes import AC_CAR, AC_CHARGER, CAR, CHARGER, LARGEST, LARGEST_AC, NOW, put, signals, texts

from drivers.interfaces import PilotState
from kernel.timer import S
from tasks.display.phases import CONNECTION_PHASES, LINK_PHASES, V2G_PHASES, Phase, phase_of
from tasks.display.picture import BAR, HUGE, INVERSE, LARGE, TALL, TEXT, Row, Screen, fits
from tasks.display.screens import NOTICE_TURN, ROLES, TITLE_CHARACTERS, UNDISTURBED, screen, screen_of
from tasks.display.texts import TURN, elapsed, pages_of, percent, power, seconds, volts_and_amperes, wrap
from tasks.ipv6.strangers import Trick
from tasks.signals import Signals
from tasks.safety.ac_trips import AC_NOT_CLOSED, AC_TRIPS, AC_WELDED
from tasks.safety.trips import CONTACTOR_WELDED, EVSE_TRIPS, PEV_TRIPS, STALLED, VOLTAGE_STAYS
from tasks.stop_reasons import NORMAL_ENDS, StopReason

BOTH = pytest.mark.parametrize("role", ["pev", "evse"])


def session(state, role="pev"):
    return signals(**(CAR if role == "pev" else CHARGER), connection_state="Session", v2g_state=state, link_state="Matched")


# --- nothing is cut ---------------------------------------------------------------------------------------------------

@BOTH
@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("values", [{}, CAR, CHARGER, LARGEST, AC_CAR, AC_CHARGER, LARGEST_AC, {"ac_session": True}],
                         ids=["unknown", "car", "charger", "largest", "AC car", "AC charger", "AC largest", "AC unknown"])
def test_every_phase_fits(role, phase, values):
    for detail in ("", "AStateWithAnExtremelyLongNameThatNobodyForesaw"):
        s = signals(**values, stop_reason=StopReason.CHARGER_MALFUNCTION, v2g_state=detail, link_state=detail, connection_state=detail)
        for since in (0, NOW, -100_000 * S):
            assert fits(screen_of(phase, detail, s, NOW, role, since)), (phase, texts(screen_of(phase, detail, s, NOW, role, since)))


@BOTH
@pytest.mark.parametrize("phase", list(Phase))
def test_a_notice_about_the_network_takes_turns_with_the_last_row(role, phase):
    s = signals(**CAR, connection_state="Session", stop_reason=StopReason.CHARGER_STOP)
    before = [screen_of(phase, "", s, at, role, 0) for at in (NOW, NOW + NOTICE_TURN)]
    for name, notice in (("link_notice", "third PLC station"), ("stranger_notice", max((t.short for t in Trick), key=len)), ("kernel_notice", "kernel answers too")):
        put(s, NOW, **{name: notice})
        for at, plain in zip((NOW, NOW + NOTICE_TURN), before):
            shown = screen_of(phase, "", s, at, role, 0)
            assert fits(shown)
            if phase not in UNDISTURBED and at // NOTICE_TURN % 2:
                assert shown.rows[-1] == Row(INVERSE, "! " + notice) and shown.rows[:-1] == plain.rows[:-1]
            else:
                assert shown == plain


def told(s, role, headline, label):
    """Everything that the pages below headline and label say, without the spaces at which lines are broken."""
    pages = []
    for page in range(5):
        shown = screen(s, NOW + page * TURN, role, NOW)
        assert fits(shown) and shown.rows[0] == Row(LARGE, headline) and (label == headline or shown.rows[1] == Row(TALL, label))
        pages.append("".join(row.text for row in shown.rows[2 - (label == headline):]).replace(" ", "").removesuffix(">"))
    return "".join(dict.fromkeys(pages))


@BOTH
@pytest.mark.parametrize("fault", ["Modem set up as PEV", "Modem set up as EVSE", "Modem not set up", "Modem role unclear", "Modem in boot loader"])
def test_a_modem_that_is_set_up_wrongly_is_told_as_long_as_it_matters(role, fault):
    for state, link in ((None, None), ("Matching", "WaitParm"), ("Matching", "Parm"), ("Matching", "Matching"), ("WaitPilot", None)):
        s = signals(connection_state=state, link_state=link, modem="QCA7005 1.2.4", modem_fault=fault)
        assert Row(TEXT, fault) in screen(s, NOW, role, NOW).rows, (state, link)
    s = signals(connection_state="Matching", link_state="Parm", modem="QCA7005 1.2.4", modem_fault=None)
    assert not any("Modem" in row.text for row in screen(s, NOW, role, NOW).rows)


@BOTH
@pytest.mark.parametrize("reason", list(StopReason))
def test_every_stop_reason_is_told_completely(role, reason):
    s = signals(connection_state="Finished", stop_reason=reason, modem="x")
    headline = "Finished" if reason in NORMAL_ENDS else "Stopped"
    assert told(s, role, headline, reason.text) == reason.hint.replace(" ", "")


@BOTH
@pytest.mark.parametrize("trip", [*PEV_TRIPS, *EVSE_TRIPS, *AC_TRIPS, AC_NOT_CLOSED, AC_WELDED, CONTACTOR_WELDED, VOLTAGE_STAYS, STALLED], ids=lambda trip: trip.name)
def test_every_trip_is_told_with_its_hint(role, trip):
    s = signals(connection_state="Session", v2g_state="CurrentDemand", safety_trip=trip.text, safety_hint=trip.hint)
    assert told(s, role, "Tripped", trip.text) == trip.hint.replace(" ", "")


@BOTH
def test_a_trip_without_hint_is_a_trip(role):
    s = signals(connection_state="Session", safety_trip="x")
    assert told(s, role, "Tripped", "x") == StopReason.SAFETY_TRIP.hint.replace(" ", "")


def test_a_title_or_a_row_that_is_too_long_does_not_fit():
    assert fits(Screen("x" * TITLE_CHARACTERS, (Row(TEXT, "x" * 21), Row(LARGE, "x" * 10), Row(BAR, "", 1), *[Row(TEXT)] * 3)))
    assert not fits(Screen("x" * (TITLE_CHARACTERS + 1), ()))
    assert not fits(Screen("", (Row(TEXT, "x" * 22),)))
    assert not fits(Screen("", (Row(LARGE, "x" * 11),)))
    assert not fits(Screen("", (Row(LARGE),) * 4))


# --- which phase ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("state", sorted(V2G_PHASES))
def test_every_v2g_state_has_its_screen(state):
    assert phase_of(session(state)) == (V2G_PHASES[state], "")


@pytest.mark.parametrize("state", sorted(LINK_PHASES))
def test_every_link_state_has_its_screen(state):
    assert phase_of(signals(connection_state="Matching", link_state=state, modem="x")) == (LINK_PHASES[state], "")


STATES_OF = {     # module -> (Enum, table); a machine's new state without a screen fails here
    "tasks.homeplug.slac_pev": ("State", LINK_PHASES), "tasks.homeplug.slac_evse": ("State", LINK_PHASES),
    "tasks.v2g.handshake": ("State", V2G_PHASES),
    "tasks.connection.ladder": ("State", CONNECTION_PHASES), "tasks.v2g.pev_states": ("Pev", V2G_PHASES),
    "tasks.v2g.din_evse_table": ("Evse", V2G_PHASES),
}


@pytest.mark.parametrize("module", sorted(STATES_OF))
def test_the_tables_name_every_state_of_the_machines(module):
    try:
        found = importlib.import_module(module)
    except ModuleNotFoundError as error:
        pytest.skip(f"{module} cannot be imported: {error}")
    enum, table = STATES_OF[module]
    assert [s.name for s in getattr(found, enum) if s.name not in table] == []


def test_a_state_that_no_table_knows_is_shown_by_its_name():
    s = session("Hovering")
    assert phase_of(s) == (Phase.OTHER, "Hovering")
    assert any("Hovering" in text for text in texts(screen(s, NOW, "pev", NOW)))
    assert phase_of(signals(connection_state="Dreaming", modem="x")) == (Phase.OTHER, "Dreaming")
    assert phase_of(signals(connection_state="Matching", link_state="Lost", modem="x")) == (Phase.OTHER, "Lost")


def test_the_phase_follows_the_signals():
    assert phase_of(Signals())[0] is Phase.MODEM
    assert phase_of(signals(modem="x"))[0] is Phase.IDLE
    assert phase_of(signals(connection_state="Unplugged"))[0] is Phase.MODEM
    assert phase_of(signals(connection_state="Unplugged", modem="x"))[0] is Phase.IDLE
    assert phase_of(signals(connection_state="Matching", modem="x"))[0] is Phase.PLUGGED
    assert phase_of(signals(connection_state="Matching", link_state="Join"))[0] is Phase.MODEM
    assert phase_of(signals(connection_state="Session"))[0] is Phase.SESSION
    assert phase_of(signals(connection_state="Finished"))[0] is Phase.FINISHED
    assert phase_of(signals(connection_state="Finished", stop_reason=StopReason.TCP_RESET))[0] is Phase.STOPPED
    assert phase_of(signals(connection_state="Failed", stop_reason=StopReason.SAFETY_TRIP))[0] is Phase.STOPPED
    assert phase_of(signals(connection_state="Pausing", stop_reason=StopReason.NO_LINK))[0] is Phase.RETRYING
    assert phase_of(signals(connection_state="Session", v2g_state="CurrentDemand", safety_trip="Hot inlet")) == (Phase.TRIPPED, "Hot inlet")
    assert phase_of(signals(connection_state="Session", v2g_state="CurrentDemand", safety_trip=""))[0] is Phase.CHARGING


# --- what is told -----------------------------------------------------------------------------------------------------

def test_charging_in_the_car():
    shown = screen(session("CurrentDemand"), NOW, "pev", NOW - 17 * 60 * S)
    assert shown.title == "CAR         CP C 5%"
    assert shown.rows == (Row(HUGE, "42%", None, "45.9", "kW"), Row(LARGE, "381V  120A"), Row(TEXT, "12.34 kWh      17 min"), Row(TEXT, "asked 400 V     125 A"))


def test_charging_at_the_charger():
    s = session("CurrentDemand", "evse")
    put(s, NOW, evse_max_current=120.0)
    shown = screen(s, NOW, "evse", NOW - 61 * S)
    assert shown.title == "CHARGER     CP C 5%"
    assert shown.rows == (Row(HUGE, "42%", None, "45.9", "kW"), Row(LARGE, "381V  120A"), Row(TEXT, "12.34 kWh        61 s"), Row(TEXT, "limit   charger 120 A"))


def test_charging_with_ac():
    car = screen(signals(**AC_CAR, connection_state="Session", v2g_state="ChargingStatus"), NOW, "pev", NOW - 60 * S)
    assert car.rows == (Row(HUGE, "42%", None, "11.0", "kW"), Row(LARGE, "230V   16A"), Row(TEXT, "12.34 kWh        60 s"), Row(TEXT, "limit            16 A"))
    s = signals(**AC_CHARGER, connection_state="Session", v2g_state="ChargingStatus")
    assert screen(s, NOW, "evse", NOW - 60 * S).rows == (Row(HUGE, "11.0", None, "kW", ""), Row(LARGE, "230V   16A"), *car.rows[2:])
    put(s, NOW, residual_current=True)
    assert screen(s, NOW, "evse", NOW).rows[0].under == "RCD !"


def test_an_ac_charge_has_no_cable_check_on_its_way():
    s = signals(**AC_CAR, connection_state="Session", v2g_state="WaitReady")
    assert phase_of(s)[0] is Phase.STARTING
    put(s, NOW, ac_session=False)
    assert phase_of(s)[0] is Phase.CABLE_CHECK


def test_precharge_shows_both_voltages_in_tall_type():
    car, charger = session("PreCharge"), session("PreCharge", "evse")
    put(car, NOW, inlet_voltage=190.5)
    assert screen(car, NOW, "pev", NOW).rows == (Row(LARGE, "Precharge"), Row(BAR, "", 50), Row(TALL, "inlet         190.5 V"), Row(TALL, "battery       381.0 V"))
    assert texts(screen(charger, NOW, "evse", NOW))[3:] == ["output        381.2 V", "wanted        400.0 V"]


def test_the_wait_for_authorisation_counts_seconds():
    shown = screen(session("Authorization"), NOW, "pev", NOW - 125 * S)
    assert shown.rows[-1] == Row(TALL, "waiting         125 s")


def test_stale_values_are_not_shown():
    s = session("CurrentDemand")
    shown = screen(s, NOW + 10 * S, "pev", NOW)
    assert shown.title == "CAR            CP ?" and shown.rows[:2] == (Row(HUGE, "--%", None, "--", "kW"), Row(LARGE, "--V    --A"))


def test_a_car_without_own_sensors_shows_what_the_charger_reports():
    s = session("CurrentDemand")
    put(s, NOW, inlet_voltage=None, inlet_current=None, evse_present_voltage=398.0, evse_present_current=99.0)
    assert screen(s, NOW, "pev", NOW).rows[1] == Row(LARGE, "398V   99A")


def test_an_end_in_order_tells_what_was_charged():
    s = signals(**CAR, connection_state="Finished", stop_reason=StopReason.CAR_STOP)
    assert texts(screen(s, NOW, "pev", NOW))[1:4] == ["Finished", "Stopped by car", "12.34 kWh        42 %"]
    put(s, NOW, stop_reason=StopReason.TCP_RESET)
    assert not any("kWh" in text for text in texts(screen(s, NOW, "pev", NOW)))


DO = ("plug", "use ", "check", "try ", "send", "nothing to do", "look", "set ", "start", "allow", "call", "release", "authorise", "goes on", "leave", "press",
      "do not", "see ")


@pytest.mark.parametrize("hint", [*(r.hint for r in StopReason), *(t.hint for t in (*PEV_TRIPS, *EVSE_TRIPS, *AC_TRIPS, AC_NOT_CLOSED, AC_WELDED,
                                                                                   CONTACTOR_WELDED, VOLTAGE_STAYS, STALLED))])
def test_every_hint_says_what_to_do(hint):
    assert any(word in hint.lower() for word in DO), hint
    assert len(wrap(hint)) <= 9, "more than three pages are not read to their end"


@BOTH
@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("values", [CAR, CHARGER, AC_CAR, AC_CHARGER], ids=["car", "charger", "AC car", "AC charger"])
def test_no_screen_says_the_same_twice(role, phase, values):
    for reason in (None, StopReason.PAUSED, StopReason.NO_LINK):
        s = signals(**values, stop_reason=reason, connection_state="Session", link_state="Sounding", v2g_state="CableCheck", link_quality="good")
        words = [row.text.strip().lower() for row in screen_of(phase, "", s, NOW, role, NOW - 17 * S).rows if row.text.strip()]
        assert len(words) == len(set(words)), words


def test_nothing_that_stays_is_inverse():
    for phase in Phase:
        for reason in (None, StopReason.NO_LINK):
            assert all(row.kind != INVERSE for row in screen_of(phase, "", signals(**CAR, stop_reason=reason), NOW, "pev", NOW).rows)


def test_the_pilot_in_the_title():
    s = signals(pilot_state=PilotState.B, pilot_duty=100.0)
    assert screen(s, NOW, "pev", NOW).title == "CAR            CP B"
    put(s, NOW, pilot_duty=None)
    assert screen(s, NOW, "evse", NOW).title == "CHARGER        CP B"


def test_the_life_sign_moves_every_second():
    s = signals(modem="x")
    assert [screen(s, k * S // 2, "pev", 0).life for k in range(10)] == [0, 0, 1, 1, 2, 2, 3, 3, 0, 0]


def test_small_texts():
    assert [percent(x) for x in (None, 0.4, 100.0, 5000.0)] == ["--%", "0%", "100%", "999%"]
    assert [power(x) for x in (None, 0.0, 9_949.0, -9_949.0, 99_940.0, 99_960.0, 660_000.0, -660_000.0, 1e9)] == [
        "--", "0.0", "9.9", "-9.9", "99.9", "100", "660", "-660", "9999"]
    assert [volts_and_amperes(*x) for x in ((None, None), (381.2, 120.4), (1100.0, -600.0), (9999.0, -9999.0))] == [
        "--V    --A", "381V  120A", "1100V-600A", "9999V-999A"]
    assert [seconds(0, t) for t in (-S, 0, 125 * S, 10**15)] == ["0 s", "0 s", "125 s", "9999 s"]
    assert [elapsed(0, t) for t in (0, 119 * S, 120 * S, 3601 * S)] == ["0 s", "119 s", "2 min", "60 min"]
    assert elapsed(5, 0) == "0 s"
    assert wrap("one two three", 7) == ("one two", "three")
    assert wrap("a verylongword b", 5) == ("a", "veryl", "ongwo", "rd b")
    assert wrap("Press EVSE_EmergencyShutdown: stop") == ("Press", "EVSE_Emergency", "Shutdown: stop")
    assert wrap("see safety.evse.stop_button_long", 12) == ("see", "safety.evse.", "stop_button_", "long")
    assert pages_of("one two", 2) == [("one two",)] and pages_of("", 2) == [()]
    assert pages_of("x" * 20 + " " + "y" * 20 + " z", 2) == [("x" * 20, "y" * 20 + ">"), ("z",)]
    assert wrap("") == ()
    assert set(ROLES) == {"pev", "evse", "bridge"}


def test_every_connection_state_leads_somewhere():
    for state in CONNECTION_PHASES:
        assert phase_of(signals(connection_state=state, modem="x", link_state="Join", v2g_state="CableCheck"))[0] is not Phase.OTHER


def test_why_nothing_happens_is_on_the_matching_screen():
    s = signals(connection_state="Matching", link_state="Parm", modem="QCA7005", stop_reason=StopReason.NO_CHARGER_SLAC)
    assert any("No SLAC answer" in row.text for row in screen(s, NOW, "pev", NOW).rows)


@BOTH
@pytest.mark.parametrize("state", ["CableCheck", "PreCharge", "WaitContactorsClosed"])
def test_what_the_supervisor_lacks_is_shown_on_the_way_to_power(role, state):
    s = session(state)
    assert all(row.kind is not INVERSE for row in screen(s, NOW, role, NOW).rows)
    put(s, NOW, safety_blocked="Inlet does not match")
    shown = screen(s, NOW, role, NOW)
    assert fits(shown) and Row(INVERSE, "Inlet does not match") in shown.rows


# --- the power line ----------------------------------------------------------------------------------------------------

@BOTH
def test_the_link_in_one_look(role):
    """Attenuation, the slower of the two rates, and the word, while the modems join and while the session begins."""
    values = dict(connection_state="Discovering", link_state="Matched", peer_mac=bytes(6), modem="x", attenuation=11.2, link_rate_tx=9, link_rate_rx=5,
                  link_quality="weak")
    joining = texts(screen_of(Phase.JOINING, "", signals(**values), NOW, role, NOW))
    assert joining[4:] == ["11.2 dB      5 Mbit/s", "0 s         weak link"]
    assert texts(screen_of(Phase.SESSION, "", signals(**values), NOW, role, NOW))[5] == "0 s          5 Mbit/s"
    late = texts(screen_of(Phase.JOINING, "", signals(**values), NOW + 6 * S, role, NOW))
    assert late[4] == "attenuation   11.2 dB"             # rates that nobody renews are not shown
    none = texts(screen_of(Phase.JOINING, "", signals(modem="x", peer_mac=bytes(6)), NOW, role, NOW))
    assert [text.strip() for text in none[4:]] == ["", "0 s"]
