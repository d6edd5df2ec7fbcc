"""A viewer's process on a port of its own, with a box in the test's hands; requests of every kind of browser and of no browser."""
from __future__ import annotations

import http.client
import json
import os
import re
import select
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from drivers.guard import Channel
from kernel.journal import Journal
from kernel.timer import S
from tasks.signals import Signals
from tools.appliance.live_feed import LiveFeed
from tools.appliance.live_start import PROGRAM, ROOT

PATIENCE_S = 30.0
TOKEN = re.compile(r'name="token" content="([^"]+)"')


class Served:
    """A context manager; leaves no process behind. `signals` are the box's, `tell()` hands over what changed, `heard()` is what the viewer asked for."""

    def __init__(self, password_file: Path | None = None, max_viewers: int = 4, names: str = "", bind: str = "127.0.0.1", commands: bool = True) -> None:
        self.channel, other = Channel.pair()
        os.set_inheritable(other.fileno(), True)
        self.process = subprocess.Popen([sys.executable, "-c", PROGRAM, ROOT, str(other.fileno()), bind, "0", str(password_file or ""), str(max_viewers), names],
                                        pass_fds=(other.fileno(),), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        other.close()
        self.signals, self.journal = Signals(), Journal()
        self.feed = LiveFeed(self.channel, self.signals, self.journal, role="pev", about="ccsbox", epoch=0, commands=commands)
        self.journal.add_sink(self.feed)
        self.now = 0
        self.cut = 0
        self.said = ""
        self.host = bind
        try:
            self.until_said("serves")
        except AssertionError:
            self.__exit__()
            raise
        self.port = int(re.findall(r"port (\d+)", self.said)[-1])

    def __enter__(self) -> Served:
        return self

    def __exit__(self, *_: object) -> None:
        self.channel.close()
        self.process.kill()
        self.process.wait()
        assert self.process.stderr is not None
        self.process.stderr.close()

    def until_said(self, words: str) -> None:
        end = time.monotonic() + PATIENCE_S
        pipe = self.process.stderr
        assert pipe is not None
        while words not in self.said:
            readable = select.select([pipe], (), (), max(0.0, end - time.monotonic()))[0]
            data = os.read(pipe.fileno(), 65536) if readable else b""
            self.said += data.decode(errors="replace")
            assert data, f"{words!r} was not said:\n{self.said}"

    def tell(self, **values: Any) -> None:
        """One run of the feed, after these signals were set."""
        self.now += S // 5
        for name, value in values.items():
            signal = getattr(self.signals, name)
            signal.value, signal.at = value, self.now
        self.journal.flush()
        self.feed.run(self.now)

    def greet(self) -> None:
        """Until the viewer has asked for everything and got it."""
        end = time.monotonic() + PATIENCE_S
        while not self.feed.sent and time.monotonic() < end:
            select.select([self.channel], (), (), 1.0)
            self.tell()
        assert self.feed.sent

    def heard(self, seconds: float = PATIENCE_S) -> list[bytes]:
        """What the viewer says within this time, without its count of pages; returns with the first."""
        end, got = time.monotonic() + seconds, []
        while not got and (left := end - time.monotonic()) > 0:
            if select.select([self.channel], (), (), left)[0]:
                got = [data for data in self.channel.receive() if not data.startswith(b"pages ")]
        return got

    # --- browsers

    def request(self, method: str, path: str, body: bytes | str | None = None, source: str = "127.0.0.1", **headers: str) -> tuple[int, dict[str, str], str]:
        """Status, headers, text. Host and Origin are those of the page unless they are given; `Origin=""`: none."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE_S, source_address=(source, 0))
        words = {"Host": f"{self.host}:{self.port}", "Origin": f"http://{self.host}:{self.port}", **{name.replace("_", "-"): value for name, value in headers.items()}}
        try:
            connection.request(method, path, body, {name: value for name, value in words.items() if value})
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read().decode()
        finally:
            connection.close()

    def enter(self) -> tuple[str, str]:
        """Cookie and token of a browser that was let in without a password."""
        _, headers, text = self.request("GET", "/")
        return headers["set-cookie"].split(";")[0], TOKEN.findall(text)[0]

    def post(self, path: str, words: Any, cookie: str, **headers: str) -> tuple[int, str]:
        status, _, text = self.request("POST", path, words if isinstance(words, (bytes, str)) else json.dumps(words),
                                       **{"Cookie": cookie, "Content-Type": "application/json", **headers})
        return status, text

    def raw(self, data: bytes = b"", source: str = "127.0.0.1") -> socket.socket:
        """A connection by somebody who is no browser."""
        made = socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)      # not the megabytes that the kernel would keep for a reader that sleeps
        made.settimeout(PATIENCE_S)
        made.bind((source, 0))
        made.connect((self.host, self.port))
        try:
            made.sendall(data)
        except ConnectionError:
            self.cut += 1                        # let go in the middle: what reads from it sees the end
        return made

    def stream(self, cookie: str, source: str = "127.0.0.1") -> Listener:
        return Listener(self.raw(f"GET /stream HTTP/1.1\r\nHost: {self.host}:{self.port}\r\nCookie: {cookie}\r\n\r\n".encode(), source))


class Listener:
    """A page that listens."""

    def __init__(self, end: socket.socket) -> None:
        self.end = end
        self._rest = b""

    def next(self) -> dict[str, Any] | None:
        """The next message; None at the end of the stream."""
        while True:
            begin = self._rest.find(b"data: ")
            end = self._rest.find(b"\n\n", begin)
            if begin >= 0 and end >= 0:
                data, self._rest = self._rest[begin + 6:end], self._rest[end + 2:]
                return json.loads(data)
            got = self.end.recv(65536)
            if not got:
                return None
            # chunks are cut out: a message is one chunk, its length stands before it
            self._rest += got

    def status(self) -> int:
        while b"\r\n\r\n" not in self._rest:
            got = self.end.recv(65536)
            if not got:
                break
            self._rest += got
        return int(self._rest.split(b" ")[1])

    def close(self) -> None:
        self.end.close()
