"""All labelled sessions, explained: the captures, and the fleet's in virtual time."""
from __future__ import annotations

from pathlib import Path

from drivers.sim.link import LinkConfig
from exi_native import codec
from tasks.listen.exi import decoder
from tests.explain import labels
from tests.explain.confusion import Case, case
from tests.explain.heard import meet, meet_vehicle
from tools.explain.explain import explain
from tools.explain.sources.choose import material
from tools.simulate.fleet.cars import CARS
from tools.simulate.fleet.chargers import CHARGERS

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "captures"
FILES = sorted(p for p in FOLDER.iterdir() if p.suffix in (".pcap", ".pcapng")) if FOLDER.is_dir() else []
EVERYBODY = {**CHARGERS, **CARS}


def captures() -> list[Case]:
    """Every capture beside its label."""
    decode = decoder(codec.load())
    found = []
    for path in FILES:
        wanted = next((names for start, (names, _) in labels.CAPTURES.items() if path.name.startswith(start)), ())
        nameless = material(path)
        nameless.title = "record"        # the name is not for the explainer
        found.append(case(path.name[:44], wanted, explain(nameless, decode).diagnosis))
    return found


def fleet(seed: int, names: tuple[str, ...] = (), link: LinkConfig | None = None) -> tuple[list[Case], list[Case], list[Case]]:
    """(from the frames alone, with the journal, from the black box file) of everybody, or of these."""
    alone, both, boxes = [], [], []
    for name in names or EVERYBODY:
        heard = meet(EVERYBODY[name], seed, link)
        wanted = labels.FLEET.get(name, labels.FLEET_CHARGES)
        alone.append(case(name, wanted[0], heard.explain(False).diagnosis))
        both.append(case(name, wanted[1], heard.explain(True).diagnosis))
        boxes.append(case(name, wanted[1], heard.explain_box().diagnosis))
    return alone, both, boxes


def bridge(seed: int, names: tuple[str, ...] = ()) -> list[Case]:
    """From the black box file of our bridge, with each of the labelled CHAdeMO cars, or these."""
    cases = []
    for name in names or labels.BRIDGE:
        wanted, car, words, in_charge = labels.BRIDGE[name]
        heard = meet_vehicle(car, seed, **words, in_charge=in_charge)
        cases.append(case(name, wanted, heard.explain_box().diagnosis))
    return cases
