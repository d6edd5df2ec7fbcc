"""Whatever answers: no exception into the tool or the box, an end within the limits, and no outcome that was not read back."""
from __future__ import annotations

from random import Random

import pytest

from kernel.timer import MS, S
from tasks.errors import WireError
from tasks.homeplug import pib
from tasks.homeplug.pib_check import PibCheck
from tasks.homeplug.pib_read import PibRead, ReadDone, ReadFailed
from tasks.homeplug.pib_write import Outcome, PibWrite, WriteEnded
from tasks.homeplug.wire import parse
from tasks.homeplug.wire_header import LOCAL_DEVICE
from tasks.homeplug.wire_modem import VS_RS_DEV_CNF, VS_RS_DEV_REQ, VS_SW_VER_CNF
from tasks.homeplug.wire_module import MAX_BLOCK, ModuleData, VS_MODULE_OPERATION_CNF, VS_MODULE_OPERATION_REQ, ReadModule

HOST, MODEM = bytes.fromhex("020000000b01"), bytes.fromhex("020000000b54")
IMAGE = pib.parse(pib.new_image(pib.LAYOUTS[0], MODEM, "pev", bytes(16), bytes(7)))
NEW = pib.configured(IMAGE, "evse")


def honest(asked, image):
    """What a good modem says; `image` is what it has."""
    step = getattr(asked, "step", None)
    if type(step) is ReadModule:
        module = ModuleData(step.offset, image.octets[step.offset:step.offset + step.length])
        return VS_MODULE_OPERATION_CNF(HOST, MODEM, 0, step.operation, module).emit()
    if step is not None:
        return VS_MODULE_OPERATION_CNF(HOST, MODEM, 0, step.operation, session=step.session, offset=getattr(step, "offset", None)).emit()
    return (VS_RS_DEV_CNF(HOST, MODEM, 0) if type(asked) is VS_RS_DEV_REQ else VS_SW_VER_CNF(HOST, MODEM, 0, 0x22, "MAC-QCA7005")).emit()


def answer(rng, asked):
    """Something that a broken or hostile modem might say to `asked`: right, nearly right, or damaged octets."""
    step = getattr(asked, "step", None)
    if type(step) is ReadModule:
        image = rng.choice((IMAGE.octets, NEW.octets, bytes(9040), rng.randbytes(9040)))
        octets = image[step.offset:step.offset + rng.choice((step.length, step.length, step.length, 0, 1, MAX_BLOCK))]
        good = VS_MODULE_OPERATION_CNF(HOST, MODEM, 0, step.operation, ModuleData(rng.choice((step.offset, step.offset, 0, 1 << 31)), octets))
    elif step is not None:
        good = VS_MODULE_OPERATION_CNF(HOST, MODEM, rng.choice((0, 0, 0, 0, 0x15)), rng.choice((step.operation, step.operation, 0x12)),
                                       session=rng.choice((step.session, None, 5)), offset=rng.choice((None, getattr(step, "offset", None), 77)))
    else:
        good = rng.choice((VS_RS_DEV_CNF(HOST, MODEM, rng.choice((0, 1))), VS_SW_VER_CNF(HOST, MODEM, 0, 0x22, rng.choice(("MAC-QCA7005", "BootLoader")))))
    if type(good) is VS_MODULE_OPERATION_CNF and good.operation == 0x12 and good.module is not None:
        good.module = None
    frame = bytearray(good.emit())
    if rng.random() < 0.2:
        for _ in range(rng.randint(1, 4)):
            frame[rng.randrange(14, len(frame))] = rng.randrange(256)
        frame = frame[:rng.randint(14, len(frame))]
    return bytes(frame)


def talk(machine, rng, until, now=0):
    """The last event, or None at the limit; every request gets none to three answers."""
    end = now + 700 * S
    honesty, image = rng.choice((0.0, 0.9, 0.97)), rng.choice((IMAGE, NEW))
    while now < end:
        machine.handle_timer(now)
        for asked in machine.outgoing():
            for _ in range(rng.choice((0, 1, 1, 1, 1, 2, 3))):
                try:
                    m = parse(honest(asked, image) if rng.random() < honesty else answer(rng, asked))
                except WireError:
                    continue
                machine.receive(m, now)
        for e in machine.events():
            if type(e) in until:
                return e
        now = max(now + 1 * MS, min(machine.next_timer(), end))
    return None


@pytest.mark.parametrize("seed", range(150))
def test_reading(seed):
    rng = Random(seed)
    machine = PibRead(HOST, LOCAL_DEVICE, MODEM)
    machine.start(0)
    ended = talk(machine, rng, (ReadDone, ReadFailed))
    assert ended is not None
    if type(ended) is ReadDone:
        assert pib.parse(ended.image.octets) == ended.image


@pytest.mark.parametrize("seed", range(150))
def test_writing_says_new_only_when_it_was_read_back(seed):
    rng = Random(seed)
    machine = PibWrite(HOST, LOCAL_DEVICE, IMAGE, NEW, MODEM, 5)
    machine.start(0)
    ended = talk(machine, rng, (WriteEnded,))
    assert ended is not None
    if ended.outcome is Outcome.NEW:
        assert ended.image.same_but_keys(NEW)
    elif ended.outcome is Outcome.OLD:
        assert ended.image.same_but_keys(IMAGE)


@pytest.mark.parametrize("seed", range(150))
def test_the_boxs_check(seed):
    rng = Random(seed)
    check = PibCheck(pib.EVSE, HOST, "plc0")
    check.found(MODEM, "QCA7005", 0)
    check.allow(True, 0)
    talk(check, rng, ())
    assert check.known in (True, False, None) and check.looks <= 700 // 30 + 1


def test_random_frames_at_every_machine():
    rng = Random(3)
    machines = [PibRead(HOST, LOCAL_DEVICE, MODEM), PibWrite(HOST, LOCAL_DEVICE, IMAGE, NEW, MODEM, 5)]
    for machine in machines:
        machine.start(0)
    parsed = 0
    for _ in range(20_000):
        asked = VS_MODULE_OPERATION_REQ(LOCAL_DEVICE, HOST, ReadModule(1400, rng.choice((0, 1400))))
        try:
            m = parse(answer(rng, rng.choice((asked, None))))
        except WireError:
            continue
        parsed += 1
        for machine in machines:
            machine.receive(m, rng.randrange(10 * S))
    assert parsed > 10_000
