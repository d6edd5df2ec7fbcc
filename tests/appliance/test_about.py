"""Name and version of the program, for the display's page of the box."""
from tasks.display.picture import SMALL_CHARACTERS
from tools.appliance.about import about


def test_name_and_version_are_those_of_the_project():
    name, version = about().split()
    assert name == "ccsbox" and version[0].isdigit() and len(about()) <= SMALL_CHARACTERS


def test_without_the_file_the_name_is_left(tmp_path):
    assert about(tmp_path / "none.toml") == "ccsbox"
    (tmp_path / "bad.toml").write_text("[project\n")
    assert about(tmp_path / "bad.toml") == "ccsbox"
    (tmp_path / "empty.toml").write_text("[other]\n")
    assert about(tmp_path / "empty.toml") == "ccsbox"
