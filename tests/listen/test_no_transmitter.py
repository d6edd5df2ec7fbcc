"""A listener cannot send: proven on the objects that its table holds on to, and on what leaves when joining is switched on."""
import gc
import random
from types import BuiltinFunctionType, FunctionType, ModuleType, SimpleNamespace

import pytest

from drivers import own_modem
from drivers.board import ListenBoard
from drivers.nic_pcap import PcapEars, PcapNic
from drivers.nic_socket import SocketEars, SocketNic
from drivers.own_modem import ALLOWED, OwnModemOnly, allowed
from drivers.sim.oled import SimOled
from exi_native import codec
from kernel.journal import Journal
from kernel.scheduler import TICK, Kernel, check_mailboxes
from kernel.timer import MS, S
from tasks import table
from tasks.config import Config
from tasks.homeplug import wire as mme
from tasks.homeplug.wire_header import BROADCAST, LOCAL_DEVICE
from tasks.homeplug.wire_keys import CM_GET_KEY_REQ, CM_SET_KEY_CNF, CM_SET_KEY_REQ
from tasks.homeplug.wire_modem import VS_NW_INFO_REQ, VS_RS_DEV_REQ, VS_SW_VER_REQ
from tasks.listen.join_task import JoinTask
from tasks.signals import Signals
from tests.listen import line
from tools.appliance import parts

OWN = bytes.fromhex("020000000099")
NID, NMK = bytes(range(7)), bytes(range(16))


class Ears:
    """Hears what it is given; has no `send`."""

    mac, errors = OWN, 0

    def __init__(self):
        self.frames, self.now = [], 0

    def fileno(self):
        return -1

    def receive(self, limit, now):
        self.now = now
        out, self.frames = self.frames[:limit], self.frames[limit:]
        return [(now, frame) for frame in out]

    def next_event(self):
        return self.now + TICK

    def close(self):
        self.frames = []


def reachable(root):
    """Everything that `root` holds on to: attributes, items, closures, bound objects; not classes, modules and globals."""
    seen, queue = {}, [root]
    while queue:
        thing = queue.pop()
        if id(thing) in seen or isinstance(thing, (ModuleType, type, BuiltinFunctionType)):
            continue
        seen[id(thing)] = thing
        if isinstance(thing, FunctionType):
            queue += [cell.cell_contents for cell in thing.__closure__ or () if cell.cell_contents is not None]
            queue += [*(thing.__defaults__ or ()), *(thing.__kwdefaults__ or {}).values()]
        else:
            queue += gc.get_referents(thing)
    return list(seen.values())


def transmitters(root):
    return [type(thing) for thing in reachable(root) if callable(getattr(thing, "send", None))]


def listener(join=False, door=None):
    config, ears, journal, signals = Config(), Ears(), Journal(), Signals()
    config.listen.join = join
    around = table.Surroundings(SimpleNamespace(read=lambda: ""), lambda: False)
    made = table.listen(ListenBoard(ears, SimOled(), door), signals, config, random.Random(1), journal, codec.load(), around)
    kernel = Kernel(made.rows, journal)
    check_mailboxes(made.mailboxes)
    return SimpleNamespace(made=made, kernel=kernel, ears=ears, signals=signals, journal=journal)


def test_no_transmitter_is_reachable_from_a_listener():
    assert transmitters(listener().made) == []


def test_with_a_door_but_without_the_setting_nothing_uses_it():
    assert transmitters(listener(False, OwnModemOnly(OWN, lambda frame: True)).made) == []


def test_with_joining_the_guarded_door_is_the_only_one():
    assert transmitters(listener(True, OwnModemOnly(OWN, lambda frame: True)).made) == [OwnModemOnly]


def test_the_search_finds_a_transmitter_behind_a_closure_and_a_method():
    nic = PcapNic.__new__(PcapNic)
    assert transmitters([lambda: nic]) == [PcapNic]
    assert PcapNic in transmitters([SimpleNamespace(out=nic.send)])


def test_the_real_ears_have_nothing_to_send_with():
    for ears, nic in ((PcapEars, PcapNic), (SocketEars, SocketNic)):
        assert not hasattr(ears, "send")
        assert hasattr(nic, "send")


@pytest.mark.parametrize("join", [False, True])
def test_the_box_opens_ears_and_a_door_only_for_joining(monkeypatch, join):
    opened = []
    monkeypatch.setattr(parts, "open_ears", lambda config: opened.append(config.reception) or "ears")
    monkeypatch.setattr(parts, "open_nic", lambda config: pytest.fail("a transmitter is opened"))
    monkeypatch.setattr("drivers.own_modem.open_own_modem", lambda interface: opened.append("door") or "door")
    config = Config(mode="listen")
    config.listen.join = join
    board, rows = parts.open_board(config, SimpleNamespace(simulate_io=False, soc_start=None, battery_kwh=None), Signals(), 0)
    assert (opened, board.own_modem, rows) == ((["promiscuous", "door"], "door", []) if join else (["promiscuous"], None, []))


# --- the door ---------------------------------------------------------------------------------------------------------

