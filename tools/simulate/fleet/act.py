"""The deeds of a peer: what it does at a moment of its session, by name."""
from __future__ import annotations

from typing import Any, Callable

from tasks.messages import StopSession, TcpAbort
from tasks.stop_reasons import StopReason


def _mailbox(node: Any, name: str) -> Any:
    return next(box for box in node.table.mailboxes if box.name == name)


def _tcp_reset(charge: Any, node: Any, value: float, now: int) -> None:
    _mailbox(node, "to_tcp").put(TcpAbort())


def _user_stop(charge: Any, node: Any, value: float, now: int) -> None:
    node.table.user.put(StopSession(StopReason.USER_STOP))


def _pause(charge: Any, node: Any, value: float, now: int) -> None:
    node.table.user.put(StopSession(StopReason.PAUSED))


def _renegotiate(charge: Any, node: Any, value: float, now: int) -> None:
    """Nobody in our boxes calls this yet: no meter, no wish for other limits."""
    task = next(row.task for row in node.kernel.rows if row.name == "v2g")
    task.side.machine.renegotiate(now)


def _emergency_stop(charge: Any, node: Any, value: float, now: int) -> None:
    charge.plant.charger_stop_button = True


def _pwm_off(charge: Any, node: Any, value: float, now: int) -> None:
    node.board.pilot_source.frozen_duty = 100.0
    node.board.pilot_source.set_duty(100.0, now)


def _pilot_lost(charge: Any, node: Any, value: float, now: int) -> None:
    charge.plant.break_pilot(now)


def _line_dead(charge: Any, node: Any, value: float, now: int) -> None:
    charge.link.up = False


def _stage_dead(charge: Any, node: Any, value: float, now: int) -> None:
    charge.plant.touch(now)
    charge.plant.stage.dead = True


def _keep_voltage(charge: Any, node: Any, value: float, now: int) -> None:
    charge.plant.stage.keeps_voltage = charge.plant.stage.stuck_on = True


def _excess_current(charge: Any, node: Any, value: float, now: int) -> None:
    charge.plant.touch(now)
    charge.plant.stage.excess = value


def _draw_current(charge: Any, node: Any, value: float, now: int) -> None:
    charge.plant.touch(now)
    charge.plant.stage.draw = value


def _offset_voltage(charge: Any, node: Any, value: float, now: int) -> None:
    charge.plant.touch(now)
    charge.plant.stage.voltage_offset = value


def _insulation(charge: Any, node: Any, value: float, now: int) -> None:
    charge.plant.isolation = value


DEEDS: dict[str, Callable[[Any, Any, float, int], None]] = {
    "tcp_reset": _tcp_reset,                 # RST in the middle of everything
    "user_stop": _user_stop,                 # somebody presses stop at the peer
    "pause": _pause,                         # the car ends its session in order, to come back (ISO 15118-2)
    "renegotiate": _renegotiate,             # it wants to agree on parameters anew (ISO 15118-2)
    "emergency_stop": _emergency_stop,       # the mushroom button of the charger
    "pwm_off": _pwm_off,                     # X1: steady +12 V
    "pilot_lost": _pilot_lost,               # wire broken
    "line_dead": _line_dead,                 # nothing is carried any more
    "stage_dead": _stage_dead,               # takes commands and delivers nothing
    "keep_voltage": _keep_voltage,           # off from now on means 0 A, not 0 V
    "excess_current": _excess_current,       # `value` A more than asked for
    "draw_current": _draw_current,           # `value` A out of the battery; 0: it charges again
    "offset_voltage": _offset_voltage,       # regulates `value` V too high
    "insulation": _insulation,               # `value` Ohm to earth
}
