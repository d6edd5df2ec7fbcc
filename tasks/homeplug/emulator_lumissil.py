"""What an emulated Lumissil CG5317 answers to its host, and what it tells by itself (slac-and-network sheet 1.9)."""
from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.homeplug.modem_kinds import LUMISSIL
from tasks.homeplug.wire_lumissil import (APCM_SET_CCO_CNF, APCM_SET_CCO_REQ, CCO_ALWAYS, HOST_DISCONNECTED, HOST_JOINED,
                                          NSCM_GET_D_LINK_STATUS_CNF, NSCM_GET_D_LINK_STATUS_REQ, NSCM_GET_DEVICE_STATE_CNF,
                                          NSCM_GET_DEVICE_STATE_REQ, NSCM_GET_VERSION_CNF, NSCM_GET_VERSION_REQ, NSCM_RESET_DEVICE_REQ,
                                          STATE_CCO, STATE_STA, STATE_UNASSOCIATED, VS_D_LINK_READY_IND, VS_HOST_MESSAGE_STATUS_IND)

if TYPE_CHECKING:
    from tasks.homeplug.emulator import EmulatedModem

LUMISSIL_REQUESTS = (NSCM_GET_VERSION_REQ, NSCM_GET_DEVICE_STATE_REQ, NSCM_GET_D_LINK_STATUS_REQ, NSCM_RESET_DEVICE_REQ, APCM_SET_CCO_REQ)


def lumissil_answer(modem: EmulatedModem, m, linked: bool):
    """The confirmation, None where there is none: another kind of modem, the wrong MMV, or a reset."""
    habits = modem.habits
    if habits.maker != LUMISSIL or m.mmv != habits.lumissil_mmv:
        return None
    kind, mmv = type(m), m.mmv
    if kind is NSCM_GET_VERSION_REQ:
        return NSCM_GET_VERSION_CNF(m.src, modem.mac, (*map(int, habits.version.split(".")), 0), mmv)
    if kind is NSCM_GET_DEVICE_STATE_REQ:
        state = STATE_CCO if modem.coordinator else STATE_STA if linked else STATE_UNASSOCIATED
        return NSCM_GET_DEVICE_STATE_CNF(m.src, modem.mac, state, mmv)
    if kind is NSCM_GET_D_LINK_STATUS_REQ:
        return NSCM_GET_D_LINK_STATUS_CNF(m.src, modem.mac, int(linked), mmv)
    if kind is APCM_SET_CCO_REQ:
        modem.coordinator = modem.measures = m.value == CCO_ALWAYS
        modem.never_cco = not modem.coordinator
        return APCM_SET_CCO_CNF(m.src, modem.mac, mmv)
    return None


def lumissil_news(modem: EmulatedModem, linked: bool) -> tuple:
    """The link has come or gone: told twice, in the two forms of the sheet."""
    mmv = modem.habits.lumissil_mmv
    return (VS_HOST_MESSAGE_STATUS_IND(modem.host_mac, modem.mac, HOST_JOINED if linked else HOST_DISCONNECTED, mmv),
            VS_D_LINK_READY_IND(modem.host_mac, modem.mac, int(linked), mmv))
