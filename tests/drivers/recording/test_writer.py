"""What is on the disk: folders, pieces, limits; a disk that is full, read-only, taken away; the power that fails at every octet."""
import errno
import os
import random
import subprocess

import pytest

from drivers.capture_file import CaptureReader, pcap_head, pcap_record
from drivers.blackbox.layout import BoxOctets
from drivers.blackbox.reader import read
from drivers.blackbox.tape import ETHERNET
from drivers.recording import wire
from drivers.recording.pieces import Pieces
from drivers.recording.store import box_name, MARK, Store
from drivers.recording.writer import RETRY, SYNC, Writer
from kernel.timer import NEVER, S

MIB = 1024 * 1024
BEGAN = "20261121T031245Z"


def frame(number, octets=60):
    """As a record."""
    return pcap_record(number * S, number.to_bytes(4, "big") + b"\xaa" * (octets - 4))


class Bench:
    """A writer over real folders; `said` is what it told, `writes` the calls that changed the disk."""

    def __init__(self, *paths, keep=100, total=64 * MIB, one=MIB, disk=os):
        self.said, self.now = [], 0
        self.stores = [Store(str(path), keep, total, disk) for path in paths]
        self.writer = Writer([(store, one) for store in self.stores], lambda **words: self.said.append(words), disk)

    def begin(self, role="pev", again=""):
        self.writer.take(wire.begin(role, BEGAN, again), self.now)
        return self

    def frame(self, number, octets=60):
        self.writer.take(wire.FRAMES + frame(number, octets), self.now)

    def line(self, text):
        self.writer.take(wire.JOURNAL + text.encode() + b"\n", self.now)

    def file(self, name, text):
        self.writer.take(wire.file(name, text), self.now)

    def pass_time(self, ns=SYNC):
        self.now += ns
        self.writer.tick(self.now)

    def end(self):
        self.writer.take(wire.END, self.now)

    def told(self, word):
        return [words[word] for words in self.said if word in words]


class Disk:
    """The module `os` with what each call costs, and calls that refuse: `refuse` maps a call's name to an errno."""

    CHANGES = ("write", "fsync", "fdatasync", "mkdir", "makedirs", "replace", "unlink", "rmdir", "ftruncate")

    def __init__(self):
        self.changes = []
        self.refuse = {}

    def __getattr__(self, name):
        real = getattr(os, name)
        if name not in self.CHANGES:
            return real

        def call(*args, **kwargs):
            self.changes.append(name)
            if name in self.refuse:
                raise OSError(self.refuse[name], os.strerror(self.refuse[name]))
            return real(*args, **kwargs)
        return call


def numbers(path):
    """Of the frames in a file."""
    with open(path, "rb") as file:
        return [int.from_bytes(frame.data[:4], "big") for frame in CaptureReader(file)]


def all_numbers(folder):
    """Of the frames in all pieces, in order."""
    pieces = sorted(folder.glob("frames*.pcap"), key=lambda path: int("0" + path.stem.removeprefix("frames").removeprefix("-")))
    return [number for path in pieces for number in numbers(path)]


def names(path):
    return sorted(entry.name for entry in path.iterdir())


def test_a_session_is_a_numbered_folder_with_all_its_files(tmp_path):
    bench = Bench(tmp_path / "s").begin()
    bench.frame(1)
    bench.line("first")
    bench.file("summary.json", "{}")
    bench.frame(2)
    bench.end()
    folder = tmp_path / "s" / "000001-20261121T031245Z-pev"
    assert names(folder) == ["frames.pcap", "journal.txt", "summary.json"] and numbers(folder / "frames.pcap") == [1, 2]
    assert (folder / "journal.txt").read_text() == "first\n" and (folder / "summary.json").read_text() == "{}"
    assert bench.said[-1] == {"done": folder.name, "recorded": True, "lost": 0} and bench.writer.next_timer == NEVER
    bench.begin("evse").end()
    assert names(tmp_path / "s") == [folder.name, "000002-20261121T031245Z-evse", "sequence"]


