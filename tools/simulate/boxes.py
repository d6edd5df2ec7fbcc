"""The black box files of a simulated charge: one for each box that is recorded."""
from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

from drivers.blackbox.layout import BoxOctets
from drivers.errors import DriverError
from tools.simulate.charge import Charge, Node

NAMES = {"pev": "car.ccsbox", "evse": "charger.ccsbox"}


class BoxFiles:
    """`look` writes what has come; `close` ends the files. DriverError where they cannot be written."""

    def __init__(self, folder: Path, charge: Charge, more: dict[str, Any]) -> None:
        """`more`: what the files say of this run. The clock stands at 0: 1970."""
        self._charge = charge
        self.paths: list[Path] = []
        self._files: list[tuple[Node, BoxOctets, BinaryIO]] = []
        for node in (charge.car, charge.charger):
            if node.black_box is None:
                continue
            path = folder / NAMES[node.name]
            octets = BoxOctets(0)
            try:
                file = open(path, "wb")
                file.write(node.black_box.begin(octets, more))
            except OSError as error:
                raise DriverError(f"{path} cannot be written ({error.strerror}).", "Choose another folder with --output DIR.") from error
            self.paths.append(path)
            self._files.append((node, octets, file))

    def look(self) -> None:
        """Often enough for the tape's room: about every minute of virtual time."""
        for node, octets, file in self._files:
            if node.black_box is not None:
                file.write(octets.batch(*node.black_box.tape.take()))

    def close(self) -> None:
        """With how it ended. What both said belongs to it: their journals are flushed before."""
        self.look()
        reason = None if self._charge.reason is None else self._charge.reason.text
        for node, octets, file in self._files:
            statistics = {} if node.black_box is None else node.black_box.statistics()
            file.write(octets.end({"reason": reason, "virtual_s": self._charge.clock.time / 1e9, "statistics": statistics}))
            file.close()
