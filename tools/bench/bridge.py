"""Bridge figures: plug to first ampere, every stop beside its limit (virtual time), frame period on real clocks, what the two rows cost."""
from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any, Callable

from drivers.sim.plant_config import PlantConfig
from exi_native import codec
from kernel.timer import MS, S
from tasks.chademo import wire
from tasks.config import Config
from tasks.messages import StopSession
from tasks.stop_reasons import StopReason
from tasks.v2g.session import SCHEMAS
from tools.simulate.chademo.bridge_charge import BridgeCharge
from tools.simulate.chademo.profiles import PROFILES
from tools.simulate.charge import Charge
from tools.simulate.fleet.encounter import Encounter

ROOT = Path(__file__).resolve().parents[2]
STRATEGIES = ("measured", "double", "once", "single")
GIVE_UP = 120 * S
STEADY = 12 * S               # of charging before a stop
WATCHED = 30 * S              # after it
FIRST = 1.0                   # A
GONE = 5.0                    # A (chademo sheet 2.2 row 14)
LIMIT_FRAME, LIMIT_B = 100, 500
COST_SECONDS = 60


def _charge(name: str, strategy: str, library: Any, soc: float = 50.0) -> BridgeCharge:
    config = Config()
    config.bridge.strategy = strategy
    return BridgeCharge(PROFILES[name], None, config, PlantConfig(), library, 1, soc=soc)


def _until(charge: Charge, done: Callable[[], bool], limit: int) -> bool:
    while not done():
        if charge.clock.time >= limit or charge.over:
            return False
        charge.world.step(limit)
        charge._watch()
    return True


def first_ampere(library: Any) -> None:
    """From the plug to 1 A into the battery, beside a car with CCS at the same charger."""
    peer = Encounter(None, None, Config(), PlantConfig(), library, 1)
    _until(peer, lambda: peer.plant.current >= FIRST, GIVE_UP)
    base = (peer.clock.time - 500 * MS) / S
    print(f"bridge: plug to 1 A in s of virtual time, and times that of a CCS car at the same charger ({base:.1f} s)")
    print(f"  {'car':<11}" + "".join(f"{s:>18}" for s in STRATEGIES))
    for name in PROFILES:
        if name == "johu":
            continue                     # private protocol: no bridge
        cells = []
        for strategy in STRATEGIES:
            charge = _charge(name, strategy, library)
            if _until(charge, lambda: charge.plant.current >= FIRST, GIVE_UP):
                taken = (charge.clock.time - 500 * MS) / S
                cells.append(f"{taken:8.1f} ({taken / base:4.2f})  ")
            else:
                cells.append(f"{charge.reason.text if charge.reason else 'no current'!s:>17} ")
        print(f"  {name:<11}" + "".join(f"{cell:>18}" for cell in cells), flush=True)


def _deeds() -> dict[str, tuple[Callable[[BridgeCharge], None], str]]:
    """What ends a charge, and the limit of the sheet for it in words."""
    def tell(**faults: Any) -> Callable[[BridgeCharge], None]:
        def deed(charge: BridgeCharge) -> None:
            for name, value in faults.items():
                setattr(charge.vehicle.faults, name, value)
        return deed

    def emergency(charge: BridgeCharge) -> None:
        charge.plant.charger_stop_button = True
    return {
        "car ends (k, 102.5.0)": (lambda c: c.vehicle.end(c.clock.time), "row 14"),
        "k opens alone": (tell(k_stuck=False), "scenario 25"),
        "102.5.0 falls alone": (tell(enabled_stuck=False), "scenario 7"),
        "102.4.2 current deviation": (tell(tell_faults=wire.CURRENT_DEVIATION), "scenario 24"),
        "102.5.1 not in park": (tell(tell_status=wire.NOT_PARKED), "scenario 24"),
        "car's CAN lost": (tell(silent=True), "scenario 26: 1000 ms"),
        "person at the box": (lambda c: c.car.table.user.put(StopSession(StopReason.USER_STOP)), "scenario 33"),
        "charger: EVSE_Shutdown": (lambda c: c.charger.table.user.put(StopSession(StopReason.USER_STOP)), "scenario 29"),
        "charger: emergency button": (emergency, "scenario 30"),
        "box: emergency button": (lambda c: setattr(c.plant, "stop_button", True), "supervisor"),
    }


