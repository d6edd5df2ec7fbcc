"""A pcap that does not fill the card: pieces of bounded size, the newest are kept."""
from __future__ import annotations

from pathlib import Path

from drivers.capture_file import PcapWriter

PIECE = 32 * 1024 * 1024     # octets of one file: about 45 minutes of a charging session
KEPT = 7                     # older pieces beside the present one: 256 MiB in all
RECORD_HEAD = 16             # octets that pcap puts before each frame


class PcapRing:
    """`path` is always the newest piece; when it is full it becomes NAME.1.pcap, that one NAME.2.pcap and so on."""

    def __init__(self, path: Path, *, epoch_ns: int = 0) -> None:
        self.path = path
        self.frames = 0
        self.turns = 0               # pieces that were filled
        self._epoch = epoch_ns
        self._octets = 0
        self._file = PcapWriter(path, epoch_ns=epoch_ns)

    def write(self, at_ns: int, frame: bytes) -> None:
        if self._octets + len(frame) + RECORD_HEAD > PIECE:
            self._turn()
        self._file.write(at_ns, frame)
        self._octets += len(frame) + RECORD_HEAD
        self.frames += 1

    def _turn(self) -> None:
        self._file.close()
        for number in range(KEPT, 0, -1):
            old = self.path if number == 1 else self._numbered(number - 1)
            if old.exists():
                old.replace(self._numbered(number))
        self._file = PcapWriter(self.path, epoch_ns=self._epoch)
        self._octets = 0
        self.turns += 1

    def _numbered(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.stem}.{number}{self.path.suffix}")

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        """Closing twice is harmless."""
        self._file.close()
