"""The charger's side of CHAdeMO on a bench: time is a number, wires and frames are what the test says."""
from __future__ import annotations

from typing import Any, Callable

from kernel.timer import MS, NEVER, S
from tasks.bridge.config import BridgeConfig
from tasks.chademo import wire
from tasks.chademo.charger_side import ChargerSide
from tasks.chademo.facts import SideFacts
from tasks.chademo.states import Side
from tasks.machine import Note, StateChanged
from tasks.signals import ChargerOffer

TURN = 10 * MS
WAKE = S                         # d1 to the first frame (sheet 2.2 row 1)
IDLE, ENABLED, CLOSED = 0x48, 0x49, 0x41         # 102.5 of an AZE0 without V2X


class Bench:
    """A car that says `status`, `request` ... every 100 ms while `talks`; wires that follow the machine's wishes while `obeys`.

    `sent`: (ns, message); `entered`: (ns, state); `told`: texts of its notes.
    """

    def __init__(self, start: int = 0, **config: Any) -> None:
        self.now = start
        self.config = BridgeConfig(**config)
        self.facts = SideFacts(plug_voltage=0.0, permission=False, d1=False, d2=False, locked=False, joined=False)
        self.facts.offer = ChargerOffer(wanted="charge", voltage=500.0, min_voltage=150.0, current=120.0, power_ready=True)
        self.side = ChargerSide(self.config, self.facts)
        self.talks = True
        self.obeys = True
        self.protocol, self.target, self.request, self.told_faults, self.status, self.rate = 2, 410, 0, 0, IDLE, 73
        self.limits = wire.BatteryLimits(0, 0, 0, 435, 100)
        self.times = wire.ChargingTime(0xFF, 60, 0, 22_200.0)
        self.more: tuple[wire.Message, ...] = ()
        self.missing: tuple[int, ...] = ()
        self.battery = 370.0                     # V at the plug once the car has closed
        self.sent: list[tuple[int, wire.Message]] = []
        self.entered: list[tuple[int, Side]] = []
        self.told: list[str] = []
        self._talk_at = NEVER                    # it wakes a second after d1

    @property
    def offer(self) -> ChargerOffer:
        assert self.facts.offer is not None
        return self.facts.offer

    # --- time

    def turn(self) -> None:
        """10 ms."""
        self.now += TURN
        side, facts = self.side, self.facts
        if self.obeys:
            facts.d1, facts.d2, facts.locked = side.wants_d1, side.wants_d2, side.wants_lock
        if not facts.d1:
            self._talk_at = NEVER
        elif self._talk_at == NEVER:
            self._talk_at = self.now + WAKE
        if self.talks and self.now >= self._talk_at:
            self._talk_at = self.now + 100 * MS
            status = wire.VehicleStatus(self.protocol, self.target, self.request, self.told_faults, self.status, self.rate)
            for message in (self.limits, self.times, status, *self.more):
                if message.id not in self.missing:
                    side.receive(wire.parse(message.id, message.emit()), self.now)
        side.handle_timer(self.now)
        self.sent += [(self.now, message) for message in side.outgoing(self.now)]
        assert side.state in (Side.Idle, Side.Ended) or side.next_timer() > self.now
        for event in side.events():
            if type(event) is StateChanged:
                self.entered.append((self.now, Side[event.new]))
            elif type(event) is Note:
                self.told.append(event.text % event.args)

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds * S / TURN)):
            self.turn()

    def until(self, so: Callable[[], Any] | Side, seconds: float = 30.0) -> int:
        """Until it is so, or the side is in that state; its time."""
        end = self.now + round(seconds * S)
        while not (self.side.state is so if isinstance(so, Side) else so()):
            assert self.now < end, f"not within {seconds} s: {self.side.state.name}, {[(at / S, s.name) for at, s in self.entered]}, {self.told}"
            self.turn()
        return self.now

    # --- what the car does

    def permit(self, yes: bool = True) -> None:
        self.facts.permission = yes
        self.status = ENABLED if yes else IDLE

    def close(self) -> None:
        """Its contactors."""
        self.status = CLOSED
        self.facts.plug_voltage = self.battery

    def open(self) -> None:
        """Its contactors, welding detection over."""
        self.status = IDLE
        self.facts.plug_voltage = 0.0

    def stop(self) -> None:
        """Request, 102.5.0 and k at once (sheet 2.5)."""
        self.request, self.facts.permission = 0, False
        self.status &= ~wire.ENABLED

    def to(self, state: Side) -> int:
        """The ordinary way to a state; its time."""
        if state is Side.Idle:
            return self.now
        self.until(Side.D1On)
        if state is Side.D1On:
            return self.now
        at = self.until(Side.Param)
        if state is Side.Param:
            return at
        self.run(3.0)
        if state is Side.Locked:
            self.obeys = False
        self.permit()
        if state is Side.Check:
            self.times = wire.ChargingTime()
            return self.until(Side.Check)
        if state is Side.Locked:
            return self.until(Side.Locked)
        self.offer.power_ready = state is not Side.WaitPower
        at = self.until(Side.WaitPower if state is Side.WaitPower else Side.D2On)
        if state in (Side.WaitPower, Side.D2On):
            return at
        self.run(0.5)
        self.close()
        at = self.until(Side.Mate)
        if state is Side.Mate:
            return at
        self.facts.joined = True
        at = self.until(Side.WaitRequest)
        if state is Side.WaitRequest:
            return at
        self.run(1.7)
        self.request = 2
        at = self.until(Side.Charge)
        self.offer.present_voltage, self.offer.delivering = self.battery, True
        self.flow(40)
        if state is Side.Charge:
            return at
        self.run(0.5)
        self.stop()
        at = self.until(Side.StopRamp)
        if state is Side.StopRamp:
            return at
        self.flow(0)
        at = self.until(Side.StopWd)
        if state is Side.StopWd:
            return at
        self.facts.joined = False
        self.open()
        if state is Side.StopD2:
            self.obeys = False
            self.facts.plug_voltage = 30.0
        at = self.until(Side.StopD2)
        return at if state is Side.StopD2 else self.until(state)

    def flow(self, amperes: float) -> None:
        """It asks for so much and gets it."""
        self.request = round(amperes) if self.side.state is Side.Charge else 0
        self.offer.present_current = float(amperes)

    # --- what was said

    def statuses(self, since: int = 0) -> list[int]:
        """109.5 whenever it took another value."""
        found: list[int] = []
        for at, message in self.sent:
            if type(message) is wire.ChargerStatus and at >= since and (not found or found[-1] != message.status):
                found.append(message.status)
        return found

    def last(self, kind: type) -> Any:
        """The newest message of this kind."""
        return next(message for _, message in reversed(self.sent) if type(message) is kind)

    def first(self, status: int, since: int = 0) -> int:
        """ns of the first 0x109 with this 109.5."""
        return next(at for at, message in self.sent if type(message) is wire.ChargerStatus and message.status == status and at >= since)

    def at(self, state: Side) -> int:
        return next(at for at, entered in self.entered if entered is state)


def at(state: Side, **config: Any) -> Bench:
    """A bench that has come to `state` in the ordinary way."""
    b = Bench(**config)
    b.to(state)
    return b
