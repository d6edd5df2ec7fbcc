"""The table of causes is complete: every trip, every stop reason, codes that exist, sentences that a person can read."""
from __future__ import annotations

import re

from tasks.safety import ac_trips, bridge_trips, trips
from tasks.stop_reasons import StopReason
from tools.explain import mrec
from tools.explain.causes.table import CAUSES
from tools.explain.causes.trips import ROWS, events
from tools.explain.evidence import Box, Evidence
from tools.explain.judge import diagnose
from tools.explain.usual import ALIASES, TABLE

OF_ROLE = {"pev": (*trips.PEV_TRIPS, *events(trips)), "evse": (*trips.EVSE_TRIPS, *events(trips), *ac_trips.AC_TRIPS, *events(ac_trips)),
           "bridge": (*bridge_trips.BRIDGE_TRIPS, *events(trips))}


def test_each_trip_has_a_cause_that_comes_first():
    for role, table in OF_ROLE.items():
        for trip in table:
            said = Box(role, trips=((1.0, trip.name, trip.text),), reasons=((1.2, StopReason.SAFETY_TRIP),))
            found = diagnose(Evidence(1, 0.0, 2.0, box=said))
            assert found.first is not None and found.name.endswith(trip.name), (role, trip.name, found.name)
            assert trip.text in found.first.found.what
    assert {trip.name for table in OF_ROLE.values() for trip in table} == set(ROWS), "a row for each trip and for nothing else"


def test_the_first_of_two_trips_is_the_cause():
    said = Box("pev", trips=((1.0, "overcurrent", "Overcurrent"), (3.0, "pilot_lost", "Pilot lost")))
    assert [j.cause.name for j in diagnose(Evidence(1, 0.0, 4.0, box=said)).causes[:2]] == ["trip_overcurrent", "trip_pilot_lost"]


def test_each_stop_reason_is_explained_by_something():
    for reason in StopReason:
        found = diagnose(Evidence(1, 0.0, 2.0, box=Box("pev", reasons=((1.0, reason),))))
        assert any(reason in j.cause.reasons or j.cause.name == "unplugged" for j in found.causes), reason


def test_rows_are_whole():
    names = [cause.name for cause in CAUSES]
    assert len(names) == len(set(names))
    for cause in CAUSES:
        assert cause.why and cause.source and cause.remedies, cause.name
        assert not cause.why.endswith("."), cause.name
        for remedy in cause.remedies:
            assert not remedy[0].islower() or remedy.startswith(("sudo ", "python ", "main.py ", "ipv6.", "slac.")), (cause.name, remedy)
            assert remedy.endswith((".", "?", "!", "eth1")), (cause.name, remedy)
        for word in cause.words:
            re.compile(word)
        assert cause.mrec is None or cause.mrec in mrec.NAMES


def test_the_public_codes():
    assert list(mrec.NAMES) == list(range(1, 27))
    assert mrec.code(12) == "CX012 PreChargeFailure"


def test_usual_durations_are_in_order():
    for name, row in TABLE.items():
        assert row.least <= row.median <= row.most and row.source, name
    assert set(ALIASES.values()) <= set(TABLE)


def test_nothing_known_is_said_so():
    found = diagnose(Evidence(1, 0.0, 0.0))
    assert found.name == "record_empty" and not found.judged and not found.in_order
