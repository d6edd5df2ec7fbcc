"""The two ways in which the other side can be wrong; everything else is our own bug."""
from __future__ import annotations


class WireError(ValueError):
    """Octets that are not what they claim to be: count, drop, go on."""


class RemoteProtocolError(Exception):
    """The peer broke the rules of the conversation: the session stops with a reason."""
