"""What the listener's screen looks at: the listening machines at one moment, and how they are being fed."""
from __future__ import annotations

from dataclasses import dataclass

from tasks.listen.hearing import Hearing, Matching, State
from tasks.listen.readings import Readings
from tasks.listen.record import Category
from tasks.listen.session import Session
from tasks.listen.tier import Tier
from tasks.listen.verdict import stop_reason


@dataclass(slots=True)
class Playing:
    """How a capture is being played. `done`: share of the file, None for a stream."""

    speed: str                       # "×4", "max", "live"
    paused: bool = False
    done: float | None = None
    over: bool = False               # the end was reached
    skipped: int = 0                 # ns of silence passed over


@dataclass(slots=True)
class ListenView:
    """`now` on the clock of the frames, `start` when listening began there (ns). `session` None: none so far."""

    source: str
    now: int
    start: int
    tier: Tier
    state: State
    frames: int
    malformed: int
    sessions: int
    session: Session | None
    readings: Readings
    matching: Matching
    modem: bytes
    verdict: str
    keys: bool                       # the NMK may be shown
    joined: str | None = None        # None: joining is off
    playing: Playing | None = None   # None: a network interface


def listen_view(hearing: Hearing, source: str, now: int, start: int, keys: bool, joined: str | None = None, playing: Playing | None = None) -> ListenView:
    sessions, session = hearing.sessions, hearing.sessions.latest
    over = session is not None and (session.reported or playing is not None and playing.over)
    return ListenView(
        source, now, start, hearing.tier(now), hearing.state(now), hearing.follow.tally.frames, hearing.follow.tally.of(Category.MALFORMED),
        len(sessions.sessions) + sessions.not_kept, session, Readings() if session is None else hearing.readings_of(session),
        Matching() if session is None else hearing.matching_of(session.car), b"" if session is None else hearing.modem_of(session),
        stop_reason(session, hearing.last_at) if over and session is not None else "", keys, joined, playing)
