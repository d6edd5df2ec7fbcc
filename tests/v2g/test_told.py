"""Protocol, EVSEID and limits reach the signals, and are forgotten with the session."""
import pytest

from tasks.signals import Signals
from tasks.v2g.config import EvConfig, EvseConfig
from tasks.v2g.protocols import DIN, ISO2
from tasks.v2g.sides import EvseSide, PevSide
from tasks.v2g.told import MAX_ID, id_text


@pytest.mark.parametrize("evse_id, text", [
    (b"\0", "00"), (b"A", "41"), (b"DE*ABC*E123", "DE*ABC*E123"), (b"+49*810*000*438", "+49*810*000*438"), (b"AB\0", "414200"), (b"A B", "412042"), (b"", ""),
    (b"\xff" * 32, "ff" * 18 + "f"), ("ZZ00000", "ZZ00000"), ("x" * 99, "x" * MAX_ID),
])
def test_an_id_is_text_where_it_can_be(evse_id, text):
    assert id_text(evse_id) == text


def test_a_charger_tells_what_it_offers_and_what_the_car_has_told():
    s = Signals()
    config = EvseConfig()
    side = EvseSide(s, config, None)
    machine = side._make(DIN)
    assert s.v2g_protocol.value == "DIN 70121" and s.evse_id.value == "00"
    side.report(1)
    assert (s.evse_max_voltage.value, s.evse_max_current.value) == (config.max_voltage_v, config.max_current_a)
    assert s.evse_max_power.value == machine.power_cap and s.ev_max_voltage.value is None
    machine.ev_max_voltage, machine.ev_max_current, machine.power_cap = 410.0, 125.0, 10_000.0
    side.report(2)
    assert (s.ev_max_voltage.value, s.ev_max_current.value, s.evse_max_power.value) == (410.0, 125.0, 10_000.0)
    side.new_session()
    assert s.v2g_protocol.value is None and s.evse_id.value is None
    side._make(ISO2)
    assert (s.v2g_protocol.value, s.evse_id.value) == ("ISO 15118-2", config.evse_id_text)


def test_a_car_tells_the_id_that_it_was_given():
    s = Signals()
    side = PevSide(s, EvConfig(), bytes(6))
    machine = side._make(DIN)
    side.report(1)
    assert s.v2g_protocol.value == "DIN 70121" and s.evse_id.value is None
    machine.evse_id = b"DE*1*2"
    side.report(2)
    assert s.evse_id.value == "DE*1*2"
    side.new_session()
    assert s.evse_id.value is None
