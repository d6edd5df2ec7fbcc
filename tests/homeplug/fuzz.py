"""M09 of the slac-and-network sheet: mutated real MMEs against the decoder, our machines and the emulated modem.

`python -m tests.homeplug.fuzz [--count N] [--seed N] [--replay HEX]`, or `./install/test.sh --fuzz-mme`. Seeds are the MMEs of the
recordings beside the repository and one example of every message. A frame must give a value or a WireError; a value must come
out of the wire as it went in; nothing behind may raise, and no key of ours may ever be another than the one we were given.
"""
from __future__ import annotations

import argparse
import random
import sys
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Callable

from drivers.capture_file import CaptureReader
from kernel.timer import MS
from tasks.errors import WireError
from tasks.homeplug.config import EmulatorConfig, SlacConfig
from tasks.homeplug.emulator import EmulatedModem
from tasks.homeplug.emulator_kinds import KINDS
from tasks.homeplug.modem import Modem
from tasks.homeplug.slac_evse import EvseSlac
from tasks.homeplug.slac_pev import PevSlac
from tasks.homeplug.wire import parse
from tasks.homeplug.wire_emulator import Beacon
from tasks.homeplug.wire_header import BROADCAST, LOCAL_DEVICE, Unknown
from tasks.homeplug.wire_keys import CM_SET_KEY_REQ

from tests.captures import FOLDER
from tests.homeplug.examples import EVSE, EXAMPLES, MODEM, NID, NMK, PEV

COUNT = 1_000_000
FRESH_MACHINES = 2000                  # frames after which the machines begin anew, so that many states are met
STEP = 3 * MS                          # virtual time between two frames
SEEDS_PER_TYPE = 40                    # of the recordings, so that frequent messages do not crowd out rare ones
EDGES = bytes((0, 1, 2, 3, 9, 10, 57, 58, 59, 60, 62, 86, 127, 128, 254, 255))
PROGRESS_S = 5                         # seconds between two lines of progress


def seeds(folder: Path = FOLDER) -> list[bytes]:
    """Examples, and of every recorded MMTYPE and MMV at most SEEDS_PER_TYPE frames; without recordings the examples alone."""
    found = [message.emit() for message in EXAMPLES] + [Beacon(MODEM, PEV, NID, bytes(8), True, True).emit()]
    taken: Counter = Counter()
    for path in sorted(p for p in folder.glob("*") if p.suffix in (".pcap", ".pcapng")) if folder.is_dir() else []:
        with open(path, "rb") as file:
            for frame in CaptureReader(file):
                data = frame.data
                if data[12:14] == b"\x88\xe1" and taken[data[14:17]] < SEEDS_PER_TYPE:
                    taken[data[14:17]] += 1
                    found.append(data)
    return found


