"""The listener's display: every state has a screen that fits, and says what a person at the cable wants to know."""
import pytest
from tests.display.scenes import HEARD, NOW, put, signals, texts

from drivers.sim.oled import SimOled
from kernel.journal import Journal
from kernel.timer import S
from tasks.display.listen_screens import HEADLINES, phase, screen_of
from tasks.display.phases import V2G_PHASES
from tasks.display.picture import HUGE, LARGE, Row, fits
from tasks.display.task import DisplayTask
from tasks.listen.hearing import State
from tasks.signals import Signals

WIDEST = dict(HEARD, evse_present_voltage=9999.0, evse_present_current=-9999.0, ev_soc=0, ev_target_voltage=-9999.0, ev_target_current=9999.0,
              session_energy=1_000_000.0, attenuation=255.0)      # tasks.listen.readings.PLAUSIBLE, tasks.listen.task.MAX_ENERGY
LARGEST = dict(listen_tier="a", peer_mac=bytes(6), attenuation=127.9, evse_present_voltage=1100.0, evse_present_current=-600.0, ev_soc=100,
               ev_target_voltage=1100.0, ev_target_current=-600.0, session_energy=1_000_000.0, listen_limiting="charger: unexplained, and far too long",
               listen_end="a reason of very many words that nobody could ever show on one line of a display", listen_joined="joined, 64 other stations of many")


def shown(since=NOW - 60 * S, **values):
    s = signals(**values)
    return screen_of(*phase(s), s, NOW, "listen", since)


@pytest.mark.parametrize("state", [*HEADLINES, "SomethingNew"])
@pytest.mark.parametrize("values", [{}, HEARD, LARGEST, WIDEST], ids=["unknown", "heard", "largest", "widest"])
def test_every_state_fits(state, values):
    for message in ("", "CurrentDemandRes", "CableCheckReq", "AMessageThatNobodyKnows", "supportedAppProtocolReq"):
        picture = shown(**values, listen_state=state, v2g_state=message)
        assert fits(picture), texts(picture)


def test_every_state_of_the_machine_has_a_headline():
    assert {state.name for state in State} == set(HEADLINES)


@pytest.mark.parametrize("name", [n for n in V2G_PHASES if n[0].isupper()])
def test_a_message_shows_the_phase_of_its_name(name):
    s = signals(listen_state="SESSION", v2g_state=name + "Res")
    assert phase(s) == ("SESSION", V2G_PHASES[name].name)


def test_charging_shows_values_and_the_limiting_side():
    picture = shown(**HEARD, listen_state="SESSION", v2g_state="CurrentDemandRes")
    assert texts(picture) == ["LISTENER        (b)", "57%", "367V  172A", "0.42 kWh         60 s", "limit  car: wish"]
    assert picture.rows[0] == Row(HUGE, "57%", None, "63.1", "kW") and picture.rows[1].kind is LARGE


def test_a_modem_that_hides_the_conversation_says_so():
    rows = texts(shown(**dict(HEARD, listen_tier="a"), listen_state="HIDDEN"))
    assert rows[1] == "Hidden" and "not heard" in " ".join(rows)


def test_stale_values_are_not_shown():
    s = signals(**HEARD, listen_state="SESSION", v2g_state="CurrentDemandRes")
    assert texts(screen_of(*phase(s), s, NOW + 10 * S, "listen", NOW))[2] == "--V    --A"


def test_the_display_task_draws_a_listener():
    s, oled = Signals(), SimOled()
    task = DisplayTask(oled, s, "listen", Journal())
    for now in range(0, 3 * S, S // 100):
        task.run(now)
    first = task.pages()
    put(s, 3 * S, **HEARD, listen_state="SESSION", v2g_state="CurrentDemandRes")
    for now in range(3 * S, 6 * S, S // 100):
        task.run(now)
    assert task.pages() != first and task.redraws >= 2
