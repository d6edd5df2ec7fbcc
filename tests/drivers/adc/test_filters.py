"""Filters in time: their delays are those that their docstrings state, and nothing old is mixed in after a gap."""
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.adc import filters
from kernel.timer import MS


def test_a_median_hides_one_wild_sample_and_is_one_sample_late():
    f = filters.make("median", 100 * MS, 100 * MS)
    assert [f.put(t * 20 * MS, v) for t, v in enumerate((1.0, 1.0, 1.0, 999.0, 1.0, 5.0, 5.0, 5.0))] == [None, None, 1.0, 1.0, 1.0, 5.0, 5.0, 5.0]


def test_a_median_wants_its_three_samples_within_the_window():
    f = filters.make("median", 100 * MS, 100 * MS)
    assert [f.put(t * MS, 1.0) for t in (0, 20, 40, 100, 130, 180, 300, 310, 400)] == [None, None, 1.0, 1.0, 1.0, 1.0, None, None, 1.0]
    f.forget()
    assert f.put(401 * MS, 1.0) is None


@pytest.mark.parametrize("step", [MS, 7 * MS, 50 * MS])
def test_a_low_pass_has_its_time_constant_whatever_the_distance_of_samples(step):
    f = filters.make("exponential", 100 * MS, 200 * MS)
    assert f.put(0, 0.0) == 0.0
    at = 0
    while at < 300 * MS:
        at += step
        value = f.put(at, 1.0)
        assert value == pytest.approx(1 - math.exp(-at / (100 * MS)))


def test_a_low_pass_begins_anew_after_a_gap():
    f = filters.make("exponential", 1000 * MS, 200 * MS)
    assert f.put(0, 400.0) == 400.0 and f.put(200 * MS, 0.0) == pytest.approx(400 * math.exp(-0.2))
    assert f.put(401 * MS, 0.0) == 0.0
    f.forget()
    assert f.put(402 * MS, 7.0) == 7.0


def test_no_filter_is_no_delay():
    f = filters.make("none", 1, 1)
    f.put(0, 1.0)
    f.forget()
    assert f.put(1, 2.0) == 2.0


@given(st.sampled_from(["none", "median", "exponential"]), st.lists(st.tuples(st.integers(1, 300 * MS), st.floats(-5, 5)), min_size=1, max_size=40))
def test_a_filter_never_leaves_the_range_of_what_it_was_given(kind, samples):
    f, at, given_values = filters.make(kind, 100 * MS, 100 * MS), 0, []
    for distance, volts in samples:
        at += distance
        given_values.append(volts)
        value = f.put(at, volts)
        assert value is None or min(given_values) - 1e-9 <= value <= max(given_values) + 1e-9
