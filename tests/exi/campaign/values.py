"""Values of simple types for the campaign: the cases that must occur, and random ones between them."""
from __future__ import annotations

import random
from typing import Any

from tests.exi.campaign.points import cases
from tests.exi.campaign.shape import Simple

#: Length of a long string or binary where the schema gives no limit; longer than the 64 characters and the 350 octets
#: that other codecs allow (exi.md section 3.1).
LONG = 400
#: Bits of the large integers where the schema gives no bound; certificates have serial numbers of up to 160.
LARGE_BITS = 200
#: Most characters of a random string.
_SHORT = 20
# No blanks: XML collapses them in anyURI and ID (exi.md section 1), and no control characters: XML cannot hold them.
_ASCII = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:/#=<>&'\""
_NOT_ASCII = "äÖß\u00a0é€ł漢字\u07ff\u0800\ud7ff\ue000\ufffd"
_ASTRAL = "\U00010000😀𝄞\U0010fffd"


def value(rng: random.Random, simple: Simple, case: int) -> Any:
    """The value of one case of points.cases."""
    name = cases(simple)[case]
    if simple.kind == "boolean":
        return name == "true"
    if simple.kind == "enumeration":
        return name
    if simple.kind == "integer":
        return _integer(rng, simple, name)
    low, high = simple.low or 0, simple.high
    if name in ("empty", "shortest"):
        length = low
    elif name == "full":
        assert high is not None
        length = high
    elif name == "long":
        length = LONG
    else:
        length = max(low, 1, min(high or _SHORT, 7))
    if simple.kind != "string":
        return rng.randbytes(length)
    extra = {"not ASCII": _NOT_ASCII, "beyond 16 bits": _ASTRAL}.get(name, "")
    return "".join(rng.choice(extra or _ASCII) for _ in range(length))


def random_value(rng: random.Random, simple: Simple) -> Any:
    """Any value of the type, mostly a short one; never an empty one where another length is allowed."""
    if simple.kind == "boolean":
        return rng.random() < 0.5
    if simple.kind == "enumeration":
        return rng.choice(simple.words)
    if simple.kind == "integer":
        return _between(rng, simple)
    low = simple.low or 0
    high = max(low, _SHORT) if simple.high is None else min(simple.high, max(low, _SHORT))
    length = rng.randint(max(low, min(1, high)), high)
    if simple.kind != "string":
        return rng.randbytes(length)
    letters = _ASCII if rng.random() < 0.9 else _ASCII + _NOT_ASCII + _ASTRAL
    return "".join(rng.choice(letters) for _ in range(length))


def _integer(rng: random.Random, simple: Simple, name: str) -> int:
    if name == "zero":
        return 0
    if name == "lowest":
        assert simple.low is not None
        return simple.low
    if name == "highest":
        assert simple.high is not None
        return simple.high
    large = rng.getrandbits(LARGE_BITS) | 1 << (LARGE_BITS - 1)
    return -large if name == "below 64 bits" else large


def _between(rng: random.Random, simple: Simple) -> int:
    """An integer of random size, so that each length of the encoding occurs; often on one side of a power of two."""
    low = -(1 << LARGE_BITS) if simple.low is None else simple.low
    high = (1 << LARGE_BITS) if simple.high is None else simple.high
    size = rng.randrange(max(abs(low), abs(high)).bit_length() + 1)
    made = (1 << size) - rng.randrange(2) if rng.random() < 0.3 else rng.getrandbits(size) if size else 0
    if low < 0 and rng.random() < 0.5:
        made = -made
    return made if low <= made <= high else rng.randint(low, high)
