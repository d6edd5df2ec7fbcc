"""Shared by the tests of the installer: the wheels, and one finished installation that tests copy and never change."""
import pytest

from tests.install.box import ROOT, Installation, make_wheels


@pytest.fixture(scope="session")
def wheels(tmp_path_factory):
    return make_wheels(tmp_path_factory.mktemp("offline") / "wheels", ROOT / "install/requirements-box.txt")


@pytest.fixture(scope="session")
def finished(tmp_path_factory, wheels):
    """Installed once, without an interruption."""
    box = Installation(tmp_path_factory.mktemp("finished") / "root", wheels)
    done = box.install()
    assert done.returncode == 0, done.stdout + done.stderr
    box.said = done.stdout
    return box


@pytest.fixture
def installed(tmp_path, finished):
    """A copy that a test may change."""
    return finished.copy(tmp_path / "root")
