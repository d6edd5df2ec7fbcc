"""What a REST call says, and when: pyPLC's parameters, once something is known, again when it changes, and the last words of a session.

Pure: facts and time come in, the values to be told come out. The names and their unknown (-1) are those of pyPLC's soc_callback (pyPLC sheet 1.2 and 1.5), which
a SmartEVSE takes at /ev_state; the numbers are whole, energy in Wh as the car says it with its multiplier.
"""
from __future__ import annotations

from kernel.record import dataclass

UNKNOWN = "-1"
LONGEST = 80              # characters of a value


@dataclass(slots=True, frozen=True)
class Facts:
    """What is known of the car at this moment: % and Wh, None unknown; `evccid` octets. `further`: other parameters as they are told."""

    soc: float | None = None
    full_soc: float | None = None
    capacity: float | None = None
    request: float | None = None
    evccid: bytes | None = None
    further: tuple[tuple[str, str | None], ...] = ()

    @property
    def known(self) -> bool:
        """Somebody is there: its SoC, what it needs or who it is."""
        return not self.soc is self.capacity is self.request is self.evccid is None


class Report:
    """Call `look` as often as convenient; `last` is what was told last."""

    def __init__(self, every: int, repeat: int) -> None:
        """`every`: ns between two of which only numbers differ. `repeat`: ns after which the same is told again; 0: never."""
        self._every = every
        self._repeat = repeat
        self._at = -every
        self._newest: dict[str, str] = {}        # of this session
        self.last: dict[str, str] = {}

    def look(self, facts: Facts | None, now: int) -> dict[str, str] | None:
        """What is to be told now. `facts` None: no session is on; what it said last and was held back is told then."""
        if facts is None:
            values, self._newest = self._newest, {}
            return self._told(values, now) if values and values != self.last else None
        if not facts.known:
            return None
        values = self._newest = in_words(facts)
        since = now - self._at
        if values == self.last:
            return self._told(values, now) if self._repeat and since >= self._repeat else None
        return self._told(values, now) if since >= self._every or _news(self.last, values) else None

    def _told(self, values: dict[str, str], now: int) -> dict[str, str]:
        self.last, self._at = values, now
        return values


def in_words(facts: Facts) -> dict[str, str]:
    """Parameter -> value, in pyPLC's order."""
    values = {"current_soc": _whole(facts.soc), "full_soc": _whole(facts.full_soc), "energy_capacity": _whole(facts.capacity), "energy_request": _whole(facts.request),
              "evccid": facts.evccid.hex().upper() if facts.evccid else ""}
    for name, text in facts.further:
        values[name] = "" if text is None else text[:LONGEST]
    return values


def _whole(value: float | None) -> str:
    return UNKNOWN if value is None else f"{max(0.0, value):.0f}"


def _news(before: dict[str, str], values: dict[str, str]) -> bool:
    """Another car, or something that was not known before: whoever waits for it, waits for that."""
    return any(values[name] != before.get(name, "") and (before.get(name, "") in ("", UNKNOWN) or name == "evccid") for name in values)

