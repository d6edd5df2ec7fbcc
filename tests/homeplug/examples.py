"""One message of every type that the wire files of tasks/homeplug know, with values that a mix-up of fields would show."""
from __future__ import annotations

from tasks.homeplug import wire as w
from tasks.homeplug import wire_keys as k
from tasks.homeplug import wire_link as n
from tasks.homeplug import wire_lumissil as u
from tasks.homeplug import wire_modem as m
from tasks.homeplug.wire_header import BROADCAST, LOCAL_DEVICE

PEV = bytes.fromhex("e00ee1ffd3e2")
EVSE = bytes.fromhex("52ad9207328b")
MODEM = bytes.fromhex("046565ffffff")
PEER_MODEM = bytes.fromhex("bcf2aff186ce")
RUN = bytes.fromhex("943dc06e5631b77b")
NID = bytes.fromhex("4ee9194d581702")
NMK = bytes.fromhex("a39d255b5770c42f3837471f5b39823a")
AAG = bytes(range(1, 59))
_STATIONS = [m.Station(PEER_MODEM, 1, EVSE, 9, 8), m.Station(EVSE, 3, PEV, 7, 6)]
_NETWORKS = [m.Network(NID, 14, 2, 1, PEER_MODEM, 1, _STATIONS), m.Network(bytes(7), 1, 2, 0, EVSE, 1, [])]

EXAMPLES = [
    w.CM_SLAC_PARM_REQ(BROADCAST, PEV, RUN), w.CM_SLAC_PARM_CNF(PEV, EVSE, RUN, PEV, 10, 6),
    w.CM_START_ATTEN_CHAR_IND(BROADCAST, PEV, RUN, PEV, 10, 6), w.CM_MNBC_SOUND_IND(BROADCAST, PEV, RUN, 9, bytes(range(16)), bytes(range(17))),
    w.CM_ATTEN_PROFILE_IND(BROADCAST, MODEM, PEV, AAG), w.CM_ATTEN_CHAR_IND(PEV, EVSE, RUN, PEV, 10, AAG, bytes(range(17)), bytes(range(20, 37))),
    w.CM_ATTEN_CHAR_RSP(EVSE, PEV, RUN, PEV, 0, bytes(range(17)), bytes(range(20, 37))), w.CM_VALIDATE_REQ(EVSE, PEV, 0, 29, 1),
    w.CM_VALIDATE_CNF(PEV, EVSE, 0, 3, 2), w.CM_SLAC_MATCH_REQ(EVSE, PEV, RUN, PEV, EVSE, bytes(range(17)), bytes(range(20, 37))),
    w.CM_SLAC_MATCH_CNF(PEV, EVSE, RUN, PEV, EVSE, NID, NMK, bytes(range(17)), bytes(range(20, 37))),
    k.CM_SET_KEY_REQ(LOCAL_DEVICE, PEV, NID, NMK, b"abcd", b"efgh"), k.CM_SET_KEY_CNF(PEV, MODEM, 1, b"abcd", b"efgh"),
    k.CM_GET_KEY_REQ(BROADCAST, PEV, NID, b"abcd"), k.CM_GET_KEY_CNF(PEV, MODEM, 0, NID, NMK, b"abcd", b"efgh"),
    k.CM_GET_KEY_CNF(PEV, MODEM, 1, NID, b"", b"abcd", b"efgh"), k.CM_AMP_MAP_REQ(EVSE, PEV, 917, bytes(i & 255 for i in range(459))),
    k.CM_AMP_MAP_CNF(PEV, EVSE, 1),
    m.VS_SW_VER_REQ(LOCAL_DEVICE, PEV), m.VS_SW_VER_CNF(PEV, MODEM, 0, 0x22, "MAC-QCA7005-1.1.0.730-04-20140815-CS", 0x001B587C),
    m.VS_RS_DEV_REQ(LOCAL_DEVICE, PEV), m.VS_RS_DEV_CNF(PEV, MODEM, 1), m.VS_PL_LINK_STATUS_REQ(LOCAL_DEVICE, PEV), m.VS_PL_LINK_STATUS_CNF(PEV, MODEM, 0, 1),
    m.VS_NW_INFO_REQ(LOCAL_DEVICE, PEV, 0), m.VS_NW_INFO_REQ(LOCAL_DEVICE, PEV, 1), m.VS_NW_INFO_CNF(PEV, MODEM, 0, _NETWORKS), m.VS_NW_INFO_CNF(PEV, MODEM, 1, _NETWORKS),
    m.VS_OP_ATTRIBUTES_REQ(LOCAL_DEVICE, PEV, b"cook"),
    m.VS_OP_ATTRIBUTES_CNF(PEV, MODEM, 0, b"cook", "QCA7420", "MAC", 1, 4, 5, 20, "20171027", "CS"),
    m.VS_ATTENUATION_CHARACTERISTICS_IND(BROADCAST, MODEM, PEV, AAG), m.VS_ATTENUATION_CHARACTERISTICS_IND(BROADCAST, MODEM, PEV, AAG, bytes(3)),
    n.CM_NW_STATS_REQ(LOCAL_DEVICE, PEV), n.CM_NW_STATS_CNF(PEV, MODEM, [n.StationRate(PEER_MODEM, 9, 8), n.StationRate(EVSE, 7, 6)]),
    n.VS_HST_ACTION_IND(PEV, MODEM, 4),
] + [cls(LOCAL_DEVICE, PEV, mmv) for mmv in (0, 1) for cls in (u.NSCM_GET_VERSION_REQ, u.NSCM_GET_DEVICE_STATE_REQ, u.NSCM_GET_D_LINK_STATUS_REQ, u.APCM_SET_CCO_CNF)
     ] + [cls(PEV, MODEM, 5, mmv) for mmv in (0, 1) for cls in (
         u.NSCM_GET_DEVICE_STATE_CNF, u.NSCM_GET_D_LINK_STATUS_CNF, u.NSCM_RESET_DEVICE_REQ, u.APCM_SET_CCO_REQ, u.VS_HOST_MESSAGE_STATUS_IND, u.VS_D_LINK_READY_IND)
          ] + [u.NSCM_GET_VERSION_CNF(PEV, MODEM, (1, 2, 3, 4, 5), mmv) for mmv in (0, 1)]
MESSAGES = (w.SLAC_MESSAGES + k.KEY_MESSAGES + n.STANDARD_MESSAGES + n.VENDOR_MESSAGES + u.LUMISSIL_MESSAGES
            + tuple(cls for cls in m.VENDOR_MESSAGES if cls.__module__ == m.__name__))
STANDARD = w.SLAC_MESSAGES + k.KEY_MESSAGES + n.STANDARD_MESSAGES


def name(message) -> str:
    """For the ids of parametrized tests: type, and MMV where there is a choice."""
    return type(message).__name__ + (f" MMV {message.mmv}" if hasattr(message, "mmv") else "")
