"""The pages over HTTP (tornado): who is let in gets the page, the stream of what changes, and two commands. Everything is bounded; slow browsers are dropped.

    GET  /            the page, or the door where a password is asked for and not given yet
    POST /login       password=...  (a form)
    POST /logout
    GET  /stream      server-sent events: everything once, then what changes
    POST /stop        {"token": "..."}                    end the session in order
    POST /share       {"token": "...", "percent": 60}     no more than so much of the power limit

Each request is asked for its Host (DNS rebinding), each POST for its Origin and, when it commands, for the token of its session (a strange page has neither).
"""
from __future__ import annotations

import asyncio
import json
import secrets
import socket
import time
from collections import Counter, deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Callable

from tornado import httputil, iostream, web
from tornado.httpserver import HTTPServer

from tools.live import wire
from tools.live.access import Session, Sessions, Tries, right_host, right_origin, same
from tools.live.known import Known
from tools.live.password import Digest

MAX_BODY = 2048              # octets of a request
MAX_HEADERS = 8192
SLOW_S = 10.0                # no longer for the head of a request, for a message to a page, for the rest of a page
BODY_S = 5.0
PER_ADDRESS = 12             # connections of one address; a browser opens six and the stream
SPARE = 24                   # connections beside those of the viewers
QUEUE = 50                   # messages that wait for one page: 10 s
SEND_BUFFER = 128 * 1024     # octets that the kernel keeps for one page; what it would take by itself are megabytes
IDLE_S = 15.0                # without anything to tell a comment is sent: a page that is gone is noticed
COOKIE_S = 12 * 3600
COOKIE = "ccsbox"


@dataclass(slots=True)
class Pages:
    """The files of the page, loaded before the process gives its rights away. `{{nonce}}` and `{{token}}` are filled in."""

    page: str
    login: str


@dataclass(slots=True, eq=False)
class Viewer:
    """One page that listens. `close` ends its stream, whatever it waits for."""

    close: Callable[[], object]
    waiting: deque[bytes] = field(default_factory=deque)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    dropped: bool = False


class Desk:
    """What all requests share. `send(datagram)` is False where the box takes none now. Counters by name in `counts`."""

    def __init__(self, known: Known, pages: Pages, digest: Digest | None, names: frozenset[str], max_viewers: int, port: int,
                 send: Callable[[bytes], bool], clock: Callable[[], float] = time.monotonic) -> None:
        self.known = known
        self.pages = pages
        self.digest = digest
        self.names = names
        self.max_viewers = max_viewers
        self.cookie = f"{COOKIE}{port}"          # cookies know no port, and two boxes may be behind one address
        self.send = send
        self.clock = clock
        self.sessions = Sessions()
        self.tries = Tries()
        self.viewers: set[Viewer] = set()
        self.counts: Counter[str] = Counter()
        self.comparing = False
        self.watched: Callable[[int], object] = lambda number: None      # is told how many pages are open
        self.worker = ThreadPoolExecutor(1, "password")

    def forget(self) -> None:
        """What happened up to now was a rehearsal."""
        self.counts.clear()
        self.sessions = Sessions()

    def publish(self, message: dict[str, Any]) -> None:
        """To every page; one that is too slow is dropped, and begins anew by itself."""
        if not self.viewers:
            return
        data = event(message)
        for viewer in self.viewers:
            if len(viewer.waiting) < QUEUE:
                viewer.waiting.append(data)
                viewer.wake.set()
            elif not viewer.dropped:
                viewer.dropped = True
                self.counts["slow"] += 1
                viewer.close()


