"""The connection to an MQTT broker: turns that never wait, everything bounded, what is heard with its age.

A turn reads at most PACKETS messages and sends at most SENDS. What is heard gets the time at which the socket was last
known to be empty: nothing that is read now can have waited longer, so a flood makes values old and never fresh.
"""
from __future__ import annotations

import select
import ssl
from typing import Any, Callable, Mapping

from drivers.attempt import Attempt
from drivers.errors import DriverError
from drivers.mqtt.attempt import hang_up, opened, paho_class, paho_client
from drivers.mqtt.config import MqttConfig
from drivers.mqtt.discovery import Place
from drivers.mqtt.payload import Input
from kernel.timer import MS, NEVER, S, Backoff

PERIOD = 20 * MS          # between two looks while connected: adds at most that much to the age of a value
FLOODED = 10 * MS         # the same while more waits
PACKETS = 8               # read per turn: 0.3 ms on the development machine (tests.drivers.mqtt.figures), four times that on a Pi 4
SENDS = 4                 # published per turn
UNCONFIRMED = 10          # published and not yet written (QoS 0) or acknowledged: no more until they are
TOPICS = 100              # own topics
LARGEST = 2048            # octets of a packet
CONNACK_WAIT = 5 * S      # a broker that takes the connection and stays silent
NAME_WAIT = 10 * S        # after which a name that is still being looked up is told as a fault; the attempt goes on
STABLE = 10 * S           # connected for so long: the back-off begins anew
PATIENCE = 3 * S          # connected for so long without a value that is needed: told as a fault
BEHIND = 500 * MS         # reading behind for so long: told as a flood
JUDGE, HOLD = 100 * MS, 5 * S      # how often the values are judged; how long a fault is told at least, so that one value a second does not make it flicker
FIRST, CEILING = S, 30 * S
STATUS = "status"
CHARGER_SAYS, SAYS_EVERY = "evccid", 15 * S      # a charger's box alone publishes it, once a session has begun, and again every 10 s (tasks/mqtt)
TOLD = 160                # characters of a problem that a library words


