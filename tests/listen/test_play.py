"""Captures and streams through the listener: pace, keys, pipes that close, files that grow, bad input; and what is written."""
import csv
import gc
import json
import os
import random
import signal
import sys
import threading

import pytest
from tests.decode import files
from tests.listen import line
from tests.show.test_show import Keys, Stream

import main as program
from drivers.capture_file import PcapWriter
from kernel.timer import MS, S
from tasks import command_line
from tools.listen import play, source
from tools.listen.pace import MAX, SILENCE, SILENCE_SHOWN, Pace
from tools.listen.source import PatientFile

FIRST = 1_700_000_000 * S
STEP = 10 * MS


def write(path, frames=None):
    with PcapWriter(path, epoch_ns=FIRST) as writer:
        for n, frame in enumerate(line.session() if frames is None else frames):
            writer.write(n * STEP, frame)
    return path


@pytest.fixture
def capture(tmp_path):
    return write(tmp_path / "session.pcap")


def call(capsys, *words):
    code = program.main(["listen", *(str(word) for word in words)])
    shown = capsys.readouterr()
    return code, shown.out, shown.err


ENDED = "normal end: SessionStop exchanged"


# --- without a terminal -----------------------------------------------------------------------------------------------

def test_without_a_terminal_it_is_the_decoder(capture, capsys):
    code, out, err = call(capsys, "--pcap", capture)
    assert (code, err) == (0, "")
    assert out.startswith("      1      0.000000  car > all        CM_SLAC_PARM.REQ") and ENDED in out


@pytest.mark.parametrize("words", [(), ("--text",), ("--speed", "max")])
def test_a_key_is_shown_only_when_asked_for(capture, capsys, tmp_path, words):
    code, out, err = call(capsys, "--pcap", capture, *words)
    assert code == 0 and "nmk (hidden" in out and bytes(range(16)).hex() not in out
    (tmp_path / "keys.yaml").write_text("listen:\n  show_nmk: true\n")
    code, out, err = call(capsys, "--pcap", capture, "--config", tmp_path / "keys.yaml", *words)
    assert code == 0 and bytes(range(16)).hex() in out


def test_an_error_of_the_command_line_is_two_lines(capsys):
    with pytest.raises(SystemExit):
        program.main(["listen", "--speed", "4"])
    usage, error = capsys.readouterr().err.splitlines()
    assert "--help lists them" in usage and "belong to --pcap" in error


def test_with_a_speed_it_is_a_journal_and_a_summary(capture, capsys):
    code, out, err = call(capsys, "--pcap", capture, "--speed", "max")
    assert (code, err) == (0, "")
    assert "     0.000 listen           car > all        CM_SLAC_PARM.REQ" in out and "tier (b)" not in out[:100]
    assert out.count(ENDED) == 2                             # in the journal, and in the summary
    assert "35 frames in 0.340 s" in out


def test_text_is_the_decoder_in_any_case(capture, capsys):
    assert call(capsys, "--pcap", capture, "--text", "--speed", "max")[1] == call(capsys, "--pcap", capture)[1]


def test_the_output_folder_holds_everything(capture, tmp_path, capsys):
    folder = tmp_path / "out"
    assert call(capsys, "--pcap", capture, "--speed", "max", "--output", folder)[0] == 0
    assert sorted(p.name for p in folder.iterdir()) == ["config.yaml", "frames.pcap", "journal-listen.txt", "secc-log.csv", "sessions.jsonl"]
    assert len((folder / "frames.pcap").read_bytes()) == len(capture.read_bytes())
    with open(folder / "secc-log.csv", encoding="utf-8", newline="") as file:
        row = next(csv.DictReader(file))
    assert (row["secc_mac"], row["car_mac"], row["attenuation_db"], row["end"]) == ("02:bb:00:00:00:02", "02:aa:00:00:00:01", "12.0", ENDED)
    assert row["time"].startswith("2023-11-1") and row["protocol"] == "DIN 70121" and row["reached"] == "SessionStop"
    session = json.loads((folder / "sessions.jsonl").read_text())
    assert session["ended"] == ENDED and session["soc_last"] == 42
    assert "     0.000 listen           car > all" in (folder / "journal-listen.txt").read_text()


