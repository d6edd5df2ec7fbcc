"""The power fails after every step and in the middle of the long ones (SIGKILL): the next run finishes, and half an installation can be removed."""
import fcntl
import os
import signal

import pytest

from tests.install.box import Installation, small_program, tree

pytestmark = pytest.mark.slow
PLACES = ("intent", "packages", "accounts", "environment-made", "environment", "program-copied", "program-staged", "program", "configuration", "files",
          "interface", "firmware", "release", "tidy", "service", "manifest")


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    return small_program(tmp_path_factory.mktemp("small") / "program")


@pytest.fixture(scope="module")
def whole(tmp_path_factory, wheels, program):
    """Never interrupted."""
    box = Installation(tmp_path_factory.mktemp("whole") / "root", wheels, program)
    done = box.install()
    assert done.returncode == 0, done.stdout + done.stderr
    return box


@pytest.fixture(scope="module")
def halves(tmp_path_factory, wheels, program):
    """One box that is interrupted again and again, a place later each time; a copy of each state."""
    folder = tmp_path_factory.mktemp("halves")
    box = Installation(folder / "box" / "root", wheels, program)
    states = {}
    for place in PLACES:
        done = box.install(CCSBOX_STOP_AFTER=place)
        assert done.returncode == -signal.SIGKILL, f"{place} was never reached: {done.stdout}{done.stderr}"
        states[place] = box.copy(folder / place)
    return states


@pytest.mark.parametrize("place", PLACES)
def test_the_next_run_finishes(halves, whole, tmp_path, place):
    box = halves[place].copy(tmp_path / "root")
    done = box.install()
    assert done.returncode == 0, done.stdout + done.stderr
    assert box.settled() == whole.settled()
    assert "everything is as it should be" in box.install().stdout


@pytest.mark.parametrize("place", PLACES)
def test_half_an_installation_can_be_removed(halves, tmp_path, place):
    box = halves[place].copy(tmp_path / "root")
    done = box.uninstall("--purge")
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(tree(box.root)) == ["etc", "etc/os-release"]


@pytest.mark.parametrize("place", ["uninstall-stopped", "uninstall-files"])
def test_an_interrupted_removal_is_finished(whole, tmp_path, place):
    installed = whole.copy(tmp_path / "root")
    done = installed.run("--root", str(installed.root), "--uninstall", "--purge", "--yes", CCSBOX_STOP_AFTER=place)
    assert done.returncode == -signal.SIGKILL
    assert installed.uninstall("--purge").returncode == 0
    assert sorted(tree(installed.root)) == ["etc", "etc/os-release"]


def test_two_at_once(tmp_path, wheels, program):
    """The second one is refused while the first holds the lock."""
    installed = Installation(tmp_path / "root", wheels, program)
    folder = os.open(installed.root, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        done = installed.install()
    finally:
        os.close(folder)
    assert done.returncode == 3 and "another one runs" in done.stderr
