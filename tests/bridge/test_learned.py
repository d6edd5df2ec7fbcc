"""What the box remembers of vehicles: bounds, what replaces what, interpolation and its error, and damaged knowledge."""
import copy
import json
import math
import random

import pytest

from tasks.bridge.estimate import CLASS_M, CLASS_N, GENERAL_ERROR, Curve, along, choose, formula
from tasks.bridge.learned import (DAMAGED, ERROR_PER_PERCENT, MAX_MARK, MAX_MARKS, MAX_POINTS, MAX_VEHICLES, MIN_SESSIONS, POINT_ERROR, Learned, Point,
                                  from_plain)

LEAF = (2, 410, 435, 222, 0, 1, 1)
MEASURED = ((7, 350), (17, 362), (38, 378), (73, 383), (88, 389))          # Leaf 24/30, table 4.3 of the chademo sheet
FLAT = Curve("formula", GENERAL_ERROR, lambda soc: 300 + soc)


def taught(*sessions, fingerprint=LEAF):
    learned = Learned()
    for points in sessions:
        assert learned.learn(fingerprint, points)
    return learned


def test_the_first_session_teaches_and_is_not_used():
    assert taught([(50, 350), (80, 380)]).estimate(LEAF, 50, FLAT) is None
    learned = taught([(50, 350)], [(80, 380)])
    assert MIN_SESSIONS == 2 and learned.sessions(LEAF) == 2
    e = learned.estimate(LEAF, 50, FLAT)
    assert (e.voltage, e.error, e.way, e.bias) == (350, POINT_ERROR, "learned", 0)      # sure enough for no bias


def test_the_bounds():
    """What the file may grow to, and its format: a change of these loses what boxes in the field have learned."""
    assert (MAX_VEHICLES, MAX_POINTS, MAX_MARKS, MAX_MARK) == (32, 40, 64, 0xFFFF_FFFF_FFFF_FFFF)
    assert taught([(0, 50), (50, 350), (100, 1000)]).to_plain() == {
        "format": 1, "sessions": 1, "vehicles": [{"fingerprint": list(LEAF), "sessions": 1, "seen": 1, "points": [[0, 50, 1], [50, 350, 1], [100, 1000, 1]]}]}
    assert from_plain(changed("sessions", to=1 << 53))[1] == "" and from_plain(changed("sessions", to=(1 << 53) + 1))[1]


def test_another_vehicle_knows_nothing_of_it():
    learned = taught([(50, 350)], [(80, 380)])
    assert learned.estimate((*LEAF, 1), 50, FLAT) is None and learned.sessions(()) == 0 and learned.points((1,)) == ()


def test_between_points_the_difference_to_the_curve_is_interpolated():
    learned = taught([(50, 360)], [(60, 380)])                # FLAT says 350 and 360: 10 V and 20 V below
    assert learned.estimate(LEAF, 52, FLAT, bias=0).voltage == pytest.approx(352 + 12)
    assert learned.estimate(LEAF, 60, FLAT, bias=0).voltage == pytest.approx(380)


def test_outside_the_points_the_curve_is_moved_onto_the_nearest():
    learned = taught([(50, 360)], [(60, 380)])
    assert learned.estimate(LEAF, 45, FLAT, bias=0).voltage == pytest.approx(345 + 10)
    assert learned.estimate(LEAF, 70, FLAT, bias=0).voltage == pytest.approx(370 + 20)


def test_without_a_curve_nothing_is_said_outside_the_points():
    learned = taught([(50, 360)], [(60, 380)])
    assert learned.estimate(LEAF, 55, None, bias=0).voltage == pytest.approx(370)
    assert learned.estimate(LEAF, 49, None) is None and learned.estimate(LEAF, 61, None) is None
    three = taught([(50, 360)], [(60, 380)], [(70, 390)])
    assert [three.estimate(LEAF, soc, None).voltage for soc in (50, 65, 70)] == [360, 390, 390]


