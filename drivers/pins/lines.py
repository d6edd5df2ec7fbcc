"""The outputs of a box on real pins: the shared page of `drivers.sim.lines` with a requested GPIO line behind each of its lines.

Main process and guard hold page and pins, both through inherited descriptors; either can drop a line, whoever raised it.
The page says what was commanded. A pin is raised after its octet and lowered before it, so that one who dies in between
leaves a line that looks armed and is not, never the other way round. A pin that did not take its level is in doubt: its
line counts as armed, and it is commanded again by everyone who comes along.
"""
from __future__ import annotations

import errno
import os
from typing import Callable, Mapping

from drivers.pins.hand import LineHand, read_hand
from drivers.pins.pwm_hand import PwmHand, read_pwm
from drivers.sim.lines import CONTACTORS, D1, D2, DUTY, FIRST, LOCK, NAME, SIZE, STEADY, UNLOCK, VEHICLE_LOCK, VEHICLE_UNLOCK, Lines
from kernel.clock import MonotonicClock
from kernel.timer import MS

BULB = DUTY + 1                      # a second relay (a light bulb as load, field-pyplc sheet 1.4): falls with the contactors, whoever drops them
PULSE = BULB + 1                     # the enable stage that the guard keeps awake; no level of it stands in the page
SWITCHED = (FIRST, CONTACTORS, LOCK, UNLOCK, BULB)
BRIDGED = (D1, D2, VEHICLE_LOCK, VEHICLE_UNLOCK)
NAMES = {FIRST: "pilot/power", CONTACTORS: "contactors", LOCK: "lock", UNLOCK: "unlock", BULB: "bulb", DUTY: "PWM", PULSE: "pulse",
         D1: "d1", D2: "d2", VEHICLE_LOCK: "veh. lock", VEHICLE_UNLOCK: "veh. unlock"}
DOUBT_AT = SIZE                      # octet per place: its last command was refused
PERIOD = 100 * MS                    # of `run`: one pin is read back, every doubtful one commanded again
PULSE_HALF = 50 * MS                 # 10 Hz: ten edges within the 0.5 s after which the enable stage lets go
MAX_BLIND = 3                        # failed readings of one output, after which its chip counts as one that cannot tell
MAX_ODD = 2                          # readings in a row that differ from the command; one may be a change by the other process