def test_the_number_goes_on_where_the_sequence_or_the_folders_say_more(tmp_path):
    (tmp_path / "sequence").write_text("41\n")
    Bench(tmp_path).begin().end()
    assert "000042-20261121T031245Z-pev" in names(tmp_path)
    (tmp_path / "sequence").write_bytes(b"\0\0\xff")
    Bench(tmp_path).begin().end()
    (tmp_path / "sequence").unlink()
    Bench(tmp_path).begin().end()
    assert names(tmp_path)[1:] == ["000043-20261121T031245Z-pev", "000044-20261121T031245Z-pev", "sequence"]
    assert (tmp_path / "sequence").read_text() == "44\n"


def test_nothing_is_touched_before_a_session_nor_between_two(tmp_path):
    disk = Disk()
    bench = Bench(tmp_path / "s", disk=disk)
    for _ in range(100):
        bench.pass_time()
    assert disk.changes == [] and not (tmp_path / "s").exists() and bench.writer.next_timer == NEVER
    bench.begin().end()
    done = len(disk.changes)
    for _ in range(100):
        bench.pass_time()
    assert len(disk.changes) == done


def test_what_stands_still_in_a_session_is_not_synced_again(tmp_path):
    disk = Disk()
    bench = Bench(tmp_path, disk=disk).begin()
    bench.frame(1)
    bench.pass_time()
    assert "fdatasync" in disk.changes
    done = len(disk.changes)
    bench.pass_time()
    assert len(disk.changes) == done


def test_the_oldest_folders_make_room_and_foreign_ones_stay(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "000000-20200101T000000Z-pev").mkdir()
    (tmp_path / "000000-20200101T000000Z-pev" / "notes.txt").write_text("kept")
    (tmp_path / "000001-20200101T000000Z-pev").write_text("a file of that name")
    for number in range(2, 9):
        bench = Bench(tmp_path, keep=4, total=4 * MIB).begin()
        for n in range(3):
            bench.frame(n)
        bench.end()
    assert [name[:6] for name in names(tmp_path) if name[0] == "0"] == ["000000", "000001", "000005", "000006", "000007"]
    assert (tmp_path / "000000-20200101T000000Z-pev" / "notes.txt").read_text() == "kept" and (tmp_path / "mine").is_dir()


