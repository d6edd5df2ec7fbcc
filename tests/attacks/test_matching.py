"""What a malicious neighbour tries at the matching (SLAC has no authentication): a running charge does not change, a new one still comes, and it is told."""
from __future__ import annotations

from abc import ABC, abstractmethod
from random import Random
from typing import Callable

import pytest

from drivers.sim.link import SimNic
from kernel.timer import S
from tasks.config import Config
from tasks.homeplug.config import EmulatorConfig
from tasks.homeplug.emulator import EmulatedModem
from tasks.homeplug.emulator_nic import EmulatedModemNic
from tasks.homeplug.keys import nid_from_nmk
from tasks.homeplug.wire import (CM_ATTEN_CHAR_IND, CM_SLAC_MATCH_CNF, CM_SLAC_MATCH_REQ, CM_SLAC_PARM_CNF, CM_SLAC_PARM_REQ, CM_START_ATTEN_CHAR_IND,
                                 CM_VALIDATE_CNF, CM_VALIDATE_REQ, VALIDATE_NOT_REQUIRED, VALIDATE_READY, VALIDATE_SUCCESS, parse)
from tasks.homeplug.wire_header import BROADCAST
from tasks.homeplug.wire_keys import CM_SET_KEY_CNF, CM_SET_KEY_REQ
from tests.attacks.attacker import EVIL_MAC, AttackedCharge, View
from tools.simulate.charge import CAR_MAC, CHARGER_MAC

NMK = bytes(range(16))
NID = nid_from_nmk(NMK)
HOMEPLUG = b"\x88\xe1"
MODEM = bytes.fromhex("020000006633")


def said(v: View):
    """The MME that the box has just sent, None otherwise."""
    return parse(v.frame) if v.outgoing and v.frame[12:14] == HOMEPLUG and len(v.frame) >= 60 else None


class Attack(ABC):
    """Called with what happens; remembers the RunID that it overheard."""

    def __init__(self) -> None:
        self.run_id = bytes(8)
        self.tries = 0

    def __call__(self, v: View) -> list[bytes]:
        m = said(v)
        if isinstance(m, CM_SLAC_PARM_REQ):
            self.run_id = m.run_id
        frames = [f.emit() for f in self.react(m, v)]
        self.tries += len(frames)
        return frames

    @abstractmethod
    def react(self, m, v: View) -> list:
        """The messages that it sends now. `m`: the MME that the box has just sent, None otherwise."""


class KeyInTheSession(Attack):
    """ccs32clara 24: a foreign CM_SLAC_MATCH.CNF re-keyed the modem of a charging car."""

    def react(self, m, v: View) -> list:
        return [CM_SLAC_MATCH_CNF(CAR_MAC, EVIL_MAC, self.run_id, CAR_MAC, EVIL_MAC, NID, NMK),
                CM_SLAC_MATCH_CNF(CAR_MAC, CHARGER_MAC, self.run_id, CAR_MAC, CHARGER_MAC, NID, NMK)] if v.talking else []


class KeyTooEarly(Attack):
    """Before anybody was asked for it."""

    def react(self, m, v: View) -> list:
        early = isinstance(m, (CM_SLAC_PARM_REQ, CM_START_ATTEN_CHAR_IND, CM_SLAC_MATCH_REQ))
        return [CM_SLAC_MATCH_CNF(CAR_MAC, EVIL_MAC, self.run_id, CAR_MAC, EVIL_MAC, NID, NMK)] if early else []


class Liar(Attack):
    """A charger that hears us best of all, says so, and gives a key of its own to whoever asks."""

    def __init__(self, validates: Callable[[CM_VALIDATE_REQ], CM_VALIDATE_CNF | None] = lambda m: None) -> None:
        super().__init__()
        self._validates = validates

    def react(self, m, v: View) -> list:
        if isinstance(m, CM_SLAC_PARM_REQ):
            return [CM_SLAC_PARM_CNF(CAR_MAC, EVIL_MAC, m.run_id, CAR_MAC)]
        if isinstance(m, CM_START_ATTEN_CHAR_IND):
            return [CM_ATTEN_CHAR_IND(CAR_MAC, EVIL_MAC, m.run_id, CAR_MAC, 10, b"\1" * 58)]
        if isinstance(m, CM_SLAC_MATCH_REQ) and m.dst == EVIL_MAC:
            return [CM_SLAC_MATCH_CNF(CAR_MAC, EVIL_MAC, m.run_id, CAR_MAC, EVIL_MAC, NID, NMK)]
        answer = self._validates(m) if isinstance(m, CM_VALIDATE_REQ) and m.dst == EVIL_MAC else None
        return [] if answer is None else [answer]


