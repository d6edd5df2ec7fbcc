"""Sessions, tries at the password, names of this box, the password's digest: time as a number."""
from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from drivers.errors import DriverError
from tasks.config import Config
from tasks.user.config import LiveConfig, is_address, is_local
from tools.appliance.live_start import Viewer
from tools.live.__main__ import main
from tools.live.access import ALL_TRIES, MAX_ADDRESSES, MAX_SESSIONS, SESSION_S, TRIES, WINDOW_S, Sessions, Tries, own_names, right_host, right_origin, same
from tools.live.password import Digest, DigestError, write

ROOT = Path(__file__).resolve().parents[2]


def test_a_session_is_found_by_its_cookie_until_it_is_over():
    sessions = Sessions()
    cookie, session = sessions.begin(0.0)
    assert sessions.find(cookie, SESSION_S) is session and sessions.find(cookie[:-1], 1.0) is None and sessions.find(None, 1.0) is None and sessions.find("", 1.0) is None
    assert sessions.find(cookie, SESSION_S + 1) is None and sessions.find(cookie, 1.0) is None
    assert cookie != session.token and len(cookie) > 40


def test_sessions_are_bounded_and_end():
    sessions = Sessions()
    first, _ = sessions.begin(0.0)
    cookies = [sessions.begin(float(n))[0] for n in range(MAX_SESSIONS)]
    assert sessions.find(first, 1.0) is None and sessions.find(cookies[0], 1.0) is not None
    sessions.end(cookies[0])
    sessions.end("none")
    assert sessions.find(cookies[0], 1.0) is None


def test_after_some_wrong_passwords_an_address_waits_and_others_do_not():
    tries = Tries()
    for n in range(TRIES):
        assert tries.wait("a", float(n)) == 0
        tries.failed("a", float(n))
    assert tries.wait("a", 5.0) == WINDOW_S - 5.0 and tries.wait("b", 5.0) == 0 and tries.refused == 1
    assert tries.wait("a", WINDOW_S) == 0            # the first of them is forgotten
    tries.failed("a", WINDOW_S)
    assert tries.wait("a", WINDOW_S + 0.5) > 0
    tries.succeeded("a")
    assert tries.wait("a", WINDOW_S + 1) == 0


def test_many_addresses_together_get_no_further():
    tries = Tries()
    for n in range(ALL_TRIES):
        assert tries.wait(f"10.0.0.{n}", 1.0) == 0
        tries.failed(f"10.0.0.{n}", 1.0)
    assert tries.wait("10.9.9.9", 2.0) > 0
    for n in range(3 * MAX_ADDRESSES):
        tries.failed(f"10.1.{n}", 3.0)
    assert len(tries._by_address) == MAX_ADDRESSES


@pytest.mark.parametrize("host, right", [
    ("127.0.0.1:8088", True), ("192.168.1.7", True), ("[::1]:8088", True), ("[fe80::1]", True), ("localhost", True), ("LocalHost:1", True), ("box", True), ("box.local:80", True),
    ("box.fritz.box", True), ("router.name", True), ("evil.example", False), ("127.0.0.1.evil.example", False), ("box.local.evil.example", False), ("", False), (None, False),
    ("box.local/x", False), ("a@box.local", False), ("box.local:port", False), ("[::1", False), ("x" * 300, False), ("box.local, evil", False), ("0x7f.1", False), ("2130706433", False)])
def test_names_of_this_box(host, right):
    assert right_host(host, own_names("box.fritz.box", ["router.name", ""])) is right


def test_a_command_comes_from_the_page_itself():
    assert right_origin("http://a:1", "a:1")
    assert not any(right_origin(origin, "a:1") for origin in (None, "", "null", "http://a", "https://a:1", "http://a:1/", "http://b:1"))
    assert not right_origin("http://", "")


def test_tokens_are_compared_as_a_whole():
    assert same("abc", "abc") and not same("abd", "abc") and not same(None, "abc") and not same("", "abc") and not same("\ud800", "abc")


def test_the_digest_fits_its_password_only(tmp_path):
    digest = Digest.of("pass wörd 123")
    again = Digest.parse(digest.line())
    assert again == digest and again.fits("pass wörd 123") and not again.fits("pass word 123") and not again.fits("") and not again.fits("x" * 5000)
    assert "pass" not in digest.line() and Digest.of("pass wörd 123").octets != digest.octets


