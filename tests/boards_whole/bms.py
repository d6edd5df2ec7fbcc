"""Batteries that speak for themselves: by CAN as made_up_bms.dbc says, or by MQTT as topics, both octet by octet, with what the plant's battery knows."""
from __future__ import annotations

import select
import socket
from typing import Any

import cantools

from drivers.can.bus import CanBus
from drivers.can.checksum import KINDS
from drivers.can.raw import RawLink
from drivers.interfaces import BatteryReading
from drivers.sim.plant import Plant
from kernel.timer import MS
from tests.boards_whole.gpio import RaspberryCar
from tests.drivers.can.fakes import EXTENDED, FakeKernel
from tests.drivers.can.test_dbc_battery import MAPPING, PATH
from tests.drivers.mqtt.broker import wait
from tests.drivers.mqtt.test_octets import CONNACK, publish

EVERY = 100 * MS             # how often a battery tells everything
LIMITS = "ev:\n  stop_soc_percent: 97\n"
DBC = "charge_parameter_backend: dbc\ndbc_battery:\n" + "".join(f"  {key}: {value!r}\n" for key, value in MAPPING.items()) + LIMITS
LOOKS = 500                  # of 10 ms of real time for an attempt to connect over the loopback
MOST = 65_536                # octets of our client that are kept
KEPT_A = 60.0                # what the battery asks for at most


def told(plant: Plant, now: int) -> BatteryReading:
    current = plant.current if plant.car_contactors.position else 0.0
    return plant.battery.tell(BatteryReading.of(now), current, now)


class DbcCar(RaspberryCar):
    """The Raspberry Pi's car with a battery on CAN. `silent`, and `allowed` (value table of the file: 1 is YES)."""

    def __init__(self, monkeypatch: Any, twin: Any) -> None:
        super().__init__(monkeypatch, twin)
        self.can = FakeKernel()
        self.silent = False
        self.allowed = 1
        self._database = cantools.database.load_file(PATH)
        self._count = 0
        self._tell_at = 0
        monkeypatch.setattr("drivers.can.bus.CanBus", lambda config: CanBus(config, RawLink(config, self.can.socket)))

    def follow(self, now: int) -> None:
        super().follow(now)
        if now >= self._tell_at:
            self._tell_at = now + EVERY
            if not self.silent:
                self._tell(told(self.charge.plant, now))

    def _tell(self, r: BatteryReading) -> None:
        self._count = (self._count + 1) % 16
        first = bytearray(self._pack("Pack_1", Voltage=r.voltage.value, Current=0.0, Counter=self._count, Checksum=0))
        first[7] = KINDS["sum8_id_length"](0x6B0, 8, bytes(first[:7]))
        self.can.frame(0x6B0, bytes(first))
        self.can.frame(0x6B1, self._pack("Pack_2", Soc=int(r.soc_percent.value * 2) / 2, Target_V=int(r.target_voltage.value * 4) / 4,
                                         Target_A=-int(min(KEPT_A, r.target_current.value) * 2) / 2, Power_kW=50, Allowed=self.allowed, Flags=1))
        for page in ({"Page": 0, "Max_V": r.max_voltage.value, "Max_A": r.max_current.value}, {"Page": 1, "Capacity": r.capacity.value}, {"Page": 2, "Coldest": 12, "Hottest": 31}):
            self.can.frame(0x19FF0101, self._pack("Limits", **page), EXTENDED)

    def _pack(self, message: str, **values: float) -> bytes:
        return self._database.encode_message(message, values, padding=True)


MQTT = """charge_parameter_backend: mqtt
mqtt:
  broker: 127.0.0.1
  port: {port}
mqtt_vehicle:
  max_current_a: 60
  max_power_w: 40000
""" + LIMITS


class TopicCar(RaspberryCar):
    """The same with a battery that publishes; a socket stands where the broker would be. What is kept and acknowledged there is not shown.

    `silent`; `allowed`: None says nothing about it; `hanging`: connections are taken and nobody speaks; `heard`: octets of our client.
    """

    def __init__(self, monkeypatch: Any, twin: Any) -> None:
        super().__init__(monkeypatch, twin)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._sock: socket.socket | None = None
        self.silent = self.hanging = False
        self.allowed: bool | None = True
        self.connects = 0
        self.heard = b""
        self._tell_at = 0

    def follow(self, now: int) -> None:
        super().follow(now)
        attempt = self.charge.shared.mqtt()._attempt
        if attempt is not None:                  # name and TCP take real time in a thread of the client: virtual time waits for them
            for _ in range(LOOKS):
                if attempt.done:
                    break
                wait(10)
        if self._sock is None and select.select([self._listener], (), (), 0)[0]:
            self._sock, _ = self._listener.accept()
            self._sock.setblocking(False)
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)        # Nagle's algorithm waits in real time
            self.connects += 1
            if not self.hanging:
                self._sock.sendall(CONNACK)
        if self._sock is not None:
            self._listen()
        if self._sock is not None and now >= self._tell_at:
            self._tell_at = now + EVERY
            if not self.silent and not self.hanging:
                self._tell(told(self.charge.plant, now))

    def _listen(self) -> None:
        try:
            octets = self._sock.recv(MOST)
        except BlockingIOError:
            return
        except ConnectionResetError:
            octets = b""
        if not octets:                           # our client has left
            self.drop()
        self.heard = (self.heard + octets)[-MOST:]

    def drop(self) -> None:
        """The broker is killed."""
        self._sock.close()
        self._sock = None

    def _tell(self, r: BatteryReading) -> None:
        said = {"battery_voltage": r.voltage, "soc": r.soc_percent, "target_voltage": r.target_voltage, "target_current": r.target_current, "max_voltage": r.max_voltage}
        octets = b"".join(publish(b"pyPlc/" + topic.encode(), b"%.1f" % min(quantity.value, KEPT_A if topic == "target_current" else quantity.value))
                          for topic, quantity in said.items())
        if self.allowed is not None:
            octets += publish(b"pyPlc/charge_permission", b"1" if self.allowed else b"0")
        self._sock.sendall(octets)

    def close(self) -> None:
        super().close()
        if self._sock is not None:
            self.drop()
        self._listener.close()
