"""Where and how Home Assistant finds what a topic is: discovery topic, identifiers, addresses, JSON. Source: its documentation, integration MQTT, "MQTT discovery"."""
from __future__ import annotations

import json
import re
import zlib
from typing import Any, Mapping


class Place:
    """Of one box at one broker. Its identifiers come from the base topic, which two boxes at one broker never share, and which stays when its modem is changed."""

    def __init__(self, prefix: str, base: str, status: str) -> None:
        """`status`: the topic of the last will."""
        self._prefix = prefix
        self._base = base
        self._status = status
        plain = re.sub(r"[^a-zA-Z0-9_-]", "_", base)          # what a discovery topic may have
        self.node = f"ccsbox_{plain}" if plain == base else f"ccsbox_{plain}_{zlib.crc32(base.encode()):08x}"

    def entry(self, name: str, component: str, meaning: Mapping[str, Any]) -> tuple[str, str]:
        """(topic, JSON) that announces the topic `name` below the base; `meaning` as drivers.interfaces.Publisher has it."""
        made = dict(meaning)
        about = dict(made.pop("device", {}))
        named = f" ({self._base})" if self._base != "pyPlc" else ""
        made |= {"unique_id": f"{self.node}_{name}", "state_topic": f"{self._base}/{name}", "availability_topic": self._status,
                 "device": {**about, "name": about.get("name", "ccsbox") + named, "identifiers": [self.node]}}
        return f"{self._prefix}/{component}/{self.node}/{name}/config", json.dumps(made, ensure_ascii=False, separators=(",", ":"))
