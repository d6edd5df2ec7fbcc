"""The AC charger: every combination of discretised facts and wishes in every state and equipment, one step from each; the invariants are written anew.

6 states of the pilot, 3 measured duties (one as held), 5 currents (one of them older than the state), residual current, supervision, button, contactor and lock with
3 values each, 10 wishes; with a socket and all that is fitted, and without a socket in a ventilated place without detector and button; in each state
(6 of them) and at the instants at which time decides (15): 6,123,600 combinations of 42 moments, about 40 s.
"""
from __future__ import annotations

import itertools
from dataclasses import dataclass
from math import nan
from typing import Iterator

from drivers.interfaces import PilotState
from kernel.timer import MS, S
from tasks.safety.ac_supervisor import AcSupervisor
from tasks.safety.config import AcSafetyConfig
from tasks.safety.facts import AcFacts, AcRequests, SafetyState
from tests.safety.given_ac import (ENDED, LAPSED, NOMINAL, RELEASED, STATES, Closing, CurrentOff, Delivering, Idle, Opening, Tripped, ac, ac_facts, alone,
                                   by_pilot, close, rest)
from tests.safety.saved import Saved, Seen

A, B, C, D, E, F = PilotState
OLD, NEW = False, True                       # measured when the state began, measured now
PILOTS = (None, A, B, C, D, F)               # E like F and A: test_ac_rows.py asks it
CURRENTS = ((None, NEW), (0.0, NEW), (0.0, OLD), (16.0, NEW), (40.0, NEW))
YES_NO = (None, False, True)
WISHES = (close(), RELEASED, ENDED, LAPSED, close(duty=100.0), close(duty=nan), close(duty=0.0),
          by_pilot(), by_pilot(duty=10.0), by_pilot(duty=30.0))          # 30 %: 18 A, more than the rating of 16 A
EQUIPMENT = ((True, AcSafetyConfig()), (False, AcSafetyConfig(ventilation_fitted=True, residual_current_fitted=False, stop_button="none")))
LIVE, CLOSED = (Closing, Delivering, CurrentOff), (Delivering, CurrentOff)


@dataclass(slots=True, frozen=True)
class Moment:
    """Where a single step begins. `bad_since`: since when a fact that may be bad for a while has been so."""

    name: str
    state: SafetyState
    lock: bool
    config: AcSafetyConfig
    saved: Saved
    began: int                   # when the state began
    now: int                     # of the step that is to come
    ended: bool
    armed: bool
    duty: float
    trips: tuple
    tripped_at: int | None
    bad_since: dict[str, int]
    ready_since: int | None      # the car shows that it is ready
    rest_until: int              # nothing closes by the pilot alone before


def moments(lock: bool, config: AcSafetyConfig) -> Iterator[Moment]:
    """The states first, then the instants at which time alone decides."""

    def moment(name: str, s: AcSupervisor, began: int, now: int, ended: bool = False, armed: bool = True, tripped_at: int | None = None,
               ready_since: int | None = None, rest_until: int = 0, **bad_since: int) -> Moment:
        return Moment(name, s.state, lock, config, Saved(s, began), began, now, ended, armed, s.outputs.duty, tuple(s.latch.trips), tripped_at, bad_since,
                      ready_since, rest_until)

    for state in STATES:
        if state is Tripped:
            s, began = tripped(lock, config)
            yield moment("Tripped", s, began, began + 10 * MS, tripped_at=began)
            s, began = tripped(lock, config)
            yield moment("2.5 s after the trip", s, began, began + 2500 * MS, tripped_at=began)
        else:
            s, began = ac(state, lock, config)
            yield moment(state.name, s, began, began + 10 * MS, armed=state in (Idle, CurrentOff, Opening))
    s, began = ac(Delivering, lock, config)
    s.step(ac_facts(current=16.0, current_at=began, lock=lock or None), ENDED, began)
    yield moment("the car has ended its load", s, began, began + 10 * MS, ended=True)
    s, began = ac(Closing, lock, config)
    yield moment("Closing, its time is over", s, began, began + 200 * MS, armed=False)
    s, began = ac(CurrentOff, lock, config)
    yield moment("3 s to end the load are over", s, began, began + 3 * S)
    s, began = ac(Opening, lock, config)
    yield moment("Opening, its time is over", s, began, began + 70 * MS)
    s, began = ac(Idle, lock, config)
    s.step(ac_facts(pilot=B), RELEASED, began)
    yield moment("the contactor has not been open for 0.5 s", s, began, began + 500 * MS, contactor_uncommanded=began)
    s, began = ac(Delivering, lock, config)
    s.step(ac_facts(duty=100.0), close(), began)
    yield moment("the PWM has been wrong for 0.2 s", s, began, began + 200 * MS, armed=False, pwm_wrong=began)
    s, began = ac(Delivering, lock, config)
    s.step(ac_facts(current=40.0, current_at=began), close(), began)
    yield moment("too much current for 5 s", s, began, began + 5 * S, armed=False, overcurrent=began)
    s, began = ac(Idle, lock, config)
    s.step(rest(pilot=B), close(), began)
    s.step(rest(pilot=B), close(), began)
    yield moment("not in state C yet", s, began, began + 10 * MS)
    s, now = alone(Idle, lock, config)
    yield moment("by the pilot alone, state C for 10 ms", s, now, now + 10 * MS, ready_since=now)
    yield moment("by the pilot alone, state C for 1 s", s, now, now + S, ready_since=now)
    s, now = alone(Closing, lock, config)
    yield moment("Closing by the pilot alone", s, now, now + 10 * MS, armed=False)
    s, now = alone(Delivering, lock, config)
    yield moment("Delivering by the pilot alone", s, now, now + 10 * MS, armed=False)
    s, now = alone(Delivering, lock, config)
    s.step(ac_facts(pilot=B, duty=NOMINAL, duty_set=NOMINAL, lock=lock or None), by_pilot(), now)
    s.step(rest(pilot=B, duty=NOMINAL, duty_set=NOMINAL, lock=lock or None), by_pilot(), now + 1)
    s.step(rest(duty=NOMINAL, duty_set=NOMINAL, lock=lock or None), by_pilot(), now + S)
    yield moment("opened 9 s ago, state C again", s, now + S, now + 9 * S, ready_since=now + S, rest_until=now + 10 * S)
    yield moment("opened 10 s ago, state C again", s, now + S, now + 10 * S, ready_since=now + S, rest_until=now + 10 * S)


