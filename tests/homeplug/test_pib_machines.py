"""Reading and writing a PIB against the emulated modem: nominal, lossy, refused, and with the power cut at every frame."""
from __future__ import annotations

from random import Random

import pytest

from kernel.timer import MS, NEVER, S
from tasks.homeplug import pib
from tasks.homeplug.config import EmulatorConfig
from tasks.homeplug.emulator import EmulatedModem
from tasks.homeplug.emulator_flash import COMMIT_TIME, EmulatedFlash, Status
from tasks.homeplug.pib_read import PibRead, ReadDone, ReadFailed, Reading
from tasks.homeplug.pib_write import Outcome, PibWrite, Stage, WriteEnded, Writing
from tasks.homeplug.wire import parse
from tasks.homeplug.wire_header import LOCAL_DEVICE
from tasks.homeplug.wire_module import (OP_COMMIT, OP_WRITE, CommitSession, ModuleToCome, ReadModule, StartSession, VS_MODULE_OPERATION_CNF,
                                        VS_MODULE_OPERATION_REQ, WriteModule)

HOST = bytes.fromhex("020000000b01")
LIMIT = 600 * S


class Desk:
    """A host with one machine, a modem, and a cable that loses and doubles frames. `hook(frame, now)` sees each request first."""

    def __init__(self, kind="qca7005", role="evse", loss=0.0, double=0.0, seed=1, torn=False):
        self.modem = EmulatedModem(EmulatorConfig(kind=kind, pib_role=role), HOST, True, Random(seed))
        self.modem.flash.torn = torn
        self.rng = Random(seed + 100)
        self.loss, self.double = loss, double
        self.hook = lambda frame, now: None
        self.now = 0
        self.heard = []

    def image(self):
        return pib.parse(self.modem.flash.image)

    def times(self):
        if self.rng.random() < self.loss:
            return 0
        return 2 if self.rng.random() < self.double else 1

    def run(self, machine, until):
        """The events, the last of which is of a kind in `until`."""
        seen = []
        end = self.now + LIMIT
        while self.now < end:
            self.modem.handle_timer(self.now)
            for _, frame in self.modem.to_host(64, self.now):
                for _ in range(self.times()):
                    self.heard.append(parse(frame))
                    machine.receive(parse(frame), self.now)
            machine.handle_timer(self.now)
            for m in machine.outgoing():
                for _ in range(self.times()):
                    self.hook(m, self.now)
                    self.modem.from_host(m.emit(), self.now)
            self.modem.to_line()
            for e in machine.events():
                seen.append(e)
                if type(e) in until:
                    assert machine.next_timer() == NEVER, "it has ended but still waits for something"
                    return seen
            self.now = max(self.now + 1, min(machine.next_timer(), self.modem.next_timer()))
        raise AssertionError(f"no end: {seen[-3:]}")

    def read(self, **kw):
        machine = PibRead(HOST, LOCAL_DEVICE, self.modem.mac, **kw)
        machine.start(self.now)
        return self.run(machine, (ReadDone, ReadFailed))[-1]

    def writer(self, new, old=None):
        return PibWrite(HOST, LOCAL_DEVICE, old or self.image(), new, self.modem.mac, 0x1234)

    def write(self, new):
        self.machine = self.writer(new)
        self.machine.start(self.now)
        self.seen = self.run(self.machine, (WriteEnded,))
        return self.seen[-1]

    def ask(self, step):
        self.modem.from_host(VS_MODULE_OPERATION_REQ(LOCAL_DEVICE, HOST, step).emit(), self.now)
        self.now += COMMIT_TIME + 10 * MS
        self.modem.handle_timer(self.now)
        return [parse(f) for _, f in self.modem.to_host(64, self.now) if type(parse(f)) is VS_MODULE_OPERATION_CNF]


@pytest.mark.parametrize("kind, size", [("qca7005", 9040), ("tplink", 9796)])
def test_reads_the_whole_image_in_blocks(kind, size):
    d = Desk(kind)
    got = d.read()
    assert type(got) is ReadDone and got.image.octets == d.modem.flash.image and len(got.image.octets) == size
    assert d.read(flash=True).image == got.image


