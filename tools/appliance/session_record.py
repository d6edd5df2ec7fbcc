"""The row that makes a folder of each plug-in: decides when it begins and ends, keeps its summary, tells what the disk does."""
from __future__ import annotations

import hashlib
import time
import traceback
from dataclasses import fields, is_dataclass
from datetime import datetime, timezone
from typing import Any, Callable, Iterator

from drivers.recording.config import SessionsConfig
from drivers.recording.recorder import Recorder, Spawned
from kernel.journal import Event, Journal
from kernel.scheduler import Kernel
from kernel.settings_text import INDENT, scalar
from kernel.task import TIMED, WHEN_IDLE, Row
from kernel.timer import MS, S, US
from tasks.config import Config
from tasks.homeplug.wire import is_slac
from tasks.signals import Signals
from tasks.table import Surroundings, Table
from tools.appliance.about import about
from tools.appliance.black_box import BlackBox
from tools.appliance.box_record import BoxRecord
from tools.appliance.session_summary import SessionSummary, as_json, as_text
from tools.appliance.session_watch import UNPLUGGED, SessionWatch, Step

SOURCE = "sessions"
WRITER = "import sys; sys.path.insert(0, sys.argv.pop(1)); from tools.appliance.session_writer import main; main(sys.argv[1:])"
PERIOD = 200 * MS
AGAIN = 10 * MS              # while there is more to hand over than one run takes
BUDGET = 1000 * US           # 100 frames and lines made octets of: 0.25 ms on a PC
SAVE_EVERY = 60 * S          # the summary so far: what a power cut leaves of it is no older
SAVE_GAP = 10 * S            # a new phase saves it as well, but not more often
CLOSE_LIMIT_S = 1.0          # the program leaves, outputs safe: the writer finishes alone what takes longer
AT_REST = frozenset({"Idle", "Tripped"})
HOMEPLUG = b"\x88\xe1"


