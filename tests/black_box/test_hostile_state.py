"""A state from somebody who means ill makes nothing but our own plain objects, calls nothing, and takes nothing from other modules; whatever else it says is refused."""
from __future__ import annotations

import copy
import os
import random

import pytest

from drivers.blackbox.reader import parse
from drivers.blackbox.state import Recollection
from kernel.timer import S
from tasks.config import Config
from tests.black_box import hostile
from tests.black_box.recording import BOTH, library, nearly_full, recorded
from tools.replay.engine import CannotPlay, Replay
from tools.simulate.charge import Charge

OURS = "tasks.homeplug.events"


class Root:
    """Where a form is put."""

    def __init__(self) -> None:
        self.thing = None


def recalled(form, objects=(), root=None):
    """What stands in a root after the form was put there, and what was told."""
    root = [None] if root is None else root
    memory = Recollection({"roots": {"root": ["r", 0]}, "objects": [["l", [form]], *objects]})
    memory.into({"root": root})
    return root[0], memory.told


FORBIDDEN = {
    "a class of another module": ["c", "os:_Environ"],
    "a class that a module of ours imported": ["c", "kernel.journal:deque"],
    "a class through a module of ours": ["c", "tasks.mqtt.task:json.JSONDecoder"],
    "an object of a class that a module imported": ["r", 1],
    "a function of another module": ["k", "os", "system"],
    "a function through a module that ours imported": ["k", "kernel.realtime", "os.system"],
    "globals of a function": ["k", "tasks.homeplug.keys", "new_nmk", ["a", "__globals__"]],
    "builtins through globals": ["k", "tasks.homeplug.keys", "new_nmk.__globals__", "__builtins__"],
    "a constructor": ["n", "kernel.journal:Journal", []],
    "a constructor with an argument": ["n", "kernel.clock:MonotonicClock", [5]],
    "a constructor of an enumeration": ["n", "tasks.stop_reasons:StopReason", [1]],
    "an enumeration that is none": ["e", "kernel.journal:Journal", "note"],
    "a method with underscores": ["m", ["r", 2], "__init__"],
    "a class as an attribute": ["m", ["r", 2], "__class__"],
    "a method of a text": ["m", "text", "format"],
    "a method of a number": ["m", 5, "to_bytes"],
    "another package": ["k", "tools.replay.engine", "Replay"],
    "a relative module": ["k", "tasks..os", "system"],
    "a main program": ["k", "tasks.__main__", "main"],
    "no tag": ["", 1], "two tags": ["tn", []], "a list as a tag": [["t"], []], "a tag without anything": ["b"], "an odd octet": ["b", "0"],
    "an object that is not there": ["r", 99], "an object before the first": ["r", -1], "an object by a word": ["r", "0"], "a dictionary": {"t": 1},
    "an unhashable key": ["r", 3], "a set of lists": ["r", 4], "a ring of a wrong size": ["r", 5], "an unknown container": ["r", 6], "no container": ["r", 7],
    "an attribute with underscores": ["r", 8], "an exception": ["r", 9],
}
OBJECTS = [["x", "kernel.journal:deque", {}], ["l", []], ["d", [[["r", 2], 1]]], ["s", [["r", 2]]], ["q", [], "three"], ["z", []], [],
           ["x", "kernel.journal:Journal", {"__class__": ["c", "kernel.journal:Event"]}], ["x", "tasks.errors:WireError", {}]]


@pytest.mark.parametrize("what", FORBIDDEN)
def test_forbidden(what):
    """Refused as a whole, or left as it was and told: never done."""
    try:
        found, told = recalled(FORBIDDEN[what], OBJECTS)
    except ValueError as refused:
        assert len(str(refused)) < 500
        return
    assert found is None and told


def test_allowed():
    """What a box really remembers is put back."""
    assert recalled(["t", [1, "a", ["b", "00ff"]]])[0] == (1, "a", b"\0\xff")
    event = recalled(["r", 1], [["x", "kernel.journal:Event", {"at": 5, "source": "v2g", "level": "info", "text": "x", "args": ["t", []], "number": 0}]])[0]
    assert type(event).__name__ == "Event" and event.at == 5
    assert recalled(["m", ["r", 1], "append"], [["l", []]])[0].__name__ == "append"


def test_nothing_was_run(monkeypatch):
    called = []
    monkeypatch.setattr(os, "system", called.append)
    for form in FORBIDDEN.values():
        try:
            recalled(form, OBJECTS)
        except ValueError:
            continue
    assert not called


def test_a_long_chain_is_refused():
    """Each object holds the next one: as deep as nobody can follow."""
    objects = [["l", [["r", number + 2]]] for number in range(50_000)]
    with pytest.raises(ValueError):
        recalled(["r", 1], objects)


def test_a_circle_is_fine():
    found, _ = recalled(["r", 1], [["l", [["r", 1]]]])
    assert found[0] is found


def test_spoiled_states():
    """A real state with something else in one place is put back, or refused with a sentence; nothing else comes out."""
    rng = random.Random(9)
    head = parse(recorded(Charge(Config(), nearly_full(), library(), 2, recorded=BOTH), until=6 * S, keyframe_at=4 * S)).head
    refused = 0
    for _ in range(150):
        state = copy.deepcopy(head["state"])
        for _ in range(rng.choice((1, 3, 10))):
            hostile._spoil(rng, state)
        try:
            memory = Recollection(state)
            memory.into({name: Root() for name in head["state"]["roots"]})
        except ValueError:
            refused += 1
    assert 0 < refused < 150


def test_a_replay_of_a_spoiled_file_ends():
    """Whatever a record says, playing it ends with differences or a refusal."""
    rng = random.Random(21)
    data = recorded(Charge(Config(), nearly_full(), library(), 2, recorded=BOTH), until=8 * S)
    played = 0
    for _ in range(25):
        box = hostile.survives(hostile.repacked(rng, data))
        if box is None or box.problem:
            continue
        try:
            replay = Replay(box, library())
            replay.run()
            played += 1
        except CannotPlay as refused:
            assert len(str(refused)) < 500
    assert played > 3
