"""The octets that put the outputs of each device where they belong. Pure, and imports nothing: the guard process uses it too.

Source: sheet field-pyplc-clara 1.4. A line begins anew with "\\n": whoever wrote before may have been killed in the middle of one.
"""
from __future__ import annotations

from typing import Callable

Commands = Callable[[bool, bool], bytes]
"""(state C, contactors closed) -> octets that command both."""

DIETER_STATE_C, DIETER_RELAY, DIETER_RELAY_2 = 1, 2, 4      # bits of the number in `do000N`


def dieter(state_c: bool, contactors: bool, relay_2: bool = False) -> bytes:
    """Dieter: one line says everything. Where the guard commands, the second relay is off from the beginning."""
    return b"do%04d\n" % ((DIETER_STATE_C if state_c else 0) | (DIETER_RELAY if contactors else 0) | (DIETER_RELAY_2 if relay_2 else 0))


def celeron55(state_c: bool, contactors: bool) -> bytes:
    """The device of celeron55: pilot before contactors. The lock is left alone: it keeps its place without a command."""
    return b"cp=%d\ncontactor=%d\n" % (state_c, contactors)


DEVICES: tuple[Commands, ...] = (dieter, celeron55)
DIETER, CELERON55 = range(len(DEVICES))
SAFE = tuple(commands(False, False) for commands in DEVICES)
"""What makes each device safe: state B, contactors open. The guard sends them in its two stages, pilot first."""
