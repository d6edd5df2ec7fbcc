"""Find the own modem, say what it is, and notice when it goes, sleeps, or is exchanged (slac-and-network sheet 4.1 "Detection").

Theory: the vendors' questions go to the local address first. That address never goes out on the power line, so who answers it
stands at our end. Only when nobody does they go out as broadcast, which the modem at the other end hears too when an old network
still stands: the first to answer is then taken, but as not proven, and gives way to one that answers the local address: by the
cookie of a VS_OP_ATTRIBUTES.REQ or the nonce of a key that nobody else has seen. After 2 s without any answer
the modem counts as generic, and is asked for ever: it may be late, asleep, or plugged in while we run.
"""
from __future__ import annotations

from kernel.timer import S, Timer
from tasks.homeplug import timing as t
from tasks.homeplug.events import ModemFound, ModemLost
from tasks.homeplug.modem_kinds import ASKED, CG5317, LUMISSIL, PRESET, QUALCOMM, Kind, hardware_kind, qualcomm_kind
from tasks.homeplug.modem_own import MAX_RIVALS, OwnModem
from tasks.homeplug.wire_header import BROADCAST, LOCAL_DEVICE
from tasks.homeplug.wire_link import VS_HST_ACTION_IND
from tasks.homeplug.wire_lumissil import (APCM_SET_CCO_CNF, APCM_SET_CCO_REQ, CCO_ALWAYS, CCO_NEVER, NSCM_GET_DEVICE_STATE_CNF,
                                          NSCM_GET_DEVICE_STATE_REQ, NSCM_GET_VERSION_CNF, NSCM_GET_VERSION_REQ, STATE_CCO, STATES)
from tasks.homeplug.wire_modem import VS_OP_ATTRIBUTES_CNF, VS_OP_ATTRIBUTES_REQ, VS_SW_VER_CNF, VS_SW_VER_REQ
from tasks.machine import Note

ROLE_TRIES = 3                         # APCM_SET_CCO.REQ to one modem; it has no known way to refuse
BOOT_LOADER = "BootLoader"             # how the version text of a modem without firmware begins (sheet 1.7)
NO_MODEM_HINT = ("no modem answers at this interface for %d s. Check: its supply; the cable or SPI connection between box and modem; the "
                 "interface name on the command line. A modem that knows no vendor's questions: slac.modem_kind: generic or vertexcom")
BOOT_HINT = ("modem %s runs its boot loader (%s): it has no firmware or PIB and cannot work. Load both from this host "
             "(plcboot of open-plc-utils), or into its flash; check its flash and strap resistors when it should have them")