class Campaign:
    """Counts: `done` frames, `values`, `unknown` types and `errors` of the decoder, `types` of values met. `failure`: text of the first one, None."""

    def __init__(self, frames: list[bytes], seed: int) -> None:
        self._frames = frames
        self._rng = random.Random(seed)
        self._seed = seed
        self.done = self.values = self.unknown = self.errors = 0
        self.types: Counter = Counter()
        self.reasons: Counter = Counter()
        self.failure: str | None = None
        self._now = 0
        self._fresh()

    def run(self, count: int, progress: Callable[[], None] = lambda: None) -> None:
        """`count` more frames, or up to the first failure."""
        for _ in range(count):
            self.one(self.mutated())
            if self.failure is not None:
                return
            if not self.done % 10_000:
                progress()

    # --- frames

    def mutated(self) -> bytes:
        """One frame with one to four changes; most go to us or to everybody, so that they get beyond the addresses."""
        rng = self._rng
        frame = bytearray(rng.choice(self._frames))
        for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 4))):
            what = rng.randrange(9)
            at = rng.randrange(len(frame)) if frame else 0
            if what == 0 and frame:
                frame[at] ^= 1 << rng.randrange(8)
            elif what == 1 and frame:
                frame[at] = rng.choice(EDGES)
            elif what == 2 and len(frame) > 17:
                frame[rng.randrange(17, len(frame))] = rng.randrange(256)
            elif what == 3:
                del frame[at:]
            elif what == 4:
                frame += rng.randbytes(rng.choice((1, 2, 17, 60, 500)))
            elif what == 5 and len(frame) > 17:
                frame[14:17] = rng.choice(self._frames)[14:17]           # another message's type over this one's fields
            elif what == 6:
                frame[at:] = rng.choice(self._frames)[at:]               # the end of another one
            elif what == 7 and len(frame) > 20:
                at = rng.randrange(17, len(frame) - 1)
                frame[at:at + 2] = rng.choice((b"\xff\xff", b"\0\0", b"\0\x80", b"\xff\x7f"))
            elif what == 8 and frame:
                del frame[at:at + rng.randrange(1, 8)]
        if len(frame) >= 12 and rng.random() < 0.8:
            frame[0:6] = rng.choice((PEV, EVSE, BROADCAST, LOCAL_DEVICE))
            frame[6:12] = rng.choice((PEV, EVSE, MODEM, self._emulated[0].mac, self._emulated[1].mac))
        return bytes(frame[:1518])

    # --- what they are shown to

    def _fresh(self) -> None:
        """Machines of both roles in the middle of their work."""
        rng, config = self._rng, SlacConfig()
        kinds = [rng.choice(sorted(KINDS)) for _ in range(2)]
        self._emulated = [EmulatedModem(EmulatorConfig(kind=kinds[0]), PEV, False, rng), EmulatedModem(EmulatorConfig(kind=kinds[1]), EVSE, True, rng)]
        self._machines = []
        for mac, role in ((PEV, PevSlac(config, PEV, rng)), (EVSE, EvseSlac(config, EVSE, rng))):
            modem = Modem(config, mac, rng, mac == EVSE)
            modem.set_key(NID, NMK, self._now)
            modem.watch_link(self._now)
            role.start(self._now)
            self._machines.append((mac, modem, role))

    def one(self, frame: bytes) -> None:
        """Show one frame to everybody; a failure is kept with the way to see it again."""
        self.done += 1
        try:
            self._show(frame)
        except Exception:              # whatever it is, it is what this campaign looks for
            self.failure = (f"frame {self.done} of seed {self._seed}\n{traceback.format_exc()}"
                            f"alone: python -m tests.homeplug.fuzz --replay {frame.hex()}")
            return
        if not self.done % FRESH_MACHINES:
            self._fresh()

    def _show(self, frame: bytes) -> None:
        self._now += STEP
        now = self._now
        try:
            message = parse(frame)
        except WireError as error:
            self.errors += 1
            self.reasons["".join("#" if c.isdigit() else c for c in str(error))] += 1
            message = None
        if message is not None:
            if type(message) is Unknown:
                self.unknown += 1
            else:
                self.values += 1
                self.types[type(message).__name__] += 1
            again = parse(message.emit())
            if parse(again.emit()) != again or type(again) is not type(message):
                raise AssertionError(f"{message} comes back as {again}")
            for mac, modem, role in self._machines:
                if message.dst in (mac, BROADCAST):
                    modem.receive(message, now)
                    role.receive(message, now)
        for mac, modem, role in self._machines:
            for machine in (modem, role):
                if machine.next_timer() <= now:
                    machine.handle_timer(now)
                machine.events()
                for sent in machine.outgoing():
                    if type(sent) is CM_SET_KEY_REQ and (sent.nid, sent.nmk) != (NID, NMK):
                        raise AssertionError(f"a key that nobody gave us: {sent}")
        for emulated in self._emulated:
            emulated.from_line(frame, now)
            emulated.from_host(frame, now)
            emulated.handle_timer(now)
            emulated.to_host(64, now)
            emulated.to_line()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.homeplug.fuzz", description="mutated real MMEs against decoder, machines and emulated modems")
    parser.add_argument("--count", type=int, default=COUNT, help=f"frames (default {COUNT})")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--replay", metavar="HEX", help="show this one frame and say what became of it")
    args = parser.parse_args()
    frames = seeds()
    campaign = Campaign(frames, args.seed)
    if args.replay:
        campaign.one(bytes.fromhex(args.replay))
        print(campaign.failure or f"{dict(campaign.types) or dict(campaign.reasons) or 'unknown type'}: nothing raised")
        return 1 if campaign.failure else 0
    print(f"{len(frames)} seeds{'' if FOLDER.is_dir() else f' (no recordings in {FOLDER}: examples only)'}, {args.count} frames, seed {args.seed}", flush=True)
    began = told = time.monotonic()

    def progress() -> None:
        nonlocal told
        if time.monotonic() - told >= PROGRESS_S:
            told = time.monotonic()
            print(f"  {campaign.done:>9} frames, {campaign.done / (told - began):.0f}/s, {campaign.values} values, {campaign.errors} WireErrors", flush=True)
    campaign.run(args.count, progress)
    took = time.monotonic() - began
    if campaign.failure:
        print(f"FAILED\n{campaign.failure}")
        return 1
    print(f"{campaign.done} frames in {took:.0f} s: {campaign.values} values of {len(campaign.types)} types, {campaign.unknown} of unknown type, "
          f"{campaign.errors} WireErrors, nothing raised")
    print("most refused:", ", ".join(f"{reason} ({n})" for reason, n in campaign.reasons.most_common(6)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
