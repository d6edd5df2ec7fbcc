"""What the devices at a serial port share: outputs that are repeated, values with ages, and what goes on the display when it fails."""
from __future__ import annotations

from typing import Any, Callable, Protocol

from drivers.serial_line.commands import DEVICES
from drivers.serial_line.find import Finder
from drivers.serial_line.lines import SerialLines
from drivers.serial_line.port import SerialPort, SerialPortConfig
from drivers.sim.lines import CONTACTORS, FIRST
from kernel.record import dataclass
from kernel.timer import NEVER, S

ANSWER_WITHIN = 5 * S        # a device that says nothing for so long after its port was opened: an Arduino boots in 2 s
NO_ANSWER, BAD_VALUES, GUARD = "no answer", "bad values", "guard holds"
BAD_SHOWN = 2 * S            # a wrong value is told so long


class Value:
    """One measured value and when it came; None before the first one and once it is older than `bound` ns."""

    __slots__ = ("bound", "_value", "_at")

    def __init__(self, bound: int) -> None:
        self.bound = bound
        self._value: float | None = None
        self._at = -NEVER

    def put(self, value: float | None, now: int) -> None:
        self._value, self._at = value, now

    def get(self, now: int) -> Any:
        return self._value if now - self._at <= self.bound else None

    @property
    def at(self) -> int:
        """ns: when it came."""
        return self._at

    def age(self, now: int) -> int:
        """ns since it came."""
        return now - self._at


class Turning(Protocol):
    """A display at the same port."""

    def turn(self, now: int) -> bool: ...


@dataclass(slots=True, frozen=True)
class Wiring:
    """What the board or a test hands in, all of it optional: lines that a guard holds as well, how a port is opened, which ports there are."""

    lines: SerialLines | None = None
    opener: Callable[[str], Any] | None = None
    finder: Finder | None = None


PLAIN = Wiring()