def test_the_error_grows_with_the_distance_and_then_comes_the_bias():
    learned = taught([(50, 350)], [(80, 380)])
    near, far = learned.estimate(LEAF, 51, FLAT), learned.estimate(LEAF, 60, FLAT)
    assert near.error == POINT_ERROR + ERROR_PER_PERCENT and near.bias == 0
    assert far.error == POINT_ERROR + 10 * ERROR_PER_PERCENT and far.bias == 5 and far.voltage == 365
    assert learned.estimate(LEAF, 60, FLAT, 362).voltage == 362 and learned.estimate(LEAF, 60, FLAT, bias=7).bias == 7


def test_too_far_from_every_point_the_curve_alone_is_no_worse():
    learned = taught([(50, 350)], [(51, 351)])
    reach = (FLAT.error - POINT_ERROR) / ERROR_PER_PERCENT            # 22.1 %
    assert learned.estimate(LEAF, 50 - int(reach), FLAT) is not None and learned.estimate(LEAF, 50 - int(reach) - 1, FLAT) is None
    surer = Curve("n", 12.25, FLAT.at)                                # as sure at 11 % as a point is
    assert learned.estimate(LEAF, 39.5, surer) is not None and learned.estimate(LEAF, 39, surer) is None
    wide = taught([(10, 350)], [(90, 390)])
    assert wide.estimate(LEAF, 25, None) is not None and wide.estimate(LEAF, 50, None) is None


@pytest.mark.parametrize("left_out", range(len(MEASURED)))
def test_the_error_holds_for_a_real_vehicle_that_is_known_by_its_other_points(left_out):
    learned = taught(*([point] for n, point in enumerate(MEASURED) if n != left_out))
    soc, voltage = MEASURED[left_out]
    for choice in ("formula", "m", "av1", "n"):
        e = learned.estimate(LEAF, soc, choose(410, choice=choice))
        if e is not None:
            assert -e.too_high <= voltage - e.voltage <= e.too_low, choice
    assert learned.estimate(LEAF, soc, choose(410, choice="formula")) is not None


@pytest.mark.parametrize("truth", [CLASS_N, CLASS_M])
def test_the_error_per_percent_covers_every_curve_that_410_v_may_get_by_mistake(truth):
    curves = [choose(410, choice=choice).at for choice in ("formula", "n", "m", "av1")]
    worst = max((abs((96 * along(truth, y) - at(y)) - (96 * along(truth, x) - at(x))) - POINT_ERROR) / abs(x - y)
                for at in curves for x in range(101) for y in range(101) if x != y)
    assert 0.7 < worst <= ERROR_PER_PERCENT


def test_a_newer_point_at_the_same_charge_replaces():
    learned = taught([(50, 360)], [(50.9, 355)])
    assert learned.points(LEAF) == (Point(50.9, 355, 2),)
    assert [p.soc for p in taught([(50, 360)], [(51, 361)]).points(LEAF)] == [50, 51]


@pytest.mark.parametrize("old, new, kept", [
    ((50, 380), (60, 369.9), 1),       # less voltage with more charge: another battery
    ((50, 380), (60, 370), 2),         # 10 V are weather
    ((60, 360), (50, 370.1), 1),
    ((60, 360), (50, 370), 2),
])
def test_older_points_that_a_newer_one_contradicts_go(old, new, kept):
    assert len(taught([old], [new]).points(LEAF)) == kept


def test_points_of_one_session_do_not_contradict_each_other():
    assert len(taught([(50, 380), (60, 350)]).points(LEAF)) == 2


def test_the_oldest_points_go():
    learned = taught(*([(2 * n, 300 + n)] for n in range(MAX_POINTS)))
    assert len(learned.points(LEAF)) == MAX_POINTS
    learned.learn(LEAF, [(90, 345), (95, 347)])
    points = learned.points(LEAF)
    assert len(points) == MAX_POINTS and points[0].when == 3 and [p.soc for p in points] == sorted(p.soc for p in points)
    learned.learn(LEAF, [(soc, 400) for soc in range(0, 100)])                # a session with more than may be kept
    assert len(learned.points(LEAF)) == MAX_POINTS and {p.when for p in learned.points(LEAF)} == {MAX_POINTS + 2}


