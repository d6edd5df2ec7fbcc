"""Speed and cost of our TCP beside the kernel's on one veth pair without offloads: `unshare -Urn python -m tests.tcp_kernel.bench ours|linux [octets]`."""
from __future__ import annotations

import json
import sys
import time

from tests.tcp_kernel.lab import Lab
from tests.tcp_kernel.octets import sha256, stream
from tests.tcp_kernel.transfer import PORT, Task, opened

MSS = 1220               # of both ends: what our SYN says
OCTETS = 4_000_000
TIMES = 2000             # requests and answers
REQUEST = 76             # octets of a typical V2G message (sheet 6.1)


def ours(octets: int) -> list[dict[str, float]]:
    """Our stack and the kernel: both directions, then requests with answers."""
    found = []
    with Lab(bridge=False) as lab:
        own = lab.own
        for sends in (True, False):
            own.begin()
            s, why = opened(lab, Task(client=True, sends=sends, mss=MSS))
            assert not why, why
            words = stream(1, octets)
            if not sends:
                lab.ask("prepare", seed=1, size=octets)
            there, here, began = lab.ask("cpu")["seconds"], time.process_time(), time.monotonic()
            if sends:
                hears = lab.peer.begin("receive", s=s, size=octets)
                own.say(words)
                assert lab.wait(hears)["sha256"] == sha256(words)
            else:
                says = lab.peer.begin("send", s=s, seed=1, size=octets)
                assert own.until(lambda: len(own.heard) >= octets) and own.heard == words
                lab.wait(says)
            seconds, mine = time.monotonic() - began, time.process_time() - here
            found.append({"what": f"ours {'to' if sends else 'from'} Linux", "seconds": seconds, "ours": mine, "linux": lab.ask("cpu")["seconds"] - there})
            own.abort()
        own.begin()
        s, why = opened(lab, Task(client=True, sends=True, mss=MSS))
        there, here, began = lab.ask("cpu")["seconds"], time.process_time(), time.monotonic()
        echo = lab.peer.begin("echo", s=s, times=TIMES, size=REQUEST)
        for n in range(TIMES):
            own.say(bytes(REQUEST))
            while len(own.heard) < (n + 1) * REQUEST:
                own.step(0.25)
        seconds, mine = time.monotonic() - began, time.process_time() - here
        lab.wait(echo)
        found.append({"what": "ours asks Linux", "seconds": seconds, "ours": mine, "linux": lab.ask("cpu")["seconds"] - there})
    return found


def linux(octets: int) -> list[dict[str, float]]:
    """The same between two kernels."""
    with Lab(bridge=False, kernels=2) as lab:
        a, b = lab.other, lab.peer

        def done(helper, number: int) -> dict:
            while number not in helper.answers:
                helper.read()
            return helper.answers.pop(number)
        b.ask("listen", s=1, port=PORT, mss=MSS)
        accepted = b.begin("accept", s=2, listener=1)
        told = a.ask("connect", s=3, address=lab.peer_address.hex(), to=PORT, mss=MSS)
        assert "error" not in told, told
        done(b, accepted)
        found = []
        for what in ("Linux to Linux", "Linux asks Linux"):
            a.ask("prepare", seed=1, size=octets)
            there, here, began = b.ask("cpu")["seconds"], a.ask("cpu")["seconds"], time.monotonic()
            if what == "Linux to Linux":
                hears, says = b.begin("receive", s=2, size=octets), a.begin("send", s=3, seed=1, size=octets)
                assert done(b, hears)["sha256"] == sha256(stream(1, octets))
            else:
                hears, says = b.begin("echo", s=2, times=TIMES, size=REQUEST), a.begin("ask", s=3, times=TIMES, size=REQUEST)
                done(b, hears)
            done(a, says)
            seconds = time.monotonic() - began
            found.append({"what": what, "seconds": seconds, "ours": a.ask("cpu")["seconds"] - here, "linux": b.ask("cpu")["seconds"] - there})
    return found


def main() -> None:
    which, octets = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else OCTETS
    print(json.dumps((ours if which == "ours" else linux)(octets)))


if __name__ == "__main__":
    main()
