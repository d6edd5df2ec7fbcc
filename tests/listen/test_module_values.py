"""Reading and writing of a modem's PIB in a listener's lines: what was done, never the octets, which hold the network's key."""
from __future__ import annotations

import json

import pytest

from tasks.homeplug.wire import parse
from tasks.homeplug.wire_header import LOCAL_DEVICE
from tasks.homeplug.wire_module import (CommitSession, ModuleData, ModuleToCome, ReadModule, StartSession, VS_MODULE_OPERATION_CNF,
                                        VS_MODULE_OPERATION_REQ, WriteModule)
from tasks.homeplug.wire_old_module import VS_RD_MOD_CNF
from tasks.listen.lines import text
from tasks.listen.values import fields_of

from tests.listen import line

NMK = b"the network's ke"


@pytest.mark.parametrize("message, values", [
    (VS_MODULE_OPERATION_REQ(LOCAL_DEVICE, line.CAR, ReadModule(96, 0x360)), {"step": "ReadModule", "length": 96, "offset": 0x360}),
    (VS_MODULE_OPERATION_REQ(LOCAL_DEVICE, line.CAR, WriteModule(7, 1400, NMK)), {"step": "WriteModule", "session": 7, "offset": 1400, "octets": 16}),
    (VS_MODULE_OPERATION_REQ(LOCAL_DEVICE, line.CAR, CommitSession(7, 2)), {"step": "CommitSession", "session": 7, "code": 2}),
    (VS_MODULE_OPERATION_REQ(LOCAL_DEVICE, line.CAR, StartSession(7, (ModuleToCome(9040, 5),))), {"step": "StartSession", "session": 7}),
    (VS_MODULE_OPERATION_CNF(line.CAR, line.CHARGER, 0, 0, ModuleData(1400, NMK)), {"status": 0, "operation": 0, "offset": 1400, "octets": 16}),
    (VS_MODULE_OPERATION_CNF(line.CAR, line.CHARGER, 0x15, 0x12), {"status": 0x15, "operation": 0x12}),
    (VS_RD_MOD_CNF(line.CAR, line.CHARGER, 0, 1024, 5, NMK), {"offset": 1024, "octets": 16})])
def test_what_was_done_is_told_and_the_octets_are_not(message, values):
    _, _, (record,) = line.heard([message.emit()])
    told = fields_of(record)
    assert {name: told[name] for name in values} == values
    assert NMK.hex() not in json.dumps(told) and "ke" not in str(told.get("octets")) and NMK.decode() not in text(record)
    assert parse(message.emit()) == message
