"""The show for files and pipes: one plain line per event that matters, no escape sequences, nothing twice."""
from __future__ import annotations

from typing import Callable, TextIO

from kernel.journal import Event
from kernel.timer import S
from tools.show.bridge_view import BridgeView
from tools.show.pieces import NAMES
from tools.show.text import ascii_only, clock
from tools.show.view import BY_PILOT, SideView, View

PROGRESS = S                 # wall time between two progress lines
STATES = ("connection_state", "link_state", "quality", "v2g_state", "safety_state")
BRIDGE_STATES = ("phase", "state", "wait", "battery", "d1", "d2", "k", "lock", "vehicle_contactors")
LEVELS = frozenset({"checkpoint", "warning", "error"})
WAITING = 2000               # events kept between two updates; more are counted in `skipped`


class LineMode:
    """Prints checkpoints, warnings, errors, changes of state, each percent of SoC, and where the charge stands."""

    def __init__(self, out: TextIO, wall: Callable[[], int], unicode: bool) -> None:
        self._out = out
        self._wall = wall
        self._unicode = unicode
        self._events: list[tuple[int, int, str, Event]] = []
        self._number = 0
        self._states: dict[str, list[str | None]] = {}
        self._percent: int | None = None
        self._told_at: int | None = None
        self.skipped = 0

    def note(self, name: str, event: Event) -> None:
        if event.level not in LEVELS:
            return
        if len(self._events) >= WAITING:
            self.skipped += 1
            return
        self._number += 1
        self._events.append((event.at, self._number, name, event))

    def update(self, view: View) -> None:
        for _, _, name, event in sorted(self._events, key=lambda e: e[:2]):
            tag = f"[{event.number:3d}]" if event.number else event.level.upper()
            self._line(event.at, NAMES.get(name, name), f"{tag} {event.source}: {' '.join(event.message().split())}")
        self._events.clear()
        if self.skipped:
            self._line(view.now, "show", f"{self.skipped} events not shown, see the journal file")
            self.skipped = 0
        self._changes(view, "CAR" if view.bridge is None else "BRIDGE", view.car, STATES)
        if view.bridge is not None:
            self._changes(view, "CHADEMO", view.bridge, BRIDGE_STATES)
        self._changes(view, "CHARGER", view.charger, STATES)
        self._where(view)
        self._out.flush()

    def _changes(self, view: View, name: str, side: SideView | BridgeView, states: tuple[str, ...]) -> None:
        new = [_word(getattr(side, state)) for state in states]
        old = self._states.get(name, [None] * len(states))
        changes = [f"{state.removesuffix('_state')} {a or '-'} -> {b or '-'}" for state, a, b in zip(states, old, new) if a != b]
        if changes:
            self._line(view.now, name, ", ".join(changes))
            self._states[name] = new

    def _where(self, view: View) -> None:
        """A line for each new percent, and while nothing else moves one per second of wall time."""
        wall = self._wall()
        percent = None if view.car.soc is None else int(view.car.soc)
        if percent == self._percent and self._told_at is not None and wall - self._told_at < PROGRESS:
            return
        self._percent, self._told_at = percent, wall
        car = view.charger if view.charger.connection_state == BY_PILOT else view.car       # a car that does not speak says nothing
        parts = [f"SoC {percent:3d} %" if percent is not None else "SoC --"]
        if car.power is not None:
            parts.append(f"{car.power / 1000:6.1f} kW AC")
        elif car.voltage is not None and car.current is not None:
            parts.append(f"{car.voltage:6.1f} V {car.current:6.1f} A {car.voltage * car.current / 1000:6.1f} kW")
        if view.bridge is not None and view.bridge.plug_voltage is not None:
            parts.append(f"V_car {view.bridge.plug_voltage:6.1f} V")
        if view.energy is not None:
            parts.append(f"{view.energy / 1000:6.2f} kWh")
        if view.progress is not None:
            parts.append(f"{100 * view.progress:3.0f} % done")
        self._line(view.now, "", "  ".join(parts))

    def _line(self, at: int, name: str, text: str) -> None:
        line = f"{clock(at)} {name:<8}{text}"
        self._out.write((line if self._unicode else ascii_only(line)) + "\n")


def _word(value: str | bool | None) -> str | None:
    return ("on" if value else "off") if isinstance(value, bool) else value
