"""Every command of tools/modem against emulated modems in virtual time: what it says, what it writes, what it refuses."""
from __future__ import annotations

import stat

import pytest

from drivers.errors import DriverError
from kernel.timer import S
from tasks.homeplug import pib
from tasks.homeplug.wire import parse
from tasks.homeplug.wire_header import BROADCAST, LOCAL_DEVICE, emit_frame
from tasks.homeplug.wire_modem import VS_RS_DEV_REQ, VS_SW_VER_CNF
from tasks.homeplug.wire_module import CommitSession, StartSession, VS_MODULE_OPERATION_REQ, WriteModule
from tools.modem.__main__ import main, parser
from tools.modem.folder import load
from tools.modem.refusal import DONE, INTERRUPTED, MISSING, REFUSED, UNKNOWN, USAGE, WRONG

from tests.modem_tool.desk import HOST, Desk, modem

OTHER_HOST = bytes.fromhex("020000000c77")


@pytest.fixture
def desk(tmp_path):
    return lambda *modems, **kw: Desk(tmp_path / "backups", *(modems or (modem(),)), **kw)


# --- looking

@pytest.mark.parametrize("kind, chip", [("qca7005", "QCA7000/QCA7005"), ("tplink", "QCA7420")])
def test_find_and_info(desk, kind, chip):
    d = desk(modem("evse", kind))
    code, text = d.run("find")
    assert code == DONE and chip in text and "here" in text and d.cable.modems[0].mac.hex(":") in text
    code, text = d.run("info")
    assert code == DONE and "role               evse" in text and d.image().text(pib.NID) in text
    nmk = d.image().text(pib.NMK)
    assert nmk not in text and nmk in d.run("info --secrets")[1]
    assert "EVSE" in d.run("info --flash")[1] and d.writes() == []


def test_nobody_answers(desk, capsys):
    d = desk(loss=1.0)
    for command in ("find", "info", "backup", "verify pev", "configure pev"):
        code, text = d.run(command, capsys)
        assert code == MISSING and "No modem answers at plc0." in text and "Cable?" in text
    assert d.clock.now() < 5 * 6 * S


def test_backup_is_a_new_file_of_its_owner_only(desk):
    d = desk()
    for number in (1, 2):
        d.stamp = 0                              # the same second
        assert d.run("backup")[0] == DONE
        assert len(d.files()) == number
    assert [f.read_bytes() for f in d.files()] == [d.image().octets] * 2
    assert d.cable.modems[0].mac.hex() in d.files()[0].name
    assert all(stat.S_IMODE(f.stat().st_mode) == 0o600 for f in d.files())


@pytest.mark.parametrize("role, wanted, code", [("pev", "pev", DONE), ("evse", "evse", DONE), ("pev", "evse", WRONG), ("unset", "pev", WRONG)])
def test_verify(desk, role, wanted, code):
    d = desk(modem(role))
    got, text = d.run(f"verify {wanted}")
    assert got == code and d.writes() == []
    assert ("is set up as" in text) == (code == DONE) and (f"configure {wanted} --interface plc0" in text) == (code == WRONG)


def test_verify_names_the_sniffer_and_notes_unusual_speeds(desk):
    d = desk(modem("evse"))
    flash = d.cable.modems[0].flash
    flash.image = d.image().edited({pib.SNIFFER: b"\1", pib.LOW_SPEED: b"\1\0\0\0"}).octets
    flash.boot()
    code, text = d.run("verify evse")
    assert code == WRONG and "wrong: the sniffer is switched on" in text and "note: low link speed is 1;" in text


# --- writing

@pytest.mark.parametrize("kind", ["qca7005", "tplink"])
@pytest.mark.parametrize("role", ["pev", "evse"])
def test_the_whole_cycle(desk, kind, role):
    d = desk(modem("unset", kind))
    fresh = d.image()
    assert d.run(f"verify {role}")[0] == WRONG
    code, text = d.run(f"configure {role} --dry-run")
    assert code == DONE and "SLAC mode" in text and "nothing was written" in text and d.writes() == [] and d.image() == fresh and d.files() == []
    code, text = d.run(f"configure {role}")
    assert code == DONE and "has the new PIB" in text and d.image() == pib.configured(fresh, role) and d.guards == 1
    assert len(d.questions) == 1 and [load(f) for f in d.files()] == [fresh] and d.files("unfinished*") == []
    assert d.writes() == [StartSession, *[WriteModule] * 7, CommitSession, VS_RS_DEV_REQ]
    assert d.run(f"verify {role}")[0] == DONE
    code, text = d.run(f"configure {role}")
    assert code == DONE and "already set up" in text and len(d.writes()) == 10
    code, text = d.run(f"restore {d.files()[0]} --yes")
    assert code == DONE and d.image() == fresh and len(d.files()) == 2 and len(d.questions) == 1


