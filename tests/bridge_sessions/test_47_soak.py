"""Scenario 47: sessions with random faults, the first few of `python -m tests.bridge_sessions.soak 800`."""
import pytest

from tests.bridge_sessions.soak import session, wrong


@pytest.mark.parametrize("seed", range(1, 13))
def test_47_random_cars_chargers_and_faults(seed):
    w, story = session(seed)
    assert not wrong(w), f"{story}\n{w.story()}"
