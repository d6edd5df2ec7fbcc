"""The PLC modem: who answers at this end of the cable, whether a second one does, and whether its PIB is set up for this box.

The questions are those of `tools/modem find` and of the running box (tasks/homeplug/pib_check.py). While the box runs only the local address is
asked, which never goes out on the power line, and the PIB is left to the box, which looks at it itself when it is idle.
"""
from __future__ import annotations

import secrets
from typing import Any, Iterator

from drivers.errors import DriverError
from kernel.timer import MS, S
from tasks.homeplug import pib
from tasks.homeplug.pib_check import BOX, PIECES
from tasks.homeplug.pib_read import PibRead, ReadDone, ReadFailed
from tasks.homeplug.wire_header import LOCAL_DEVICE
from tools.doctor.findings import Finding, fail, ok, warn
from tools.modem.port import Port
from tools.modem.refusal import Refusal
from tools.modem.search import Found, Search, SearchDone

PATIENCE = 4 * S                     # for the first answer, as tools/modem; a modem restarts in 1.5 to 4 s after a key
PATIENCE_BESIDE = 1500 * MS          # beside a running box: three questions
READ_REPEAT, READ_LIMIT = 500 * MS, 2 * S


class LocalSearch(Search):
    """Ends before it would ask everybody on the power line. `got`: who has answered."""

    def __init__(self, mac: bytes) -> None:
        super().__init__(mac, PATIENCE_BESIDE, secrets.token_bytes(4), everybody=False)

    def handle_timer(self, now: int) -> None:
        if self._end.expired(now):
            self._ask.cancel()
            self._end.cancel()
            self._events.append(SearchDone(list(self._found.values())))
            return
        super().handle_timer(now)


def modem(patient: Any) -> Iterator[Finding]:
    """Lines `modem` and `PIB`."""
    config = patient.config
    excuse = without_modem(config)
    if excuse:
        yield ok("modem", excuse)
        return
    try:
        nic = patient.machine.open_nic(config.interface)
    except DriverError as error:
        yield warn("modem", f"not asked: {error.problem}", "See the lines interface and rights.")
        return
    try:
        port = Port(nic, patient.machine.clock)
        beside = patient.running is not None
        search = LocalSearch(nic.mac) if beside else Search(nic.mac, PATIENCE, secrets.token_bytes(4))
        found = port.run(search, (SearchDone,), raw=True).modems
        ours = [f for f in found if f.local]
        yield from who(ours, [f for f in found if not f.local], nic.mac, config.interface, beside)
        if len(ours) == 1:
            yield from role(port, ours[0], nic.mac, config, beside)
    except Refusal as refusal:
        yield fail("modem", refusal.problem, refusal.remedy, "interface vanished")
    finally:
        nic.close()


def without_modem(config: Any) -> str:
    """Why no modem is asked; "" when one is."""
    if config.modem_emulator.enabled:
        return f"emulated in software ({config.modem_emulator.kind})"
    if config.slac.assume_link:
        return "none needed: slac.assume_link = true"
    if config.mode == "listen" and not config.listen.join:
        return "not asked: a listener sends nothing"
    return ""


def who(ours: list[Found], others: list[Found], host: bytes, interface: str, beside: bool) -> Iterator[Finding]:
    """Who answers."""
    unknown = [f for f in others if f.local is None]
    if not ours and unknown:
        yield ok("modem", f"{named(unknown[0])}; where it is it does not tell, and its role is in the file that its host loads")
    elif not ours:
        also = f"; {len(others)} answer over the power line only, which are somebody else's" if others else ""
        problem = f"no modem answers at {interface}{also}"
        remedy = ("Supply of the modem? Cable? The right interface? A QCA7000 or QCA7005 of a car sleeps 30 s after its last charger and wakes up when one is near. "
                  f"python -m tools.modem find --interface {interface} --wait 20 with the box stopped asks longer.")
        # the running box goes on looking, and its display tells; here a modem that still starts or sleeps is no failure
        yield warn("modem", problem, remedy) if beside else fail("modem", problem, remedy, "modem: no answer")
    for one in ours[:1]:
        if one.mac == host:
            yield fail("modem", f"{named(one)} has the MAC of {interface} itself and swallows frames",
                       "Give one of the two another MAC (tools.modem configure --mac).", "modem MAC = ours")
        elif one.boot_loader:
            yield fail("modem", f"{named(one)} is in its boot loader: no valid firmware or PIB", "Load both with the maker's tool (open-plc-utils: plcboot).",
                       "modem: boot loader")
        else:
            yield ok("modem", named(one) + (f"; {len(others)} more over the power line" if others else ""))
    if len(ours) > 1:
        yield warn("modem", f"{len(ours)} modems answer at {interface}: {', '.join(f.mac.hex(':') for f in ours)}; which one is keyed is chance",
                   "Unplug the second one, or give each an interface of its own.")


def named(found: Found) -> str:
    return f"{found.chip} {found.mac.hex(':')}, firmware {found.version or 'not told'}"


def role(port: Port, found: Found, host: bytes, config: Any, beside: bool) -> Iterator[Finding]:
    """Does the PIB say car or charger as the box is one?"""
    if beside:
        yield ok("PIB", "looked at by the running box itself: its display and journal say when it is wrong")
        return
    if found.obstacle:
        if not found.boot_loader:
            yield ok("PIB", f"not read: {found.obstacle}")
        return
    got = port.run(PibRead(host, LOCAL_DEVICE, found.mac, PIECES, repeat=READ_REPEAT, limit=READ_LIMIT), (ReadDone, ReadFailed))
    if type(got) is ReadFailed:
        yield warn("PIB", f"cannot be read: {got.problem}", got.remedy)
        return
    yield judged(got.pieces, config)


def judged(pieces: list[bytes], config: Any) -> Finding:
    """The pieces of `PIECES`."""
    header, hfid, around, mode = pieces
    try:
        layout = pib.layout_of(pib.check_header(header, pib.TYPE_PIB))
    except pib.PibError as error:
        return warn("PIB", error.problem, error.remedy)
    is_set = pib.role_of(around[0], mode[0])
    told = f"CCoSelection {around[0]}, SLAC mode {mode[0]}, HFID {pib.shown(pib.USER_HFID, hfid)}, layout {layout.name}"
    if config.role not in pib.ROLE_BYTE:
        return ok("PIB", f"set up as {is_set or 'neither'} ({told})")
    remedy = f"python -m tools.modem configure {config.role} --interface {config.interface} with the box stopped."
    if is_set == config.role:
        return (ok("PIB", f"set up for {BOX[config.role]} ({told})") if not around[-1] else
                warn("PIB", f"set up for {BOX[config.role]}, but its sniffer is switched on ({told})", remedy))
    as_what = f"set up for {BOX[is_set]}" if is_set else "not set up" if around[0] == mode[0] == 0 else "set up half"
    return fail("PIB", f"{as_what}, but this box is {BOX[config.role]} ({told}): matching would fail and nothing say why", remedy,
                f"modem not {config.role.upper()}")
