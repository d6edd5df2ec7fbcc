"""`--live-from T`: the command line of a life after the record, and what it says."""
from __future__ import annotations

import argparse
import sys
from typing import Any

from drivers.blackbox.reader import Box
from drivers.capture_file import PcapWriter
from kernel.timer import S
from tools.replay.engine import Replay
from tools.replay.live import HERE, LIVE_DEEDS, Live, NoLife, go_on
from tools.simulate.chademo import shown
from tools.simulate.fleet import choose
from tools.simulate.fleet.traits import Deed

SHOWN_WORDS = ("warning", "error", "checkpoint")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Those of `--live-from`."""
    made = parser.add_argument_group("leaving the record")
    made.add_argument("--live-from", type=float, metavar="S", help="so many seconds after the tape began the record is left, and today's code goes on with a simulated charger")
    made.add_argument("--for", dest="seconds", type=float, default=7200.0, metavar="S", help="at most so many seconds of life afterwards (default: two hours; it ends with the plug out)")
    made.add_argument("--deed", action="append", default=[], metavar="NAME[@S]", help=f"something happens S seconds after leaving: {', '.join(sorted(LIVE_DEEDS))}")
    made.add_argument("--charger", metavar="NAME", help="a charger of the fleet instead of ours; `list` shows them")
    made.add_argument("--vehicle", metavar="NAME", help="the CHAdeMO car of a bridge")
    made.add_argument("--pcap", metavar="FILE", help="the frames after the record")


def deed(word: str) -> Deed:
    """NAME or NAME@SECONDS. NoLife when there is no such deed."""
    name, _, after = word.partition("@")
    if name not in LIVE_DEEDS:
        raise NoLife(f"--deed {name}: there are {', '.join(sorted(LIVE_DEEDS))}")
    try:
        return Deed(HERE, float(after or 0.0), name)
    except ValueError as wrong:
        raise NoLife(f"--deed {word}: {after!r} is no number of seconds") from wrong


def leave(name: str, box: Box, replay: Replay, args: argparse.Namespace, library: Any) -> int:
    """The exit code: 0 it went on in order, 1 it did not, 2 the record cannot be left."""
    begin = int(box.head.get("tape_from_ns", 0))
    pcap = None
    try:
        deeds = tuple(map(deed, args.deed))
        charger = choose.choose(args.charger, None)[0]
        vehicle = shown.choose(args.vehicle)
        pcap = PcapWriter(args.pcap, epoch_ns=int(box.head.get("epoch_ns", 0))) if args.pcap else None
        live = go_on(replay, library, args.seconds, at=begin + round(args.live_from * S), deeds=deeds, charger=charger, vehicle=vehicle, pcap=pcap)
    except NoLife as reason:
        print(f"{name}: {reason}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"{args.pcap} cannot be written ({error.strerror})", file=sys.stderr)
        return 2
    finally:
        if pcap is not None:
            pcap.close()
    print("\n".join(lines(name, live, begin, replay)))
    return live.exit_code


def lines(name: str, live: Live, begin: int, replay: Replay) -> list[str]:
    """For a person; times in s since the tape began."""
    def at(ns: int) -> str:
        return f"{(ns - begin) / S:10.3f}"
    before = "identical up to there" if not replay.counted else f"{replay.counted} differences before (play it without --live-from to see them)"
    out = [f"{name}: left at {at(live.left_at).strip()} s ({live.stood}), {before}", f"  the simulated charger stood at: {live.rehearsed}"]
    out += [f"  note: {remark}" for remark in live.remarks]
    out += ["", "What happened then:"]
    told = [(event.at, f"{event.source}: {event.message()}") for event in live.said if event.level in SHOWN_WORDS or event.source in ("user", "safety")]
    told += [(when, f"{signal} {state}") for when, signal, state in live.states]
    out += [f"  {at(when)}  {what}" for when, what in sorted(told)]
    reason = "it still goes on" if not live.ended else live.reason.text if live.reason is not None else "it ended without a reason"
    out += ["", f"At {at(live.until).strip()} s: {reason}; {live.energy:.0f} Wh into the battery" + ("" if live.soc is None else f", {live.soc:.1f} %")]
    out += [f"  trip: {live.trip}"] if live.trip else []
    out += [f"  a task raised: {live.fault}"] if live.fault else []
    out += [f"  broken invariant: {sentence}" for sentence in live.broken]
    out += [f"  {live.damage} damaged contacts"] if live.damage else []
    return out