def test_all_sessions_together_stay_within_their_limit(tmp_path):
    for number in range(12):
        bench = Bench(tmp_path, total=4 * MIB, one=MIB).begin()
        octets = BoxOctets(0)
        bench.writer.take(wire.BOX + octets.begin({"channels": [], "signals": []}, [], "eth0", "ccsbox"), 0)
        for n in range(400):
            bench.writer.take(wire.FRAMES + pcap_record(n * S, bytes(4000)), n)
            bench.writer.take(wire.BOX + octets.batch([], [(ETHERNET, n * S, 1, bytes(1400))] * 2, []), n)
            bench.line("x" * 500)
        bench.end()
        assert sum(file.stat().st_size for file in tmp_path.rglob("*.*")) <= 4 * MIB
    last = tmp_path / names(tmp_path)[-2]
    assert sum(file.stat().st_size for file in last.iterdir()) <= MIB
    assert names(tmp_path)[0] == "000009-20261121T031245Z-pev"       # four of nearly 1 MiB
    box = read(last / box_name(last.name))
    assert not box.problem and not box.broken_seals and box.given_up and not box.unsealed
    assert [packet.at // S for packet in box.packets][:2] == [0, 0] and box.packets[-1].at == 399 * S

def test_a_long_session_keeps_its_beginning_and_its_newest_part(tmp_path):
    pieces = Pieces(str(tmp_path), "frames", ".pcap", pcap_head(), 1000, 3)
    for number in range(200):
        pieces.append(frame(number, 40))
    pieces.close()
    pieces.close()
    assert len(names(tmp_path)) == 4 and all(file.stat().st_size <= 1000 for file in tmp_path.iterdir())
    newest = sorted((n for n in names(tmp_path) if n != "frames.pcap"), key=lambda name: int(name[7:-5]))
    kept = [n for name in newest for n in numbers(tmp_path / name)]
    first = numbers(tmp_path / "frames.pcap")
    assert first == list(range(len(first))) and kept == list(range(200 - len(kept), 200)) and len(first) > 10
    again = Pieces(str(tmp_path), "frames", ".pcap", pcap_head(), 1000, 3)
    again.append(frame(200, 40))
    again.close()
    assert numbers(tmp_path / newest[-1])[-1] == 200             # the newest piece, not the first


# --- a disk that refuses

def test_a_place_that_cannot_be_written_sends_the_session_to_the_next_one(tmp_path):
    (tmp_path / "file").write_text("")
    bench = Bench(tmp_path / "file" / "s", tmp_path / "run").begin()
    bench.frame(7)
    bench.end()
    assert numbers(tmp_path / "run" / "000001-20261121T031245Z-pev" / "frames.pcap") == [7]
    assert bench.told("place") == [str(tmp_path / "run")] and not any(bench.told("lost"))
    assert len(bench.told("problem")) == 1 and "Not a directory" in bench.told("problem")[0]
    bench.begin().end()
    assert len(bench.told("problem")) == 1, "told once"


@pytest.mark.parametrize("call, number", [("write", errno.EIO), ("fdatasync", errno.EIO), ("mkdir", errno.EROFS), ("fsync", errno.EIO), ("ftruncate", errno.EIO)])
def test_where_nothing_takes_it_blocks_are_counted_and_it_goes_on_when_it_can(tmp_path, call, number):
    disk = Disk()
    bench = Bench(tmp_path / "s", disk=disk).begin()
    bench.frame(1)
    bench.file("summary.json", "{}")
    bench.pass_time()
    disk.refuse = {call: number, "write": number}
    for n in range(2, 5):
        bench.frame(n)
    bench.pass_time()
    bench.frame(5)
    assert bench.writer.lost == 4 and len(bench.told("problem")) >= 1 and bench.writer.next_timer < NEVER
    before = len(bench.told("problem"))
    for n in range(3):
        bench.pass_time(RETRY)
    assert len(bench.told("problem")) == before, "told once"
    disk.refuse = {}
    bench.pass_time(RETRY)
    bench.frame(6)
    bench.end()
    assert numbers(tmp_path / "s" / "000001-20261121T031245Z-pev" / "frames.pcap") == [1, 6]
    assert bench.said[-1]["recorded"] and bench.said[-1]["lost"] == 4


def test_a_full_disk_takes_the_oldest_sessions_first(tmp_path):
    disk = Disk()
    for _ in range(3):
        Bench(tmp_path).begin().end()
    bench = Bench(tmp_path, disk=disk).begin()
    real, full = os.write, [errno.ENOSPC, errno.ENOSPC]

    def write(fd, data):
        if full:
            raise OSError(full.pop(), "No space left on device")
        return real(fd, data)
    disk.write = write
    bench.frame(1)
    bench.end()
    assert [name[:6] for name in names(tmp_path)[:-1]] == ["000003", "000004"] and bench.told("problem") == [] and bench.writer.lost == 0


def test_a_folder_that_is_taken_away_is_made_anew(tmp_path):
    bench = Bench(tmp_path).begin()
    bench.frame(1)
    bench.file("summary.json", "{}")
    bench.pass_time()
    folder = tmp_path / "000001-20261121T031245Z-pev"
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    bench.pass_time()
    bench.frame(2)
    bench.end()
    assert numbers(folder / "frames.pcap") == [2] and (folder / "summary.json").read_text() == "{}"
    assert ["taken away" in sentence for sentence in bench.told("problem")] == [True]


@pytest.mark.needs_netns
@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a file system: needs root")
def test_a_real_file_system_that_is_full_and_then_read_only(tmp_path):
    card, run = tmp_path / "card", tmp_path / "run"
    card.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(card)], capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"no mount here: {made.stderr.strip()}")
    try:
        bench = Bench(card / "s", run).begin()
        for n in range(300):
            bench.frame(n, 1400)
        bench.pass_time()
        bench.end()
        folder = "000001-20261121T031245Z-pev"
        whole = all_numbers(card / "s" / folder)
        rest = all_numbers(run / folder)
        assert whole == list(range(len(whole))) and rest == list(range(len(whole), 300)) and len(whole) > 100 and bench.writer.lost == 0
        assert "No space left" in bench.told("problem")[0]
        subprocess.run(["mount", "-o", "remount,ro", str(card)], check=True)
        bench.begin().frame(1)
        bench.end()
        assert "Read-only file system" in bench.told("problem")[-1] and numbers(run / "000002-20261121T031245Z-pev" / "frames.pcap") == [1]
        subprocess.run(["mount", "-o", "remount,rw,size=4m", str(card)], check=True)
        bench.begin().frame(1)
        bench.end()
        assert numbers(card / "s" / "000003-20261121T031245Z-pev" / "frames.pcap") == [1]
    finally:
        subprocess.run(["umount", "-l", str(card)], check=True)


