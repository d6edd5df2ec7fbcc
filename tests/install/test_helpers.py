"""The two small programs of the installer: what a folder of wheels lacks, which settings are new; and the arguments of make-offline.sh."""
import importlib.util
import socket

import pytest

from tests.install.box import ROOT, Installation


def load(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / f"install/lib/{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


wheels, added_keys = load("wheels"), load("added_keys")


def test_names_are_those_of_the_index(tmp_path):
    (tmp_path / "a.txt").write_text("# no\n-r b.txt\nLuma.OLED>=3.10,<3.17\npillow<14\n--no-index\n\n")
    (tmp_path / "b.txt").write_text("pcap-ct==1.3.0b3\npillow<14\n")
    assert wheels.asked_for(tmp_path / "a.txt") == ["pcap-ct", "pillow", "luma-oled"]


def test_what_a_folder_lacks(tmp_path):
    for name in ("luma_oled-3.16.0-py3-none-any.whl", "pcap-ct-1.3.0b3.tar.gz", "notes.txt"):
        (tmp_path / name).touch()
    asked = tmp_path / "asked.txt"
    asked.write_text("luma.oled\npcap-ct\nnotes\nsmbus2\n")
    assert wheels.absent(tmp_path, asked) == ["notes", "smbus2"]


def test_an_index_that_does_not_answer():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))                 # nobody listens there
        problem = wheels.unreachable(f"http://127.0.0.1:{taken.getsockname()[1]}/simple", 2.0)
    assert problem is not None and "does not answer" in problem
    assert "does not answer" in wheels.unreachable("no address", 2.0)


def test_an_index_that_is_a_folder(tmp_path):
    (tmp_path / "pyyaml").mkdir()
    (tmp_path / "pyyaml/index.html").write_text("")
    assert wheels.unreachable(f"file://{tmp_path}/", 2.0) is not None, "urllib reads no folders, pip does; --offline is for that"


def test_where_pip_would_look(tmp_path, monkeypatch):
    monkeypatch.delenv("PIP_INDEX_URL", raising=False)
    config = tmp_path / "pip.conf"
    monkeypatch.setenv("PIP_CONFIG_FILE", str(config))
    assert wheels.index_url() == wheels.PYPI
    config.write_text("[global]\nindex-url = https://one/%s\n[install]\nindex-url = https://two\n")
    assert wheels.index_url() == "https://two"
    config.write_text("not a section\n")
    assert wheels.index_url() == wheels.PYPI
    monkeypatch.setenv("PIP_INDEX_URL", "https://three")
    assert wheels.index_url() == "https://three"


@pytest.mark.parametrize("old, new, expected", [
    ("a: 1\n", "a: 2  # other\n", []),
    ("a: 1\n", "a: 1\nb: 2\n", ["b"]),
    ("s:\n  a: 1\nt:\n  a: 1\n", "s:\n  a: 1\nt:\n  a: 1\n  b: 2\n", ["t.b"]),
    ("a: 1\n", "a: 1\n# why: x\nnew:\n  # c: d\n  c: 1\n  deep:\n    e: 1\n", ["new"]),
    ("s:\n  p:\n    x: 1\n  q: 1\n", "s:\n  p:\n    x: 1\n    y: 1\n  q: 1\n", ["s.p.y"]),
])
def test_new_settings(old, new, expected):
    assert added_keys.added(old, new) == expected


def test_every_setting_of_the_shipped_file_is_read():
    """The same dotted names as the settings have."""
    from kernel.settings import describe
    from tasks.config import Config
    found = set(added_keys.keys((ROOT / "config.yaml").read_text()))
    assert {".".join(entry.path) for entry in describe(Config)} <= found


@pytest.mark.parametrize("words, problem", [((), "name the folder"), (("--python", "2.7", "x"), "3.11 or newer"), (("--arch", "mips", "x"), "not 'mips'"),
                                            (("--what", "x"), "no option --what")])
def test_arguments_of_make_offline(tmp_path, words, problem):
    done = Installation(tmp_path / "root").run(*words, script="make-offline.sh")
    assert done.returncode == 2 and problem in done.stderr and not (tmp_path / "x").exists()
