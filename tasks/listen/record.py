"""What following the traffic yields: one account per frame, and records of what is worth a line."""
from __future__ import annotations

from dataclasses import field
from enum import Enum

from kernel.record import dataclass

MAX_KINDS = 512          # different kinds of frames that the tally tells apart; the rest is one kind
MAX_REASONS = 256        # different reasons for malformed frames
OTHER = "other"


class Category(Enum):
    """How far a frame was understood."""

    DECODED = "decoded"          # read into its fields
    NAMED = "named"              # known what it is, content not read
    MALFORMED = "malformed"      # does not keep to the rules of its kind


class Layer(Enum):
    """Where a record comes from; the words of --no-frames."""

    MME = "mme"                  # HomePlug management messages
    ND = "nd"                    # ICMPv6
    SDP = "sdp"
    TCP = "tcp"                  # SYN, FIN, RST, retransmissions and the like
    ACK = "ack"                  # TCP segments that only acknowledge
    TLS = "tls"
    V2G = "v2g"
    OTHER = "other"


class Role(Enum):
    """Who sent it, where that is known."""

    CAR = "car"
    CHARGER = "charger"
    MODEM = "modem"


@dataclass(slots=True)
class Record:
    """One thing seen. `message` is the parsed value (an MME, a Segment, an EXI message ...), read by values.py.

    `at` ns of the frame that completed it, `number` counts that frame from 1. `reason` is only set for malformed ones.
    `latency`: ns since the request that this answers. `session_id` of a V2G message.
    """

    at: int
    number: int
    layer: Layer
    category: Category
    name: str
    src: bytes
    dst: bytes
    sender: Role | None = None
    receiver: Role | None = None
    message: object = None
    note: str = ""
    reason: str = ""
    protocol: str = ""
    latency: int | None = None
    session_id: bytes = b""
    octets: int = 0


@dataclass(slots=True)
class Tally:
    """Every frame exactly once, by category and kind; `bad_checksums` are frames that were read all the same."""

    frames: int = 0
    kinds: dict[tuple[Category, str], int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    bad_checksums: int = 0

    def count(self, category: Category, kind: str, reason: str) -> None:
        key = (category, kind)
        kinds = self.kinds
        if key in kinds:
            kinds[key] += 1
        elif len(kinds) < MAX_KINDS:
            kinds[key] = 1
        else:
            key = (category, OTHER)
            kinds[key] = kinds.get(key, 0) + 1
        if reason:
            reasons = self.reasons
            if reason not in reasons and len(reasons) >= MAX_REASONS:
                reason = OTHER
            reasons[reason] = reasons.get(reason, 0) + 1

    def of(self, category: Category) -> int:
        """Frames of one category."""
        return sum(n for (c, _), n in self.kinds.items() if c is category)
