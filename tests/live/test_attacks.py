"""Who is no page of this box: strange pages, strange names, floods, slow ones, guesses. The viewer stays, and the box hears nothing of it."""
from __future__ import annotations

import json
import os
import random
import select
import signal
from pathlib import Path

import pytest

from tests.live.served import PATIENCE_S, Served
from tools.live.password import Digest, write
from tools.live.server import PER_ADDRESS, SLOW_S

pytestmark = pytest.mark.real_time


@pytest.fixture(scope="module")
def served():
    with Served() as made:
        made.greet()
        yield made


def test_the_page_needs_nothing_from_elsewhere_and_says_so(served):
    status, headers, text = served.request("GET", "/")
    assert status == 200 and "default-src 'none'" in headers["content-security-policy"] and "unsafe" not in headers["content-security-policy"]
    assert headers["x-frame-options"] == "DENY" and headers["cache-control"] == "no-store" and "server" not in headers
    assert "HttpOnly" in headers["set-cookie"] and "SameSite=Strict" in headers["set-cookie"] and "access-control-allow-origin" not in headers
    assert "{{" not in text and "://" not in text.replace("http://www.w3.org/2000/svg", "") and " src=" not in text
    assert text.count("<script nonce=") == text.count("<script") == 2


def test_a_command_of_the_page_reaches_the_box_with_its_origin(served):
    cookie, token = served.enter()
    assert served.post("/stop", {"token": token}, cookie)[0] == 202
    assert served.heard() == [b"stop 127.0.0.1"]
    assert served.post("/share", {"token": token, "percent": 60}, cookie)[0] == 202
    assert served.heard() == [b"share 60 127.0.0.1"]


@pytest.mark.parametrize("headers", [
    {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": ""}, {"Origin": "https://127.0.0.1"}, {"Host": "evil.example"}, {"Host": "127.0.0.1.evil.example"},
    {"Host": "evil.example", "Origin": "http://evil.example"}, {"Content-Type": "text/plain"}, {"Content-Type": "application/x-www-form-urlencoded"}, {"Host": "a@127.0.0.1"},
    {"Host": "[::1"}, {"Host": "localhost:x"}, {"Host": "evil.example:80, 127.0.0.1"}], ids=str)
@pytest.mark.parametrize("path", ["/stop", "/share"])
def test_a_strange_page_commands_nothing_even_with_everything_else_right(served, headers, path):
    cookie, token = served.enter()
    assert served.post(path, {"token": token, "percent": 50}, cookie, **headers)[0] in (400, 403, 421)
    assert served.heard(0.1) == []


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1.evil.example", "ccsbox.evil.example", "xn--loclhost.example", "169.254.1.1.evil"])
@pytest.mark.parametrize("path", ["/", "/stream", "/login", "/none"])
def test_a_name_that_is_not_this_box_sees_nothing(served, host, path):
    status, headers, text = served.request("GET", path, Host=host.format(port=served.port))
    assert status == 421 and "set-cookie" not in headers and "token" not in text


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:9", "127.0.0.1", "192.168.4.1:8088", "[fe80::1]:8088", "localhost."])
def test_names_and_addresses_of_this_box_are_right(served, host):
    assert served.request("GET", "/", Host=host)[0] == 200


@pytest.mark.parametrize("words", [{}, {"token": ""}, {"token": "x" * 43}, {"token": None}, {"token": 1}, [], "text", None, b"", b"{", b"[" * 2000, b"\xff\xfe", b"1" * 1900], ids=repr)
def test_without_the_token_nothing_is_taken(served, words):
    cookie, _ = served.enter()
    assert served.post("/stop", words, cookie)[0] == 403
    assert served.heard(0.05) == []


@pytest.mark.parametrize("percent", [100, 101, 9, 0, -50, 50.0, 50.5, "50", True, None, [50], {"x": 1}, 10 ** 30])
def test_the_power_is_only_lowered(served, percent):
    cookie, token = served.enter()
    assert served.post("/share", {"token": token, "percent": percent}, cookie)[0] == 400
    assert served.heard(0.05) == []


def test_no_more_than_now():
    with Served() as served:
        served.greet()
        cookie, token = served.enter()
        page = served.stream(cookie)
        served.tell(power_share=60.0)
        while True:
            message = page.next()
            if message is not None and message["v"].get("power_share") == 60.0:
                break
        page.close()
        assert served.post("/share", {"token": token, "percent": 60}, cookie)[0] == 400
        assert served.post("/share", {"token": token, "percent": 70}, cookie)[0] == 400
        assert served.post("/share", {"token": token, "percent": 59}, cookie)[0] == 202


def test_a_stranger_without_a_session_neither_looks_nor_commands(served):
    assert served.request("GET", "/stream")[0] == 401
    assert served.request("GET", "/stream", Cookie=f"ccsbox0={'A' * 43}")[0] == 401
    cookie, token = served.enter()
    assert served.post("/stop", {"token": token}, "ccsbox0=forged")[0] == 401
    other, _ = served.enter()
    assert served.post("/stop", {"token": token}, other)[0] == 403      # another browser's token
    assert served.heard(0.1) == []


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "HEAD", "PATCH"])
def test_other_methods_are_refused(served, method):
    assert served.request(method, "/stop")[0] == 405


