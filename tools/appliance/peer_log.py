"""Files whom this box has met, car or charger, in the listener's format (SECC log): a line when matched, a line when it ended."""
from __future__ import annotations

from pathlib import Path
from typing import Any

from drivers.session_log import CSV_NAME, PeerLogConfig, SessionLog
from kernel.journal import Journal
from kernel.task import WHEN_IDLE, Row
from kernel.timer import MS, US
from tasks.listen.columns import SECC_LOG, field, id_text, mac
from tasks.signals import Signals

PERIOD = 200 * MS
OVER = frozenset({"Unplugged", "Pausing", "Finished", "Failed"})         # connection states after an end; a pause is none
MATCHED = "matched"
BESIDE = frozenset({"Idle", "Ended", "PowerDeliveryStop", "WaitLoadEnded", "WaitContactorsOpen", "WeldingDetection", "SessionStop"})
"""States of the V2G machine that do not say how far it came: how it was ended stands in `end`."""


class PeerLog:
    """A row of the table: reads signals, writes a file. The second line lacks after a power cut; that is why there is a first."""

    __slots__ = ("_log", "_signals", "_journal", "_own", "_car", "_peer", "_reached", "_facts", "_met", "filed")

    def __init__(self, log: SessionLog, signals: Signals, journal: Journal, own: bytes, *, car: bool) -> None:
        """`own`: our MAC. `car`: this box is the car, and who it meets are chargers."""
        self._log = log
        self._signals = signals
        self._journal = journal
        self._own = own
        self._car = car
        self._peer = b""
        self._reached = MATCHED
        self._facts: dict[str, Any] = {}
        self._met = 0                # when the peer was matched
        self.filed = 0

    def run(self, now: int) -> int:
        s = self._signals
        peer, state = s.peer_mac.value or b"", s.connection_state.value
        if self._peer and (state in OVER or peer not in (b"", self._peer)):
            self._file(now, "another peer" if state not in OVER else "unknown" if s.stop_reason.value is None else s.stop_reason.value.text)
            self._peer = b""
        if peer and not self._peer and state not in OVER:
            self._peer, self._facts = peer, {}
            self._met = s.peer_mac.at
            self._learn()
            self._reached = MATCHED
            self._file(now, "")
        if self._peer:
            self._learn()
        return now + PERIOD

    def close(self, now: int) -> None:
        """The process leaves: a session that still stands is told, with its end where one was told in the last moment."""
        reason = self._signals.stop_reason
        if self._peer:
            self._learn()
            self._file(now, "this program left" if reason.value is None or reason.at < self._met else reason.value.text)
            self._peer = b""

    def _learn(self) -> None:
        """What is known only while it goes on."""
        s = self._signals
        for name in ("attenuation", "peer_modem", "evccid"):
            value = getattr(s, name).value
            if value is not None:
                self._facts[name] = value
        if s.network_id.value is not None and s.network_id.at >= self._met:      # not that of the peer before
            self._facts["network_id"] = s.network_id.value
        if s.connection_state.value == "Session":    # what is told of a session has no time, and stands until the next one forgets it
            self._facts.update((signal.name, signal.value) for signal in (s.v2g_protocol, s.evse_id) if signal.value is not None)
        state = s.v2g_state.value
        if s.connection_state.value == "Session" and state is not None and state not in BESIDE:
            self._reached = state

    def _file(self, now: int, end: str) -> None:
        facts, ours, theirs = self._facts, self._own, self._peer
        secc, car = (theirs, ours) if self._car else (ours, theirs)
        decibel = facts.get("attenuation")
        known = {"secc_mac": mac(secc), "modem_mac": mac(facts.get("peer_modem", b"")), "car_mac": mac(car),
                 "attenuation_db": "" if decibel is None else f"{decibel:.1f}", "nid": facts.get("network_id", b"").hex(),
                 "protocol": facts.get("v2g_protocol", ""), "evseid": facts.get("evse_id", ""), "evccid": id_text(facts.get("evccid", b""), False), "reached": self._reached, "end": end}
        row = [field(known.get(column, "")) for column in SECC_LOG[1:]]
        problem = self._log.session(now, row, {**known, "attenuation_db": decibel})
        self.filed += not problem
        if problem:
            self._journal.limited(now, "peer_log", "disk", "%s", problem)


def peer_log_row(config: PeerLogConfig, output: str | None, epoch_ns: int, signals: Signals, journal: Journal, own: bytes, *, car: bool) -> Row | None:
    """None when neither a file is named nor --output given."""
    folder = None if output is None else Path(output)
    path = Path(config.file) if config.file else None if folder is None else folder / CSV_NAME
    if path is None:
        return None
    log = PeerLog(SessionLog(path, folder, SECC_LOG, epoch_ns, "peer_log.file"), signals, journal, own, car=car)
    return Row("peer_log", log, PERIOD, 500 * US, WHEN_IDLE)
