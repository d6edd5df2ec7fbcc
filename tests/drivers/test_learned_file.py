"""The file behind what was learned: a power cut or a refusing disk at every step, damaged content, and the real disk."""
import errno
import itertools
import json
import os
import threading

import pytest

from drivers import learned_file
from drivers.atomic_file import SUFFIX
from drivers.learned_file import MAX_OCTETS, SETTING, LearnedFile, in_thread, pieces

PATH, FOLDER = "/data/learned.json", "/data"
OLD = {"format": 1, "vehicles": [{"points": [[n, 350 + n, 1] for n in range(4)]}]}
NEW = {"format": 1, "vehicles": [{"points": [[n, 340 + n, 2] for n in range(6)]}, {"points": []}]}


class PowerCut(BaseException):
    """Nothing of the program goes on after it."""


class FakeDisk:
    """A disk that keeps only what was synced for certain; the rest may be there after a power cut, or not, or half.

    Names and content are apart, as on a real one: `open` and `replace` change names, `write` content, `fsync` makes either last.
    """

    def __init__(self, files=(), *, cut_at=None, refuse_at=None, syncs=("file", "folder")):
        """`files`: name and octets. `cut_at`, `refuse_at`: number of the call at which the power fails, or an OSError comes. `syncs`: what fsync does."""
        self.content = [octets for _, octets in files]                     # by inode, as programs see it
        self.lasting = list(self.content)                                  # by inode, as the disk has it
        self.names = {name: inode for inode, (name, _) in enumerate(files)}
        self.lasting_names = dict(self.names)
        self.renamed = []                                                  # changes of names since the folder was synced: (gone or None, name, inode)
        self.opened = {}
        self.calls = []
        self.cut_at, self.refuse_at, self.syncs = cut_at, refuse_at, syncs

    def _step(self, what):
        self.calls.append(what)
        if self.cut_at is not None and len(self.calls) > self.cut_at:
            raise PowerCut
        if self.refuse_at == len(self.calls) - 1:
            raise OSError(errno.EIO, "Input/output error")

    def open(self, path, flags, mode=0o777):
        self._step("open")
        fd = 3 + len(self.calls)
        if path == FOLDER:
            self.opened[fd] = (None, 0)
            return fd
        if path not in self.names:
            if not flags & os.O_CREAT:
                raise FileNotFoundError(errno.ENOENT, "No such file or directory")
            self.content.append(b"")
            self.lasting.append(b"")
            self.names[path] = len(self.content) - 1
            self.renamed.append((None, path, self.names[path]))
        elif flags & os.O_TRUNC:
            self.content[self.names[path]] = b""
        self.opened[fd] = (self.names[path], 0)
        return fd

    def read(self, fd, octets):
        self._step("read")
        inode, at = self.opened[fd]
        piece = self.content[inode][at:at + min(octets, 50)]
        self.opened[fd] = (inode, at + len(piece))
        return piece

    def write(self, fd, data):
        self._step("write")
        taken = data[:30]                        # a disk may take less than it is given
        self.content[self.opened[fd][0]] += taken
        return len(taken)

    def fsync(self, fd):
        inode = self.opened[fd][0]
        self._step("fsync of the folder" if inode is None else "fsync")
        if inode is None and "folder" in self.syncs:
            self.lasting_names, self.renamed = dict(self.names), []
        elif inode is not None and "file" in self.syncs:
            self.lasting[inode] = self.content[inode]

    def close(self, fd):
        self._step("close")
        del self.opened[fd]

    def replace(self, old, new):
        self._step("replace")
        self.names[new] = self.names.pop(old)
        self.renamed.append((old, new, self.names[new]))

    def after_a_power_cut(self):
        """Every disk that may be found: each change of a name made or not, each unsynced content there, half there, or of zeros."""
        contents = []
        for lasting, content in zip(self.lasting, self.content):
            contents.append([lasting] if lasting == content else [lasting, content, content[:len(content) // 2], bytes(len(content))])
        for made in itertools.product((True, False), repeat=len(self.renamed)):
            names = dict(self.lasting_names)
            for (gone, name, inode), done in zip(self.renamed, made):
                if done:
                    names.pop(gone, None)
                    names[name] = inode
            for chosen in itertools.product(*contents):
                yield FakeDisk([(name, chosen[inode]) for name, inode in names.items()])


def at_once(run):
    run()


def octets(plain):
    return "".join(pieces(plain)).encode()


def found(disk):
    file = LearnedFile(PATH, disk=disk, begin=at_once)
    plain = file.load()
    return "damaged" if file.errors else plain


def saved(disk):
    """The disk as the power cut leaves it, if there is one."""
    file = LearnedFile(PATH, disk=disk, begin=at_once)
    try:
        file.save(NEW)
    except PowerCut:
        disk.calls.append("power cut")
    return file


STARTS = {"a file": [(PATH, octets(OLD))], "no file": [], "a file, and half a new one": [(PATH, octets(OLD)), (PATH + SUFFIX, octets(NEW)[:40])],
          "only half a new one": [(PATH + SUFFIX, b"{")]}


def steps(files):
    disk = FakeDisk(files)
    saved(disk)
    return len(disk.calls)


def outcomes(files, syncs):
    """What may be found after a power cut before each step of a write, and after the last."""
    for cut_at in range(steps(files) + 1):
        disk = FakeDisk(files, cut_at=cut_at, syncs=syncs)
        saved(disk)
        for left in disk.after_a_power_cut():
            yield cut_at, found(left)


@pytest.mark.parametrize("files", STARTS.values(), ids=STARTS)
def test_a_power_cut_at_any_step_leaves_the_old_or_the_new(files):
    old = found(FakeDisk(files))
    seen = {cut_at: [] for cut_at in range(steps(files) + 1)}
    for cut_at, plain in outcomes(files, ("file", "folder")):
        seen[cut_at].append(plain)
    assert len(seen) > 12
    for plains in seen.values():
        assert plains and all(plain in (old, NEW) for plain in plains)
    assert all(plain == old for plain in seen[0]) and all(plain == NEW for plain in seen[steps(files)])
    assert any(old in plains and NEW in plains for plains in seen.values())        # between the name's change and its sync either may be found


@pytest.mark.parametrize("syncs, found_too", [(("folder",), "damaged"), ((), "damaged")])
def test_without_syncing_the_content_this_test_finds_damage(syncs, found_too):
    assert found_too in [plain for _, plain in outcomes(STARTS["a file"], syncs)]


def test_without_syncing_the_folder_a_finished_write_may_be_lost():
    files = STARTS["a file"]
    last = steps(files)
    assert OLD in [plain for cut_at, plain in outcomes(files, ("file",)) if cut_at == last]


@pytest.mark.parametrize("files", STARTS.values(), ids=STARTS)
def test_a_disk_that_refuses_any_step_is_counted_and_told_once(files):
    old = found(FakeDisk(files))
    for refuse_at in range(steps(files)):
        disk = FakeDisk(files, refuse_at=refuse_at)
        file = saved(disk)
        assert file.errors == 1 and file.written == 0
        problem = file.problem()
        assert problem.startswith(f"{PATH} cannot be written (Input/output error)") and problem.endswith(SETTING) and file.problem() == ""
        disk.refuse_at = None
        assert found(disk) in ((old, NEW) if "replace" in disk.calls[:refuse_at] else (old,))
        assert file.save(NEW) and file.written == 1 and found(disk) == NEW        # the next session's write goes well
        disk.refuse_at = len(disk.calls)
        assert file.save(OLD) and file.errors == 2 and file.problem() == ""       # told once, counted always


def test_what_is_opened_is_closed():
    for refuse_at in (None, *range(steps(STARTS["a file"]))):
        disk = FakeDisk(STARTS["a file"], refuse_at=refuse_at)
        saved(disk)
        refused_close = refuse_at is not None and disk.calls[refuse_at] == "close"
        assert len(disk.opened) == refused_close


def test_a_disk_that_takes_nothing_more_ends_the_try():
    disk = FakeDisk(STARTS["a file"])
    disk.write = lambda fd, data: 0
    file = saved(disk)
    assert file.errors == 1 and "takes nothing more" in file.problem() and found(disk) == OLD


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"1" * 5000, b" " * (MAX_OCTETS + 1), b'{"format": 1}\0', b"{} {}"])
def test_damaged_content_is_told_once_and_costs_only_the_knowledge(content):
    file = LearnedFile(PATH, disk=FakeDisk([(PATH, content)]), begin=at_once)
    assert file.load() is None and file.errors == 1
    assert file.problem() == f"{PATH} is damaged; what was learned about vehicles is lost" and file.problem() == ""
    assert file.save(NEW) and file.load() == NEW


def test_the_largest_content_is_read_whole():
    text = b'"' + b"x" * (MAX_OCTETS - 2) + b'"'
    assert found(FakeDisk([(PATH, text)])) == "x" * (MAX_OCTETS - 2)


def test_no_file_is_the_first_start():
    file = LearnedFile(PATH, disk=FakeDisk(), begin=at_once)
    assert file.load() is None and file.problem() == "" and file.errors == 0


def test_a_disk_that_cannot_be_read_is_told_and_another_time_that_it_cannot_be_written():
    disk = FakeDisk(STARTS["a file"], refuse_at=1)
    file = LearnedFile(PATH, disk=disk, begin=at_once)
    assert file.load() is None and "cannot be read (Input/output error)" in file.problem()
    disk.refuse_at = len(disk.calls)
    file.save(NEW)
    assert "cannot be written" in file.problem() and file.problem() == ""


def test_while_one_is_being_written_the_next_is_refused_and_nothing_is_waited_for():
    begun = []
    file = LearnedFile(PATH, disk=FakeDisk(), begin=begun.append)
    assert file.save(OLD) and not file.save(NEW) and file.skipped == 1
    assert not file.close(0) and len(begun) == 1
    begun.pop()()
    assert file.close(0) and file.load() == OLD
    assert file.save(NEW) and len(begun) == 1


def test_no_thread_is_no_write():
    def none(run):
        raise RuntimeError("can't start new thread")

    file = LearnedFile(PATH, disk=FakeDisk(STARTS["a file"]), begin=none)
    assert not file.save(NEW) and file.errors == 1 and "can't start new thread" in file.problem()
    assert file.close(0) and file.load() == OLD


@pytest.mark.parametrize("plain", [{"a": float("nan")}, {"a": [object()]}])
def test_what_json_cannot_hold_leaves_the_old(plain):
    disk = FakeDisk(STARTS["a file"])
    file = LearnedFile(PATH, disk=disk, begin=at_once)
    assert file.save(plain) and file.errors == 1 and found(disk) == OLD


def test_the_pieces_are_json_with_one_item_a_line():
    for plain in ({}, {"a": 1}, {"a": [], "b": "x"}, OLD, NEW):
        text = "".join(pieces(plain))
        assert json.loads(text) == plain and text.endswith("}\n")
    assert len(octets({"vehicles": [1, 2, 3]}).splitlines()) == 7


# --- the real disk and a real thread

def test_there_and_back_on_a_real_disk(tmp_path):
    path = tmp_path / "learned.json"
    file = LearnedFile(path)
    assert file.load() is None
    for plain in (OLD, NEW):
        assert file.save(plain) and file.close(60)
        assert LearnedFile(path).load() == plain and file.written and file.errors == 0
    assert [p.name for p in tmp_path.iterdir()] == ["learned.json"]


def test_the_writing_is_done_by_another_thread(tmp_path):
    wrote, go = [], threading.Event()

    class Slow:
        def __getattr__(self, name):
            return getattr(os, name)

        def fsync(self, fd):
            wrote.append(threading.get_ident())
            go.wait(60)
            os.fsync(fd)

    file = LearnedFile(tmp_path / "learned.json", disk=Slow())
    assert file.save(NEW)                                    # comes back although the card hangs
    assert not file.save(OLD) and file.load() is None        # nothing half is to be seen
    go.set()
    assert file.close(60) and file.load() == NEW and set(wrote) != {threading.get_ident()} and len(wrote) == 2


def test_the_stack_of_other_threads_stays_as_it_was():
    before, done = threading.stack_size(learned_file.STACK * 2), threading.Event()
    try:
        in_thread(done.set)
        assert done.wait(60) and threading.stack_size() == learned_file.STACK * 2
    finally:
        threading.stack_size(before)


def test_a_link_is_followed_so_that_old_and_new_lie_on_one_disk(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "link.json").symlink_to(tmp_path / "data" / "learned.json")
    file = LearnedFile(tmp_path / "link.json")
    assert file.save(NEW) and file.close(60)
    assert (tmp_path / "link.json").is_symlink() and [p.name for p in (tmp_path / "data").iterdir()] == ["learned.json"] and file.load() == NEW


def test_a_missing_folder_and_a_folder_in_place_of_the_file(tmp_path):
    file = LearnedFile(tmp_path / "missing" / "learned.json")
    assert file.load() is None and "cannot be read (No such file or directory)" in file.problem()        # at the start, not after the first session
    assert file.save(NEW) and file.close(60)
    assert "cannot be written (No such file or directory)" in file.problem() and file.errors == 2
    folder = LearnedFile(tmp_path)
    assert folder.load() is None and "cannot be read (Is a directory)" in folder.problem()


def test_a_pipe_of_that_name_does_not_keep_the_start(tmp_path):
    os.mkfifo(tmp_path / "learned.json")
    file = LearnedFile(tmp_path / "learned.json")
    assert file.load() is None and file.errors == 1


def test_all_that_may_be_remembered_fits():
    from tasks.bridge import learned
    vehicle = {"fingerprint": [learned.MAX_MARK] * learned.MAX_MARKS, "sessions": 1 << 53, "seen": 1 << 53,
               "points": [[99.123456789, 399.123456789, 1 << 53]] * learned.MAX_POINTS}
    assert len(octets({"format": 1, "sessions": 1 << 53, "vehicles": [vehicle] * learned.MAX_VEHICLES})) < learned_file.MAX_OCTETS