class SessionRecord:
    """A row; also a tap and a journal sink. Nothing raises, nothing waits for a disk."""

    inboxes = ()

    def __init__(self, recorder: Recorder, signals: Signals, journal: Journal, config: Config, program: str, wall: Callable[[], int] = time.time_ns) -> None:
        """`wall`: ns since 1970, as far as this box knows."""
        self.sessions = 0
        self._recorder = recorder
        self._s = signals
        self._journal = journal
        self._wall = wall
        self._role = config.mode
        self._car = config.role == "pev"
        self._head = {"program": program, "mode": config.mode, "config_sha256": digest(config)}
        self._settings = changed(config)
        self._notice = signals.recording.claim(SOURCE)
        self._watch = SessionWatch()
        self._summary: SessionSummary | None = None
        self._slac = False
        self._save_at = 0
        self._saved_at = 0
        self._asleep = False
        self._phase: tuple[str | None, str | None] = (None, None)
        self._problem = ""
        self._errors_told = 0
        self._lost_told = 0
        self._box: BoxRecord | None = None

    def watch(self, box: BoxRecord) -> None:
        """The sessions get a black box, too."""
        self._box = box

    def attach(self, made: Table, kernel: Kernel) -> None:
        """The table that is recorded is made."""
        if self._box is not None:
            self._box.black_box.watch(made, kernel)

    @property
    def recorder(self) -> Recorder:
        """For whoever writes into its sessions."""
        return self._recorder

    def row(self) -> Row:
        return Row(SOURCE, self, TIMED, BUDGET, WHEN_IDLE)

    def tap(self, at: int, frame: bytes, outgoing: bool) -> None:
        """Of the rows that move frames."""
        self._recorder.tap(at, frame)
        if frame[12:14] == HOMEPLUG and not outgoing and is_slac(frame):
            self._slac = True

    def __call__(self, event: Event) -> None:
        """A journal sink."""
        self._recorder(event)
        if self._summary is not None:
            self._summary.event(event)

    def run(self, now: int) -> int:
        if self._slac:
            self._slac = False
            self._watch.heard(now)
        s = self._s
        for step in self._watch.look(s.connection_state.value, s.safety_trip.value or "", s.safety_state.get(now) in AT_REST, now):
            self._take(step, now)
        if self._summary is not None:
            self._summary.look(now)
            phase = s.connection_state.value, s.v2g_state.value
            if now >= self._save_at or phase != self._phase and now >= self._saved_at + SAVE_GAP:
                self._phase = phase
                self._save(now)
        self._boxed(now, lambda box: box.sleep(now) if self._asleep else box.record(now) if self._summary is not None else
                    box.rest(now, calm=s.connection_state.value in UNPLUGGED and s.safety_state.get(now) in AT_REST))
        for told in self._recorder.pump(now):
            self._hear(told, now)
        if self._recorder.errors > self._errors_told:
            self._errors_told = self._recorder.errors
            self._journal.note(now, SOURCE, "the process that writes sessions is lost or could not be started; another one is tried in 10 s", level="warning")
        self._show(now)
        return now + (AGAIN if self._recorder.busy else PERIOD)

    def close(self, now: int) -> None:
        """The process leaves, its outputs safe: what is there becomes whole."""
        self._journal.flush()
        if self._summary is not None:
            self._summary.look(now)
            self._end(now, "this program left")
        self._recorder.close(CLOSE_LIMIT_S)

    # --- details

    def _take(self, step: Step, now: int) -> None:
        if step is Step.BEGIN:
            self._begin(now)
        elif step is Step.SLEEP:
            self._save(now)
            self._save_at = 1 << 62
            self._asleep = True
            self._recorder.sleep()
        elif step is Step.WAKE:
            self._save_at = now + SAVE_EVERY
            self._asleep = False
            self._recorder.wake()
        else:
            self._end(now, "")

    def _begin(self, now: int) -> None:
        self.sessions += 1
        epoch = self._wall() - now
        head = {**self._head, "why": self._watch.why, "began_unix_s": round((now + epoch) / S, 3), "journal_begin_s": round(self._recorder.journal_time(now), 3)}
        self._summary = SessionSummary(self._s, car=self._car, head=head, now=now, epoch=epoch)
        self._problem, self._lost_told = "", 0
        self._recorder.begin(now, self._role, stamp(now + epoch), epoch)
        self._recorder.file("settings.yaml", self._settings)
        self._save_at = now                          # in the run that began it
        self._asleep = False
        self._boxed(now, lambda box: box.begin(epoch, {"why": self._watch.why, "began_unix_s": head["began_unix_s"]}))

    def _end(self, now: int, note: str) -> None:
        if self._summary is None:
            return
        self._journal.flush()                        # what this program has said up to here belongs to it
        self._recorder.pack()
        plain = self._plain(now, True, note)
        self._boxed(now, lambda box: box.end(now, plain))
        self._recorder.end({"summary.json": as_json(plain), "summary.txt": as_text(plain)})
        self._summary = None

    def _save(self, now: int) -> None:
        self._saved_at, self._save_at = now, now + SAVE_EVERY
        if self._summary is not None:
            plain = self._plain(now, False, "")
            self._recorder.file("summary.json", as_json(plain))
            self._recorder.file("summary.txt", as_text(plain))

    def _plain(self, now: int, complete: bool, note: str) -> dict[str, Any]:
        recorder = self._recorder
        recorded = {"frames": recorder.frames, "journal_lines": recorder.lines, "lost": recorder.lost, "lost_blocks": recorder.lost_blocks}
        return self._summary.plain(now, complete=complete, recorded=recorded, note=note)     # type: ignore[union-attr]

    def _hear(self, told: dict[str, Any], now: int) -> None:
        """What the writer says, once each."""
        if "session" in told:
            self._problem = ""
            self._journal.note(now, SOURCE, "recording %s in %s", told["session"], told.get("place", "?"))
        if "mended" in told:
            self._journal.note(now, SOURCE, "session %s was cut off; what is there can be read, and its summary says how far it came", told["mended"])
        if "remains" in told:
            self._journal.note(now, SOURCE, "%s", told["remains"], level="warning")
        if "problem" in told:
            self._problem = str(told["problem"])
            self._journal.note(now, SOURCE, "%s. Free the disk or make it writable, or name another folder with sessions.folder; the charge goes on",
                               self._problem, level="warning")
        lost = told.get("lost", 0)
        if lost > self._lost_told:
            self._journal.note(now, SOURCE, "%d blocks of the session were not recorded", lost - self._lost_told, level="warning")
            self._lost_told = lost

    def _boxed(self, now: int, work: Callable[[BoxRecord], None]) -> None:
        """A row that raises ends the charge (kernel): a record is not worth that. What its code did wrong is told, and there is no black box any more."""
        if self._box is None:
            return
        try:
            work(self._box)
        except Exception:  # noqa: BLE001 - see above
            self._box.black_box.tape.close()
            self._box = None
            self._journal.note(now, SOURCE, "the black box has failed and is off until the next start; everything else goes on. Send this:\n%s", traceback.format_exc(), level="error")

    def _show(self, now: int) -> None:
        """For the page of the box, at most 19 characters."""
        recorder = self._recorder
        if self._problem or recorder.lost_writer:
            text = "not recorded!"
        elif recorder.recording:
            text = f"rec {recorder.name.partition('-')[0] or '...'}"
        else:
            text = f"{self.sessions} sessions"
        if text != self._s.recording.value:
            self._notice.set(text, now)


