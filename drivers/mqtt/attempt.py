"""The only part of paho-mqtt that waits (name, TCP, TLS), for `drivers.attempt`; and paho's client with bounds.

paho has no way to connect that never waits: `connect` looks up the name, and opens the connection with a timeout of 5 s. While connected there is no thread.
"""
from __future__ import annotations

from typing import Any, Callable

from drivers.mqtt.config import MqttConfig


def opened(make: Callable[[], Any], config: MqttConfig) -> Any:
    """A client that has sent CONNECT. Waits: for `drivers.attempt.Attempt`."""
    client = make()
    client.open(config.broker, config.port, config.keepalive_s)
    return client


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