def tripped(lock: bool, config: AcSafetyConfig) -> tuple[AcSupervisor, int]:
    s, now = ac(Delivering, lock, config)
    s.step(ac_facts(connection_alive=None, contactors=True, lock=lock or None), RELEASED, now)
    s.step(rest(lock=lock or None), RELEASED, now + 1)
    assert s.state is Tripped and [t.name for t in s.latch.trips] == ["supervision_silent"]
    return s, now


# --- the rules ----------------------------------------------------------------------------------------------------------

def ready(m: Moment, f: AcFacts) -> bool:
    return f.pilot is C or f.pilot is D and m.config.ventilation_fitted


def held(m: Moment, name: str, hold: int) -> bool:
    return m.now - m.bad_since.get(name, m.now) >= hold


def sound(m: Moment, f: AcFacts) -> bool:
    """Nothing that opens at once, in whatever state the mains are on."""
    c = m.config
    return (f.pilot in (B, C, D) and f.connection_alive is True and (f.lock is True or not m.lock) and (c.stop_button == "none" or f.stop_button is False)
            and (not c.residual_current_fitted or f.residual_current is False))


def may_stay_on(m: Moment, f: AcFacts) -> bool:
    over = f.current is not None and f.current > 17.6
    wrong = f.duty is not None and abs(f.duty - m.duty) > 2.0
    return (sound(m, f) and ready(m, f) and not (over and m.state in CLOSED and held(m, "overcurrent", 5 * S))
            and not (wrong and m.state is not CurrentOff and held(m, "pwm_wrong", 200 * MS)))


def wish_of(r: AcRequests) -> float:
    """The duty asked for; steady +12 V instead of none, of one that must not stand, and of a current above 16 A (26.667 %, and a tenth of an ampere)."""
    wish = r.duty if r.duty is not None and (3.0 <= r.duty <= 100.0 or r.duty == 0.0) else 100.0
    return 100.0 if 10.0 <= wish <= 96.0 and wish > 26.9 else wish


def wanted(m: Moment, f: AcFacts, r: AcRequests) -> bool:
    """A session asks; or none does and the car does, by a nominal duty, for a second and not too soon after the last time."""
    if r.close:
        return True
    car = r.by_pilot and 10.0 <= wish_of(r) <= 96.0 and ready(m, f)
    return car and (m.state is not Idle or m.ready_since is not None and m.now - m.ready_since >= S and m.now >= m.rest_until)


def keeps_its_duty(m: Moment, r: AcRequests) -> bool:
    """Or goes to another nominal one, which a car follows."""
    wish = wish_of(r)
    return wish == m.duty or not r.close and 10.0 <= wish <= 96.0 and 10.0 <= m.duty <= 96.0


