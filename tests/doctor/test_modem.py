"""Who answers, and as what it is set up: against emulated modems in virtual time."""
import pytest

from drivers.errors import DriverError
from tasks.homeplug import pib
from tasks.homeplug.wire import parse
from tasks.homeplug.wire_header import LOCAL_DEVICE
from tasks.homeplug.wire_module import VS_MODULE_OPERATION_REQ
from tests.doctor.made import BESIDE, Made, levels, settings
from tests.modem_tool.desk import HOST, Cable, modem
from tools.doctor.modem import modem as look


def looked(tmp_path, cable, running=None, **values):
    """(findings, what the cable has carried)."""
    def open_nic(name):
        assert name == "eth1"
        return cable
    made = Made(tmp_path, open_nic=open_nic)
    return list(look(made.patient(settings(**values), running=running)))


@pytest.mark.parametrize("role, mode", [("pev", "pev"), ("pev", "bridge"), ("evse", "evse")])
def test_one_modem_set_up_as_it_should_be(tmp_path, role, mode):
    found = looked(tmp_path, Cable(modem(role)), mode=mode)
    assert levels(found) == [("modem", "ok"), ("PIB", "ok")]
    assert "QCA7000/QCA7005" in found[0].found and "firmware MAC-QCA7005" in found[0].found


@pytest.mark.parametrize("role, mode, word", [("evse", "pev", "set up for the charger's side"), ("pev", "evse", "set up for the car's side"),
                                              ("unset", "pev", "not set up")])
def test_a_modem_in_the_wrong_role_fails_with_the_command_that_mends_it(tmp_path, role, mode, word):
    found = looked(tmp_path, Cable(modem(role)), mode=mode)
    assert levels(found) == [("modem", "ok"), ("PIB", "fail")]
    assert word in found[1].found and f"tools.modem configure {mode} --interface eth1" in found[1].remedy and found[1].short == f"modem not {mode.upper()}"


def test_nobody_answers(tmp_path):
    found = looked(tmp_path, Cable())
    assert levels(found) == [("modem", "fail")] and found[0].short == "modem: no answer"


def test_two_modems_at_this_end(tmp_path):
    other = modem("pev", host=bytes.fromhex("020000000c02"))
    other.host_mac = HOST
    found = looked(tmp_path, Cable(modem("pev"), other))
    assert levels(found) == [("modem", "ok"), ("modem", "warn")] and "2 modems answer" in found[1].found
    assert not any(f.check == "PIB" for f in found), "whose PIB it would be is not known"


def test_a_modem_in_its_boot_loader(tmp_path):
    found = looked(tmp_path, Cable(modem(kind="bootloader")))
    assert levels(found) == [("modem", "fail")] and found[0].short == "modem: boot loader"


@pytest.mark.parametrize("kind", ["int6400", "cg5317"])
def test_modems_whose_role_is_not_in_a_pib(tmp_path, kind):
    assert all(level == "ok" for _, level in levels(looked(tmp_path, Cable(modem(kind=kind)))))


def test_a_modem_with_the_mac_of_the_interface(tmp_path):
    cable = Cable(modem("pev"))
    cable.modems[0].mac = HOST
    found = looked(tmp_path, cable)
    assert ("modem", "fail") in levels(found) and "swallows frames" in found[0].found


def test_a_pib_that_does_not_answer_is_a_warning(tmp_path):
    cable = Cable(modem("pev"))
    cable.hook = lambda frame, now: type(parse(frame)) is not VS_MODULE_OPERATION_REQ
    found = looked(tmp_path, cable)
    assert levels(found) == [("modem", "ok"), ("PIB", "warn")]


def test_a_sniffer_that_is_on_is_a_warning(tmp_path):
    one = modem("pev")
    one.flash._running = pib.parse(one.flash.image).edited({pib.SNIFFER: b"\1"}).octets
    found = looked(tmp_path, Cable(one))
    assert levels(found) == [("modem", "ok"), ("PIB", "warn")] and "sniffer" in found[1].found


def test_beside_a_running_box_only_the_local_address_is_asked_and_no_pib(tmp_path):
    """What the box says on the power line it says itself."""
    for cable, expected in ((Cable(modem("evse")), [("modem", "ok"), ("PIB", "ok")]), (Cable(), [("modem", "warn")])):
        found = looked(tmp_path, cable, running=BESIDE)
        assert levels(found) == expected
        assert cable.sent and all(frame[:6] == LOCAL_DEVICE for frame in cable.sent)
        assert not any(type(parse(frame)) is VS_MODULE_OPERATION_REQ for frame in cable.sent)


def test_where_no_modem_is_meant_nothing_is_opened(tmp_path):
    made = Made(tmp_path)
    emulated, assumed, listener = settings(), settings(), settings(mode="listen")
    emulated.modem_emulator.enabled, assumed.slac.assume_link = True, True
    for config in (emulated, assumed, listener):
        assert levels(look(made.patient(config))) == [("modem", "ok")]


def test_an_interface_that_does_not_open_is_told_elsewhere(tmp_path):
    def open_nic(name):
        raise DriverError("There is no network interface 'eth1'.", "Plug it in.")
    assert levels(look(Made(tmp_path, open_nic=open_nic).patient())) == [("modem", "warn")]


def test_an_interface_that_vanishes_meanwhile(tmp_path):
    cable = Cable()
    cable.gone = True
    found = looked(tmp_path, cable)
    assert levels(found) == [("modem", "fail")] and found[0].short == "interface vanished"
