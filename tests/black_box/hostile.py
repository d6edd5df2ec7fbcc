"""Files from somebody who means ill, and mutations of honest ones: makers for the tests and for the fuzz command."""
from __future__ import annotations

import copy
import json
import random
import zlib
from typing import Any, Callable

from drivers import pcapng
from drivers.blackbox import layout, notes as n
from drivers.blackbox.layout import HEAD, TAPE, BoxOctets, own_block
from drivers.blackbox.reader import Box, NotABox, parse

HEAD_FIELDS: dict[str, Any] = {"channels": ["a.read", "pilot_monitor.read", "vehicle.read", "can"], "signals": ["x", "y"], "mode": "pev", "config": {}, "mac": "020000000001", "tape_from_ns": 0}
WRONG: tuple[Any, ...] = (None, True, -1, 1 << 70, 10 ** 400, 1.5, float("inf"), float("nan"), "", "x", [], [[]], {}, {"x": "zz"}, {"x": 5}, [1, 2, 3], "\ud800", [[[[1]]]])


def file(*blocks: bytes, head: dict[str, Any] | None = None) -> bytes:
    return BoxOctets(0).begin({**HEAD_FIELDS, **(head or {})}, [(0, "can")], "eth0", "hostile") + b"".join(blocks)


def tape(value: Any) -> bytes:
    return own_block(TAPE, json.dumps(value).encode())


def bombs() -> dict[str, bytes]:
    """Small files that want to be large ones."""
    zeros = _spaces(1 << 27)
    deep = b"[" * 200_000
    many = b"[" + b"[0,0]," * 2_000_000 + b"[0,0]]"
    length = (1 << 30).to_bytes(4, "little")
    return {
        "zip bomb": file(_packed(TAPE, zeros)),
        "zip bombs": file(*[_packed(TAPE, _spaces(7 << 20))] * 200),
        "zip bomb as a head": pcapng.section_header() + _packed(HEAD, zeros),
        "deep JSON": file(own_block(TAPE, deep)), "deep JSON as a head": pcapng.section_header() + own_block(HEAD, deep),
        "two million notes": file(own_block(TAPE, many)),
        "empty lists": file(own_block(TAPE, b"[" + b"[]," * 4_000_000 + b"[]]")),
        "a number of a million digits": file(own_block(TAPE, b"[[0," + b"9" * 1_000_000 + b"]]")),
        "a block of 1 GiB": file() + (6).to_bytes(4, "little") + length + bytes(100),
        "a block of 1 GiB of ours": file() + (0xBAD).to_bytes(4, "little") + length + bytes(100),
        "a packet of 1 GiB": file(_block(6, bytes(12) + length + length + bytes(60))),
        "an own block of 1 GiB": file(pcapng.custom_block(layout.ENTERPRISE, b"ccsboxT\x01\xff\xff\xff\x3f" + bytes(50))),
        "options without end": file(_block(6, bytes(20) + b"\x01\0\0\0" * 4_000_000)),
        "an interface of options": file(_block(1, bytes(8) + b"\x01\0\0\0" * 4_000_000)),
        "a journal of empty lines": file(_block(9, b"\n" * 16_000_000)),
        "a journal field of 2^63 octets": file(_block(9, b"MESSAGE\n" + b"\xff" * 8 + bytes(40))),
        "a journal of many fields": file(_block(9, b"".join(b"F%d=x\n" % i for i in range(60_000)) + bytes(2))),
        "many interfaces": file(*[pcapng.interface_description() for _ in range(50_000)]),
        "many blocks": file(*[_block(5, b"")] * 20_000),
    }


def _spaces(octets: int) -> bytes:
    squeeze, piece, parts = zlib.compressobj(9), b" " * (1 << 20), []
    for _ in range(octets >> 20):
        parts.append(squeeze.compress(piece))
    return b"".join(parts) + squeeze.compress(b"[]") + squeeze.flush()