def stops(library: Any) -> None:
    """ms from the cause to each consequence; limits of the chademo sheet: 109.5.5 in the next frame (100 ms), 5 A within 500 ms of k, d2 after the contactor."""
    print("bridge: a stop at 100 A, ms of virtual time from its cause (limits: 109.5.5 100 ms after it is noticed, 5 A 500 ms after k)")
    print(f"  {'cause':<28}{'109.5.5':>9}{'state B':>9}{'5 A':>9}{'contactor':>11}{'d2 off':>9}{'d1 off':>9}{'unlocked':>10}  reason")
    for name, (deed, limit) in _deeds().items():
        charge = _charge("leaf40", "measured", library)
        _until(charge, lambda: charge.plant.current >= 90.0, GIVE_UP)
        charge.run_until(charge.clock.time + STEADY)
        began, plant, seen = charge.clock.time, charge.plant, {}
        deed(charge)
        looks = {
            "stop": lambda: (charge.car.signals.chademo_status.value or 0) & wire.STOP_CONTROL, "b": lambda: not plant.pilot.state_c, "gone": lambda: plant.current < GONE,
            "open": lambda: not plant.car_contactors.position, "d2": lambda: not plant.d2, "d1": lambda: not plant.d1, "lock": lambda: not plant.vehicle_lock.position}

        def all_seen() -> bool:
            for key, look in looks.items():
                if key not in seen and look():
                    seen[key] = (charge.clock.time - began) // MS
            return len(seen) == len(looks)
        _until(charge, all_seen, began + WATCHED)
        reason = charge.reason.text if charge.reason is not None else "-"
        print(f"  {name:<28}" + "".join(f"{seen.get(k, '-')!s:>{w}}" for k, w in (("stop", 9), ("b", 9), ("gone", 9), ("open", 11), ("d2", 9), ("d1", 9), ("lock", 10)))
              + f"  {reason} ({limit}){'' if charge.plant.damage == 0 else ' DAMAGE'}", flush=True)


def cost(library: Any) -> None:
    """CPU of the box while it charges, beside the same box as a car, and of the two rows alone."""
    bridge = _charge("leaf40", "measured", library)
    car = Encounter(None, None, Config(), PlantConfig(), library, 1)
    shares = []
    for charge in (bridge, car):
        _until(charge, lambda c=charge: c.plant.current >= 50.0, GIVE_UP)
        rows: dict[str, list[float]] = {}
        kernel = charge.car.kernel
        for row in kernel.rows:
            row.task = _Timed(row.task, rows.setdefault(row.name, []))
        for group in (kernel._critical, kernel._idle):
            group.rows = list(group.rows)
        charge.run_until(charge.clock.time + COST_SECONDS * S)
        shares.append(rows)
    mine, theirs = (sum(map(sum, rows.values())) / COST_SECONDS for rows in shares)
    print(f"bridge: CPU of all rows while charging {mine * 100:.2f} % of one core here, as a car {theirs * 100:.2f} % ({mine / theirs:.2f} times)")
    for name in ("devices", "sense", "chademo", "bridge", "v2g", "safety"):
        taken = shares[0].get(name, [])
        if taken:
            print(f"  {name:<9}{len(taken) / COST_SECONDS:7.1f} runs/s  median {median(taken) * 1e6:6.1f} us  worst {max(taken) * 1e6:7.1f} us  {sum(taken) / COST_SECONDS * 100:5.2f} %")


class _Timed:
    """A task whose runs are timed."""

    def __init__(self, inner: Any, taken: list[float]) -> None:
        self._inner = inner
        self._taken = taken

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def run(self, now: int) -> int:
        begun = time.perf_counter()
        after = self._inner.run(now)
        self._taken.append(time.perf_counter() - begun)
        return after


def jitter() -> None:
    """The period of 0x109 on a real clock, as another process hears it."""
    for interface, channel in (("virtual", "bench"), ("udp_multicast", "239.74.163.2")):
        done = subprocess.run([sys.executable, "-m", "tools.bench.bridge_jitter", interface, channel], cwd=ROOT, capture_output=True, text=True, env=os.environ)
        print(f"bridge: {done.stdout.strip() or done.stderr.strip().splitlines()[-1]}", flush=True)


def main() -> None:
    library = codec.load(schemas=SCHEMAS)
    first_ampere(library)
    stops(library)
    cost(library)
    jitter()
