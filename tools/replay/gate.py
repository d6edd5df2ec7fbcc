"""A network interface with a gate: holds a box before what it is about to send, and lets another one take its place."""
from __future__ import annotations

from typing import Any, Callable


class Gate:
    """Nic around another one. `before(frame)`: True closes the gate before this frame leaves; `held` is that frame, and nothing passes any more until `open()`.

    `hears(frame)`: False loses a frame on its way in. `tap(at, frame)` sees what passes in either direction.
    """

    def __init__(self, inner: Any) -> None:
        self.mac = inner.mac
        self.held = b""
        self.before: Callable[[bytes], bool] | None = None
        self.hears: Callable[[bytes], bool] | None = None
        self.tap: Callable[[int, bytes], None] | None = None
        self.inner = inner

    def open(self) -> None:
        """Whoever stands here now may send."""
        self.held, self.before = b"", None

    def send(self, frame: bytes, now: int) -> bool:
        if not self.held and self.before is not None and self.before(frame):
            self.held = frame
        if self.held:
            return True
        if self.tap is not None:
            self.tap(now, frame)
        return bool(self.inner.send(frame, now))

    def receive(self, limit: int, now: int) -> list[tuple[int, bytes]]:
        frames = self.inner.receive(limit, now)
        if self.hears is not None:
            frames = [(at, frame) for at, frame in frames if self.hears(frame)]
        if self.tap is not None:
            for at, frame in frames:
                self.tap(at, frame)
        return frames

    @property
    def errors(self) -> int:
        return self.inner.errors

    @property
    def drops(self) -> int:
        return self.inner.drops

    @property
    def on_event(self) -> Callable[[], None] | None:
        return self.inner.on_event

    @on_event.setter
    def on_event(self, call: Callable[[], None]) -> None:
        self.inner.on_event = call

    def fileno(self) -> int:
        return self.inner.fileno()

    def next_event(self) -> int:
        return self.inner.next_event()

    def favour(self, station: bytes | None) -> None:
        self.inner.favour(station)

    def close(self) -> None:
        self.inner.close()
