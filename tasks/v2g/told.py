"""What of a session is only told to people: protocol, EVSEID, and the limits that both sides have named."""
from __future__ import annotations

from kernel.channels import Writer
from tasks.signals import Signals
from tasks.v2g.config import EvseConfig
from tasks.v2g.evse_conversation import EvseConversation

MAX_ID = 37              # characters: evseIDType of ISO 15118-2; DIN's 32 octets are cut where they are no text


def id_text(evse_id: str | bytes) -> str:
    """DIN 70121 has octets: text where they are printable (many chargers send ASCII), else hexadecimal digits."""
    if isinstance(evse_id, str):
        return evse_id[:MAX_ID]
    printable = len(evse_id) > 1 and all(32 < octet < 127 for octet in evse_id)
    return (evse_id.decode("ascii") if printable else evse_id.hex())[:MAX_ID]


class Told:
    """Of either side: `agreed` and `named`, each with what is known; None forgets it for a new session."""

    __slots__ = ("_protocol", "_evse_id", "_id")

    def __init__(self, signals: Signals, writer: str) -> None:
        self._protocol = signals.v2g_protocol.claim(writer)
        self._evse_id = signals.evse_id.claim(writer)
        self._id: str | bytes | None = None

    def agreed(self, protocol: str | None) -> None:
        """The name of the protocol; the signal has no age, so its time does not matter: 0."""
        self._protocol.set(protocol, 0)
        if protocol is None:
            self.named(None)

    def named(self, evse_id: str | bytes | None) -> None:
        if evse_id != self._id:
            self._id = evse_id
            self._evse_id.set(None if evse_id is None else id_text(evse_id), 0)


class ToldLimits:
    """Of a charger: what it offers, and what the car has told."""

    __slots__ = ("_written", "_offered", "_car", "_config")

    def __init__(self, signals: Signals, writer: str, config: EvseConfig) -> None:
        s = signals
        self._config = config
        self._offered: tuple[Writer[float], ...] = tuple(x.claim(writer) for x in (s.evse_max_voltage, s.evse_max_current, s.evse_max_power))
        self._car: tuple[Writer[float], ...] = tuple(x.claim(writer) for x in (s.ev_max_voltage, s.ev_max_current))
        self._written: tuple[float | None, ...] = ()

    def tell(self, machine: EvseConversation, now: int) -> None:
        """0 in the machine: the car has not told its limits yet."""
        c = self._config
        offered = (c.ac_nominal_voltage_v, c.ac_max_current_a) if machine.ac else (c.max_voltage_v, c.max_current_a)
        told = (*offered, machine.power_cap, machine.ev_max_voltage or None, machine.ev_max_current or None)
        if told == self._written:
            return
        self._written = told
        for writer, value in zip((*self._offered, *self._car), told):
            writer.set(value, now)
