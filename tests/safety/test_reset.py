"""A person releases a latched trip by key: what unplugging would end, and nothing that has to be looked at."""
import pytest

from kernel.timer import MS, S
from tests.safety.ac_bench import AcBench


def pressed(b: AcBench) -> None:
    b.signals.reset_request.value, b.signals.reset_request.at = True, b.now


def tripped(b: AcBench) -> AcBench:
    b.charge()
    b.plant.ac.tripped = True
    b.until(lambda: b.state == "Tripped")
    return b


def test_what_is_over_is_released_and_charges_again():
    b = tripped(AcBench())
    b.plant.ac.tripped = False
    b.want(ac=None)
    b.run(5 * S)
    assert b.state == "Tripped", "by itself nothing leaves it while plugged"
    pressed(b)
    b.run(50 * MS)
    assert b.state == "Idle" and b.safety.trip == "" and any("left: reset" in line for line in b.lines)
    b.want(ac=True)
    b.until(lambda: b.plant.ac.live)


def test_what_is_not_over_trips_anew_before_anything_closes():
    b = tripped(AcBench())
    b.want(ac=None)
    b.run(S)
    pressed(b)
    b.run(200 * MS)
    b.want(ac=True)
    b.run(2 * S)
    assert not b.plant.ac.live and b.safety.supervisor.blocked == "Residual current"


def test_a_wish_that_was_released_before_counts_only_once_it_is_released_again():
    """The old request must not close again by itself."""
    b = tripped(AcBench())
    b.plant.ac.tripped = False
    b.run(S)
    pressed(b)
    b.run(2 * S)
    assert b.state == "Idle" and not b.plant.ac.live
    b.want(ac=None)
    b.run(200 * MS)
    b.want(ac=True)
    b.until(lambda: b.plant.ac.live)


def test_a_welded_contactor_is_released_by_no_key():
    b = AcBench().charge()
    b.plant.ac.contactor.welded = True
    b.want(ac=False)
    b.until(lambda: b.safety.trip != "")
    pressed(b)
    b.run(S)
    assert b.state == "Tripped" and any("no key releases Contactor welded?" in line for line in b.lines)


@pytest.mark.parametrize("age", [2 * S])
def test_an_old_wish_is_none(age):
    b = tripped(AcBench())
    b.plant.ac.tripped = False
    b.run(S)
    b.signals.reset_request.value, b.signals.reset_request.at = True, b.now - age
    b.run(S)
    assert b.state == "Tripped"


def test_without_a_trip_nothing_happens():
    b = AcBench().charge()
    pressed(b)
    b.run(S)
    assert b.state == "Delivering" and b.plant.ac.live


def test_one_press_releases_one_trip():
    b = tripped(AcBench())
    b.plant.ac.tripped = False
    b.want(ac=None)
    b.run(S)
    pressed(b)
    b.run(50 * MS)
    b.want(ac=True)
    b.until(lambda: b.plant.ac.live, limit=600 * MS)
    b.plant.ac.tripped = True
    b.until(lambda: b.state == "Tripped", limit=200 * MS)
    b.plant.ac.tripped = False
    b.run(2 * S)
    assert b.state == "Tripped", "the press is younger than a second, and was answered"


def test_contacts_that_are_not_known_to_be_open_are_told():
    b = tripped(AcBench())
    b.plant.ac.tripped = False
    b.plant.ac.contactor.feedback_fault = "broken"
    b.run(S)
    pressed(b)
    b.run(100 * MS)
    assert b.state == "Tripped" and any("Residual current is not released yet" in line for line in b.lines)


def test_a_press_without_a_trip_is_told_to_nobody():
    b = AcBench().charge()
    b.lines.clear()
    pressed(b)
    b.run(S)
    assert not any("safety" in line for line in b.lines)
