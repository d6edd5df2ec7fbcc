"""install/modem-interface.sh: what it writes, that it is undone without a trace, and that a wrong name is refused."""
from __future__ import annotations

import configparser
import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "install" / "modem-interface.sh"


def script(tmp_path: Path, *words: str) -> subprocess.CompletedProcess:
    return subprocess.run(["sh", str(SCRIPT), *words], capture_output=True, text=True, env={**os.environ, "ROOT": str(tmp_path)}, check=False)


def files(tmp_path: Path) -> dict[str, str]:
    return {str(p.relative_to(tmp_path)): p.read_text() for p in tmp_path.rglob("*") if p.is_file()}


@pytest.mark.parametrize("name, key", [("eth1", "eth1"), ("eth1.5", "eth1/5")])
def test_what_is_written_is_written_once_and_undone(tmp_path, name, key) -> None:
    assert script(tmp_path, name).returncode == 0
    first = files(tmp_path)
    assert first[f"etc/sysctl.d/60-ccsbox-{name}.conf"] == f"net.ipv6.conf.{key}.disable_ipv6=1\n"
    profile = configparser.ConfigParser()
    profile.read_string(first[f"etc/NetworkManager/system-connections/ccsbox-{name}.nmconnection"])
    assert profile["connection"]["interface-name"] == name and profile["ipv4"]["method"] == profile["ipv6"]["method"] == "disabled"
    assert "LinkLocalAddressing=no" in first[f"etc/systemd/network/05-ccsbox-{name}.network"] and len(first) == 3
    assert script(tmp_path, name).returncode == 0 and files(tmp_path) == first
    assert script(tmp_path, "--undo", name).returncode == 0 and files(tmp_path) == {}


@pytest.mark.parametrize("words", [(), ("",), ("../x",), ("a b",), ("--all",), ("--undo",), ("eth1;id",)])
def test_no_interface_or_a_strange_one_is_refused(tmp_path, words) -> None:
    done = script(tmp_path, *words)
    assert done.returncode == 2 and "name the interface" in done.stderr and files(tmp_path) == {}
