"""The pages behind the main one, and the three lines of a serial display: nothing is cut, and what matters is told."""
import pytest
from tests.display.scenes import AC_CAR, AC_CHARGER, CAR, CHARGER, HEARD, KNOWN_CAR, KNOWN_CHARGER, LARGEST, LARGEST_AC, NOW, put, signals, texts

from kernel.journal import Journal
from kernel.timer import S
from tasks.display.listen_screens import HEADLINES
from tasks.display.pages import ROWS, Box, page_names, page_screen
from tasks.display.phases import CONNECTION_PHASES, LINK_PHASES, V2G_PHASES
from tasks.display.picture import fits
from tasks.display.task import DisplayTask
from tasks.display.three_lines import TURN, WIDTH, three_lines
from tasks.safety.trips import PEV_TRIPS
from tasks.stop_reasons import NORMAL_ENDS, StopReason
from tests.display.test_display_task import Panel, run

ROLES = ("pev", "evse", "listen")
VALUES = {"unknown": {}, "car": KNOWN_CAR, "charger": KNOWN_CHARGER, "AC car": AC_CAR, "AC charger": AC_CHARGER, "heard": HEARD, "largest": LARGEST, "AC largest": LARGEST_AC}


def page(name, role="pev", now=NOW, errors=0, **values):
    return page_screen(name, signals(**values), now, Box("ccsbox 0.1.0", role, NOW - 7_325 * S, errors))


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
def test_every_page_fits(role, values):
    for name in page_names(role)[1:]:
        for more in ({}, dict(safety_trip=max((t.text for t in PEV_TRIPS), key=len), safety_blocked="x" * 21, device_notice="x" * 19)):
            picture = page(name, role, errors=10**9, **{**values, **more})
            assert fits(picture) and 0 < len(picture.rows) <= ROWS, texts(picture)


def test_every_role_begins_with_the_main_page_and_a_listener_has_no_safety():
    assert all(page_names(role)[0] == "main" and len(set(page_names(role))) == len(page_names(role)) for role in ROLES)
    assert "safety" in page_names("pev") and "safety" not in page_names("listen")
    assert [page(name).title for name in page_names("pev")[1:3]] == ["BATTERY         2/6", "CHARGER         3/6"]


def test_the_pages_of_a_car():
    assert texts(page("battery", **KNOWN_CAR))[1:] == ["42 %            381 V", "capacity     64.0 kWh", "wants     400 V 125 A", "max       410 V 125 A",
                                                       "max          150.0 kW", "battery        allows", "inlet          34.0 C"]
    assert texts(page("battery", **{**KNOWN_CAR, "current_limit": 60.0}))[-1] == "inlet      34.0 C 60A"
    assert texts(page("charger", **KNOWN_CAR))[1:] == ["ISO 15118-2", "max       500 V 200 A", "max          100.0 kW", "says      381 V 121 A", "EVSEID",
                                                        "DE*ABC*E1234567*9"]
    assert texts(page("link", **KNOWN_CAR))[1:] == ["QCA7005 1.2.4", "good link     11.4 dB", "Mbit/s          9 / 7", "peer", "00:b0:52:11:22:33", "its modem",
                                                     "00:b0:52:aa:bb:cc"]
    assert texts(page("safety", **KNOWN_CAR))[1:] == ["state          Closed", "pilot            C 5%", "contactors     closed", "lock           locked",
                                                       "stop button      free", "no trip"]
    assert texts(page("box", **KNOWN_CAR))[1:] == ["ccsbox 0.1.0", "up         2 h 02 min", "supply         12.4 V", "address        fe80::",
                                                    "a2b0:52ff:fe11:2233", "no faults of devices"]


def test_what_is_wrong_is_told():
    s = dict(KNOWN_CAR, safety_blocked="Inlet does not match", device_notice="ADC: no answer", modem_fault="Modem set up as PEV")
    assert texts(page("link", **s))[1] == "Modem set up as PEV"
    assert texts(page("safety", **s))[-2:] == ["waits for:", "Inlet does not match"]
    assert texts(page("safety", **s, safety_trip="Lock lost"))[-2:] == ["tripped:", "Lock lost"]
    assert texts(page("box", errors=12, **s))[-2:] == ["! ADC: no answer", "display errors     12"]


def test_the_page_of_the_box_says_what_becomes_of_the_session():
    assert "not recorded!" in texts(page("box", recording="not recorded!", supply_voltage=12.3))
    assert not any("rec" in line for line in texts(page("box")))


def test_stale_values_are_not_on_a_page():
    assert texts(page("battery", now=NOW + 10 * S, **KNOWN_CAR))[1:4] == ["-- %             -- V", "capacity       -- kWh", "wants       -- V -- A"]
    assert "12.4" not in " ".join(texts(page("box", now=NOW + 10 * S, **KNOWN_CAR)))