def test_oversized_requests_are_cut_off(served):
    cookie, token = served.enter()
    for data in (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 100_000 + b"\r\n\r\n", b"GET /" + b"a" * 100_000,
                 b"POST /stop HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n", b"POST /stop HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFF\r\n" + b"a" * 50_000,
                 f"POST /stop HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\nCookie: {cookie}\r\nContent-Type: application/json\r\nContent-Length: 9000\r\n\r\n".encode()
                 + json.dumps({"token": token, "x": "y" * 8900}).encode(), b"\x00" * 50_000, b"\x16\x03\x01" + bytes(range(256)) * 50):
        connection = served.raw()
        try:
            connection.sendall(data)
            while connection.recv(65536):
                continue
        except ConnectionError:
            assert connection.fileno() >= 0          # cut off in the middle
        connection.close()
    assert served.request("GET", "/")[0] == 200
    assert served.heard(0.1) == []


def test_random_octets_harm_nothing(served):
    rng = random.Random(3)
    for _ in range(60):
        connection = served.raw(rng.choice([b"", b"GET / HTTP/1.1\r\n", b"POST /login HTTP/1.1\r\nContent-Length: 50\r\n"]) + rng.randbytes(rng.randrange(400)))
        connection.close()
    assert served.request("GET", "/")[0] == 200
    assert served.process.poll() is None


