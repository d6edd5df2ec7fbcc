"""Runs an encounter and keeps what crossed the line, with names and times, so that habits can be measured from outside."""
from __future__ import annotations

from dataclasses import dataclass

from drivers.sim.link import LinkConfig
from drivers.sim.plant_config import PlantConfig
from exi_native import codec
from kernel.timer import MS, S
from tasks.config import Config
from tasks.homeplug.wire_header import name_of
from tools.simulate.fleet.cars import CARS
from tools.simulate.fleet.chargers import CHARGERS
from tools.simulate.fleet.encounter import Encounter
from tools.simulate.fleet.meet import BATTERY_WH, SOC_FROM, SOC_TO
from tools.simulate.fleet.traits import CHARGES, CarTraits, ChargerTraits, Personality

ICMP = {135: "NS", 136: "NA"}
SYN, ACK = 0x02, 0x10


@dataclass(slots=True)
class Seen:
    """One frame: ms, who sent it, what it is."""

    at: float
    sender: str
    name: str
    frame: bytes


def name_frame(frame: bytes) -> str:
    """A word for the frames that the habits are about."""
    if frame[12:14] == b"\x88\xe1":
        return name_of(frame[15] | frame[16] << 8)
    if frame[12:14] != b"\x86\xdd":
        return "other"
    if frame[20] == 58:
        return ICMP.get(frame[54], "ICMP")
    if frame[20] == 17:
        kind = frame[64:66]
        return "SDP request" if kind == b"\x90\x00" else "SDP response" if kind == b"\x90\x01" else "UDP"
    flags, data = frame[67], frame[54 + (frame[66] >> 4) * 4:]
    if flags & SYN:
        return "SYN-ACK" if flags & ACK else "SYN"
    return "V2G" if data else "TCP"


class Tapped:
    """An encounter that has been run; `seen` is the line, `v2g` (ms, sender, body) what both sides said, `session_ids` with it."""

    def __init__(self, who: Personality | str | None = None, traits: ChargerTraits | CarTraits | None = None, config: Config | None = None,
                 until: float | None = None) -> None:
        if isinstance(who, str):
            who = {**CHARGERS, **CARS}[who]
        if who is None:
            who = Personality("tried", "tried", traits if traits is not None else ChargerTraits(), ("test",), CHARGES)
        config = config if config is not None else Config()
        config.ev.stop_soc_percent = SOC_TO
        car = isinstance(who.traits, CarTraits)
        self.seen: list[Seen] = []
        self.v2g: list[tuple[float, str, object]] = []
        self.session_ids: list[tuple[str, bytes]] = []
        plant = PlantConfig(battery_soc_percent=SOC_FROM, battery_capacity_wh=BATTERY_WH)
        self.charge = Encounter(None if car else who, who if car else None, config, plant, codec.load(), 1, LinkConfig())
        self.charge.link.trace = self._see
        for node in (self.charge.car, self.charge.charger):
            v2g = next(row.task for row in node.kernel.rows if row.name == "v2g")
            v2g._codec = Ear(v2g._codec, node.name, self)
        self.charge.run(round((until or 600.0) * S))

    def _see(self, now: int, sender: str, frame: bytes, fate: str) -> None:
        self.seen.append(Seen(now / MS, sender, name_frame(frame), frame))

    def times(self, name: str, sender: str | None = None) -> list[float]:
        return [s.at for s in self.seen if s.name == name and sender in (None, s.sender)]

    def first(self, name: str, sender: str | None = None, after: float = 0.0) -> float:
        return next(at for at in self.times(name, sender) if at >= after)

    def said(self, name: str) -> list[object]:
        """Bodies of this name, in order."""
        return [body for _, _, body in self.v2g if type(body).__name__ == name]

    def turns(self, name: str) -> list[float]:
        """ms between the message before on the line and each message of this name, from the second on."""
        line = [s.at for s in self.seen if s.name == "V2G"]
        gaps = []
        for at, _, body in self.v2g:
            if type(body).__name__ == name:
                mine = next((i for i, t in enumerate(line) if t >= at), None)
                if mine:
                    gaps.append(line[mine] - line[mine - 1])
        return gaps[1:]


class Ear:
    """A codec that notes what is encoded."""

    def __init__(self, inner, name: str, tapped: Tapped) -> None:
        self._inner = inner
        self._name = name
        self._tapped = tapped
        self.decode = inner.decode
        self.prepare = inner.prepare

    def encode(self, schema: str, message: object) -> bytes:
        body = message.Body.BodyElement if hasattr(message, "Body") else message
        if hasattr(message, "Header"):
            self._tapped.session_ids.append((self._name, message.Header.SessionID))
        self._tapped.v2g.append((self._tapped.charge.clock.time / MS, self._name, body))
        return self._inner.encode(schema, message)
