"""One attempt to reach the broker: the only part of paho-mqtt that waits (name, TCP, TLS), in a thread that ends with it.

paho has no way to connect that never waits: `connect` looks up the name, and opens the connection with a timeout of
5 s. The thread spends its time in system calls, where Python's lock is free; what it executes itself is measured by
`python -m tests.drivers.mqtt.figures`. While connected there is no thread.
"""
from __future__ import annotations

import _thread
from typing import Any, Callable

from drivers.mqtt.config import MqttConfig

STACK = 512 * 1024       # octets; the default of 8 MiB would be locked into memory (kernel.realtime) at each attempt


class Attempt:
    """Begins at once. `done` is set last; then either `client` (CONNECT is sent, CONNACK awaited) or `problem` is."""

    def __init__(self, make: Callable[[], Any], config: MqttConfig) -> None:
        self.client: Any = None
        self.problem = ""
        self.done = False
        self._abandoned = False
        self._make = make
        self._config = config
        before = _thread.stack_size(STACK)
        try:
            _thread.start_new_thread(self._run, ())     # threading.Thread.start() waits until the thread runs: 4 ms measured, up to Python's switch interval
        except RuntimeError as error:            # no memory or too many threads
            self.problem = str(error)
            self.done = True
        finally:
            _thread.stack_size(before)

    def _run(self) -> None:
        c = self._config
        try:
            client = self._make()
            client.open(c.broker, c.port, c.keepalive_s)
        except Exception as error:               # OSError of name, TCP and TLS; ValueError of a name; whatever a library says
            self.problem = str(error) or type(error).__name__
        else:
            if self._abandoned:
                hang_up(client)
            else:
                self.client = client
        self.done = True

    def abandon(self) -> None:
        """Nobody will come for the client."""
        self._abandoned = True
        if self.client is not None:
            hang_up(self.client)


def hang_up(client: Any) -> None:
    """Close the connection without a farewell, so that the broker publishes the last will."""
    sock = client.socket()
    if sock is not None:
        sock.close()


def paho_class() -> type:
    """A paho client class of either API (1.6 and 2.x). Made once: a class is garbage that only the cyclic collector finds, and that one rests while we run."""
    import paho.mqtt.client as mqtt

    class Bounded(mqtt.Client):
        """Reads no packet above `largest`; paho would read 256 MiB. (`_sock_recv` is in 1.6 and 2.x; a test notices its going.)"""

        largest = oversized = 0

        def _sock_recv(self, bufsize: int) -> bytes:
            if bufsize > self.largest:
                self.oversized = bufsize
                return b""                   # as if the broker had closed
            return super()._sock_recv(bufsize)

        def open(self, host: str, port: int, keepalive: int) -> None:
            """Waits. Protocol 5: the broker is told the bound and keeps longer packets away."""
            if self._protocol != mqtt.MQTTv5:
                self.connect(host, port, keepalive)
                return
            from paho.mqtt.packettypes import PacketTypes
            from paho.mqtt.properties import Properties
            limits = Properties(PacketTypes.CONNECT)
            limits.MaximumPacketSize = self.largest
            self.connect(host, port, keepalive, properties=limits)

    return Bounded


def paho_client(made: type, config: MqttConfig, client_id: str, will: str, tls: Any, password: str | None, largest: int) -> Any:
    """A client of paho_class(), not connected. `largest`: octets of a packet that are read at all."""
    import paho.mqtt.client as mqtt
    options: dict[str, Any] = {"client_id": client_id, "reconnect_on_failure": False,       # True would reconnect, waiting, within loop_read
                               "protocol": mqtt.MQTTv5 if config.protocol == "5" else mqtt.MQTTv311}
    if hasattr(mqtt, "CallbackAPIVersion"):
        options["callback_api_version"] = mqtt.CallbackAPIVersion.VERSION2
    client = made(**options)
    client.largest = largest
    client.will_set(will, "offline", qos=1, retain=True)
    client.max_inflight_messages_set(20)
    client.max_queued_messages_set(20)
    if config.user:
        client.username_pw_set(config.user, password)
    if tls is not None:
        client.tls_set_context(tls)
    return client
