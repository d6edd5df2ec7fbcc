"""Collects what becomes a lane or a series while a record is read: only changes are kept, and a bound holds."""
from __future__ import annotations

from tools.history.model import Lane, Series, Span

MAX_SPANS = 20_000           # of one lane
MAX_POINTS = 400_000         # of one series; ten values a second for eleven hours
STALE = 5.0                  # s: a value that nobody repeats for so long is not drawn on (as tasks/listen/readings MAX_STEP)


class LaneTrack:
    """`put` begins another state, `close` ends it; a state that is repeated goes on."""

    def __init__(self, name: str) -> None:
        self.lane = Lane(name)
        self.not_kept = 0
        self._open: Span | None = None

    def put(self, at: float, text: str, detail: str = "") -> None:
        if self._open is not None:
            self._open.end = max(at, self._open.begin)
            if self._open.text == text:
                return
        self._open = Span(at, at, text, detail)
        if len(self.lane.spans) < MAX_SPANS:
            self.lane.spans.append(self._open)
        else:
            self.not_kept += 1

    def touch(self, at: float) -> None:
        """The state still holds."""
        if self._open is not None:
            self._open.end = max(at, self._open.end)

    def close(self, at: float | None = None) -> None:
        """The state ends, at `at` or where it was last seen."""
        if self._open is not None and at is not None:
            self._open.end = max(at, self._open.begin)
        self._open = None

    def cut(self, at: float) -> None:
        """Nothing is known after this time."""
        self.lane.spans = [span for span in self.lane.spans if span.begin <= at]
        for span in self.lane.spans[-1:]:
            span.end = min(span.end, at)


class SeriesTrack:
    """`put` a value; of a run of equal ones the first and the last are kept."""

    def __init__(self, name: str, unit: str, side: str, step: bool, stale: bool = False) -> None:
        """`stale`: the value is unknown when it was not told for STALE seconds."""
        self.series = Series(name, unit, side, step)
        self.not_kept = 0
        self._stale = stale
        self._last: tuple[float, float] | None = None       # told, perhaps not yet kept

    def put(self, at: float, value: float) -> None:
        points, last = self.series.points, self._last
        if last is not None and self._stale and at - last[0] > STALE:
            self.gap(last[0])
            last = None
        if last is not None and last[1] == value and points and points[-1][1] == value:
            self._last = (at, value)                         # the run goes on: its beginning is kept, its end follows
            return
        if last is not None and points and points[-1][0] < last[0] and not self.series.step:
            self._keep(last)
        self._keep((at, value))
        self._last = (at, value)

    def gap(self, at: float) -> None:
        """From here on the value is not known."""
        if self._last is None:
            return
        points = self.series.points
        if points and points[-1][0] < self._last[0]:
            self._keep(self._last)
        self._keep((max(at, self._last[0]), None))
        self._last = None

    def finish(self, until: float | None = None) -> None:
        """The last value was told at its own time, however long it was the same; one that holds (a limit) does so to `until`."""
        points = self.series.points
        if self._last is not None and until is not None and self.series.step and not self._stale:
            self._last = (max(until, self._last[0]), self._last[1])
        if self._last is not None and points and points[-1][0] < self._last[0]:
            self._keep(self._last)

    def _keep(self, point: tuple[float, float | None]) -> None:
        if len(self.series.points) < MAX_POINTS:
            self.series.points.append(point)
        else:
            self.not_kept += 1
