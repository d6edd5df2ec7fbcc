"""Calls to real HTTP servers on the loopback: delivered, refused, redirected, silent, endless, gone; nothing waits, nothing raises, everything is counted."""
import shutil
import socket
import ssl
import subprocess
import threading

import pytest

from drivers.errors import DriverError
from drivers.http_post import post as module
from drivers.http_post.config import RestConfig, address
from drivers.http_post.post import CEILING, IDLE, HttpPost
from kernel.timer import S
from tests.drivers.http_post.server import Raw, Server, Turns

pytestmark = pytest.mark.real_time


@pytest.fixture
def opened():
    """Servers and callers that are closed at the end."""
    made = []

    def keep(thing):
        made.append(thing)
        return thing
    yield keep
    for thing in made:
        (thing.post if isinstance(thing, Turns) else thing).close()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def asked(line):
    """The request, so that closing is no reset."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += line.recv(4096)
    return data


# --- what is told


def test_a_smartevse_hears_pyplcs_parameters(opened):
    server = opened(Server())
    t = opened(Turns(server.port))
    t.tell(current_soc="42", full_soc="-1", energy_capacity="28000", energy_request="16240", evccid="0465650064C3")
    t.until(lambda: t.post.delivered == 1)
    (path, values, fields, body), = server.calls
    assert path == "/ev_state" and body == b"" and list(values) == ["current_soc", "full_soc", "energy_capacity", "energy_request", "evccid"]
    assert values["current_soc"] == "42" and values["full_soc"] == "-1" and fields["Content-Length"] == "0" and fields["Host"] == f"127.0.0.1:{server.port}"
    t.turn(50)
    assert len(server.calls) == 1 and t.post.fault == "" and t.post.errors == 0


def test_parameters_of_the_endpoint_stay_and_text_is_escaped(opened):
    server = opened(Server())
    t = opened(Turns(server.port, "/a/b?key=1%202", host="localhost"))
    t.tell(stop_text="Car & charger: 50 %\r\nX: y")
    t.until(lambda: t.post.delivered == 1)
    path, values, fields, _ = server.calls[0]
    assert path == "/a/b" and values == {"key": "1 2", "stop_text": "Car & charger: 50 %\r\nX: y"} and "X" not in fields


@pytest.mark.parametrize("fields, body", [({"Transfer-Encoding": "chunked"}, b"5\r\nhello\r\n0\r\n\r\n"), ({}, b""), ({}, b"x" * 9000)])
def test_whatever_the_body_looks_like(opened, fields, body):
    server = opened(Server(body=body, fields=fields))
    t = opened(Turns(server.port))
    t.tell(a="1")
    t.until(lambda: t.post.delivered == 1)
    assert t.post.cut == 0


def test_the_newest_values_win(opened):
    server = opened(Server())
    t = opened(Turns(server.port))
    for n in range(50):
        t.tell(n=str(n))
    t.until(lambda: t.post.delivered == 1)
    t.turn(30)
    assert [values for _, values, _, _ in server.calls] == [{"n": "49"}] and t.post.replaced == 49


def test_values_that_come_during_a_call_are_told_after_it(opened):
    go_on = threading.Event()

    def slow(line):
        asked(line)
        go_on.wait(10)
        line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    server = opened(Raw(slow))
    t = opened(Turns(server.port))
    t.tell(n="1")
    t.until(lambda: server.taken == 1 and t.post._line is not None)
    t.tell(n="2")
    go_on.set()
    t.until(lambda: t.post.delivered == 2)
    assert server.taken == 2 and t.post.replaced == 1


# --- what goes wrong

SAYS = {
    "404": (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "REST: refused 404", "does not know this path"),
    "500": (b"HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n", "REST: refused 500", "look into its log"),
    "101": (b"HTTP/1.1 101 Switching\r\n\r\n", "REST: refused 101", "look into"),
    "redirect": (b"HTTP/1.1 302 Found\r\nLocation: http://evil.example/\r\nContent-Length: 0\r\n\r\n", "REST: redirected", "http://evil.example/; redirects are not followed"),
    "garbage": (b"\x16\x03\x01\x00\xff" * 50, "REST: bad answer", "does not begin with"),
    "ssh": (b"SSH-2.0-OpenSSH\r\n", "REST: bad answer", "Does it speak HTTP"),
    "half a head": (b"HTTP/1.1 200 OK\r\nConte", "REST: bad answer", "ends within its head"),
    "nothing": (b"", "REST: bad answer", "closes the connection without one"),
    "endless head": (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000, "REST: bad answer", "more than"),
}


@pytest.mark.parametrize("name", SAYS)
def test_servers_that_say_something_else(opened, name):
    says, fault, remedy = SAYS[name]
    server = opened(Raw(lambda line: (asked(line), line.sendall(says))))
    t = opened(Turns(server.port, retries=0))
    t.tell(a="1")
    t.until(lambda: t.post.failures == 1)
    assert (t.post.fault, t.post.given_up, t.post.delivered) == (fault, 1, 0) and remedy in t.post.remedy and len(t.post.fault) <= 19
    t.turn(100)
    assert server.taken == 1


def test_a_server_that_drips_octet_by_octet_is_left_in_time(opened):
    over = threading.Event()

    def drip(line):
        for octet in b"HTTP/1.1 200 OK\r\nX: " + b"y" * 10_000:
            line.send(bytes([octet]))
            if over.wait(0.03):
                return
    server = opened(Raw(drip))
    t = opened(Turns(server.port, timeout_s=1, retries=0))
    t.tell(a="1")
    t.until(lambda: t.post.failures == 1)
    over.set()
    assert t.post.fault == "REST: no answer" and t.now < 12 * S


def test_an_endless_body_is_cut_and_the_values_count_as_told(opened):
    server = opened(Raw(lambda line: (asked(line), [line.sendall(b"HTTP/1.1 200 OK\r\n\r\n" if n == 0 else bytes(10_000)) for n in range(1000)])))
    t = opened(Turns(server.port))
    t.tell(a="1")
    t.until(lambda: t.post.delivered == 1)
    assert t.post.cut == 1 and t.post.fault == ""


def test_a_silent_server(opened):
    over = threading.Event()
    server = opened(Raw(lambda line: over.wait(30)))
    t = opened(Turns(server.port, timeout_s=0.5, retries=0))
    t.tell(a="1")
    t.until(lambda: t.post.failures == 1)
    over.set()
    assert t.post.fault == "REST: no answer" and "0.5 s" in t.post.remedy


def test_a_reset_is_told(opened):
    def reset(line):
        asked(line)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    server = opened(Raw(reset))
    t = opened(Turns(server.port, retries=0))
    t.tell(a="1")
    t.until(lambda: t.post.failures == 1)
    assert t.post.fault == "REST: lost"


def test_nobody_there_tries_become_rarer_and_end_and_a_server_that_comes_back_is_told(opened):
    port = free_port()
    t = opened(Turns(port, retries=3))
    t.tell(a="1")
    times = []
    for _ in range(1500):
        before = t.post.failures
        t.turn()
        if t.post.failures > before:
            times.append(t.now)
    assert t.post.failures == 4 and t.post.given_up == 1 and t.post.fault == "REST: no server" and "refused" in t.post.remedy.lower()
    assert [round((b - a) / S) for a, b in zip(times, times[1:], strict=False)] == [1, 2, 4]
    over = opened(Raw(lambda line: (asked(line), line.sendall(b"HTTP/1.1 204 x\r\n\r\n")), port))
    t.tell(a="2")
    t.until(lambda: t.post.delivered == 1)
    assert over.taken == 1 and t.post.fault == "" and t.post.errors == 5


def test_new_values_do_not_hurry_a_dead_server(opened):
    t = opened(Turns(free_port(), retries=0))
    for n in range(3000):                        # 60 s with new values every 200 ms
        if n % 10 == 0:
            t.tell(n=str(n))
        t.turn()
    assert 4 <= t.post.failures <= 7 and t.post.given_up == t.post.failures


def test_a_name_that_is_not_found_and_one_that_is_looked_up_for_ever(opened, monkeypatch):
    asked_for, over = [], threading.Event()

    def look_up(host, *about, **more):
        asked_for.append(host)
        over.wait(30)
        raise OSError("Name or service not known")
    monkeypatch.setattr(module.socket, "getaddrinfo", look_up)
    t = opened(Turns(80, host="nowhere.invalid", timeout_s=0.5, retries=0))
    t.tell(a="1")
    t.until(lambda: t.post.fault == "REST: no server")
    assert t.post.failures == 0 and "Looking up" in t.post.remedy
    t.tell(a="2")
    t.turn(100)
    assert asked_for == ["nowhere.invalid"], "one look-up at a time"
    over.set()
    t.until(lambda: t.post.failures == 2)
    assert "not known" in t.post.remedy


def test_closing_while_a_call_is_under_way(opened, monkeypatch):
    over, made = threading.Event(), []

    class Line:
        def close(self):
            made.append("closed")
    monkeypatch.setattr(module, "_opener", lambda *about: lambda: over.wait(30) and Line())
    t = Turns(80)
    t.tell(a="1")
    t.turn(20)
    attempt = t.post._attempt
    t.post.close()
    over.set()
    while not attempt.done:
        threading.Event().wait(0.01)
    assert made == ["closed"]


# --- https


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", folder / "key.pem", "-out", folder / "cert.pem",
                    "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True)
    return folder


@pytest.fixture
def tls(certificate, opened):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    return opened(Server(context=context))


def test_https_with_a_certificate_that_is_known(tls, certificate, opened):
    t = opened(Turns(tls.port, scheme="https", host="localhost", ca_file=str(certificate / "cert.pem")))
    t.tell(a="1")
    t.until(lambda: t.post.delivered == 1)
    assert tls.calls[0][1] == {"a": "1"}


@pytest.mark.parametrize("host, own", [("localhost", False), ("127.0.0.1", True)])
def test_https_with_a_certificate_that_is_not(tls, certificate, opened, host, own):
    t = opened(Turns(tls.port, scheme="https", host=host, retries=0, **({"ca_file": str(certificate / "cert.pem")} if own else {})))
    t.tell(a="1")
    t.until(lambda: t.post.failures == 1)
    assert t.post.fault == "REST: no server" and "certificate" in t.post.remedy.lower() and tls.calls == []


def test_plain_http_at_a_tls_port_and_the_reverse(tls, opened):
    t = opened(Turns(tls.port, retries=0))
    t.tell(a="1")
    t.until(lambda: t.post.failures == 1)
    server = opened(Server())
    t = opened(Turns(server.port, scheme="https", retries=0))
    t.tell(a="1")
    t.until(lambda: t.post.failures == 1)
    assert t.post.fault == "REST: no server"


# --- settings


@pytest.mark.parametrize("endpoint, why", [
    ("ftp://a/", "expected http"), ("http://", "expected http"), ("192.168.1.5/ev_state", "expected http"), ("http://u:p@a/", "no user name"), ("http://a/#x", "no #"),
    ("http://a b/", "without spaces"), ("http://a/\r\nX: y", "without spaces"), ("http://a:99999/", "range"), ("http://a:0/", "port"), ("http://ä/", "ASCII"),
    ("http://" + "a" * 600, "at most"), ("http://[::1/", "IPv6"),
])
def test_addresses_that_are_refused(endpoint, why):
    with pytest.raises(ValueError, match=why):
        RestConfig(enabled=True, endpoint=endpoint)


def test_addresses_that_are_taken():
    assert address("http://10.0.0.7/car") == (False, "10.0.0.7", 80, "10.0.0.7", "/car?")
    assert address("http://1.1.1.1") == (False, "1.1.1.1", 80, "1.1.1.1", "/?")
    assert address("https://Home:8123/api?x=1") == (True, "home", 8123, "Home:8123", "/api?x=1&")
    assert address("http://[fe80::1]:81/") == (False, "fe80::1", 81, "[fe80::1]:81", "/?")


def test_settings_that_do_not_fit():
    with pytest.raises(ValueError, match="endpoint is empty"):
        RestConfig(enabled=True)
    with pytest.raises(ValueError, match="never be read"):
        RestConfig(endpoint="http://a/", ca_file="x")
    with pytest.raises(DriverError, match="certificate file"):
        HttpPost(RestConfig(endpoint="https://a/", ca_file="/nowhere.pem"))
    with pytest.raises(DriverError, match="no host name"):
        HttpPost(RestConfig(endpoint=f"http://{'a' * 70}/"))


def test_at_rest_it_does_nothing():
    made = HttpPost(RestConfig(endpoint="http://127.0.0.1:1/"))
    assert [made.run(n * S) - n * S for n in range(1, 100)] == [IDLE] * 99 and made._attempt is None and CEILING == 60 * S
