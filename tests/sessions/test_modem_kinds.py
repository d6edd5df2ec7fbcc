"""Whole charges through emulated modems of every kind, and what becomes of one whose modem is reset, exchanged or silent."""
from __future__ import annotations

from random import Random

import pytest

from drivers.sim.plant_config import PlantConfig
from exi_native import codec
from kernel.timer import MS, S
from tasks.config import Config
from tasks.homeplug.config import EmulatorConfig
from tasks.homeplug.emulator import EmulatedModem
from tasks.homeplug.emulator_kinds import KINDS
from tasks.stop_reasons import StopReason
from tests.sessions.charges import assert_safe, run_to
from tools.simulate.modems import WORKING, ModemPair

class Pair(ModemPair):
    """A short charge with a kind of modem for each side, and what its journals said."""

    def __init__(self, car: str, charger: str) -> None:
        self.told = []
        config = Config()
        config.ev.stop_soc_percent = 97.0
        super().__init__(car, charger, config, PlantConfig(battery_soc_percent=96.0, battery_capacity_wh=5000.0), codec.load(), 1, None,
                         sinks=(lambda name, event: self.told.append((name, event.level, event.message())),))

    def said(self, name: str, level: str = "") -> str:
        for node in (self.car, self.charger):
            node.journal.flush()
        return " | ".join(text for who, how, text in self.told if who == name and level in ("", how))


@pytest.mark.parametrize("car, charger", [(kind, kind) for kind in WORKING] + list(zip(WORKING, WORKING[1:] + WORKING[:1])))
def test_a_charge_through_each_kind(car, charger):
    c = Pair(car, charger)
    c.run()
    assert c.good and c.reason is StopReason.BATTERY_FULL, (c.reason, c.said("pev", "warning"), c.said("evse", "warning"))
    assert_safe(c)
    for name, kind in (("pev", car), ("evse", charger)):
        assert f"link good: {'9.0' if not KINDS[charger].profile else '11.2'} dB" in c.said(name), kind
        assert "Mbit/s to and 9 Mbit/s from" in c.said(name) or not (KINDS[kind].nw_info or KINDS[kind].nw_stats)


@pytest.mark.parametrize("who", ["pev", "evse"])
@pytest.mark.parametrize("kind", ["qca7005", "qca7420", "cg5317", "generic"])
def test_a_modem_reset_in_the_middle_of_charging_is_survived_when_it_is_quicker_than_the_messages(who, kind):
    """The link test is not asked: as long as TCP gets its messages through in time the session goes on."""
    c = Pair(kind, kind)
    run_to(c, 700)
    c.run_until(c.clock.time + 2 * S)
    modem = c.modems[who].modem
    modem._restart_time, modem._join_time = 100 * MS, 200 * MS
    modem._go_silent(c.clock.time)
    c.run()
    assert c.good and c.reason is StopReason.BATTERY_FULL, (c.reason, c.said(who, "warning"))
    assert_safe(c)


def test_a_modem_reset_that_takes_its_five_seconds_ends_the_session_by_the_messages_own_time_limit():
    c = Pair("qca7005", "qca7005")
    run_to(c, 700)
    c.run_until(c.clock.time + 2 * S)
    modem = c.modems["pev"].modem
    modem._restart_time = 5 * S
    modem._go_silent(c.clock.time)
    began = c.clock.time
    while c.reason is None and c.clock.time < began + 60 * S:
        c.run_until(c.clock.time + 100 * MS)
    assert c.reason in (StopReason.TIMEOUT, StopReason.TCP_TIMEOUT) and c.clock.time - began < 5 * S
    assert "link reported lost" not in c.said("pev")
    c.run()
    assert_safe(c)


def test_an_exchanged_modem_ends_the_session_and_carries_the_next_one():
    c = Pair("qca7005", "qca7005")
    run_to(c, 700)
    c.run_until(c.clock.time + 2 * S)
    nic = c.modems["evse"]
    old = nic.modem
    nic.modem = EmulatedModem(EmulatorConfig(kind="qca7420"), old.host_mac, True, Random(4))
    nic.modem.mac = old.mac[:5] + bytes((old.mac[5] ^ 1,))
    nic.modem._beacon.arm_at(c.clock.time)
    c.run_until(c.clock.time + 5 * S)
    assert c.reason is StopReason.TIMEOUT                  # what the car reads while nothing comes
    c.run()
    assert "modem 02:00:00:00:0c:57 has been exchanged for 02:00:00:00:0c:56" in c.said("evse", "warning")
    assert c.charger.signals.modem.value.startswith("QCA7420")
    assert c.reason is StopReason.BATTERY_FULL             # it began again by itself, through the new modem
    assert_safe(c)


@pytest.mark.parametrize("who", ["pev", "evse"])
def test_a_modem_silent_for_ever_is_the_reason_that_a_person_reads(who):
    c = Pair("qca7005", "qca7005")
    c.modems[who].modem.from_host = lambda frame, now: None
    c.run_until(60 * S)
    side = c.car if who == "pev" else c.charger
    assert side.signals.stop_reason.value is StopReason.NO_MODEM and side.signals.modem.value is None
    assert all(word in StopReason.NO_MODEM.hint for word in ("supply", "cable", "interface"))
    assert all(word in c.said(who, "warning") for word in ("supply", "cable", "interface name", "slac.modem_kind"))


@pytest.mark.parametrize("kind", ["qca7005", "cg5317", "vertexcom", "generic"])
def test_a_chargers_modem_that_misses_its_key_and_is_back_before_it_counts_as_lost_gets_it_again(kind):
    c = Pair("qca7005", kind)
    c.run_until(400 * MS)
    modem = c.modems["evse"].modem
    from_host, modem.from_host = modem.from_host, lambda frame, now: None
    c.run_until(11_200 * MS)
    assert c.charger.signals.link_state.value == "WaitKey" and "does not confirm the key in 10 s" in c.said("evse", "warning")
    modem.from_host = from_host
    c.run()
    assert c.good and c.reason is StopReason.BATTERY_FULL
    assert_safe(c)


@pytest.mark.parametrize("kind", ["qca7005", "cg5317", "cg5317-old", "generic"])
@pytest.mark.parametrize("away", [8, 14.2, 17.2])
def test_a_cars_modem_that_goes_away_while_it_joins_is_known_and_keyed_when_it_is_back(kind, away):
    c = Pair(kind, "qca7005")
    modem = c.modems["pev"].modem
    modem._join_time = 5 * S
    while c.car.signals.link_state.value != "Join":
        c.run_until(c.clock.time + 10 * MS)
    c.run_until(c.clock.time + 3 * S)
    from_host, from_line = modem.from_host, modem.from_line
    modem.from_host = modem.from_line = lambda frame, now: None
    c.run_until(c.clock.time + int(away * S))
    modem.from_host, modem.from_line = from_host, from_line
    c.run()
    assert c.good and c.reason is StopReason.BATTERY_FULL, c.said("pev", "warning")
    assert c.car.signals.modem.value.split()[0] == {"qca7005": "QCA7005", "generic": "generic"}.get(kind, "CG5317")
    assert_safe(c)


def test_a_modem_in_its_boot_loader_is_told_with_the_remedy():
    c = Pair("bootloader", "qca7005")
    c.run_until(40 * S)
    assert "runs its boot loader" in c.said("pev", "error") and "plcboot" in c.said("pev", "error")
    assert c.car.signals.modem.value == "boot loader, no firmware"
