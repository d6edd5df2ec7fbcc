"""The box looks at its modem's set-up when it is idle: what it finds, what it says, and that nothing else is disturbed."""
from __future__ import annotations

import pytest

from kernel.timer import MS, S
from tasks.homeplug import pib
from tasks.homeplug.config import EmulatorConfig
from tasks.homeplug.pib_check import LIMIT, LOOK_AGAIN, ModemJudged, PibCheck
from tasks.homeplug.wire import CM_ATTEN_CHAR_IND, CM_SLAC_PARM_REQ, parse
from tasks.homeplug.wire_header import LOCAL_DEVICE
from tasks.homeplug.wire_module import MAX_BLOCK, ModuleData, VS_MODULE_OPERATION_CNF, VS_MODULE_OPERATION_REQ
from tasks.machine import Note
from tasks.messages import StartMatching

from tests.homeplug.line import Line, Node, World
from tests.homeplug.stepping import Stepper

PEV, EVSE = bytes.fromhex("020000000a01"), bytes.fromhex("020000000b01")


def box(evse, pib_role="auto", kind="qca7005", loss=0.0):
    line = Line(1, loss)
    node = Node(line, EVSE if evse else PEV, evse, 1, emulator=EmulatorConfig(beacon_ms=1000, pib_role=pib_role, kind=kind))
    return node, World(node)


def errors(node):
    return [e.text % tuple(e.args) for e in node.journal._ring if e.level == "error"]


@pytest.mark.parametrize("kind", ["qca7005", "tplink"])
@pytest.mark.parametrize("evse, pib_role, fault", [
    (True, "evse", None), (True, "pev", "Modem set up as PEV"), (True, "unset", "Modem not set up"),
    (False, "pev", None), (False, "evse", "Modem set up as EVSE"), (False, "unset", "Modem not set up")])
def test_the_role_is_compared_and_the_fault_named_with_its_remedy(evse, pib_role, fault, kind):
    node, world = box(evse, pib_role, kind)
    world.run_until(1 * S)
    assert node.signals.modem_fault.value == fault and len(fault or "") <= 21
    assert node.task._check.known is (fault is None)
    if fault is None:
        assert errors(node) == []
    else:
        (text,) = errors(node)
        assert text.startswith(fault) and f"Do: python -m tools.modem configure {'evse' if evse else 'pev'} --interface X" in text


def test_half_a_set_up_is_unclear():
    node, world = box(True)
    flash = node.nic.modem.flash
    flash._running = pib.parse(flash.image).edited({pib.SLAC_MODE: b"\1"}).octets
    world.run_until(1 * S)
    assert node.signals.modem_fault.value == "Modem role unclear" and "CCoSelection 2, SLAC mode 1" in errors(node)[0]


def test_a_charger_with_a_cars_modem_measures_nothing():
    """What the check is for: matching fails, and only the check tells why."""
    line = Line(1)
    pev, evse = Node(line, PEV, False, 1), Node(line, EVSE, True, 2, emulator=EmulatorConfig(beacon_ms=1000, pib_role="pev"))
    world = World(pev, evse)
    evse.commands.put(StartMatching())
    assert world.run_until(5 * S, lambda: evse.role.state.name == "WaitParm")
    pev.commands.put(StartMatching())
    world.run_until(world.now + 5 * S)
    assert evse.signals.modem_fault.value == "Modem set up as PEV"
    kinds = {type(parse(f)) for _, f in line.log if f[12:14] == b"\x88\xe1"}
    assert CM_SLAC_PARM_REQ in kinds and pev.role.state.name != "Matched"
    reported = [parse(f) for _, f in line.log if f[12:17] == b"\x88\xe1\x01\x6e\x60"]
    assert all(type(m) is CM_ATTEN_CHAR_IND for m in reported) and 130 not in evse.checkpoints()


def test_nothing_is_asked_while_matching_and_the_first_request_is_not_late():
    starts = []
    for silent in (False, True):
        line = Line(1)
        pev = Node(line, PEV, False, 1)
        pev.task._check.found = pev.task._check.found if not silent else lambda *_: None
        pev.commands.put(StartMatching())
        asked = []
        answer = pev.nic.modem.flash.answer
        pev.nic.modem.flash.answer = lambda m, now, on_line: asked.append((now, pev.role.state.name)) or answer(m, now, on_line)
        World(pev).run_until(3 * S)
        starts.append([at for at, f in line.log if f[12:17] == b"\x88\xe1\x01\x64\x60"][0])
        assert asked == [], "the box was matching from the beginning"
    assert starts[0] == starts[1] < 200 * MS


def test_a_broken_off_look_comes_again_when_the_box_is_idle():
    check = PibCheck(pib.EVSE, EVSE, "plc0")
    s = Stepper(check)
    check.found(PEV, "QCA7005", 0)
    check.allow(True, 0)
    s.collect()
    check.allow(False, 1)
    s.run_to(60 * S)
    assert len(s.sent) == 1 and s.seen == []
    check.allow(True, s.now)
    s.collect()
    assert len(s.sent) == 2 and check.looks == 2