def test_without_a_terminal_nobody_is_kept_waiting(tmp_path, capsys, monkeypatch):
    """--output without --speed: the files are wanted, not the capture's own 100 s."""
    long = tmp_path / "long.pcap"
    with PcapWriter(long, epoch_ns=FIRST) as writer:
        for n, frame in enumerate(line.session()):
            writer.write(n * 3 * S, frame)
    monkeypatch.setattr(play, "time", Wall())
    assert call(capsys, "--pcap", long, "--output", tmp_path / "out")[0] == 0
    assert play.time.ns == 0 and (tmp_path / "out" / "sessions.jsonl").read_text().count("\n") == 1


def test_a_secc_log_of_its_own_without_a_folder(capture, tmp_path, capsys):
    settings = tmp_path / "settings.yaml"
    settings.write_text(f"listen:\n  secc_log: {tmp_path / 'chargers.csv'}\n")
    for _ in range(2):
        assert call(capsys, "--pcap", capture, "--speed", "max", "--config", settings)[0] == 0
    assert len((tmp_path / "chargers.csv").read_text().splitlines()) == 3


def test_a_secc_log_that_cannot_be_written_is_told_once(tmp_path, capsys):
    settings = tmp_path / "settings.yaml"
    settings.write_text(f"listen:\n  secc_log: {tmp_path / 'missing' / 'chargers.csv'}\n")
    twice = write(tmp_path / "two.pcap", line.session() + line.session())
    code, out, _ = call(capsys, "--pcap", twice, "--speed", "max", "--config", settings)
    assert code == 0 and out.count("cannot be written") == 1


@pytest.mark.parametrize("words", [["--speed", "2"], ["--follow"], ["--pcap", "-", "--speed", "2"], ["--pcap", "x", "--speed", "0"],
                                   ["--pcap", "x", "--speed", "fast"], ["--pcap", "x", "--speed", "nan"], ["--pcap", "x", "--follow", "--speed", "max"]])
def test_words_that_do_not_belong_together_are_refused(words, capsys):
    with pytest.raises(SystemExit) as refused:
        program.main(["listen", *words])
    assert refused.value.code == 2 and "error:" in capsys.readouterr().err


# --- bad input --------------------------------------------------------------------------------------------------------

def bad_files():
    whole = files.pcap([(n * STEP, frame) for n, frame in enumerate(line.session())])
    rng = random.Random(5)
    noise = [(n * STEP, rng.randbytes(rng.randrange(120))) for n in range(500)]
    head = [line.CHARGER + line.CAR + kind for kind in (b"\x86\xdd", b"\x88\xe1")]
    mixed = [(n * STEP, head[n % 2] + rng.randbytes(rng.randrange(90))) for n in range(500)]
    ng = files.section() + files.interface() + b"".join(files.packet(frame, n * 10_000) for n, frame in enumerate(line.session()))
    return {"zero octets": (b"", 2), "garbage": (b"\x00garbage" * 40, 2), "truncated in a frame": (whole[:-7], 1), "truncated in a header": (whole + b"\x01\x02", 1),
            "only a header": (whole[:24], 0), "half a header": (whole[:11], 1), "pcapng": (ng, 0), "truncated pcapng": (ng[:-5], 1),
            "random frames": (files.pcap(noise), 0), "random contents": (files.pcap(mixed), 0), "another link type": (files.pcap(mixed, link=113), 0)}


@pytest.mark.parametrize("name", bad_files())
@pytest.mark.parametrize("words", [[], ["--speed", "max"], ["stream"]], ids=["decoder", "played", "stream"])
def test_bad_input_is_told_in_one_line(name, words, tmp_path, capsys, monkeypatch):
    octets, expected = bad_files()[name]
    path = tmp_path / "capture"
    path.write_bytes(octets)
    if words == ["stream"]:
        words = []
        monkeypatch.setattr(play, "_is_fifo", lambda path: True)
    code, out, err = call(capsys, "--pcap", path, *words)
    assert code == expected, (out[-300:], err)
    assert "Traceback" not in err and len(err.splitlines()) == (expected != 0)
    if "frames" in name:
        assert " frames" in out