def event(message: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(message, separators=(",", ":"), allow_nan=False).encode() + b"\n\n"


class Base(web.RequestHandler):
    """What every request is asked for."""

    desk: Desk

    def initialize(self, desk: Desk) -> None:
        self.desk = desk

    def set_default_headers(self) -> None:
        """Referrer-Policy is not no-referrer: a form would then be sent with `Origin: null`."""
        self.clear_header("Server")
        for name, value in (("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"), ("X-Frame-Options", "DENY"), ("Referrer-Policy", "same-origin"),
                            ("Cross-Origin-Resource-Policy", "same-origin"), ("Cross-Origin-Opener-Policy", "same-origin"),
                            ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'")):
            self.set_header(name, value)

    def prepare(self) -> None:
        if not right_host(self.request.headers.get("Host"), self.desk.names):
            self.deny(421, "host", "This name does not belong to this box (live.names names further ones).")
        elif self.request.method == "POST" and not right_origin(self.request.headers.get("Origin"), self.request.headers.get("Host")):
            self.deny(403, "origin", "Commands come from the box's own page only.")
        elif self.request.method not in ("GET", "POST"):
            self.deny(405, "method", "Only GET and POST.")

    def compute_etag(self) -> None:
        """Nothing here is kept by a browser."""

    def deny(self, status: int, counted: str, sentence: str) -> None:
        self.desk.counts[counted] += 1
        self.set_status(status)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(sentence + "\n")

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        self.desk.counts[str(status_code)] += 1
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(f"{status_code} {httputil.responses.get(status_code, '')}\n")

    @property
    def address(self) -> str:
        """Of the browser, as the journal shows it."""
        text = (self.request.remote_ip or "").partition("%")[0].lower()
        text = text.removeprefix("::ffff:")
        return text if text and set(text) <= set("0123456789abcdef.:") else "::"

    def session(self) -> Session | None:
        return self.desk.sessions.find(self.get_cookie(self.desk.cookie), self.desk.clock())

    def let_in(self) -> Session:
        cookie, session = self.desk.sessions.begin(self.desk.clock())
        self.set_cookie(self.desk.cookie, cookie, path="/", httponly=True, samesite="Strict", max_age=COOKIE_S)
        return session

    async def show(self, page: str, **words: str) -> None:
        nonce = secrets.token_urlsafe(16)
        self.set_header("Content-Security-Policy", f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; img-src data:; connect-src 'self'; "
                        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
        for name, value in {"nonce": nonce, **words}.items():
            page = page.replace("{{" + name + "}}", value)
        self.set_header("Content-Type", "text/html; charset=utf-8")
        await self.patiently(self.finish(page))

    async def patiently(self, sending: Any) -> None:
        """A browser that does not take what it asked for is let go."""
        try:
            await asyncio.wait_for(asyncio.shield(sending), SLOW_S)
        except (asyncio.TimeoutError, iostream.StreamClosedError):
            self.desk.counts["slow"] += 1
            self.request.connection.close()      # type: ignore[union-attr]


class Page(Base):
    async def get(self) -> None:
        session = self.session()
        if session is None and self.desk.digest is None:
            session = self.let_in()
        if session is None:
            await self.show(self.desk.pages.login, said="")
        else:
            await self.show(self.desk.pages.page, token=session.token, door="1" if self.desk.digest else "")


class Login(Base):
    async def post(self) -> None:
        desk, now = self.desk, self.desk.clock()
        if desk.digest is None:
            self.redirect("/", status=303)
            return
        wait = desk.tries.wait(self.address, now)
        if wait or desk.comparing:
            self.set_status(429)
            await self.show(desk.pages.login, said=f"Too many tries. Wait {max(1, round(wait / 60))} min." if wait else "One at a time. Try again.")
            return
        desk.comparing = True
        try:
            fits = await asyncio.get_running_loop().run_in_executor(desk.worker, desk.digest.fits, self.get_body_argument("password", ""))
        finally:
            desk.comparing = False
        if not fits:
            desk.tries.failed(self.address, now)
            desk.counts["password"] += 1
            self.set_status(403)
            await self.show(desk.pages.login, said="Wrong password.")
            return
        desk.tries.succeeded(self.address)
        self.let_in()
        self.redirect("/", status=303)


class Logout(Base):
    def post(self) -> None:
        self.desk.sessions.end(self.get_cookie(self.desk.cookie))
        self.clear_cookie(self.desk.cookie)
        self.redirect("/", status=303)


class Stream(Base):
    """Everything once, then what changes, as long as the browser takes it."""

    _viewer: Viewer | None = None

    def on_connection_close(self) -> None:
        """The browser has gone: its place is free at once."""
        if self._viewer is not None:
            self._viewer.close()

    async def get(self) -> None:
        desk = self.desk
        if self.session() is None:
            self.deny(401, "stranger", "Log in first.")
            return
        if len(desk.viewers) >= desk.max_viewers:
            self.deny(503, "crowd", f"{desk.max_viewers} pages are open already (live.max_viewers).")
            return
        desk.publish(desk.known.news())          # what the others do not know yet is in what this one gets as a whole
        self._viewer = viewer = Viewer(asyncio.current_task().cancel)      # type: ignore[union-attr]
        desk.viewers.add(viewer)
        desk.watched(len(desk.viewers))
        self.set_header("Content-Type", "text/event-stream")
        viewer.waiting.append(b"retry: 2000\n" + event(desk.known.full()))
        try:
            while not viewer.dropped and self.session() is not None:
                viewer.wake.clear()
                while viewer.waiting:
                    self.write(viewer.waiting.popleft())
                    await asyncio.wait_for(asyncio.shield(self.flush()), SLOW_S)
                try:
                    await asyncio.wait_for(viewer.wake.wait(), IDLE_S)
                except asyncio.TimeoutError:
                    viewer.waiting.append(b":\n\n")
        except (asyncio.TimeoutError, asyncio.CancelledError, iostream.StreamClosedError) as ended:
            desk.counts["slow"] += isinstance(ended, asyncio.TimeoutError)
        finally:
            desk.viewers.discard(viewer)
            desk.watched(len(desk.viewers))
            self.request.connection.close()      # type: ignore[union-attr]


class Command(Base):
    """A POST of JSON with the token of its session; `datagram` makes the box's sentence of it."""

    def post(self) -> None:
        session, words = self.session(), self.words()
        if session is None:
            self.deny(401, "stranger", "Log in first.")
        elif words is None or not same(words.get("token"), session.token):
            self.deny(403, "token", "This does not come from the page. Load it anew.")
        elif not self.desk.known.box.get("commands"):
            self.deny(403, "commands", "This box takes no commands from its page (live.commands).")
        else:
            data = self.datagram(words)
            if data is None:
                self.deny(400, "value", "The power can only be lowered, to a whole number of percent from 10.")
            elif not self.desk.send(data):
                self.deny(503, "box", "The box does not take it now. Use its own stop button.")
            else:
                self.desk.counts["commands"] += 1
                self.set_status(202)
                self.finish({"sent": True})

    def words(self) -> dict[str, Any] | None:
        """None where the body is no JSON object with a token that is a text."""
        if self.request.headers.get("Content-Type", "").partition(";")[0].strip() != "application/json":
            return None
        try:
            words = json.loads(self.request.body)
        except (ValueError, RecursionError):
            return None
        return words if isinstance(words, dict) and isinstance(words.get("token"), str) else None

    def datagram(self, words: dict[str, Any]) -> bytes | None:
        raise web.HTTPError(404)


class Stop(Command):
    def datagram(self, words: dict[str, Any]) -> bytes | None:
        return wire.stop(self.address)


class Share(Command):
    def datagram(self, words: dict[str, Any]) -> bytes | None:
        percent, present = words.get("percent"), self.desk.known.values.get("power_share")
        if type(percent) is not int or not 10 <= percent < (100 if not isinstance(present, (int, float)) else present):
            return None
        return wire.share(percent, self.address)


class Nothing(Base):
    def get(self) -> None:
        self.write_error(404)

    post = get


class Server(HTTPServer):
    """Connections are counted before a single octet is read."""

    def initialize(self, *args: Any, desk: Desk, **kwargs: Any) -> None:      # type: ignore[override]
        self._desk = desk
        self._open: Counter[str] = Counter()
        self._most = desk.max_viewers + SPARE
        super().initialize(*args, **kwargs)

    def handle_stream(self, stream: iostream.IOStream, address: tuple) -> None:      # type: ignore[override]
        who = str(address[0]) if address else ""
        if self._open.total() >= self._most or self._open[who] >= PER_ADDRESS:
            self._desk.counts["connections"] += 1
            stream.close()
            return
        stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        super().handle_stream(stream, address)
        self._open[who] += 1

    def on_close(self, server_conn: object) -> None:
        who = str(server_conn.context.address[0])            # type: ignore[attr-defined]
        self._open[who] -= 1
        if self._open[who] <= 0:
            del self._open[who]
        super().on_close(server_conn)


def serve(desk: Desk, listening: Any) -> Server:
    """`listening`: sockets that are bound already."""
    shared = {"desk": desk}
    application = web.Application([("/", Page, shared), ("/login", Login, shared), ("/logout", Logout, shared), ("/stream", Stream, shared), ("/stop", Stop, shared),
                                   ("/share", Share, shared)], default_handler_class=Nothing, default_handler_args=shared, log_function=lambda handler: None)
    server = Server(application, desk=desk, max_header_size=MAX_HEADERS, max_body_size=MAX_BODY, max_buffer_size=MAX_BODY + MAX_HEADERS, idle_connection_timeout=SLOW_S,
                    body_timeout=BODY_S)
    server.add_sockets(listening)
    return server
