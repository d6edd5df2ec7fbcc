"""The packet socket's filter, run by a small BPF machine frame by frame beside what it is to mean; and what the kernel's answers become."""
import errno
import itertools
import socket
import struct

import pytest

from drivers import nic_ears, nic_socket
from drivers.errors import DriverError
from drivers.nic_ears import Admission, NicConfig
from drivers.nic_socket import SocketHandle, SocketNic, attach, program
from kernel.timer import MS, S

MINE, STATION, OTHER = bytes.fromhex("020000000001"), bytes.fromhex("0200000000a1"), bytes.fromhex("0200000000a2")
NEAR = bytes.fromhex("0300000000a1")                # differs from STATION in the first octets only
GROUP, BROADCAST = bytes.fromhex("333300000001"), b"\xff" * 6
ADMISSIONS = (Admission(), Admission(mine=MINE), Admission(mine=MINE, only=STATION), Admission(mine=MINE, without=STATION), Admission(nothing=True))


def passes(instructions, frame, packet_type=0, vlan=0):
    """What the kernel would do (net/core/filter.c): how many octets of the frame are kept."""
    lines, place, a = list(struct.iter_unpack("HBBI", instructions)), 0, 0
    facts = {nic_socket.PACKET_TYPE: packet_type, nic_socket.VLAN_PRESENT: vlan}
    while True:
        code, true, false, k = lines[place]
        place += 1
        if code == nic_socket.RET:
            return k
        if code in (nic_socket.JEQ, nic_socket.JSET):
            place += true if (a == k if code == nic_socket.JEQ else a & k) else false
        elif k in facts:
            a = facts[k]
        else:
            size = {nic_socket.LD_W: 4, nic_socket.LD_H: 2, nic_socket.LD_B: 1}[code]
            if k + size > len(frame):
                return 0                            # a load beyond the frame ends the program
            a = int.from_bytes(frame[k:k + size], "big")


def meant(admission, to, by, ethertype):
    ip6 = ethertype == 0x86DD
    return (not admission.nothing and ethertype in (0x88E1, 0x86DD) and (admission.mine is None or to == MINE or bool(to[0] & 1))
            and (admission.only is None or ip6 and by == admission.only) and not (admission.without is not None and ip6 and by == admission.without))


@pytest.mark.parametrize("admission", ADMISSIONS)
def test_the_filter_says_what_the_admission_means(admission):
    instructions, seen = program(admission), set()
    for to, by, ethertype in itertools.product((MINE, OTHER, STATION, GROUP, BROADCAST, bytes.fromhex("020000000002"), bytes.fromhex("040000000001")),
                                               (STATION, OTHER, NEAR), (0x88E1, 0x86DD, 0x0800, 0x8100, 0x88E2, 0x0040)):
        frame = to + by + ethertype.to_bytes(2, "big") + bytes(46)
        want = meant(admission, to, by, ethertype)
        seen.add(want)
        assert bool(passes(instructions, frame)) == want, (to.hex(), by.hex(), hex(ethertype))
        assert not passes(instructions, frame, packet_type=nic_socket.OUTGOING), "we hear ourselves"
        assert not passes(instructions, frame, vlan=1)
        assert not passes(instructions, frame[:13])
    assert seen == ({False} if admission.nothing else {True, False})


@pytest.mark.parametrize("admission", ADMISSIONS)
def test_the_kernel_accepts_each_program(admission):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        attach(s, program(admission))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s, pytest.raises(OSError):
        attach(s, program(admission)[:-8] + struct.pack("HBBI", nic_socket.JEQ, 0, 0, 0))       # a program without an end is refused


class Wire:
    """A packet socket as the kernel gives it: what each call is to answer, in order of the options set."""

    def __init__(self, refuses=(), pending=0, ring=()):
        self.refuses, self.pending, self.ring, self.calls = dict(refuses), pending, list(ring), []

    def setsockopt(self, level, option, value):
        self.calls.append(option)
        if option in self.refuses:
            raise self.refuses[option]

    def getsockopt(self, level, option, size=0):
        if option == nic_socket.PACKET_STATISTICS:
            return struct.pack("II", 9, 4)
        return self.pending

    def bind(self, where):
        self.calls.append(where)
        if "bind" in self.refuses:
            raise self.refuses["bind"]

    def recvmsg_into(self, buffers, ancillary):
        if not self.ring:
            raise BlockingIOError
        data, stamp, flags = self.ring.pop(0)
        if isinstance(data, OSError):
            raise data
        buffers[0][:len(data)] = data
        return len(data), [] if stamp is None else [(1, 35, nic_socket.TIMESPEC.pack(*divmod(stamp, S)))], flags, None

    def send(self, frame):
        return len(frame)

    def fileno(self):
        return -1

    def close(self):
        self.calls.append("close")


