"""Matching as part of the whole box, through tasks/connection: unplugging, lost links, new keys, X1 and 5 % again (sheet 9: P15, P17, E13 to E16)."""
from __future__ import annotations

from functools import cache
from typing import Callable

import pytest

from drivers.sim.link import LinkConfig
from drivers.sim.plant_config import PlantConfig
from exi_native import codec
from kernel.timer import MS, S
from tasks.config import Config
from tasks.connection.timing import T_step_EF, T_step_X1
from tasks.homeplug import timing as t
from tasks.homeplug.wire_header import name_of
from tasks.stop_reasons import StopReason
from tools.simulate.charge import Charge

STEP = 10 * MS
SLAC = ("CM_SLAC", "CM_START", "CM_MNBC", "CM_ATTEN")
MATCH_REQ = 150                  # checkpoint: CM_SLAC_MATCH.REQ


@cache
def the_codec():
    return codec.load()


class Boxes(Charge):
    """Two whole boxes whose modems one can look into. `duties`: (time, what the charger's pilot shall be), each change."""

    def __init__(self, config: Config | None = None, drop_percent: float = 0.0) -> None:
        self.modems = {}
        self.duties: list[tuple[int, float]] = []
        self.slac: list[bytes] = []                          # every SLAC message that either box has sent
        super().__init__(config or Config(), PlantConfig(), the_codec(), link=LinkConfig(drop_percent=drop_percent))

    def _nic(self, name, nic):
        self.modems[name] = nic.modem
        send = nic.send

        def noted(frame: bytes, now: int) -> bool:
            if frame[12:14] == b"\x88\xe1" and name_of(frame[15] | frame[16] << 8).startswith(SLAC):
                self.slac.append(frame)
            return send(frame, now)
        nic.send = noted
        return nic

    def until(self, what: Callable[[], bool], limit: int) -> Boxes:
        """Step by step; fails when `what` has not come within `limit`."""
        end = self.clock.time + limit
        while not what():
            assert self.clock.time < end, (self.car.signals.link_state.value, self.charger.signals.link_state.value)
            self.pass_time(STEP)
        return self

    def pass_time(self, duration: int) -> None:
        end = self.clock.time + duration
        while self.clock.time < end:
            self.run_until(min(end, self.clock.time + STEP))
            duty = self.charger.signals.pilot_duty_request.value
            if not self.duties or self.duties[-1][1] != duty:
                self.duties.append((self.clock.time, duty))

    def matching(self, who: str = "pev") -> str:
        return (self.car if who == "pev" else self.charger).signals.link_state.value

    def keys(self) -> tuple[bytes, bytes]:
        return self.modems["pev"].nmk, self.modems["evse"].nmk

    def matched(self) -> Boxes:
        return self.until(lambda: self.matching() == self.matching("evse") == "Matched", 60 * S)

    def asked(self) -> int:
        """How often the car has begun to ask for a match."""
        return sum(number == MATCH_REQ for _, number, _ in self.car.checkpoints)


def never_joining() -> Boxes:
    config = Config()
    config.modem_emulator.join_ms = 20_000
    return Boxes(config)


@pytest.mark.parametrize("state", ["Parm", "Sounding", "Collect", "Match", "Join", "Matched"])
def test_unplugging_ends_matching_in_every_state_within_a_second(state):
    """P15. TP_match_leave: off, silent, the network left; plugged in again it matches with another key."""
    boxes = Boxes()
    boxes.until(lambda: boxes.matching() == state, 30 * S)
    told = boxes.keys()[1]
    assert boxes.plant.unplug(boxes.clock.time, force=True)
    boxes.pass_time(t.TP_match_leave)
    assert boxes.matching() == "Off" and boxes.matching("evse") == "Off"
    if state == "Join":                                      # the car's modem is silent with its first key and takes the next one after that
        boxes.pass_time(3 * S)
    if state in ("Join", "Matched"):
        assert told not in boxes.keys(), "both have left the network whose key was told"
    passed = len(boxes.slac)
    boxes.pass_time(20 * S)
    assert len(boxes.slac) == passed
    boxes.plant.plug(boxes.clock.time)
    boxes.matched()
    assert boxes.keys()[0] == boxes.keys()[1] and (state in ("Parm", "Sounding", "Collect") or boxes.keys()[1] != told)


