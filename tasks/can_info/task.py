"""A charger's signals become the three frames of pyPLC's FoccciCape, at its pace; nothing is heard and nothing depends on them."""
from __future__ import annotations

from drivers.interfaces import CanPort
from kernel.journal import Journal
from kernel.timer import MS, Cadence
from tasks.can_info.info_number import InfoNumber
from tasks.can_info.wire import CAR, STATUS, VALUES, Car, Status, Values
from tasks.signals import Signals

SOURCE = "can_info"
PERIOD = 30 * MS            # pyPLC's tick: status and values
CAR_PERIOD = 30 * PERIOD    # 0.9 s


class CanInfoTask:
    """`refused` counts frames that the bus did not take; it says in the journal why."""

    inboxes = ()

    def __init__(self, port: CanPort, signals: Signals, journal: Journal, log_index: int | None = None) -> None:
        """`log_index`: number of the log file of this run, where the box numbers them."""
        self._send = port.send
        self._s = signals
        self._journal = journal
        self._log_index = log_index
        self._number = InfoNumber()
        self._often = Cadence(PERIOD)
        self._seldom = Cadence(CAR_PERIOD)
        self.refused = 0

    def run(self, now: int) -> int:
        s = self._s
        number = self._number.update(s.connection_state.value, s.link_state.value, s.v2g_state.value, s.stop_reason.value, now)
        if self._often.take(now):
            self._tell(STATUS, Status(number, s.ev_soc.get(now)).emit(), now)
            self._tell(VALUES, Values(s.ev_target_voltage.get(now), s.ev_target_current.get(now), s.output_voltage.get(now), s.output_current.get(now)).emit(), now)
        if self._seldom.take(now):
            evccid = s.evccid.value
            mac = evccid if evccid is not None and len(evccid) == 6 else s.peer_mac.value
            self._tell(CAR, Car(mac, self._log_index).emit(), now)
        return min(self._often.at, self._seldom.at)

    def _tell(self, id: int, data: bytes, now: int) -> None:
        if not self._send(id, data, False, now):
            self.refused += 1
            self._journal.limited(now, SOURCE, "refused", "the CAN bus takes no frames (%d so far)", self.refused)
