"""The V2G messages of the recordings beside the repository, in order, as decoded bodies; no recording is kept here."""
from __future__ import annotations

from pathlib import Path

from drivers.capture_file import CaptureReader
from exi_native import codec
from exi_native.errors import ExiError

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "captures"
TCP_AT = 54                      # Ethernet 14, IPv6 40
V2GTP_EXI = b"\x01\xfe\x80\x01"


def messages(name, schema="DIN"):
    """All messages of a recording; retransmissions and handshakes left out."""
    c, out, seen = codec.load(), [], set()
    with (FOLDER / name).open("rb") as file:
        for frame in CaptureReader(file):
            data = frame.data
            if data[12:14] != b"\x86\xdd" or data[20] != 6:
                continue
            payload = data[TCP_AT + (data[TCP_AT + 12] >> 4) * 4:]
            key = (data[22:38], data[TCP_AT:TCP_AT + 8], len(payload))           # source, ports, sequence number
            if payload[:4] != V2GTP_EXI or key in seen:
                continue
            seen.add(key)
            try:
                message = c.decode(schema, payload[8:])
            except ExiError:                                                     # supportedAppProtocol
                continue
            if hasattr(message, "Body"):
                out.append(message)
    return out
