"""The listener's screen: exactly the size of the terminal, honest about what is unknown, and nothing that the wire says is obeyed."""
import pytest
from tests.listen import line
from tests.show.test_show import Emulator, Keys, Stream, text_of

from kernel.channels import Mailbox
from kernel.journal import Event, Journal
from kernel.timer import MS, S
from tasks.listen.config import ListenConfig
from tasks.listen.exi import decoder
from tasks.listen.hearing import Hearing
from tasks.listen.lines import Line
from tasks.listen.record import Category, Layer, Record, Role
from tasks.listen.task import ListenTask
from tasks.signals import Signals
from tools.show.listen_panels import picture
from tools.show.listen_show import REDRAW, ListenShow, ShowTask, show_row
from tools.show.listen_view import Playing, listen_view
from tools.show.text import width

SIZES = [(140, 45), (110, 40), (100, 30), (80, 24), (66, 20), (40, 10), (20, 4), (1, 3), (200, 60)]


def heard(frames):
    hearing = Hearing(decoder(line.codec()))
    for n, frame in enumerate(frames):
        hearing.receive(frame, n * 10 * MS)
    return hearing


def view(frames, keys=False, joined=None, playing=None, now=None):
    hearing = heard(frames)
    return listen_view(hearing, "eth1", hearing.last_at if now is None else now, 0, keys, joined, playing)


def screen(v, columns=110, rows=40, events=()):
    return text_of(picture(v, events, columns, rows))


EVENTS = [Event(n * S, "listen", level, "text %d", (n,)) for n, level in enumerate(("info", "warning", "error"))]


@pytest.mark.parametrize("columns, rows", SIZES)
@pytest.mark.parametrize("frames", [[], line.slac(), line.session(end=False), line.session()], ids=["none", "slac", "running", "ended"])
def test_the_picture_has_exactly_the_size_of_the_terminal(columns, rows, frames):
    for playing in (None, Playing("×4", True, 0.5), Playing("live", over=True)):
        lines = picture(view(frames, joined="joined, 2 other stations", playing=playing), EVENTS, columns, rows)
        assert len(lines) == rows and {width(x) for x in lines} == {columns}


def test_a_session_with_both_sides():
    lines = screen(view(line.session(end=False)))
    text = "\n".join(lines)
    assert "tier (b) both directions" in lines[0] and "eth1" in lines[0]
    assert "PARM 1/1  START 1  SOUND 10  ATTEN 1/1  MATCH 1/1  NID 00010203040506  NMK hidden" in text
    assert "SoC 42 %" in text and "389.9 V" in text
    assert "says        NO_ERROR" in text and "EVSE_Ready" in text
    assert "-- A" in text                                    # no current has been told: unknown, not zero
    assert "02:bb:00:00:00:02 12.0 dB" in text
    assert "limiting" not in text


def test_the_key_is_shown_only_when_asked_for():
    nmk = bytes(range(16)).hex()
    assert nmk not in "".join(screen(view(line.slac())))
    assert nmk in "".join(screen(view(line.slac(), keys=True), 140))


def test_what_cannot_be_seen_is_on_the_screen():
    half = [f for f in line.slac() if f[6:12] == line.CHARGER]
    lines = screen(view(half, now=60 * S), 80, 24)
    assert any("cannot see" in x and "charger's side" in x for x in lines)
    assert any("IP unicast is not visible" in x for x in lines)


def test_an_end_is_told_with_its_reason():
    assert any("ended" in x and "normal end: SessionStop exchanged" in x for x in screen(view(line.session())))


def test_joining_is_shown_only_when_it_is_on():
    assert not any("joining " in x[:10] for x in screen(view(line.slac())))
    assert any(x.startswith(" joining") and "waits for a key" in x for x in screen(view(line.slac(), joined="waits for a key")))


def test_what_the_wire_says_is_not_obeyed_by_the_terminal():
    v = view(line.session(end=False))
    v.session.evseid = "\x1b[2J\x07evil"
    v.readings.car_error = "\x1b[31mRED"
    v.readings.troubles.append("a\x9bb")
    v.source = "file\x1b[0m\nname"
    assert not any(c < " " or "\x7f" <= c < "\xa0" for x in screen(v, events=[Event(0, "listen", "info", "%s", ("\x1b]0;x\x07",))]) for c in x)


def record(name, at, layer=Layer.V2G):
    return Event(at, "listen", "info", "%s", (Line(Record(at, 1, layer, Category.DECODED, name, line.CAR, line.CHARGER, Role.CAR, Role.CHARGER)),))


def test_a_loop_moves_on_the_spot():
    show = ListenShow(Stream(True), 100, 30, False, Keys(), lambda: 0)
    for n in range(50):
        show.event(record("CurrentDemandReq", n))
        show.event(record("CurrentDemandRes", n))
    show.event(EVENTS[0])
    show.event(record("PowerDeliveryReq", 99))
    assert [event.at for event in show._events] == [49, 49, 0, 99]


def test_the_screen_is_drawn_and_given_back():
    out, keys = Stream(True), Keys()
    with ListenShow(out, 80, 24, False, keys, lambda: 0) as show:
        show.show(view(line.session(end=False)))
        terminal = Emulator(80, 24)
        terminal.feed(out.getvalue())
        assert "tier (b)" in terminal.lines()[0] and terminal.modes["?1049"]
        before = show.octets
        show.show(view(line.session(end=False)))
        assert show.octets == before                         # nothing changed, nothing written
        keys.typed = " q"
        assert show.read() == " q"
    terminal.feed(out.getvalue()[before:])
    assert not terminal.modes["?1049"] and keys.closed == 1


def test_the_journal_of_a_task_reaches_the_screen():
    journal, show = Journal(), ListenShow(Stream(True), 80, 24, False, Keys(), lambda: 0)
    journal.add_sink(show.event)
    journal.note(0, "health", "ticks 5")
    journal.note(0, "listen", "tier (b): everything")
    journal.flush()
    assert any("tier (b): everything" in x for x in screen(view([]), events=list(show._events)))
    assert not any("ticks 5" in x for x in screen(view([]), events=list(show._events)))


def test_the_row_of_a_live_box_draws_and_leaves_at_q():
    out, keys, left = Stream(True), Keys(), []
    signals, journal = Signals(), Journal()
    show = ListenShow(out, 80, 24, False, keys, lambda: 0)
    journal.add_sink(show.event)
    listener = ListenTask(decoder(line.codec()), Mailbox("frames", 1), signals, ListenConfig(), journal)
    for n, frame in enumerate(line.session()):
        listener.hear(frame, n * MS, n * MS)
    row = show_row(ShowTask(show, "eth1", listener, signals, journal, 0, False, lambda: left.append(1)))
    assert row.task.run(S) == S + REDRAW and left == []
    terminal = Emulator(80, 24)
    terminal.feed(out.getvalue())
    assert "eth1" in terminal.lines()[0] and any("normal end: SessionStop exchanged" in x for x in terminal.lines())
    keys.typed = "xq"
    row.task.run(2 * S)
    assert left == [1]
