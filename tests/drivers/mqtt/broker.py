"""A real Debian mosquitto on a free port, a second client to look at it, and turns of our client beside it.

Time of our client is virtual: each turn adds 20 ms, and waits as long at most for octets, so it never runs ahead of the broker by much.
"""
from __future__ import annotations

import os
import select
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import Callable

from drivers.mqtt.client import PERIOD, MqttClient
from drivers.mqtt.config import MqttConfig
from kernel.timer import S

MOSQUITTO = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
TURNS = 1500                # after which a condition is given up: 30 s


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait(milliseconds: int = 20, *descriptors: int) -> None:
    """Until one of the descriptors is readable, at most so long."""
    select.select(descriptors, (), (), milliseconds / 1000)


class Broker:
    """mosquitto with a configuration of its own."""

    def __init__(self, folder: Path, port: int = 0, extra: str = "allow_anonymous true\n") -> None:
        self.port = port or free_port()
        self.conf = folder / f"mosquitto-{self.port}.conf"
        self.conf.write_text(f"listener {self.port} 127.0.0.1\n{extra}persistence false\nuser root\n")
        self.process: subprocess.Popen | None = None
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen([MOSQUITTO, "-c", str(self.conf)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(500):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                if self.process.poll() is not None:
                    break
                wait(20)
        self.kill()
        raise RuntimeError(f"mosquitto does not listen on port {self.port}")

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def stop(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.process.send_signal(signal.SIGCONT)


class Other:
    """Another client of the broker: notes everything below the base, publishes."""

    def __init__(self, port: int, topics: str = "pyPlc/#", **more) -> None:
        import paho.mqtt.client as mqtt
        new = {"callback_api_version": mqtt.CallbackAPIVersion.VERSION2} if hasattr(mqtt, "CallbackAPIVersion") else {}
        self.seen: list[tuple[str, str, bool]] = []
        self._subscribed = False
        self._out = 0
        self._client = mqtt.Client(client_id=f"other-{os.urandom(4).hex()}", **new)
        self._client.on_message = lambda c, u, m: self.seen.append((m.topic.split("/", 1)[-1], m.payload.decode(errors='replace'), bool(m.retain)))
        self._client.on_subscribe = lambda *about: setattr(self, "_subscribed", True)
        self._client.on_publish = lambda *about: setattr(self, "_out", self._out - 1)
        self._client.max_queued_messages_set(0)
        self._client.connect("127.0.0.1", port)
        self._client.subscribe(topics)
        self.until(lambda: self._subscribed)

    def until(self, condition: Callable[[], bool]) -> None:
        for _ in range(TURNS):
            if condition():
                return
            self._client.loop(0.02)
        raise AssertionError(f"did not come about; seen: {self.seen[-20:]}")

    def publish(self, name: str, payload: str | bytes, retain: bool = False) -> None:
        """Until the broker has it (QoS 1)."""
        self._out += 1
        self._client.publish(f"pyPlc/{name}", payload, qos=1, retain=retain)
        self.until(lambda: self._out == 0)

    def pour(self, name: str, payload: str, count: int) -> None:
        """As fast as it goes (QoS 0)."""
        self._out += count
        for _ in range(count):
            self._client.publish(f"pyPlc/{name}", payload, qos=0)
        for _ in range(200):
            self._client.loop_write()
            self._client.loop_read()

    def last(self, name: str) -> str | None:
        return next((text for topic, text, _ in reversed(self.seen) if topic == name), None)

    def close(self) -> None:
        self._client.disconnect()
        sock = self._client.socket()
        if sock is not None:
            sock.close()


class Turns:
    """Our client in virtual time."""

    def __init__(self, port: int, role: str = "pev", **settings) -> None:
        self.client = MqttClient(MqttConfig(broker="127.0.0.1", port=port, **settings), role)
        self.now = S
        self.due: list[int] = []

    def turn(self, count: int = 1) -> None:
        for _ in range(count):
            inner = self.client._client
            sock = None if inner is None else inner.socket()
            wait(20, *(() if sock is None else (sock.fileno(),)))
            self.now += PERIOD
            self.due.append(self.client.run(self.now) - self.now)

    def until(self, condition: Callable[[], bool], *others: Other) -> None:
        for _ in range(TURNS):
            if condition():
                return
            self.turn()
            for other in others:
                other._client.loop(0.001)
        raise AssertionError(f"did not come about: {self.client.fault!r} {self.client.remedy!r}")

    def online(self) -> Turns:
        self.until(lambda: self.client.online)
        self.turn(5)
        return self