def test_the_vehicle_that_was_not_seen_for_longest_goes():
    learned = Learned()
    for n in range(MAX_VEHICLES):
        learned.learn((n,), [(50, 350)])
    learned.learn((0,), [(60, 360)])
    learned.learn((99,), [(50, 350)])
    assert len(learned) == MAX_VEHICLES and learned.sessions((0,)) == 2 and learned.sessions((1,)) == 0 and learned.sessions((99,)) == 1


@pytest.mark.parametrize("soc, voltage", [(-0.1, 350), (100.1, 350), (50, 49.9), (50, 1000.1), (math.nan, 350), (50, math.nan), (50, math.inf),
                                          (None, 350), (50, None), (True, 350)])
def test_what_cannot_be_a_batterys_is_refused_and_counted(soc, voltage):
    learned = Learned()
    assert not learned.learn(LEAF, [(soc, voltage)]) and learned.refused == 1 and len(learned) == 0
    assert learned.learn(LEAF, [(soc, voltage), (50, 350)]) and learned.points(LEAF) == (Point(50, 350, 1),)


@pytest.mark.parametrize("fingerprint", [(), (1.5,), (-1,), (True,), (MAX_MARK + 1,), (1,) * (MAX_MARKS + 1)])
def test_no_fingerprint_no_knowledge(fingerprint):
    learned = Learned()
    assert not learned.learn(fingerprint, [(50, 350)]) and len(learned) == 0


def test_nothing_is_said_to_an_unknown_charge():
    learned = taught([(50, 350)], [(60, 360)])
    assert learned.estimate(LEAF, None, FLAT) is None
    empty = taught([(0, 300)], [(5, 305)])
    assert empty.estimate(LEAF, math.nan, FLAT) is None and empty.estimate(LEAF, math.inf, FLAT) is None
    assert learned.estimate(LEAF, 104, Curve("formula", 99, FLAT.at)) == learned.estimate(LEAF, 100, Curve("formula", 99, FLAT.at))


def full():
    rng, learned = random.Random(4), Learned()
    for _ in range(MAX_VEHICLES * 60):
        learned.learn((rng.randrange(MAX_VEHICLES + 3), MAX_MARK), [(rng.randrange(1001) / 10, rng.randrange(3000, 4000) / 10)])
    return learned


def test_there_and_back_through_json():
    learned = full()
    plain = learned.to_plain()
    again, problem = from_plain(json.loads(json.dumps(plain)))
    assert problem == "" and again.to_plain() == plain and len(again) == MAX_VEHICLES
    fingerprint = tuple(plain["vehicles"][0]["fingerprint"])
    assert again.estimate(fingerprint, 50, FLAT) == learned.estimate(fingerprint, 50, FLAT)
    assert again.learn(fingerprint, [(50, 350)]) and again.points(fingerprint) != learned.points(fingerprint)      # it goes on counting
    assert from_plain(Learned().to_plain())[1] == ""


def test_the_plain_is_a_copy():
    learned = taught([(50, 350)])
    plain = learned.to_plain()
    plain["vehicles"][0]["points"][0][1] = 1.0
    plain["vehicles"].clear()
    assert learned.points(LEAF) == (Point(50, 350, 1),)


GOOD = taught([(50, 350)], [(60, 360)]).to_plain()


def changed(*path, to):
    """GOOD with one value replaced, or taken out."""
    plain = copy.deepcopy(GOOD)
    inner = plain
    for key in path[:-1]:
        inner = inner[key]
    if to is None:
        del inner[path[-1]]
    else:
        inner[path[-1]] = to
    return plain


