"""The cases of the fact sheet with the Linux kernel's TCP at the other end, in a namespace where one can be made (real time, some ten seconds)."""
from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.tcp_kernel.cases import CASES
from tests.tcp_kernel.lab import inside, possible

pytestmark = pytest.mark.real_time

BENCHES = 4              # side by side: most of their time is waiting for somebody's timer
LIMIT_S = 200


@pytest.fixture(scope="module")
def told() -> dict[str, str]:
    """What each case said; empty text: it held."""
    reason = possible()
    if reason:
        pytest.skip(reason)
    names = list(CASES)
    with ThreadPoolExecutor(BENCHES) as pool:
        done = list(pool.map(lambda n: inside("cases", *names[n::BENCHES], limit_s=LIMIT_S), range(BENCHES)))
    found: dict[str, Any] = {}
    for bench in done:
        assert bench.returncode in (0, 1), bench.stderr
        found.update((case["case"], case["why"]) for case in map(json.loads, bench.stdout.splitlines()))
    return found


@pytest.mark.needs_netns
@pytest.mark.slow
@pytest.mark.parametrize("name", list(CASES))
def test_against_the_kernel(told: dict[str, str], name: str) -> None:
    assert told[name] == ""
