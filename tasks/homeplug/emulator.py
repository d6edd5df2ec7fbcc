"""A HomePlug modem in software: answers its host as its kind does and lets frames pass only within one network.

Theory: the machine stands between a host side and a line side. On the line every emulated modem announces itself by
beacons; two modems that announce the same key digest are joined after `join_ms`. SLAC passes the line at any time (stations
outside a network hear it), everything else only between joined modems. A new key makes the modem silent for a while, as
real ones are. As the charger's modem it measures each M-SOUND: one CM_ATTEN_PROFILE.IND to its host. What kinds of modems do
differently stands in emulator_kinds.py; the messages of the Lumissil kinds are answered in emulator_lumissil.py.
`now` and `rng` come in, frames come and go as octets; emulator_nic.py puts this between a program and its interface.
"""
from __future__ import annotations

from collections import deque

from kernel.record import dataclass
from kernel.timer import MS, NEVER, US, Timer
from tasks.errors import WireError
from tasks.homeplug import pib
from tasks.homeplug.config import EmulatorConfig
from tasks.homeplug.emulator_answers import REQUESTS, answer_of
from tasks.homeplug.emulator_flash import EmulatedFlash
from tasks.homeplug.emulator_kinds import BOOT_MAC, KINDS
from tasks.homeplug.emulator_lumissil import lumissil_news
from tasks.homeplug.keys import nid_from_nmk
from tasks.homeplug.modem_kinds import LUMISSIL, QUALCOMM
from tasks.homeplug.wire import CM_ATTEN_PROFILE_IND, CM_MNBC_SOUND_IND, MAX_GROUPS, is_slac, parse
from tasks.homeplug.wire_emulator import BEACON_MARK, Beacon, key_digest
from tasks.homeplug.wire_header import BROADCAST, ETHERTYPE, LOCAL_DEVICE
from tasks.homeplug.wire_keys import CM_SET_KEY_REQ
from tasks.homeplug.wire_link import VS_HST_ACTION_IND
from tasks.homeplug.wire_lumissil import NSCM_RESET_DEVICE_REQ
from tasks.homeplug.wire_modem import VS_ATTENUATION_CHARACTERISTICS_IND, VS_RS_DEV_REQ

ANSWER_DELAY = 500 * US                # modems answer their host in 0.3 to 0.8 ms (sheet 1.5)
MAX_NEIGHBOURS = 16
MAX_QUEUE = 256                        # frames waiting for the host; more are dropped and counted
BEACONS_MISSED = 5                     # a neighbour is gone after so many silent beacon periods
WAKE_TIME = 500 * MS                   # from the first beacon of a coordinator to being there again (ours)
REPORT_MARK = b"\x88\xe1\x00\x4e\xa1"              # VS_ATTENUATION_CHARACTERISTICS.IND passes without a network, like SLAC
PROFILE_SHAPE = (0, 1, 2, 1, 0, 1, 3, 2)         # dB above the configured value, repeated over the groups


@dataclass(slots=True)
class Neighbour:
    """Another emulated modem on the line, as its last beacon told."""

    host_mac: bytes
    nid: bytes
    digest: bytes
    alive: bool
    heard_at: int
    never_cco: bool = False
    period: int = 0                    # ns between its beacons
    joined_at: int = NEVER             # from then on we are in one network


