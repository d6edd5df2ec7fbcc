"""The commands that write: configure and restore. Nothing is written without a backup that has been read back."""
from __future__ import annotations

from pathlib import Path
from typing import Any

from tasks.homeplug import pib
from tasks.homeplug.pib_read import ReadDone
from tasks.homeplug.pib_write import Outcome, PibWrite, Stage, WriteEnded, Writing
from tasks.homeplug.wire_header import LOCAL_DEVICE
from tools.modem.folder import Unfinished, digest, load
from tools.modem.refusal import DONE, MISSING, REFUSED, UNKNOWN, WRONG, Refusal
from tools.modem.search import Found
from tools.modem.workbench import Workbench

LAYOUT_OF_CLASS = {0x20: pib.LAYOUTS[1], 0x22: pib.LAYOUTS[0]}       # device class (1.7) -> layout, for a modem whose PIB is damaged


def configure(bench: Workbench) -> int:
    """Role, user HFID, sniffer off; a MAC when given."""
    args = bench.args
    found = bench.pick(everybody=args.mac is not None)
    old = bench.read(found)
    _settle_mark(bench, found, old)
    if args.mac is not None:
        _check_mac(bench, found, args.mac)
    try:
        new = pib.configured(old, args.role, args.hfid, args.mac)
    except pib.PibError as e:
        raise Refusal(e.problem, e.remedy) from e
    if new == old:
        bench.screen.line(f"Modem {found.mac.hex(':')} is already set up as {args.role.upper()}. Nothing to change.")
        return DONE
    return _write(bench, found, old, new, f"configure {args.role}")


def restore(bench: Workbench) -> int:
    """A backup back into the modem that it came from."""
    new = load(Path(bench.args.file))
    found = bench.pick()
    got = bench.try_read(found)
    old = got.image if type(got) is ReadDone else None
    if old is None and not got.octets:
        raise Refusal(got.problem, got.remedy, MISSING)
    if old is None:
        layout = LAYOUT_OF_CLASS.get(found.device_class)
        bench.screen.line(f"The modem's PIB is not valid: {got.problem}")
        if not bench.args.dry_run:
            bench.screen.line(f"It is kept as {bench.folder.save(got.octets, found.mac, bench.around.stamp(), 'damaged')}")
    else:
        layout = old.layout
    if layout != new.layout:
        raise Refusal(f"The file has the layout of a {new.layout.name}, the modem is a {layout.name if layout else found.chip}.",
                      "Take a backup of this modem.")
    _check_owner(bench, found, old, new)
    if old is not None and new == old:
        _settle_mark(bench, found, old)
        bench.screen.line("The modem has exactly this PIB. Nothing to change.")
        return DONE
    return _write(bench, found, old, new, f"restore {bench.args.file}")


def _check_owner(bench: Workbench, found: Found, old: pib.Pib | None, new: pib.Pib) -> None:
    if new.mac in (found.mac, bench.args.from_mac):
        return
    mark = bench.unfinished_of(found.mac)
    if mark is not None and mark.concerns(new.mac):
        return
    if old is not None and any(old.raw(pib.DAK)) and old.raw(pib.DAK) == new.raw(pib.DAK):
        return                                   # the device key is another one in each modem that has one
    raise Refusal(f"The backup is of modem {new.mac.hex(':')}, this one is {found.mac.hex(':')}: two modems with one MAC disturb each other.",
                  f"Take a backup of this modem. If it had that MAC before: --from-mac {new.mac.hex(':')}.")


def _check_mac(bench: Workbench, found: Found, mac: bytes) -> None:
    """Of a modem: one station, nobody else's, and never the host's (sheet 1.2)."""
    if mac[0] & 1:
        problem = "is a group address"
    elif mac in (bytes(6), LOCAL_DEVICE, pib.BOOT_LOADER_MAC):
        problem = "has a meaning of its own"
    elif mac == bench.nic.mac:
        problem = "is the MAC of the interface itself; the modem would swallow its frames"
    elif any(f.mac == mac and f is not found for f in bench.everybody):
        problem = "belongs to another modem that answers here"
    else:
        return
    raise Refusal(f"--mac {mac.hex(':')} {problem}.", "Give one that no other station has; without --mac the modem keeps its own.")


