"""Is the own modem set up for this box? A car's modem in a charger measures no sounds, and nothing else tells so.

A few octets of the PIB are read once a modem is found and the box is idle: the header (is this a layout that we know?), the user
HFID and what stands around the two role bytes; never the key. During a session nothing is asked. A modem that gives no
answer or refuses is unknown, which is no fault. A fault is looked at again from time to time, for somebody may mend it.
Numbers: slac-and-network sheet 1.8.
"""
from __future__ import annotations

from kernel.record import dataclass
from kernel.timer import S, Timer
from tasks.homeplug import pib
from tasks.homeplug.pib_read import PibRead, ReadDone, ReadFailed
from tasks.homeplug.wire_header import LOCAL_DEVICE
from tasks.machine import Note

REPEAT, LIMIT = 2 * S, 8 * S           # four questions at most for each piece
LOOK_AGAIN = 30 * S                    # while a fault stands
PIECES = ((pib.PIB_HEADER, pib.HEADER), (pib.BODY + pib.USER_HFID.at, pib.USER_HFID.length),
          (pib.BODY + pib.CCO_SELECTION.at, pib.SNIFFER.at - pib.CCO_SELECTION.at + 1), (pib.BODY + pib.SLAC_MODE.at, 1))
BOX = {pib.PEV: "the car's side", pib.EVSE: "the charger's side"}


@dataclass(slots=True)
class ModemJudged:
    """`fault`: a few words for the display (21 characters), None when the modem is right or unknown."""

    fault: str | None


class PibCheck:
    """`role`: pev or evse. `known`: None as long as nothing is known of this modem, else whether it is right. `looks` counts readings."""

    def __init__(self, role: str, host_mac: bytes, interface: str) -> None:
        self._role = role
        self._host_mac = host_mac
        self._interface = interface
        self._modem: bytes | None = None
        self._reader: PibRead | None = None
        self._wanted = False                     # a look is due as soon as the box is idle
        self._idle = False
        self._again = Timer()
        self._told: tuple = ()
        self._events: list = []
        self.known: bool | None = None
        self.looks = 0

    # --- what the box tells

    def found(self, mac: bytes, text: str, now: int) -> None:
        """A modem that speaks Qualcomm's messages answers."""
        self._forget()
        self._modem = mac
        if "boot loader" in text:
            self._judge(False, "Modem in boot loader", "no valid PIB or firmware", now, "load both with its maker's tool")
            self._again.cancel()                 # it can read nothing to us; once it has its firmware it is found anew
        else:
            self._wanted = True

    def lost(self, now: int) -> None:
        self._forget()
        self._told = ()
        self._events.append(ModemJudged(None))

    def allow(self, idle: bool, now: int) -> None:
        """No matching, no session: asking is allowed. When that ends a look is broken off and comes later."""
        self._idle = idle
        if not idle and self._reader is not None:
            self._reader.cancel()
            self._reader = None
            self._wanted = True
        elif idle and self._wanted and self._modem is not None:
            self._wanted = False
            self.looks += 1
            self._reader = PibRead(self._host_mac, LOCAL_DEVICE, self._modem, PIECES, repeat=REPEAT, limit=LIMIT)
            self._reader.start(now)

    # --- the five verbs

    def receive(self, m, now: int) -> None:
        if self._reader is not None:
            self._reader.receive(m, now)
            self._conclude(now)

    def handle_timer(self, now: int) -> None:
        if self._again.take(now):
            self._wanted = True
            self.allow(self._idle, now)
        if self._reader is not None:
            self._reader.handle_timer(now)
            self._conclude(now)

    def outgoing(self) -> list:
        return [] if self._reader is None else self._reader.outgoing()

    def events(self) -> list:
        events, self._events = self._events, []
        return events

    def next_timer(self) -> int:
        return self._again.at if self._reader is None else min(self._again.at, self._reader.next_timer())

    # ---

    def _forget(self) -> None:
        self._modem = None
        self._reader = None
        self._wanted = False
        self._again.cancel()
        self.known = None

    def _conclude(self, now: int) -> None:
        for e in self._reader.events():
            if type(e) is ReadFailed:
                self._reader = None
                self._unknown(e.problem, now)
                return
            if type(e) is ReadDone:
                self._reader = None
                self._look_at(e.pieces, now)
                return

    def _look_at(self, pieces: list[bytes], now: int) -> None:
        header, hfid, around, mode = pieces
        try:
            layout = pib.layout_of(pib.check_header(header, pib.TYPE_PIB))
        except pib.PibError as e:
            self._unknown(e.problem, now)
            return
        cco, sniffer = around[0], around[-1]
        role = pib.role_of(cco, mode[0])
        told = f"CCoSelection {cco}, SLAC mode {mode[0]}, HFID {pib.shown(pib.USER_HFID, hfid)}, layout {layout.name}"
        if sniffer and not self._told:
            self._events.append(Note("the modem's sniffer is switched on in its PIB; `python -m tools.modem configure` switches it off", (), "warning"))
        if role == self._role:
            self._judge(True, None, told, now)
        elif role is not None:
            self._judge(False, f"Modem set up as {role.upper()}", told, now)
        elif cco == 0 and mode[0] == 0:
            self._judge(False, "Modem not set up", told, now)
        else:
            self._judge(False, "Modem role unclear", told, now)

    def _unknown(self, problem: str, now: int) -> None:
        self.known = None
        if self._told:                           # what stood on the display is not known any more; it may only have missed the questions
            self._told = ()
            self._again.arm(now, LOOK_AGAIN)
            self._events.append(ModemJudged(None))
        self._events.append(Note("whether the modem is set up for this box is not known: %s", (problem,)))

    def _judge(self, right: bool, fault: str | None, told: str, now: int, remedy: str = "") -> None:
        self.known = right
        if not right:
            self._again.arm(now, LOOK_AGAIN)
        if (right, told) == self._told:
            return
        self._told = (right, told)
        self._events.append(ModemJudged(fault))
        if right:
            self._events.append(Note("the modem is set up for %s (%s)", (BOX[self._role], told)))
        else:
            remedy = remedy or f"python -m tools.modem configure {self._role} --interface {self._interface}"
            self._events.append(Note("%s, this box is %s (%s). Do: %s", (fault, BOX[self._role], told, remedy), "error"))