def test_a_charger_shows_what_the_car_has_told():
    assert texts(page("battery", "evse", **KNOWN_CHARGER))[1:] == ["SoC              42 %", "capacity     64.0 kWh", "wants        30.0 kWh", "asks for",
                                                                    "400 V           125 A", "at most", "410 V           125 A"]
    assert "isolation    1.2 MOhm" in texts(page("charger", "evse", **KNOWN_CHARGER))
    assert "RCD                ok" in texts(page("charger", "evse", **AC_CHARGER))


# --- three lines -------------------------------------------------------------------------------------------------------

def lines(role="pev", now=NOW, **values):
    return three_lines(signals(**values), now, role)


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
def test_three_lines_fit_in_every_state(values):
    states = [*(dict(connection_state=c) for c in CONNECTION_PHASES), *(dict(connection_state="Session", v2g_state=v) for v in V2G_PHASES),
              *(dict(connection_state="Matching", link_state=n) for n in LINK_PHASES), dict(connection_state="AStateThatNobodyForesaw")]
    for state in states:
        for reason in (None, StopReason.CHARGER_MALFUNCTION, StopReason.PAUSED):
            for role in ("pev", "evse"):
                for turn in (0, 1):
                    found = lines(role, NOW + turn * TURN, **{**values, **state, "stop_reason": reason, "device_notice": "ADC: no answer"})
                    assert len(found) == 3 and all(len(line) <= WIDTH for line in found) and found[0], found
    for state in (*HEADLINES, "New"):
        found = lines("listen", **{**values, "listen_state": state, "v2g_state": "CurrentDemandRes", "listen_end": "a reason of very many words"})
        assert len(found) == 3 and all(len(line) <= WIDTH for line in found), found


def test_three_lines_while_charging():
    car = dict(KNOWN_CAR, connection_state="Session", v2g_state="CurrentDemand")
    s = signals(**car)
    even = -(-NOW // (2 * TURN)) * 2 * TURN
    for signal in s:
        signal.max_age = None
    assert three_lines(s, even, "pev") == ("Charging    C 5%", "42% 381V 120A", "45.9 kW 12.3kWh")
    assert three_lines(s, even + TURN, "pev") == ("Charging    C 5%", "42% 381V 120A", "limit gives less")
    s.current_limit.value, s.evse_present_current.value, s.ev_target_current.value = 120.0, 120.0, 120.0
    assert three_lines(s, even + TURN, "pev")[2] == "hot inlet 120 A"


def test_three_lines_roll_the_whole_hint():
    for reason in StopReason:
        s = signals(**CAR, connection_state="Finished", stop_reason=reason)
        told = " ".join(dict.fromkeys(three_lines(s, turn * TURN, "pev")[2] for turn in range(20)))
        words = f"{reason.text}. {reason.hint}".split()
        assert all(word in told.replace(" ", "") for word in (w.replace(" ", "") for w in words) if len(word) <= WIDTH), told
        assert three_lines(s, NOW, "pev")[0].startswith("Finished" if reason in NORMAL_ENDS else "Stopped")
        assert three_lines(s, NOW, "pev")[1] == "12.34 kWh   42 %"


def test_three_lines_of_precharge_trip_and_listener():
    assert lines(**dict(CAR, connection_state="Session", v2g_state="PreCharge", inlet_voltage=190.4))[1] == "190 V of 381 V"
    assert lines("evse", **dict(CHARGER, connection_state="Session", v2g_state="CableCheck"))[1] == "381 V 1.2 MOhm"
    assert lines(now=0, connection_state="Session", safety_trip="Lock lost", safety_hint="Check it.")[0::2] == ("Tripped        ?", "Lock lost. Check")
    assert lines("listen", **HEARD, listen_state="SESSION", v2g_state="CurrentDemandRes") == ("Charging     (b)", "57% 367V 172A", "car: wish")


def test_the_task_gives_three_lines_to_whom_it_is_told():
    class Serial:
        def __init__(self):
            self.shown = []

        def show(self, lines, now):
            self.shown.append(lines)
    serial, s = Serial(), signals(modem="x")
    display = DisplayTask(Panel(), s, "evse", Journal(), lines=serial)
    run(display, NOW, NOW + 10 * S)
    assert {shown[:2] for shown in serial.shown} == {("Ready          ?", "")} and {shown[2] for shown in serial.shown} == {"Waiting for a", "car"}
    put(s, NOW + 11 * S, connection_state="Failed", stop_reason=StopReason.TCP_RESET)
    run(display, NOW + 11 * S, NOW + 12 * S)
    assert serial.shown[-1][0].startswith("Stopped")
    assert all(a != b for a, b in zip(serial.shown, serial.shown[1:])), "only what is new"
