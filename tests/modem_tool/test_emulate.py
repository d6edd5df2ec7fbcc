"""The emulated modem behind an interface, in virtual time: it learns its host, loses frames, loses power, keeps its flash."""
from __future__ import annotations

import io
from argparse import Namespace
from random import Random

import pytest

from kernel.clock import VirtualClock
from kernel.timer import NEVER, S
from tasks.homeplug import pib
from tasks.homeplug.emulator import EmulatedModem
from tasks.homeplug.config import EmulatorConfig
from tasks.homeplug.pib_write import Outcome, PibWrite, WriteEnded
from tasks.homeplug.wire import CM_SLAC_PARM_CNF, CM_SLAC_PARM_REQ, parse
from tasks.homeplug.wire_header import BROADCAST, LOCAL_DEVICE
from tools.modem.emulate import UNKNOWN_HOST, EmulatedPort, emulate, keep, new_flash
from tools.modem.port import Port
from tools.modem.refusal import DONE, MISSING, USAGE, Refusal
from tools.modem.screen import Screen

from tests.modem_tool.desk import HOST

CABLE_END = bytes.fromhex("020000000d01")
CAR, CHARGER = bytes.fromhex("020000000a01"), bytes.fromhex("020000000c01")


class Cable:
    """Both ends of a cable; the emulator's end is served whenever the host's end is looked at."""

    def __init__(self):
        self.to_modem, self.to_host = [], []
        self.port = None
        self.mac = CABLE_END
        self.closed = 0

    def fileno(self):
        return -1

    def receive(self, limit, now):
        taken, self.to_modem = self.to_modem, []
        return [(now, f) for f in taken]

    def send(self, frame, now):
        self.to_host.append(frame)
        return True

    def close(self):
        self.closed += 1


class HostEnd:
    """The Nic of the tool."""

    mac = HOST

    def __init__(self, cable):
        self.cable = cable
        self.due = 0

    def fileno(self):
        return -1

    def send(self, frame, now):
        self.cable.to_modem.append(frame)
        return True

    def receive(self, limit, now):
        self.due = self.cable.port.run(now)
        taken, self.cable.to_host = self.cable.to_host, []
        return [(now, f) for f in taken]

    def next_event(self):
        return 0 if self.cable.to_modem else self.due


def arguments(**kw):
    usual = dict(interface="va", line=None, kind="qca7005", role="pev", mac=None, flash=None, drop=0.0, cut_at=0, torn=False, seed=1, duration=1.0)
    return Namespace(**{**usual, **kw})


def bench(drop=0.0, cut_at=0, file=None, **kw):
    rng = Random(1)
    flash = new_flash(arguments(flash=file, **kw), CABLE_END, rng)
    cable, told = Cable(), []
    modem = EmulatedModem(EmulatorConfig(sleep=False), UNKNOWN_HOST, False, rng, flash=flash)
    cable.port = EmulatedPort(cable, None, modem, rng, drop, cut_at, file, told.append)
    return cable.port, Port(HostEnd(cable), VirtualClock(1)), told


def write(emulated, port):
    old = pib.parse(emulated.modem.flash.image)
    new = pib.configured(old, "evse")
    ended = port.run(PibWrite(HOST, LOCAL_DEVICE, old, new, emulated.modem.mac, 5), (WriteEnded,))
    return ended, old, new


def test_it_learns_its_host_and_is_written(tmp_path):
    file = tmp_path / "flash.bin"
    emulated, port, told = bench(file=file)
    assert pib.parse(file.read_bytes()).role == "pev"
    ended, old, new = write(emulated, port)
    assert ended.outcome is Outcome.NEW and file.read_bytes() == new.octets
    assert told == [f"the host is {HOST.hex(':')}", "the flash has a new PIB"] and emulated.operations == 16
    again, _, _ = bench(file=file)
    assert again.modem.measures and again.modem.mac == emulated.modem.mac


@pytest.mark.parametrize("at", range(1, 17))
@pytest.mark.parametrize("torn", [False, True])
def test_power_is_cut_once_at_the_operation_asked_for(tmp_path, at, torn):
    """1 is the session's start, 2 to 8 the blocks, 9 the commit; what comes after reads."""
    file = tmp_path / "flash.bin"
    emulated, port, told = bench(cut_at=at, file=file, torn=torn)
    ended, old, new = write(emulated, port)
    assert sum(text.startswith("power cut") for text in told) == 1
    if at == 9 and torn:
        assert ended.outcome is Outcome.BOOT_LOADER and "boot loader" in " ".join(told)
        with pytest.raises(pib.PibError):
            pib.parse(file.read_bytes())
    else:
        kept = pib.parse(file.read_bytes())
        assert kept in (old, new) and ended.outcome is (Outcome.NEW if kept == new else Outcome.OLD)


def test_frames_are_lost_and_counted():
    emulated, port, told = bench(drop=0.2)
    ended, old, new = write(emulated, port)
    assert ended.outcome is Outcome.NEW and emulated.lost > 0


def test_the_command_runs_for_its_time_and_says_what_it_was(tmp_path):
    out, clock, cable = io.StringIO(), VirtualClock(1), Cable()
    assert emulate(arguments(role="unset", kind="tplink"), lambda name: cable, clock, Screen(out, clock.now, terminal=False), lambda: False) == DONE
    assert 1 * S <= clock.now() < 2 * S and cable.closed == 1
    assert "tplink, role not set" in out.getvalue() and "0 module operations, 0 frames lost, 0 commits, 0 refusals" in out.getvalue()
    with pytest.raises(Refusal) as e:
        emulate(arguments(drop=100.0), lambda name: cable, clock, Screen(out, clock.now, terminal=False), lambda: False)
    assert e.value.code == USAGE and NEVER > clock.now()


def test_a_kept_flash_that_is_no_pib_is_told(tmp_path):
    file = tmp_path / "flash.bin"
    keep(file, b"nonsense")
    assert not (tmp_path / "flash.bin.new").exists()
    with pytest.raises(Refusal, match="no usable PIB"):
        bench(file=file)


def test_a_flash_that_cannot_be_kept_is_told(tmp_path):
    with pytest.raises(Refusal, match="cannot be written.*No such file or directory") as e:
        keep(tmp_path / "nowhere" / "flash.bin", b"")
    assert e.value.code == MISSING


@pytest.mark.parametrize("role, shown", [("evse", ["CM_SLAC_PARM_REQ", "CM_SLAC_PARM_CNF"]), ("pev", ["CM_SLAC_PARM_CNF"])])
def test_a_listening_host_is_shown_the_slac_of_others_as_the_role_allows(role, shown):
    cable, line = Cable(), Cable()
    modem = EmulatedModem(EmulatorConfig(), HOST, False, Random(1), flash=new_flash(arguments(role=role), CABLE_END, Random(1)))
    port = EmulatedPort(cable, line, modem, Random(1), 0.0, 0, None, lambda text: None)
    port.run(0)
    line.to_modem = [CM_SLAC_PARM_REQ(BROADCAST, CAR, bytes(8)).emit(), CM_SLAC_PARM_CNF(CAR, CHARGER, bytes(8), CAR).emit()]
    port.run(1 * S)
    port.run(2 * S)
    assert [type(parse(f)).__name__ for f in cable.to_host] == shown