def test_only_what_is_promised_is_changed(desk):
    d = desk(modem("unset"))
    before = d.image()
    d.run("configure evse --yes --hfid Garage")
    after = d.image()
    assert [row[0] for row in before.differences(after)] == ["user HFID", "CCoSelection", "SLAC mode"] and after.text(pib.USER_HFID) == "'Garage'"


@pytest.mark.parametrize("answer, words", [(False, "Nothing was written."), (None, "no terminal")])
def test_a_person_has_to_agree(desk, capsys, answer, words):
    d = desk(modem("pev"), answer=answer)
    code, text = d.run("configure evse", capsys)
    assert code == REFUSED and words in text and "--yes" in text and d.writes() == [] and d.files() == []


@pytest.mark.parametrize("seed", range(6))
def test_the_cycle_with_a_tenth_of_the_frames_lost(desk, seed):
    d = desk(modem("pev", seed=seed), loss=0.1, seed=seed)
    old = d.image()
    assert d.run("configure evse --yes")[0] == DONE and d.image() == pib.configured(old, "evse")
    assert d.run("verify evse")[0] == DONE
    assert d.run(f"restore {d.files()[0]} --yes")[0] == DONE and d.image() == old


# --- what is refused

def test_two_local_modems_need_a_choice(desk, capsys):
    d = desk(modem("pev"), modem("pev", host=OTHER_HOST))
    first, second = (m.mac.hex(":") for m in d.cable.modems)
    code, text = d.run("configure evse --yes", capsys)
    assert code == REFUSED and "2 modems answer locally" in text and first in text and second in text and d.writes() == []
    assert d.run(f"configure evse --yes --modem {second}")[0] == DONE
    assert (d.image(0).role, d.image(1).role) == ("pev", "evse")
    assert all(parse(f).dst == d.cable.modems[1].mac for f in d.cable.sent if type(parse(f)) is VS_MODULE_OPERATION_REQ)


def remote(mac):
    """A modem over the power line: it answers what is sent to everybody or to itself, never the local address."""
    def answer(frame, now):
        m = parse(frame)
        if frame[0:6] in (BROADCAST, mac) and frame[15:17] == b"\x00\xa0":
            return [VS_SW_VER_CNF(m.src, mac, 0, 0x22, "MAC-QCA7000-1.1.0.727-02").emit()]
        return []
    return answer


@pytest.mark.parametrize("command", ["info", "backup", "verify evse", "configure evse --yes"])
def test_a_remote_modem_is_never_touched(desk, capsys, command):
    mac = bytes.fromhex("bcf2aff1c811")
    d = desk()
    d.cable.modems.clear()
    d.cable.answers.append(remote(mac))
    for choice in ("", f" --modem {mac.hex(':')}"):
        code, text = d.run(command + choice, capsys)
        assert code in (MISSING, REFUSED) and mac.hex(":") in text and ("power line" in text)
    assert d.steps() == []
    code, text = d.run("find", capsys)
    assert code == MISSING and "power line" in text and "not ours" in text


def test_a_remote_modem_that_another_program_has_just_asked_is_not_taken_for_a_local_one(desk, capsys):
    """The box runs and broadcasts: its answers come to the same host while the tool asks the local address."""
    mac = bytes.fromhex("bcf2aff1c811")
    d = desk(modem("pev"))
    d.cable.answers.append(lambda frame, now: [VS_SW_VER_CNF(HOST, mac, 0, 0x22, "MAC-QCA7000").emit()] if frame[15:17] == b"\0\xa0" else [])
    assert d.run("configure evse --yes", capsys)[0] == REFUSED
    code, text = d.run(f"configure evse --yes --modem {mac.hex(':')}", capsys)
    assert code == REFUSED and "not proven" in text and d.steps() == []
    assert d.run(f"configure evse --yes --modem {d.cable.modems[0].mac.hex(':')}")[0] == DONE
    # and when nothing local answers at all, what is sent cannot leave the cable
    d = desk(modem("pev"))
    d.cable.modems.clear()
    d.cable.answers.append(lambda frame, now: [VS_SW_VER_CNF(HOST, mac, 0, 0x22, "MAC-QCA7000").emit()] if frame[15:17] == b"\0\xa0" else [])
    assert d.run("configure evse --yes", capsys)[0] == REFUSED
    assert {parse(f).dst for f in d.cable.sent if type(parse(f)) is VS_MODULE_OPERATION_REQ} == {LOCAL_DEVICE} and d.writes() == []


