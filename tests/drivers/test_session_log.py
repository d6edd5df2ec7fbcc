"""The SECC log and the bounded pcap: appended, never rewritten, bounded, and a disk that says no."""
import csv
import json

from drivers import journal_file, pcap_ring, session_log
from drivers.capture_file import CaptureReader
from drivers.journal_file import JournalFile
from drivers.pcap_ring import PcapRing
from drivers.session_folder import SessionFolder
from drivers.session_log import KEPT, SessionLog, wall_text
from kernel.journal import Event

COLUMNS = ("time", "secc_mac", "end")


def rows(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_a_line_per_session_and_one_header(tmp_path):
    log = SessionLog(tmp_path / "log.csv", tmp_path, COLUMNS, 1_700_000_000_000_000_000)
    assert log.session(0, ["aa", "an, end"], {"number": 1}) == ""
    again = SessionLog(tmp_path / "log.csv", tmp_path, COLUMNS, 0)            # the next start goes on where this one ended
    assert again.session(5, ["bb", 'quoted " end'], {"number": 2}) == ""
    table = rows(tmp_path / "log.csv")
    assert table[0] == list(COLUMNS) and [row[1:] for row in table[1:]] == [["aa", "an, end"], ["bb", 'quoted " end']]
    lines = [json.loads(text) for text in (tmp_path / "sessions.jsonl").read_text().splitlines()]
    assert [item["number"] for item in lines] == [1, 2] and lines[0]["time"] == table[1][0]


def test_the_time_has_a_zone():
    text = wall_text(1_700_000_000_123_456_789)
    assert text[:4] == "2023" and text[-6] in "+-" and ".123" in text
    assert wall_text(10**30).endswith(" s")


def test_the_log_is_bounded_by_numbered_files(tmp_path, monkeypatch):
    monkeypatch.setattr(session_log, "MAX_OCTETS", 200)
    log = SessionLog(tmp_path / "log.csv", None, COLUMNS, 0)
    for n in range(60):
        assert log.session(n, [f"{n:04d}", "end"], {}) == ""
    files = sorted(tmp_path.iterdir())
    assert [f.name for f in files] == ["log.csv", *(f"log.csv.{n}" for n in range(1, KEPT + 1))]
    assert all(f.stat().st_size <= 200 and rows(f)[0] == list(COLUMNS) for f in files)
    assert rows(tmp_path / "log.csv")[-1][1] == "0059"


def test_a_disk_that_says_no_is_told_and_counted(tmp_path):
    log = SessionLog(tmp_path / "missing" / "log.csv", None, COLUMNS, 0)
    problem = log.session(0, ["aa", "end"], {})
    assert "log.csv cannot be written (No such file or directory)" in problem and "listen.secc_log" in problem
    assert log.lost == 1


def frames(path):
    with open(path, "rb") as file:
        return [(frame.at, frame.data) for frame in CaptureReader(file)]


def test_the_pcap_keeps_the_newest_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr(pcap_ring, "PIECE", 1000)
    ring = PcapRing(tmp_path / "frames.pcap", epoch_ns=10)
    for n in range(200):
        ring.write(n, n.to_bytes(2, "big") * 30)
    ring.flush()
    ring.close()
    ring.close()
    files = sorted(tmp_path.iterdir(), key=lambda f: f.name)
    assert len(files) == pcap_ring.KEPT + 1 and ring.frames == 200 and ring.turns > pcap_ring.KEPT
    assert all(f.stat().st_size <= 1000 + 24 for f in files)
    kept = [frame for n in range(pcap_ring.KEPT, 0, -1) for frame in frames(tmp_path / f"frames.{n}.pcap")] + frames(tmp_path / "frames.pcap")
    assert [at for at, _ in kept] == list(range(10 + 200 - len(kept), 210))     # without a gap up to the last one


def test_the_session_folder_uses_the_ring(tmp_path):
    folder = SessionFolder(tmp_path / "run", ("listen",), "")
    assert isinstance(folder.pcap, PcapRing)
    folder.tap(1, bytes(60), False)
    folder.close()
    assert frames(tmp_path / "run" / "frames.pcap") == [(1, bytes(60))]


def test_a_listeners_journal_begins_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(journal_file, "MAX_BYTES", 1000)
    journal = JournalFile(tmp_path / "journal.txt", turn=True)
    for n in range(100):
        journal(Event(n, "listen", "info", "line %d", (n,)))
    journal.close()
    files = sorted(tmp_path.iterdir())
    assert [f.name for f in files] == ["journal.txt", "journal.txt.1"] and all(f.stat().st_size <= 1000 for f in files)
    kept = [line.rsplit(" ", 1)[1] for f in reversed(files) for line in f.read_text().splitlines()]
    assert kept == [str(n) for n in range(100 - len(kept), 100)] and journal.refused == 0


def test_a_journal_that_cannot_begin_anew_refuses(tmp_path, monkeypatch):
    monkeypatch.setattr(journal_file, "MAX_BYTES", 200)
    (tmp_path / "run").mkdir()
    journal = JournalFile(tmp_path / "run" / "journal.txt", turn=True)
    (tmp_path / "run").rename(tmp_path / "gone")
    for n in range(20):
        journal(Event(n, "listen", "info", "line %d", (n,)))
    journal.flush()
    journal.close()
    assert journal.refused > 0
