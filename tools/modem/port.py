"""Runs one machine on one interface until it has come to its end: the only place of the tool that waits."""
from __future__ import annotations

from typing import Any, Callable

from kernel.timer import MS, S
from tasks.errors import WireError
from tasks.homeplug.wire import parse
from tools.modem.refusal import MISSING, Refusal

LOOK_EVERY = 200 * MS                  # at a person's wish to stop, and at the interface
FRAMES = 64
RUN_LIMIT = 900 * S                    # longer than all limits of a write together


class Port:
    """`wants_stop`: has a person asked for the end? Counters: `bad` frames."""

    def __init__(self, nic: Any, clock: Any, wants_stop: Callable[[], bool] = lambda: False) -> None:
        self.nic = nic
        self._clock = clock
        self._wants_stop = wants_stop
        self.bad = 0

    def run(self, machine: Any, ends: tuple[type, ...], told: Callable[[Any], None] = lambda event: None,
            stop: Callable[[int], None] | None = None, *, raw: bool = False) -> Any:
        """Until an event of a kind in `ends`, which is returned; others go to `told`. `stop` is called once when a person asks for it.

        `raw`: the machine takes whole frames.
        """
        start = now = self._clock.now()
        machine.start(now)
        asked = False
        while now - start < RUN_LIMIT:
            for _, frame in self.nic.receive(FRAMES, now):
                message = frame if raw else self._parsed(frame)
                if message is not None:
                    machine.receive(message, now)
            machine.handle_timer(now)
            if not asked and stop is not None and self._wants_stop():
                asked = True
                stop(now)
            for message in machine.outgoing():
                self.nic.send(message.emit(), now)
            for event in machine.events():
                if type(event) in ends:
                    return event
                told(event)
            if getattr(self.nic, "gone", False):
                raise Refusal("The network interface has disappeared.", "Plug it in again and repeat the command.", MISSING)
            fd = self.nic.fileno()
            self._clock.wait_until(min(machine.next_timer(), self.nic.next_event(), now + LOOK_EVERY), [fd] if fd >= 0 else [])
            now = self._clock.now()
        raise Refusal(f"No end after {RUN_LIMIT // S} s.", "Look at the modem with `info`.", MISSING)

    def _parsed(self, frame: bytes) -> Any:
        try:
            return parse(frame)
        except WireError:
            self.bad += 1
            return None