class PinLines(Lines):
    """Lines whose levels are pins. Moreover Polled: `run` reads back and repeats what was refused."""

    size = SIZE + 64

    def __init__(self, fd: int, hands: Mapping[int, LineHand], pwm: PwmHand | None = None, now: Callable[[], int] = MonotonicClock().now) -> None:
        """`fd` of the page. `hands` by place (FIRST ... UNLOCK, BULB, PULSE, a bridge's), all inactive; a place without one is not fitted and switches nothing."""
        super().__init__(fd, now)
        self.hands = dict(hands)
        self.pwm = pwm
        self.errors = 0
        self.disagreements = 0
        self.fault = self.remedy = ""
        self.name = "output pins"
        self.labels: dict[int, str] = {}     # how people call the pins, for remedies
        self._pulsed_at = now()
        self._pulse = False
        self._turn = 0
        self._fitted = (*SWITCHED, *BRIDGED) if any(line in hands for line in BRIDGED) else SWITCHED     # whom `run` looks after
        self._blind = {line: 0 for line in self._fitted}
        self._odd = {line: 0 for line in self._fitted}
        self._lost = {line: False for line in self._fitted}
        self._told: set[int] = set()         # lines that have been read back once

    @classmethod
    def over(cls, hands: Mapping[int, LineHand], pwm: PwmHand | None = None, now: Callable[[], int] = MonotonicClock().now) -> PinLines:
        """A new page: everything commanded low, the generator steady."""
        fd = os.memfd_create(NAME, os.MFD_CLOEXEC)
        os.ftruncate(fd, cls.size)
        lines = cls(fd, hands, pwm, now)
        for line in (*SWITCHED, *BRIDGED):
            lines.force(line, False)
        return lines

    @classmethod
    def inherited(cls, word: str) -> PinLines:
        """The same lines in the process that has inherited their descriptors; `word` is theirs."""
        page, *parts = word.split(",")
        hands, pwm = {}, None
        for part in filter(None, parts):
            place, _, rest = part.partition("=")
            if int(place) == DUTY:
                pwm = read_pwm(rest)
            else:
                hands[int(place)] = read_hand(rest)
        return cls(int(page), hands, pwm)

    @property
    def descriptors(self) -> tuple[int, ...]:
        return self.fd, *(hand.fd for hand in self.hands.values()), *(() if self.pwm is None else self.pwm.descriptors)

    @property
    def word(self) -> str:
        """`,` at least once: what tells pins from a page alone."""
        parts = [f"{place}={hand.word}" for place, hand in self.hands.items()] + ([] if self.pwm is None else [f"{DUTY}={self.pwm.word}"])
        return ",".join([str(self.fd), *parts]) if parts else f"{self.fd},"

    @property
    def armed(self) -> bool:
        """Moreover a motor that runs, the bulb, and whatever did not take its level: none of them may stay so without supervision."""
        page = self._page
        return any(page[line] or page[DOUBT_AT + line] for line in (*SWITCHED, *BRIDGED)) or page[DOUBT_AT + DUTY] != 0

    def doubtful(self, place: int) -> bool:
        """The pin did not take what was commanded last."""
        return self._page[DOUBT_AT + place] != 0

    def set(self, line: int, on: bool) -> bool:
        """Moreover False when the pin refused; one that was to be raised is commanded low again."""
        done = super().set(line, on)
        if not self.doubtful(line):
            return done
        if on and not self.held:
            self.force(line, False)
        return False

    def force(self, line: int, on: bool) -> None:
        if on:
            super().force(line, True)
            self._put(line, True)
            return
        if line == CONTACTORS and BULB in self.hands and self.level(BULB):
            self.force(BULB, False)
        self._put(line, False)
        super().force(line, False)
        if self.doubtful(DUTY):
            self._put_duty(self.duty)

    def set_duty(self, percent: float | None) -> bool:
        """Moreover False when the generator refused; it is commanded to steady +12 V then, or kept on the way to -12 V."""
        done = super().set_duty(percent)
        if not self.doubtful(DUTY):
            return done
        if percent is not None and not self.held:
            self.force_duty(STEADY)
        return False

    def force_duty(self, percent: float | None) -> None:
        """An end of the PWM reaches the generator before the page, a beginning after it."""
        if percent == STEADY:
            self._put_duty(percent)
            super().force_duty(percent)
        else:
            super().force_duty(percent)
            self._put_duty(self.duty)

    def pulse(self, now: int) -> int:
        """The guard's: an edge for the enable stage when it is time; returns when the next one is."""
        if now - self._pulsed_at >= PULSE_HALF and PULSE in self.hands:
            self._pulsed_at = now
            self._pulse = not self._pulse
            self.errors += not self.hands[PULSE].put(self._pulse)
        return self._pulsed_at + PULSE_HALF

    def run(self, now: int) -> int:
        """Polled: a bounded number of ioctl, about 2 us each."""
        for line in self._fitted:
            if self.doubtful(line):
                self._put(line, self.level(line))
        if self.doubtful(DUTY):
            self._put_duty(self.duty)
        self._read_back(self._fitted[self._turn])
        self._turn = (self._turn + 1) % len(self._fitted)
        self._judge()
        return now + PERIOD

    def _read_back(self, line: int) -> None:
        hand = self.hands.get(line)
        if hand is None or self._blind[line] >= MAX_BLIND:
            return
        there = hand.get()
        if there is None:
            self._blind[line] += line not in self._told      # one that could tell is asked on: it is lost, not blind
            self._lost[line] = line in self._told
            self.errors += self._lost[line]
            return
        self._told.add(line)
        self._blind[line], self._lost[line] = 0, False
        odd = there is not self.level(line)
        self._odd[line] = self._odd[line] + 1 if odd else 0
        if self._odd[line] == MAX_ODD:
            self.disagreements += 1
            self.errors += 1

    def _judge(self) -> None:
        """The first thing that is wrong, for the display; empty when nothing is."""
        for place in (*self._fitted, DUTY):
            if self.doubtful(place):
                hand = self.pwm if place == DUTY else self.hands.get(place)
                number = hand.errno if hand is not None else 0
                why = f"{errno.errorcode.get(number, number)}: {os.strerror(number)}" if number else "the guard was refused"
                self.fault = f"PIN {NAMES[place]} err"
                self.remedy = (f"The output for {self._called(place)} does not take its level ({why}); it is tried again all the time. "
                               "Look whether its chip is still there (`gpioinfo`), then start again.")
                return
        for line in self._fitted:
            if self._lost[line]:
                self.fault = f"PIN {NAMES[line]} err"
                self.remedy = (f"The output for {self._called(line)} can no longer be read, so it will not be switched either: what hangs at it stays as it is. "
                               "End the charge; look whether its chip is still there (`gpioinfo`), then start again.")
                return
            if self._odd[line] >= MAX_ODD:
                self.fault = f"PIN {NAMES[line]} bad"
                self.remedy = (f"The output for {self._called(line)} was commanded {'on' if self.level(line) else 'off'} and reads back otherwise: "
                               "look for a short circuit, a load beyond what the pin can drive, or another program that uses it.")
                return
        self.fault = self.remedy = ""

    def _called(self, place: int) -> str:
        return f"{NAMES[place]} ({self.labels[place]})" if place in self.labels else NAMES[place]

    def _put(self, line: int, on: bool) -> bool:
        hand = self.hands.get(line)
        return hand is None or self._noted(line, hand.put(on))

    def _put_duty(self, percent: float | None) -> bool:
        return self.pwm is None or self._noted(DUTY, self.pwm.put(percent))

    def _noted(self, place: int, done: bool) -> bool:
        self._page[DOUBT_AT + place] = not done
        if done and place in self._lost:
            self._lost[place] = False
        self.errors += not done
        return done

    def close(self) -> None:
        for hand in self.hands.values():
            hand.close()
        if self.pwm is not None:
            self.pwm.close()
        super().close()
