"""`python -m tools.modem COMMAND --interface IF`: find, look at, back up, set up, verify and restore the PLC modem."""
from __future__ import annotations

import argparse
import os
import secrets
import signal
import sys
import time
from contextlib import contextmanager
from typing import Any, Iterator

from drivers.errors import DriverError
from drivers.nic_ears import NicConfig
from drivers.nic_pcap import PcapNic
from kernel.clock import MonotonicClock
from tools.modem import changing, looking
from tools.modem.emulate import emulate
from tools.modem.folder import default_folder
from tools.modem.refusal import EXIT_CODES, INTERRUPTED, MISSING, Refusal
from tools.modem.screen import Screen
from tools.modem.workbench import Around, Workbench

COMMANDS = {"find": looking.find, "info": looking.info, "backup": looking.backup, "verify": looking.verify,
            "configure": changing.configure, "restore": changing.restore}
WAIT_S, MAX_WAIT_S = 4.0, 120.0
PLAIN = argparse.RawDescriptionHelpFormatter     # the exit codes stay a list


def _mac(text: str) -> bytes:
    try:
        mac = bytes.fromhex(text.replace(":", "").replace("-", ""))
    except ValueError:
        mac = b""
    if len(mac) != 6:
        raise argparse.ArgumentTypeError(f"{text!r} is no MAC; expected six octets like 00:b0:52:12:34:56")
    return mac


def _wait(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.5 <= seconds <= MAX_WAIT_S:
        raise argparse.ArgumentTypeError(f"{text!r} is not 0.5 to {MAX_WAIT_S:g} seconds")
    return seconds


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(prog="tools.modem", description=(
        "Sets up the PLC modem of this box: PEV for a car, EVSE for a charger. Only a modem at this\n"
        "end of the cable is touched. Qualcomm QCA7000, QCA7005 and QCA7420; others are shown by find and info."), epilog=EXIT_CODES, formatter_class=PLAIN)
    commands = p.add_subparsers(dest="command", required=True, metavar="COMMAND")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--interface", "-i", required=True, metavar="IF", help="network interface of the modem; `ip -br link` lists them")
    common.add_argument("--modem", type=_mac, metavar="MAC", help="this one, when several answer locally")
    common.add_argument("--wait", type=_wait, default=WAIT_S, metavar="SECONDS",
                        help=f"for the modem's first answer (default {WAIT_S:g}; one that sleeps needs 20)")
    common.add_argument("--backup-dir", metavar="DIR", help=f"where backups are (default {default_folder(dict(os.environ))})")
    flash = argparse.ArgumentParser(add_help=False)
    flash.add_argument("--flash", action="store_true", help="what the modem keeps in its flash instead of what it runs with")
    write = argparse.ArgumentParser(add_help=False)
    write.add_argument("--dry-run", action="store_true", help="show what would change, write nothing")
    write.add_argument("--yes", "-y", action="store_true", help="do not ask")
    write.add_argument("--force-commit", action="store_true", help="set the force bit of the commit, for a modem that refuses without")
    role = argparse.ArgumentParser(add_help=False)
    role.add_argument("role", choices=("pev", "evse"), help="pev: the box is a car; evse: it is a charger")

    def add(name: str, text: str, *parents: argparse.ArgumentParser) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".", epilog=EXIT_CODES, formatter_class=PLAIN,
                                   parents=[*parents, common])
    add("find", "which modems answer, and where they are")
    add("info", "chip, firmware, role, names, network", flash).add_argument("--secrets", action="store_true", help="show NMK and DAK")
    add("backup", "the PIB into a new file", flash)
    c = add("configure", "set the modem up: role, user HFID, sniffer off", role, write)
    c.add_argument("--hfid", metavar="TEXT", help="user HFID instead of PEV or EVSE")
    c.add_argument("--mac", type=_mac, metavar="MAC", help="give the modem another MAC: unique, and not the interface's")
    add("verify", "is the modem set up for this role? Says what is wrong and what to do", role, flash)
    r = add("restore", "write a backup back", write)
    r.add_argument("file", metavar="FILE")
    r.add_argument("--from-mac", type=_mac, metavar="MAC", help="yes, this modem had the backup's MAC before")
    e = commands.add_parser("emulate", help="be a modem in software behind an interface, to try the other commands", epilog=EXIT_CODES, formatter_class=PLAIN)
    e.add_argument("--interface", "-i", required=True, metavar="IF", help="the cable to the host: one end of a veth pair, for example")
    e.add_argument("--line", metavar="IF", help="the power line, to other emulated modems")
    e.add_argument("--kind", choices=("qca7005", "tplink"), default="qca7005", help="QCA7005 or QCA7420")
    e.add_argument("--role", choices=("pev", "evse", "unset"), default="unset", help="how its PIB is set up (default unset, as from the shop)")
    e.add_argument("--mac", type=_mac, metavar="MAC", help="of the modem (default: from the interface's)")
    e.add_argument("--flash", metavar="FILE", help="keep the PIB here from run to run")
    e.add_argument("--drop", type=float, default=0.0, metavar="PERCENT", help="frames that are lost on the cable")
    e.add_argument("--cut-at", type=int, default=0, metavar="N", help="cut its power at module operation N, once")
    e.add_argument("--torn", action="store_true", help="a power cut within a commit destroys the PIB")
    e.add_argument("--seed", type=int, default=1)
    e.add_argument("--duration", type=float, metavar="SECONDS", help="end after this time")
    return p


class _Wish:
    """A person's wish to stop: the signals only note it, for a write must come to a defined end."""

    def __init__(self) -> None:
        self.stop = False

    @contextmanager
    def guarded(self) -> Iterator[None]:
        before = [(number, signal.signal(number, self._note)) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
        try:
            yield
        finally:
            for number, handler in before:
                signal.signal(number, handler)

    def _note(self, *_: Any) -> None:
        self.stop = True


def _ask(question: str) -> bool | None:
    if not sys.stdin.isatty():
        return None
    return input(question).strip().lower() in ("y", "yes")


def main(argv: list[str] | None = None, around: Around | None = None) -> int:
    """Exit code; `around` is the world, the real one by default."""
    args = parser().parse_args(argv)
    wish = _Wish()
    clock = MonotonicClock()
    screen = Screen(sys.stdout, clock.now, terminal=sys.stdout.isatty())
    try:
        if args.command == "emulate":
            with wish.guarded():
                return emulate(args, lambda name: PcapNic(NicConfig(interface=name, reception="promiscuous")), clock, screen, lambda: wish.stop)
        if around is None:
            around = Around(lambda name: PcapNic(NicConfig(interface=name)), clock, screen, _ask, lambda: time.strftime("%Y%m%d-%H%M%S"),
                            lambda: secrets.randbits(32), wish.guarded, lambda: wish.stop, default_folder(dict(os.environ)))
        with Workbench(around, args) as bench:
            return COMMANDS[args.command](bench)
    except Refusal as refusal:
        screen.clear()
        print(f"tools.modem: {refusal}", file=sys.stderr)
        return refusal.code
    except KeyboardInterrupt:                    # not while writing, see _Wish
        screen.clear()
        print("tools.modem: stopped by Ctrl-C. Nothing is being written to the modem.", file=sys.stderr)
        return INTERRUPTED
    except DriverError as error:
        print(f"tools.modem: {error}", file=sys.stderr)
        return MISSING


if __name__ == "__main__":
    sys.exit(main())
