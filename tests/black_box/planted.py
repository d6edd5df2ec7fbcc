"""Recorded sessions with unusual names in every corner, and a search that finds a name in whatever form it stands in a file."""
from __future__ import annotations

import base64
import copy
import json
import zlib
from dataclasses import replace
from typing import Any, Iterator

import tools.simulate.charge as simulated
from drivers.blackbox import layout, notes as n
from drivers.blackbox.layout import BoxOctets
from drivers.blackbox.reader import Box, parse
from drivers.pcapng import can_frame
from kernel.journal import Event
from kernel.timer import S
from tasks.bridge.learned import Learned
from tasks.config import Config
from tasks.errors import WireError
from tasks.homeplug import wire
from tasks.ipv6.wire import TCP
from tests.black_box.recording import BOTH, CAR, library, nearly_full, recorded
from tools.simulate.chademo import shown
from tools.simulate.chademo.bridge_charge import BridgeCharge
from tools.simulate.charge import Charge

OCTETS = {"car's MAC": "b4e1c93a7d52", "charger's MAC": "88d4a60f3be7", "stranger's MAC": "dca632715b8e", "maker's code": "51a7c3e94f0b6d28", "EVSEID (DIN)": "a94e3b7726d8f15c09"}
TEXTS = {"EVSEID (ISO)": "DE*QZX*E7741903*2", "host": "garage-mueller", "user": "annegret", "topic": "villa/kuechenweg", "file": "/home/annegret/tesla-umbau.dbc", "place": "52.51627",
         "number plate": "WVWZZZ1KZAW123456", "mail": "annegret@example.org", "IPv4": "192.168.178.43", "serial": "SN8841X77", "access": "Geheim77Wort", "name on a network": "fritzboxKeller7"}
POSITION = bytes.fromhex("1f4c3a0b7d5588e1")
STRANGER, MAKER = bytes.fromhex(OCTETS["stranger's MAC"]), bytes.fromhex(OCTETS["maker's code"])
UNIX = 1_700_000_000
IPV4 = bytes.fromhex("ffffffffffff") + STRANGER + bytes.fromhex("0800") + b"E\0\0\x40" + TEXTS["name on a network"].encode() + bytes(40)


def settings(protocol: str) -> Config:
    config = Config()
    config.ev.protocols = [protocol]
    config.evse.evse_id, config.evse.evse_id_text = OCTETS["EVSEID (DIN)"], TEXTS["EVSEID (ISO)"]
    config.mqtt.broker, config.mqtt.user, config.mqtt.topic = TEXTS["host"], TEXTS["user"], TEXTS["topic"]
    config.mqtt.password_file = f"/etc/{TEXTS['access']}"
    config.dbc_battery.file = TEXTS["file"]
    config.syslog.host = TEXTS["IPv4"]
    return config


def session(monkeypatch: Any, kind: str, *, keyframe_at: int | None = None, until: int = 40 * S) -> Box:
    """`kind`: din-pev, din-evse, iso2-pev, iso2-evse, bridge. What no simulation has is added: strangers, a memory of vehicles, a position on CAN, words."""
    monkeypatch.setattr(simulated, "CAR_MAC", bytes.fromhex(OCTETS["car's MAC"]))
    monkeypatch.setattr(simulated, "CHARGER_MAC", bytes.fromhex(OCTETS["charger's MAC"]))
    protocol, _, role = kind.partition("-")
    if kind == "bridge":
        real = simulated.table.Surroundings
        monkeypatch.setattr(simulated.table, "Surroundings", lambda **given: real(**{"memory": Vehicles(), **given}))
        charge: Charge = BridgeCharge(replace(shown.choose("leaf40"), maker=MAKER), None, settings("din"), nearly_full(), library(), 3, recorded=CAR)
    else:
        charge = Charge(settings(protocol), nearly_full(), library(), 5, recorded=BOTH)
    return parse(with_more(parse(recorded(charge, role or "pev", until=until, keyframe_at=keyframe_at))))


class Vehicles:
    """What a bridge has learned about vehicles: the maker's code of one is in it."""

    def __init__(self) -> None:
        learned = Learned()
        learned.learn((2, 100, int.from_bytes(MAKER, "big")), [(50.0, 380.0), (60.0, 385.0)])
        self._plain = learned.to_plain()

    def load(self) -> Any:
        return self._plain

    def problem(self) -> str:
        return ""

    def save(self, plain: dict[str, Any]) -> bool:
        self._plain = plain
        return True