def judge(m: Moment, f: AcFacts, r: AcRequests, s: AcSupervisor, seen: Seen) -> None:
    """One step is over; AssertionError when it broke an invariant."""
    out, after, trips = s.outputs, s.state, s.latch.trips
    was_on = m.state in LIVE
    # trips stay, in their order, and never leave the mains on
    assert trips[:len(m.trips)] == list(m.trips)
    seen.tripped += len(trips) > len(m.trips)
    if out.contactors:
        assert after in LIVE and not trips and may_stay_on(m, f)
        if not was_on:
            # closing: from rest only (which Opening ends in), a released wish before, everything known good, the contactor measured open, 5 % set and to stay
            assert m.state in (Idle, Opening) and after is Closing and m.armed and wanted(m, f, r) and f.contactors is False
            assert (m.duty == 5.0 or 10.0 <= m.duty <= 96.0) and (m.duty == 5.0) is r.close and wish_of(r) == m.duty and (f.duty is None or abs(f.duty - m.duty) <= 2.0)
            seen.closings += 1
        elif after is Closing:
            assert m.state is Closing and m.now - m.began < 200 * MS and f.contactors is not True and wanted(m, f, r) and keeps_its_duty(m, r)
        elif after is Delivering:
            assert f.contactors is True and wanted(m, f, r) and keeps_its_duty(m, r)
            seen.kept += 1
        else:
            # the car ends its load: not for longer than 3 s, not when its end is measured, not on its word where nothing measures
            assert f.contactors is True and m.state in CLOSED
            assert m.state is Delivering and not (wanted(m, f, r) and keeps_its_duty(m, r)) or m.now - m.began < 3 * S
            newer = f.current is not None and f.current_at > (m.now if m.state is Delivering else m.began)
            assert not (newer and abs(f.current) < 1.0) and not (f.current is None and (r.ended if m.state is Delivering else m.ended))
    elif was_on:
        assert after is Opening
        done = m.state is CurrentOff and (f.current is None and m.ended or f.current is not None and f.current_at > m.began and abs(f.current) < 1.0)
        word = m.state is Delivering and r.ended and f.current is None
        time = m.state is CurrentOff and m.now - m.began >= 3 * S
        recalled = m.state is Closing and not (wanted(m, f, r) and keeps_its_duty(m, r))
        assert trips or not ready(m, f) or done or word or time or recalled
        seen.openings += 1
        seen.forced += time and not done
    if m.state is Opening:
        assert after in ((Idle, Closing) if f.contactors is False else (Tripped,) if m.now - m.began >= 70 * MS else (Opening,))
        assert (after is Tripped) is any(t.name == "contactor_welded" for t in trips)
    # the lock: only with a socket; closed on a plug only; released at rest only, contactor confirmed open
    assert out.lock is None or m.lock
    if out.lock is True:
        assert f.pilot in (B, C, D) and after is Idle
    if out.lock is False:
        assert after in (Idle, Tripped) and f.contactors is False and not out.contactors
        assert after is Tripped or not r.close
        seen.unlocks += 1
    # the pilot
    wish = wish_of(r)
    if any(t.name == "contactor_welded" for t in trips):
        expected = 100.0
    elif trips:
        expected = 100.0 if m.now - (m.now if m.tripped_at is None else m.tripped_at) >= 2500 * MS else m.duty
    elif after is Idle:
        expected = wish
    elif after is CurrentOff:
        expected = m.duty if (m.ended if m.state is CurrentOff else r.ended) else 100.0
    elif was_on and after in (Closing, Delivering) and not r.close:
        expected = wish
    else:
        expected = m.duty
    assert out.duty == expected
    seen.steady += expected == 100.0 != m.duty


def facts_of(m: Moment) -> tuple:
    return PILOTS, (None, 5.0 if m.duty == 100.0 else m.duty, 100.0), CURRENTS, YES_NO, YES_NO, YES_NO, YES_NO, YES_NO if m.lock else (None,)


def combinations(m: Moment) -> int:
    n = len(WISHES)
    for values in facts_of(m):
        n *= len(values)
    return n


def check(m: Moment) -> Seen:
    """One step from this moment with every combination; AssertionError at the first that breaks an invariant, saying which."""
    seen, restore, now = Seen(), m.saved.restore, m.now
    f = ac_facts(duty_set=m.duty)
    for r in WISHES:
        for f.pilot, f.duty, (f.current, new), f.residual_current, f.connection_alive, f.stop_button, f.contactors, f.lock in itertools.product(*facts_of(m)):
            f.current_at = now if new else m.began
            s = restore()
            s.step(f, r, now)
            seen.combinations += 1
            try:
                judge(m, f, r, s, seen)
            except AssertionError as e:
                raise AssertionError(f"{m.name}, lock {m.lock}: {f}, {r}: {s.state}, {s.outputs}, {[t.name for t in s.latch.trips]}") from e
    return seen


def every() -> list[Moment]:
    return [m for lock, config in EQUIPMENT for m in moments(lock, config)]


def totals() -> tuple[int, int]:
    """(moments, combinations)."""
    found = every()
    return len(found), sum(map(combinations, found))
