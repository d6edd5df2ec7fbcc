"""The commands that only look: find, info, backup, verify."""
from __future__ import annotations

from tasks.homeplug import pib
from tasks.homeplug.pib_read import ReadFailed
from tools.modem.refusal import DONE, MISSING, WRONG, Refusal
from tools.modem.search import Found
from tools.modem.workbench import Workbench

WHERE = {True: "here", False: "power line", None: "unknown"}


def find(bench: Workbench) -> int:
    """All modems that answer; 3 when none does, or only others' over the power line."""
    found = bench.search()
    bench.tell_unfinished()
    if not found:
        raise Refusal(f"No modem answers at {bench.args.interface}.", bench.who_answers(), MISSING)
    bench.screen.table([("MAC", "where", "chip", "firmware", ""), *(
        (f.mac.hex(":"), WHERE[f.local], f.chip, f.version, f.obstacle) for f in found)])
    if any(f.mac == bench.nic.mac for f in found):
        bench.screen.line("Attention: this modem has the MAC of the interface itself; it will swallow frames (sheet 1.2). Change one of the two.")
    if all(f.local is False for f in found):
        raise Refusal("None of them is at this end of the cable.", "A modem over the power line belongs to somebody else.", MISSING)
    return DONE


def info(bench: Workbench) -> int:
    """Chip, firmware and what the PIB says."""
    bench.tell_unfinished()
    found = bench.choose()
    _about(bench, found)
    if found.obstacle:
        bench.screen.line(f"The PIB is not read: this modem is {found.obstacle}.")
        return DONE
    image = bench.read(found, flash=bench.args.flash)
    _about_pib(bench, image, secrets=bench.args.secrets)
    return DONE


def _about(bench: Workbench, found: Found) -> None:
    rows = [("MAC", found.mac.hex(":")), ("chip", f"{found.chip}{f' ({found.hardware})' if found.hardware else ''}"), ("firmware", found.version)]
    if found.build:
        rows.append(("built", found.build))
    bench.screen.table(rows)


def _about_pib(bench: Workbench, image: pib.Pib, *, secrets: bool) -> None:
    rows = [("role", image.role or "unclear or not set"), ("PIB", f"{image.layout.name}, {len(image.octets)} octets, checksums right")]
    for field in pib.FIELDS:
        if field not in (pib.MAC, pib.KEY_MARK):
            rows.append((field.name, "(hidden, --secrets shows it)" if field.secret and not secrets else image.text(field)))
    bench.screen.table(rows)


def backup(bench: Workbench) -> int:
    """The PIB into a new file."""
    bench.tell_unfinished()
    found = bench.pick()
    image = bench.read(found, flash=bench.args.flash)
    file = bench.folder.backup(image, bench.around.stamp())
    bench.screen.line(f"{file} ({len(image.octets)} octets, {image.layout.name}, role {image.role or 'not set'}; contains the network key)")
    return DONE


def verify(bench: Workbench) -> int:
    """Is the modem what the box needs? Names everything that is not."""
    role = bench.args.role
    bench.tell_unfinished()
    found = bench.pick()
    got = bench.try_read(found, flash=bench.args.flash)
    if type(got) is ReadFailed:
        raise Refusal(got.problem, got.remedy, WRONG if got.octets else MISSING)
    wrong = faults(got.image, role, found.mac, bench.nic.mac)
    do = f"python -m tools.modem configure {role} --interface {bench.args.interface}"
    for what, remedy in wrong:
        bench.screen.line(f"wrong: {what} {remedy or f'Do: {do}'}")
    for what in oddities(got.image):
        bench.screen.line(f"note: {what}")
    if wrong:
        return WRONG
    bench.screen.line(f"Modem {found.mac.hex(':')} ({found.chip}, {found.version}) is set up as {role.upper()}; PIB checksums right.")
    return DONE


def faults(image: pib.Pib, role: str, modem: bytes, host: bytes) -> list[tuple[str, str]]:
    """(what is wrong, its remedy; empty: configure). An empty list: fit for this role."""
    wrong = []
    needed = pib.ROLE_BYTE[role]
    for field in (pib.CCO_SELECTION, pib.SLAC_MODE):
        if image.raw(field)[0] != needed:
            wrong.append((f"{field.name} is {image.text(field)}, {role.upper()} needs {needed}.", ""))
    if image.raw(pib.SNIFFER) != b"\0":
        wrong.append(("the sniffer is switched on.", ""))
    if image.mac != modem:
        wrong.append((f"the PIB says MAC {image.mac.hex(':')}, the modem answers as {modem.hex(':')}.", "Switch the modem off and on."))
    if modem == host:
        wrong.append(("the modem has the MAC of the interface and swallows frames.", "Give the interface or the modem (configure --mac) another one."))
    return wrong


def oddities(image: pib.Pib) -> list[str]:
    """Unusual, but nothing that `configure` would change."""
    usual = {pib.LOW_SPEED: 10240, pib.HIGH_SPEED: 102400}
    return [f"{field.name} is {image.text(field)}; all modems seen so far have {value}." for field, value in usual.items()
            if int.from_bytes(image.raw(field), "little") != value]
