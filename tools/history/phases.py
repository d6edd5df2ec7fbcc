"""Measures the phases of a session: from the first request of a kind to the last answer of it, beside the standard's limit and what is usual."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tasks.listen.record import Record, Role
from tools.history.limits import READY, SETUP, USUAL, limit_of
from tools.history.model import Phase

MAX_PHASES = 200             # of one session; a car that renegotiates for hours
_CHARGING = ("CurrentDemand", "ChargingStatus", "DC_ChargeLoop", "AC_ChargeLoop")


@dataclass(slots=True)
class _Run:
    name: str
    begin: float
    end: float
    requests: int = 0
    answers: int = 0
    ongoing: bool = False
    finished: float | None = None            # when EVSEProcessing said Finished


class Exchanges:
    """Runs of requests and answers of one kind, in order. `name` is that of the current one; PowerDelivery carries (start) or (stop)."""

    def __init__(self) -> None:
        self.name = ""
        self.not_kept = 0
        self._runs: list[_Run] = []
        self._charging = False

    def take(self, record: Record, at: float, values: dict[str, Any]) -> None:
        base = record.name[:-3] if record.name.endswith(("Req", "Res")) else record.name
        if base == "PowerDelivery":
            base = self._power(record, values)
        if base in _CHARGING:
            self._charging = True
        self.name = base
        if not self._runs or self._runs[-1].name != base:
            if len(self._runs) >= MAX_PHASES:
                self.not_kept += 1
                return
            self._runs.append(_Run(base, at, at))
        run = self._runs[-1]
        run.end = at
        if record.sender is Role.CAR:
            run.requests += 1
        else:
            run.answers += 1
            processing = values.get("EVSEProcessing")
            run.ongoing = run.ongoing or processing is not None and processing.startswith("Ongoing")
            if processing == "Finished" and run.finished is None:
                run.finished = at

    def _power(self, record: Record, values: dict[str, Any]) -> str:
        if record.sender is not Role.CAR:
            return self.name if self.name.startswith("PowerDelivery") else "PowerDelivery"
        progress = values.get("ReadyToChargeState", values.get("ChargeProgress"))
        if progress is None:
            return "PowerDelivery"
        if isinstance(progress, bool):
            return "PowerDelivery (start)" if progress else "PowerDelivery (stop)"
        return f"PowerDelivery ({str(progress).lower()})"

    def phases(self, joining: list[tuple[str, float, float, int]], protocol: str) -> list[Phase]:
        """`joining`: (name, begin, end, messages) of what came before the first message."""
        phases = [_phase(name, begin, end, protocol, messages, False) for name, begin, end, messages in joining]
        phases += [_phase(run.name, run.begin, run.finished if run.finished is not None and "CableCheck" in run.name else run.end, protocol, run.requests,
                          run.ongoing) for run in self._runs]
        setup = next((run for run in self._runs if run.name == "SessionSetup" and run.answers), None)
        sdp = next((begin for name, begin, _, _ in joining if name == "SDP"), None)
        if setup is not None and sdp is not None:
            phases.append(_phase(SETUP, sdp, setup.end, protocol, 0, False))
        charging = next((run for run in self._runs if run.name in _CHARGING), None)
        if setup is not None and charging is not None:
            phases.append(_phase(READY, setup.begin, charging.begin, protocol, 0, False))
        return phases


def _phase(name: str, begin: float, end: float, protocol: str, exchanges: int, ongoing: bool) -> Phase:
    limit = limit_of(name, protocol, exchanges, ongoing)
    return Phase(name, begin, end, limit[0] if limit else None, limit[1] if limit else None, USUAL.get(name))
