"""What is known of the own modem now; the search, the keys and the link test read it and write to it."""
from __future__ import annotations

from dataclasses import field

from kernel.record import dataclass
from tasks.homeplug.events import ModemBack
from tasks.homeplug.modem_kinds import GENERIC, Kind
from tasks.homeplug.wire_header import LOCAL_DEVICE

MAX_RIVALS = 4                         # further modems at our side of the power line that are remembered


@dataclass(slots=True)
class OwnModem:
    """`mac` is None until it has answered. `foreign` counts answers that claim to be the own modem's but are not.

    `identified`: it has answered a vendor's question. `proven`: it has answered one that went to the local address, which never
    goes out on the power line (sheet 1.2); an answer to a broadcast may come from the modem at the other end.
    `mmv`: the form in which a Lumissil modem answered, and is asked from then on (sheet 10 row 4).
    `direct`: it is spoken to by its own MAC, because it does not know the local address or because it is not alone there.
    """

    host_mac: bytes
    kind: Kind = GENERIC
    mac: bytes | None = None
    identified: bool = False
    proven: bool = False
    direct: bool = False
    mmv: int = 1
    restarting: bool = False           # it took a key and has not been heard since
    last_heard: int = 0
    foreign: int = 0
    rivals: list[bytes] = field(default_factory=list)
    out: list = field(default_factory=list)
    events: list = field(default_factory=list)

    @property
    def address(self) -> bytes:
        """Where to send what is meant for it."""
        return self.mac if self.direct and self.mac is not None else LOCAL_DEVICE

    def spoke(self, m, now: int) -> bool:
        """Is this message for us and from the own modem? Takes it as a sign of life."""
        if m.dst != self.host_mac or self.mac is None:
            return False
        if m.src != self.mac:
            self.foreign += 1
            return False
        self.alive(now)
        return True

    def alive(self, now: int) -> None:
        """A sign of life; the first one after a key ends the restart."""
        self.last_heard = now
        if self.restarting:
            self.restarting = False
            self.events.append(ModemBack())
