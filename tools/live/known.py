"""What the viewer knows of the box, and the messages for its pages: pure, fed with datagrams, in the order in which they come."""
from __future__ import annotations

import base64
import binascii
from collections import deque
from typing import Any

from tasks.signals import Signals
from tools.live import wire
from tools.live.story import Story

PAGES, WIDTH = 8, 128
MAX_VALUES = 400                 # names; the box has 150
MAX_LINES = 200                  # of the journal, for a page that comes later


class Known:
    """`take` returns True when the pages have something to be told. `strange` counts datagrams that are none of the box's."""

    def __init__(self) -> None:
        self.strange = 0
        self.box: dict[str, Any] = {}
        self.values: dict[str, Any] = {}
        self.oled: list[str] = [base64.b64encode(bytes(WIDTH)).decode()] * PAGES
        self.lines: deque[list[Any]] = deque(maxlen=MAX_LINES)
        self.story: Story | None = None
        self.beat: dict[str, Any] | None = None
        self._units = {signal.name: signal.unit for signal in Signals()}
        self._fresh: dict[str, Any] = {}

    def take(self, data: bytes) -> bool:
        found = wire.read(data)
        try:
            return found is not None and self._take(found) or self._count(found is None)
        except (KeyError, TypeError, ValueError, AttributeError):      # of the box's own making: counted, and the page lives on
            return self._count(True)

    def _count(self, strange: bool) -> bool:
        self.strange += strange
        return False

    def _take(self, found: dict[str, Any]) -> bool:
        kind = found["k"]
        if kind == "box":
            self.box = {key: found[key] for key in ("about", "role", "commands", "epoch")}
            self.values, self.story, self.beat = {}, None, None
            self._fresh = {"full": True}
            return False
        at = float(found["t"])
        if self.story is None and self.box:
            self.story = Story(str(self.box["about"]), str(self.box["role"]), float(self.box["epoch"]), at)
        story = self.story
        if story is None:
            return self._count(True)             # before its beginning: rest of what an earlier viewer did not read
        if kind == "values":
            generation = story.generation
            changed = dict(found["v"])
            if len(self.values) + len(changed) <= MAX_VALUES or not changed.keys() - self.values.keys():
                self.values.update(changed)
                story.values(at, changed)
                self._fresh.setdefault("v", {}).update(changed)
            if story.generation != generation:
                self._fresh["full"] = True
        elif kind == "events":
            for when, source, level, text, number in found["e"]:
                line = [float(when), str(source), str(level), str(text), int(number)]
                self.lines.append(line)
                story.event(float(when), str(source), str(level), str(text), int(number))
                self._fresh["e"] = [*self._fresh.get("e", ()), line][-MAX_LINES:]
        elif kind == "oled":
            for number, text in dict(found["p"]).items():
                if not 0 <= int(number) < PAGES or len(base64.b64decode(text, validate=True)) != WIDTH:
                    raise binascii.Error("no page of the display")
                self.oled[int(number)] = text
            self._fresh["oled"] = self.oled
        elif kind == "beat":
            self.beat = {"t": at, "lost": int(found["lost"])}
            story.beat(at)
            return True
        else:
            return self._count(True)
        return False

    def news(self) -> dict[str, Any]:
        """What came up to this sign of life, for pages that know everything before; after a new beginning the whole."""
        fresh, self._fresh = self._fresh, {}
        if fresh.pop("full", False):
            return self.full()
        return {"k": "tick", **(self.beat or {}), **fresh, "d": self.story.delta() if self.story is not None else {}}

    def full(self) -> dict[str, Any]:
        """Everything, for a page that has just come. What the next `news` carries besides is in it already, and harms nothing."""
        return {"k": "full", **(self.beat or {"t": None, "lost": 0}), "box": self.box, "v": self.values, "units": self._units, "oled": self.oled, "lines": list(self.lines),
                "model": None if self.story is None else self.story.model()}
