"""Joining: when the overheard key goes to the own modem, what is told of it, and what never leaves."""
import random

from kernel.timer import NEVER, S
from tasks.homeplug import timing as t
from tasks.homeplug.config import SlacConfig
from tasks.homeplug.wire import CM_SLAC_MATCH_CNF
from tasks.homeplug.wire_header import LOCAL_DEVICE
from tasks.homeplug.wire_keys import CM_SET_KEY_CNF, CM_SET_KEY_REQ
from tasks.homeplug.wire_modem import VS_NW_INFO_CNF, VS_NW_INFO_REQ, VS_SW_VER_CNF, VS_SW_VER_REQ, Network, Station
from tasks.listen.join import NO_KEY, SPACING, WAITING, Joining
from tests.listen import line

HOST, MODEM = bytes.fromhex("020000000099"), bytes.fromhex("00b052112233")
NID, NMK = bytes(range(7)), bytes(range(16))
STEP = S // 10


def match(nmk=NMK, nid=NID, src=line.CHARGER):
    return CM_SLAC_MATCH_CNF(line.CAR, src, line.RUN_ID, line.CAR, src, nid, nmk)


class Bench:
    """A Joining with a modem that may answer."""

    def __init__(self, answers=True, stations=2, confirm=True):
        self.joining = Joining(SlacConfig(), HOST, random.Random(3))
        self.answers, self.stations, self.confirm = answers, stations, confirm
        self.sent, self.notes, self.now, self.nid = [], [], 0, None

    def run(self, seconds):
        end = self.now + int(seconds * S)
        while self.now < end:
            self.now += STEP
            self.joining.handle_timer(self.now)
            for message in self.joining.outgoing():
                self.sent.append(message)
                if self.answers:
                    self.answer(message)
            self.notes += [note.text % note.args for note in self.joining.events()]
        return self

    def answer(self, message):
        if isinstance(message, VS_SW_VER_REQ):
            self.joining.receive(VS_SW_VER_CNF(HOST, MODEM, 0, 0x22, "MAC-QCA7005-1.1.0"), self.now)
        elif isinstance(message, CM_SET_KEY_REQ) and self.confirm:
            self.nid = message.nid
            self.joining.receive(CM_SET_KEY_CNF(HOST, MODEM, 1, bytes(4), message.my_nonce), self.now)
        elif isinstance(message, VS_NW_INFO_REQ) and self.nid:
            others = [Station(bytes([2, 0, 0, 0, 0, n]), n, line.CAR, 100, 100) for n in range(self.stations)]
            self.joining.receive(VS_NW_INFO_CNF(HOST, MODEM, message.mmv, [Network(self.nid, 1, 1, 0, MODEM, 1, others)]), self.now)

    def keys(self):
        return [(m.nid, m.nmk) for m in self.sent if isinstance(m, CM_SET_KEY_REQ)]


def test_without_a_key_only_the_own_modem_is_looked_for():
    bench = Bench().run(30)
    assert bench.joining.text == WAITING and bench.keys() == []
    assert all(m.dst == LOCAL_DEVICE for m in bench.sent)


def test_an_overheard_key_goes_to_the_own_modem_once():
    bench = Bench().run(1)
    for _ in range(3):
        bench.joining.receive(match(), bench.now)            # CM_SLAC_MATCH.CNF is repeated on the line
    bench.run(10)
    assert bench.keys() == [(NID, NMK)]
    assert bench.joining.text == "joined, 2 other stations" and bench.joining.stations == 2
    assert any("gives the key of network 00010203040506" in note for note in bench.notes)


def test_nothing_but_requests_to_the_local_address_leaves():
    bench = Bench(answers=False)
    bench.joining.receive(match(), 0)
    bench.run(120)
    assert bench.sent and all(m.dst == LOCAL_DEVICE and m.src == HOST for m in bench.sent)
    assert bench.joining.withheld > 0                        # the modem machine would have asked by broadcast as well


def test_a_modem_that_never_confirms_is_told():
    bench = Bench(answers=False).run(1)
    bench.joining.receive(match(), bench.now)
    bench.run(t.SET_KEY_LIMIT / S + t.TT_match_join / S + 3)
    assert any("does not confirm the key" in note for note in bench.notes)


def test_a_network_that_cannot_be_joined_is_told_with_its_sign():
    bench = Bench(stations=0).run(1)
    bench.joining.receive(match(), bench.now)
    bench.run(20)
    told = [note for note in bench.notes if note.startswith("not joined within 12 s")]
    assert len(told) == 1 and "CM_ENCRYPTED_PAYLOAD" in told[0] and "600 ms" in told[0]
    assert bench.joining.stations is None


def test_a_flood_of_keys_does_not_keep_the_modem_busy():
    bench = Bench().run(1)
    start = bench.now
    for n in range(600):
        bench.joining.receive(match(n.to_bytes(16, "big") if n else NMK), bench.now)
        bench.run(0.1)
    assert len(bench.keys()) <= (bench.now - start) // SPACING + 1
    bench.run(SPACING / S + 1)
    assert bench.keys()[-1] == (NID, (599).to_bytes(16, "big"))         # the latest one is the one that counts


def test_keys_that_are_none_are_ignored():
    bench = Bench().run(1)
    bench.joining.receive(match(NO_KEY), bench.now)
    bench.joining.receive(match(src=HOST), bench.now)
    bench.run(5)
    assert bench.keys() == [] and bench.joining.text == WAITING


def test_an_answer_of_another_modem_changes_nothing():
    bench = Bench().run(1)
    bench.joining.receive(match(), bench.now)
    bench.run(10)
    foreign = VS_NW_INFO_CNF(HOST, line.CHARGER, 0, [Network(NID, 1, 1, 0, MODEM, 1, [])])
    bench.joining.receive(foreign, bench.now)
    assert bench.joining.stations == 2


def test_there_is_always_a_next_time():
    assert Joining(SlacConfig(), HOST, random.Random(1)).next_timer() != NEVER