@pytest.mark.parametrize("damaged", [
    [], "x", 3, False, {}, {"format": 1},
    changed("format", to=2), changed("format", to=True), changed("format", to=None), changed("more", to=1),
    changed("sessions", to=1), changed("sessions", to=-1), changed("sessions", to=2.0), changed("sessions", to=1 << 54), changed("sessions", to=True),
    changed("vehicles", to={}), changed("vehicles", to=[3]), changed("vehicles", to=[GOOD["vehicles"][0]] * 2), changed("vehicles", to=[{}]),
    changed("vehicles", to=[{**GOOD["vehicles"][0], "fingerprint": [n]} for n in range(MAX_VEHICLES + 1)]),
    changed("vehicles", 0, "fingerprint", to=[]), changed("vehicles", 0, "fingerprint", to="abc"), changed("vehicles", 0, "fingerprint", to=[-1]),
    changed("vehicles", 0, "fingerprint", to=[[1]]), changed("vehicles", 0, "fingerprint", to=[0] * (MAX_MARKS + 1)),
    changed("vehicles", 0, "fingerprint", to=[MAX_MARK + 1]),
    changed("vehicles", 0, "sessions", to=0), changed("vehicles", 0, "sessions", to=3),
    changed("vehicles", 0, "seen", to=3), changed("vehicles", 0, "seen", to="2"),
    changed("vehicles", 0, "more", to=1), changed("vehicles", 0, "points", to=None),
    changed("vehicles", 0, "points", to=[]), changed("vehicles", 0, "points", to=[[]]),
    changed("vehicles", 0, "points", to=[[60, 360, 1], [50, 350, 1]]), changed("vehicles", 0, "points", to=[[50, 350, 1], [50, 351, 2]]),
    changed("vehicles", 0, "points", to=[[n, 350, 1] for n in range(MAX_POINTS + 1)]),
    changed("vehicles", 0, "points", 0, to=[50, 350]), changed("vehicles", 0, "points", 0, to=[50, 350, 1, 1]),
    changed("vehicles", 0, "points", 0, 0, to=101),
    changed("vehicles", 0, "points", 0, 0, to=math.nan), changed("vehicles", 0, "points", 0, 1, to=math.inf),
    changed("vehicles", 0, "points", 0, 1, to="350"), changed("vehicles", 0, "points", 0, 1, to=10**400),
    changed("vehicles", 0, "points", 0, 2, to=3), changed("vehicles", 0, "points", 0, 2, to=-1), changed("vehicles", 0, "points", 0, 2, to=True)])
def test_damaged_knowledge_costs_the_knowledge_and_is_told_in_one_sentence(damaged):
    learned, problem = from_plain(damaged)
    assert len(learned) == 0 and learned.to_plain() == Learned().to_plain()
    assert problem.startswith(DAMAGED + ": ") and problem.endswith(".") and "\n" not in problem and len(problem) < 160


def test_nothing_kept_is_no_damage():
    learned, problem = from_plain(None)
    assert len(learned) == 0 and problem == ""


def test_the_undamaged_of_these_is_taken():
    learned, problem = from_plain(copy.deepcopy(GOOD))
    assert problem == "" and learned.points(LEAF) == (Point(50, 350, 1), Point(60, 360, 2))


def test_any_change_of_a_value_is_taken_whole_or_not_at_all():
    """Every leaf of a good file replaced by everything that JSON can hold: never an exception, never half of it."""
    rng = random.Random(9)
    values = [None, True, -1, 0, 1, 2.5, 1 << 70, 1e308, math.nan, "", "x", [], [1], {}, {"a": 1}]
    for _ in range(2000):
        plain = copy.deepcopy(GOOD)
        inner, key = plain, rng.choice(sorted(plain))
        while isinstance(inner[key], (list, dict)) and inner[key] and rng.random() < 0.8:
            inner = inner[key]
            key = rng.choice(sorted(inner)) if isinstance(inner, dict) else rng.randrange(len(inner))
        inner[key] = rng.choice(values)
        learned, problem = from_plain(plain)
        assert bool(problem) == (learned.to_plain() != plain)
        assert not problem or len(learned) == 0


def test_a_curve_of_the_formula_serves_as_shape():
    learned = taught([(50, 385)], [(70, 395)])
    shape = choose(410)
    e = learned.estimate(LEAF, 40, shape, bias=0)
    assert e.voltage == pytest.approx(along(formula(410), 40) + 385 - 355)
