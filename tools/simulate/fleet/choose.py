"""`--charger NAME`, `--car NAME`: finds the personality, lists them all, says after a charge whom one has met."""
from __future__ import annotations

from difflib import get_close_matches
from typing import Mapping, TextIO

from kernel.settings import SettingsError
from tools.simulate.fleet.cars import CARS
from tools.simulate.fleet.chargers import CHARGERS
from tools.simulate.fleet.encounter import Encounter
from tools.simulate.fleet.traits import Personality

LIST = "list"
LAST_WARNINGS = 6


def listing() -> str:
    """Every name with its line."""
    lines = []
    for title, fleet in (("--charger", CHARGERS), ("--car (our box is the charger)", CARS)):
        lines += [title, *(f"  {name:<22}{'' if who.expected.charges else 'does not charge: '}{who.title}" for name, who in fleet.items())]
    return "\n".join(lines)


def choose(charger: str | None, car: str | None) -> tuple[Personality | None, Personality | None]:
    """SettingsError with the whole list for a name that nobody has."""
    return _one(charger, CHARGERS, "--charger"), _one(car, CARS, "--car")


def _one(name: str | None, fleet: Mapping[str, Personality], option: str) -> Personality | None:
    if name is None:
        return None
    if name not in fleet:
        near = get_close_matches(name, fleet, 1)
        guess = f" Did you mean {near[0]}?" if near else ""
        raise SettingsError([f"Known are\n{listing()}\n{option} {name}: nobody is called so.{guess}"])       # the end of a long list is what one sees
    return fleet[name]


def write_peer(out: TextIO, charge: Encounter) -> None:
    """Whom our box has met, what was to be expected, and the last warnings in its journal."""
    for who in charge.met:
        wanted = who.expected
        out.write(f"   {'met':<12}{who.name}: {who.title}\n   {'expected':<12}{charge.expected_of}{'charges, ' if wanted.charges else 'does not charge, '}"
                  f"{wanted.trip or wanted.reason.text}\n")
        out.writelines(f"   {'source':<12}{source}\n" for source in who.sources)
    for number, sentence in enumerate(dict.fromkeys(charge.told[-LAST_WARNINGS:])):
        out.write(f"   {'warnings' if not number else '':<12}{sentence}\n")
