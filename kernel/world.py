"""Several kernels and their simulated surroundings on one virtual clock: always the earliest event next."""
from __future__ import annotations

from typing import Protocol, Sequence

from kernel.clock import VirtualClock
from kernel.scheduler import Kernel
from kernel.timer import NEVER


class Source(Protocol):
    """Something that happens by itself at known times: a simulated link, a scripted event."""

    def next_event(self) -> int: ...

    def deliver(self, now: int) -> None: ...


class World:
    """Tie order at one instant: sources in the order given, then kernels in the order given. Nothing is random here."""

    def __init__(self, clock: VirtualClock, kernels: Sequence[Kernel], sources: Sequence[Source] = ()) -> None:
        self.clock = clock
        self.kernels = list(kernels)
        self.sources = list(sources)
        self.steps = 0

    def step(self, limit: int = NEVER - 1) -> int:
        """Execute everything of the next instant, unless that is after `limit`; returns the instant, NEVER when none was executed."""
        clock = self.clock
        at = eventful = NEVER
        for source in self.sources:
            t = source.next_event()
            if t < eventful:
                eventful = t
        for kernel in self.kernels:
            if kernel.next_visit < at:
                at = kernel.next_visit
        if eventful < at:
            at = eventful
        if at > limit:
            return NEVER
        now = clock.time
        if at > now:
            clock.time = now = at
        self.steps += 1
        if eventful <= now:
            for source in self.sources:
                if source.next_event() <= now:
                    source.deliver(now)
        for kernel in self.kernels:
            if kernel.next_visit <= now:
                kernel.visit(clock.time)
        return now

    def run_until(self, at: int) -> None:
        """Execute all events up to and including `at`, then stand at `at`."""
        while self.step(at) != NEVER:
            continue
        self.clock.advance_to(at)