@pytest.mark.parametrize("text", ["", "x", "scrypt$16384$8$1$00$00", "bcrypt$16384$8$1$" + "00" * 16 + "$" + "00" * 32, "scrypt$16383$8$1$" + "00" * 16 + "$" + "00" * 32,
                                  "scrypt$1073741824$8$1$" + "00" * 16 + "$" + "00" * 32, "scrypt$16384$8$64$" + "00" * 16 + "$" + "00" * 32, "scrypt$-2$8$1$" + "00" * 16 + "$" + "00" * 32,
                                  "scrypt$16384$8$1$zz$" + "00" * 32, "scrypt$1048576$32$1$" + "00" * 16 + "$" + "00" * 32, "scrypt$a$8$1$" + "00" * 16 + "$" + "00" * 32])
def test_a_file_that_is_no_digest_is_refused(text, tmp_path):
    path = tmp_path / "digest"
    path.write_text(text)
    with pytest.raises(DigestError, match="digest"):
        Digest.read(path)


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(DigestError, match="cannot be read"):
        Digest.read(tmp_path / "none")
    (tmp_path / "large").write_bytes(b"s" * 100_000)
    with pytest.raises(DigestError):
        Digest.read(tmp_path / "large")


def test_the_password_is_asked_for_and_only_owner_and_group_may_read_its_digest(tmp_path, monkeypatch, capsys):
    import io
    path = tmp_path / "live-password"
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse\n"))
    assert main(["password", str(path)]) == 0
    assert Digest.read(path).fits("correct horse") and stat.S_IMODE(path.stat().st_mode) & 0o037 == 0
    for typed in ("short\n", "", "x" * 300 + "\n"):
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        assert main(["password", str(path)]) == 1
    assert Digest.read(path).fits("correct horse")
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse\n"))
    assert main(["password", str(tmp_path / "none" / "x")]) == 3
    capsys.readouterr()
    write(path, Digest.of("another one"))
    assert Digest.read(path).fits("another one")


@pytest.mark.parametrize("bind", ["0.0.0.0", "192.168.1.5", "::", "fe80::1", "127.0.0.1.2", "evil.example", "localhost", "127.evil", "", "1.2.3", "256.1.1.1"])
def test_an_address_for_others_needs_a_password_and_a_name_is_none(bind):
    with pytest.raises(ValueError, match="bind"):
        LiveConfig(bind=bind)


def test_addresses_that_are_served():
    assert LiveConfig().bind == "127.0.0.1" and not Config().live.enabled
    assert LiveConfig(bind="0.0.0.0", password_file="/x").bind == "0.0.0.0" and LiveConfig(bind="::1").bind == "::1" and LiveConfig(bind="127.0.0.9").bind == "127.0.0.9"
    assert is_local("127.9.9.9") and not is_local("128.0.0.1") and not is_local("::2") and is_address("fe80::1") and not is_address("x::1")


def start(tmp_path, live: str) -> subprocess.CompletedProcess:
    (tmp_path / "own.yaml").write_text(f"live: {{{live}}}\n")
    return subprocess.run([sys.executable, str(ROOT / "main.py"), "pev", "--simulate-io", "--interface", "lo", "--config", str(tmp_path / "own.yaml"), "--once"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.real_time
def test_a_box_that_would_be_open_to_others_does_not_start_and_says_what_to_do(tmp_path):
    done = start(tmp_path, "enabled: true, bind: 0.0.0.0")
    assert done.returncode == 2 and "password_file is empty" in done.stderr and "tools.live password" in done.stderr


def test_a_password_file_that_is_not_there_or_not_one_is_refused_before_anything_is_served(tmp_path):
    for text in (None, "secret\n"):
        path = tmp_path / "live-password"
        if text is not None:
            path.write_text(text)
        with pytest.raises(DriverError, match="live.password_file") as refused:
            Viewer(LiveConfig(enabled=True, bind="0.0.0.0", password_file=str(path)))
        assert "tools.live password" in str(refused.value)


def test_a_missing_package_is_named_with_its_remedy(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(DriverError, match="tornado"):
        Viewer(LiveConfig(enabled=True))
