"""Watches the operating system's own network on our interface: takes it off where that is harmless, tells what is wrong and what to do.

Nothing here ends the program: at a charger at night a warning and another address are worth more than a refusal.
"""
from __future__ import annotations

from drivers.kernel_network import BROKEN, Finding, KernelNetwork, findings, harmless_to_disable
from kernel.journal import Journal
from kernel.task import TIMED, WHEN_IDLE, Row
from kernel.timer import S, US
from tasks.signals import Signals

PERIOD = 10 * S              # an address may appear when the link comes up, or when a network manager starts
BUDGET = 2000 * US           # seven small files of /proc and /sys; 0.3 ms on a PC
DISABLE_TRIES = 3            # somebody else switches it on again: then it is told, not fought
SOURCE = "kernel_watch"


class KernelWatch:
    """A row of its own, WHEN_IDLE. `look` is called once before the table is built, so that the first address is a free one."""

    inboxes = ()

    def __init__(self, network: KernelNetwork, signals: Signals, journal: Journal, *, disable: bool) -> None:
        """`disable`: switch the kernel's IPv6 off where nothing else uses the interface and where it is permitted."""
        self.looks = 0
        self._network = network
        self._journal = journal
        self._own = signals.own_address
        self._addresses = signals.kernel_addresses.claim(SOURCE)
        self._notice = signals.kernel_notice.claim(SOURCE)
        self._tries = DISABLE_TRIES if disable else 0
        self._judged: list[Finding] = []
        self._told: dict[str, str] = {}      # findings that stand: kind -> what was told

    def row(self) -> Row:
        return Row(SOURCE, self, TIMED, BUDGET, WHEN_IDLE)

    def look(self, now: int) -> None:
        """Publishes the kernel's addresses; switches its IPv6 off where that is wanted and harmless."""
        self.looks += 1
        facts = self._network.read()
        if self._tries and harmless_to_disable(facts):
            self._tries -= 1
            name, refused = facts.interface, self._network.disable_ipv6()
            if refused:
                self._tries = 0
                self._journal.note(now, SOURCE, "the operating system's IPv6 on %s cannot be switched off: %s", name, refused, level="warning")
            else:
                self._journal.note(now, SOURCE, "switched the operating system's IPv6 off on %s, until its next start (ipv6.kernel_ipv6)", name)
            facts = self._network.read()
        if facts.addresses != (self._addresses.signal.value or ()):
            self._addresses.set(facts.addresses, now)
        self._judged = findings(facts, self._own.value)

    def run(self, now: int) -> int:
        self.look(now)
        self._tell(self._judged, now)
        return now + PERIOD

    def _tell(self, found: list[Finding], now: int) -> None:
        """Each finding when it appears or changes, and when it is gone."""
        for finding in found:
            text = str(finding)
            if self._told.get(finding.kind) != text:
                self._told[finding.kind] = text
                self._journal.note(now, SOURCE, "%s", text, level=finding.level)
        for kind in [k for k in self._told if all(f.kind != k for f in found)]:
            del self._told[kind]
            self._journal.note(now, SOURCE, "the operating system leaves our interface alone now (%s)", kind)
        broken = next((f.short for f in found if f.level == BROKEN), "")
        if broken != (self._notice.signal.value or ""):
            self._notice.set(broken, now)