def _settle_mark(bench: Workbench, found: Found, image: pib.Pib) -> None:
    """An earlier write that was not finished: what became of it is now known, or configure must not go on."""
    mark = bench.unfinished_of(found.mac)
    if mark is None:
        return
    if digest(image) == mark.new:
        bench.screen.line(f"The write that was begun {mark.began} ({mark.command}) has reached the modem after all.")
    elif digest(image) == mark.old:
        bench.screen.line(f"The write that was begun {mark.began} ({mark.command}) has not reached the modem: it has the PIB from before.")
    else:
        raise Refusal(f"The write that was begun {mark.began} ({mark.command}) was not finished, and the PIB in the modem is neither the old nor the new one.",
                      f"Do: python -m tools.modem restore {mark.backup} --interface {bench.args.interface}")
    if not bench.args.dry_run:
        bench.folder.unmark(mark)


def _write(bench: Workbench, found: Found, old: pib.Pib | None, new: pib.Pib, command: str) -> int:
    screen, args = bench.screen, bench.args
    screen.line(f"Modem {found.mac.hex(':')} ({found.chip}, {found.version}):")
    if old is None:
        screen.line("  the whole PIB")
    else:
        screen.differences(old.differences(new))
    if args.dry_run:
        screen.line("Dry run: nothing was written.")
        return DONE
    if not args.yes:
        answer = bench.around.ask("Write this into the modem? [y/N] ")
        if not answer:
            raise Refusal("Nothing was written." if answer is False else "Nobody can be asked here (no terminal). Nothing was written.",
                          "--yes writes without asking, --dry-run only shows.", REFUSED)
    stamp = bench.around.stamp()
    backup = str(args.file) if old is None else str(bench.folder.backup(old, stamp).resolve())
    screen.line(f"Backup: {backup}")
    mark = Unfinished(found.mac.hex(":"), new.mac.hex(":"), "" if old is None else digest(old), digest(new), backup, stamp, command)
    bench.folder.mark(mark)
    writer = PibWrite(bench.nic.mac, bench.address(found), old, new, found.mac, bench.around.session(), force=args.force_commit)
    with bench.around.guarded():
        ended = bench.port.run(writer, (WriteEnded,), _Teller(bench, writer), lambda now: _stop(bench, writer, now))
    return _conclude(bench, ended, mark, writer)


class _Teller:
    """Progress, and a word when the modem does not answer at once."""

    def __init__(self, bench: Workbench, writer: PibWrite) -> None:
        self._bench = bench
        self._writer = writer
        self._stage: Stage | None = None
        self._repeats = 0                        # before this stage

    def __call__(self, event: Any) -> None:
        if type(event) is Writing:
            if event.stage is not self._stage:
                self._stage, self._repeats = event.stage, self._writer.repeats
            repeats = self._writer.repeats - self._repeats
            again = f" ({repeats} frames sent again)" if repeats else ""
            self._bench.screen.progress(event.stage.value + again, event.done, event.total)


def _stop(bench: Workbench, writer: PibWrite, now: int) -> None:
    stage = writer.stage
    if writer.stop(now):
        bench.screen.line("Stopping. The flash has not been touched; looking what the modem has.")
    elif stage is Stage.COMMIT:
        bench.screen.line("The modem is writing its flash; this cannot be stopped now. Leave the power on, it ends by itself.")
    else:
        bench.screen.line("Please wait: looking what the modem has.")


def _conclude(bench: Workbench, ended: WriteEnded, mark: Unfinished, writer: PibWrite) -> int:
    screen = bench.screen
    restore_words = f"python -m tools.modem restore {mark.backup} --interface {bench.args.interface}"
    if ended.trouble:
        screen.line(f"On the way: {ended.trouble}")
    if ended.outcome in (Outcome.NEW, Outcome.OLD):
        bench.folder.unmark(mark)
    if ended.outcome is Outcome.NEW:
        screen.line(f"Done: the modem {writer.modem.hex(':')} has the new PIB; read back after its reset.")
        return DONE
    if ended.outcome is Outcome.OLD:
        screen.line("The modem still has its old PIB; nothing has changed. Try again (one that lost its power in between has forgotten the session)."
                    + (" If it refuses the commit again: --force-commit." if "refused while the modem writes" in ended.trouble else ""))
        return WRONG
    words = {
        Outcome.OTHER: f"The modem has a valid PIB that is neither the old nor the new one. Do: {restore_words}",
        Outcome.DAMAGED: f"The modem's PIB is damaged. Leave it powered. Do: {restore_words}",
        Outcome.BOOT_LOADER: "The modem is in its boot loader: it found no valid PIB or firmware. This tool cannot load these; "
                             f"take the maker's tool (open-plc-utils: plcboot) with the firmware and the backup {mark.backup}",
        Outcome.SILENT: f"The modem does not answer any more. Switch it off and on, wait 10 s, then: python -m tools.modem verify. "
                        f"If its PIB is damaged: {restore_words}",
    }
    screen.line(words[ended.outcome])
    return UNKNOWN
