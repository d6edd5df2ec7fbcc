"""The V2G messages of the recordings beside the repository, in order, as decoded bodies; no recording is kept here."""
from __future__ import annotations

from exi_native import codec
from tests.captures import FOLDER
from tests.replay.recording import read

__all__ = ["FOLDER", "messages"]


def messages(name):
    """All messages of a recording; retransmissions and handshakes left out. Whole replays: tests/replay."""
    exchanges = [e for talk in read(FOLDER / name, codec.load()).talks for e in talk.exchanges]
    found = [item.message for e in exchanges for item in (e.request, e.response) if item is not None]
    return [m for m in found if hasattr(m, "Body")]
