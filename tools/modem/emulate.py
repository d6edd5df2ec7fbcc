"""A modem in software behind a network interface: what the other commands can be tried on without risk.

The interface is the cable to the host (one end of a veth pair, a port with a crossed cable). Its power line is another
interface (`--line`), or nothing. `--flash` keeps the PIB from run to run, so that a killed emulator is a power cut.
"""
from __future__ import annotations

import os
import random
from argparse import Namespace
from pathlib import Path
from typing import Any, Callable

from kernel.timer import MS, NEVER, S
from tasks.homeplug import pib
from tasks.homeplug.config import EmulatorConfig
from tasks.homeplug.emulator import EmulatedModem
from tasks.homeplug.emulator_flash import EmulatedFlash
from tasks.homeplug.wire import is_slac
from tasks.homeplug.wire_header import ETHERTYPE
from tools.modem.folder import load
from tools.modem.refusal import DONE, MISSING, USAGE, Refusal
from tools.modem.screen import Screen

LOOK_EVERY = 200 * MS
FRAMES = 64
UNKNOWN_HOST = bytes(6)
MODULE_OPERATION = b"\xb0\xa0"
COMMIT = b"\x12\x00"                   # MOD_OP, at 25 of a frame with MMV 0


class EmulatedPort:
    """`cut_at`: the power is cut at the module operation with this number (1 is the first), `torn` see EmulatedFlash.

    Counters: `lost` frames (by `drop`, a probability), `operations`.
    """

    def __init__(self, nic: Any, line: Any, modem: EmulatedModem, rng: random.Random, drop: float, cut_at: int, keep: Path | None,
                 told: Callable[[str], None]) -> None:
        self._nic = nic
        self._line = line
        self.modem = modem
        self._rng = rng
        self._drop = drop
        self._cut_at = cut_at
        self._power_cut_due = NEVER
        self._keep = keep
        self._kept = modem.flash.image
        self._told = told
        self.lost = 0
        self.operations = 0

    def run(self, now: int) -> int:
        """Everything that is due; returns when to come again."""
        modem = self.modem
        for at, frame in self._nic.receive(FRAMES, now):
            if not self._passes(frame):
                continue
            if modem.host_mac != frame[6:12]:
                modem.host_mac = frame[6:12]
                self._told(f"the host is {modem.host_mac.hex(':')}")
            self._count(frame, now)
            modem.from_host(frame, now)
        if self._line is not None:
            for at, frame in self._line.receive(FRAMES, now):
                if self._hears(frame, now):
                    modem.from_line(frame, now)
        if now >= self._power_cut_due:
            self._power_cut_due = NEVER
            modem.power_cut(now)
            self._told("power cut" + (": the flash is torn, the boot loader runs" if modem.flash.boot_loader else ""))
        modem.handle_timer(now)
        for _, frame in modem.to_host(FRAMES, now):
            if self._passes(frame):
                self._nic.send(frame, now)
        for frame in modem.to_line():
            if self._line is not None:
                self._line.send(frame, now)
        self._keep_flash()
        return min(modem.next_timer(), self._power_cut_due, now + LOOK_EVERY)

    def _hears(self, frame: bytes, now: int) -> bool:
        """Whether the modem deals with it. SLAC between others is shown to a listening host, but one set up as PEV hides what cars send to all (sheet 2.9)."""
        if not is_slac(frame):
            return True
        if frame[0] & 1:
            return not self.modem.never_cco
        if frame[0:6] != self.modem.host_mac:
            self.modem.overhear(frame, now)
        return True

    def _passes(self, frame: bytes) -> bool:
        if frame[12:14] != ETHERTYPE or self._rng.random() >= self._drop:
            return True
        self.lost += 1
        return False

    def _count(self, frame: bytes, now: int) -> None:
        if frame[12:14] != ETHERTYPE or frame[15:17] != MODULE_OPERATION:
            return
        self.operations += 1
        if self.operations == self._cut_at:      # a commit takes its time: cut within it
            self._power_cut_due = now + 400 * MS if frame[25:27] == COMMIT else now

    def _keep_flash(self) -> None:
        if self.modem.flash.image == self._kept:
            return
        self._kept = self.modem.flash.image
        self._told("the flash has a new PIB")
        if self._keep is not None:
            keep(self._keep, self._kept)


def keep(path: Path, image: bytes) -> None:
    """Replaced in one step: who kills the emulator finds the one image or the other."""
    temporary = path.with_name(path.name + ".new")
    try:
        with open(temporary, "wb") as out:
            out.write(image)
            out.flush()
            os.fsync(out.fileno())
        os.replace(temporary, path)
    except OSError as e:
        raise Refusal(f"--flash {path} cannot be written ({e.strerror}).", "Give a file in a folder that can be written.", MISSING) from e


def new_flash(args: Namespace, host_side: bytes, rng: random.Random) -> EmulatedFlash:
    """From the file, or a new one of the wanted kind and role."""
    path = Path(args.flash) if args.flash else None
    if path is not None and path.exists():
        return EmulatedFlash(load(path).octets, torn=args.torn)
    layout = pib.LAYOUTS[1 if args.kind == "tplink" else 0]
    mac = args.mac or bytes((host_side[0] | 2,)) + host_side[1:5] + bytes((host_side[5] ^ 0x55,))
    image = pib.new_image(layout, mac, None if args.role == "unset" else args.role, rng.randbytes(16), rng.randbytes(7))
    if path is not None:
        keep(path, image)
    return EmulatedFlash(image, torn=args.torn)


def emulate(args: Namespace, open_nic: Callable[[str], Any], clock: Any, screen: Screen, wants_stop: Callable[[], bool]) -> int:
    """Until a person stops it, or for --duration seconds."""
    if not 0 <= args.drop < 100:
        raise Refusal(f"--drop {args.drop:g} is no percentage from 0 to below 100.", "", USAGE)
    rng = random.Random(args.seed)
    nic = open_nic(args.interface)
    line = open_nic(args.line) if args.line else None
    flash = new_flash(args, nic.mac, rng)
    kind = "tplink" if len(flash.image) == pib.LAYOUTS[1].size else "qca7005"      # a kept flash knows better than --kind
    modem = EmulatedModem(EmulatorConfig(kind=kind, sleep=False), UNKNOWN_HOST, False, rng, flash=flash)
    start = now = clock.now()
    port = EmulatedPort(nic, line, modem, rng, args.drop / 100, args.cut_at, Path(args.flash) if args.flash else None,
                        lambda text: screen.line(f"{(clock.now() - start) / S:8.3f} s  {text}"))
    screen.line(f"Emulated modem {modem.mac.hex(':')} at {args.interface}: {kind}, role {pib.role_of(*modem.flash.role_bytes) or 'not set'}. Ctrl-C ends it.")
    fds = [n.fileno() for n in (nic, line) if n is not None and n.fileno() >= 0]
    try:
        while not wants_stop() and (args.duration is None or now - start < args.duration * S):
            clock.wait_until(port.run(now), fds)
            now = clock.now()
    finally:
        nic.close()
        if line is not None:
            line.close()
    screen.line(f"{port.operations} module operations, {port.lost} frames lost, {modem.flash.commits} commits, {modem.flash.refusals} refusals.")
    return DONE
