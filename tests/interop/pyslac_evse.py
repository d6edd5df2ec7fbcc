"""Starts the charger's side of pyslac 0.8.3 (unmodified, from PyPI) for one match; prints READY, last line of output: RESULT {json}.

Run by an interpreter of its own environment. What the package needs to be a fair partner is set here at run time: it sleeps 10 s after each
CM_SET_KEY, so SETTLE_S replaces its SLAC_SETTLE_TIME; it gives up for ever after two failed attempts, so the control pilot is told A and B again, as
the charge point around it would. It cannot read a frame shorter than the one that it expects once 50 s have passed since its import (the start time of
its `readeth` is a default argument), hence the limit.
"""
from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import time

SETTLE_S = 2.0           # longer than the 1.5 s for which our emulated modem is silent after a new key
LIMIT_S = 45.0
STAYS_S = 60.0
LOOK_EVERY_S = 0.02


async def matched(interface: str, limit: float) -> dict[str, object]:
    """Attempts until there is a match or the time is over."""
    import pyslac.session as package
    from pyslac.enums import STATE_MATCHED
    from pyslac.environment import Config

    package.SLAC_SETTLE_TIME = SETTLE_S
    logging.getLogger().setLevel(logging.INFO)
    config = Config()
    config.load_envs()
    session = package.SlacEvseSession("ZZ00000", interface, config)
    control = package.SlacSessionController()
    await session.evse_set_key()
    print("READY", flush=True)
    end = time.monotonic() + limit
    plugs = 0
    while session.state != STATE_MATCHED and time.monotonic() < end:
        task = session.matching_process_task
        if task is None or task.done():
            plugs += 1
            await control.process_cp_state(session, "A")
            session.matching_process_task = None
            await control.process_cp_state(session, "B")
        await asyncio.sleep(LOOK_EVERY_S)
    return {"ok": session.state == STATE_MATCHED, "plugs": plugs, "pev_mac": session.pev_mac.hex(":"), "run_id": session.run_id.hex(),
            "sounds": session.num_total_sounds, "nid": session.nid.hex()}


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("interface")
    parser.add_argument("--limit", type=float, default=LIMIT_S, help="s until it gives up")
    chosen = parser.parse_args()
    result = await matched(chosen.interface, chosen.limit)
    print("RESULT " + json.dumps(result), flush=True)
    if result["ok"]:
        await asyncio.sleep(STAYS_S)   # a charge point stays; the harness ends it when the car has joined
    os._exit(1)                        # its matching task would go on


if __name__ == "__main__":
    asyncio.run(main())