def test_slow_heads_take_their_address_its_places_and_nobody_elses_and_are_let_go():
    """Slowloris: a head that never ends. Its address gets PER_ADDRESS places, other addresses stay served meanwhile."""
    with Served() as served:
        served.greet()
        slow = [served.raw(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ") for _ in range(PER_ADDRESS + 20)]
        assert served.request("GET", "/", source="127.0.0.2")[0] == 200
        beyond = slow[PER_ADDRESS:]
        for connection in beyond:                    # refused at once
            connection.settimeout(SLOW_S)
            try:
                assert connection.recv(10) == b""
            except ConnectionResetError:
                assert connection in beyond
        for connection in slow[:PER_ADDRESS]:        # let go after SLOW_S
            connection.settimeout(3 * SLOW_S)
            while connection.recv(1000):
                continue
        assert served.request("GET", "/")[0] == 200
        for connection in slow:
            connection.close()


def test_more_pages_than_are_served_are_told_and_a_place_that_is_left_is_free():
    with Served(max_viewers=2) as served:
        served.greet()
        cookie, _ = served.enter()
        pages = [served.stream(cookie) for _ in range(2)]
        assert [page.next()["k"] for page in pages] == ["full", "full"]
        status, _, text = served.request("GET", "/stream", Cookie=cookie)
        assert status == 503 and "live.max_viewers" in text
        pages[0].close()
        until(served, 1)
        again = served.stream(cookie)
        assert again.next()["k"] == "full"
        for page in (pages[1], again):
            page.close()


def until(served: Served, pages: int) -> None:
    """The box hears that so many pages are open."""
    while served.feed.watchers != pages:
        assert select.select([served.channel], (), (), PATIENCE_S)[0]
        served.feed.run(served.now)


def test_a_page_that_reads_nothing_is_dropped_and_the_others_go_on():
    with Served() as served:
        served.greet()
        cookie, _ = served.enter()
        deaf, page = served.stream(cookie), served.stream(cookie)
        assert page.next()["k"] == "full"
        told = 0
        until(served, 2)
        while served.feed.watchers == 2:
            assert told < 20_000, "the deaf page was never dropped"
            for _ in range(8):
                served.journal.note(served.now, "test", "%s", "x" * 390)
            served.tell(inlet_voltage=float(told % 500))
            assert page.next() is not None
            told += 1
        for _ in range(50):
            served.tell(inlet_voltage=1.0)
            assert page.next() is not None
        deaf.close()
        page.close()


def test_nonsense_of_the_box_does_not_end_the_viewer(served):
    """What the box says is trusted, and yet: a bug there must not make the page lie or die."""
    rng = random.Random(5)
    for data in (b"{}", b"[]", b"null", b"\xff", b'{"k":1}', b'{"k":"values"}', b'{"k":"values","t":"x","v":{}}', b'{"k":"oled","t":1,"p":{"9":"AA=="}}', b'{"k":"oled","t":1,"p":{"0":"AA=="}}',
                 b'{"k":"events","t":1,"e":[[1,2]]}', b'{"k":"box"}', b'{"k":"what","t":1}', b"[" * 5000, *(rng.randbytes(rng.randrange(1, 300)) for _ in range(50))):
        assert served.channel.send(data)
    cookie, _ = served.enter()
    page = served.stream(cookie)
    served.tell(inlet_voltage=123.0)
    message = page.next()
    while message is not None and message["v"].get("inlet_voltage") != 123.0:
        message = page.next()
    assert message is not None
    page.close()


# --- the password


@pytest.fixture(scope="module")
def secret(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("secret") / "live-password"
    write(path, Digest.of("correct horse"))
    return path


def log_in(served: Served, password: str, **headers: str):
    return served.request("POST", "/login", f"password={password}", **{"Content-Type": "application/x-www-form-urlencoded", **headers})


def test_the_password_opens_and_nothing_else_does(secret):
    with Served(secret) as served:
        served.greet()
        status, headers, text = served.request("GET", "/")
        assert status == 200 and "set-cookie" not in headers and "token" not in text and "password" in text
        assert served.request("GET", "/stream")[0] == 401
        assert log_in(served, "correct+horse", Origin="http://evil.example")[0] == 403
        assert log_in(served, "correct+horse", Host="evil.example")[0] == 421
        assert log_in(served, "wrong")[0] == 403 and log_in(served, "x" * 1500)[0] == 403
        status, headers, _ = log_in(served, "correct+horse")
        assert status == 303 and "HttpOnly" in headers["set-cookie"]
        cookie = headers["set-cookie"].split(";")[0]
        page = served.stream(cookie)
        assert page.next()["k"] == "full"
        page.close()
        served.request("POST", "/logout", Cookie=cookie)
        assert served.request("GET", "/stream", Cookie=cookie)[0] == 401


def test_guessing_comes_to_its_end(secret):
    with Served(secret) as served:
        served.greet()
        assert [log_in(served, f"guess{n}")[0] for n in range(8)] == [403] * 5 + [429] * 3
        assert log_in(served, "correct+horse")[0] == 429                                   # too late for this address
        assert log_in(served, "correct+horse", source="127.0.0.3")[0] == 303


# --- what the process may


def status_of(pid: int) -> dict[str, str]:
    return dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)


def test_the_process_has_given_its_rights_away(served):
    found = status_of(served.process.pid)
    assert found["CapEff"].strip("0") == found["CapPrm"].strip("0") == found["CapAmb"].strip("0") == "" and found["NoNewPrivs"] == "1"
    assert "0" not in found["Uid"].split()
    stat = Path(f"/proc/{served.process.pid}/stat").read_text().rpartition(")")[2].split()
    assert int(stat[16]) >= 10                       # nice
    if "Landlock" in served.said:
        assert "files: none can be opened" in served.said


def test_signals_meant_for_the_box_do_not_end_it_and_the_end_of_the_box_does():
    with Served() as served:
        served.greet()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            os.kill(served.process.pid, number)
        cookie, _ = served.enter()
        page = served.stream(cookie)
        assert page.next()["k"] == "full"
        served.channel.close()
        messages = []
        while (message := page.next()) is not None:
            messages.append(message["k"])
        assert messages[-1] == "gone" and served.process.wait(30) == 0
        page.close()