# --- the power fails

def cut_off(tmp_path):
    """A session that was being written."""
    bench = Bench(tmp_path).begin()
    for n in range(6):
        bench.frame(n, 40)
        bench.line(f"line {n}")
    bench.pass_time()
    bench.writer.gone(bench.now)
    folder = tmp_path / "000001-20261121T031245Z-pev"
    assert MARK in names(folder)
    return folder, (folder / "frames.pcap").read_bytes(), (folder / "journal.txt").read_bytes()


@pytest.mark.parametrize("zeros", [0, 1, 8, 64, 4096])
def test_whatever_tail_the_power_leaves_the_next_session_mends_it(tmp_path, zeros):
    folder, frames, journal = cut_off(tmp_path)
    record = (len(frames) - 24) // 6
    for end in range(len(frames) + 1):
        (folder / MARK).touch()
        (folder / "frames.pcap").write_bytes(frames[:end] + bytes(zeros))
        (folder / "journal.txt").write_bytes(journal[:end] + bytes(zeros))
        assert Store(str(tmp_path), 100, MIB).mend_last() == folder.name and MARK not in names(folder)
        mended = (folder / "frames.pcap").read_bytes()
        whole = max(0, end - 24) // record
        # zeros may complete a frame that the cut left within its content: nothing can tell them from octets of a frame
        assert frames.startswith(mended[:24 + whole * record]) and len(mended) in (24 * (end >= 24), 24 + whole * record, 24 + (whole + 1) * record)
        assert len(mended) <= 24 + whole * record or zeros and (end - 24) % record >= 16
        if mended:
            assert numbers(folder / "frames.pcap")[:whole] == list(range(whole))
        text = (folder / "journal.txt").read_bytes()
        assert journal.startswith(text) and text.count(b"\n") == journal[:end].count(b"\n") and (not text or text.endswith(b"\n"))
        assert Store(str(tmp_path), 100, MIB).mend_last() == "", "once"


def test_the_next_session_mends_the_one_before_and_says_so(tmp_path):
    folder, frames, _ = cut_off(tmp_path)
    (folder / "frames.pcap").write_bytes(frames[:-3])
    (folder / "summary.json.new").write_text("{")
    bench = Bench(tmp_path).begin()
    assert bench.told("mended") == [folder.name] and numbers(folder / "frames.pcap") == list(range(5))


def test_a_lost_writers_successor_goes_on_in_the_same_folder(tmp_path):
    folder, frames, _ = cut_off(tmp_path)
    (folder / "frames.pcap").write_bytes(frames[:-3])
    bench = Bench(tmp_path).begin(again=folder.name)
    bench.frame(9, 40)
    bench.end()
    assert numbers(folder / "frames.pcap") == [0, 1, 2, 3, 4, 9] and MARK not in names(folder)
    assert names(tmp_path) == [folder.name, "sequence"]


def test_blocks_without_a_beginning_are_counted(tmp_path):
    bench = Bench(tmp_path / "s")
    bench.frame(1)
    bench.writer.take(wire.END, 0)
    assert bench.writer.lost == 2 and not (tmp_path / "s").exists()


def test_nothing_that_the_box_may_send_breaks_the_writer(tmp_path):
    rng = random.Random(9)
    bench = Bench(tmp_path).begin()
    for n in range(300):
        bench.writer.take(rng.choice((wire.FRAMES, wire.JOURNAL, wire.FILE + b"summary.txt\0")) + rng.randbytes(rng.randrange(200)), n)
        bench.pass_time(S // 10)
    bench.end()
    assert bench.said[-1]["recorded"]
