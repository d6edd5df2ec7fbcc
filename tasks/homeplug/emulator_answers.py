"""What an emulated modem answers to the requests of its host, and to those of other members of its network: by its kind."""
from __future__ import annotations

from tasks.homeplug.emulator_lumissil import LUMISSIL_REQUESTS, lumissil_answer
from tasks.homeplug.modem_kinds import QUALCOMM
from tasks.homeplug.wire_keys import CM_GET_KEY_CNF, CM_GET_KEY_REQ, CM_SET_KEY_CNF, CM_SET_KEY_REQ
from tasks.homeplug.wire_link import CM_NW_STATS_CNF, CM_NW_STATS_REQ, StationRate
from tasks.homeplug.wire_modem import (Network, Station, VS_NW_INFO_CNF, VS_NW_INFO_REQ, VS_OP_ATTRIBUTES_CNF, VS_OP_ATTRIBUTES_REQ,
                                       VS_PL_LINK_STATUS_CNF, VS_PL_LINK_STATUS_REQ, VS_RS_DEV_CNF, VS_RS_DEV_REQ, VS_SW_VER_CNF, VS_SW_VER_REQ)
from tasks.homeplug.wire_module import VS_MODULE_OPERATION_REQ

REQUESTS = (CM_SET_KEY_REQ, CM_GET_KEY_REQ, CM_NW_STATS_REQ, VS_SW_VER_REQ, VS_RS_DEV_REQ, VS_NW_INFO_REQ, VS_PL_LINK_STATUS_REQ,
            VS_OP_ATTRIBUTES_REQ, VS_MODULE_OPERATION_REQ, *LUMISSIL_REQUESTS)
FROM_LINE = (VS_SW_VER_REQ, CM_GET_KEY_REQ, VS_MODULE_OPERATION_REQ)
"""What remote modems answer to members of their network; the PIB too (sheet 1.8, warning)."""


def answer_of(modem, m, now: int, line: bool):
    """The answer of `modem` (EmulatedModem) to the parsed request `m`, None where its kind has none. `line`: it came over the power line."""
    kind, habits = type(m), modem.habits
    if line and kind not in FROM_LINE or modem.boot_loader and kind is not VS_SW_VER_REQ:
        return None
    if kind is VS_SW_VER_REQ:
        if habits.maker == QUALCOMM:
            version = "BootLoader" if modem.boot_loader else habits.version
            return VS_SW_VER_CNF(m.src, modem.mac, 0, habits.device_class, version, habits.ident)
    elif kind is VS_MODULE_OPERATION_REQ:
        if habits.pib is not None:
            return modem.flash.answer(m, now, line)
    elif kind in LUMISSIL_REQUESTS:
        return lumissil_answer(modem, m, bool(modem.joined(now)))
    elif kind is CM_GET_KEY_REQ:
        if habits.get_key:
            granted = not line and m.nid == modem.nid
            return CM_GET_KEY_CNF(m.src, modem.mac, 0 if granted else 1, modem.nid, modem.nmk if granted else b"", modem.rng.randbytes(4), m.my_nonce)
    elif kind is CM_SET_KEY_REQ:
        # QCA says 1 when it takes the key, and restarts (sheet 1.5); the others say 0
        return CM_SET_KEY_CNF(m.src, modem.mac, habits.set_key_result, modem.rng.randbytes(4), m.my_nonce)
    elif kind is VS_NW_INFO_REQ:
        if m.mmv in habits.nw_info:
            return _nw_info(modem, m, now)
    elif kind is CM_NW_STATS_REQ:
        if habits.nw_stats:
            return CM_NW_STATS_CNF(m.src, modem.mac, [StationRate(mac, modem.rate, modem.rate) for mac, _ in modem.joined(now)])
    elif kind is VS_OP_ATTRIBUTES_REQ:
        if habits.attributes:
            return VS_OP_ATTRIBUTES_CNF(m.src, modem.mac, 0, m.cookie, habits.hardware, "MAC", 1, 0, 0, 0, "20260101", "EMULATED")
    elif kind is VS_RS_DEV_REQ:
        if habits.maker == QUALCOMM:
            return VS_RS_DEV_CNF(m.src, modem.mac, 0)
    elif kind is VS_PL_LINK_STATUS_REQ and habits.link_status:
        return VS_PL_LINK_STATUS_CNF(m.src, modem.mac, 0, 1 if modem.joined(now) else 0)
    return None


def _nw_info(modem, m: VS_NW_INFO_REQ, now: int) -> VS_NW_INFO_CNF:
    stations = [Station(mac, i + 2, n.host_mac, modem.rate, modem.rate) for i, (mac, n) in enumerate(modem.joined(now))]
    if not stations and not modem.coordinator:
        return VS_NW_INFO_CNF(m.src, modem.mac, m.mmv, [])       # a station without coordinator is in no network
    cco = modem.mac if modem.coordinator else stations[0].mac
    return VS_NW_INFO_CNF(m.src, modem.mac, m.mmv, [Network(modem.nid, 1, 1, 2 if modem.coordinator else 0, cco, 1, stations)])
