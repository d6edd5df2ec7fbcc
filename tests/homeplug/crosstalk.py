"""Two cars and two chargers within hearing of each other: the own charger at 10 dB, the neighbour's 20 dB weaker (sheet 9, X02 and X03)."""
from __future__ import annotations

from dataclasses import dataclass
from random import Random

from kernel.timer import MS, S
from tasks.homeplug.config import EmulatorConfig, SlacConfig
from tasks.messages import LinkLost, StartMatching

from tests.homeplug.line import Line, Node, World

CARS = tuple(bytes.fromhex(f"0200000a0a0{n}") for n in (1, 2))
CHARGERS = tuple(bytes.fromhex(f"0200000b0b0{n}") for n in (1, 2))
OWN_DB, CROSSTALK_DB = 10, 20
LIMIT = 120 * S
APART = 400                      # ms; the second car is plugged in at most so long after the first


@dataclass(slots=True)
class Outcome:
    """`chosen[n]`: which charger car n ended at, None when it did not end at any; `strayed`: how often any car took the other's on the way.
    `misled`: cars that took the other's although their own had delivered its result and was not silent after it.
    """

    chosen: list[int | None]
    strayed: int
    misled: list[int]
    seconds: float

    @property
    def right(self) -> bool:
        return self.chosen == [0, 1]


def play(seed: int, loss: float, early: bool = False, cars: int = 2) -> Outcome:
    """Both are plugged in within APART, and begin again after each LinkLost, as the connection supervision does."""
    rng = Random(f"crosstalk {seed}")
    line = Line(seed, loss)
    slac, modem = SlacConfig(early_decision=early), EmulatorConfig(beacon_ms=1000)
    pevs = [Node(line, mac, False, 10 * seed + n, slac, modem) for n, mac in enumerate(CARS[:cars])]
    evses = [Node(line, mac, True, 10 * seed + 5 + n, slac, modem) for n, mac in enumerate(CHARGERS)]
    for n, charger in enumerate(evses):
        charger.nic.modem._attenuation_by_mac = {mac: OWN_DB if k == n else OWN_DB + CROSSTALK_DB for k, mac in enumerate(CARS)}
        charger.commands.put(StartMatching())
    world = World(*pevs, *evses)
    world.run_until(4 * S)
    begin = world.now
    for car in pevs:
        car.commands.put(StartMatching())
        world.run_until(world.now + rng.randrange(APART) * MS)
    strays: set[tuple[int, bytes]] = set()
    misled: list[int] = []

    def done() -> bool:
        for n, car in enumerate(pevs):
            role = car.role
            if role.state.name == "Join" and role.peer_mac != CHARGERS[n] and (n, role.run_id) not in strays:
                strays.add((n, role.run_id))
                if CHARGERS[n] in role._run._results and not any("does not answer CM_SLAC_MATCH.REQ" in e.message() for e in car.journal._ring):
                    misled.append(n)
        for node in (*pevs, *evses):
            if any(type(told) is LinkLost for told in node.told.drain(64)):
                node.commands.put(StartMatching())
        return all(car.role.state.name == "Matched" for car in pevs)
    world.run_until(begin + LIMIT, done)
    chosen = [CHARGERS.index(c.role.peer_mac) if c.role.state.name == "Matched" and c.role.peer_mac in CHARGERS else None for c in pevs]
    return Outcome(chosen, len(strays), misled, (world.now - begin) / S)
