"""The matrix: a reference charge says which messages and states there are; their product with the faults is enumerated by name."""
from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Callable, Iterator

from exi_native import codec
from tasks.v2g.protocols import Protocol
from tests.matrix import faults, plant_faults, worlds
from tests.matrix.middle import HANDSHAKE, Middle, Passing
from tests.matrix.trial import Case, Trial
from tests.matrix.worlds import NO_CURRENT_SENSOR, OUTPUT_CONTACTOR, USUAL

OCCURRENCES = {1, 2, 4}          # of a message that comes again and again
CONTENT_AGAIN = 4                # content of a precharge and a charging loop that are under way
BLACKOUT = "blackout"
PAIR_GROUP = "pair"


@dataclass(slots=True)
class Reference:
    """What passes in a clean charge, in order."""

    messages: list[Passing] = field(default_factory=list)
    states: list[tuple[str, str, int]] = field(default_factory=list)
    fresh: set[tuple[str, str, int]] = field(default_factory=set)        # messages that do not repeat the one before to the same role
    bodies: dict[str, dict[str, Any]] = field(default_factory=lambda: {"pev": {}, "evse": {}})
    matching: dict[str, dict[str, bytes]] = field(default_factory=lambda: {"pev": {}, "evse": {}})

    @property
    def triggers(self) -> set[tuple[str, str, int]]:
        return {(p.to, p.name, p.n) for p in self.messages} | set(self.states)


def reference(seed: int, world: str = USUAL, make: Callable[..., Trial] = Trial) -> Reference:
    """Run the clean charge (`make` a Trial) and note its triggers."""
    found = Reference()
    before: dict[str, str] = {}                          # name of the last message, by receiver

    def note(trial: Trial, trigger: tuple[str, str, int], message: Passing | None) -> bool:
        if message is None:
            found.states.append(trigger)
            return False
        found.messages.append(message)
        if message.layer == "v2g":
            if before.get(message.to) != message.name:
                found.fresh.add(trigger)
            before[message.to] = message.name
            if message.schema != HANDSHAKE:
                found.bodies[message.to].setdefault(message.name, message.message.Body.BodyElement)
        elif message.layer == "slac" or message.name in ("SDP_REQ", "SDP_RES", "NA", "NS", "TCP_SYN"):
            found.matching[message.to].setdefault(message.name, message.frame)
        return False
    trial = make(seed, note, world)
    trial.play()
    if not trial.good:
        raise AssertionError(f"the clean charge ended with {trial.reason}: nothing to compare faults with")
    return found


def singles(found: Reference, seed: int, of_plant: Callable[[], Iterator[tuple[str, plant_faults.PlantFault]]] = plant_faults.named) -> Iterator[Case]:
    """One fault: of each message (its 1st, 2nd and 4th of a name, and the first after another), and each fault of plant and line in each state."""
    exi = codec.load()
    for p in found.messages:
        if p.n not in OCCURRENCES and (p.to, p.name, p.n) not in found.fresh:
            continue
        for fault in _of_message(p, found, exi, random.Random(f"{seed} {p.to} {p.name} {p.n}")):
            yield _message_case(p, fault)
    for trigger in found.states:
        yield nothing_case(trigger)
        for name, fault in of_plant():
            yield plant_case(trigger, name, fault)
        yield Case(_name(trigger, BLACKOUT), BLACKOUT, trigger, lambda m, p, c: bool(setattr(c.link, "up", False)))


@lru_cache(maxsize=4)
def singles_of(protocol: Protocol, seed: int) -> tuple[Reference, list[Case]]:
    """What passes in a clean charge of this protocol with the usual equipment, and every single fault of it; kept, so nobody may change them."""
    world = worlds.OF_PROTOCOL[protocol]
    found = reference(seed, world)
    alone = list(singles(found, seed))
    return found, alone if world == USUAL else [elsewhere(c, world) for c in alone]