class EmulatedModem:
    """`coordinator`: the charger's modem (CCo), which also measures sounds, unless the configuration's `pib_role` is another.
    `attenuation_by_mac`: dB for particular cars. `flash` holds the PIB, which makes it what it is; given: one that has lived before.

    Counters: `blocked` frames that no network carried, `overflow` frames that the host did not fetch.
    """

    def __init__(self, config: EmulatorConfig, host_mac: bytes, coordinator: bool, rng,
                 attenuation_by_mac: dict[bytes, int] | None = None, flash: EmulatedFlash | None = None) -> None:
        self.host_mac = host_mac
        self.habits = habits = KINDS[config.kind]
        self._restart_time = (habits.restart_ms if config.restart_ms is None else config.restart_ms) * MS
        self.rate = config.rate_mbit             # to and from every other modem
        self._join_time = config.join_ms * MS
        self._beacon_period = config.beacon_ms * MS
        self._attenuation = config.attenuation_db
        self._attenuation_by_mac = dict(attenuation_by_mac or {})
        self.rng = rng
        self.nmk = rng.randbytes(16)             # like a modem fresh from the factory: in a network of its own
        self.nid = nid_from_nmk(self.nmk)
        self._digest = key_digest(self.nid, self.nmk)
        if flash is None:
            role = ("evse" if coordinator else "pev") if config.pib_role == "auto" else config.pib_role
            # the modem's MAC must differ from the host's (sheet 1.2): locally administered, last octet changed
            mac = bytes((host_mac[0] | 2,)) + host_mac[1:5] + bytes((host_mac[5] ^ 0x55,))
            flash = EmulatedFlash(pib.new_image(pib.LAYOUTS[habits.pib or 0], mac, None if role == "unset" else role, self.nmk, self.nid))
        self.flash = flash
        self._live_by_flash()
        self.neighbours: dict[bytes, Neighbour] = {}
        self.blocked = 0
        self.overflow = 0
        self.asleep = False                      # hears no coordinator, answers nobody
        self._sleep_after = habits.sleep_ms * MS if config.sleep and not coordinator else 0
        self._told_link = False                  # Lumissil: the link status that its host has been told
        self._restart = Timer()                  # armed while silent
        self._sleep = Timer()                    # when it falls asleep (from the first beacon on), or when it will be awake again
        self._beacon = Timer()
        self._beacon.arm_at(0)
        self._to_host: deque[tuple[int, bytes]] = deque()
        self._to_line: list[bytes] = []

    # --- the two sides and time

    def from_host(self, frame: bytes, now: int) -> None:
        """The host sends a frame: for us, for the line, or for both."""
        if len(frame) < 14:
            return
        if self.habits.loops_back:
            self._queue(frame, now)
        dst = frame[0:6]
        if self._silent or self.boot_loader and dst not in (LOCAL_DEVICE, BROADCAST, self.mac):
            self.blocked += 1
            return
        if frame[12:14] == ETHERTYPE:
            if dst == LOCAL_DEVICE or dst == self.mac:
                if dst == self.mac or self.habits.local_address:
                    self._answer(frame, now, line=False)
                return
            if is_slac(frame) and not self.boot_loader:
                self._to_line.append(frame)
                return
            if dst == BROADCAST:
                self._answer(frame, now, line=False)
                if frame[14:17] == b"\1\x08\x60":        # CM_SET_KEY.REQ: the key stays on this side of the line
                    return
        if self._network_carries(dst, now):
            self._to_line.append(frame)
        else:
            self.blocked += 1

    def from_line(self, frame: bytes, now: int) -> None:
        """A frame from the power line: a beacon, SLAC, something from our network, or none of our business."""
        if frame[12:20] == BEACON_MARK:
            self._on_beacon(frame, now)
            return
        if len(frame) < 14 or self._silent or self.boot_loader:
            return
        dst = frame[0:6]
        if is_slac(frame) or frame[12:17] == REPORT_MARK:
            self._deliver(frame, now)
            if self.measures and dst == BROADCAST and frame[15:17] == b"\x76\x60":
                self._measure(frame, now)
            return
        sender = self._neighbour_of(frame[6:12])
        if sender is None or now < sender.joined_at:
            self.blocked += 1
            return
        if frame[12:14] == ETHERTYPE and (dst == self.mac or dst == BROADCAST):
            self._answer(frame, now, line=True)
            if dst == self.mac:
                return
        if dst[0] & 1 or dst == self.host_mac:
            self._deliver(frame, now)

    def overhear(self, frame: bytes, now: int) -> None:
        """A frame for another station, for a host that listens."""
        if not self._silent and not self.boot_loader:
            self._queue(frame, now)

    def power_cut(self, now: int) -> None:
        """The supply goes away and comes back."""
        self.flash.power_cut()
        self._to_host.clear()
        self._live_by_flash()
        self._go_silent(now)

    def handle_timer(self, now: int) -> None:
        if now >= self.flash.next_timer():
            self._end_commit(now)
        if now < self._due():
            return
        if self._restart.take(now):
            self._announce(now)
        if self._sleep.take(now):
            self._fall_asleep_or_wake(now)
        if self._beacon.take(now):
            lost = [mac for mac, n in self.neighbours.items() if now - n.heard_at > BEACONS_MISSED * max(n.period, self._beacon_period)]
            for mac in lost:
                del self.neighbours[mac]
            if self._sleep_after and not self.asleep and not self._sleep.armed:
                self._sleep.arm(now, self._sleep_after)
            self._announce(now)
            if self.boot_loader:
                self._deliver(VS_HST_ACTION_IND(self.host_mac, self.mac, 0).emit(), now)
        if self.habits.maker == LUMISSIL:
            self._tell_link(now)

    def to_host(self, limit: int, now: int) -> list[tuple[int, bytes]]:
        """At most `limit` frames whose time has come, each with that time."""
        out = []
        queue = self._to_host
        while queue and len(out) < limit and queue[0][0] <= now:
            out.append(queue.popleft())
        return out

    def to_line(self) -> list[bytes]:
        """Drains what is to be sent on the line."""
        out = self._to_line
        if out:
            self._to_line = []
        return out

    def next_timer(self) -> int:
        """Next time at which handle_timer or to_host has something to do."""
        return min(self._due(), self.flash.next_timer(), self._to_host[0][0] if self._to_host else NEVER)

    def _due(self) -> int:
        join = NEVER
        if self.habits.maker == LUMISSIL and not self._told_link and not self._silent:
            join = min((n.joined_at for n in self.neighbours.values()), default=NEVER)
        return min(self._restart.at, self._beacon.at, self._sleep.at, join)

    def joined(self, now: int) -> list[tuple[bytes, Neighbour]]:
        """The modems that are in our network now."""
        if self._silent:
            return []
        return [(mac, n) for mac, n in self.neighbours.items() if now >= n.joined_at]

    # --- network membership

    @property
    def _silent(self) -> bool:
        return self._restart.armed or self.asleep

    def _announce(self, now: int) -> None:
        alive = not self._silent and not self.boot_loader
        self._to_line.append(Beacon(self.mac, self.host_mac, self.nid, self._digest, alive, self.coordinator, self.never_cco,
                                    self._beacon_period // MS).emit())
        self._beacon.arm(now, self._beacon_period)

    def _on_beacon(self, frame: bytes, now: int) -> None:
        try:
            b = Beacon.parse(frame)
        except WireError:
            self.blocked += 1
            return
        if b.src == self.mac:
            return
        n = self.neighbours.get(b.src)
        if n is None:
            if len(self.neighbours) >= MAX_NEIGHBOURS:
                self.blocked += 1
                return
            n = self.neighbours[b.src] = Neighbour(b.host_mac, b.nid, b.digest, b.alive, now, b.never_cco, b.period_ms * MS)
            news = True
        else:
            news = n.digest != b.digest or n.alive != b.alive
            n.host_mac, n.nid, n.digest, n.alive, n.heard_at, n.never_cco = b.host_mac, b.nid, b.digest, b.alive, now, b.never_cco
        self._judge(n, now)
        if self.habits.maker == LUMISSIL:
            self._tell_link(now)
        if b.coordinator and self._sleep_after:
            if not self.asleep:
                self._sleep.arm(now, self._sleep_after)
            elif not self._sleep.armed:
                self._sleep.arm(now, WAKE_TIME)
        if news and not self._restart.armed:
            self._announce(now)                  # so that it knows us as soon as we know it

    def _judge(self, n: Neighbour, now: int) -> None:
        """Joined `join_ms` after both hold the same key and are alive, one of them a coordinator; not joined at once when that ends."""
        nobody_coordinates = self.never_cco and n.never_cco and not any(
            other.alive and other.digest == self._digest and not other.never_cco for other in self.neighbours.values())
        if not (n.alive and n.digest == self._digest) or self._silent or self.boot_loader or nobody_coordinates:
            n.joined_at = NEVER
        elif n.joined_at == NEVER:
            n.joined_at = now + self._join_time

    def _fall_asleep_or_wake(self, now: int) -> None:
        """No coordinator for long enough, or the first one again (sheet 2.8 row 11)."""
        self.asleep = not self.asleep
        for n in self.neighbours.values():
            n.joined_at = NEVER
        if not self.asleep:
            self._sleep.arm(now, self._sleep_after)
        self._announce(now)

    def _tell_link(self, now: int) -> None:
        """A Lumissil modem tells its host by itself when the link comes and goes."""
        linked = bool(self.joined(now))
        if linked != self._told_link:
            self._told_link = linked
            for message in lumissil_news(self, linked):
                self._deliver(message.emit(), now)

    @property
    def boot_loader(self) -> bool:
        """It has no firmware, or lost what it needs: it knows its own name and nothing else."""
        return self.habits.boot_loader or self.flash.boot_loader

    def _live_by_flash(self) -> None:
        """After power-up and reset: MAC and role are what the PIB says (sheet 1.8)."""
        cco_selection, slac_mode = self.flash.role_bytes
        self.mac = BOOT_MAC if self.habits.boot_loader else self.flash.mac
        self.coordinator = cco_selection == pib.ROLE_BYTE[pib.EVSE]
        self.never_cco = cco_selection == pib.ROLE_BYTE[pib.PEV]
        self.measures = slac_mode == pib.ROLE_BYTE[pib.EVSE]       # in another mode it tells its host nothing of the sounds

    def _end_commit(self, now: int) -> None:
        ended = self.flash.handle_timer(now)
        if ended is None:
            return
        answer, line, reset = ended
        if line:
            self._to_line.append(answer.emit())
        else:
            self._deliver(answer.emit(), now)
        if reset:
            self._reset(now)

    def _reset(self, now: int) -> None:
        self.flash.boot()
        self._live_by_flash()
        self._go_silent(now)

    def _use_key(self, nid: bytes, nmk: bytes, now: int) -> None:
        self.flash.use_key(nid, nmk)
        self.nid = nid
        self.nmk = nmk
        self._digest = key_digest(nid, nmk)
        self._go_silent(now)

    def _go_silent(self, now: int) -> None:
        self._restart.arm(now, self._restart_time)
        for n in self.neighbours.values():
            n.joined_at = NEVER
        self._announce(now)

    def _neighbour_of(self, mac: bytes) -> Neighbour | None:
        """The neighbour that is, or stands before, the station with this MAC."""
        n = self.neighbours.get(mac)
        if n is not None:
            return n
        for n in self.neighbours.values():
            if n.host_mac == mac:
                return n
        return None

    def _network_carries(self, dst: bytes, now: int) -> bool:
        if dst[0] & 1:
            return any(now >= n.joined_at for n in self.neighbours.values())
        n = self._neighbour_of(dst)
        return n is not None and now >= n.joined_at

    # --- measuring and answering

    def _deliver(self, frame: bytes, now: int) -> None:
        """To the host, if it is meant for it; in order, behind what is already waiting."""
        if frame[0] & 1 or frame[0:6] == self.host_mac:
            self._queue(frame, now)

    def _queue(self, frame: bytes, now: int) -> None:
        if len(self._to_host) >= MAX_QUEUE:
            self.overflow += 1
            return
        self._to_host.append((max(now, self._to_host[-1][0]) if self._to_host else now, frame))

    def _measure(self, frame: bytes, now: int) -> None:
        try:
            sound = parse(frame)
        except WireError:
            self.blocked += 1
            return
        if type(sound) is not CM_MNBC_SOUND_IND:
            return
        aag = b""
        if self.habits.profile:
            base = self._attenuation_by_mac.get(sound.src, self._attenuation)
            aag = bytes(base + PROFILE_SHAPE[i % len(PROFILE_SHAPE)] for i in range(MAX_GROUPS))
        if self.habits.report:                   # just before the profile, and on the line for whoever listens (sheet 1.4)
            report = VS_ATTENUATION_CHARACTERISTICS_IND(BROADCAST, self.mac, sound.src, aag).emit()
            self._to_line.append(report)
            self._deliver(report, now)
        self._deliver(CM_ATTEN_PROFILE_IND(BROADCAST, self.mac, sound.src, aag).emit(), now)

    def _answer(self, frame: bytes, now: int, line: bool) -> None:
        """Answer a request to a modem; from the line only what remote modems answer to members of their network."""
        try:
            m = parse(frame)
        except WireError:
            self.blocked += 1
            return
        if not isinstance(m, REQUESTS):
            return
        answer = answer_of(self, m, now, line)
        if answer is not None:
            if line:
                self._to_line.append(answer.emit())
            else:
                self._deliver(answer.emit(), now + ANSWER_DELAY)
        kind, maker = type(m), self.habits.maker
        if line or self.boot_loader:
            return
        if kind is CM_SET_KEY_REQ:
            self._use_key(m.nid, m.nmk, now)
        elif kind is VS_RS_DEV_REQ and maker == QUALCOMM or kind is NSCM_RESET_DEVICE_REQ and maker == LUMISSIL:
            self._reset(now)
