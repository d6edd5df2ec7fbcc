"""Every session of a slice of the fault matrix is the same again; all of them: python -m tests.black_box.replays --count 0."""
from __future__ import annotations

import os

import pytest

from tasks.v2g.protocols import DIN, ISO2
from tests.black_box.faulty import faulty
from tests.matrix.generate import singles_of

SLICE = 60           # of each protocol
SEED = 7
JOBS = os.cpu_count() or 1


@pytest.mark.slow
@pytest.mark.parametrize("protocol", [DIN, ISO2], ids=lambda protocol: protocol.key)
def test_every_faulty_session_is_the_same_again(protocol):
    outcomes = faulty(singles_of(protocol, SEED)[1], SLICE, JOBS, SEED)
    assert len(outcomes) == SLICE
    assert [f"{o.name}: {o.error or o.looked_at}" for o in outcomes if o.error or o.looked_at] == []