class MqttClient:
    """Polled and Publisher; `fault` and `remedy` as Polled has them. Counters: `connects`, `failures`, `losses`, `oversized`, `refused`, `stored`, `unknown`, `dropped`, `behind`."""

    def __init__(self, config: MqttConfig, role: str, make: Callable[[], Any] | None = None) -> None:
        """`role`: pev, evse or bridge. `make`: what builds an unconnected paho client (tests). DriverError: a person has to mend it."""
        self.config = config
        self.name = f"MQTT broker {config.broker}:{config.port}"
        self.inputs: dict[str, Input] = {}
        self.connects = self.failures = self.losses = self.oversized = self.unknown = self.dropped = self.behind = 0
        self._base = config.topic + "/"
        self._make = make or _maker(config, config.client_id or f"ccsbox-{role}", self._base + STATUS)
        self._attempt: Attempt | None = None
        self._client: Any = None
        self._poll = select.poll()
        self._backoff = Backoff(FIRST, CEILING)
        self._started = self._next = self._misc_at = 0
        self._online_at = NEVER                      # NEVER: no CONNACK yet
        self._empty_at = 0                           # when nothing was waiting to be read
        self._latest: dict[str, str] = {}            # own topics
        self._due: dict[str, None] = {}              # those to publish, oldest first
        self._place = Place(config.discovery_prefix, config.topic, self._base + STATUS)
        self._announced: dict[str, str] = {}         # retained, at topics outside of the base
        self._unheard: dict[str, None] = {}          # those to announce
        self._unconfirmed = 0
        self._refusal = self._forbidden = ""
        self._now = self._judge_at = 0
        self.fault = self.remedy = ""

    # --- what others use

    def want(self, wanted: Input) -> Input:
        """Subscribe; before the first turn. The same name twice is the same input."""
        return self.inputs.setdefault(wanted.name, wanted)

    def publish(self, name: str, text: str, now: int) -> bool:
        """The newest text of a topic below the base; sent when there is room, and again after each new connection. False: refused.

        A topic that is listened to is not published: the box would hear itself and take its own value for a fresh one.
        """
        if name in self.inputs or len(self._latest) >= TOPICS and name not in self._latest:
            self.dropped += 1
            return False
        self._latest[name] = text
        self._due[name] = None
        return True

    def announce(self, name: str, component: str, meaning: Mapping[str, Any]) -> bool:
        """Retained, with QoS 1, before anything else and again after each new connection: a broker that lost its memory has lost the connection, too.

        Nobody is listened to for it: Home Assistant gets what is retained whenever it begins. False: refused.
        """
        topic, text = self._place.entry(name, component, meaning)
        if len(self._announced) >= TOPICS and topic not in self._announced:
            self.dropped += 1
            return False
        self._announced[topic] = text
        self._unheard[topic] = None
        return True

    def charger_near(self, now: int) -> bool:
        """A charger's box publishes below the same base topic, where its names for a car's wishes are those of a battery's."""
        heard = self.inputs.get(CHARGER_SAYS)
        return heard is not None and 0 <= heard.quantity.at and now - heard.quantity.at <= SAYS_EVERY

    @property
    def online(self) -> bool:
        return self._online_at != NEVER

    @property
    def refused(self) -> int:
        """Payloads that were no value."""
        return sum(i.refused for i in self.inputs.values())

    @property
    def stored(self) -> int:
        """Messages that the broker had kept, of unknown age."""
        return sum(i.stored for i in self.inputs.values())

    @property
    def errors(self) -> int:
        return self.failures + self.losses + self.refused + self.stored + self.unknown + self.dropped

    def run(self, now: int) -> int:
        """One turn; when it wants the next."""
        self._now = now
        if self._client is not None:
            return self._turn(now)
        if self._attempt is None:
            if now >= self._next:
                self._started = now
                self._attempt = Attempt(lambda: opened(self._make, self.config), hang_up)
                return now + PERIOD
            return min(self._next, now + S)
        if not self._attempt.done:
            if now - self._started > NAME_WAIT:
                self._tell("MQTT: no broker", f"Looking up or reaching {self.config.broker}:{self.config.port} takes more than {NAME_WAIT // S} s; check name service and network.")
            return now + PERIOD
        attempt, self._attempt = self._attempt, None
        if attempt.made is None or attempt.made.socket() is None:      # None: closed while CONNECT was sent
            self.failures += 1
            problem = attempt.problem[:TOLD] or "it closed the connection at once"
            return self._retry("MQTT: no broker", f"{self.name} cannot be reached: {problem}. Check mqtt.broker, mqtt.port, and that the broker runs.", now)
        self._take(attempt.made, now)
        return now + PERIOD

    def close(self) -> None:
        """Say offline and leave; does not wait."""
        if self._attempt is not None:
            self._attempt.abandon()
            self._attempt = None
        if self._client is not None:
            if self.online:
                self._call(lambda: self._client.publish(self._base + STATUS, "offline", qos=0, retain=True))
                self._call(self._client.disconnect)
            self._drop()

    # --- one connection

    def _take(self, client: Any, now: int) -> None:
        client.on_connect = self._connected
        client.on_message = self._heard
        client.on_publish = self._confirmed
        client.on_subscribe = self._subscribed
        self._client = client
        self._poll.register(client.socket(), select.POLLIN)
        self._started = self._empty_at = self._misc_at = now
        self._unconfirmed = 0
        self._refusal = self._forbidden = ""

    def _turn(self, now: int) -> int:
        client, packets, more = self._client, 0, self._readable()
        while more and packets < PACKETS:
            packets += 1
            if not self._call(client.loop_read):
                return self._lost(now)
            more = self._readable()
        if not more:
            self._empty_at = now
        else:
            self.behind += 1
        if now >= self._misc_at:
            self._misc_at = now + S
            if not self._call(client.loop_misc):           # asks for signs of life; closes after a silence of keepalive_s
                return self._lost(now)
        if not self.online:
            return now + PERIOD if now - self._started < CONNACK_WAIT else self._lost(now)
        if now - self._online_at > STABLE:
            self._backoff.succeeded()
        if client.want_write() and not self._call(client.loop_write) or not self._send(now):
            return self._lost(now)
        if now >= self._judge_at:
            fault, remedy = self._judge(now)
            self._judge_at = now + (HOLD if fault else JUDGE)
            self._tell(fault, remedy)
        return now + (FLOODED if more else PERIOD)

    def _readable(self) -> bool:
        sock = self._client.socket()
        if sock is None:
            return False
        pending = getattr(sock, "pending", None)           # TLS: decrypted octets that no descriptor tells of
        return bool(self._poll.poll(0)) or pending is not None and pending() > 0

    def _send(self, now: int) -> bool:
        sent = 0
        while self._unheard and sent < SENDS and self._unconfirmed < UNCONFIRMED:
            topic = next(iter(self._unheard))
            del self._unheard[topic]
            sent += 1
            self._unconfirmed += 1
            if not self._publish(topic, self._announced[topic], 1, True):
                return False
        while self._due and sent < SENDS and self._unconfirmed < UNCONFIRMED:
            name = next(iter(self._due))
            del self._due[name]
            sent += 1
            self._unconfirmed += 1
            status = name == STATUS
            if not self._publish(self._base + name, self._latest[name], 1 if status else self.config.qos, status):
                return False
        return True

    def _publish(self, topic: str, text: str, qos: int, retain: bool) -> bool:
        return self._call(lambda: self._client.publish(topic, text, qos=qos, retain=retain))

    def _call(self, method: Callable[[], Any]) -> bool:
        """A call into paho. False: the connection is no more."""
        try:
            code = method()
        except Exception as error:           # paho parses what the broker sends: struct.error, IndexError, UnicodeError, ...
            self._refusal = self._refusal or f"what it sent cannot be read ({type(error).__name__})"
            return False
        return getattr(code, "rc", code) == 0 and self._client.socket() is not None

    def _lost(self, now: int) -> int:
        """Back to the beginning, after a pause that grows."""
        client, online, refusal = self._client, self.online, self._refusal
        self.oversized += bool(client.oversized)
        self._drop()
        if refusal:
            self.failures += 1
            return self._retry("MQTT: refused", f"{self.name} refuses: {refusal}. Check mqtt.user, mqtt.password_file, mqtt.protocol and the broker's log.", now)
        if not online:
            self.failures += 1
            silent = now - self._started >= CONNACK_WAIT
            deed = f"does not answer within {CONNACK_WAIT // S} s" if silent else "closes it again"
            return self._retry("MQTT: no answer" if silent else "MQTT: refused", f"{self.name} takes the connection and {deed}. Does it run, does it speak MQTT "
                               f"{self.config.protocol} (mqtt.protocol), and is mqtt.tls = {str(self.config.tls).lower()} right for this port?", now)
        self.losses += 1
        if client.oversized:
            return self._retry("MQTT: huge message", f"{self.name} sent a message of {client.oversized} octets, more than {LARGEST}, so the connection was closed. Find who publishes "
                               f"(or retains) it below {self._base}, or set mqtt.protocol to 5.", now)
        return self._retry("MQTT: lost", f"{self.name} closed the connection or was silent. Check that it runs, and that no other client is called as this one.", now)

    def _drop(self) -> None:
        self._poll = select.poll()           # and not unregister: paho may have closed the socket itself
        hang_up(self._client)
        self._client = None
        self._online_at = NEVER

    def _retry(self, fault: str, remedy: str, now: int) -> int:
        self._tell(fault, remedy)
        self._next = now + self._backoff.failed()
        return min(self._next, now + S)

    # --- callbacks of paho, 1.6 (codes are numbers) and 2.x (codes are objects)

    def _connected(self, client: Any, userdata: Any, flags: Any, code: Any, *more: Any) -> None:
        if getattr(code, "value", code) != 0:
            self._refusal = _reason(code)
            return
        self.connects += 1
        self._online_at = self._judge_at = self._now
        self._tell("", "")
        self._latest[STATUS] = "online"
        self._due = {STATUS: None, **dict.fromkeys(self._latest)}
        self._unheard = dict.fromkeys(self._announced)
        if self.inputs:
            client.subscribe([(self._base + name, self.config.qos) for name in self.inputs])

    def _subscribed(self, client: Any, userdata: Any, mid: int, codes: Any, *more: Any) -> None:
        refused = [name for name, code in zip(self.inputs, codes) if getattr(code, "value", code) >= 128]
        self._forbidden = ", ".join(refused)

    def _confirmed(self, *about: Any) -> None:
        self._unconfirmed -= 1

    def _heard(self, client: Any, userdata: Any, message: Any) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""
        wanted = self.inputs.get(topic.removeprefix(self._base)) if topic.startswith(self._base) else None
        if wanted is None:
            self.unknown += 1
        else:
            wanted.take(message.payload, bool(message.retain), self._empty_at)

    # --- what is wrong

    def _tell(self, fault: str, remedy: str) -> None:
        self.fault, self.remedy = fault, remedy

    def _judge(self, now: int) -> tuple[str, str]:
        """While connected: the fault of at most 19 characters, and what to do."""
        if now - self._empty_at > BEHIND:
            return "MQTT: flooded", f"More than {PACKETS} messages per {FLOODED // MS} ms come from {self.name}; find who publishes so much below {self._base}."
        if self._forbidden:
            return "MQTT: not allowed", f"{self.name} does not let us subscribe {self._forbidden} below {self._base}; give this user the right to read there."
        if self.charger_near(now):
            return "MQTT: charger here", (f"A charger publishes below {self._base}, too, and what it repeats of our wishes looks like the battery's: nothing of this topic "
                                          "is believed. Give each box an mqtt.topic of its own.")
        if now - self._online_at < PATIENCE:
            return "", ""
        for wanted in self.inputs.values():
            if wanted.within is None or 0 <= wanted.quantity.at and now - wanted.quantity.at <= wanted.within:
                continue
            topic = self._base + wanted.name
            if wanted.complaint:
                return "MQTT: bad data", f"{topic}: {wanted.complaint}."
            return ("MQTT: no data", f"Nothing comes on {topic}; {wanted.expected} is needed at least every {wanted.within // MS} ms, without retain.") \
                if not wanted.heard else \
                ("MQTT: data too old", f"{topic} comes too seldom; {wanted.expected} is needed at least every {wanted.within // MS} ms.")
        return "", ""


