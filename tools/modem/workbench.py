"""What every command needs: the interface, the search, the one modem that is meant, its PIB, and marks of earlier trouble."""
from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, ContextManager

from kernel.timer import S
from tasks.homeplug import pib
from tasks.homeplug.pib_read import PibRead, ReadDone, ReadFailed, Reading
from tasks.homeplug.wire_header import LOCAL_DEVICE
from tools.modem.folder import Folder, Unfinished
from tools.modem.port import Port
from tools.modem.refusal import MISSING, Refusal
from tools.modem.screen import Screen
from tools.modem.search import Found, Search, SearchDone


@dataclass(slots=True)
class Around:
    """The world: `open_nic` by interface name, a clock, `ask` a person (True: yes, None: nobody is there), the time as a stamp for
    file names, a number for the session, and where backups go without --backup-dir. While `guarded` a person's wish to stop
    is only noted, and `wants_stop` tells it."""

    open_nic: Callable[[str], Any]
    clock: Any
    screen: Screen
    ask: Callable[[str], bool | None]
    stamp: Callable[[], str]
    session: Callable[[], int]
    guarded: Callable[[], ContextManager]
    wants_stop: Callable[[], bool]
    folder: Path


class Workbench:
    """`with` it: the interface is given back."""

    def __init__(self, around: Around, args: Namespace) -> None:
        self.around = around
        self.args = args
        self.screen = around.screen
        self.folder = Folder(Path(args.backup_dir) if args.backup_dir else around.folder)
        self.nic = around.open_nic(args.interface)
        self.port = Port(self.nic, around.clock, around.wants_stop)
        self.locals: list[Found] = []
        self.everybody: list[Found] = []

    def __enter__(self) -> Workbench:
        return self

    def __exit__(self, *_: object) -> None:
        self.nic.close()

    # --- the modem

    def search(self, *, everybody: bool = True) -> list[Found]:
        """Everybody who answers; or, faster, at least the local ones."""
        self.screen.progress(f"asking at {self.args.interface} for modems")
        patience = int(self.args.wait * S)
        cookie = self.around.session().to_bytes(4, "big")
        machine = Search(self.nic.mac, patience, cookie, everybody=everybody, wanted=self.args.modem)
        found = self.port.run(machine, (SearchDone,), raw=True).modems
        self.everybody = found
        self.locals = [f for f in found if f.local]
        return found

    def pick(self, *, everybody: bool = False) -> Found:
        """The chosen modem, when this tool can work with it; Refusal otherwise."""
        found = self.choose(everybody=everybody)
        if found.obstacle:
            raise Refusal(f"Modem {found.mac.hex(':')} ({found.chip}, {found.version}) is {found.obstacle}.", "Nothing was changed.")
        return found

    def choose(self, *, everybody: bool = False) -> Found:
        """The one local modem, or the one of --modem. A modem over the power line is nobody's to touch."""
        self.search(everybody=everybody)
        wanted = self.args.modem
        if wanted is not None:
            for found in self.everybody:
                if found.mac == wanted and found.local is not False:
                    return found
                if found.mac == wanted:
                    raise Refusal(f"Modem {wanted.hex(':')} does not answer at this interface itself: {found.obstacle}.",
                                  "This tool touches only a modem at this end of the cable. Connect it to this computer.")
            raise Refusal(f"No modem {wanted.hex(':')} answers at {self.args.interface}.", self.who_answers(), MISSING)
        unknown = [f for f in self.everybody if f.local is None]
        if not self.locals and len(unknown) == 1:
            return unknown[0]
        if not self.locals:
            raise Refusal(f"No modem answers at {self.args.interface}.", self.who_answers(), MISSING)
        if len(self.locals) > 1:
            macs = ", ".join(f.mac.hex(":") for f in self.locals)
            raise Refusal(f"{len(self.locals)} modems answer locally: {macs}.", "Say which one: --modem MAC, or unplug the others.")
        return self.locals[0]

    def who_answers(self) -> str:
        others = ", ".join(f"{f.mac.hex(':')} ({f.chip}{', over the power line' if f.local is False else ''})" for f in self.everybody)
        if others:
            return f"These answer the broadcast, but are not known to be at this end of the cable: {others}."
        return ("Supply of the modem? Cable? The right interface? A QCA modem in deep sleep wakes with a coordinator near: --wait 20. "
                "Does the box run? Stop it first: it restarts the modem with its keys.")

    def address(self, found: Found) -> bytes:
        """The address that never leaves the cable; among several local modems the own one, of a modem that is proven to be local."""
        if len(self.locals) == 1:
            return LOCAL_DEVICE
        if not found.proven:
            raise Refusal(f"It is not proven that modem {found.mac.hex(':')} is at this end of the cable.",
                          "Stop other programs that use the modem, and unplug the other modem.")
        return found.mac

    # --- its PIB

    def try_read(self, found: Found, *, flash: bool = False) -> ReadDone | ReadFailed:
        reader = PibRead(self.nic.mac, self.address(found), found.mac, flash=flash)

        def told(event: Any) -> None:
            if type(event) is Reading:
                self.screen.progress("reading the PIB", event.done, event.total)
        return self.port.run(reader, (ReadDone, ReadFailed), told)

    def read(self, found: Found, *, flash: bool = False) -> pib.Pib:
        """A whole and valid PIB that is this modem's; Refusal otherwise."""
        got = self.try_read(found, flash=flash)
        if type(got) is ReadFailed:
            remedy = got.remedy
            for mark in self.folder.unfinished():
                if mark.concerns(found.mac):
                    remedy = f"A write of {mark.began} was not finished. Do: python -m tools.modem restore {mark.backup} --interface {self.args.interface}"
            raise Refusal(got.problem, remedy)
        if got.image.mac != found.mac:
            raise Refusal(f"The PIB says MAC {got.image.mac.hex(':')}, the modem answers as {found.mac.hex(':')}.",
                          "Either this layout is another one, or a new PIB waits for a reset: switch the modem off and on and try again.")
        return got.image

    # --- earlier trouble

    def tell_unfinished(self) -> None:
        for mark in self.folder.unfinished():
            self.screen.line(f"Attention: the write that was begun {mark.began} on modem {mark.modem} ({mark.command}) did not come to its end. "
                             f"Backup from before: {mark.backup}")

    def unfinished_of(self, mac: bytes) -> Unfinished | None:
        return next((mark for mark in self.folder.unfinished() if mark.concerns(mac)), None)