def open_record(config: Config, signals: Signals, journal: Journal, program: str, start: int) -> SessionRecord | None:
    """None where no folder is named. A listener files what it overhears by `--output`."""
    wanted: SessionsConfig = config.sessions
    if not wanted.folder or config.mode == "listen":
        return None
    words = [str(wanted.keep), wanted.folder, str(wanted.max_mib), str(wanted.session_mib)]
    if wanted.volatile:
        words += [wanted.volatile, str(wanted.volatile_mib), str(max(1, min(wanted.volatile_mib // 2, wanted.session_mib)))]
    record = SessionRecord(Recorder(lambda: Spawned(words, WRITER), wanted.before_s * S, start), signals, journal, config, program)
    journal.add_sink(record)
    return record


def taped(record: SessionRecord | None, config: Config, signals: Signals, journal: Journal, now: int, board: Any, rng: Any,
          around: Surroundings, codec: Any) -> tuple[Any, Any, Surroundings, Any]:
    """Board, randomness, surroundings and codec as the table is to get them: with a tape between, where sessions get a black box."""
    if record is None or not config.sessions.black_box:
        return board, rng, around, codec
    black_box = BlackBox(config, signals, journal, about(), mode=config.mode, start=now, real_clock=True)
    record.watch(BoxRecord(black_box, record.recorder.box))
    return *black_box.around(board, rng, around), black_box.codec(codec)


def stamp(ns: int) -> str:
    """`20261121T031245Z`, for a folder's name; a clock that says what no calendar has is 1970."""
    try:
        return datetime.fromtimestamp(ns // S, timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    except (ValueError, OverflowError, OSError):
        return "19700101T000000Z"


def digest(config: Config) -> str:
    """SHA-256 over every setting in force, equal for equal settings whatever their file looks like."""
    text = "\n".join(f"{path} = {scalar(value)}" for path, value in _flat(config, ""))
    return hashlib.sha256(text.encode()).hexdigest()


def changed(config: Config) -> str:
    """The settings that are not the default, as a configuration file that `main.py --config` reads."""
    lines = list(_changed(config, type(config)(), ""))
    return "# what differs from the defaults\n" + ("\n".join(lines) if lines else "{}") + "\n"


def _flat(section: Any, path: str) -> Iterator[tuple[str, Any]]:
    for f in fields(section):
        value = getattr(section, f.name)
        if is_dataclass(value):
            yield from _flat(value, f"{path}{f.name}.")
        else:
            yield path + f.name, value


def _changed(section: Any, default: Any, indent: str) -> Iterator[str]:
    for f in fields(section):
        value, usual = getattr(section, f.name), getattr(default, f.name)
        if is_dataclass(value):
            below = list(_changed(value, usual, indent + INDENT))
            if below:
                yield f"{indent}{f.name}:"
                yield from below
        elif value != usual:
            yield f"{indent}{f.name}: {scalar(value)}"
