"""What a person sees: lines, tables, the difference of two PIBs, and progress as a bar or as lines."""
from __future__ import annotations

from typing import Callable, TextIO

from kernel.timer import S

BAR = 30                               # characters
LINE_EVERY = 2 * S                     # without a terminal: a line when something else begins, and else not more often


class Screen:
    """`terminal`: progress may be drawn over itself. `now`: the clock, for progress in lines."""

    def __init__(self, out: TextIO, now: Callable[[], int], *, terminal: bool) -> None:
        self._out = out
        self._now = now
        self._terminal = terminal
        self._drawn = 0
        self._told = ""
        self._told_at = 0

    def line(self, text: str = "") -> None:
        self.clear()
        print(text, file=self._out, flush=True)

    def table(self, rows: list[tuple[str, ...]]) -> None:
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        for row in rows:
            self.line("  " + "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths)).rstrip())

    def differences(self, rows: list[tuple[str, str, str]]) -> None:
        self.table([("field", "now", "then"), *rows])

    def progress(self, text: str, done: int = 0, total: int = 0) -> None:
        """`done` of `total` octets; 0 of 0: something without a measure begins."""
        if self._terminal:
            bar = "" if not total else f"[{'#' * (BAR * done // total):.<{BAR}}] {100 * done // total:3} %  "
            shown = f"  {bar}{text}"
            self._out.write("\r" + shown.ljust(self._drawn))
            self._out.flush()
            self._drawn = len(shown)
            return
        repeated = text == self._told
        if not repeated or self._now() - self._told_at >= LINE_EVERY:
            self._told, self._told_at = text, self._now()
            print(f"  {text}" + (f" ({done} of {total} octets)" if done < total and repeated else ""), file=self._out, flush=True)

    def clear(self) -> None:
        """The bar away, so that something else can be written."""
        if self._drawn:
            self._out.write("\r" + " " * self._drawn + "\r")
            self._drawn = 0