def test_failed_joins_are_reported_and_both_boxes_begin_again():
    """P17. TT_match_join 12 s, NO_LINK for the person; the charger takes its 5 % away, the car waits for it and matches anew, three times and more."""
    boxes = never_joining()
    for attempt in range(1, t.C_conn_max_match + 1):
        boxes.until(lambda: boxes.asked() == attempt and boxes.matching("pev") == "Join", 60 * S)
        boxes.until(lambda: boxes.car.signals.connection_state.value == "WaitPilot", 60 * S)
        assert boxes.reason is StopReason.NO_LINK
    for modem in boxes.modems.values():
        modem._join_time = 400 * MS
    boxes.until(lambda: boxes.charging, 120 * S)


def test_a_link_that_dies_is_matched_anew_by_both_boxes_with_another_key():
    """E13, the same car: its modem forgets the network in a session; both notice, both begin again, nobody has to do anything."""
    boxes = Boxes()
    boxes.until(lambda: boxes.charger.signals.connection_state.value == "Session", 60 * S)
    told = boxes.keys()[1]
    boxes.modems["pev"]._use_key(bytes(7), bytes(16), boxes.clock.time)
    boxes.until(lambda: boxes.matching("evse") != "Matched", 60 * S)
    boxes.matched()
    assert boxes.keys()[0] == boxes.keys()[1] != told
    boxes.until(lambda: boxes.charging, 120 * S)


def test_a_link_that_does_not_come_means_x1_state_f_x1_and_five_percent_again():
    """E14. TT_match_join 12 s after CM_SLAC_MATCH.CNF: 5 % off for at least T_step_X1, state F for T_step_EF, a new key, 5 % on."""
    boxes = never_joining()
    boxes.until(lambda: boxes.matching("evse") == "WaitLink", 30 * S)
    matched_at, told = boxes.clock.time, boxes.keys()[1]
    boxes.until(lambda: boxes.duties[-1][1] == 100.0, 20 * S)
    assert boxes.clock.time - matched_at == pytest.approx(t.TT_match_join, abs=200 * MS)
    off_at = boxes.clock.time
    assert boxes.charger.signals.stop_reason.value is StopReason.NO_LINK
    boxes.until(lambda: boxes.duties[-1][1] == 5.0, 20 * S)
    assert [duty for _, duty in boxes.duties[-4:]] == [100.0, 0.0, 100.0, 5.0]
    (x1, _), (f, _), (again, _), _ = boxes.duties[-4:]
    assert f - x1 >= T_step_X1 and again - f >= T_step_EF
    assert T_step_X1 + T_step_EF <= boxes.clock.time - off_at <= 12 * S and boxes.keys()[1] != told


@pytest.mark.parametrize("forever", [True, False])
def test_a_car_that_never_asks_is_waited_for_or_offered_five_percent_again(forever):
    """E15. Not one frame passes: TT_EVSE_SLAC_init, then X1 for at least T_step_X1 and 5 % again; or waiting on, which is the default."""
    config = Config()
    config.slac.five_percent_forever, config.slac.slac_init_s = forever, 20
    boxes = Boxes(config, drop_percent=100.0)
    boxes.until(lambda: bool(boxes.duties) and boxes.duties[-1][1] == 5.0, 30 * S)
    boxes.pass_time(60 * S)
    assert (len(boxes.duties) == 2) is forever
    if not forever:
        steps = [(b - a, duty) for (a, duty), (b, _) in zip(boxes.duties[1:], boxes.duties[2:])]
        assert steps[0][1] == 5.0 and steps[0][0] == pytest.approx(20 * S, abs=500 * MS)
        assert steps[1][1] == 100.0 and steps[1][0] >= T_step_X1
        assert boxes.charger.signals.stop_reason.value is StopReason.NO_CAR_SLAC


def test_each_plugging_in_and_each_end_has_a_key_of_its_own():
    """E16."""
    boxes, seen = Boxes(), set()
    for _ in range(3):
        boxes.matched()
        seen.add(boxes.keys()[1])
        boxes.plant.unplug(boxes.clock.time, force=True)
        boxes.pass_time(2 * S)
        assert boxes.keys()[0] not in seen and boxes.keys()[1] not in seen
        boxes.plant.plug(boxes.clock.time)
    assert len(seen) == 3
    boxes.until(lambda: boxes.charging, 120 * S)
    told = boxes.keys()[1]
    boxes.stop()
    boxes.until(lambda: boxes.matching() == "Off", 60 * S)
    boxes.pass_time(t.TP_match_leave)
    assert boxes.keys()[0] != told, "D-LINK_TERMINATE: the car has left"
    boxes.until(lambda: boxes.matching("evse") == "Off", 60 * S)
    boxes.pass_time(t.TP_match_leave)
    assert boxes.keys()[1] != told, "and so has the charger"