def with_more(box: Box) -> bytes:
    head = {name: value for name, value in copy.deepcopy(box.head).items() if name not in ("format", "epoch_ns")}
    maker = int.from_bytes(MAKER, "big")
    head["channels"] = [*head["channels"], "memory.elsewhere"]
    head["session"] = f"000042-20231114T221320Z-{head['mode']}"
    notes = [[n.HEARD, len(head["channels"]) - 1, {"vehicles": [[2, 400, maker]], "problem": f"{TEXTS['file']} cannot be read"}], *box.notes, [n.TOLD, "note", f"{TEXTS['number plate']} at {TEXTS['place']}, 13.37771"]]
    words = [f"broker {TEXTS['host']}: {TEXTS['user']} refused, topic {TEXTS['topic']}7/soc", f"vehicle {TEXTS['number plate']} of {TEXTS['mail']} at {TEXTS['place']}, 13.37771",
             f"strange station {STRANGER.hex(':')} ({TEXTS['IPv4']}), {TEXTS['serial']}, {TEXTS['name on a network']}",
             f"key {base64.b64encode(MAKER).decode()}, {maker}, at 2023-11-14T22:13:25Z", f"EVSE {TEXTS['EVSEID (ISO)'][:12]}"]
    octets = BoxOctets(box.head["epoch_ns"])
    ports = [(number, name) for number, name in enumerate(box.interfaces) if number] or [(1, "can")]
    packets = [(-1 if p.interface == 0 else p.interface, p.at, p.direction, p.octets) for p in box.packets]
    at = packets[-1][1]
    more = [(-1, at, 0, IPV4), (ports[0][0], at, 1, can_frame(0x04F, POSITION)), (ports[0][0], at, 1, can_frame(0x700, MAKER))]
    events = [Event(e.at, e.source, e.level, e.text, (), e.number) for e in box.entries]
    out = octets.begin(head, ports, box.interfaces[0], "ccsbox") + octets.batch(notes, packets + more, events + [Event(at, "mqtt", "warning", word, ()) for word in words])
    return out + octets.end({"reason": "none", "unix_s": UNIX + 40, "where": TEXTS["place"] + ", 13.37771"})


def names(box: Box) -> dict[str, bytes]:
    """Everything that was planted and that the session made, found without the anonymiser's help."""
    found = {name: bytes.fromhex(octets) for name, octets in OCTETS.items()}
    found |= {name: text.encode() for name, text in TEXTS.items()}
    found["position"] = POSITION
    for packet in box.packets:
        frame = packet.octets
        if packet.interface or len(frame) < 54:
            continue
        for mac in (frame[:6], frame[6:12]):
            if not mac[0] & 1 and mac[:4] != bytes.fromhex("00b05200"):
                found[f"MAC {mac.hex()}"] = mac
        if frame[12:14] == b"\x88\xe1":
            try:
                message = wire.parse(frame)
            except WireError:
                continue
            for field in ("nmk", "nid", "run_id", "random"):
                value = getattr(message, field, b"")
                if len(set(value)) > 3:
                    found[f"{field} {value.hex()}"] = value
        elif frame[20] == TCP and frame[74:78] == b"\x01\xfe\x80\x01":
            for schema in ("DIN", "ISO2"):
                try:
                    header = library().decode(schema, frame[82:]).Header
                except Exception:                          # the other schema, or a handshake
                    continue
                if any(header.SessionID):
                    found[f"SessionID {header.SessionID.hex()}"] = header.SessionID
        if frame[12:14] == b"\x86\xdd":
            for address in (frame[22:38], frame[38:54]):
                if address[0] == 0xFE:
                    found[f"address {address.hex()}"] = address[8:]
    for words in box.notes:
        if words[0] == n.DRAWN and words[1] >= 64:
            found[f"drawn {words[2]:x}"] = words[2].to_bytes(words[1] // 8, "big")
    return {name: value for name, value in found.items() if len(value) >= 5}


def leaks(data: bytes, wanted: dict[str, bytes]) -> list[str]:
    """Names that are in a file: raw, unpacked, as hexadecimal digits, the other way round, in base64, as a number, or bit by bit."""
    places = list(unpacked(data))
    lower = [place.lower() for place in places]
    return sorted({f"{name} ({form})" for name, value in wanted.items() for form, octets, folded in _forms(value) if any(octets in place for place in (lower if folded else places))})


def unpacked(data: bytes) -> Iterator[bytes]:
    """The file, each of its blocks unpacked, its JSON without escapes."""
    yield data
    place = 0
    while place + 12 <= len(data):
        kind, length = int.from_bytes(data[place:place + 4], "little"), int.from_bytes(data[place + 4:place + 8], "little")
        own = layout.own_content(data[place + 12:place + length - 4]) if kind == 0xBAD else None
        if own is not None and own[1]:
            plain = zlib.decompress(own[2])
            yield plain
            yield json.dumps(json.loads(plain), ensure_ascii=False).encode("utf-8", "replace")
        place += length


def _forms(value: bytes) -> Iterator[tuple[str, bytes, bool]]:
    for way, octets in (("", value), ("reversed ", value[::-1])):
        yield f"{way}raw", octets, False
        yield f"{way}hex", octets.hex().encode(), True
        for mark in ":- ":
            yield f"{way}hex with {mark!r}", octets.hex(mark).encode(), True
        for lost in range(3):                             # base64 of something longer
            inner = base64.b64encode(bytes(lost) + octets)[4 if lost else 0:]
            yield f"{way}base64", inner[:len(inner) - 4], False
        if len(octets) >= 6:
            yield f"{way}decimal", str(int.from_bytes(octets, "big")).encode(), False
            for shift in range(1, 8):                     # EXI does not begin at octets
                yield f"{way}shifted", (int.from_bytes(octets, "big") << shift).to_bytes(len(octets) + 1, "big")[1:-1], False
    if value.isascii():
        yield "text", value.lower(), True
