"""The kinds of modems that the emulator imitates, one row each: what they answer, what they measure, how long they are silent.

Sources: slac-and-network sheet 1.4 (profiles), 1.5 (keys), 1.7 and 1.9 (vendors' messages), 2.8 rows 11 and 13 (sleep, silence), 4.1.
What the sheet does not say of a kind is marked "ours" and chosen so that every test of the link (4.3) has a kind that needs it.
"""
from __future__ import annotations

from kernel.record import dataclass
from tasks.homeplug.modem_kinds import LUMISSIL, QUALCOMM


@dataclass(frozen=True, slots=True)
class Habits:
    """What one kind of modem does. `restart_ms`: silent after a key; `sleep_ms`: silence that makes a station sleep, 0 never."""

    maker: str = ""
    device_class: int = 0
    hardware: str = ""
    version: str = ""
    ident: int | None = None             # IDENT of VS_SW_VER.CNF, where the firmware tells it
    set_key_result: int = 0
    restart_ms: int = 1500
    nw_info: tuple[int, ...] = ()        # the MMVs in which VS_NW_INFO is answered
    link_status: bool = False            # VS_PL_LINK_STATUS
    attributes: bool = False             # VS_OP_ATTRIBUTES
    nw_stats: bool = False               # CM_NW_STATS
    get_key: bool = False                # CM_GET_KEY
    lumissil_mmv: int = 1                # the MMV in which a Lumissil modem speaks and hears
    local_address: bool = True           # knows 00:B0:52:00:00:01
    profile: bool = True                 # CM_ATTEN_PROFILE.IND with groups; False: without (TP-Link)
    report: bool = False                 # VS_ATTENUATION_CHARACTERISTICS.IND for each sound, by broadcast
    sleep_ms: int = 0
    loops_back: bool = False             # the SPI driver shows the host its own frames
    pib: int | None = None               # keeps a PIB of this layout (tasks.homeplug.pib.LAYOUTS), which VS_MODULE_OPERATION reads and writes
    boot_loader: bool = False            # has no firmware: knows its own name, asks the host for action, and nothing else


def _qualcomm(device_class: int, hardware: str, ident: int | None = None, **more) -> Habits:
    return Habits(**({"maker": QUALCOMM, "device_class": device_class, "hardware": hardware, "version": f"MAC-{hardware}-EMULATED-1.0", "ident": ident,
                      "set_key_result": 1, "nw_info": (0, 1), "attributes": True, "get_key": True, "report": True} | more))


KINDS: dict[str, Habits] = {
    "qca7005": _qualcomm(0x22, "QCA7005", 0x001B587C, link_status=True, sleep_ms=30_000, pib=0),
    "qca7000": _qualcomm(0x22, "QCA7000", 0x001B589C, link_status=True, sleep_ms=30_000, nw_info=(0,), loops_back=True, pib=0),
    "qca7420": _qualcomm(0x20, "QCA7420", 0x001CFCFC, restart_ms=4000, profile=False, pib=1),
    "qca7500": _qualcomm(0x30, "QCA7500", nw_info=(1,), restart_ms=3000),                                        # MMV and silence: ours
    "int6400": _qualcomm(0x03, "INT6400", nw_info=(0,), attributes=False, report=False, restart_ms=3000),        # ours, but for the name
    "cg5317": Habits(LUMISSIL, version="1.2.3.4", restart_ms=300),                                               # silence: ours
    "cg5317-old": Habits(LUMISSIL, version="1.0.0.7", restart_ms=300, lumissil_mmv=0, local_address=False),      # the form of libslac (1.9)
    "vertexcom": Habits(nw_stats=True, restart_ms=1000),                                                         # ours
    "generic": Habits(restart_ms=1000),                                                                          # takes keys and nothing else
    "bootloader": _qualcomm(0x22, "QCA7000", boot_loader=True, version="BootLoader", attributes=False, get_key=False, report=False, nw_info=()),
}
KINDS["tplink"] = KINDS["qca7420"]       # its name in files of before
BOOT_MAC = bytes.fromhex("00b052000003")         # a boot loader without PIB (sheet 1.2)
