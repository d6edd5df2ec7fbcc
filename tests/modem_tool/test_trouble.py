"""Trouble while the tool writes: power cuts, a torn flash, a computer that goes away, a person who stops it."""
from __future__ import annotations

import json

import pytest

from tasks.homeplug import pib
from tasks.homeplug.wire import parse
from tasks.homeplug.wire_module import CommitSession, ReadModule, VS_MODULE_OPERATION_REQ, WriteModule
from tools.modem.folder import digest
from tools.modem.refusal import DONE, REFUSED, UNKNOWN, WRONG

from tests.modem_tool.desk import Desk, modem


@pytest.fixture
def desk(tmp_path):
    return lambda *modems, **kw: Desk(tmp_path / "backups", *(modems or (modem(),)), **kw)


def cut(d, at, delay=0):
    """Cuts the power at write frame number `at`, before the modem has it; a commit is cut in its middle."""
    seen = [0]

    def hook(frame, now):
        m = parse(frame)
        if type(m) is not VS_MODULE_OPERATION_REQ or type(m.step) is ReadModule:
            return True
        seen[0] += 1
        if seen[0] != at:
            return True
        if type(m.step) is CommitSession:
            d.cable.modems[0].from_host(frame, now)
        d.cable.modems[0].power_cut(now)
        return False
    d.cable.hook = hook


@pytest.mark.parametrize("at", range(1, 10))
def test_a_power_cut_at_every_frame_is_told_and_can_be_repeated(desk, at):
    d = desk(modem("pev"))
    old = d.image()
    cut(d, at)
    code, text = d.run("configure evse --yes")
    assert d.image() in (old, pib.configured(old, "evse"))
    assert code == (DONE if d.image() != old else WRONG)
    assert ("has the new PIB" in text) == (code == DONE) and ("still has its old PIB" in text) == (code == WRONG)
    assert d.files("unfinished*") == []
    assert d.run("configure evse --yes")[0] == DONE and d.run("verify evse")[0] == DONE


def test_a_torn_flash_is_told_with_what_to_do(desk, capsys):
    d = desk(modem("pev", torn=True))
    cut(d, 9)
    code, text = d.run("configure evse --yes")
    assert code == UNKNOWN and "boot loader" in text and "plcboot" in text and str(d.files()[0]) in text
    assert len(d.files("unfinished*")) == 1
    code, text = d.run("configure evse --yes", capsys)
    assert code == REFUSED and "boot loader" in text


def test_the_next_run_knows_of_an_unfinished_write(desk, capsys):
    """The computer itself went away in the middle: only the mark and the backup tell."""
    d = desk(modem("pev"))
    old = d.image()

    class Gone(BaseException):
        pass

    def hook(frame, now):
        m = parse(frame)
        if type(m) is VS_MODULE_OPERATION_REQ and type(m.step) is CommitSession:
            raise Gone
    d.cable.hook = hook
    with pytest.raises(Gone):
        d.run("configure evse --yes")
    (mark,) = d.files("unfinished*")
    assert json.loads(mark.read_text())["old"] == digest(old)
    d.cable.hook = lambda frame, now: True
    for command in ("find", "info", "verify pev", "backup"):
        assert "did not come to its end" in d.run(command)[1]
    # first case: it had not reached the modem
    code, text = d.run("configure evse --yes")
    assert code == DONE and "has not reached the modem" in text and d.files("unfinished*") == []
    # second case: it had
    mark.write_text(json.dumps({"modem": old.mac.hex(":"), "new_mac": old.mac.hex(":"), "old": digest(old), "new": digest(d.image()),
                                "backup": "b.bin", "began": "then", "command": "configure evse"}))
    code, text = d.run("configure evse --yes")
    assert code == DONE and "after all" in text and not mark.exists()
    # third case: something else is there
    mark.write_text(json.dumps({"modem": old.mac.hex(":"), "new_mac": old.mac.hex(":"), "old": "x", "new": "y",
                                "backup": "b.bin", "began": "then", "command": "configure evse"}))
    code, text = d.run("configure evse --yes", capsys)
    assert code == REFUSED and "restore b.bin --interface plc0" in text and mark.exists()
    mark.write_text("{")
    code, text = d.run("info", capsys)
    assert code == REFUSED and "cannot be read" in text


def test_a_damaged_pib_is_kept_and_a_backup_brings_the_modem_back(desk, capsys):
    d = desk(modem("evse"))
    good = d.image()
    d.run("backup")
    file = d.files()[0]
    flash = d.cable.modems[0].flash
    flash._running = good.octets[:6000] + b"\xff\xff" + good.octets[6002:]
    code, text = d.run("configure evse --yes", capsys)
    assert code == REFUSED and "checksum" in text and "restore" in text and d.writes() == []
    assert d.run("verify evse", capsys)[0] == WRONG
    code, text = d.run(f"restore {file} --yes")
    assert code == DONE and d.image() == good and d.files("damaged*")[0].read_bytes()[6000:6002] == b"\xff\xff"


def test_a_person_stops_it(desk):
    d = desk(modem("pev"))
    old = d.image()
    blocks = [0]

    def hook(frame, now):
        m = parse(frame)
        blocks[0] += type(getattr(m, "step", None)) is WriteModule
        d.stop = blocks[0] == 3
    d.cable.hook = hook
    code, text = d.run("configure evse --yes")
    assert code == WRONG and "Stopped before the commit." in text and "old PIB" in text and d.image() == old and CommitSession not in d.steps()

    def late(frame, now):
        d.stop = type(getattr(parse(frame), "step", None)) is CommitSession
    d.cable.hook = late
    code, text = d.run("configure evse --yes")
    assert code == DONE and "cannot be stopped now" in text and d.image().role == "evse"


def test_a_modem_that_goes_silent_is_unknown_and_keeps_its_mark(desk):
    d = desk(modem("pev"))

    def hook(frame, now):
        if type(getattr(parse(frame), "step", None)) is CommitSession:
            d.cable.modems.clear()
    d.cable.hook = hook
    code, text = d.run("configure evse --yes")
    assert code == UNKNOWN and "does not answer any more" in text and "restore" in text and len(d.files("unfinished*")) == 1