def handle(monkeypatch, wire, promiscuous=False):
    monkeypatch.setattr(nic_socket, "packet_socket", lambda name, flags: wire)
    monkeypatch.setattr(nic_socket, "join", lambda s, name, kind: wire.calls.append(("join", kind)))
    return SocketHandle("plc0", promiscuous, Admission())


def test_the_filter_is_there_before_the_first_frame_can_come(monkeypatch):
    wire = Wire()
    handle(monkeypatch, wire, promiscuous=True)
    assert wire.calls.index(nic_socket.SO_ATTACH_FILTER) == 0 and wire.calls[-1] == ("plc0", nic_socket.ETH_P_ALL)
    assert ("join", nic_ears.PACKET_MR_PROMISC) in wire.calls


def test_an_old_kernel_and_a_poor_user_get_the_same_interface(monkeypatch):
    wire = Wire({nic_socket.PACKET_IGNORE_OUTGOING: OSError(errno.ENOPROTOOPT, "no"), nic_socket.SO_RCVBUFFORCE: PermissionError(1, "no")})
    handle(monkeypatch, wire)
    assert socket.SO_RCVBUF in wire.calls


@pytest.mark.parametrize("refuses, pending, words", [
    ({}, errno.ENETDOWN, "is down.*ip link set plc0 up"),
    ({"bind": OSError(errno.ENETDOWN, "Network is down")}, 0, "is down"),
    ({"bind": OSError(errno.ENODEV, "No such device")}, 0, "packet socket.*Set nic to pcap"),
    ({nic_socket.SO_ATTACH_FILTER: OSError(errno.ENOMEM, "no memory")}, 0, "no memory.*Set nic to pcap"),
    ({nic_socket.PACKET_IGNORE_OUTGOING: OSError(errno.EINVAL, "odd")}, 0, "odd"),
])
def test_what_the_kernel_refuses_becomes_a_remedy_and_nothing_stays_open(monkeypatch, refuses, pending, words):
    wire = Wire(refuses, pending)
    with pytest.raises(DriverError, match=words):
        handle(monkeypatch, wire)
    assert wire.calls[-1] == "close"


def test_arrival_times_lie_between_the_last_look_and_now_and_never_run_backwards(monkeypatch):
    wall, now = 1_700_000_000 * S, 50 * S
    monkeypatch.setattr(nic_socket.time, "time_ns", lambda: wall)
    stamps = [wall - 3 * MS, wall - 5 * MS, wall + 9 * S, None, wall - 2 * MS]       # the clock was set, a stamp is missing
    wire = Wire(ring=[(b"x" * 60, stamp, 0) for stamp in stamps])
    h, frames = handle(monkeypatch, wire), []
    assert h.fetch(8, now, frames) == 5
    assert [at - now for at, _ in frames] == [-3 * MS, -3 * MS, 0, 0, 0]
    wire.ring, later = [(b"x" * 60, wall - 40 * MS, 0)], []
    assert h.fetch(8, now + 10 * MS, later) == 1 and later[0][0] == now               # waited in the ring since before the last look


def test_frames_beyond_ethernet_are_counted_and_the_limit_holds(monkeypatch):
    wire = Wire(ring=[(b"x" * 2048, None, socket.MSG_TRUNC), *[(b"y" * 60, None, 0)] * 5])
    h, frames = handle(monkeypatch, wire), []
    assert h.fetch(3, S, frames) == 3 and len(frames) == 2 and h.long == 1
    assert h.fetch(8, S, frames) == 3 and h.fetch(8, S, frames) == 0
    assert (h.drops(), h.drops()) == (4, 8)                                           # the kernel's counter begins anew with each answer


def test_an_interface_that_goes_away_is_told_and_one_that_goes_down_is_not_gone(monkeypatch, tmp_path):
    device = tmp_path / "plc0"
    device.mkdir()
    (device / "address").write_text("02:00:00:00:00:01\n")
    left, right = socket.socketpair()
    wire = Wire(ring=[(OSError(errno.ENETDOWN, "Network is down"), None, 0), (b"x" * 60, None, 0)])
    wire.fileno = left.fileno
    second = Wire()
    second.fileno = right.fileno
    wires = iter((wire, second))
    monkeypatch.setattr(nic_socket, "packet_socket", lambda name, flags: next(wires))
    monkeypatch.setattr(nic_ears, "membership", lambda name, kind: Wire())
    nic = SocketNic(NicConfig(interface="plc0"), tmp_path)
    assert nic.receive(32, 1) == [] and nic.errors == 1 and not nic.gone
    assert len(nic.receive(32, 2)) == 1 and nic.send(b"z" * 60, 2)
    wire.ring = [(OSError(errno.ENETDOWN, "Network is down"), None, 0)]
    (device / "address").unlink()
    device.rmdir()
    assert nic.receive(32, 3) == [] and nic.gone and not nic.send(b"z" * 60, 3)
    nic.close()
    left.close()
    right.close()
