"""What is put together for a real interface."""
from __future__ import annotations

from random import Random
from types import SimpleNamespace

from kernel.timer import S
from tasks.homeplug.config import EmulatorConfig
from tasks.homeplug.emulator import EmulatedModem
from tasks.homeplug.emulator_nic import EmulatedModemNic
from tasks.homeplug.wire_header import LOCAL_DEVICE
from tasks.homeplug.wire_modem import VS_SW_VER_REQ
from tests.homeplug.line import Line
from tools.appliance.parts import wake_for_modem

HOST = bytes.fromhex("020000000a01")


def test_the_answer_of_an_emulated_modem_wakes_the_row_that_fetches_it():
    """Else it would wait for the modem's next beacon, and the modem count as one that does not answer at this end."""
    woken = []
    kernel = SimpleNamespace(waker=lambda row: lambda: woken.append(row))
    nic = EmulatedModemNic(Line(1).tap(HOST), EmulatedModem(EmulatorConfig(), HOST, False, Random(1)))
    wake_for_modem(SimpleNamespace(nic=nic), kernel)
    nic.receive(32, S)                                   # its first beacon
    nic.next_event()
    assert woken == []
    nic.send(VS_SW_VER_REQ(LOCAL_DEVICE, HOST).emit(), S)
    assert woken == ["frame_rx"]


def test_a_real_interface_is_left_alone():
    wake_for_modem(SimpleNamespace(nic=SimpleNamespace()), SimpleNamespace(waker=None))