def _reason(code: Any) -> str:
    """The broker's refusal in words."""
    if isinstance(code, int):
        from paho.mqtt.client import connack_string
        return connack_string(code)
    return str(code)


def _maker(config: MqttConfig, client_id: str, will: str) -> Callable[[], Any]:
    """Everything that can be wrong before the first connection, found at the start."""
    try:
        made = paho_class()
    except ImportError as error:
        raise DriverError(f"MQTT needs paho-mqtt, which cannot be imported ({error}).", "Install it (pip install paho-mqtt) or do without MQTT.") from error
    try:
        config.broker.encode("idna")         # as the resolver will; its tables are loaded here and not in a tick
    except UnicodeError as error:
        raise DriverError(f"mqtt.broker = {config.broker!r} is no host name ({error}).", "Set a name or an address.") from error
    password = None
    if config.password_file:
        try:
            with open(config.password_file, encoding="utf-8") as file:
                password = file.readline(1024).rstrip("\r\n")
        except (OSError, UnicodeError) as error:
            raise DriverError(f"mqtt.password_file cannot be read: {error}.", "Create it with the password in its first line, readable for this program.") from error
    tls = None
    if config.tls:
        try:
            tls = ssl.create_default_context(cafile=config.ca_file or None)
            if config.certificate_file:
                tls.load_cert_chain(config.certificate_file, config.key_file)
        except OSError as error:             # ssl.SSLError is one
            raise DriverError(f"The certificate files of MQTT cannot be used: {error}.", "Check mqtt.ca_file, mqtt.certificate_file and mqtt.key_file (PEM).") from error
    return lambda: paho_client(made, config, client_id, will, tls, password, LARGEST)
