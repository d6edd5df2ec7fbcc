"""What a turn of the REST call costs with a server that is present, absent, a black hole, silent, dripping or flooding, and its row. Prints; judges nothing.

Run: python -m tests.drivers.http_post.figures
"""
import socket
import threading
import time

from drivers.http_post.config import RestConfig
from drivers.http_post.post import HttpPost
from kernel.timer import S
from tasks.rest.report import Report
from tasks.rest.task import RestTask
from tasks.signals import Signals
from tests.drivers.http_post.server import Raw, Server
from tests.drivers.mqtt.broker import free_port, wait

TICK_MS = 10


def turns(name: str, port: int, count: int = 500, host: str = "127.0.0.1") -> None:
    """`count` ticks of 10 ms on the real clock, new values every 200 ms."""
    post = HttpPost(RestConfig(endpoint=f"http://{host}:{port}/ev_state", timeout_s=1.0))
    costs, cpu = [], []
    for n in range(count):
        if n % 20 == 0:
            post.tell({"current_soc": str(n), "evccid": "0465650064C3"}, time.monotonic_ns())
        began, worked = time.perf_counter_ns(), time.thread_time_ns()
        post.run(time.monotonic_ns())
        costs.append(time.perf_counter_ns() - began)
        cpu.append(time.thread_time_ns() - worked)
        wait(TICK_MS)
    costs.sort()
    print(f"rest: {name}: a turn costs {costs[len(costs) // 2] / 1000:.0f} us in the median, {costs[-6] / 1000:.0f} us at 99 %, {costs[-1] / 1000:.0f} us at worst, of which at most "
          f"{max(cpu) / 1000:.0f} us are work ({TICK_MS * 1000} us are a tick); {post.delivered} delivered, {post.failures} failures, {post.replaced} replaced, fault {post.fault!r}", flush=True)
    post.close()


class Nobody:
    """A sink that does nothing."""

    errors = 0

    def tell(self, values, now):
        pass


def row() -> None:
    s = Signals()
    writers = {name: getattr(s, name).claim("figures") for name in ("peer_heard", "evccid", "ev_soc", "ev_capacity", "ev_energy_request", "v2g_state", "session_energy")}
    for also in ([], ["fsm_state", "power", "energy", "stop_reason"]):
        task, costs = RestTask(Nobody(), s, "evse", Report(5 * S, 60 * S), also, 80.0, bytes(6)), []
        for n in range(5000):
            now = n * S // 5
            for name, value in dict(peer_heard=True, evccid=bytes(6), ev_soc=n % 100 + 0.5, ev_capacity=6e4, ev_energy_request=1e4, v2g_state="CurrentDemand", session_energy=n).items():
                writers[name].set(value, now)
            began = time.perf_counter_ns()
            task.run(now)
            costs.append(time.perf_counter_ns() - began)
        costs.sort()
        print(f"rest: the row, {5 + len(also)} parameters: {costs[2500] / 1000:.1f} us in the median, {costs[-50] / 1000:.1f} us at 99 % (every 200 ms)", flush=True)


def main() -> None:
    row()
    server = Server()
    turns("server present", server.port)
    turns("server present, by name", server.port, host="localhost")
    server.close()
    turns("server absent", free_port(), 1000)
    over = threading.Event()
    hostile = {
        "server silent": lambda line: over.wait(30),
        "server drips an octet every 2 ms": lambda line: [line.send(b"X") or over.wait(0.002) for _ in range(5000)],
        "endless head": lambda line: [line.sendall(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 9000) for _ in range(1000)],
        "endless body": lambda line: [line.sendall((b"HTTP/1.1 200 OK\r\n\r\n" if n == 0 else b"") + bytes(60_000)) for n in range(1000)],
        "chunks of one octet without end": lambda line: [line.sendall((b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" if n == 0 else b"") + b"1\r\nx\r\n" * 9000) for n in range(99)],
    }
    for name, deed in hostile.items():
        server = Raw(deed)
        turns(name, server.port)
        over.set()
        server.close()
        over.clear()
    with socket.socket() as hole:
        hole.bind(("127.0.0.1", 0))
        hole.listen(0)
        fill = [socket.socket() for _ in range(4)]
        for s in fill:
            s.setblocking(False)
            s.connect_ex(hole.getsockname())
        turns("black hole", hole.getsockname()[1])
        for s in fill:
            s.close()


if __name__ == "__main__":
    main()
