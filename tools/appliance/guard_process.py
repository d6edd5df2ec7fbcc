"""The guard process: waits for signs of life, and when they end brings the output lines to their safe state and keeps them.

Started by `guard.py` as its own program with few imports, so that nothing that breaks the main process breaks it too.
It leaves when the main process ended in order, or else when a new one asks for the lines or somebody sends SIGTERM;
never before the contactors are open, never while the main process lives.
"""
from __future__ import annotations

import os
import select
import signal
import socket
import sys
from types import FrameType
from typing import Callable

from drivers.guard import DOOR, SERIAL, Channel, read_beat
from drivers.sim.lines import Lines
from kernel.clock import MonotonicClock
from kernel.realtime import PRIORITY, go_realtime
from tools.appliance.guard_policy import POWER_OFF, STATE_B, GuardPolicy, Limits

BACKLOG = 4
MAX_WAIT_S = 0.1                 # a signal between two waits is seen so soon
BEGINS = {"pev": STATE_B, "evse": POWER_OFF}
SPARED = "-1000"                 # /proc/self/oom_score_adj: the last to be killed when memory runs out


class GuardProcess:
    """One policy with its descriptors."""

    def __init__(self, policy: GuardPolicy, channel: Channel, name: str, now: Callable[[], int], pulse: Callable[[int], int] | None = None) -> None:
        """`pulse`: keeps an enable stage awake, returns when it wants to be called again."""
        self._pulse = pulse
        self._policy = policy
        self._channel = channel
        self._name = name
        self._now = now
        self._asked = False                         # somebody wants the guard to leave
        self._successor: socket.socket | None = None
        self.unsaid = 0
        # the terminal and the service manager signal the whole group, SIGABRT is systemd's watchdog: the main process ends first
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGABRT):
            signal.signal(number, self._ask)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self._asked = True

    def serve(self) -> None:
        """Until it may leave."""
        policy = self._policy
        while True:
            now = self._now()
            deadline = policy.run(now)
            if self._pulse is not None and not policy.released:    # once all is open the hardware may know it, too
                deadline = min(deadline, self._pulse(now))
            self._speak()
            if policy.finished and (not policy.holding or self._asked):
                return
            wait = min(max((deadline - self._now()) / 1e9, 0.0), MAX_WAIT_S)
            readable, _, _ = select.select(self._descriptors(), (), (), wait)
            if self._channel in readable:
                self._listen()
            if self._successor is not None and self._successor in readable and policy.finished:
                return                              # our end closes the successor's connection: the lines are free

    def _descriptors(self) -> list:
        found: list = [] if self._channel.closed else [self._channel]
        if self._policy.holding and self._successor is None:
            self._successor = self._open_door()
        if self._successor is not None and self._policy.finished:
            found.append(self._successor)
        return found

    def _listen(self) -> None:
        channel = self._channel
        for data in channel.receive():
            beat = read_beat(data)
            if beat is not None:
                self._policy.beat(beat, self._now())
                channel.send(b"E")
        if channel.closed:
            self._policy.gone(self._now())

    def _open_door(self) -> socket.socket | None:
        """Where the next main process asks for the lines; without it SIGTERM still ends this one."""
        door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            door.bind(DOOR + self._name)
            door.listen(BACKLOG)
        except OSError as error:
            self._policy.notes.append(f"no successor can ask for the lines ({error.strerror}); SIGTERM to {os.getpid()} frees them")
        return door

    def _speak(self) -> None:
        """To standard error, only when it takes the text at once: a stopped terminal must not stop the guard."""
        notes = self._policy.notes
        while notes:
            text = f"guard {os.getpid()}: {notes.pop(0)}\n"
            try:
                _, ready, _ = select.select((), (2,), (), 0)
                if ready:
                    os.write(2, text.encode())
                    continue
            except OSError:
                self.unsaid += 1
                continue
            self.unsaid += 1


def main(arguments: list[str]) -> None:
    """`arguments`: the lines (descriptor of their page, or the word of pins or of a serial port), descriptor of the channel, name, mode of the box,
    realtime 0 or 1, then NAME=NUMBER of `Limits`."""
    clock = MonotonicClock()
    lines, pulse = open_lines(arguments[0])
    channel, name = Channel.of(int(arguments[1])), arguments[2]
    limits = Limits(**{key: float(value) for key, _, value in (word.partition("=") for word in arguments[5:])})
    process = GuardProcess(GuardPolicy(limits, lines, clock.now(), BEGINS[arguments[3]]), channel, name, clock.now, pulse)
    reports = [str(report) for report in go_realtime(PRIORITY + 1)] if arguments[4] == "1" else []
    channel.send("\n".join(["R", *reports, _spare_me()]).encode())
    process.serve()
    lines.close()                # before the door closes with the process: its successor must not find pins still busy


def open_lines(word: str) -> tuple[Lines, Callable[[int], int] | None]:
    """The lines of `Lines.word`, and the pulse of their enable stage where one is fitted. Pins and serial ports are imported only where there are some."""
    if word.startswith(SERIAL):
        from drivers.serial_line.lines import SerialLines
        return SerialLines.inherited(word), None
    if "," not in word:
        return Lines(int(word)), None
    from drivers.pins.lines import PULSE, PinLines
    lines = PinLines.inherited(word)
    return lines, lines.pulse if PULSE in lines.hands else None


def _spare_me() -> str:
    try:
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
            file.write(SPARED)
    except OSError as error:
        return f"spared when memory runs out: refused ({error.strerror})"
    return "spared when memory runs out: granted"


if __name__ == "__main__":
    main(sys.argv[1:])
