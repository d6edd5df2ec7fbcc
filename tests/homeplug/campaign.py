"""Random peers of tools/simulate/slac/spread.py, many seeds: `python -m tests.homeplug [--seeds 1000] [--loss 5]`, a short form in test_personalities.py."""
from __future__ import annotations

import argparse
import time
from collections import Counter

from kernel.timer import S
from tasks.homeplug.config import SlacConfig
from tasks.stop_reasons import StopReason
from tools.simulate.slac import spread
from tools.simulate.slac.habits import CarHabits, ChargerHabits

from tests.homeplug import limits
from tests.homeplug.meeting import Meeting

LIMIT = 300 * S                  # virtual time of one meeting: three attempts that each fail to join take 45 s
TOLD_EVERY_S = 5.0


def judged(meeting: Meeting, habits: CarHabits | ChargerHabits, loss: float) -> list[str]:
    """What is wrong with how it went."""
    expected, wrong = spread.expected(habits), []
    if not meeting.matched and meeting.reason is None:
        wrong.append(f"neither matched nor failed within {LIMIT // S} s, we are in {meeting.ours.role.state.name}")
    elif meeting.matched and expected == "no link":
        wrong.append("matched although the modems cannot join in time")
    elif not meeting.matched:
        right = {StopReason.NO_LINK} if not loss else {StopReason.NO_LINK, StopReason.SLAC_FAILED}
        if expected == "matched" and not loss:
            wrong.append(f"not matched: {meeting.reason}")
        elif meeting.reason not in right or not meeting.warnings():
            wrong.append(f"failed as {meeting.reason}, told {meeting.warnings()}")
    measured = (limits.of_charger if meeting.evse else limits.of_car)(meeting.passed())
    if not loss:                                 # with lost frames the question and its answer cannot be told apart from the next pair
        wrong += [f"{m.name} {m.value:.1f} ms" for m in measured if not m.kept]
        wrong += [f"objects: {o.rule}, {o.what}" for o in meeting.peer.objections if o.rule != "link"]
    return wrong


def play(habits: CarHabits | ChargerHabits, seed: int, loss: float = 0.0, config: SlacConfig | None = None) -> str:
    """One meeting; empty when it went as it must, else what was wrong."""
    meeting = Meeting(habits, seed, config, loss).run(LIMIT)
    wrong = judged(meeting, habits, loss)
    return f"{habits.name}: {'; '.join(wrong)}" if wrong else ""


def main(argv: list[str] | None = None) -> int:
    """All seeds of both sides; exit code 1 when one went wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.homeplug", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="per side")
    parser.add_argument("--loss", type=float, default=0.0, metavar="PERCENT", help="of the frames on the line")
    parser.add_argument("--early", action="store_true", help="our car decides early (slac.early_decision)")
    chosen = parser.parse_args(argv)
    bad = 0
    for side, make in (("car", spread.car), ("charger", spread.charger)):
        began = told = time.monotonic()
        ends: Counter[str] = Counter()
        config = SlacConfig(early_decision=chosen.early)
        for seed in range(chosen.seeds):
            habits = make(seed)
            meeting = Meeting(habits, seed, config, chosen.loss / 100).run(LIMIT)
            ends["matched" if meeting.matched else str(meeting.reason.name if meeting.reason else "nothing")] += 1
            for sentence in judged(meeting, habits, chosen.loss):
                bad += 1
                print(f"  {habits.name}: {sentence}", flush=True)
            if time.monotonic() - told > TOLD_EVERY_S:
                told = time.monotonic()
                print(f"  {side}: {seed + 1} of {chosen.seeds}", flush=True)
        took = time.monotonic() - began
        counted = ", ".join(f"{n} {end}" for end, n in ends.most_common())
        print(f"homeplug: {chosen.seeds} random {side}s, loss {chosen.loss:g} %: {counted}; {took:.1f} s", flush=True)
    print(f"homeplug: {bad} went wrong")
    return 1 if bad else 0
