"""Calls an HTTP server with values as parameters of a POST: turns that never wait, the newest values win, every failure counted and told.

One connection per call, because the calls are seldom. Name, TCP and TLS are waited for in a thread (`drivers.attempt`); then the socket is asked in turns.
"""
from __future__ import annotations

import socket
from typing import Any, Callable, Mapping
from urllib.parse import urlencode

from drivers.attempt import Attempt
from drivers.errors import DriverError
from drivers.http_post.answer import Answer
from drivers.http_post.config import RestConfig, address
from kernel.timer import MS, S, Backoff

PERIOD = 20 * MS          # between two looks while a call is under way
IDLE = 200 * MS           # and while none is: so much later begins a call
READ = 4096               # octets that a turn reads at most: 20 us on the development machine (tests.drivers.http_post.figures)
ADDRESSES = 3             # of one name that are tried
FIRST, CEILING = S, 60 * S
TOLD = 160                # characters of a problem that a library words
HINTS = {401: "it wants to know who calls; put its key into the query of rest.endpoint", 403: "it does not let this box call; look into its settings",
         404: "it does not know this path; check rest.endpoint", 405: "it takes no POST at this path; check rest.endpoint"}


class HttpPost:
    """Polled and ValueSink. Counters: `delivered`, `failures`, `replaced` (by newer values before they were told), `given_up`, `cut` (answers too long or damaged behind their status)."""

    def __init__(self, config: RestConfig) -> None:
        """DriverError: a person has to mend it."""
        tls, self._host, self._port, self._named, self._path = address(config.endpoint)
        self.name = f"REST call {'https' if tls else 'http'}://{self._named}{self._path.partition('?')[0]}"
        self.delivered = self.failures = self.replaced = self.given_up = self.cut = 0
        self.fault = self.remedy = ""
        self._timeout = int(config.timeout_s * S)
        self._retries = config.retries
        self._open = _opener(config, tls, self._host, self._port)
        self._wanted: str | None = None              # what is to be told
        self._going: str | None = None               # what is being told
        self._tries = 0                              # of what is wanted
        self._backoff = Backoff(FIRST, CEILING)
        self._next = self._deadline = 0
        self._attempt: Attempt | None = None
        self._line: Any = None
        self._out = b""
        self._answer = Answer()

    @property
    def errors(self) -> int:
        return self.failures + self.given_up

    def tell(self, values: Mapping[str, str], now: int) -> None:
        """These are told next; what was not told yet is forgotten."""
        self.replaced += self._wanted is not None
        self._wanted = urlencode(values)
        self._tries = 0

    def run(self, now: int) -> int:
        """One turn; when it wants the next."""
        if self._line is not None:
            return self._exchange(now)
        if self._attempt is not None:
            return self._opening(self._attempt, now)
        if self._wanted is None or now < self._next:
            return now + IDLE
        self._going = self._wanted
        self._deadline = now + self._timeout
        self._attempt = Attempt(self._open, _shut)
        return now + PERIOD

    def close(self) -> None:
        """Leave; does not wait."""
        if self._attempt is not None:
            self._attempt.abandon()
            self._attempt = None
        self._hang_up()

    # --- one call

    def _opening(self, attempt: Attempt, now: int) -> int:
        if not attempt.done:
            if now > self._deadline:                         # the name service may take longer than any setting of ours; nothing else is begun meanwhile
                self._tell("REST: no server", f"Looking up or reaching {self._named} takes more than {self._timeout / S:g} s; check name service and network.")
            return now + PERIOD
        self._attempt = None
        if attempt.made is None:
            return self._failed("REST: no server", f"{self._named} cannot be reached: {attempt.problem[:TOLD]}. Check rest.endpoint, the network, and that the server runs.", now)
        self._line = attempt.made
        self._line.setblocking(False)
        self._out = (f"POST {self._path}{self._going} HTTP/1.1\r\nHost: {self._named}\r\nUser-Agent: ccsbox\r\nAccept: */*\r\nContent-Length: 0\r\n"
                     "Connection: close\r\n\r\n").encode("ascii")
        self._answer = Answer()
        self._deadline = now + self._timeout
        return self._exchange(now)

    def _exchange(self, now: int) -> int:
        answer = self._answer
        try:
            if self._out:
                self._out = self._out[self._line.send(self._out):]
            else:
                data = self._line.recv(READ)
                if data:
                    answer.receive(data)
                else:
                    answer.ended()
        except BlockingIOError:
            pass_on = True
        except OSError as error:                             # reset, unreachable; ssl.SSLError is one, and says by its name that it would wait
            pass_on = type(error).__name__ in ("SSLWantReadError", "SSLWantWriteError")
            if not pass_on and not answer.status:
                return self._failed("REST: lost", f"{self._named} breaks the connection off: {str(error)[:TOLD]}. Does it speak HTTP at this port?", now)
            if not pass_on:
                answer.ended()
        if answer.done:
            return self._judge(answer, now)
        if now < self._deadline:
            return now + PERIOD
        if not answer.status:
            return self._failed("REST: no answer", f"{self._named} takes the connection and has not answered within {self._timeout / S:g} s. Does it speak HTTP at this port?", now)
        answer.cut = True                                    # the status came in time; nobody wants the rest
        return self._judge(answer, now)

    def _judge(self, answer: Answer, now: int) -> int:
        status = answer.status
        if answer.problem:
            return self._failed("REST: bad answer", f"{self._named} sends no answer that can be read: {answer.problem}. Does it speak HTTP at this port?", now)
        self.cut += answer.cut
        if 300 <= status < 400:
            return self._failed("REST: redirected", f"{self._named} answers {status} and sends to {answer.location or 'no other place'}; redirects are not followed: "
                                "set rest.endpoint to the right place.", now)
        if not 200 <= status < 300:
            return self._failed(f"REST: refused {status}", f"{self._named} answers {status}: {HINTS.get(status, 'look into its log')}.", now)
        self._hang_up()
        self.delivered += 1
        self._backoff.succeeded()
        self._tell("", "")
        if self._wanted is self._going:
            self._wanted = None
        self._going = None
        self._next = now
        return now + PERIOD

    def _failed(self, fault: str, remedy: str, now: int) -> int:
        """Once more after a pause that grows, or no more; newer values have their own tries, and wait like these."""
        self._hang_up()
        self.failures += 1
        self._next = now + self._backoff.failed()
        if self._wanted is self._going:
            self._tries += 1
            if self._tries > self._retries:
                self.given_up += 1
                self._wanted = None
        self._going = None
        self._tell(fault, remedy)
        return now + IDLE

    def _hang_up(self) -> None:
        if self._line is not None:
            _shut(self._line)
            self._line = None

    def _tell(self, fault: str, remedy: str) -> None:
        self.fault, self.remedy = fault, remedy


def _shut(line: Any) -> None:
    line.close()


def _opener(config: RestConfig, tls: bool, host: str, port: int) -> Callable[[], Any]:
    """Everything that can be wrong before the first call, found at the start. What is returned waits: for a thread."""
    timeout = config.timeout_s
    try:
        host.encode("idna")                      # as the resolver will; its tables are loaded here and not in a tick
    except UnicodeError as error:
        raise DriverError(f"rest.endpoint: {host!r} is no host name ({error}).", "Set a name or an address.") from error
    context: Any = None
    if tls:
        import ssl
        try:
            context = ssl.create_default_context(cafile=config.ca_file or None)
        except OSError as error:                 # ssl.SSLError is one
            raise DriverError(f"The certificate file of REST cannot be used: {error}.", "Check rest.ca_file (PEM).") from error

    def opened() -> Any:
        problem: OSError | None = None
        for family, kind, protocol, _, where in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[:ADDRESSES]:
            line = socket.socket(family, kind, protocol)
            try:
                line.settimeout(timeout)
                line.connect(where)
                return line if context is None else context.wrap_socket(line, server_hostname=host)
            except OSError as error:
                line.close()
                problem = error
        raise problem or OSError("its name has no address")
    return opened