def test_reads_pieces():
    d = Desk()
    got = d.read(pieces=((0x360, 96), (pib.BODY + 0xF4, 1), (pib.BODY + 0x1653, 1)))
    assert got.image is None and [len(p) for p in got.pieces] == [96, 1, 1] and got.pieces[1:] == [b"\2", b"\2"]


def test_a_key_given_in_between_is_in_ram_with_right_checksums_and_does_not_reach_the_flash():
    d = Desk()
    d.modem.flash.use_key(bytes(7), bytes(16))
    ram, flash = d.read().image, d.read(flash=True).image
    assert ram != flash and ram.same_but_keys(flash) and ram.raw(pib.NMK) == bytes(16)


def test_a_change_between_two_blocks_makes_it_read_again():
    d = Desk()
    asked = []
    other = pib.sealed(d.modem.flash.image[:7000] + b"later" + d.modem.flash.image[7005:])

    def hook(m, now):
        asked.append(m.step.offset)
        if len(asked) == 3:
            d.modem.flash._running = other
    d.hook = hook
    assert d.read().image.octets == other and asked.count(0) == 2


def test_a_damaged_image_is_told_after_three_readings():
    d = Desk()
    d.modem.flash._running = d.modem.flash.image[:5000] + b"\xff" + d.modem.flash.image[5001:]
    got = d.read()
    assert type(got) is ReadFailed and "checksum" in got.problem and len(got.octets) == 9040
    assert sum(1 for m in d.heard if m.module.offset == 0) == 3


def test_a_refused_and_an_unanswered_reading():
    d = Desk()
    d.modem.flash._read = lambda m, step: d.modem.flash._refuse(m, Status.UNKNOWN_MODULE)
    got = d.read()
    assert type(got) is ReadFailed and got.status == 0x10 and "refuses" in got.problem
    d = Desk(loss=1.0)
    got = d.read()
    assert type(got) is ReadFailed and "within 5 s" in got.problem and 5 * S <= d.now < 6 * S


def test_answers_of_others_do_not_count():
    d = Desk()
    machine = PibRead(HOST, LOCAL_DEVICE, bytes(6))
    machine.start(0)
    assert type(d.run(machine, (ReadDone, ReadFailed))[-1]) is ReadFailed and machine.foreign == 5


@pytest.mark.parametrize("kind", ["qca7005", "tplink"])
def test_writes_commits_resets_and_reads_back(kind):
    d = Desk(kind, role="pev")
    assert not d.modem.measures and not d.modem.coordinator
    old = d.image()
    new = pib.configured(old, "evse")
    ended = d.write(new)
    assert (ended.outcome, ended.trouble, ended.image) == (Outcome.NEW, "", new) and d.image() == new
    assert d.modem.measures and d.modem.coordinator and d.modem.flash.commits == 1 and d.machine.repeats == 0
    stages = [e.stage for e in d.seen if type(e) is Writing]
    assert list(dict.fromkeys(stages)) == [s for s in Stage if s is not Stage.DONE]
    done = [e.done for e in d.seen if type(e) is Writing and e.stage is Stage.BLOCKS and e.total]
    assert done == list(range(0, len(new.octets), 1400))


def test_another_mac_is_found_again_under_it():
    d = Desk()
    mac = bytes.fromhex("020000aabbcc")
    assert d.write(pib.configured(d.image(), "evse", mac=mac)).outcome is Outcome.NEW and d.modem.mac == mac


@pytest.mark.parametrize("seed", range(12))
def test_lost_and_doubled_frames(seed):
    d = Desk(role="pev", loss=0.1, double=0.1, seed=seed)
    new = pib.configured(d.image(), "evse")
    ended = d.write(new)
    assert ended.outcome is Outcome.NEW and d.image() == new and d.modem.flash.commits == 1


def test_wrong_module_checksum_is_refused_and_the_old_pib_stays():
    d = Desk(role="pev")
    old = d.image()
    machine = d.writer(pib.configured(old, "evse"))
    machine.start(0)
    machine._out = [VS_MODULE_OPERATION_REQ(LOCAL_DEVICE, HOST, StartSession(0x1234, (ModuleToCome(9040, 1),)))]
    ended = d.run(machine, (WriteEnded,))[-1]
    assert ended.outcome is Outcome.OLD and "0x0015" in ended.trouble and d.image() == old and d.modem.flash.commits == 0


