"""The service manager's datagrams on a real unix socket, by path and abstract, and every way to be refused."""
import os
import socket

import pytest

from kernel.timer import MS, S
from kernel.watchdog import MAX_STATUS, Watchdog


@pytest.fixture(params=["path", "abstract"])
def manager(request, tmp_path):
    """(socket of the service manager, value of NOTIFY_SOCKET)."""
    server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    server.settimeout(2)
    if request.param == "path":
        server.bind(str(tmp_path / "notify"))
        yield server, str(tmp_path / "notify")
    else:
        name = f"ccsbox-test-{os.getpid()}"
        server.bind("\0" + name)
        yield server, "@" + name
    server.close()


def test_the_four_messages(manager):
    server, address = manager
    dog = Watchdog({"NOTIFY_SOCKET": address})
    assert dog.ready("waiting for a car") and server.recv(500) == b"READY=1\nSTATUS=waiting for a car"
    assert dog.ready() and server.recv(500) == b"READY=1"
    assert dog.alive() and server.recv(500) == b"WATCHDOG=1"
    assert dog.status("charging 42 %") and server.recv(500) == b"STATUS=charging 42 %"
    assert dog.stopping() and server.recv(500) == b"STOPPING=1"
    assert (dog.sent, dog.errors, dog.problem) == (5, 0, "")
    dog.close()
    assert not dog.alive()


def test_a_status_cannot_smuggle_in_another_assignment(manager):
    server, address = manager
    dog = Watchdog({"NOTIFY_SOCKET": address})
    dog.status("bad\nWATCHDOG=trigger " + "x" * 1000)
    got = server.recv(5000)
    assert got.startswith(b"STATUS=bad WATCHDOG=trigger") and len(got) == len("STATUS=") + MAX_STATUS
    assert dog.status("half a pair \ud800") and server.recv(500) == b"STATUS=half a pair ?"
    dog.close()


def test_a_manager_that_went_away_or_does_not_read_is_counted_not_waited_for(manager):
    server, address = manager
    dog = Watchdog({"NOTIFY_SOCKET": address})
    for _ in range(10_000):
        if not dog.alive():
            break
    assert dog.errors == 1, "a queue that nobody reads is full at some time"
    server.close()
    assert not dog.alive() and dog.errors == 2
    dog.close()


def test_interval_and_period(manager):
    _, address = manager
    dog = Watchdog({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "2000000"})
    assert dog.interval == 2 * S and dog.period == 1 * S
    dog.close()
    dog = Watchdog({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "500000", "WATCHDOG_PID": str(os.getpid())})
    assert dog.period == 250 * MS
    dog.close()


def test_somebody_elses_watchdog_is_not_ours(manager):
    _, address = manager
    dog = Watchdog({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "2000000", "WATCHDOG_PID": str(os.getpid() + 1)})
    assert dog.interval is None and dog.period is None and dog.problem == ""
    dog.close()


@pytest.mark.parametrize("usec", ["0", "-5", "1e6", "", "٣", "9" * 30, "two"])
def test_an_interval_that_is_no_number_is_no_interval(manager, usec):
    _, address = manager
    dog = Watchdog({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": usec})
    assert dog.interval is None and bool(dog.problem) == bool(usec)
    dog.close()


@pytest.mark.parametrize("address", ["vsock:2:1234", "relative/path", "/nowhere/at/all", "@" + "x" * 300, "/nul\0name"])
def test_addresses_that_cannot_be_used_are_told_and_every_call_is_harmless(address):
    dog = Watchdog({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "1000000"})
    assert "NOTIFY_SOCKET" in dog.problem and dog.interval is None
    assert not dog.ready() and not dog.alive() and not dog.status("x") and not dog.stopping()


def test_without_a_service_manager_nothing_happens():
    dog = Watchdog({"WATCHDOG_USEC": "1000000"})
    assert dog.interval is None and dog.problem == "" and not dog.alive() and dog.errors == 0
