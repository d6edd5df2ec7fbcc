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
