"""The folder that each run leaves: pcap of the box's interface, one journal per box, the settings in force."""
from __future__ import annotations

from pathlib import Path
from typing import Sequence

from drivers.atomic_file import replace_file
from drivers.errors import DriverError
from drivers.journal_file import JournalFile
from drivers.pcap_ring import PcapRing


class SessionFolder:
    """`pcap.write(at, frame)` and `journals[name](event)` are the two sinks; `flush` and `close` reach all files."""

    def __init__(self, path: str | Path, names: Sequence[str], settings: str, *, start: int = 0, epoch_ns: int = 0,
                 turn: bool = False) -> None:
        """`names`: one journal `journal-NAME.txt` each. `start`: ns at which journals begin to count. `turn`: full
        journals give way to new ones. DriverError when the folder cannot be written."""
        self.path = Path(path)
        self.lost = 0                # frames and writes that a full disk did not take
        self._full = False
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self.settings = self.path / "config.yaml"
            replace_file(str(self.settings), (settings,))
            self.pcap_path = self.path / "frames.pcap"
            self.pcap = PcapRing(self.pcap_path, epoch_ns=epoch_ns)
            self.journal_paths = {name: self.path / f"journal-{name}.txt" for name in names}
            self.journals = {name: JournalFile(path, start, turn=turn) for name, path in self.journal_paths.items()}
        except OSError as error:
            raise DriverError(f"The folder {self.path} cannot be written ({error.strerror}).", "Choose another one with --output DIR.") from error

    def tap(self, at: int, frame: bytes, outgoing: bool) -> None:
        """For the rows that move frames: both directions go into the pcap. A full disk is counted, never raised into them."""
        if not self._full:
            try:
                self.pcap.write(at, frame)
                return
            except OSError:
                self._full = True
        self.lost += 1

    def flush(self) -> None:
        """Write out what is buffered; what a full disk does not take is counted in `lost`."""
        for file in (self.pcap, *self.journals.values()):
            try:
                file.flush()
            except OSError:
                self._full = True
                self.lost += 1

    def close(self) -> None:
        """Every file, whatever the disk says to the last octets of one; closing twice is harmless."""
        for file in (self.pcap, *self.journals.values()):
            try:
                file.close()
            except OSError:
                self.lost += 1
