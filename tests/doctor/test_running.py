"""Does the box run? Found by looking at processes and at the service manager; a real guard as the command line of a real process."""
import pytest

from tests.doctor.made import Made, settings
from tools.doctor.running import find, told


def guard(made, pid=4712, name="pev-eth1", lines="gpio,1,2", parent=4711):
    words = ["python3", "-S", "-c", "import sys; from tools.appliance.guard_process import main", "/opt/ccsbox", lines, "9", name, "pev", "1", "silence_ms=100"]
    return made.put(f"/proc/{pid}/cmdline", "\0".join(words) + "\0").put(f"/proc/{pid}/status", f"Name:\tpython3\nPPid:\t{parent}\n")


def test_nobody(tmp_path):
    made = Made(tmp_path).put("/proc/1/cmdline", "/sbin/init\0").put("/proc/2/cmdline", "").folder("/proc/3")
    assert find(made.machine, settings()) is None
    assert find(guard(made, name="pev-eth10").machine, settings()) is None, "the guard of another box"


def test_a_guard_with_real_lines_holds_the_board(tmp_path):
    found = find(guard(Made(tmp_path)).machine, settings())
    assert (found.pid, found.holds_board) == (4711, True) and "guard 4712 (pev-eth1) of process 4711" in found.how
    assert find(guard(Made(tmp_path / "x"), lines="7").machine, settings()).holds_board is False, "a page of memory alone"
    assert find(guard(Made(tmp_path / "y"), name="evse-eth1", lines="serial:3:9").machine, settings()).holds_board is True


def test_a_guard_whose_box_is_dead_holds_it_still(tmp_path):
    found = find(guard(Made(tmp_path), parent=1).machine, settings())
    assert (found.pid, found.holds_board) == (None, True) and "earlier run" in found.how


@pytest.mark.parametrize("active, pid, mode, expected", [
    ("active", "4711", "pev", (4711, True)), ("active", "4711", "listen", (4711, False)), ("inactive", "0", "pev", None), ("failed", "0", "pev",
                                                                                                                           None), ("activating", "0", "pev",
                                                                                                                                   None)])
def test_by_the_service_manager(tmp_path, active, pid, mode, expected):
    made = Made(tmp_path).folder("/run/systemd/system").answer("systemctl show ccsbox.service", f"LoadState=loaded\nActiveState={active}\nMainPID={pid}\n")
    found = find(made.machine, settings(mode=mode))
    assert (found and (found.pid, found.holds_board)) == expected


def test_the_box_itself_says_that_it_runs(tmp_path):
    assert told(Made(tmp_path).machine, simulate_io=False).holds_board and not told(Made(tmp_path).machine, simulate_io=True).holds_board
    assert told(Made(tmp_path).machine, simulate_io=False).pid == 4711


def test_the_words_of_a_real_guard_are_where_they_are_looked_for(tmp_path, monkeypatch):
    """The command line that tools/appliance/guard.py gives its guard, as the kernel would show it."""
    from tools.appliance import guard as appliance
    seen = []

    def spawn(path, words, environ, **kw):
        seen.append(words)
        return 4712
    monkeypatch.setattr(appliance.os, "posix_spawn", spawn)
    made = appliance.Guard("pev", "doctor0", settings().safety.pev, 100, False)
    made.lines.close()
    made.channel.close()
    words = "\0".join(seen[0]) + "\0"
    box = Made(tmp_path).put("/proc/4712/cmdline", words).put("/proc/4712/status", "PPid:\t4711\n")
    found = find(box.machine, settings(interface="doctor0"))
    assert (found.pid, found.holds_board) == (4711, False)