GOOD = CM_SET_KEY_REQ(LOCAL_DEVICE, OWN, NID, NMK, bytes(4)).emit()
REFUSED = {
    "broadcast": CM_SET_KEY_REQ(BROADCAST, OWN, NID, NMK, bytes(4)).emit(),
    "another modem": VS_SW_VER_REQ(line.CHARGER, OWN).emit(),
    "spoofed source": CM_SET_KEY_REQ(LOCAL_DEVICE, line.CAR, NID, NMK, bytes(4)).emit(),
    "reset of the modem": VS_RS_DEV_REQ(LOCAL_DEVICE, OWN).emit(),
    "GET_KEY": CM_GET_KEY_REQ(LOCAL_DEVICE, OWN, NID, bytes(4)).emit(),
    "SLAC to everybody": mme.CM_SLAC_PARM_REQ(BROADCAST, OWN, bytes(8)).emit(),
    "SLAC to the local address": mme.CM_SLAC_PARM_REQ(LOCAL_DEVICE, OWN, bytes(8)).emit(),
    "SDP": line.sdp_request(),
    "IPv6 to the local address": LOCAL_DEVICE + OWN + line.sdp_request()[12:],
    "empty": b"", "runt": GOOD[:16], "giant": GOOD + bytes(1600),
}


@pytest.mark.parametrize("name", REFUSED)
def test_the_door_refuses(name):
    sent = []
    door = OwnModemOnly(OWN, lambda frame: sent.append(frame) or True)
    assert door.send(REFUSED[name], 0) is False
    assert (sent, door.refused, door.errors) == ([], 1, 0)


def test_the_door_lets_requests_to_the_own_modem_out():
    sent = []
    door = OwnModemOnly(OWN, lambda frame: sent.append(frame) or True)
    for frame in (GOOD, VS_SW_VER_REQ(LOCAL_DEVICE, OWN).emit(), VS_NW_INFO_REQ(LOCAL_DEVICE, OWN, 1).emit()):
        assert door.send(frame, 0)
    assert len(sent) == 3 and door.refused == 0


def test_a_door_whose_line_fails_counts_it():
    door = OwnModemOnly(OWN, lambda frame: False)
    assert door.send(GOOD, 0) is False
    assert (door.errors, door.refused) == (1, 0)


def test_random_frames_leave_only_when_they_are_for_the_own_modem():
    rng = random.Random(7)
    for _ in range(20_000):
        frame = bytearray(rng.randbytes(rng.randrange(70)))
        for at, good in ((0, LOCAL_DEVICE), (6, OWN), (12, b"\x88\xe1"), (15, rng.choice(list(ALLOWED)).to_bytes(2, "little"))):
            if rng.random() < 0.8:
                frame[at:at + len(good)] = good
        frame = bytes(frame)
        if allowed(frame, OWN):
            assert frame[:6] == LOCAL_DEVICE and frame[6:12] == OWN and frame[12:14] == b"\x88\xe1"
            assert frame[15] | frame[16] << 8 in ALLOWED


# --- the whole listener -----------------------------------------------------------------------------------------------

def play(box, until, answer=None):
    """Ticks until `until`; `answer(now)` gives frames of the own modem."""
    for now in range(0, until, TICK):
        box.kernel.visit(now)
        if answer is not None:
            box.ears.frames += answer(now)
    assert box.kernel.fault is None


def test_what_leaves_a_joining_listener_is_for_its_own_modem_only():
    sent = []
    box = listener(True, OwnModemOnly(OWN, lambda frame: sent.append(frame) or True))
    box.ears.frames = [frame for frame in line.session() for _ in range(2)] + [b"\xff" * n for n in range(80)]
    play(box, 40 * S)
    assert sent and all(allowed(frame, OWN) for frame in sent)
    door = next(row.task for row in box.made.rows if isinstance(row.task, JoinTask)).door
    assert door.refused == 0
    keys = [frame for frame in sent if int.from_bytes(frame[15:17], "little") == 0x6008]
    assert keys and all(bytes(range(16)) in frame for frame in keys)


def test_a_confirmed_key_is_told_and_sent_once():
    sent = []
    box = listener(True, OwnModemOnly(OWN, lambda frame: sent.append(frame) or True))
    box.ears.frames = line.slac()
    confirmed = []

    def answer(now):
        keys = [frame for frame in sent if frame[15:17] == b"\x08\x60"]
        if keys and not confirmed:
            confirmed.append(now)
            return [CM_SET_KEY_CNF(OWN, bytes.fromhex("00b052aabbcc"), 1, bytes(4), keys[-1][20:24]).emit()]
        return []
    play(box, 5 * S, answer)
    assert len([frame for frame in sent if frame[15:17] == b"\x08\x60"]) == 1
    assert box.signals.listen_joined.value == "the modem has taken the key and restarts"


def test_a_silent_interface_is_told_not_raised():
    box = listener(True, OwnModemOnly(OWN, lambda frame: False))
    box.ears.frames = line.slac()
    events = []
    box.journal.add_sink(events.append)
    play(box, 200 * MS)
    box.journal.flush()
    assert any("does not take frames to the own modem" in event.message() for event in events)


def test_the_door_of_a_missing_interface_says_what_to_do():
    with pytest.raises(own_modem.DriverError, match="no network interface"):
        own_modem.open_own_modem("nosuch0")
