"""`python -m tests.bridge_sessions.fleet [CAR [STRATEGY]]`: a bridge meets every charger of tools/simulate/fleet; one line each, beside what a CCS car gets there."""
from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import lru_cache

from drivers.sim.plant_config import PlantConfig
from exi_native import codec
from kernel.timer import S
from tasks.config import Config
from tasks.v2g.session import SCHEMAS
from tools.simulate.chademo.bridge_charge import BridgeCharge
from tools.simulate.chademo.profiles import PROFILES
from tools.simulate.fleet.chargers import CHARGERS

PATIENCE = 260 * S               # until 30 A flow
AFTER = 40 * S                   # the end
CHARGES = 30.0                   # A
FOREIGN = {"evil-foreign-session", "iso2-foreign-session"}       # they break the sentence of the foreign session themselves, before the bridge has charged


@dataclass
class Met:
    """What came of one charger."""

    charged: bool
    wanted: bool
    charge: BridgeCharge

    @property
    def objections(self) -> list[str]:
        """What is wrong, in words."""
        charge, name = self.charge, next(who.name for who in self.charge.met)
        found = [f"{i.kind} {i.value:.0f}" for i in charge.plant.incidents if i.damage] + [f"the car noticed {what}" for what in (*charge.vehicle.dtcs, *charge.vehicle.tripped)]
        found += [str(broken) for broken in charge.bridge_invariants.broken[:2]]
        if name not in FOREIGN:
            found += [str(broken) for broken in charge.invariants.broken[:2]]
            if self.charged is not self.wanted:
                found.append(f"{'charged' if self.charged else 'did not charge'}, a CCS car {'does' if self.wanted else 'does not'}: {charge.reason}")
        if charge.car.kernel.fault:
            found.append(f"a row raised: {charge.car.kernel.fault}")
        if charge.reason is None:
            found.append("no reason")
        return found


@lru_cache(maxsize=1)
def library():
    """Kept: it has no state."""
    return codec.load(schemas=SCHEMAS)


def meet(charger: str, car: str = "leaf40", strategy: str = "measured") -> Met:
    """One charge until 30 A flow, then the person stops it; or until nothing comes of it."""
    who, config = CHARGERS[charger], Config()
    config.bridge.strategy = strategy
    charge = BridgeCharge(PROFILES[car], who, config, PlantConfig(), library(), 1, soc=60.0)
    while charge.clock.time < PATIENCE and not charge.over and charge.plant.current < CHARGES:
        charge.run_until(charge.clock.time + S)
    charged = charge.plant.current >= CHARGES
    if charged:
        charge.stop()
        charge.run_until(charge.clock.time + AFTER)
    return Met(charged, who.expected.charges, charge)


def main(argv: list[str]) -> int:
    """Exit code 1: something is wrong somewhere."""
    wrong = 0
    for name in CHARGERS:
        met = meet(name, *argv)
        found = met.objections
        wrong += bool(found)
        reason = met.charge.reason
        print(f"{'!!' if found else 'ok'} {name:24}{'charges' if met.charged else 'does not charge':17}{reason.text if reason else '-'}{'  ' + '; '.join(found) if found else ''}", flush=True)
    print(f"{len(CHARGERS)} chargers, {wrong} with objections")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
