"""Each invariant of tools/simulate/invariants.py is seen to break when somebody breaks it, and only then."""
from __future__ import annotations

import gc

import pytest

from exi_native.messages.din import Body, MessageHeader, SessionStop, V2G_Message
from kernel.timer import MS
from main import main
from tests.sessions.charges import charge, run_to
from tools.simulate import invariants as i

CHARGING = 710
SEEN_WITHIN = 600 * MS          # the car asks every 250 ms


def _node(c, row, node="car"):
    return next(r for r in getattr(c, node).kernel.rows if r.name == row).task


def _dead(c, row, node="car"):
    _node(c, row, node).run = lambda now: now + 10 * MS


def _contactors(closed):
    def move(c):
        _dead(c, "safety")
        c.car.board.contactors.set_closed(closed, c.clock.time)
        c.invariants.look()
    return move


def _unlocks_itself(c):
    c.plant.car_lock.feedback_fault = "on"
    c.plant.car_lock.position = False


def _unlock(c):
    c.car.board.lock.set_locked(False, c.clock.time)


def _unlock_charger(c):
    c.charger.board.lock.set_locked(False, c.clock.time)


def _trip(node):
    def set_trip(c):
        _dead(c, "safety", node)
        getattr(c, node).signals.safety_trip.value = "on purpose"
    return set_trip


def _asks_on(c):
    c.invariants.talks["pev"].trip = "on purpose"


def _other_session(c):
    _node(c, "v2g")._session._turn.session_id = b"stranger"


class Decoded:
    """A codec that always decodes the same."""

    def __init__(self, message):
        self.message = message

    def decode(self, schema, data):
        return self.message

    def prepare(self, schema):
        return None


def _other_peer(c):
    c.car.signals.peer_mac.value = bytes(6)


def _ends_silently(c):
    c.car.signals.stop_reason.value = None
    c.car.signals.connection_state.value = "Failed"


def _battery_silent(c):
    _dead(c, "safety")
    _dead(c, "vehicle")


def _state_c(c):
    c.car.board.control_pilot.set_state_c(True, c.clock.time)


@pytest.mark.parametrize("sentence, at, sabotage", [
    (i.CLOSED_WITH_PERMITS, 540, _contactors(True)),
    (i.CLOSED_WITH_PERMITS, CHARGING, _battery_silent),
    (i.VOLTAGE_ALONE, 560, _contactors(True)),
    (i.C_WITH_A_WISH, 540, _state_c),
    (i.LOCKED_FIRST, CHARGING, _unlocks_itself),
    (i.OPENED_BELOW, CHARGING, _contactors(False)),
    (i.B_BEFORE_OPENING, CHARGING, _contactors(False)),
    (i.UNLOCKED, CHARGING, _unlock),
    (i.UNLOCKED, CHARGING, _unlock_charger),
    (i.B_AFTER_TRIP, CHARGING, _trip("car")),
    (i.OFF_AFTER_TRIP, CHARGING, _trip("charger")),
    (i.NO_REQUEST, CHARGING, _asks_on),
    (i.FOREIGN_SESSION, CHARGING, _other_session),
    (i.FOREIGN_PEER, CHARGING, _other_peer),
    (i.REASON, CHARGING, _ends_silently),
])
def test_sabotage_is_seen(sentence, at, sabotage):
    c = charge(soc_start=50.0, soc_stop=90.0)
    run_to(c, at)
    c.run_until(c.clock.time + 1100 * MS if at == CHARGING else c.clock.time)
    assert not c.invariants.broken
    sabotage(c)
    c.run_until(c.clock.time + SEEN_WITHIN)
    assert sentence in {b.sentence for b in c.invariants.broken}, [str(b) for b in c.invariants.broken]
    assert not c.good


@pytest.mark.parametrize("name", ["pev", "evse"])
def test_a_box_that_hears_a_foreign_session_id_and_goes_on_is_seen(name):
    c = charge(soc_start=50.0, soc_stop=90.0)
    run_to(c, CHARGING)
    foreign = V2G_Message(Header=MessageHeader(SessionID=b"stranger"), Body=Body(BodyElement=SessionStop()))
    ear = c.invariants.overhear(name, Decoded(foreign))
    ear.decode("DIN", b"")
    c.run_until(c.clock.time + SEEN_WITHIN)
    assert [(b.sentence, b.seen) for b in c.invariants.broken] == [(i.FOREIGN_SESSION, f"{name} goes on in CurrentDemand")]


@pytest.mark.parametrize("sound", [True, False])
def test_main_tells_a_broken_invariant_and_ends_with_1(sound, tmp_path, capsys, monkeypatch):
    if not sound:
        monkeypatch.setattr(i, "MATCH_VOLTAGE", 0.0)
    code = main(["--simulate", "--pace", "max", "--soc-start", "97.5", "--battery-kwh", "1", "--output", str(tmp_path)])
    gc.unfreeze()                # as a process that does not end after its charge
    gc.enable()
    told = capsys.readouterr().out
    assert (code == 0) is sound
    assert ("invariants  all held" in told) is sound and (f"s: {i.VOLTAGE_ALONE}" in told) is not sound


def test_every_sentence_has_its_sabotage():
    marks = test_sabotage_is_seen.pytestmark[0].args[1]
    assert {row[0] for row in marks} == set(i.SENTENCES)
