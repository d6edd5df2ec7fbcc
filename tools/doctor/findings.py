"""One line of the doctor: what was looked at, how grave, what was found, what to do; as text for people and as JSON for the box."""
from __future__ import annotations

import json
from dataclasses import asdict, dataclass

OK, WARN, FAIL = "ok", "warn", "fail"
SHORT = 19                   # characters on the display behind its mark
NAME_WIDTH = 14


@dataclass(slots=True, frozen=True)
class Finding:
    """`short`: the same for a narrow display, at most SHORT characters; every fail has one."""

    check: str
    level: str
    found: str
    remedy: str = ""
    short: str = ""

    def line(self) -> str:
        """`fail  interface      There is no network interface eth1.  -> Plug it in.`"""
        text = f"{self.level:<4}  {self.check:<{NAME_WIDTH}} {one_line(self.found)}"
        return text + (f"  -> {one_line(self.remedy)}" if self.remedy else "")

    def json(self) -> str:
        """One line, too."""
        return json.dumps(asdict(self))


def ok(check: str, found: str) -> Finding:
    return Finding(check, OK, found)


def warn(check: str, found: str, remedy: str) -> Finding:
    return Finding(check, WARN, found, remedy)


def fail(check: str, found: str, remedy: str, short: str = "") -> Finding:
    return Finding(check, FAIL, found, remedy, (short or f"{check} fails")[:SHORT])


def one_line(text: str) -> str:
    """Foreign text (an exception, a command's output) in one line."""
    return " ".join(text.split())


def exit_code(findings: list[Finding]) -> int:
    """0: nothing failed. 2: the configuration is not valid. 1: something else failed."""
    failed = [f.check for f in findings if f.level == FAIL]
    return 2 if "configuration" in failed else 1 if failed else 0


def summary(findings: list[Finding], seconds: float) -> str:
    """The last line for people."""
    counts = {level: sum(f.level == level for f in findings) for level in (OK, WARN, FAIL)}
    well = "All is well." if not counts[WARN] and not counts[FAIL] else "Mend what failed, from the top." if counts[FAIL] else "Nothing failed."
    return f"{counts[OK]} ok, {counts[WARN]} warn, {counts[FAIL]} fail in {seconds:.1f} s. {well}"