def test_refusals_of_the_emulated_modem():
    d = Desk()
    image = d.modem.flash.image
    start = StartSession(9, (ModuleToCome(len(image), pib.checksum(image)),))
    for step, status in (
            (WriteModule(9, 0, b"abcd"), Status.NO_SESSION), (CommitSession(9), Status.NO_SESSION),
            (StartSession(9, (ModuleToCome(100, 0),)), Status.BAD_LENGTH), (StartSession(9, (ModuleToCome(9040, 0, 0x7001),)), Status.UNKNOWN_MODULE),
            (ReadModule(10, 9040), Status.BAD_RANGE), (ReadModule(10, 0, module_id=0x7001), Status.UNKNOWN_MODULE),
            (start, 0), (WriteModule(8, 0, b"abcd"), Status.NO_SESSION), (WriteModule(9, 9037, b"abcd"), Status.BAD_RANGE),
            (WriteModule(9, 0, b"abcd", index=1), Status.UNKNOWN_MODULE), (WriteModule(9, 1400, image[1400:2800]), 0), (CommitSession(9), Status.INCOMPLETE)):
        assert [m.status for m in d.ask(step)] == [status], step
    assert d.modem.flash.commits == 0 and d.modem.flash.refusals == 10


def test_the_commit_can_reset_the_modem_by_itself():
    d = Desk(role="pev")
    new = pib.configured(d.image(), "evse").octets
    d.ask(StartSession(9, (ModuleToCome(len(new), pib.checksum(new)),)))
    for at in range(0, len(new), 1400):
        d.ask(WriteModule(9, at, new[at:at + 1400]))
    assert not d.modem.measures
    assert [m.status for m in d.ask(CommitSession(9))] == [0] and d.modem.measures


# --- interruptions

def frames_of_a_write():
    d = Desk(role="pev")
    seen = []
    d.hook = lambda m, now: seen.append(m)
    d.write(pib.configured(d.image(), "evse"))
    return len(seen)


FRAMES = frames_of_a_write()


@pytest.mark.parametrize("after", [0, 400 * MS])
@pytest.mark.parametrize("number", range(FRAMES))
def test_power_cut_at_every_frame_leaves_the_old_or_the_new_pib_and_says_which(number, after):
    """`after` 0: before the modem has the frame; else a little after it, in the middle of a commit."""
    d = Desk(role="pev")
    old, new = d.image(), pib.configured(d.image(), "evse")
    count = [0]
    cut_at = [NEVER]

    def hook(m, now):
        if count[0] == number:
            if after:
                cut_at[0] = now + after
            else:
                d.modem.power_cut(now)
        count[0] += 1
    d.hook = hook
    timers = d.modem.handle_timer

    def handle_timer(now):
        if now >= cut_at[0]:
            cut_at[0] = NEVER
            d.modem.power_cut(now)
        timers(now)
    d.modem.handle_timer = handle_timer
    next_timer = d.modem.next_timer
    d.modem.next_timer = lambda: min(cut_at[0], next_timer())
    ended = d.write(new)
    assert d.image() in (old, new) and not d.modem.flash.boot_loader
    assert ended.outcome is (Outcome.NEW if d.image() == new else Outcome.OLD) and ended.image == d.image()
    if ended.outcome is Outcome.OLD:
        assert ended.trouble and not d.modem.measures