class SerialDevice:
    """Polled. Subclasses have `_hear(line, now)`, True when the line was one of the device's, and raise `bad` for an impossible value.

    After the port was lost while an output was on, both outputs are low, whatever was commanded before: the device has lost its
    supply as well, and must not close by itself when it is back. `lost` says so until the next command is taken.
    """

    def __init__(self, name: str, short: str, config: SerialPortConfig, device: int, repeat: int, now: int, wiring: Wiring) -> None:
        """`repeat`: ns between two commands when nothing changes."""
        self.refused = 0                 # commands that did not get through
        self.bad = 0                     # values outside their range
        self.lost = False
        self.fault = ""
        self.remedy = ""
        self.lines = wiring.lines if wiring.lines is not None else SerialLines.create(device=device)
        self._short = short
        self._name = name
        self._baud = config.baud
        self._repeat = repeat
        self._commands = DEVICES[device]
        self._sent_at = -NEVER
        self._heard_at = -NEVER
        self._bad_at = -NEVER
        self._found_at = now
        self._values: tuple[Value, ...] = ()
        self.measured: dict[str, Value] = {}     # what it says, by its own names, for a person at the workbench
        self.display: Turning | None = None
        self._auto = config.port == "auto"
        self.port = SerialPort(config, short, now, opener=wiring.opener, finder=wiring.finder)
        self.port.muted = lambda: self.lines.held
        self._opened = 0
        self._notice(now)

    @property
    def name(self) -> str:
        return f"{self._name} at {self.port.path}" if self.port.path else self._name

    @property
    def errors(self) -> int:
        """Every failure: of the port, of values, of commands."""
        return self.port.errors + self.bad + self.refused

    def close(self) -> None:
        self.port.close()

    # --- turns ------------------------------------------------------------------------------------------------------

    def run(self, now: int) -> int:
        """Reads what came, repeats the outputs, writes what fits."""
        port = self.port
        for line in port.turn(now):
            before = self.bad
            if self._hear(line, now):
                self._heard_at = now
                if self.bad == before:
                    port.proven()
            if self.bad != before:
                self._bad_at = now
        self._notice(now)
        if not self.lines.held:                    # else `pump` withdraws what waits
            if now - self._sent_at >= self._repeat:
                self._command(now)
            if self.display is not None:
                self.display.turn(now)
        port.pump(now)
        self._notice(now)
        self._judge(now)
        return port.next_turn(now)

    def _hear(self, line: str, now: int) -> bool:
        return False

    def _notice(self, now: int) -> None:
        """The port was opened or lost."""
        port, lines = self.port, self.lines
        if port.is_open and self._opened != port.opened:
            self._opened = port.opened
            self._found_at = now
            self._heard_at = -NEVER
            lines.at_port(port.path, self._baud)
            self._command(now)
        elif not port.is_open and self._opened:
            self._opened = 0
            lines.at_port("", self._baud)
            for value in self._values:
                value.put(None, now)
            if lines.level(FIRST) or lines.level(CONTACTORS):
                self.lost = True
                lines.set(FIRST, False)
                lines.set(CONTACTORS, False)

    def _judge(self, now: int) -> None:
        """The most important fault first."""
        port = self.port
        self.fault, self.remedy = port.fault, port.remedy
        if self.fault:
            return
        if self.lines.held:
            self._say(GUARD, "The guard took the outputs; start the program again.")
        elif self._speaks and now - max(self._heard_at, self._found_at) > ANSWER_WITHIN:
            self._say(NO_ANSWER, f"{port.path} is open but says nothing that this device would say: check that it is the right port, its baud rate "
                      f"({self._baud}) and its wiring; name it in the configuration.")
            if self._auto and self._heard_at < self._found_at:
                port.lose(now, NO_ANSWER, self.remedy)
                self._notice(now)
        elif now - self._bad_at < BAD_SHOWN:
            self._say(BAD_VALUES, self._bad_remedy)

    _speaks = True           # the device sends something by itself
    _bad_remedy = "Values outside their range arrive: check wiring, supply and calibration."

    def _say(self, fault: str, remedy: str) -> None:
        self.fault, self.remedy = f"{self._short}: {fault}", remedy

    # --- outputs ----------------------------------------------------------------------------------------------------

    def command(self, line: int, on: bool, now: int) -> bool:
        """Put an output where it belongs; False when the guard holds it elsewhere or nobody hears it (the level is kept all the same)."""
        if not self.port.is_open and on:
            self.refused += 1
            return False                 # what cannot be told now must not happen later, when the device is back
        if not self.port.is_open and not self.lost and not self.lines.level(line):
            return True                  # it was off when the device went, or none has been there yet: off is the first thing that it will hear
        done = self.lines.set(line, on)
        if not self.lines.held:
            done = self._command(now) and self.port.pump(now) and done
            self._notice(now)
        if done:
            self.lost = False
        else:
            self.refused += 1
        return done

    def _command(self, now: int) -> bool:
        self._sent_at = now
        return self.port.state(self._state())

    def _state(self) -> bytes:
        return self._commands(self.lines.level(FIRST), self.lines.level(CONTACTORS))


class Pilot:
    """ControlPilot: the switched resistor behind the device."""

    def __init__(self, device: SerialDevice) -> None:
        self._device = device

    @property
    def errors(self) -> int:
        return self._device.refused

    def set_state_c(self, c: bool, now: int) -> bool:
        return self._device.command(FIRST, c, now)


class Relay:
    """Contactors behind the device, without an auxiliary contact: feedback is None (safety.pev.contactor_feedback_fitted: false)."""

    def __init__(self, device: SerialDevice) -> None:
        self._device = device

    @property
    def errors(self) -> int:
        return self._device.refused

    @property
    def lost(self) -> bool:
        """The outputs have been lost since the last command: whatever is assumed of them is wrong."""
        return self._device.lost

    def set_closed(self, closed: bool, now: int) -> bool:
        return self._device.command(CONTACTORS, closed, now)

    def feedback(self, now: int) -> bool | None:
        return None


class NoLock:
    """ConnectorLock of a box without a motor: the plug's own latch is all that holds it. The command is taken and does nothing.

    With safety.pev.lock_feedback_fitted: false the plug then counts as locked, as it does in the field program (sheet field-pyplc-clara 1.4).
    """

    errors = 0

    def set_locked(self, locked: bool, now: int) -> bool:
        return True

    def feedback(self, now: int) -> bool | None:
        """Nobody knows."""
        return None
