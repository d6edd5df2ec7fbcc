"""A recorded box lives again: the table of its mode on devices that answer from the tape, visit by visit; what it does is compared with what it did."""
from __future__ import annotations

from collections import deque
from typing import Any, Callable

from drivers.blackbox import notes as n
from drivers.blackbox.devices import QUIET
from drivers.blackbox.played import Player
from drivers.blackbox.reader import Box
from drivers.blackbox.state import Recollection
from drivers.blackbox.values import again
from exi_native.codec import Codec
from kernel.channels import Mailbox, Writer
from kernel.journal import Event, Journal
from kernel.record import dataclass
from kernel.scheduler import Kernel
from kernel.timer import S
from tasks import table
from tasks.config import Config
from tasks.messages import RemoteLower, RemoteStop, StopSession
from tasks.safety.trips import INTERNAL_FAULT, Trip
from tasks.signals import Signals
from tasks.stop_reasons import StopReason
from tools.appliance.black_box import KEYS, MEMORY_LOAD, MEMORY_PROBLEM, MEMORY_SAVE, TERMINATE, BlackBox, roots
from tools.replay.settings import settings_of

BUILD = {"pev": table.pev, "evse": table.evse, "bridge": table.bridge}
WISHES = {kind.__name__: kind for kind in (RemoteStop, RemoteLower)}
REMOTE_ITEMS = 8             # as the live view's mailbox (tools/appliance/live_feed.py)
MAX_DIFFERENCES = 1000       # that are kept; all are counted
LOOK = "its frames and its journal can be looked at: python -m tools.box info FILE, python -m tools.scope FILE"
AUTHOR = "replay"            # who writes the signals that somebody outside the table wrote


class CannotPlay(Exception):
    """This record cannot be played; the sentence says why and what it still is good for."""


@dataclass(slots=True)
class Difference:
    """`kind`: did, sent, signal, said, drew. `recorded` and `today` as text, "" where there is nothing. `at`: ns of the visit; `visit`: its number."""

    at: int
    visit: int
    kind: str
    what: str
    recorded: str
    today: str