def test_a_missing_file_says_so(capsys, tmp_path):
    for words in ([], ["--speed", "max"], ["--follow"]):
        code, _, err = call(capsys, "--pcap", tmp_path / "none.pcap", *words)
        assert code == 2 and err.endswith("none.pcap: cannot be read: No such file or directory\n")


# --- streams ----------------------------------------------------------------------------------------------------------

def feed(path, octets, pieces=7, close=True):
    """Writes to a FIFO from another thread."""
    def work():
        with open(path, "wb") as out:
            size = max(1, len(octets) // pieces)
            for at in range(0, len(octets), size):
                out.write(octets[at:at + size])
                out.flush()
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_a_fifo_is_heard_to_its_end(capture, tmp_path, capsys):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    thread = feed(path, capture.read_bytes())
    code, out, err = call(capsys, "--pcap", path)
    thread.join()
    assert (code, err) == (0, "") and out.count(ENDED) == 2


def test_a_fifo_that_closes_within_a_frame(capture, tmp_path, capsys):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    thread = feed(path, capture.read_bytes()[:-9])
    code, out, err = call(capsys, "--pcap", path)
    thread.join()
    assert code == 1 and "damaged: after 34 frames" in err and "DAMAGED FILE" in out


def test_standard_input(capture, capsys, monkeypatch):
    reading = os.open(capture, os.O_RDONLY)
    monkeypatch.setattr(source.os, "dup", lambda fd: reading)
    code, out, _ = call(capsys, "--pcap", "-")
    assert code == 0 and ENDED in out


def test_a_terminal_is_no_capture(capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", Stream(True))
    code, out, err = call(capsys, "--pcap", "-")
    assert (code, out) == (2, "") and "standard input is a terminal" in err and "tcpdump" in err


def test_a_growing_file_is_followed_until_somebody_leaves(capture, tmp_path):
    path = tmp_path / "growing.pcap"
    octets = capture.read_bytes()
    path.write_bytes(octets[:1000])
    looks = []

    def idle():
        looks.append(1)
        if len(looks) == 3:
            with open(path, "ab") as out:
                out.write(octets[1000:])
        if len(looks) > 6:
            raise play.Leave
    file = PatientFile(str(path), idle, follow=True)
    assert file.read(len(octets)) == octets
    with pytest.raises(play.Leave):
        file.read(1)
    file.close()


def test_the_keyboard_beside_a_stream_keeps_its_terminal(tmp_path):
    """Its descriptor must not become that of the capture: octets of frames would be taken for keys."""
    master, slave = os.openpty()
    keyboard = play.Terminal(os.ttyname(slave))
    gc.collect()
    with open(write(tmp_path / "x.pcap"), "rb") as file:
        assert file.fileno() != keyboard.fileno()
        assert keyboard.read() == ""
        os.write(master, b"q")
        assert keyboard.read() == "q"
    keyboard.close()
    keyboard.close()
    os.close(slave)
    os.close(master)


# --- the pace ---------------------------------------------------------------------------------------------------------

def test_the_pace_is_the_captures_own_times_a_factor():
    pace = Pace(4.0, 0)
    pace.approach(100 * S, 0)
    assert pace.waits(100 * S, 0) == 0
    pace.heard(100 * S, 0, True)
    pace.approach(104 * S, 0)
    assert pace.waits(104 * S, 0) == S and pace.waits(104 * S, S) == 0
    pace.key("+", 0)
    assert pace.text == "×8" and pace.waits(104 * S, 0) == S // 2


def test_a_long_silence_is_passed_over():
    pace = Pace(1.0, 0)
    pace.approach(0, 0)
    pace.approach(SILENCE, 0)
    assert pace.waits(SILENCE, 0) == SILENCE and pace.skipped == 0
    pace.approach(4885 * S, 0)                               # the longest one of the captures, 2026-02-08
    assert pace.waits(4885 * S, 0) == SILENCE_SHOWN and pace.skipped == 4885 * S - SILENCE_SHOWN


def test_pause_and_step():
    pace = Pace(1.0, 0)
    pace.approach(0, 0)
    pace.key(" ", 2 * S)
    assert pace.paused and pace.position(60 * S) == 2 * S and pace.waits(S, 60 * S) > 0
    pace.key(".", 60 * S)
    assert pace.waits(3 * S, 60 * S) == 0
    pace.heard(3 * S, 60 * S, False)                         # an acknowledgement is no step
    assert pace.waits(4 * S, 60 * S) == 0
    pace.heard(4 * S, 60 * S, True)
    assert pace.waits(5 * S, 60 * S) > 0
    pace.key(" ", 60 * S)
    assert not pace.paused and pace.waits(5 * S, 60 * S) == S


def test_the_speed_ends_at_max_and_comes_back():
    pace = Pace(1.0, 0)
    for _ in range(10):
        pace.key("+", 0)
    assert pace.text == "×1024"
    pace.key("+", 0)
    assert pace.speed == MAX and pace.waits(10**15, 0) == 0 and pace.text == "max"
    pace.key("+", 0)
    assert pace.speed == MAX
    for _ in range(30):
        pace.key("-", 0)
    assert pace.speed == command_line.SPEEDS[0]


# --- on a terminal ----------------------------------------------------------------------------------------------------

class Wall:
    """Wall time that passes only while the player waits."""

    def __init__(self):
        self.ns = 0

    def monotonic_ns(self):
        return self.ns

    def sleep(self, seconds):
        self.ns += int(seconds * 1e9)


def on(out, monkeypatch, *words):
    """`main.py listen` with `out` as its standard output."""
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", out)
        return program.main(["listen", *(str(word) for word in words)])


@pytest.fixture
def terminal(monkeypatch):
    """A terminal of 100 columns, keys that a test types, and its clock."""
    out, keys, wall = Stream(True), Keys(), Wall()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(play, "_keyboard", lambda path: keys)
    monkeypatch.setattr(play, "time", wall)
    return out, keys, wall


def test_on_a_terminal_it_plays_at_its_own_pace_and_waits_for_q(capture, terminal, monkeypatch):
    out, keys, wall = terminal
    read, looks = keys.read, []

    def typed():
        looks.append(wall.ns)
        if wall.ns > 3 * S:
            keys.typed = "q"
        return read()
    monkeypatch.setattr(keys, "read", typed)
    assert on(out, monkeypatch, "--pcap", capture) == 0
    text = out.getvalue()
    shown = text[:text.rindex("\x1b[?1049l")]
    assert "tier (b) both directions" in shown and "end 100%" in shown and ENDED in shown
    assert ENDED in text[text.rindex("\x1b[?1049l"):]        # the summary, on the screen that was there before
    assert wall.ns >= 3 * S


def test_max_on_a_terminal_waits_for_nobody(capture, terminal, monkeypatch):
    out, _, wall = terminal
    assert on(out, monkeypatch, "--pcap", capture, "--speed", "max") == 0
    assert wall.ns < S and ENDED in out.getvalue()


def test_q_leaves_at_once_with_the_summary_so_far(capture, terminal, monkeypatch):
    out, keys, _ = terminal
    keys.typed = "q"
    assert on(out, monkeypatch, "--pcap", capture, "--speed", "0.125") == 0
    assert "frames in" in out.getvalue() and keys.closed


def test_a_signal_gives_the_terminal_back(capture, terminal, monkeypatch):
    out, keys, _ = terminal
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(keys, "read", lambda: os.kill(os.getpid(), signal.SIGTERM) or "")
    assert on(out, monkeypatch, "--pcap", capture, "--speed", "0.125") == 0
    assert out.getvalue().count("\x1b[?1049h") == out.getvalue().count("\x1b[?1049l") and "frames in" in out.getvalue()
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_damaged_file_gives_the_terminal_back(tmp_path, terminal, monkeypatch):
    out, _, _ = terminal
    path = tmp_path / "garbage"
    path.write_bytes(b"x" * 100)
    assert on(out, monkeypatch, "--pcap", path, "--speed", "max") == 2
    assert out.getvalue().count("\x1b[?1049h") == out.getvalue().count("\x1b[?1049l")