def test_a_local_modem_whose_first_answer_is_late_is_local_all_the_same(desk):
    d = desk(modem("pev"))
    d.cable.hook = lambda frame, now: not (frame[0:6] == LOCAL_DEVICE and frame[15:17] == b"\0\xa0")
    code, text = d.run("find")
    assert code == DONE and "here" in text and "power line" not in text


def test_beside_a_local_modem_the_remote_one_is_not_meant(desk, capsys):
    mac = bytes.fromhex("bcf2aff1c811")
    d = desk(modem("pev"))
    d.cable.answers.append(remote(mac))
    code, text = d.run("find")
    assert code == DONE and "here" in text and "power line" in text
    assert d.run(f"configure evse --yes --modem {mac.hex(':')}", capsys)[0] == REFUSED and d.steps() == []
    assert d.run("configure evse --yes")[0] == DONE
    assert all(parse(f).dst == LOCAL_DEVICE for f in d.cable.sent if type(parse(f)) is VS_MODULE_OPERATION_REQ)


def test_boot_loader_old_chip_and_lumissil(desk, capsys):
    d = desk(modem("pev"))
    d.cable.modems[0].flash.image = bytes(9040)
    d.cable.modems[0].power_cut(0)
    code, text = d.run("configure evse --yes", capsys)
    assert code == REFUSED and "in boot loader" in text and "plcboot" in text and d.writes() == []
    assert "BootLoader" in d.run("info", capsys)[1]

    old = bytes.fromhex("000b3b123456")
    d = desk()
    d.cable.modems.clear()
    d.cable.answers.append(lambda frame, now: [VS_SW_VER_CNF(HOST, old, 0, 3, "INT6000-MAC-4-1-4102").emit()] if frame[15:17] == b"\0\xa0" else [])
    code, text = d.run("configure pev --yes", capsys)
    assert code == REFUSED and "INT6400" in text and "works unchanged in both roles" in text and d.steps() == []
    assert d.run("info")[0] == DONE and d.steps() == []

    lumissil = bytes.fromhex("0016e8010203")

    def version(mmv):
        def answer(frame, now):
            if frame[15:17] != b"\x6c\xac" or frame[14] != mmv:
                return []
            data = bytes.fromhex("0016e8") + bytes(19) + bytes.fromhex("0100020003000400 0500")
            return [emit_frame(HOST, lumissil, mmv, 0xAC6D, data)]
        return answer
    for mmv in (0, 1):
        d = desk()
        d.cable.modems.clear()
        d.cable.answers.append(version(mmv))
        code, text = d.run("find", capsys)
        assert code == DONE and "CG5317" in text and "1.2.3" in text and "not configurable by this tool" in text
        code, text = d.run("info", capsys)
        assert code == DONE and "CG5317" in text and "The PIB is not read" in text
        code, text = d.run("configure evse --yes", capsys)
        assert code == REFUSED and "not configurable by this tool" in text and d.steps() == []


def test_an_unknown_layout_or_role_byte_is_refused(desk, capsys):
    for image, words in ((bytes(0x50), "header of the manifest"),
                         (pib.new_image(pib.Layout("other", 0x2000), bytes(6), "pev", bytes(16), bytes(7)), "9152 octets"),
                         (None, "CCoSelection (body offset 0xf4) is 7")):
        d = desk()
        flash = d.cable.modems[0].flash
        if image is None:
            image = bytearray(flash.image)
            image[pib.BODY + 0xF4] = 7
            image = pib.sealed(image)
        flash._running = image.ljust(9040, b"\0") if len(image) < 9000 else image
        code, text = d.run("configure evse --yes", capsys)
        assert code == REFUSED and words in text and d.writes() == [], text


def test_a_pib_of_another_mac_than_the_answering_one_is_refused(desk, capsys):
    d = desk()
    d.cable.modems[0].flash._running = d.image().edited({pib.MAC: bytes.fromhex("020000000099")}).octets
    code, text = d.run("configure evse --yes", capsys)
    assert code == REFUSED and "the modem answers as" in text and d.writes() == []


@pytest.mark.parametrize("mac, words", [
    ("01:00:00:00:00:01", "group address"), ("00:00:00:00:00:00", "meaning of its own"), ("00:b0:52:00:00:01", "meaning of its own"),
    ("00:b0:52:00:00:03", "meaning of its own"), (HOST.hex(":"), "MAC of the interface")])
def test_impossible_macs(desk, capsys, mac, words):
    d = desk()
    code, text = d.run(f"configure evse --yes --mac {mac}", capsys)
    assert code == REFUSED and words in text and d.writes() == []