def _of_message(p: Passing, found: Reference, exi: Any, rng: random.Random) -> Iterator[faults.Fault]:
    first = p.n == 1
    yield from faults.frame_faults(p)
    if p.layer != "v2g":
        return
    yield from faults.stream_faults(p)
    again = p.n == CONTENT_AGAIN and p.name.startswith(("CurrentDemand", "PreCharge"))
    if first or again:
        yield from faults.stranger_faults(found.matching[p.to])
    if first or again or (p.to, p.name, p.n) in found.fresh:
        yield from faults.message_faults(p, found.bodies[p.to] | found.bodies["evse" if p.to == "pev" else "pev"], exi, rng)


def _message_case(p: Passing, fault: faults.Fault) -> Case:
    trigger = (p.to, p.name, p.n)

    def begin(m: Middle, q: Passing, c: Trial) -> bool:
        if fault.again:
            c.again = ((q.to, q.name), fault.act)
        else:
            m.recognising = False
        fault.act(m, q, c)
        return True
    return Case(_name(trigger, fault.name), fault.group, trigger, begin)


def nothing_case(trigger: tuple[str, str, int]) -> Case:
    """The clean charge, observed from here on."""
    return Case(_name(trigger, "none"), "none", trigger, lambda m, p, c: False)


def plant_case(trigger: tuple[str, str, int], name: str, fault: plant_faults.PlantFault) -> Case:
    """The fault begins when the trigger comes."""
    def begin(m: Middle, p: Passing | None, c: Trial) -> bool:
        m.recognising = False
        fault.begin(c, c.clock.time)
        return False
    return Case(_name(trigger, name), f"plant:{name}", trigger, begin)


def equipped(alone: list[Case], seed: int, share: int) -> list[Case]:
    """A charger with an output contactor: nothing, and each fault of that contactor, in each state; and one in `share` of the other cases.
    A car without a current sensor: as many of those."""
    found = reference(seed, OUTPUT_CONTACTOR)
    cases = []
    for trigger in found.states:
        cases.append(nothing_case(trigger))
        cases += [plant_case(trigger, f"charger-{name}", fault) for name, fault in plant_faults.OUTPUT_CONTACTOR.items()]
    there = found.triggers
    others = [c for c in alone if c.trigger in there and c.group != "none"]
    rng = random.Random(f"{seed} equipped")
    cases += rng.sample(others, len(others) // share)
    blind = [c for c in alone if not c.group.startswith("plant:car-inlet-current")]
    return [elsewhere(c, OUTPUT_CONTACTOR) for c in cases] + [elsewhere(c, NO_CURRENT_SENSOR) for c in rng.sample(blind, len(blind) // share)]


def elsewhere(case: Case, world: str) -> Case:
    """The same case in another world."""
    return replace(case, name=f"{bare(case)}/{world}", world=world)


def bare(case: Case) -> str:
    """Its name in the usual world."""
    return case.name.removesuffix(f"/{case.world}") if case.world else case.name


def pairs(found: Reference, alone: list[Case], count: int, seed: int) -> list[Case]:
    """Seeded pairs: a fault of a message and at the same instant a fault of the plant."""
    rng = random.Random(f"{seed} pairs")
    of_messages = [c for c in alone if not c.group.startswith("plant:")]
    of_plant = [(name, fault.begin) for name, fault in plant_faults.named()]
    made: dict[str, Case] = {}
    while len(made) < count:
        case = rng.choice(of_messages)
        name, second = rng.choice(of_plant)

        def begin(m: Middle, p: Passing | None, c: Trial, first=case.begin, second=second) -> bool:
            second(c, c.clock.time)
            return first(m, p, c)
        pair = Case(f"{bare(case)}+{name}", f"{PAIR_GROUP}:{case.group}:{name}", case.trigger, begin)
        made[pair.name] = elsewhere(pair, case.world) if case.world else pair
    return list(made.values())


def _name(trigger: tuple[str, str, int], fault: str) -> str:
    role, what, n = trigger
    return f"{role}/{what}{'' if n == 1 else f'#{n}'}/{fault}"