class Replay:
    """`step()` plays a visit; `differences` has what was not the same, in its order. `signals`, `made`, `kernel` are the box's."""

    def __init__(self, box: Box, codec: Codec, *, quiet: bool = False) -> None:
        """`quiet`: displays and broker are compared, too. CannotPlay."""
        head = box.head
        mode = head.get("mode")
        if mode not in BUILD:
            raise CannotPlay(f"a record of mode {mode!r} cannot be played, modes are {', '.join(BUILD)}; its frames can be looked at: python -m tools.decode")
        self.config: Config
        self.config, self.remarks = settings_of(head.get("config"))
        if head.get("anonymised"):
            self.remarks.append("The file is anonymised: where a message was blanked, today's code sees another one (python -m tools.box, its README).")
        self.differences: list[Difference] = []
        self.counted = 0
        self.visits = 0
        self.compared = 0
        self.now = 0
        self._cut = bool(box.problem) or box.end is None        # the tape ends before the box's life did
        self.said: list[Event] = []
        self._mode = mode
        self._head = head
        self._box = box
        self._quiet = quiet
        self._packets = {number: box.heard(number) for number in range(len(box.interfaces) or 1)}
        self._sent = deque(packet for packet in box.packets if packet.direction == 2 and packet.interface == 0)
        self._visits = box.visits()
        self._entries = _entries(box)
        self._player = Player(head["channels"], head.get("constants", {}), _mac(head), self._asks_otherwise)
        _, before = next(self._visits)
        self._ahead = next(self._visits, None)
        state = head.get("state")
        if state is None:
            self._check_before(before)
        self._player.lenient = state is not None        # what making a table anew draws, this tape does not know
        self._player.begin_visit(int(head.get("tape_from_ns", 0)), [*head.get("heard", ()), *before], self._fetch)
        self._player.end_visit()
        self.journal, self.signals = Journal(), Signals()
        self.journal.add_sink(self.said.append)
        self.black_box = BlackBox(self.config, self.signals, self.journal, "replay", mode=mode, start=int(head.get("tape_from_ns", 0)))
        played = self._player.board()
        memory = _PlayedMemory(self._player) if MEMORY_LOAD in head["channels"] else None
        keys = _Keys(self._player.reader(KEYS))
        around = table.Surroundings(keys=keys, terminate=self._player.plain(TERMINATE), memory=memory, lines=played.text_display,
                                    remote=Mailbox("remote", REMOTE_ITEMS) if head.get("remote") else None)
        self._remote = around.remote
        board, rng, around = self.black_box.around(played, self._player.rng(), around)
        self.board = board
        self.made = BUILD[mode](board, self.signals, self.config, rng, self.journal, codec, around)
        clock: Callable[[], int] | None = (lambda: self.now) if head.get("real_clock") else None
        self.kernel = Kernel(self.made.rows, self.journal, on_fault=self.made.on_fault, cost=clock)
        self.made.health.watch(self.kernel)
        self.black_box.watch(self.made, self.kernel)
        self._wake = self.kernel.waker("frame_rx")
        self._external: dict[str, Writer] = {}
        known = {signal.name: signal for signal in self.signals}
        for name in head.get("external", ()):
            if name in known and known[name].writer is None:
                self._external[name] = known[name].claim(AUTHOR)
        if state is not None:
            self._recollect(state, head)
        self._apply(before)
        self._compare(before)

    def _recollect(self, state: Any, head: dict[str, Any]) -> None:
        try:
            recollection = Recollection(state, self.black_box.others())
            recollection.into(roots(self.made, self.signals, self.journal))
            self.kernel.recall(head["kernel"])
            self.now = int(head["tape_from_ns"])
        except (KeyError, TypeError, ValueError, AttributeError) as wrong:
            raise CannotPlay(f"what the box remembered when this tape began cannot be put into today's code ({type(wrong).__name__}: {wrong}); {LOOK}") from wrong
        self.remarks += recollection.told
        self._player.lenient = False
        self.black_box.tape.take()

    # --- running

    def run(self, until: int | None = None) -> None:
        """To the end of the tape, or to the first visit at or after `until` (ns of the tape)."""
        while self.step():
            if until is not None and self.now >= until:
                return
        self.finish()

    def step(self) -> bool:
        """One visit. False: the tape is over."""
        here, self._ahead = self._ahead, next(self._visits, None)
        if here is None or self._cut and self._ahead is None:      # of the last visit of a file that was cut off, a part may be missing
            return False
        now, words = here
        gap = next((word[1] for word in words if word[0] == n.GAP), None)
        if gap is not None:
            self.remarks.append(f"Played up to {(now - int(self._head.get('tape_from_ns', 0))) / S:.1f} s: {gap}.")
            self._cut = True
            return False
        self.now = now
        self.visits += 1
        if self._player.begin_visit(now, words, self._fetch):
            self._wake()
        self.kernel.visit(now)
        self._player.end_visit()
        self._apply(words)
        self._compare(words)
        return True

    def finish(self, *, whole: bool = True) -> None:
        """The tape is over, or not played to its end: what both have said so far is compared, too."""
        self.journal.flush()
        self._compare_said(None if whole and not self._cut else self.now)
        self.differences.sort(key=lambda difference: difference.at)

    @property
    def identical(self) -> bool:
        return not self.counted

    @property
    def player(self) -> Player:
        """Its devices: for who leaves the tape (live.py)."""
        return self._player

    @property
    def mode(self) -> str:
        """pev, evse or bridge."""
        return str(self._mode)

    # --- what comes from the tape

    def _check_before(self, words: list[Any]) -> None:
        if not self._box.notes:
            raise CannotPlay(f"this record was cut off before its tape began: there is nothing to play; {LOOK}")
        if not any(word[0] == n.DRAWN for word in words):
            raise CannotPlay(f"this record begins in the middle of the box's life, and says nothing of its state there; {LOOK}")

    def _fetch(self, count: int) -> list[tuple[int, bytes]]:
        packets = self._packets[0]
        return [(packet.at, packet.octets) for packet in (packets.popleft() for _ in range(min(count, len(packets))))]

    def _apply(self, words: list[Any]) -> None:
        """What others did to the table in this visit."""
        names = self._head["signals"]
        for word in words:
            if word[0] == n.SIGNAL and names[word[1]] in self._external:
                self._external[names[word[1]]].set(again(word[2]), self.now - (word[3] if len(word) > 3 else 0))
            elif word[0] == n.TOLD:
                self._obey(word[1], word[2])

    def _obey(self, what: str, value: Any) -> None:
        if what == "stop" and self.made.user is not None:
            self.made.user.put(StopSession(StopReason[value]))
        elif what == "remote" and self._remote is not None and value[0] in WISHES:
            self._remote.put(WISHES[value[0]](**value[1]))
        elif what == "fault":
            name, cause = value
            known = {trip.name: trip for trip in Trip}
            self.made.on_fault(self.now, name, known.get(cause, INTERNAL_FAULT))

    # --- comparing

    def _compare(self, words: list[Any]) -> None:
        """Everything of one visit, kind by kind: what was done to devices in its order, and each signal's last value."""
        notes, packets, _ = self.black_box.tape.take()
        tape = self.black_box.tape
        mine = iter([octets for channel, _, direction, octets in packets if direction == 2 and channel == -1])
        recorded, today = self._deeds(words, self._head["channels"], lambda: self._sent.popleft().octets if self._sent else b""), []
        today = self._deeds(notes, tape.channels, lambda: next(mine, b""))
        if recorded != today:
            self._tell_deeds(recorded, today)
        self.compared += len(recorded)
        before, after = self._changes(words, self._head["signals"]), self._changes(notes, tape.signals)
        if before != after:
            for name in {**before, **after}:
                if before.get(name, _NOT) != after.get(name, _NOT) and name not in self._external and name in self.black_box.tape.signals:
                    self._differ("signal", name, _text(before.get(name, _NOT)), _text(after.get(name, _NOT)))
        self.compared += len(before)

    def _deeds(self, notes: list[Any], channels: list[str], frame: Callable[[], bytes]) -> list[tuple[str, Any]]:
        deeds: list[tuple[str, Any]] = []
        for words in notes:
            if words[0] == n.SENT:
                deeds.append(("frame", frame()))
            elif words[0] == n.DID:
                name = channels[words[1]]
                if self._quiet or name.partition(".")[0] not in QUIET:
                    deeds.append((name, words[2]))
        return deeds

    def _changes(self, notes: list[Any], names: list[str]) -> dict[str, Any]:
        return {names[words[1]]: words[2] for words in notes if words[0] == n.SIGNAL and names[words[1]] not in self._external}

    def _tell_deeds(self, recorded: list[tuple[str, Any]], today: list[tuple[str, Any]]) -> None:
        for place in range(max(len(recorded), len(today))):
            was = recorded[place] if place < len(recorded) else None
            now = today[place] if place < len(today) else None
            if was != now:
                kind = "sent" if "frame" in (was and was[0], now and now[0]) else "did"
                self._differ(kind, (was or now or ("",))[0], _deed(was), _deed(now))

    def _compare_said(self, until: int | None) -> None:
        """The journal, source by source: only those of the table. `until`: entries before it."""
        said: dict[str, deque[tuple[int, str, str]]] = {}
        for event in self.said:
            said.setdefault(event.source, deque()).append((event.at, event.level, event.message()))
        for source in {**self._entries, **said}:
            if source not in self._head.get("rows", ()) or source == "health":
                continue
            before, after = ([entry for entry in entries if until is None or entry[0] < until] for entries in (self._entries.get(source, ()), said.get(source, ())))
            for place in range(max(len(before), len(after))):
                was = before[place] if place < len(before) else None
                now = after[place] if place < len(after) else None
                self.compared += 1
                if was != now:
                    at = min(entry[0] for entry in (was, now) if entry is not None)
                    self._differ("said", source, was[2] if was else "", now[2] if now else "", at)
                    break                                # the rest is moved by one

    def _asks_otherwise(self, sentence: str) -> None:
        self._differ("drew", "randomness", "", sentence)

    def _differ(self, kind: str, what: str, recorded: str, today: str, at: int | None = None) -> None:
        self.counted += 1
        if len(self.differences) < MAX_DIFFERENCES:
            self.differences.append(Difference(self.now if at is None else at, self.visits, kind, what, recorded, today))


