"""Puts a tape between a table of tasks and everything that it touches, and makes a black box file of what the tape notes.

Used by the box itself, by the simulation, and by a replay, which notes what today's code does and compares.
"""
from __future__ import annotations

import platform
from dataclasses import fields, is_dataclass, replace
from typing import Any, Iterator, Sequence

from drivers.blackbox.layout import BoxOctets
from drivers.blackbox.state import Memory
from drivers.blackbox.tape import Tape
from drivers.blackbox.values import plain
from exi_native.library import ABI_VERSION
from kernel.channels import Signal
from kernel.journal import Journal
from kernel.scheduler import Kernel
from kernel.settings import to_dict
from tasks.config import Config
from tasks.signals import Signals
from tasks.table import Surroundings, Table
from tools.appliance.taped_codec import TapedCodec

KEYS, TERMINATE = "keys.read", "process.terminate"
MEMORY_LOAD, MEMORY_PROBLEM, MEMORY_SAVE = "memory.load", "memory.problem", "memory.save"


class BlackBox:
    """One table's tape. In this order: `around` what the table is given, then the table and its kernel are made, then `watch` them."""

    def __init__(self, config: Config, signals: Signals, journal: Journal, about: str, *, mode: str, start: int = 0, real_clock: bool = False) -> None:
        """`mode`: which table it is (a simulated charger has a car's settings). `start`: ns at which the tape begins to count visits."""
        self.tape = Tape()
        self.tape.at = start
        self._config = config
        self._mode = mode
        self._about = about
        self._journal = journal
        self._signals = signals
        self._real_clock = real_clock
        self._start = start
        self._mac = b""
        self._ports: list[tuple[int, str]] = []
        self._remote = False
        self._rows: list[str] = []
        self._made: Any = None
        self._given_board: Any = None
        self._given_rng: Any = None
        self._kernel: Kernel | None = None
        self.tape.watch(signals)
        journal.add_sink(self.tape.event)

    def around(self, board: Any, rng: Any, around: Surroundings) -> tuple[Any, Any, Surroundings]:
        """Board, randomness and surroundings as the table is to get them."""
        tape = self.tape
        self._mac = board.nic.mac
        taped = tape.board(board)
        self._ports = [(number, name) for number, name in enumerate(tape.channels) if name in ("can", "can_info", "bridge.can")]
        memory = around.memory
        if memory is not None:
            memory = _TapedMemory(tape, memory)
        lines = around.lines
        if lines is not None and taped.text_display is not None:
            lines = taped.text_display
        if around.remote is not None:
            around.remote.witness = self._wish
            self._remote = True
        keys = _TapedKeys(tape.once(KEYS, around.keys.read))
        self._given_board, self._given_rng = taped, tape.rng(rng)
        return taped, self._given_rng, replace(around, keys=keys, terminate=tape.reading(TERMINATE, around.terminate), memory=memory, lines=lines)

    def codec(self, codec: Any) -> Any:
        """The codec as the table is to get it: what it decodes and encodes is noted."""
        return TapedCodec(self.tape, codec)

    def watch(self, made: Table, kernel: Kernel) -> None:
        """The table is made: its visits are noted, and what others do to it."""
        self._rows = [row.name for row in made.rows]
        self._made = made
        self._kernel = kernel
        kernel.on_visit = self.tape.visit
        made.witness = self._fault

    def journal_flush(self) -> None:
        """What the rows have said reaches the tape."""
        self._journal.flush()

    def told(self, what: str, value: Any = None) -> None:
        """Somebody outside the table is about to do something to it."""
        self.tape.told(what, value)

    def _wish(self, item: Any) -> None:
        self.told("remote", [type(item).__name__, plain(item)])

    def _fault(self, name: str, cause: Any) -> None:
        if name not in self._rows:                   # a row that raises does so again when it is played
            self.told("fault", [name, cause.name])

    def keyframe(self) -> dict[str, Any]:
        """What the table remembers now, for a tape that begins here: between visits, or in a row that runs after all of the table's.

        Some milliseconds of work on a PC, a tenth of a second on a small board: for a box at rest.
        """
        if self._kernel is None:
            raise RuntimeError("there is no table yet")
        state = Memory(self.others()).of(roots(self._made, self._signals, self._journal))
        return {"tape_from_ns": self.tape.at, "heard": self.tape.heard(), "kernel": self._kernel.remember(self._rows), "state": state}

    def statistics(self) -> dict[str, Any]:
        """What the rows of this box have cost since it runs; times in us. On virtual time nothing costs."""
        kernel = self._kernel
        if kernel is None:
            return {}
        rows = {row.name: {"runs": row.stats.runs, "total_us": row.stats.total // 1000, "worst_us": row.stats.worst // 1000, "overruns": row.stats.overruns,
                           "slips": row.stats.slips, "postponed": row.stats.postponed} for row in kernel.rows}
        p50, p99, worst = kernel.lateness()
        return {"rows": rows, "visits": kernel.passes, "ticks": kernel.ticks, "missed": kernel.missed,
                "late_us": {"p50": p50 // 1000, "p99": p99 // 1000, "worst": worst // 1000}}

    def others(self) -> dict[str, Any]:
        """What a table was given and does not remember by itself, by names that hold in every life."""
        given = {"journal": self._journal, "kernel": self._kernel, "rng": self._given_rng, **dict(_sections("config", self._config))}
        for place in (self._given_board, self._given_board.bridge):
            for name, device in vars(place).items() if place is not None else ():
                if device is not None and name not in ("bridge", "polled"):
                    given[f"{'bridge.' if place is self._given_board.bridge else ''}{name}"] = device
        return given

    def head(self) -> dict[str, Any]:
        """What a file begins with, unless a keyframe says more."""
        return {"program": self._about, "python": platform.python_version(), "machine": platform.machine(), "codec_abi": ABI_VERSION,
                "mode": self._mode, "config": to_dict(self._config), "mac": self._mac.hex(), "tape_from_ns": self._start,
                "real_clock": self._real_clock, "rows": self._rows, "remote": self._remote, "channels": self.tape.channels, "signals": self.tape.signals,
                "units": {s.name: s.unit for s in self._signals if s.unit}, "external": [signal.name for signal in self._signals if is_external(signal, self._rows)], "constants": self.tape.constants}

    def begin(self, octets: BoxOctets, more: dict[str, Any]) -> bytes:
        """The beginning of a file; `more` is what only the caller knows (which session, why it began)."""
        return octets.begin({**self.head(), **more}, [(channel, name) for channel, name in self._ports], self._config.interface, self._about)


def roots(made: Table, signals: Signals, journal: Journal) -> dict[str, Any]:
    """Where a table's memory begins."""
    return {**{row.name: row.task for row in made.rows}, "signals": signals, "journal limits": journal.limits}


def _sections(name: str, config: Any) -> Iterator[tuple[str, Any]]:
    """Settings are no memory."""
    yield name, config
    for field in fields(config):
        value = getattr(config, field.name)
        if is_dataclass(value):
            yield from _sections(f"{name}.{field.name}", value)
        elif isinstance(value, (list, dict)):
            yield f"{name}.{field.name}", value


def is_external(signal: Signal, rows: Sequence[str]) -> bool:
    """Nobody in the table writes it."""
    return signal.writer is not None and signal.writer.split()[0] not in rows


class _TapedKeys:
    def __init__(self, read: Any) -> None:
        self.read = read


class _TapedMemory:
    """What a bridge has learned about vehicles: read once, written now and then."""

    def __init__(self, tape: Tape, memory: Any) -> None:
        self.load = tape.reading(MEMORY_LOAD, memory.load)
        self.problem = tape.reading(MEMORY_PROBLEM, memory.problem)
        self._save = tape.calling(MEMORY_SAVE, lambda plain, now: memory.save(plain))

    def save(self, plain: dict[str, Any]) -> bool:
        return self._save(plain, 0)
