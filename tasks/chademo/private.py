"""pyPLC's own use of CHAdeMO frames, protocol number 10: a car of johu's kind that brings its battery's voltage and needs no wires (chademo sheet 5).

Such a car sends 0x100 with the battery's present voltage in octets 0 and 1 and 0x102 with its wish, without d1, and closes its contactors
by itself. It hears 0x108 with the charger's limits and 0x109 with what it delivers. Here this is a source of battery data for a box in a
car (`charge_parameter_backend: chademo`), and nothing more: pilot, contactors and lock are those of any car. Other than in pyPLC its
faults end the charge, silence makes the data unknown instead of 0 A, and the answers have a time of their own.
"""
from __future__ import annotations

from kernel.record import dataclass
from kernel.timer import NEVER, Cadence
from tasks.chademo import timing as t
from tasks.chademo import wire

PROTOCOL = 10
READY = wire.LOCKED              # 109.5 once the charger's limits are known; bits 0 and 5 are never used (sheet 5)
SPOILING = wire.NOT_PARKED | wire.SYSTEM_FAULT


@dataclass(slots=True)
class PrivateSays:
    """What the car says, with the times (ns) of its two frames; -1: never heard. V, A, percent."""

    voltage: float | None = None
    max_voltage: float | None = None
    limits_at: int = -1
    target_voltage: float | None = None
    request: float | None = None
    soc: float | None = None
    permission: bool | None = None
    status_at: int = -1


class PrivateVehicle:
    """`receive` frames, `says` what they mean; `outgoing` the charger's two frames while the car is heard. `foreign`: cars of another protocol number."""

    def __init__(self) -> None:
        self.says = PrivateSays()
        self.cadence = Cadence(t.PERIOD)
        self.foreign = 0
        self.protocol: int | None = None             # 102.0 of the last frame
        self._rate_at_full = 0
        self._heard_at = NEVER

    def receive(self, message: wire.Message, now: int) -> None:
        says = self.says
        if type(message) is wire.BatteryLimits:
            says.voltage = float(message.private_voltage) or None
            says.max_voltage = float(message.max_voltage) or None
            says.limits_at = now
            self._rate_at_full = message.rate_at_full
        elif type(message) is wire.VehicleStatus:
            self.protocol = message.protocol
            self.foreign += message.protocol != PROTOCOL
            says.target_voltage = float(message.target_voltage) or None
            says.request = float(message.current_request)
            says.permission = not message.faults & wire.FAULTS and not message.status & SPOILING
            says.soc = min(100.0, 100.0 * message.rate / self._rate_at_full) if self._rate_at_full else None
            says.status_at = now
            if self._heard_at == NEVER:
                self.cadence.at = 0
            self._heard_at = now

    def heard(self, now: int) -> bool:
        """0x102 has come within its limit."""
        return self._heard_at != NEVER and now - self._heard_at < t.SILENCE_LIMIT

    def outgoing(self, voltage: float | None, current: float | None, max_voltage: float | None, max_current: float | None, now: int) -> list[wire.Message]:
        """The frames that are due. V, A: what is delivered, and the charger's limits, None while they are not known."""
        if not self.heard(now):
            self._heard_at = NEVER
            return []
        if not self.cadence.at:
            self.cadence.at = now - t.PHASE
        if not self.cadence.take(now):
            return []
        known = max_voltage is not None and max_current is not None
        return [wire.Capability(False, max_voltage or 0.0, max_current or 0.0, 0.0),
                wire.ChargerStatus(PROTOCOL, round(voltage or 0.0), round(max(0.0, current or 0.0)), READY if known else 0, 0.0)]
