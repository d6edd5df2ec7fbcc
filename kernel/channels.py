"""Signals and mailboxes: the only two ways for tasks to talk.

A Signal is the latest value of a fact or a request, with its time, one writer and many readers.
A Mailbox is a bounded queue for things where each item counts; what does not fit is counted.
"""
from __future__ import annotations

from collections import deque
from typing import Callable, Generic, TypeVar

T = TypeVar("T")


class ChannelError(Exception):
    """A wiring mistake: two writers of one signal, a mailbox with two readers. Found at start-up."""


class Revision:
    """Counts changes of value of all signals that share it: one comparison tells a reader that nothing is new."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0


class Signal(Generic[T]):
    """Latest value with timestamp. `None` until first written; stale after `max_age` ns.

    `value` is the raw last value; code that decides must use `get(now)`, which is None when stale.
    """

    __slots__ = ("name", "unit", "low", "high", "max_age", "meaning", "value", "at", "writer", "revision", "witness")

    def __init__(self, name: str, *, unit: str = "", low: float | None = None, high: float | None = None,
                 max_age: int | None = None, meaning: str = "") -> None:
        self.name = name
        self.unit = unit
        self.low = low
        self.high = high
        self.max_age = max_age
        self.meaning = meaning
        self.value: T | None = None
        self.at = -1
        self.writer: str | None = None
        self.revision = Revision()
        self.witness: Callable[[T | None, int], None] | None = None      # is told every change of value, with its time

    def claim(self, writer: str) -> Writer[T]:
        """The one writing end of this signal; a second claim is a wiring error."""
        if self.writer is not None:
            raise ChannelError(f"signal {self.name}: {writer} wants to write it, but {self.writer} already does")
        self.writer = writer
        return Writer(self)

    def age(self, now: int) -> int | None:
        """ns since the last write, None when never written. A time stamp from the future counts as unknown."""
        if self.at < 0 or self.at > now:
            return None
        return now - self.at

    def fresh(self, now: int) -> bool:
        """True when a known value was written no longer than `max_age` ago."""
        if self.value is None or self.at < 0 or self.at > now:
            return False
        return self.max_age is None or now - self.at <= self.max_age

    def get(self, now: int) -> T | None:
        """The value while fresh, otherwise None."""
        if self.value is None or self.at < 0 or self.at > now:
            return None
        if self.max_age is not None and now - self.at > self.max_age:
            return None
        return self.value

    def stale_at(self) -> int:
        """The first ns at which the present value is no longer fresh; 0 when it is not fresh now."""
        if self.value is None or self.at < 0:
            return 0
        return (1 << 63) - 1 if self.max_age is None else self.at + self.max_age + 1


class Writer(Generic[T]):
    """The single writing end of a signal; handed out once by `Signal.claim`."""

    __slots__ = ("signal",)

    def __init__(self, signal: Signal[T]) -> None:
        self.signal = signal

    def set(self, value: T | None, now: int) -> None:
        """Write a value (None = known to be unknown) with its time."""
        s = self.signal
        if value != s.value:
            s.value = value
            s.revision.count += 1
            if s.witness is not None:
                s.witness(value, now)
        s.at = now


class Lease(Generic[T]):
    """A request that lapses: the writer renews it, silence withdraws it (readers see None when stale)."""

    __slots__ = ("_writer",)

    def __init__(self, writer: Writer[T]) -> None:
        if writer.signal.max_age is None:
            raise ChannelError(f"signal {writer.signal.name} is used as a lease but declares no max_age")
        self._writer = writer

    def renew(self, value: T, now: int) -> None:
        self._writer.set(value, now)

    def release(self, now: int) -> None:
        self._writer.set(None, now)


DROP_NEW = "drop_new"
DROP_OLD = "drop_old"


class Mailbox(Generic[T]):
    """Bounded FIFO with one reader; a full box drops the new or the oldest item and counts it."""

    __slots__ = ("name", "capacity", "overflow", "drops", "taken", "_items", "_wake", "reader", "witness")

    def __init__(self, name: str, capacity: int, overflow: str = DROP_NEW) -> None:
        if capacity < 1 or overflow not in (DROP_NEW, DROP_OLD):
            raise ChannelError(f"mailbox {name}: capacity {capacity} and overflow {overflow!r} are not possible")
        self.name = name
        self.capacity = capacity
        self.overflow = overflow
        self.drops = 0
        self.taken = 0
        self._items: deque[T] = deque()
        self._wake: Callable[[], None] | None = None
        self.reader: str | None = None
        self.witness: Callable[[T], None] | None = None      # is told each item before it is put

    def bind(self, reader: str, wake: Callable[[], None]) -> None:
        """Called by the scheduler: `wake` is called at each put, so that the reader's row becomes due."""
        if self.reader is not None:
            raise ChannelError(f"mailbox {self.name}: {reader} wants to read it, but {self.reader} already does")
        self.reader = reader
        self._wake = wake

    def put(self, item: T) -> bool:
        """Queue an item. False when something was dropped for lack of room (counted in `drops`)."""
        if self.witness is not None:
            self.witness(item)
        kept = True
        if len(self._items) >= self.capacity:
            self.drops += 1
            kept = False
            if self.overflow == DROP_NEW:
                return False
            self._items.popleft()
        self._items.append(item)
        if self._wake is not None:
            self._wake()
        return kept

    def get(self) -> T | None:
        """The oldest item, None when empty."""
        if not self._items:
            return None
        self.taken += 1
        return self._items.popleft()

    def drain(self, limit: int) -> list[T]:
        """Up to `limit` oldest items; the bound keeps the work per call finite."""
        items = self._items
        if not items:
            return []
        n = len(items)
        if n <= limit:
            self.taken += n
            taken = list(items)
            items.clear()
            return taken
        self.taken += limit
        return [items.popleft() for _ in range(limit)]

    def clear(self) -> int:
        """Throw away everything queued (a new session starts); returns how many."""
        n = len(self._items)
        self._items.clear()
        return n

    def __len__(self) -> int:
        return len(self._items)
