"""A full disk costs the recording, not the session."""
from drivers.session_folder import SessionFolder


class Full:
    """A file on a full disk."""

    def write(self, *_):
        raise OSError(28, "No space left on device")

    flush = write

    def close(self):
        return None


def test_a_full_disk_is_counted_and_not_raised(tmp_path):
    folder = SessionFolder(tmp_path / "run", ("pev",), "mode: pev\n")
    folder.tap(0, bytes(60), True)
    folder.flush()
    assert folder.lost == 0 and folder.pcap_path.stat().st_size > 60
    folder.pcap.close()
    folder.pcap = Full()
    for at in range(3):
        folder.tap(at, bytes(60), False)
    assert folder.lost == 3
    folder.flush()
    assert folder.lost == 4
    folder.close()


def test_the_last_octets_that_a_full_disk_does_not_take_are_counted_at_the_end(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    for name in ("frames.pcap", "journal-pev.txt", "journal-evse.txt"):
        (run / name).symlink_to("/dev/full")
    folder = SessionFolder(run, ("pev", "evse"), "mode: pev\n")
    for journal in folder.journals.values():
        journal.refused = 1                     # so that it has something to say
    folder.tap(0, bytes(60), True)
    folder.close()
    assert folder.lost == 3
    folder.close()
    assert folder.lost == 3
