"""Every capture and side is replayed: no crash, no hang, no difference without a reason; rules, judgements and list are up to date."""
from __future__ import annotations

from functools import cache

import pytest

from exi_native import codec
from tests.captures import FOLDER
from tests.replay import report, rules
from tests.replay.__main__ import LIST
from tests.replay.explained import EXPLAINED
from tests.replay.peers import PEERS, UNKNOWN, peers
from tests.replay.plays import SIDES, Replay, play
from tests.replay.recording import Recording, captures, read
from tests.replay.result import Verdict

CAPTURES = 22                # in the folder, when it is whole
pytestmark = [pytest.mark.needs_shared, pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no captures at {FOLDER}")]


@cache
def the_codec():
    return codec.load()


@cache
def recording(path) -> Recording:
    return read(path, the_codec())


@cache
def replayed(path, side) -> Replay:
    """Each is played once for all tests."""
    return play(recording(path), side, the_codec())


def everything() -> list[Replay]:
    return [replayed(path, side) for path in captures() for side in SIDES]


def whole() -> bool:
    return len(captures()) == CAPTURES


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("path", captures(), ids=lambda p: report.short(p.name))
def test_replay(path, side):
    replay = replayed(path, side)
    assert replay.unexplained() == []
    for result in replay.results:
        assert all(d.reason for d in result.differences()), "a verdict without its reason"
        assert result.end, f"{result.part} has no end"
        assert result.part == "MME" or not result.fed or result.answers, f"{result.part} was fed and never answered"


@pytest.mark.parametrize("path", captures(), ids=lambda p: report.short(p.name))
def test_every_message_of_the_recorded_peer_is_fed_or_accounted_for(path):
    """Charger: each recorded request is fed, left out with the count, or behind our end."""
    requests = sum(len(t.requests()) for t in recording(path).talks)
    results = [r for r in replayed(path, "charger").results if r.part == "V2G"]
    assert sum(r.fed - r.again + r.left_out for r in results) == requests


@pytest.mark.parametrize("path", captures(), ids=lambda p: report.short(p.name))
def test_its_two_ends_are_known(path):
    assert peers(path.name) != UNKNOWN
    assert sum(name in path.name for name in PEERS) == 1


def test_the_list_is_what_the_command_writes():
    if not whole():
        pytest.skip(f"the list is of {CAPTURES} captures, here are {len(captures())}")
    assert LIST.read_text(encoding="utf-8") == report.document(everything()), "write it anew: python -m tests.replay --write"


def test_every_rule_and_judgement_is_needed():
    if not whole():
        pytest.skip(f"rules are for {CAPTURES} captures, here are {len(captures())}")
    found = [(r, result, d) for r in everything() for result in r.results for d in result.differences()]
    groups = [(rules.CHARGER, True, "charger"), (rules.CAR, True, "car"), (rules.LINE, False, "")]
    for group, talks, side in groups:
        for rule in group:
            assert any(d.reason == rule.reason and rule.fits(d, result.side) for _, result, d in found
                       if (result.part == "V2G") is talks and side in ("", result.side)), rule
    ends = {(d.verdict, d.reason) for _, _, d in found if d.field == "end"}
    assert {(verdict, reason) for _, _, verdict, reason in rules.ENDS if verdict is not Verdict.EQUAL} - ends == set()
    for (name, side), own in EXPLAINED.items():
        here = {d.reason for r, _, d in found if name in r.capture and r.side == side}
        assert {rule[2] for rule in own} - here == set(), (name, side)


def test_the_list_holds_no_addresses_keys_or_ids():
    """Names, counts, codes and times only."""
    told = set()
    for path in captures():
        for talk in recording(path).talks:
            told |= {e.response.message.Header.SessionID.hex() for e in talk.exchanges if e.response is not None and hasattr(e.response.message, "Header")}
        for attempt in recording(path).matching:
            told |= {item.message.src.hex(":") for _, item in attempt} | {item.message.src.hex() for _, item in attempt}
    text = LIST.read_text(encoding="utf-8")
    assert len(told) > 20 and not [secret for secret in told if len(secret) > 8 and secret in text]
