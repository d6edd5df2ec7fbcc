"""Which modems answer, and which of them is ours: the local address first, then everybody.

The address 00:B0:52:00:00:01 is answered by a modem at this end of the cable and never sent to the power line (sheet
1.2), so who answers it is local. Who answers only the broadcast afterwards is somewhere on the power line. Another program
on this host may broadcast at the same moment, and the answers look alike; therefore the local address is also asked with a
number that comes back, and who has repeated it is proven to be local. A Lumissil
modem knows the broadcast only, so whose it is stays unknown; of it no more is read here than its version (sheet 1.9).
"""
from __future__ import annotations

import struct
from dataclasses import dataclass

from kernel.timer import MS, Timer
from tasks.errors import WireError
from tasks.homeplug.wire import parse
from tasks.homeplug.wire_header import BROADCAST, LOCAL_DEVICE, emit_frame, read_header
from tasks.homeplug.wire_modem import DEVICE_CLASSES, VS_OP_ATTRIBUTES_CNF, VS_OP_ATTRIBUTES_REQ, VS_SW_VER_CNF, VS_SW_VER_REQ

ASK_EVERY = 500 * MS     # never faster (2.8 row 13)
AFTER_FIRST = 600 * MS   # one more question after the first answer: there may be two modems
WIDE = 1200 * MS         # for everybody else
MAX_MODEMS = 64
OLD_CLASSES = (0x03, 0x04)       # INT6400, AR7400: no VS_MODULE_OPERATION, layout of the PIB not known
OUI_LUMISSIL = bytes.fromhex("0016e8")
NSCM_GET_VERSION = 0xAC6C        # 1.9: REQ; CNF one higher


@dataclass(slots=True)
class Found:
    """`local`: at this end of the cable; False: over the power line; None: cannot be told (Lumissil). `proven`: beyond doubt."""

    mac: bytes
    local: bool | None
    maker: str
    chip: str
    version: str
    device_class: int | None = None
    proven: bool = False
    hardware: str = ""
    build: str = ""

    @property
    def boot_loader(self) -> bool:
        return self.version.startswith("BootLoader")

    @property
    def obstacle(self) -> str:
        """Why this tool cannot set it up, empty when it can try."""
        if self.maker != "Qualcomm":
            return "not configurable by this tool: its role is in the configuration file that its host loads at start"
        if self.boot_loader:
            return "in boot loader: it has no valid firmware or PIB; load both with the maker's tool (open-plc-utils: plcboot)"
        if self.device_class in OLD_CLASSES:
            return "not configurable by this tool: old chip, PIB layout unknown; it works unchanged in both roles"
        if self.local is False:
            return "not ours: it answers over the power line only"
        return ""


@dataclass(slots=True)
class SearchDone:
    """Local ones first, then by MAC."""

    modems: list[Found]


class Search:
    """Takes whole frames, for it listens to makers whose messages the slice need not know.

    `patience`: ns for the local modem. `cookie`: four octets that nobody can guess. Without `everybody` it ends early when
    the local modem (or, among several, the `wanted` one) has answered.

    Counters: `bad` frames, `more` modems than are kept.
    """

    def __init__(self, host_mac: bytes, patience: int, cookie: bytes, *, everybody: bool = True, wanted: bytes | None = None) -> None:
        self._host_mac = host_mac
        self._cookie = cookie
        self._everybody = everybody
        self._wanted = wanted
        self._patience = patience
        self._found: dict[bytes, Found] = {}
        self._wide = False
        self._ask = Timer()
        self._end = Timer()
        self._out: list = []
        self._events: list = []
        self.bad = 0
        self.more = 0

    def start(self, now: int) -> None:
        self._ask.arm_at(now)
        self._end.arm(now, self._patience)

    # --- the five verbs

    def receive(self, frame: bytes, now: int) -> None:
        try:
            header = read_header(frame)
            if header.dst != self._host_mac:
                return
            if header.mmtype == NSCM_GET_VERSION | 1:
                self._on_lumissil(frame, header.entry, header.src)
                return
            m = parse(frame)
        except WireError:
            self.bad += 1
            return
        if type(m) is VS_SW_VER_CNF and m.status == 0:
            self._on_version(m, now)
        elif type(m) is VS_OP_ATTRIBUTES_CNF and m.src in self._found and m.status == 0:
            found = self._found[m.src]
            if m.cookie == self._cookie:
                found.proven = found.local = True            # its answer to the first question may have been lost
            found.hardware, found.build = m.hardware, f"{m.build_date} {m.release_type}".strip()

    def handle_timer(self, now: int) -> None:
        if self._ask.take(now):
            self._ask.arm(now, ASK_EVERY)
            if self._wide:
                self._out += [VS_SW_VER_REQ(BROADCAST, self._host_mac), *self._lumissil()]
            else:
                self._out.append(VS_SW_VER_REQ(LOCAL_DEVICE, self._host_mac))
            self._out.append(VS_OP_ATTRIBUTES_REQ(LOCAL_DEVICE, self._host_mac, self._cookie))
        if self._end.take(now):
            if self._wide or not self._everybody and self._found and self._wanted in (None, *self._found):
                self._ask.cancel()
                self._events.append(SearchDone(sorted(self._found.values(), key=lambda f: (f.local is not True, f.mac))))
            else:
                self._wide = True
                self._ask.arm_at(now)
                self._end.arm(now, WIDE)

    def outgoing(self) -> list:
        out, self._out = self._out, []
        return out

    def events(self) -> list:
        events, self._events = self._events, []
        return events

    def next_timer(self) -> int:
        return min(self._ask.at, self._end.at)

    # ---

    def _on_version(self, m: VS_SW_VER_CNF, now: int) -> None:
        if not self._wide and not self._found:
            self._end.arm_at(min(self._end.at, now + AFTER_FIRST))
        self._keep(Found(m.src, not self._wide, "Qualcomm", DEVICE_CLASSES.get(m.device_class, f"class 0x{m.device_class:02x}"), m.version,
                         m.device_class))

    def _on_lumissil(self, frame: bytes, entry: int, src: bytes) -> None:
        at = entry + 22                          # OUI and 19 octets of its own header
        if frame[entry:entry + 3] != OUI_LUMISSIL or len(frame) < at + 6:
            self.bad += 1
            return
        self._keep(Found(src, None, "Lumissil", "CG5317", ".".join(map(str, struct.unpack_from("<3H", frame, at)))))

    def _keep(self, found: Found) -> None:
        if found.mac in self._found:
            return
        if len(self._found) >= MAX_MODEMS:
            self.more += 1
            return
        self._found[found.mac] = found

    def _lumissil(self) -> list:
        """In both forms, for the sources differ about it (sheet 1.9)."""
        return [_Raw(emit_frame(BROADCAST, self._host_mac, mmv, NSCM_GET_VERSION, OUI_LUMISSIL + bytes(19))) for mmv in (1, 0)]


@dataclass(slots=True)
class _Raw:
    """A frame that no class of the slice builds."""

    frame: bytes

    def emit(self) -> bytes:
        return self.frame
