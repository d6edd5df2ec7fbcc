"""SLAC habits of the fleet, from the measured rows of tools/simulate/slac: what our own machine has to be delayed by to keep that peer's times."""
from __future__ import annotations

from typing import Any

from kernel.timer import MS
from tasks.homeplug.timing import EVSE_SOUND_SETTLE, TT_EV_atten_results
from tools.simulate.slac.measured import row
from tools.simulate.slac.personalities import EARLY

INTERVAL = 20, 40                # range of slac.batch_interval_ms
START = 20, 90                   # range of slac.start_delay_ms: what a car waits longer is not played here


def _within(value: float, limits: tuple[int, int]) -> int:
    return min(limits[1], max(limits[0], round(value)))


def charger_delays(name: str) -> dict[str, float]:
    """`slac_delay_ms` of the charger in this row; our own reports EVSE_SOUND_SETTLE after the last sound anyway."""
    measured = row(name)
    return {"CM_SLAC_PARM.CNF": measured.cnf, "CM_ATTEN_CHAR.IND": max(0.0, measured.ind - EVSE_SOUND_SETTLE / MS), "CM_SLAC_MATCH.CNF": measured.matched}


def car_delays(name: str) -> dict[str, float]:
    """`slac_delay_ms` of the car in this row; our own decides TT_EV_atten_results after START1 anyway, or at once."""
    measured = row(name)
    late = measured.match if measured.car in EARLY else max(0.0, measured.match_from_start - TT_EV_atten_results / MS)
    return {"CM_ATTEN_CHAR.RSP": measured.rsp, "CM_SLAC_MATCH.REQ": late}


def car_settings(name: str) -> dict[str, Any]:
    """`settings` of the car in this row, as far as they are about SLAC."""
    measured = row(name)
    return {"slac.batch_interval_ms": _within(measured.sound_gap[0], INTERVAL), "slac.start_delay_ms": _within(measured.start, START),
            "slac.early_decision": measured.car in EARLY}