def test_a_modem_without_this_message_is_unknown_and_no_fault():
    check = PibCheck(pib.EVSE, EVSE, "plc0")
    s = Stepper(check)
    check.found(PEV, "INT6400", 0)
    check.allow(True, 0)
    s.collect()
    s.run_to(3600 * S)
    assert len(s.sent) == 4 and check.known is None and s.seen[0][0] == LIMIT
    (note,) = s.events(Note)
    assert note.level == "info" and "not known" in note.text and not s.events(ModemJudged)


def test_refusal_and_foreign_layout_are_unknown():
    for answer in (VS_MODULE_OPERATION_CNF(EVSE, PEV, 0x10, 0), VS_MODULE_OPERATION_CNF(EVSE, PEV, 0, 0, ModuleData(pib.PIB_HEADER, bytes(96)))):
        check = PibCheck(pib.EVSE, EVSE, "plc0")
        s = Stepper(check)
        check.found(PEV, "QCA7005", 0)
        check.allow(True, 0)
        s.collect()
        while not s.events(Note) and len(s.sent) < 6:
            m = s.sent[-1][1]
            if answer.status == 0 and m.step.offset != pib.PIB_HEADER:
                answer = VS_MODULE_OPERATION_CNF(EVSE, PEV, 0, 0, ModuleData(m.step.offset, bytes(m.step.length)))
            s.give(answer)
        assert check.known is None and not s.events(ModemJudged) and s.machine.next_timer() > 1 << 60


def test_a_mended_modem_is_seen_while_the_box_runs():
    node, world = box(True, "pev")
    world.run_until(1 * S)
    flash = node.nic.modem.flash
    flash.image = pib.configured(pib.parse(flash.image), "evse").octets
    flash.boot()
    assert world.run_until(2 * S + LOOK_AGAIN, lambda: node.signals.modem_fault.value is None)
    assert len(errors(node)) == 1, "the same fault is told once"


def test_a_wrong_modem_that_misses_the_questions_once_is_asked_again():
    node, world = box(True, "pev")
    world.run_until(1 * S)
    answer = node.nic.modem.from_host
    node.nic.modem.from_host = lambda frame, now: None if frame[15:17] == b"\xb0\xa0" else answer(frame, now)
    assert world.run_until(2 * S + LOOK_AGAIN + LIMIT, lambda: node.signals.modem_fault.value is None)
    node.nic.modem.from_host = answer
    assert world.run_until(world.now + LOOK_AGAIN + S, lambda: node.signals.modem_fault.value == "Modem set up as PEV")


def test_a_boot_loader_is_told_for_as_long_as_it_runs():
    node, world = box(True)
    node.nic.modem.flash.image = bytes(9040)
    node.nic.modem.power_cut(0)
    world.run_until(3 * S)
    assert node.signals.modem_fault.value == "Modem in boot loader"
    assert "configure" not in errors(node)[-1] and "maker" in errors(node)[-1]
    world.run_until(LOOK_AGAIN + LIMIT + 10 * S)
    assert node.signals.modem_fault.value == "Modem in boot loader"


def test_the_sniffer_is_warned_of_and_the_key_is_never_asked_for():
    node, world = box(True)
    flash = node.nic.modem.flash
    flash._running = pib.parse(flash.image).edited({pib.SNIFFER: b"\1"}).octets
    asked = []
    answer = flash.answer
    flash.answer = lambda m, now, line: asked.append(m) or answer(m, now, line)
    world.run_until(1 * S)
    assert any("sniffer" in e.text for e in node.journal._ring if e.level == "warning")
    nmk = range(pib.BODY + pib.NMK.at, pib.BODY + pib.NMK.at + 16)
    assert len(asked) == 4 and all(type(m) is VS_MODULE_OPERATION_REQ and m.dst == LOCAL_DEVICE for m in asked)
    assert not any(set(nmk) & set(range(m.step.offset, m.step.offset + m.step.length)) for m in asked)
    assert all(m.step.length < MAX_BLOCK for m in asked)


def test_lost_frames_only_delay_it():
    check = PibCheck(pib.EVSE, EVSE, "plc0")
    s = Stepper(check)
    check.found(PEV, "QCA7005", 0)
    check.allow(True, 0)
    s.collect()
    image = pib.new_image(pib.LAYOUTS[0], PEV, "evse", bytes(16), bytes(7))
    while check.known is None and s.now < 60 * S:
        before = len(s.sent)
        s.run_to(s.now + 2 * S)                  # every first question is lost
        assert len(s.sent) == before + 1
        m = s.sent[-1][1].step
        s.give(VS_MODULE_OPERATION_CNF(EVSE, PEV, 0, 0, ModuleData(m.offset, image[m.offset:m.offset + m.length])))
    assert check.known is True
