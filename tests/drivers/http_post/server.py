"""Real HTTP servers on the loopback, well-behaved and hostile, and turns of our caller beside them.

Time of the caller is virtual: each turn adds 20 ms, and waits as long at most for the socket, so it never runs ahead of the server by much.
"""
from __future__ import annotations

import http.server
import select
import socket
import threading
from typing import Callable
from urllib.parse import parse_qsl, urlsplit

from drivers.http_post.config import RestConfig
from drivers.http_post.post import PERIOD, HttpPost
from kernel.timer import S

TURNS = 3000                # after which a condition is given up: 60 s


class Server:
    """Python's own HTTP server in a thread; notes every call: (path, parameters, fields, body)."""

    def __init__(self, status: int = 200, body: bytes = b"ok\n", fields: dict[str, str] | None = None, context=None) -> None:
        self.calls: list[tuple[str, dict[str, str], dict[str, str], bytes]] = []
        outer = self
        outer.status, outer.body, outer.fields = status, body, fields or {}

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                parts = urlsplit(self.path)
                sent = self.rfile.read(int(self.headers["Content-Length"]))
                outer.calls.append((parts.path, dict(parse_qsl(parts.query, keep_blank_values=True)), dict(self.headers), sent))
                self.send_response(outer.status)
                for name, value in outer.fields.items():
                    self.send_header(name, value)
                if outer.fields.get("Transfer-Encoding") != "chunked":
                    self.send_header("Content-Length", str(len(outer.body)))
                self.end_headers()
                self.wfile.write(outer.body)

            def log_message(self, *about):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if context is not None:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Raw:
    """Takes connections one after the other and does with each what it was told, in a thread."""

    def __init__(self, deed: Callable[[socket.socket], None], port: int = 0) -> None:
        self.taken = 0
        self._listening = socket.create_server(("127.0.0.1", port))
        self._listening.settimeout(0.05)
        self.port = self._listening.getsockname()[1]
        self._over = threading.Event()
        self._deed = deed
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while not self._over.is_set():
            try:
                line, _ = self._listening.accept()
            except TimeoutError:
                continue
            self.taken += 1
            with line:
                line.settimeout(0.5)
                try:
                    self._deed(line)
                except OSError:
                    continue                 # the caller has had enough, which is what these servers are for

    def close(self) -> None:
        self._over.set()
        self._thread.join()
        self._listening.close()


class Turns:
    """Our caller in virtual time."""

    def __init__(self, port: int, path: str = "/ev_state", scheme: str = "http", host: str = "127.0.0.1", **settings) -> None:
        self.post = HttpPost(RestConfig(enabled=True, endpoint=f"{scheme}://{host}:{port}{path}", **settings))
        self.now = S
        self.faults: list[str] = []

    def turn(self, count: int = 1) -> None:
        for _ in range(count):
            line = self.post._line
            if line is not None or self.post._attempt is not None:
                select.select(() if line is None else (line,), (), (), 0.02)
            self.now += PERIOD
            assert self.now < self.post.run(self.now) <= self.now + S
            if self.post.fault and self.post.fault not in self.faults:
                self.faults.append(self.post.fault)

    def until(self, condition: Callable[[], bool]) -> None:
        for _ in range(TURNS):
            if condition():
                return
            self.turn()
        raise AssertionError(f"did not come about: {self.post.fault!r} {self.post.remedy!r}")

    def tell(self, **values: str) -> None:
        self.post.tell(values, self.now)