def test_both_ends_of_a_power_cut_happen():
    """Before the commit is through the old one stays, after it the new one is there."""
    outcomes = set()
    for delay in (COMMIT_TIME // 2, COMMIT_TIME + 1 * MS):
        d = Desk(role="pev")
        machine = d.writer(pib.configured(d.image(), "evse"))
        machine.start(0)
        while machine.stage is not Stage.COMMIT:
            step(d, machine)
        end = d.now + delay
        while d.now < end:
            step(d, machine)
        d.modem.power_cut(d.now)
        outcomes.add(d.run(machine, (WriteEnded,))[-1].outcome)
    assert outcomes == {Outcome.OLD, Outcome.NEW}


def step(d, machine):
    """One ms of both."""
    d.now += 1 * MS
    d.modem.handle_timer(d.now)
    for _, frame in d.modem.to_host(64, d.now):
        machine.receive(parse(frame), d.now)
    machine.handle_timer(d.now)
    for m in machine.outgoing():
        d.modem.from_host(m.emit(), d.now)
    machine.events()


def test_a_modem_whose_flash_is_torn_is_found_in_its_boot_loader():
    d = Desk(role="pev", torn=True)

    def hook(m, now):
        if type(m) is not VS_MODULE_OPERATION_REQ or type(m.step) is not CommitSession:
            return
        d.modem.from_host(m.emit(), now)
        d.modem.power_cut(now)
    d.hook = hook
    ended = d.write(pib.configured(d.image(), "evse"))
    assert ended.outcome is Outcome.BOOT_LOADER and d.modem.flash.boot_loader and d.modem.mac == pib.BOOT_LOADER_MAC


def test_a_modem_that_never_returns_is_told_within_the_limits():
    d = Desk(role="pev")

    def hook(m, now):
        if type(m) is VS_MODULE_OPERATION_REQ and type(m.step) is WriteModule and m.step.offset == 2800:
            d.loss = 1.0
    d.hook = hook
    ended = d.write(pib.configured(d.image(), "evse"))
    assert ended.outcome is Outcome.SILENT and "no answer for 90 s" in ended.trouble and "did not come back" in ended.trouble
    assert 120 * S < d.now < 140 * S and not d.machine.committed


def test_a_person_may_stop_it_before_the_commit_only():
    d = Desk(role="pev")
    old = d.image()
    machine = d.writer(pib.configured(old, "evse"))
    d.hook = lambda m, now: machine.stop(now) if getattr(getattr(m, "step", None), "offset", 0) == 1400 else None
    machine.start(0)
    ended = d.run(machine, (WriteEnded,))[-1]
    assert ended.outcome is Outcome.OLD and ended.trouble == "Stopped before the commit." and d.image() == old
    machine = d.writer(pib.configured(old, "evse"))
    answers = []
    d.hook = lambda m, now: answers.append(machine.stop(now)) if type(getattr(m, "step", None)) is CommitSession else None
    machine.start(d.now)
    assert d.run(machine, (WriteEnded,))[-1].outcome is Outcome.NEW and answers == [False]


def test_an_answer_to_an_earlier_block_does_not_move_the_write_on():
    d = Desk(role="pev")
    machine = d.writer(pib.configured(d.image(), "evse"))
    machine.start(0)
    machine.outgoing()
    machine.receive(VS_MODULE_OPERATION_CNF(HOST, d.modem.mac, 0, OP_COMMIT, session=0x1234), 1)
    machine.receive(VS_MODULE_OPERATION_CNF(HOST, d.modem.mac, 0, OP_WRITE, session=0x1234, offset=0), 1)
    assert machine.stage is Stage.SESSION and machine.stray == 2
    machine.receive(VS_MODULE_OPERATION_CNF(HOST, d.modem.mac, 0, 0x10, session=0x1234), 1)
    machine.receive(VS_MODULE_OPERATION_CNF(HOST, d.modem.mac, 0, OP_WRITE, session=0x1234, offset=1400), 2)
    machine.receive(VS_MODULE_OPERATION_CNF(HOST, d.modem.mac, 0, OP_WRITE, session=0x9999, offset=0), 2)
    assert machine.stray == 4 and len(machine.outgoing()) == 1
    machine.receive(VS_MODULE_OPERATION_CNF(HOST, d.modem.mac, 0, OP_WRITE), 3)      # a modem that sends no echo
    assert machine.outgoing()[0].step.offset == 1400


def test_a_kept_flash_makes_the_same_modem_again():
    d = Desk(role="pev")
    assert d.write(pib.configured(d.image(), "evse")).outcome is Outcome.NEW
    again = EmulatedModem(EmulatorConfig(), HOST, False, Random(5), flash=EmulatedFlash(d.modem.flash.image))
    assert again.measures and again.coordinator and again.mac == d.modem.mac


def test_reading_events_tell_the_progress():
    d = Desk()
    machine = PibRead(HOST, LOCAL_DEVICE, d.modem.mac)
    machine.start(0)
    told = [(e.done, e.total) for e in d.run(machine, (ReadDone,)) if type(e) is Reading]
    assert told[0] == (1400, 9040) and told[-1] == (9040, 9040) and len(told) == 7
