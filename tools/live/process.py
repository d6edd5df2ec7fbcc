"""The process that serves the live view: loads, opens its port, gives its rights away, then passes on what the box tells until the box has gone."""
from __future__ import annotations

import asyncio
import errno
import logging
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from tools.live import wire
from tools.live.sandbox import give_up_rights, yield_to_box

ALIVE_S = 30                 # a process that hangs for so long is ended by its own alarm, and started anew by its keeper
BIND_AGAIN_S = 10
MAX_DRAIN = 64               # datagrams read at once
MAX_LOG_LINES = 40           # of the library, for the whole life of the process: what strangers send must not fill a journal
FAREWELL_S = 0.3             # for the last word to the pages
REHEARSAL_S = 5.0
REHEARSAL = tuple(line + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + rest for line, rest in (
    (b"GET /", b"\r\n"), (b"GET /none", b"\r\n"), (b"GET /stream", b"\r\n"), (b"PUT /", b"\r\n"), (b"POST /stop", b"Origin: http://localhost\r\nContent-Length: 2\r\n\r\n{}"),
    (b"POST /logout", b"Origin: http://localhost\r\nCookie: a=b\r\nContent-Length: 0\r\n\r\n"), (b"NONSENSE", b"\r\n")))
HERE = Path(__file__).resolve().parent
BAD_START = 3


def main(arguments: list[str]) -> int:
    """`arguments`: descriptor of the channel, address, port, file with the password's digest or "", pages at a time, further names with commas.
    0: the box has gone. Anything else: to be started anew."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)        # meant for the whole group: the box ends first, and the page shows how
    yield_to_box()
    fd, bind, port, password_file, viewers, names = arguments
    box = socket.socket(fileno=int(fd))
    box.setblocking(False)
    from tools.live.access import own_names
    from tools.live.known import Known
    from tools.live.page import pages
    from tools.live.password import Digest, DigestError
    from tools.live.server import Desk
    import concurrent.futures.thread        # noqa: F401 - all of these are loaded by their users later, when no file can be opened any more
    import encodings.idna                    # noqa: F401
    import traceback                         # noqa: F401
    try:
        digest = Digest.read(Path(password_file)) if password_file else None
    except DigestError as error:
        return tell(f"{error}", BAD_START)
    link = Link(box)
    desk = Desk(Known(), pages(HERE), digest, own_names(socket.gethostname(), names.split(",")), int(viewers), int(port), link.send)
    listening = open_port(bind, int(port), box)
    if not listening:
        return 0
    keep_quiet()
    asyncio.run(run(desk, link, listening))
    return 0


def tell(sentence: str, code: int) -> int:
    """To the journal of the service, by standard error."""
    print(f"live view: {sentence}", file=sys.stderr, flush=True)
    return code


def open_port(bind: str, port: int, box: socket.socket) -> list[socket.socket]:
    """Tries until it succeeds; empty when the box has gone meanwhile."""
    from tornado.netutil import bind_sockets
    told = False
    while True:
        try:
            return bind_sockets(port, bind, backlog=16)
        except OSError as error:
            if not told:
                why = "another program has it" if error.errno == errno.EADDRINUSE else error.strerror
                tell(f"cannot serve {bind} port {port} ({why}); tried again every {BIND_AGAIN_S} s. Set live.port or live.bind to what this computer has (ip addr)", 0)
                told = True
        if gone(box, BIND_AGAIN_S):
            return []


def gone(box: socket.socket, seconds: float) -> bool:
    """Waits so long, or until the box has closed its end; what it says meanwhile is read and forgotten."""
    import select
    import time
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        if select.select((box,), (), (), left)[0] and not box.recv(2 * wire.MAX_DATAGRAM):
            return True
    return False


class Link:
    """The end of the pair that this process holds."""

    def __init__(self, box: socket.socket) -> None:
        self.box = box
        self.unsent = 0

    def send(self, data: bytes) -> bool:
        try:
            self.box.send(data, socket.MSG_NOSIGNAL | socket.MSG_DONTWAIT)
        except OSError:
            self.unsent += 1
            return False
        return True

    def receive(self) -> tuple[list[bytes], bool]:
        """At most MAX_DRAIN datagrams, and whether the box has gone."""
        got: list[bytes] = []
        while len(got) < MAX_DRAIN:
            try:
                data = self.box.recv(2 * wire.MAX_DATAGRAM)
            except BlockingIOError:
                return got, False
            except OSError:
                return got, True
            if not data:
                return got, True
            got.append(data)
        return got, False


async def run(desk: Any, link: Link, listening: list[socket.socket]) -> None:
    """Until the box has gone."""
    from tools.live.server import serve
    server = serve(desk, listening)
    await rehearse(listening[0].getsockname(), desk)
    said = give_up_rights()
    tell(f"serves {' and '.join(f'{s.getsockname()[0]} port {s.getsockname()[1]}' for s in listening)}; " + "; ".join(said), 0)
    over = asyncio.Event()
    loop = asyncio.get_running_loop()

    def readable() -> None:
        got, ended = link.receive()
        for data in got:
            if desk.known.take(data):
                desk.publish(desk.known.news())
        if ended:
            loop.remove_reader(link.box)
            over.set()
    loop.add_reader(link.box, readable)
    link.send(wire.HELLO)
    desk.watched = lambda number: link.send(wire.pages(number))
    while not over.is_set():
        signal.alarm(ALIVE_S)
        try:
            await asyncio.wait_for(over.wait(), 2.0)
        except asyncio.TimeoutError:
            if desk.known.beat is None:
                link.send(wire.HELLO)            # what an earlier process did not read may have filled the box's side
    desk.publish({"k": "gone"})
    server.stop()
    await asyncio.sleep(FAREWELL_S)
    try:
        await asyncio.wait_for(server.close_all_connections(), 1.0)
    except asyncio.TimeoutError:
        tell("some browsers did not let go", 0)
    desk.worker.shutdown(wait=False)


async def rehearse(address: tuple, desk: Any) -> None:
    """A few requests of its own: what the libraries load only when they need it is loaded now, while files can still be opened."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address[0], address[0])
    for words in REHEARSAL:
        try:
            reader, writer = await asyncio.wait_for(asyncio.open_connection(host, address[1]), REHEARSAL_S)
            writer.write(words)
            await asyncio.wait_for(reader.read(), REHEARSAL_S)
            writer.close()
        except (OSError, asyncio.TimeoutError) as error:
            tell(f"rehearsal: {error!r}", 0)
    desk.forget()


def keep_quiet() -> None:
    """The library's warnings of what strangers send: the first few, and no more."""
    class Few(logging.Handler):
        lines = 0

        def emit(self, record: logging.LogRecord) -> None:
            self.lines += 1
            if self.lines <= MAX_LOG_LINES:
                tell(f"{record.name}: {self.format(record)[:2000]}" + (" (the last one that is told)" if self.lines == MAX_LOG_LINES else ""), 0)
    root = logging.getLogger()
    root.handlers = [Few()]
    logging.getLogger("tornado.general").setLevel(logging.ERROR)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
