"""How long car and charger need from 5 % PWM to the joined network, for every pair of modem kinds that the emulator knows (virtual time)."""
from __future__ import annotations

from drivers.sim.plant_config import PlantConfig
from exi_native import codec
from kernel.timer import MS, S
from tasks.config import Config
from tools.simulate.modems import WORKING, ModemPair

SEEN, JOINED = 5, 190                  # checkpoints of the car: 5 % PWM seen, AVLN formed
GIVE_UP = 60 * S


def seconds(car: str, charger: str) -> float | None:
    """From checkpoint SEEN to JOINED; None when they do not meet within GIVE_UP."""
    charge = ModemPair(car, charger, Config(), PlantConfig(), codec.load())
    while charge.clock.time < GIVE_UP:
        charge.run_until(charge.clock.time + 100 * MS)
        charge.car.journal.flush()
        first: dict[int, int] = {}
        for at, number, _ in charge.car.checkpoints:
            first.setdefault(number, at)
        if JOINED in first:
            return (first[JOINED] - first[SEEN]) / S
    return None


def main() -> None:
    """One row per kind of the car's modem, one column per kind of the charger's."""
    width = max(map(len, WORKING)) + 1
    print("s from 5 % PWM to AVLN formed; rows: car's modem, columns: charger's modem (join_ms 400, each kind's own restart)")
    print(" " * width + "".join(f"{kind:>{width}}" for kind in WORKING))
    for car in WORKING:
        cells = (seconds(car, charger) for charger in WORKING)
        print(f"{car:<{width}}" + "".join(f"{'none' if cell is None else f'{cell:.2f}':>{width}}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
