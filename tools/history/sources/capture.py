"""A capture of frames: pcap, pcapng, or the CSV of a logic analyser on a modem's SPI; heard by the machines of tasks/listen."""
from __future__ import annotations

from pathlib import Path

from drivers.capture_file import CaptureError, NotACapture
from drivers.spi_trace import open_reader
from tasks.ethernet.wire import HEADER_LENGTH
from tasks.listen.conversation import Decode
from tasks.listen.hearing import Hearing
from tasks.listen.record import Layer
from tasks.listen.values import mac_text
from tools.history.gathering import Gathering
from tools.history.model import History
from tools.history.progress import Progress, silent
from tools.history.quiet import nothing

SAYS = "a capture (pcap, pcapng, or a CSV with time, MOSI and MISO)"
PCAP = (b"\xa1\xb2\xc3\xd4", b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\x3c\x4d", b"\x4d\x3c\xb2\xa1")
PCAPNG = b"\x0a\x0d\x0d\x0a"
SYSLOG_PORT = 514
_IPV4, _UDP = b"\x08\x00", 17
_LOOK = 1024                 # frames between two reports of progress


def matches(head: bytes) -> bool:
    return head[:4] in PCAP or head[:4] == PCAPNG or _spi(head)


def _spi(head: bytes) -> bool:
    first = head.split(b"\n", 1)[0].lower()
    return b"mosi" in first and b"miso" in first and b"time" in first


def read(path: str, decode: Decode, progress: Progress = silent) -> list[History]:
    """One history per session, in order; one without lanes where no session is in it."""
    hearing = Hearing(decode)
    heard: dict[int, Gathering] = {}
    damage: str | None = None
    first = last = frames = 0
    with open(path, "rb") as file:
        kind = "pcapng" if file.read(4) == PCAPNG else "pcap"
        file.seek(0)
        try:
            reader = open_reader(file)
            for frame in reader:
                first = first if frames else frame.at
                frames, last = frame.number, max(last, frame.at)
                for record in hearing.receive(frame.data, frame.at, frame.missing, frame.link):
                    session = hearing.sessions.latest
                    if session is None or record.layer in (Layer.ACK, Layer.ND):
                        continue
                    if record.layer is Layer.OTHER:
                        line = syslog(frame.data)
                        if line and session.number in heard:
                            heard[session.number].log(frame.at, line)
                        continue
                    gathering = heard.get(session.number)
                    if gathering is None:
                        if session not in hearing.sessions.sessions:
                            continue             # more sessions than are kept: counted in `not_kept`
                        gathering = heard[session.number] = Gathering(session)
                    gathering.take(record, hearing.readings.get(session.number) if record.layer is Layer.V2G else None)
                if frame.number % _LOOK == 0:
                    progress(reader.offset, frame.number)
        except NotACapture:
            raise
        except CaptureError as problem:
            damage = str(problem)
    name = Path(path).name
    histories = [gathering.finish(name, kind, last, mac_text(hearing.modem_of(gathering.session)) if hearing.modem_of(gathering.session) else "")
                 for gathering in heard.values()]
    if not histories:
        histories.append(nothing(name, kind, f"no charging session in {frames} frames", (last - first) / 1e9, first / 1e9))
    if hearing.sessions.not_kept:
        histories[-1].remarks.append(f"{hearing.sessions.not_kept} more sessions not shown")
    histories[-1].damage = damage
    return histories


def syslog(frame: bytes) -> str:
    """The text of an IPv4 syslog frame such as pyPLC sends (field-pyplc-clara sheet 1.7: `<15>` and text); "" for other frames."""
    at = HEADER_LENGTH
    if frame[12:14] != _IPV4 or len(frame) < at + 28 or frame[at] >> 4 != 4 or frame[at + 9] != _UDP:
        return ""
    udp = at + (frame[at] & 0x0F) * 4
    if int.from_bytes(frame[udp + 2:udp + 4], "big") != SYSLOG_PORT:
        return ""
    text = frame[udp + 8:].split(b"\0", 1)[0].decode("utf-8", "replace")
    return text.partition(">")[2] if text.startswith("<") else text