def _packed(kind: bytes, squeezed: bytes) -> bytes:
    return pcapng.custom_block(layout.ENTERPRISE, layout.MAGIC + kind + b"\x01" + len(squeezed).to_bytes(4, "little") + squeezed)


def _block(kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    size = (len(body) + 12).to_bytes(4, "little")
    return kind.to_bytes(4, "little") + size + body + size


def wrong_notes(rng: random.Random, count: int) -> list[Any]:
    """Notes of each kind with things that do not belong there."""
    good = [[n.VISIT, 5], [n.HEARD, 0, 1], [n.HEARD, 1, ["B", 5.0]], [n.HEARD, 2, [[1, 2]]], [n.DID, 3, [1, "00", False], True], [n.SIGNAL, 0, 1.0, 5], [n.FRAMES, 1], [n.SENT, True],
            [n.CAN_HEARD, 3, [[1, "00", False, 0]]], [n.DRAWN, 8, 255], [n.DRAWN, -1, 0.5], [n.TOLD, "stop", "USER"], [n.ONCE, 0, "q"], [n.GAP, "x"]]
    out = []
    for _ in range(count):
        note = json.loads(json.dumps(rng.choice(good)))
        action = rng.randrange(4)
        if action == 0:
            note[rng.randrange(len(note))] = copy.deepcopy(rng.choice(WRONG))
        elif action == 1:
            note.append(rng.choice(WRONG))
        elif action == 2:
            note = note[:rng.randrange(len(note))]
        else:
            note = rng.choice(WRONG)
        out.append(note)
    return out


def mutated(rng: random.Random, data: bytes) -> bytes:
    """Flips, cuts, pieces twice, pieces elsewhere, lengths changed."""
    octets = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 5, 40))):
        place = rng.randrange(len(octets))
        action = rng.randrange(6)
        if action <= 1:
            octets[place] ^= 1 << rng.randrange(8)
        elif action == 2:
            octets[place:place + 4] = rng.choice((b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x00\x00\x00\x80", rng.randbytes(4)))
        elif action == 3:
            del octets[place:place + rng.choice((1, 4, 100))]
        elif action == 4:
            octets[place:place] = octets[place:place + rng.choice((1, 4, 12, 1000))]
        else:
            del octets[place:]
        if not octets:
            break
    return bytes(octets)


def repacked(rng: random.Random, data: bytes) -> bytes:
    """The JSON of one block of ours with something else in one place: sealed octets that no seal warns of, as a liar writes them."""
    blocks, place = [], 0
    while place + 12 <= len(data):
        length = int.from_bytes(data[place + 4:place + 8], "little")
        blocks.append(data[place:place + length])
        place += length
    ours = [number for number, block in enumerate(blocks) if block[:4] == b"\xad\x0b\0\0" and (own := layout.own_content(block[12:-4])) and own[1]]
    chosen = rng.choice(ours)
    own = layout.own_content(blocks[chosen][12:-4])
    assert own is not None
    value = json.loads(zlib.decompress(own[2]))
    _spoil(rng, value)
    blocks[chosen] = own_block(own[0], json.dumps(value).encode("utf-8", "replace"))
    return b"".join(blocks)


def _spoil(rng: random.Random, value: Any) -> None:
    while isinstance(value, (dict, list)) and value:
        key: Any = rng.choice(list(value)) if isinstance(value, dict) else rng.randrange(len(value))
        if not isinstance(value[key], (dict, list)) or not value[key] or rng.random() < 0.2:
            value[key] = copy.deepcopy(rng.choice(WRONG))
            return
        value = value[key]


def survives(data: bytes, *more: Callable[[Box], Any]) -> Box | None:
    """Reads it, and does `more` with what was read; everything but a refusal goes through to the caller."""
    try:
        box = parse(data)
    except NotABox:
        return None
    for use in more:
        use(box)
    return box