def _mac(head: dict[str, Any]) -> bytes:
    try:
        return bytes.fromhex(head["mac"])
    except (KeyError, TypeError, ValueError) as wrong:
        raise CannotPlay(f"its head has no address of the box's interface ({wrong}); {LOOK}") from wrong


class _Not:
    """No change in this visit."""

    def __repr__(self) -> str:
        return "no change"


_NOT = _Not()


class _Keys:
    def __init__(self, read: Callable[[], str]) -> None:
        self.read = read


class _PlayedMemory:
    """What a bridge knew of vehicles."""

    def __init__(self, player: Player) -> None:
        self.load = player.plain(MEMORY_LOAD)
        self.problem = player.plain(MEMORY_PROBLEM)
        self._player = player

    def save(self, plain: dict[str, Any]) -> bool:
        return bool(self._player.answer(MEMORY_SAVE))


def _entries(box: Box) -> dict[str, deque[tuple[int, str, str]]]:
    out: dict[str, deque[tuple[int, str, str]]] = {}
    for entry in box.entries:
        out.setdefault(entry.source, deque()).append((entry.at, entry.level, entry.text))
    return out


def _text(value: Any) -> str:
    return repr(value) if not isinstance(value, float) else f"{value:g}"


def _deed(deed: tuple[str, Any] | None) -> str:
    if deed is None:
        return ""
    if deed[0] == "frame":
        return f"{len(deed[1])} octets: {deed[1].hex()}"
    return ", ".join(map(str, deed[1]))
