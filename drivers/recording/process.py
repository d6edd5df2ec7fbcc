"""The process that writes the sessions. It sleeps while nothing is recorded, and leaves when the box has gone and everything is on the disk."""
from __future__ import annotations

import os
import select
import signal
import socket
import sys
from typing import Callable

from drivers.recording import wire
from drivers.recording.store import Store
from drivers.recording.writer import Writer
from kernel.clock import MonotonicClock
from kernel.timer import NEVER, S

NICE = 5                     # the box comes first
MIB = 1024 * 1024


def serve(writer: Writer, box: socket.socket, clock: MonotonicClock) -> None:
    """Until the box has closed its end."""
    while True:
        deadline = writer.next_timer
        wait = None if deadline == NEVER else max(0.0, (deadline - clock.now()) / S)
        readable, _, _ = select.select((box,), (), (), wait)
        if readable:
            data = box.recv(wire.MAX_DATAGRAM)
            if not data:
                writer.gone(clock.now())
                return
            writer.take(data, clock.now())
        writer.tick(clock.now())


def main(arguments: list[str], rebuild: Callable[[str], None] | None = None) -> None:
    """`arguments`: descriptor of the channel, folders to keep, then for each place its path, MiB of all sessions there, MiB of one.
    `rebuild(folder)`: what its caller does with one that was cut off and is mended."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)        # meant for the whole group: the box ends first, and tells how it ended
    os.nice(NICE)
    box = socket.socket(fileno=int(arguments[0]))
    keep, words = int(arguments[1]), arguments[2:]
    places = [(Store(path, keep, int(total) * MIB), int(one) * MIB) for path, total, one in zip(words[::3], words[1::3], words[2::3])]

    def say(**told: object) -> None:
        try:
            box.send(wire.status(**told), socket.MSG_NOSIGNAL | socket.MSG_DONTWAIT)
        except OSError:                              # the box is gone or hears nothing: the folder is what counts
            unheard.append(told)
    unheard: list[dict[str, object]] = []
    serve(Writer(places, say, rebuild=rebuild), box, MonotonicClock())


if __name__ == "__main__":
    main(sys.argv[1:])
