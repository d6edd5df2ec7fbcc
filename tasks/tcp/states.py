"""The states of a connection (RFC 9293 3.3.2) and the ways in which it can end."""
from __future__ import annotations

from enum import Enum, auto

from kernel.word import Word


class State(Word):
    CLOSED = auto()
    SYN_SENT = auto()
    SYN_RCVD = auto()
    ESTABLISHED = auto()
    FIN_WAIT_1 = auto()
    FIN_WAIT_2 = auto()
    CLOSE_WAIT = auto()
    CLOSING = auto()
    LAST_ACK = auto()
    TIME_WAIT = auto()


class End(Enum):
    """How a connection came to CLOSED; None while it lives."""

    ORDERLY = auto()         # both FINs, or our own abort
    REFUSED = auto()         # RST in answer to our SYN
    RESET = auto()           # RST later
    TIMEOUT = auto()         # no acknowledgement, or no connection until the deadline


RECEIVING = frozenset({State.ESTABLISHED, State.FIN_WAIT_1, State.FIN_WAIT_2})
SENDING = frozenset({State.SYN_SENT, State.SYN_RCVD, State.ESTABLISHED, State.CLOSE_WAIT})
