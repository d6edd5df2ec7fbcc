"""The two ends of the V2G task: which signals become facts, which wishes become leases, what is reported."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable

from drivers.interfaces import PilotState
from kernel.channels import Lease, Writer
from kernel.timer import MS, NEVER, S
from tasks.signals import OutputRequest, Signals
from tasks.v2g.config import EvConfig, EvseConfig
from tasks.v2g.evse_states import Evse
from tasks.v2g.facts import EvseFacts, PevFacts
from tasks.v2g.handshake import HandshakeEvse, HandshakePev
from tasks.v2g.pev_states import Pev
from tasks.v2g.protocols import ISO2, Protocol, chosen
from tasks.v2g.session import Session
from tasks.v2g.told import Told, ToldLimits

if TYPE_CHECKING:
    from tasks.v2g.dc_pev import DcPev
    from tasks.v2g.evse_conversation import EvseConversation

WRITER = "v2g"
NO_ERROR = "NO_ERROR"
RENEW_INTERVAL = 1 * S       # leases lapse after 3 s
PAUSE_POLL = 200 * MS        # nothing else would notice between two sessions that the plug was pulled
GAP_LIMIT = 3 * S            # a longer pause between two reports is not charging time


# The messages of ISO 15118-2 take longer to load (36 ms on a PC) than a tick may, and than a start should: `prepare` does it before the link is up.

def _iso2_pev() -> type:
    from tasks.v2g.iso2_pev import Iso2Pev
    return Iso2Pev


def _iso2_evse() -> type:
    from tasks.v2g.iso2_evse import Iso2Evse
    return Iso2Evse


def _is_iso2(protocol: Protocol) -> bool:
    return protocol.key == ISO2.key


def _prepare(codec: Any, protocols: tuple[Protocol, ...], machine: Callable[[], type]) -> None:
    for protocol in protocols:
        codec.prepare(protocol.schema)
    if any(_is_iso2(p) for p in protocols):
        machine()


def _share(signals: Signals) -> float:
    """0.1 to 1: how much of its power the person allows."""
    percent = signals.power_share.value
    return 1.0 if percent is None else percent / 100


class EnergyCounter:
    """Wh of one session: power times the time since the previous report; unknown power counts nothing."""

    __slots__ = ("_writer", "_out", "_total", "_drawn", "_power", "_at", "_begun")

    def __init__(self, writer: Writer[float], out: Writer[float] | None = None) -> None:
        """`out`: for what is drawn out of the car; without it that is taken off."""
        self._writer = writer
        self._out = out
        self.restart()

    def restart(self) -> None:
        self._total = self._drawn = 0.0
        if self._out is not None:
            self._out.set(None, 0)
        self._power: float | None = None
        self._at = 0
        self._begun: float | None = None         # the meter's register at the first look

    def go_on(self) -> None:
        """The same session after a pause."""
        self._power = None

    def report(self, voltage: float | None, current: float | None, now: int) -> None:
        """The power until now was that of the previous report."""
        gap = now - self._at
        if self._power is not None and 0 < gap <= GAP_LIMIT:
            energy = self._power * gap / (3600 * S)
            if self._out is not None and energy < 0.0:
                self._drawn -= energy
                self._out.set(self._drawn, now)
            else:
                self._total += energy
            self._writer.set(max(0.0, self._total), now)
        self._power = None if voltage is None or current is None else voltage * current
        self._at = now

    def register(self, energy: float, now: int) -> None:
        """Wh, what a meter has counted since ever."""
        if self._begun is None:
            self._begun = energy
        self._writer.set(max(0.0, energy - self._begun), now)


class PevSide:
    """A car: asks for lock, state C and contactors; reports what the charger says."""

    waits_for_peer_close = False         # the car closes the stream (sheet 7.1)

    def __init__(self, signals: Signals, config: EvConfig, evccid: bytes) -> None:
        from tasks.v2g.din_pev import DinPev         # a box is car or charger, and loads the one
        self._din = DinPev
        self._s = s = signals
        self._config = config
        self._evccid = evccid
        self._facts = PevFacts()
        self._protocols = chosen(config.protocols, config.ac, din=config.schema_id_din, iso2=config.schema_id_iso2)
        self._session: Session | None = None
        self._resume = b""               # id of the session that was paused last
        self._refused = 0                # handshakes in a row that came to nothing
        self._machine: DcPev | None = None       # None until a protocol is agreed
        self._lock = Lease(s.lock_request.claim(WRITER))
        self._pilot_c = Lease(s.pilot_c_request.claim(WRITER))
        self._contactors = Lease(s.contactor_request.claim(WRITER))
        self._ac_current = Lease(s.ac_current_request.claim(WRITER))
        self._held: tuple = (False, False, False, None)
        self._renew_at = NEVER
        self._voltage = s.evse_present_voltage.claim(WRITER)
        self._current = s.evse_present_current.claim(WRITER)
        self._max_voltage = s.evse_max_voltage.claim(WRITER)
        self._max_current = s.evse_max_current.claim(WRITER)
        self._max_power = s.evse_max_power.claim(WRITER)
        self._energy = EnergyCounter(s.session_energy.claim(WRITER), s.session_energy_out.claim(WRITER))
        self._ac_session = s.ac_session.claim(WRITER)
        self._target_voltage = s.ev_target_voltage.claim(WRITER)
        self._target_current = s.ev_target_current.claim(WRITER)
        self._told = Told(s, WRITER)
        self._bridge = s.vehicle_joined.writer is not None       # its task is made before this one
        self._min_voltage = s.evse_min_voltage.claim(WRITER)
        self._stopping = s.v2g_stopping.claim(WRITER)

    def prepare(self, codec: Any) -> None:
        """A session is near."""
        _prepare(codec, self._protocols, _iso2_pev)

    def forget_pause(self) -> None:
        """The session that was paused is not to be joined any more."""
        self._resume = b""
        if self._machine is not None and self._machine.state is Pev.Ended:
            self._machine = None

    def new_session(self) -> Session:
        offers = self._offers()
        if self._machine is not None and self._machine.paused:
            self._resume = self._machine.session_id
        if self._resume:
            self._energy.go_on()
        else:
            self._energy.restart()
        self._machine = None
        self._told.agreed(None)
        self._session = Session(HandshakePev(offers), self._make)
        return self._session

    def _offers(self) -> tuple[Protocol, ...]:
        """Everything at first; after a handshake that came to nothing, or to a protocol in which it then does not answer, each protocol
        alone, in turn: the charger may choke on a list, or mean another one than it says."""
        session, machine = self._session, self._machine
        refused = session is not None and (not session.agreed or machine is not None and not machine.established and machine.stopping is None)
        self._refused = self._refused + 1 if refused else 0
        alone = [(p,) for p in self._protocols] if len(self._protocols) > 1 else []
        return (self._protocols, *alone)[self._refused % (1 + len(alone))]

    def _make(self, protocol: Protocol) -> DcPev:
        self._told.agreed(protocol.text)
        if _is_iso2(protocol):
            self._machine = _iso2_pev()(self._config, self._evccid, self._facts, self._resume)
        else:
            self._machine = self._din(self._config, self._evccid, self._facts)
        self._resume = b""
        return self._machine

    def refresh(self, now: int) -> None:
        """Signals -> facts; stale is None."""
        f, s = self._facts, self._s
        pilot = s.pilot_commanded.get(now)
        f.pilot_c = None if pilot is None else pilot is PilotState.C
        f.lock_confirmed = s.lock_confirmed.get(now)
        f.contactors_closed = s.contactors_closed.get(now)
        f.trip = s.safety_trip.value or ""
        f.inlet_voltage = s.inlet_voltage.get(now)
        f.battery_voltage = s.battery_voltage.get(now)
        f.soc = s.battery_soc.get(now)
        f.target_voltage = s.battery_target_voltage.get(now)
        f.target_current = s.battery_target_current.get(now)
        f.max_voltage = s.battery_max_voltage.get(now)
        f.max_current = s.battery_max_current.get(now)
        f.max_power = s.battery_max_power.get(now)
        f.current_limit = s.current_limit.get(now)
        f.capacity = s.battery_capacity.get(now)
        f.permission = s.charge_permission.get(now)
        f.ac_current = s.ac_current.get(now)
        f.power_share = _share(s)
        if self._bridge:
            f.vehicle_ready = s.vehicle_ready.get(now) is True
            f.vehicle_joined = s.vehicle_joined.get(now) is True
            f.precharge_voltage = s.precharge_voltage.get(now)
            f.precharge_tolerance = s.precharge_tolerance.get(now)
            f.remaining_seconds = s.vehicle_remaining.get(now)
            f.error = s.ev_error_code.value or NO_ERROR
        if s.pilot_state.get(now) is PilotState.A:       # another charger knows nothing of the session
            self.forget_pause()

    def renew(self, now: int) -> int:
        """Wishes -> leases. Returns when they are to be renewed, NEVER when none is held."""
        m = self._machine
        self._stopping.set(None if m is None else m.stopping, now)
        if m is None:
            return now + PAUSE_POLL if self._resume else NEVER       # a handshake that came to nothing leaves the id for the next one
        wanted = (m.wants_pilot_c, m.wants_contactors, m.wants_lock, m.wants_current)
        if wanted == self._held and now < self._renew_at - RENEW_INTERVAL // 2:     # earlier when we run anyway
            return now + PAUSE_POLL if m.paused else self._renew_at
        for lease, want, held in zip((self._pilot_c, self._contactors, self._lock, self._ac_current), wanted, self._held):
            if want:
                lease.renew(want, now)
            elif held:
                lease.release(now)
        self._held = wanted
        self._renew_at = now + RENEW_INTERVAL if any(wanted) else NEVER
        return now + PAUSE_POLL if m.paused else self._renew_at

    def report(self, now: int) -> None:
        """After a message: what the charger says, what we asked for."""
        m = self._machine
        if m is None:
            return
        self._ac_session.set(not m.dc, now)
        self._told.named(m.evse_id)
        if m.evse_voltage is not None:
            self._voltage.set(m.evse_voltage, now)
        if m.evse_current is not None:
            self._current.set(m.evse_current, now)
            self._energy.report(m.evse_voltage, m.evse_current, now)
        elif m.wants_current:
            self._energy.report(self._s.ac_power.get(now), 1.0, now)
        if m.target_voltage is not None:
            self._target_voltage.set(m.target_voltage, now)
            self._target_current.set(m.target_current, now)
        charger = m.charger
        if charger.max_voltage is not None:
            self._max_voltage.set(charger.max_voltage, now)
            self._min_voltage.set(charger.min_voltage, now)
            self._max_current.set(charger.max_current, now)
            self._max_power.set(charger.max_power, now)


class EvseSide:
    """A charger: asks for output; reports what the car says."""

    waits_for_peer_close = True

    def __init__(self, signals: Signals, config: EvseConfig, rng: Any) -> None:
        from tasks.v2g.din_evse import DinEvse
        from tasks.v2g.power_offer import PowerOffer
        self._din = DinEvse
        self._s = s = signals
        self._config = config
        self._rng = rng
        self._facts = EvseFacts()
        self._protocols = chosen(config.protocols, config.ac)
        self._machine: EvseConversation | None = None        # None until a protocol is agreed
        self._offer = PowerOffer(config)
        self._counted = b""                      # of the session whose energy is counted on, until this one's id is known
        self._paused_id = b""                    # of the session that the car has paused and may take up again
        self._output = Lease(s.output_request.claim(WRITER))
        self._held = False
        self._ac = Lease(s.ac_request.claim(WRITER))
        self._held_ac = False
        self._target_voltage = s.ev_target_voltage.claim(WRITER)
        self._target_current = s.ev_target_current.claim(WRITER)
        self._soc = s.ev_soc.claim(WRITER)
        self._evccid = s.evccid.claim(WRITER)
        self._full_soc = s.ev_full_soc.claim(WRITER)
        self._capacity = s.ev_capacity.claim(WRITER)
        self._energy_request = s.ev_energy_request.claim(WRITER)
        self._energy = EnergyCounter(s.session_energy.claim(WRITER))
        self._ac_session = s.ac_session.claim(WRITER)
        self._told = Told(s, WRITER)
        self._limits = ToldLimits(s, WRITER, config)

    def prepare(self, codec: Any) -> None:
        """As that of the car."""
        _prepare(codec, self._protocols, _iso2_evse)

    def forget_pause(self) -> None:
        """The session that the car has paused is not to be joined any more."""
        self._paused_id = b""
        if self._machine is not None:
            self._machine.paused = False

    def new_session(self) -> Session:
        last = self._machine
        if last is not None and last.session_id:
            self._paused_id = last.session_id if last.paused else b""
        self._counted = self._paused_id
        if self._paused_id:
            self._energy.go_on()
        else:
            self._energy.restart()
        self._machine = None
        self._told.agreed(None)
        return Session(HandshakeEvse(self._protocols), self._make)

    def _make(self, protocol: Protocol) -> EvseConversation:
        self._told.agreed(protocol.text)
        self._told.named(self._config.evse_id_text if _is_iso2(protocol) else bytes.fromhex(self._config.evse_id))
        if _is_iso2(protocol):
            self._machine = _iso2_evse()(self._config, self._facts, self._rng, self._paused_id, self._offer)
        else:
            self._machine = self._din(self._config, self._facts, self._rng, self._offer)
        return self._machine

    def refresh(self, now: int) -> None:
        f, s = self._facts, self._s
        f.pilot = s.pilot_state.get(now)
        f.output_voltage = s.output_voltage.get(now)
        f.output_current = s.output_current.get(now)
        f.isolation = s.isolation.get(now)
        f.trip = s.safety_trip.value or ""
        f.blocked = s.safety_blocked.value or ""
        f.stop_button = s.stop_button.get(now)
        f.contactors_closed = s.contactors_closed.get(now)
        f.residual_current = s.residual_current.get(now)
        f.ac_power = s.ac_power.get(now)
        f.ac_energy = s.ac_energy.get(now)
        f.session_energy = s.session_energy.value
        self._offer.share = _share(s)
        if f.pilot is PilotState.A:              # whoever plugs in next is not the one who paused
            self.forget_pause()
            self._offer.plugged_at = None
        elif self._offer.plugged_at is None and f.pilot is not None:
            self._offer.plugged_at = now

    def renew(self, now: int) -> int:
        """As that of the car."""
        m = self._machine
        if m is not None and m.wants_output is not None:
            self._output.renew(OutputRequest(*m.wants_output), now)
            self._held = True
        elif self._held:
            self._output.release(now)
            self._held = False
        if m is not None and (m.wants_ac or m.load_ended and m.state is not Evse.Ended):
            self._ac.renew(m.wants_ac, now)
            self._held_ac = True
        elif self._held_ac:
            self._ac.release(now)
            self._held_ac = False
        wake = now + RENEW_INTERVAL if self._held or self._held_ac else NEVER
        known = m is not None and m.session_id
        looks = (m.paused if known else self._paused_id) or self._config.power_schedule and self._offer.plugged_at is not None
        return min(wake, now + PAUSE_POLL) if looks else wake

    def report(self, now: int) -> None:
        m = self._machine
        if m is None:
            return
        self._ac_session.set(m.ac, now)
        self._limits.tell(m, now)
        if self._counted and m.session_id:
            if m.session_id != self._counted:        # the car has not come back to its session
                self._energy.restart()
            self._counted = b""
        if m.evccid is not None:
            self._evccid.set(m.evccid, now)
        if m.ev_soc is not None:
            self._soc.set(m.ev_soc, now)
        if m.ev_full_soc is not None:
            self._full_soc.set(m.ev_full_soc, now)
        if m.ev_capacity is not None:
            self._capacity.set(m.ev_capacity, now)
        if m.ev_energy_request is not None:
            self._energy_request.set(m.ev_energy_request, now)
        if m.ev_target_voltage is not None:
            self._target_voltage.set(m.ev_target_voltage, now)
            self._target_current.set(m.ev_target_current, now)
            self._energy.report(self._facts.output_voltage, self._facts.output_current, now)
        elif m.wants_ac and self._facts.ac_energy is not None:
            self._energy.register(self._facts.ac_energy, now)
