"""`python -m tools.bench.bridge_jitter INTERFACE CHANNEL`: the row `chademo` on a real clock over python-can; prints the period of 0x109 (part of `bridge`)."""
from __future__ import annotations

import os
import sys
import threading
import time

from drivers.can.bus import CanBus
from drivers.can.settings import CanConfig
from kernel.clock import MonotonicClock
from kernel.journal import Journal
from kernel.scheduler import Kernel
from kernel.task import CRITICAL, TIMED, Row
from kernel.timer import MS, S, US
from tasks.bridge.config import BridgeConfig
from tasks.chademo import wire
from tasks.chademo.task import ChademoTask
from tasks.devices.task import DevicesTask
from tasks.signals import ChargerOffer, Signals

SECONDS = 20
NOMINAL, TOLERANCE = 100.0, 10.0         # ms (chademo sheet 1.1)


class Facts:
    """What the rest of a box would say: charging is wanted, the outputs obey, the car permits."""

    inboxes = ()

    def __init__(self, signals: Signals) -> None:
        s = signals
        self._set = [(s.d1_on.claim("bench"), True), (s.vehicle_permission.claim("bench"), False), (s.vehicle_voltage.claim("bench"), 0.0),
                     (s.charger_offer.claim("bench"), ChargerOffer(wanted="charge", voltage=500.0, current=100.0))]

    def run(self, now: int) -> int:
        for writer, value in self._set:
            writer.set(value, now)
        return now + 50 * MS


def main() -> int:
    """Exit code 3: python-can is not there."""
    try:
        import can
    except ImportError:
        print("python-can is not installed here")
        return 3
    interface, channel = sys.argv[1:]
    rights = "no real-time rights"
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        rights = "SCHED_FIFO"
    except PermissionError:
        rights = "no real-time rights"
    if interface == "virtual":
        times = _virtual(can, channel)
    else:
        times = _heard(can, interface, channel)
    gaps = sorted((b - a) * 1000 for a, b in zip(times, times[1:]))
    if len(gaps) < 10:
        print(f"{interface}: {len(gaps) + 1} frames heard in {SECONDS} s: no figure")
        return 1
    outside = sum(abs(gap - NOMINAL) > TOLERANCE for gap in gaps)
    print(f"{interface}: period of 0x109 over {len(gaps)} frames, {rights}: median {gaps[len(gaps) // 2]:.2f} ms, 1 % to 99 % {gaps[len(gaps) // 100]:.2f} to "
          f"{gaps[len(gaps) * 99 // 100]:.2f} ms, {gaps[0]:.2f} to {gaps[-1]:.2f} ms; {outside} beyond the {TOLERANCE:.0f} ms that the sheet allows")
    return 0


def _box(port: object, bus: CanBus | None) -> None:
    """The rows for SECONDS."""
    signals, journal, clock = Signals(), Journal(), MonotonicClock()
    chademo = ChademoTask(port, signals, BridgeConfig(permission_limit_s=10_000), journal, voltmeter=True)
    rows = [Row("facts", Facts(signals), TIMED, 50 * US, CRITICAL), Row("chademo", chademo, TIMED, 150 * US, CRITICAL)]
    if bus is not None:
        rows.insert(0, Row("devices", DevicesTask([bus], signals, journal), TIMED, 700 * US, CRITICAL))
    end = clock.now() + SECONDS * S
    Kernel(rows, journal).run(clock, until=lambda: clock.now() >= end)


def _car(send: object) -> None:
    """What a car says, every 100 ms, until the process ends."""
    frames = (wire.BatteryLimits(max_voltage=435), wire.ChargingTime(wire.USE_COARSE, 60), wire.VehicleStatus(2, 410))
    while True:
        for frame in frames:
            send(frame.id, frame.emit())
        time.sleep(0.1)


def _heard(can: object, interface: str, channel: str) -> list[float]:
    """Another bus object, in a thread of this process, hears what the box's child process sends."""
    bus = CanBus(CanConfig(interface=interface, channel=channel))
    times: list[float] = []
    other = can.Bus(interface=interface, channel=channel)

    def listen() -> None:
        while True:
            message = other.recv(1.0)
            if message is not None and message.arbitration_id == wire.CHARGER_STATUS:
                times.append(time.monotonic())
    threading.Thread(target=listen, daemon=True).start()
    threading.Thread(target=_car, args=(lambda id, data: other.send(can.Message(arbitration_id=id, data=data, is_extended_id=False)),), daemon=True).start()
    _box(bus.port("chademo", wire.VEHICLE_IDS), bus)
    bus.close()
    return times[5:]


class _VirtualPort:
    """CanPort over python-can's virtual bus, which lives in one process."""

    def __init__(self, can: object, channel: str) -> None:
        self.errors = 0
        self._can = can
        self._bus = can.Bus(interface="virtual", channel=channel)

    def send(self, id: int, data: bytes, extended: bool, now: int) -> bool:
        self._bus.send(self._can.Message(arbitration_id=id, data=data, is_extended_id=extended))
        return True

    def receive(self, limit: int, now: int) -> list:
        from drivers.interfaces import CanFrame
        frames = []
        while len(frames) < limit:
            message = self._bus.recv(0)
            if message is None:
                break
            frames.append(CanFrame(message.arbitration_id, bytes(message.data), message.is_extended_id, now))
        return frames


def _virtual(can: object, channel: str) -> list[float]:
    times: list[float] = []
    port, other = _VirtualPort(can, channel), can.Bus(interface="virtual", channel=channel)

    def listen() -> None:
        while True:
            message = other.recv(1.0)
            if message is not None and message.arbitration_id == wire.CHARGER_STATUS:
                times.append(message.timestamp)
    threading.Thread(target=listen, daemon=True).start()
    threading.Thread(target=_car, args=(lambda id, data: other.send(can.Message(arbitration_id=id, data=data, is_extended_id=False)),), daemon=True).start()
    _box(port, None)
    return times[5:]


if __name__ == "__main__":
    sys.exit(main())
