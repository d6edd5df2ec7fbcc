"""Publishes what the signals say: on change, not more often than each topic allows, and everything again from time to time."""
from __future__ import annotations

from drivers.interfaces import Publisher
from kernel.timer import MS, S
from tasks.mqtt.discovery import announced
from tasks.mqtt.topics import ROLES
from tasks.signals import Signals

PERIOD = 200 * MS
REPEAT = 10 * S          # who subscribes later knows everything so much later; nothing but `status` is retained


class MqttTask:
    """Reads signals, writes none. Counters: `published`, `refused` (topics that are listened to are refused once and then left alone), `announced`."""

    inboxes = ()

    def __init__(self, publisher: Publisher, signals: Signals, role: str, discovery: bool = False) -> None:
        """`role`: pev, evse or bridge; a pev whose signals have a bridge is one. `discovery`: Home Assistant is told what the topics are."""
        if role == "pev" and signals.bridge_phase.writer is not None:      # the row `bridge` is made before this one
            role = "bridge"
        self._publish = publisher.publish
        self._s = signals
        self._topics = list(ROLES[role])
        self._said: dict[str, tuple[str, int]] = {}      # last text and when
        self.published = self.refused = 0
        self.announced = sum(publisher.announce(*entry) for entry in announced(role)) if discovery else 0

    def run(self, now: int) -> int:
        refused = []
        for topic in self._topics:
            text = topic.text(self._s, now)
            said = self._said.get(topic.name)
            if said is None:
                if text is None:
                    continue
            else:
                text = topic.otherwise if text is None else text
                if now - said[1] < (topic.pause if text != said[0] else REPEAT):
                    continue
            if self._publish(topic.name, text, now):
                self._said[topic.name] = (text, now)
                self.published += 1
            else:
                refused.append(topic)
        for topic in refused:
            self._topics.remove(topic)
            self.refused += 1
        return now + PERIOD
