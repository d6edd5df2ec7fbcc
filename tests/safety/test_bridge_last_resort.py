"""When a bridge's supervisor itself fails: state B, the contactor, d2, d1, each after its time and none later than its bound; nothing is unlocked."""
import pytest

from kernel.timer import MS, S
from tasks.safety.config import PevSafetyConfig
from tests.safety.bridge_session import CHARGE, Session


def broken(**limits) -> tuple[Session, int]:
    b = Session(pev=PevSafetyConfig(), **limits).closed()
    b.rig.task.supervisor.step = None
    del b.calls[:]
    b.held = {"stop_button": True}
    b.step()
    assert b.rig.task.broken and b.calls == [("pilot", False)]
    return b, b.now - 10 * MS


def test_the_last_resort_opens_the_bridge_then_d2_then_d1_and_unlocks_nothing():
    b, at = broken(d2_hold_ms=150, d1_hold_ms=700)
    first: dict = {}
    task = b.rig.task
    for n in range(1, 400):
        now = at + n * 10 * MS
        b.rig.contactors.position = True if ("contactors", False) not in b.calls or now < first.get("contactors", now) + 50 * MS else False
        task.run(now)
        for call in b.calls:
            first.setdefault(call[0], now)
    assert all(call[1] is False for call in b.calls) and "vehicle lock" not in first and "lock" not in first
    opened = first["contactors"]
    assert opened == at + 1500 * MS and first["d2"] == opened + 50 * MS + 150 * MS and first["d1"] == first["d2"] + 700 * MS
    assert task.safe and b.shown() == (False, False, None)


@pytest.mark.parametrize("wrong", ["stuck", "raises", "d2 raises"])
def test_the_last_resort_is_bounded_whatever_the_drivers_do(wrong):
    b, at = broken(release_ms=6000)
    task = b.rig.task
    b.rig.contactors.position = True
    b.rig.contactors.raises = wrong == "raises"
    if wrong == "d2 raises":
        b.rig.sequence.set_d2 = None
    for n in range(1, 900):
        now = at + n * 10 * MS
        before = len(b.calls)
        task.run(now)
        came = [c[0] for c in b.calls[before:]]
        late = now - at - 1500 * MS
        assert ("d2" in came) is (late >= 6 * S and wrong != "d2 raises") and ("d1" in came) is (late >= 6 * S + 500 * MS)
    assert not task.safe


def test_a_bridge_that_reads_closed_again_is_waited_for_anew():
    b, at = broken()
    opened = at + 1500 * MS
    for late, position in ((0, False), (90, None), (100, False), (190, False)):
        b.rig.contactors.position = position
        b.rig.task.run(opened + late * MS)
        assert ("d2", False) not in b.calls
    b.rig.task.run(opened + 200 * MS)
    assert ("d2", False) in b.calls


def test_a_bridge_that_was_open_holds_d2_up_to_the_bound_as_well():
    b = Session()
    b.wish = {**CHARGE, "pilot_c_request": None, "contactor_request": None}
    b.run(20)
    b.rig.task.supervisor.step = None
    del b.calls[:]
    at = b.now
    b.rig.write(at, stop_button=True)
    for n in range(161):
        b.rig.task.run(at + n * 10 * MS)
        assert (("d2", False) in b.calls) is (n >= 160)


@pytest.mark.parametrize("late, d1", [(12_000, None), (11_990, True)])
def test_d1_that_refuses_in_the_last_resort_is_not_off(late, d1):
    b, at = broken()
    b.rig.sequence.refuses = True
    b.rig.contactors.position = False
    for now in (at + 1500 * MS, at + late * MS):
        b.rig.task.run(now)
    assert b.shown()[0] is d1 and b.rig.task._set_d1 is d1
    assert not b.rig.task.safe


@pytest.mark.parametrize("refuses", ["contactors", "sequence"])
def test_in_the_last_resort_only_what_is_acknowledged_counts(refuses):
    b, at = broken()
    getattr(b.rig, refuses).refuses = True
    b.rig.contactors.position = False
    for n in range(150, 400):
        b.rig.task.run(at + n * 10 * MS)
    assert not b.rig.task.safe and ("d1", False) not in b.calls
    assert (("d2", False) in b.calls) is (refuses == "sequence") and b.shown()[1] is (None if refuses == "sequence" else True)
