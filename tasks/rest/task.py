"""Looks at the signals while a session is on and hands what is to be told to the REST call; reads signals, writes none."""
from __future__ import annotations

from typing import TypeVar

from drivers.interfaces import ValueSink
from kernel.channels import Signal
from kernel.timer import MS
from tasks.mqtt.topics import ROLES, Topic
from tasks.rest.report import Facts, Report
from tasks.signals import Signals

PERIOD = 200 * MS
T = TypeVar("T")


class RestTask:
    """`told` counts what was handed over. A session is on while the peer's V2G messages come (signal peer_heard, 5 s)."""

    inboxes = ()

    def __init__(self, sink: ValueSink, signals: Signals, role: str, report: Report, further: list[str], full_soc: float, own_evccid: bytes) -> None:
        """`further`: topics of tasks/mqtt by name. `full_soc` (%) and `own_evccid`: what a car tells; a charger hears them."""
        self._sink = sink
        self._s = signals
        self._report = report
        self._car = role == "pev"
        named = {topic.name: topic for topic in ROLES[role]}
        self._further: list[Topic] = [named[name] for name in further]
        self._full_soc = full_soc
        self._own_evccid = own_evccid
        self._car_says: tuple[float | None, float | None, float | None, float | None, bytes | None] = (None,) * 5
        self._heard_at = -1
        self.told = 0

    def run(self, now: int) -> int:
        values = self._report.look(self._facts(now) if self._s.peer_heard.get(now) else None, now)
        if values is not None:
            self.told += 1
            self._sink.tell(values, now)
        return now + PERIOD

    def _facts(self, now: int) -> Facts:
        """The car's values stand as they were when the peer was heard last: a battery that was unplugged meanwhile is another one. The rest tells the end."""
        s = self._s
        if s.peer_heard.at != self._heard_at:
            self._heard_at = s.peer_heard.at
            if self._car:
                soc, capacity = s.battery_soc.get(now), s.battery_capacity.get(now)
                request = None if soc is None or capacity is None else max(0.0, capacity * (self._full_soc - soc) / 100)
                self._car_says = soc, self._full_soc, capacity, request, self._own_evccid
            else:
                self._car_says = (self._of_this_car(s.ev_soc), self._of_this_car(s.ev_full_soc), self._of_this_car(s.ev_capacity),
                                  self._of_this_car(s.ev_energy_request), self._of_this_car(s.evccid))
        return Facts(*self._car_says, tuple((topic.name, topic.text(s, now)) for topic in self._further))

    def _of_this_car(self, signal: Signal[T]) -> T | None:
        """Signals of a charger keep what the last car said. What this one has said is written again with each of its messages, in the moment of peer_heard."""
        return signal.value if signal.at == self._s.peer_heard.at else None