class ModemSearch:
    """`gone_with_key`: it was away and may have lost its key; the owner gives it again and clears the mark."""

    def __init__(self, own: OwnModem, setting: str, rng, coordinator: bool | None, set_role: bool) -> None:
        """`coordinator`: the charger's modem; None: the role is not known, and never set."""
        self._own = own
        self._rng = rng
        self._asked = ASKED[setting]
        self._preset = own.kind = PRESET[setting]
        self._coordinator = coordinator
        self._set_role = set_role and coordinator is not None
        self._role_tries = 0
        self.needed = False                      # a link is watched: silence is a fault, not sleep
        self.gone_with_key = False
        self._cookie = b""
        self._answered_cookie: set[bytes] = set()
        self._broadcast_out = False              # a question has gone out by broadcast in this round
        self._began: int | None = None           # when somebody was asked first, or the modem was lost
        self._told_boot: bytes | None = None
        self._search = Timer()
        self._wide = Timer()
        self._old_form = Timer()                 # Lumissil: once more with MMV 0
        self._rival = Timer()
        self._rival_at = 0
        self._told = Timer()
        if self._asked:
            self._search.arm_at(0)               # ask as soon as somebody looks at a clock, which may have run for days

    # --- the verbs

    def receive(self, m, now: int) -> bool:
        """True when the message was for the search."""
        kind = type(m)
        if kind is VS_SW_VER_CNF:
            self._on_sw_ver(m, now)
        elif kind is VS_OP_ATTRIBUTES_CNF:
            self._on_attributes(m, now)
        elif kind is NSCM_GET_VERSION_CNF:
            if m.dst == self._own.host_mac:
                if self._own.mac in (None, m.src):
                    self._own.mmv = m.mmv
                self._identify(m.src, CG5317, "CG5317 " + ".".join(map(str, m.version[:4])), now)
                self._own.spoke(m, now)
        elif kind is NSCM_GET_DEVICE_STATE_CNF:
            if self._own.spoke(m, now):
                self._on_device_state(m.value)
            return False                         # the link test wants it too
        elif kind is APCM_SET_CCO_CNF:
            if self._own.spoke(m, now):
                self._role_tries = ROLE_TRIES
        elif kind is VS_HST_ACTION_IND:
            self._tell_boot(m.src, f"it asks its host for action {m.action}", now)
        else:
            return False
        return True

    def handle_timer(self, now: int) -> None:
        if self._search.take(now):
            self._round(now)
        own = self._own                          # one that answered a key's broadcast and may not know the local address is asked by its name
        if self._wide.take(now) and not own.identified:
            self._broadcast_out = True
            self._ask(own.mac or BROADCAST, now)
        if self._old_form.take(now) and not own.identified:
            own.out += (NSCM_GET_VERSION_REQ(LOCAL_DEVICE, own.host_mac, 0), NSCM_GET_VERSION_REQ(own.mac or BROADCAST, own.host_mac, 0))
        if self._rival.take(now):
            self._judge_rival(now)
        if self._told.take(now):
            if self._told_boot is None:
                self._own.events.append(Note(NO_MODEM_HINT, ((now - self._began) // S,), "warning"))
            self._told_boot = None               # a boot loader that still cries is told again instead
            self._told.arm(now, t.MODEM_TOLD_INTERVAL)

    def next_timer(self) -> int:
        return min(self._search.at, self._wide.at, self._old_form.at, self._rival.at, self._told.at)

    def restarted(self, now: int) -> None:
        """It took a key and is silent now: see when it is back."""
        if self._own.identified:
            self._search.arm(now, t.MODEM_RESTART_POLL)

    # --- asking

    def _round(self, now: int) -> None:
        own = self._own
        if self._began is None:
            self._began = now
            if own.mac is None:
                self._told.arm(now, t.MODEM_SILENT_LIMIT)
        if own.identified:
            silent = now - own.last_heard
            if silent >= t.MODEM_SILENT_LIMIT:
                self._lose(now)
            elif own.restarting:
                self._ask_present()
                self._search.arm(now, t.MODEM_RESTART_POLL)
                return
            elif silent < t.MODEM_PRESENCE_INTERVAL:
                self._search.arm_at(own.last_heard + t.MODEM_PRESENCE_INTERVAL)
                return
            else:
                self._ask_present()
                self._search.arm(now, t.MODEM_SEARCH_INTERVAL)
                return
        self._broadcast_out = False
        self._ask(LOCAL_DEVICE, now)
        self._wide.arm(now, t.MODEM_SEARCH_BROADCAST_DELAY)
        if LUMISSIL in self._asked:
            self._old_form.arm(now, 2 * t.MODEM_SEARCH_BROADCAST_DELAY)
        self._search.arm(now, t.MODEM_SEARCH_INTERVAL)

    def _ask(self, dst: bytes, now: int) -> None:
        host = self._own.host_mac
        if QUALCOMM in self._asked:
            self._own.out.append(VS_SW_VER_REQ(dst, host))
            if dst == LOCAL_DEVICE:
                self._ask_cookie()
        if LUMISSIL in self._asked:
            self._own.out.append(NSCM_GET_VERSION_REQ(dst, host))

    def _ask_cookie(self) -> None:
        """Whoever repeats this cookie has heard the local address."""
        self._cookie = self._rng.randbytes(4)
        self._answered_cookie.clear()
        self._own.out.append(VS_OP_ATTRIBUTES_REQ(LOCAL_DEVICE, self._own.host_mac, self._cookie))

    def _ask_present(self) -> None:
        own = self._own
        if own.kind.maker == LUMISSIL:
            own.out.append(NSCM_GET_DEVICE_STATE_REQ(own.address, own.host_mac, own.mmv))
        else:
            own.out.append(VS_SW_VER_REQ(own.address, own.host_mac))

    # --- answers

    def _on_sw_ver(self, m: VS_SW_VER_CNF, now: int) -> None:
        own = self._own
        if m.dst != own.host_mac or m.status:
            return
        if m.version.startswith(BOOT_LOADER):
            self._tell_boot(m.src, m.version, now)
            return
        if own.proven and m.src != own.mac and not self._rival.armed and m.src not in own.rivals:
            self._question_rivals(now)           # a second one at our end? the cookie tells
        kind = qualcomm_kind(m.device_class, m.ident)
        self._identify(m.src, kind, f"{kind.name} {m.version}", now)
        if own.spoke(m, now):
            self._search.arm_at(now + t.MODEM_PRESENCE_INTERVAL)

    def _on_attributes(self, m: VS_OP_ATTRIBUTES_CNF, now: int) -> None:
        own = self._own
        if m.dst != own.host_mac or m.status:
            return
        local = bool(self._cookie) and m.cookie == self._cookie
        if local and len(self._answered_cookie) <= MAX_RIVALS:
            self._answered_cookie.add(m.src)
        if local and own.mac is not None and m.src != own.mac and not own.proven:
            self._switch(m.src, hardware_kind(m.hardware), f"{m.hardware} {m.software}", now)
        elif local and own.mac is None:
            kind = hardware_kind(m.hardware)
            self._identify(m.src, kind, f"{kind.name} {m.software}", now)
        if own.spoke(m, now):
            own.proven = own.proven or local
            if local and m.hardware:
                own.events.append(Note("modem %s: hardware %s, software %s", (own.mac.hex(":"), m.hardware, m.software)))

    def _identify(self, mac: bytes, kind: Kind, text: str, now: int) -> None:
        own = self._own
        if own.identified or own.mac not in (None, mac):
            return
        own.mac, own.kind, own.identified = mac, kind, True
        own.proven = own.proven or not self._broadcast_out
        own.direct = kind.maker == LUMISSIL and not own.proven     # it may not know the local address (sheet 1.2)
        own.last_heard = now
        own.rivals.clear()
        self._wide.cancel()
        self._old_form.cancel()
        self._told.cancel()
        self._told_boot = None
        own.events.append(ModemFound(mac, text))
        if not own.proven:
            own.events.append(Note("modem %s answered a broadcast, nobody the local address: it may be the other end's until a key or cookie proves it",
                                   (mac.hex(":"),)))
        self._role_tries = 0
        if kind.maker == LUMISSIL:
            own.out.append(NSCM_GET_DEVICE_STATE_REQ(own.address, own.host_mac, own.mmv))

    def _switch(self, mac: bytes, kind: Kind, text: str, now: int) -> None:
        """Another one is the own modem: it answered what nobody else could hear."""
        own = self._own
        own.events.append(Note("modem %s is the own one, not %s", (mac.hex(":"), own.mac.hex(":")), "warning"))
        self._forget(now)
        self.gone_with_key = True
        self._broadcast_out = False
        self._identify(mac, kind, text, now)

    def prove(self, mac: bytes, sure: bool, now: int) -> bool:
        """`mac` repeated the nonce of a key; `sure`: only our end has seen it. False when another modem is known better."""
        own = self._own
        if own.mac is None:
            own.mac, own.proven = mac, sure
            own.last_heard = now
            self._told.cancel()
            own.events.append(ModemFound(mac, own.kind.name))
        elif own.mac != mac:
            if own.proven or not sure:
                return False
            own.events.append(Note("modem %s is the own one, not %s", (mac.hex(":"), own.mac.hex(":")), "warning"))
            own.mac, own.kind, own.identified, own.proven, own.direct = mac, self._preset, False, True, False
            own.events.append(ModemFound(mac, own.kind.name))
            self._search.arm_at(now)             # and what is it?
        else:
            own.proven = own.proven or sure
        return True

    # --- Lumissil: its role

    def _on_device_state(self, state: int) -> None:
        """The role comes from the configuration binary (sheet 1.9). It is set only when the modem's state shows that it is the wrong one.

        A charger's modem that is no coordinator by itself, and a car's that is one: APCM_SET_CCO, at most ROLE_TRIES times.
        """
        own = self._own
        if not self._set_role or self._role_tries >= ROLE_TRIES or (state == STATE_CCO) is self._coordinator:
            return
        self._role_tries += 1
        if self._role_tries == 1:
            own.events.append(Note("modem %s is %s: set to %s (APCM_SET_CCO)", (
                own.mac.hex(":"), STATES.get(state, f"in state {state}"), "always coordinator" if self._coordinator else "never coordinator")))
        own.out.append(APCM_SET_CCO_REQ(own.address, own.host_mac, CCO_ALWAYS if self._coordinator else CCO_NEVER, own.mmv))

    # --- going away

    def _lose(self, now: int) -> None:
        own = self._own
        asleep = own.kind.sleeps and self._coordinator is False and not self.needed
        if asleep:
            own.events.append(Note("modem %s is silent: a %s sleeps while it hears no coordinator, and wakes up with the charger's",
                                   (own.mac.hex(":"), own.kind.name)))
        else:
            own.events.append(Note("modem %s is silent for %d s", (own.mac.hex(":"), (now - own.last_heard) // S), "warning"))
        self._forget(now, asleep)
        self.gone_with_key = not asleep          # a sleeper keeps its key; a new one would make it restart just when it is needed

    def _forget(self, now: int, asleep: bool = False) -> None:
        own = self._own
        own.events.append(ModemLost(asleep))
        self._rival.cancel()
        own.mac, own.kind = None, self._preset
        own.identified = own.proven = own.direct = False
        self._began = now
        if asleep:
            self._told.cancel()
        else:
            self._told.arm(now, t.MODEM_SILENT_LIMIT)

    def _question_rivals(self, now: int) -> None:
        self._rival_at = now
        self._ask_cookie()
        self._ask_present()                      # an old modem that knows no cookies answers this
        self._rival.arm(now, t.MODEM_RIVAL_WAIT)

    def _judge_rival(self, now: int) -> None:
        """Who answered the local address besides the own modem: a second one, or the one that has taken its place."""
        own = self._own
        if own.restarting:                       # its silence says nothing now
            self._question_rivals(now)
            return
        others = [mac for mac in sorted(self._answered_cookie) if mac != own.mac]
        if not others or own.mac is None:
            return
        if own.mac in self._answered_cookie or own.last_heard >= self._rival_at:
            for mac in others:
                if mac not in own.rivals and len(own.rivals) < MAX_RIVALS:
                    own.rivals.append(mac)
                    own.direct = True            # the local address would reach both
                    own.events.append(Note("two modems at this interface: %s is used, %s is not. Unplug the second one, or give each an interface "
                                           "of its own", (own.mac.hex(":"), mac.hex(":")), "warning"))
            return
        own.events.append(Note("modem %s has been exchanged for %s", (own.mac.hex(":"), others[0].hex(":")), "warning"))
        self._forget(now)
        self.gone_with_key = True
        self._search.arm_at(now)

    def _tell_boot(self, mac: bytes, what: str, now: int) -> None:
        if self._told_boot != mac and self._own.mac in (None, mac):
            self._told_boot = mac
            if self._own.mac is None:
                self._own.events.append(ModemFound(mac, "boot loader, no firmware"))
            self._own.events.append(Note(BOOT_HINT, (mac.hex(":"), what), "error"))
