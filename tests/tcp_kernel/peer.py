"""A peer with the sockets of the Linux kernel, in a network namespace of its own: commands as lines of JSON in, answers as lines of JSON out.

Started as `unshare -n python -m tests.tcp_kernel.peer`. Each command runs in its own thread, so that one can wait in recv while another closes.
"""
from __future__ import annotations

import hashlib
import json
import socket
import struct
import subprocess
import sys
import threading
import time
from typing import Any

from tests.interop.network import LOOK_EVERY_S, NO_OFFLOAD, READY_LIMIT_S, run
from tests.tcp_kernel.octets import stream

INTERFACE = "peer"
TOTAL_RETRANS = 100      # offset of tcpi_total_retrans in struct tcp_info (linux/tcp.h)
CHUNK = 1 << 16
PATIENCE_S = 120.0       # of every call that can block: longer than any case lasts


class Peer:
    """`sockets` by number; a command names them by that number."""

    def __init__(self) -> None:
        self.sockets: dict[int, socket.socket] = {}
        self.prepared: dict[tuple[int, int], bytes] = {}
        self.scope = 0
        self._speak = threading.Lock()
        self._pause = threading.Event()          # never set

    # --- the interface --------------------------------------------------------------------------------------------

    def up(self) -> dict[str, Any]:
        """Bring the interface up."""
        key = f"net.ipv6.conf.{INTERFACE}"
        run("sysctl", "-qw", f"{key}.accept_dad=0", f"{key}.router_solicitations=0", f"{key}.disable_ipv6=0")
        run("ethtool", "-K", INTERFACE, *(word for feature in NO_OFFLOAD for word in (feature, "off")))
        run("ip", "link", "set", "lo", "up")
        run("ip", "link", "set", INTERFACE, "up")
        self.scope = socket.if_nametoindex(INTERFACE)
        return {}

    def address(self) -> dict[str, Any]:
        """Its link-local address, which it has once the other end is up too."""
        limit = time.monotonic() + READY_LIMIT_S
        while time.monotonic() < limit:
            with open("/proc/net/if_inet6", encoding="ascii") as f:
                found = [line.split()[0] for line in f if line.split()[-1] == INTERFACE]
            if found:
                return {"address": found[0]}
            self._pause.wait(LOOK_EVERY_S)
        raise OSError(f"{INTERFACE} got no address within {READY_LIMIT_S:g} s")

    def _name(self, address: str, port: int) -> tuple[str, int, int, int]:
        return socket.inet_ntop(socket.AF_INET6, bytes.fromhex(address)), port, 0, self.scope

    def _made(self, port: int, mss: int, receive_buffer: int, send_buffer: int) -> socket.socket:
        s = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
        s.settimeout(PATIENCE_S)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if mss:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, mss)
        if receive_buffer:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if send_buffer:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
        if port:
            s.bind(("::", port, 0, self.scope))
        return s

    # --- commands -------------------------------------------------------------------------------------------------

    def listen(self, s: int, port: int, mss: int = 0, receive_buffer: int = 0, send_buffer: int = 0) -> dict[str, Any]:
        self.sockets[s] = listener = self._made(port, mss, receive_buffer, send_buffer)
        listener.listen(8)
        return {}

    def accept(self, s: int, listener: int) -> dict[str, Any]:
        self.sockets[s], name = self.sockets[listener].accept()
        self.sockets[s].settimeout(PATIENCE_S)
        return {"port": name[1]}

    def connect(self, s: int, address: str, to: int, port: int = 0, mss: int = 0, receive_buffer: int = 0, send_buffer: int = 0) -> dict[str, Any]:
        self.sockets[s] = made = self._made(port, mss, receive_buffer, send_buffer)
        made.connect(self._name(address, to))
        return {"port": made.getsockname()[1]}

    def send(self, s: int, seed: int, size: int) -> dict[str, Any]:
        self.sockets[s].sendall(self.prepared.pop((seed, size), None) or stream(seed, size))
        return {}

    def prepare(self, seed: int, size: int) -> dict[str, Any]:
        """Make the octets of a later `send`, so that it costs nothing but sending."""
        self.prepared[seed, size] = stream(seed, size)
        return {}

    def receive(self, s: int, size: int = 1 << 40) -> dict[str, Any]:
        """Until `size` octets or the end of the stream."""
        digest, got = hashlib.sha256(), 0
        while got < size:
            data = self.sockets[s].recv(min(CHUNK, size - got))
            if not data:
                break
            got += len(data)
            digest.update(data)
        return {"size": got, "sha256": digest.hexdigest()}

    def echo(self, s: int, times: int, size: int) -> dict[str, Any]:
        """A request of `size` octets comes, the same goes back; so many times."""
        for _ in range(times):
            got = b""
            while len(got) < size:
                got += self.sockets[s].recv(size - len(got))
            self.sockets[s].sendall(got)
        return {}

    def ask(self, s: int, times: int, size: int) -> dict[str, Any]:
        """The other end of `echo`."""
        for _ in range(times):
            self.sockets[s].sendall(bytes(size))
            got = 0
            while got < size:
                got += len(self.sockets[s].recv(size - got))
        return {}

    def shut(self, s: int) -> dict[str, Any]:
        self.sockets[s].shutdown(socket.SHUT_WR)
        return {}

    def close(self, s: int, reset: bool = False) -> dict[str, Any]:
        """`reset`: SO_LINGER 0, the kernel sends RST."""
        if reset:
            self.sockets[s].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sockets.pop(s).close()
        return {}

    def keep_alive(self, s: int) -> dict[str, Any]:
        """A question for each second of silence."""
        for level, option, value in ((socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1), (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1),
                                     (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1), (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 2)):
            self.sockets[s].setsockopt(level, option, value)
        return {}

    def retransmissions(self, s: int) -> dict[str, Any]:
        info = self.sockets[s].getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        return {"count": struct.unpack_from("I", info, TOTAL_RETRANS)[0]}

    def ss(self) -> dict[str, Any]:
        """What `ss -tin` says: the kernel's own view in words."""
        return {"text": subprocess.run(["ss", "-tina"], capture_output=True, text=True, check=True).stdout}

    def cpu(self) -> dict[str, Any]:
        return {"seconds": time.process_time()}

    # --- lines ----------------------------------------------------------------------------------------------------

    def obey(self, line: str) -> None:
        asked = json.loads(line)
        number, op = asked.pop("id"), asked.pop("op")
        try:
            answer = getattr(self, op)(**asked)
        except OSError as e:
            answer = {"error": e.strerror or str(e), "errno": e.errno or 0}
        except Exception as e:           # a mistake in a case must be told, not waited for
            answer = {"error": f"{type(e).__name__}: {e}", "errno": -1}
        with self._speak:
            print(json.dumps({"id": number, **answer}), flush=True)


def main() -> None:
    """Until the harness closes the pipe."""
    peer = Peer()
    print("ready", flush=True)
    for line in sys.stdin:
        threading.Thread(target=peer.obey, args=(line,), daemon=True).start()


if __name__ == "__main__":
    main()