class ForgedOnce(Attack):
    """In the charger's own name, faster than the charger: nobody can tell it from the real answer, and its key leads nowhere."""

    def react(self, m, v: View) -> list:
        if not isinstance(m, CM_SLAC_MATCH_REQ) or self.tries:
            return []
        return [CM_SLAC_MATCH_CNF(CAR_MAC, CHARGER_MAC, m.run_id, CAR_MAC, CHARGER_MAC, NID, NMK)]


class OurCarAgain(Attack):
    """To the charger, in the name of the car that charges: begin anew, give me the key."""

    def react(self, m, v: View) -> list:
        return [CM_SLAC_PARM_REQ(BROADCAST, CAR_MAC, b"whatever"), CM_SLAC_MATCH_REQ(CHARGER_MAC, CAR_MAC, b"whatever", CAR_MAC, CHARGER_MAC),
                CM_SLAC_MATCH_REQ(CHARGER_MAC, EVIL_MAC, b"whatever", EVIL_MAC, CHARGER_MAC)] if v.talking else []


class ForeignKeys(Attack):
    """CM_SET_KEY of a stranger, by broadcast and confirmed as if the own modem had taken it."""

    def react(self, m, v: View) -> list:
        return [CM_SET_KEY_REQ(BROADCAST, EVIL_MAC, NID, NMK), CM_SET_KEY_CNF(v.mac, EVIL_MAC, 1), CM_SET_KEY_CNF(v.mac, v.peer_mac, 1)] if v.talking else []


def charge(victim: str, attack: Attack, **slac) -> AttackedCharge:
    config = Config()
    for name, value in slac.items():
        setattr(config.slac, name, value)
    c = AttackedCharge(victim, attack, config=config)
    c.run()
    assert attack.tries, "it has tried nothing"
    return c


def told(c: AttackedCharge, victim: str) -> int:
    return next(row.task for row in (c.car if victim == "pev" else c.charger).table.rows if row.name == "homeplug").suspicious


@pytest.mark.parametrize("victim, make, reported", [
    ("pev", KeyInTheSession, True), ("pev", KeyTooEarly, True), ("evse", OurCarAgain, True), ("pev", ForeignKeys, False), ("evse", ForeignKeys, False)])
def test_a_charge_comes_and_goes_on_as_without(victim, make, reported):
    quiet = AttackedCharge(victim, None)
    quiet.run()
    c = charge(victim, make())
    assert c.good and c.car.checkpoints == quiet.car.checkpoints, "the same steps at the same times"
    assert (told(c, victim) > 0) is reported and told(quiet, victim) == 0


def test_a_liar_costs_two_attempts_and_gives_way_to_the_charger_that_joins():
    c = charge("pev", Liar())
    assert c.good and [n for _, n, _ in c.car.checkpoints].count(160) == 3, "the liar's key led nowhere in TT_match_join, twice"


@pytest.mark.parametrize("answer", [
    lambda m: CM_VALIDATE_CNF(CAR_MAC, EVIL_MAC, 0, 0, VALIDATE_NOT_REQUIRED),
    lambda m: CM_VALIDATE_CNF(CAR_MAC, EVIL_MAC, 0, 9, VALIDATE_SUCCESS) if m.timer else CM_VALIDATE_CNF(CAR_MAC, EVIL_MAC, 0, 0, VALIDATE_READY),
    lambda m: None], ids=["says no proof is needed", "guesses the count", "silent"])
def test_with_validation_of_several_a_liar_is_never_matched(answer):
    c = charge("pev", Liar(answer), validate="several")
    assert c.good and [n for _, n, _ in c.car.checkpoints].count(160) == 1


def test_a_forged_answer_in_the_chargers_name_costs_one_attempt():
    c = charge("pev", ForgedOnce())
    assert c.good and [n for _, n, _ in c.car.checkpoints].count(160) == 2


def test_who_has_stolen_the_key_and_joins_is_seen_and_changes_nothing():
    """Key theft: NID and NMK pass in clear (sheet 2.6); the third modem joins and hears what is said."""
    c = AttackedCharge("pev", None)
    thief = EmulatedModemNic(SimNic(c.link, "thief", EVIL_MAC), EmulatedModem(EmulatorConfig(beacon_ms=250), EVIL_MAC, False, Random(7)))
    seen = {"pev": set(), "evse": set()}
    stolen = False
    while not c.over and c.clock.time < 400 * S:
        c.run_until(c.clock.time + S // 4)
        thief.receive(64, c.clock.time)
        role = next(row.task for row in c.charger.table.rows if row.name == "homeplug")._role
        if not stolen and role._matched_cnf is not None:
            stolen = True
            thief.send(CM_SET_KEY_REQ(bytes.fromhex("00b052000001"), EVIL_MAC, role.nid, role._nmk).emit(), c.clock.time)
        for name, node in (("pev", c.car), ("evse", c.charger)):
            seen[name].add(node.signals.link_notice.value)
    assert stolen and c.good
    assert all("third PLC station" in notices for notices in seen.values()), seen