def test_a_mac_of_another_modem_and_a_new_one(desk, capsys):
    d = desk(modem("pev"))
    d.cable.answers.append(remote(bytes.fromhex("bcf2aff1c811")))
    code, text = d.run("configure evse --yes --mac bc:f2:af:f1:c8:11", capsys)
    assert code == REFUSED and "belongs to another modem" in text and d.writes() == []
    before = d.image()
    code, text = d.run("configure evse --yes --mac 02:00:00:aa:bb:cc")
    assert code == DONE and d.image().mac.hex() == "020000aabbcc" and "02:00:00:aa:bb:cc has the new PIB" in text
    code, text = d.run(f"restore {d.files()[0]} --yes", capsys)
    assert code == REFUSED and "--from-mac" in text
    assert d.run(f"restore {d.files()[0]} --yes --from-mac {before.mac.hex(':')}")[0] == DONE and d.image() == before


def test_a_backup_that_cannot_be_written_stops_it(desk, capsys, monkeypatch, tmp_path):
    d = desk()
    (tmp_path / "file").write_text("")
    code, text = d.run(f"configure evse --yes --backup-dir {tmp_path / 'file'}", capsys)
    assert code == REFUSED and "backup cannot be written" in text and d.writes() == []
    monkeypatch.setattr("pathlib.Path.read_bytes", lambda self: b"")
    code, text = d.run("configure evse --yes", capsys)
    assert code == REFUSED and "reads back differently" in text and d.writes() == []


@pytest.mark.parametrize("make, words, code", [
    (lambda p, image: p.write_bytes(image.octets[:-4]), "9036 octets", REFUSED), (lambda p, image: p.write_bytes(bytes(20_000)), "20000 octets", REFUSED),
    (lambda p, image: p.write_bytes(image.octets[:5000] + b"\xff" + image.octets[5001:]), "checksum", REFUSED),
    (lambda p, image: None, "cannot be read", MISSING), (lambda p, image: p.mkdir(), "is a folder", REFUSED),
    (lambda p, image: p.write_bytes(pib.new_image(pib.LAYOUTS[1], image.mac, "pev", bytes(16), bytes(7))), "layout of a QCA7420", REFUSED),
    (lambda p, image: p.write_bytes(image.edited({pib.MAC: OTHER_HOST}).octets), "two modems with one MAC", REFUSED)])
def test_files_that_restore_does_not_take(desk, capsys, tmp_path, make, words, code):
    d = desk()
    file = tmp_path / "x.bin"
    make(file, d.image())
    got, text = d.run(f"restore {file} --yes", capsys)
    assert got == code and words in text and d.writes() == []


@pytest.mark.parametrize("line", ["", "configure", "configure both --interface x", "find", "info --interface x --modem 12:34", "find --interface x --wait 0",
                                  "configure pev --interface x --mac 1", "restore --interface x", "emulate"])
def test_wrong_command_lines(line, capsys):
    with pytest.raises(SystemExit) as e:
        main(line.split())
    assert e.value.code == USAGE and "usage:" in capsys.readouterr().err


def test_help_names_the_exit_codes(capsys):
    with pytest.raises(SystemExit):
        parser().parse_args(["configure", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    for code in (DONE, WRONG, USAGE, MISSING, REFUSED, UNKNOWN, INTERRUPTED):
        assert f" {code} " in text


def test_an_interface_that_cannot_be_opened_or_disappears(desk, capsys):
    d = desk()
    d.cable.gone = True
    code, text = d.run("find", capsys)
    assert code == MISSING and "has disappeared" in text

    def broken(name):
        raise DriverError("There is no network interface 'plc0'.", "Give --interface.")
    d = desk()
    d.cable.close = lambda: None
    from tools.modem.workbench import Around
    around = Around(broken, d.clock, None, None, None, None, None, None, d.folder)
    assert main(["find", "--interface", "plc0"], around) == MISSING and "no network interface" in capsys.readouterr().err


# --- progress

def test_a_terminal_has_a_bar_and_a_file_has_lines(desk):
    d = desk(modem("pev"), terminal=True)
    text = d.run("configure evse --yes")[1]
    assert "\r" in text and "[####" in text and "%" in text
    d = desk(modem("pev"))
    text = d.run("configure evse --yes")[1]
    assert "\r" not in text and "the modem writes its flash: do not cut the power now" in text and len(text.splitlines()) < 25


def test_ctrl_c_while_asking(desk, capsys):
    d = desk()

    def interrupted(frame, now):
        raise KeyboardInterrupt
    d.cable.hook = interrupted
    code, text = d.run("info", capsys)
    assert code == INTERRUPTED and "Nothing is being written" in text
