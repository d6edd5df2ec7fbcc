"""The row `bridge`: signals of both sides to the interlock, its wishes to both sides, the vehicle's values to the V2G machine."""
from __future__ import annotations

from typing import Any, Protocol

from drivers.interfaces import PilotState
from kernel.channels import Lease, Mailbox
from kernel.journal import Journal
from kernel.timer import MS, NEVER
from tasks.bridge import limits
from tasks.bridge.battery import MEASURED, Known, known
from tasks.bridge.config import BridgeConfig
from tasks.bridge.interlock import DELIVERING, DONE, READY, STALLED, BridgeFacts, Interlock, Phase
from tasks.bridge.learned import Learned, from_plain
from tasks.bridge.parrot import Parrot
from tasks.machine import StateChanged
from tasks.sense.reading import Reading
from tasks.signals import ChargerOffer, Signals, VehicleSays

SOURCE = "bridge"
PERIOD = 15 * MS             # every second tick: a stop of one side reaches the other within this
AT_REST = 100 * MS
PLUGGED = frozenset({PilotState.B, PilotState.C, PilotState.D})
ENDING = frozenset({"StopRamp", "StopWd"})       # of the CHAdeMO side: the permission stands until the contactors are open
CHARGE = "Charge"
PULLED_AFTER = 200 * MS      # a battery that is joined pulls the charger's capacitors to it at once, which is seen two samples later
CLIMB = 15.0                 # V above it until current flows (chademo sheet 3.7, i-MiEV: do not let the voltage rise)
DEAD = 10.0                  # V at the plug: not unlocked above (chademo sheet 2.2 row 20)
PLUG_LIVE = "car's plug is live"
RESTS = 1.0                  # A: a battery's voltage is that of its charge


class Memory(Protocol):
    """Where what was learned outlives the program (drivers.learned_file)."""

    def load(self) -> Any: ...

    def save(self, plain: dict[str, Any]) -> bool: ...

    def problem(self) -> str: ...


class BridgeTask:
    """Writes battery_*, charge_permission, charger_offer, session_hold, vehicle_ready, vehicle_joined and what is shown of the bridge."""

    inboxes = ()

    def __init__(self, signals: Signals, config: BridgeConfig, commands: Mailbox, journal: Journal, *, voltmeter: bool, memory: Memory | None = None) -> None:
        """`commands`: StopSession for the connection supervision. `voltmeter`: the plug's voltage is measured."""
        self._s = s = signals
        self._config = config
        self._commands = commands
        self._journal = journal
        self._voltmeter = voltmeter
        self._memory = memory
        self.learned, problem = (Learned(), "") if memory is None else self._load(memory)
        if problem:
            journal.note(0, SOURCE, "%s", problem, level="warning")
        self.machine = Interlock(config, BridgeFacts(voltmeter=voltmeter))
        self._offered = limits.Offered(config)
        self._ramp = limits.Ramp()
        self._parrot = Parrot()
        self._offer = Lease(s.charger_offer.claim(SOURCE))
        self._phase = s.bridge_phase.claim(SOURCE)
        self._wait = s.bridge_wait.claim(SOURCE)
        self._notice = s.bridge_notice.claim(SOURCE)
        self._way = s.bridge_battery.claim(SOURCE)
        self._hold = s.session_hold.claim(SOURCE)
        self._ready = s.vehicle_ready.claim(SOURCE)
        self._joined = s.vehicle_joined.claim(SOURCE)
        self._aim = s.precharge_voltage.claim(SOURCE)
        self._tolerance = s.precharge_tolerance.claim(SOURCE)
        self._error = s.ev_error_code.claim(SOURCE)
        self._permission = s.charge_permission.claim(SOURCE)
        self._battery = {name: Reading(getattr(s, "battery_" + name), SOURCE) for name in (
            "voltage", "soc", "target_voltage", "target_current", "max_voltage", "max_current", "max_power", "capacity", "hottest", "coldest")}
        self._remaining = Reading(s.vehicle_remaining, SOURCE)
        self._discharge = Reading(s.vehicle_max_discharge, SOURCE)
        self._closed_at = NEVER              # the vehicle's contactors
        self._points: list[tuple[float, float]] = []
        self._told: Known | None = None
        self._joined_at, self._pulled, self._flowed = NEVER, None, False      # without a voltmeter at the plug

    @staticmethod
    def _load(memory: Memory) -> tuple[Learned, str]:
        plain = memory.load()
        return (Learned(), memory.problem()) if plain is None else from_plain(plain)

    def run(self, now: int) -> int:
        machine = self.machine
        facts = machine.facts
        self._refresh(facts, now)
        machine.look(now)
        for command in machine.commands():
            self._journal.note(now, SOURCE, "the vehicle's side ends: %s%s", command.reason.text, " (state B first)" if command.urgent else "")
            self._commands.put(command)
        for event in machine.events():
            if type(event) is StateChanged:
                self._journal.note(now, SOURCE, "%s -> %s", event.old, event.new)
                if event.new == Phase.Over.name:
                    self._remember(now)
            else:
                self._journal.note(now, SOURCE, event.text, *event.args, level=event.level)
        problem = "" if self._memory is None else self._memory.problem()      # a write fails later, in its thread
        if problem:
            self._journal.note(now, SOURCE, "%s", problem, level="warning")
        battery = self._look_at_battery(facts, now)
        self._publish(facts, battery, now)
        return now + (AT_REST if machine.phase in (Phase.Rest, Phase.Over) else PERIOD)

    # --- signals -> facts

    def _refresh(self, f: BridgeFacts, now: int) -> None:
        s = self._s
        pilot = s.pilot_state.get(now)
        f.plugged = None if pilot is None else pilot in PLUGGED
        f.connection, f.link, f.v2g, f.v2g_stopping = s.connection_state.value, s.link_state.value, s.v2g_state.value, s.v2g_stopping.value
        f.chademo, f.chademo_stop, f.urgent = s.chademo_state.value, s.chademo_stop.value, s.chademo_urgent.get(now) is True
        f.says = s.vehicle_says.get(now) or VehicleSays()
        f.joined = s.contactors_closed.get(now)
        f.inlet_voltage = s.inlet_voltage.get(now)
        if f.inlet_voltage is None:
            f.inlet_voltage = s.evse_present_voltage.get(now)        # no voltmeter at all: the charger's word
        f.plug_voltage = s.vehicle_voltage.get(now)
        f.evse_max_voltage = s.evse_max_voltage.value
        measured = s.inlet_current.get(now)
        f.current = s.evse_present_current.get(now) if measured is None else measured

    def _says(self, f: BridgeFacts) -> VehicleSays | None:
        """What is known of the vehicle: now, once it has permitted charging (before, its values are not to be trusted), or when it was looked at."""
        return f.says if f.says.target_voltage is not None and f.chademo in READY else self.machine.known

    def _look_at_battery(self, f: BridgeFacts, now: int) -> Known | None:
        closed = self.machine.vehicle_joined or f.joined is True
        if not closed:
            self._closed_at = NEVER
        elif self._closed_at == NEVER:
            self._closed_at = now
        measured = None
        if closed:
            measured = f.plug_voltage if self._voltmeter else f.inlet_voltage if f.joined is True else None
        says = self._says(f)
        found = known(self._config, says, self.learned, measured, voltmeter=self._voltmeter)
        f.aim = None if found is None else found.aim
        self._tell_battery(found, f, says, now)
        return found

    def _tell_battery(self, found: Known | None, f: BridgeFacts, says: VehicleSays | None, now: int) -> None:
        """Each way once, and how far the estimate was off; the measurement without current is what is learned."""
        before, machine = self._told, self.machine
        if found is None or before is not None and found.way == before.way or machine.phase not in (Phase.Kickoff, Phase.Start, Phase.Joined):
            return
        if found.way != MEASURED and says is not None and says.soc is None and f.v2g not in STALLED:
            return                               # it may still say more
        if found.way == MEASURED:
            self._journal.note(now, SOURCE, "battery: %.1f V measured%s", found.voltage,
                               "" if before is None else f"; {before.way} had said {before.voltage:.1f} V, {before.voltage - found.voltage:+.1f} V")
            at_rest = f.joined is not True if self._voltmeter else abs(f.current or 0.0) < RESTS
            if at_rest and says is not None and says.soc is not None and says.fingerprint:
                self._points.append((says.soc, found.voltage))
        else:
            self._journal.note(now, SOURCE, "battery: %.1f V +-%.0f V (%s), precharge to %.1f V", found.voltage, found.error, found.way, found.aim)
        self._told = found

    def _remember(self, now: int) -> None:
        """The end of a session."""
        self._told = None
        self._joined_at, self._pulled, self._flowed = NEVER, None, False
        self._parrot.restart()
        points, self._points = self._points, []
        says = self.machine.known
        if not points or says is None or not self.learned.learn(says.fingerprint, points) or self._memory is None:
            return
        self._memory.save(self.learned.to_plain())

    # --- wishes -> signals

    def _publish(self, f: BridgeFacts, battery: Known | None, now: int) -> None:
        machine = self.machine
        self._offer.renew(self._make_offer(f, battery, now), now)
        self._hold.set(machine.hold, now)
        self._ready.set(machine.vehicle_ready, now)
        self._joined.set(machine.vehicle_joined, now)
        self._phase.set(machine.phase.name, now)
        self._wait.set(machine.waits, now)
        self._notice.set(self._live(f), now)
        self._way.set(None if battery is None else battery.text, now)
        self._error.set(machine.error, now)
        self._aim.set(None if battery is None else battery.aim, now)
        trimming = self._closed_at != NEVER and now - self._closed_at < self._config.trim_limit_ms * MS and self._voltmeter
        self._tolerance.set(self._config.match_v if trimming else None, now)
        permits = f.chademo in READY or f.chademo in ENDING
        self._permission.set(True if permits and machine.wanted == "charge" else None, now)
        self._publish_battery(f, battery, now)

    def _live(self, f: BridgeFacts) -> str:
        """The plug carries voltage although nothing goes on: the vehicle's contactors are welded, or ours; it stays locked (safety)."""
        at_rest = self.machine.phase in (Phase.Rest, Phase.Over) and f.chademo in DONE
        return PLUG_LIVE if at_rest and f.plug_voltage is not None and f.plug_voltage > DEAD else ""

    def _publish_battery(self, f: BridgeFacts, battery: Known | None, now: int) -> None:
        config, says, put = self._config, self._says(f), self._battery
        put["voltage"].put(None if battery is None else battery.voltage, now)
        if says is None:
            says = VehicleSays()
        soc = says.soc
        if soc is not None and config.stop_soc_percent >= 100.0:
            soc = min(soc, limits.ALMOST_FULL)
        assumed = self.machine.unasked and says.target_voltage is None       # the charger wants to know before the vehicle is awake
        put["soc"].put(config.assumed_soc_percent if assumed else soc, now)
        target = config.assumed_target_voltage_v if assumed else says.target_voltage
        if target is not None and not self._voltmeter and f.joined is True:
            target = min(target, self._careful(f, now))
        put["target_voltage"].put(None if target is None else min(target, config.max_voltage_v), now)
        most = config.max_voltage_v if assumed else limits.voltage_asked(config, says)      # later it may only fall: chargers stop above it
        put["max_voltage"].put(most, now)
        put["max_current"].put(limits.current_borne(config, says), now)
        put["max_power"].put(config.max_power_kw * 1000.0, now)
        put["capacity"].put(config.assumed_capacity_wh if says.capacity is None else says.capacity, now)
        wanted = f.says.current_request if f.chademo == CHARGE else 0.0
        put["target_current"].put(self._ramp.follow(wanted, now), now)
        self._remaining.put(says.remaining_seconds, now)
        out = f.says.max_discharge
        self._discharge.put(None if out is None else min(out, limits.discharge_offered(config, self._s.current_limit.get(now))), now)
        put["hottest"].put(None, now)
        put["coldest"].put(None, now)

    def _careful(self, f: BridgeFacts, now: int) -> float:
        """V: where nothing measures the plug, a contactor that the vehicle has not closed shows in a voltage that follows the charger: it may not climb before current flows."""
        if self._flowed or abs(f.current or 0.0) >= RESTS:
            self._flowed = True
            return self._config.max_voltage_v
        if self._joined_at == NEVER:
            self._joined_at, self._pulled = now, f.inlet_voltage
        if now - self._joined_at < PULLED_AFTER and f.inlet_voltage is not None:
            self._pulled = f.inlet_voltage           # by the battery, if there is one
            return self._pulled
        return self._config.max_voltage_v if self._pulled is None else self._pulled + CLIMB

    def _make_offer(self, f: BridgeFacts, battery: Known | None, now: int) -> ChargerOffer:
        s, config, machine = self._s, self._config, self.machine
        known_charger = machine.phase in (Phase.Start, Phase.Joined, Phase.Ending) and s.connection_state.value == "Session" and f.v2g is not None
        evse_voltage = f.evse_max_voltage if known_charger and not config.strategy == "single" else None
        follows = f.chademo == CHARGE and f.says.dynamic and config.dynamic == "auto"
        current = self._offered.current(
            evse_max_current=s.evse_max_current.value if known_charger else None, evse_max_power=s.evse_max_power.value if known_charger else None,
            voltage=None if battery is None else battery.voltage, allowed=s.current_limit.get(now), flows=f.current,
            request=f.says.current_request if follows else None)
        minimum = s.evse_min_voltage.value if known_charger else None
        if f.v2g == DELIVERING:
            self._parrot.look(s.ev_target_voltage.get(now), s.evse_present_voltage.get(now), s.evse_present_voltage.at)
        present = None
        if machine.vehicle_joined or f.chademo in ENDING:
            parroted = self._parrot.repeats and s.inlet_voltage.get(now) is None
            present = f.inlet_voltage if f.joined is True and not parroted else None if battery is None else battery.voltage
        return ChargerOffer(
            wanted=machine.wanted, voltage=limits.voltage_offered(config, evse_voltage), min_voltage=max(config.min_voltage_v, minimum or 0.0), current=current,
            power_ready=machine.power_ready, joins_later=machine.joins_later, delivering=f.v2g == DELIVERING,
            present_voltage=present, present_current=f.current or 0.0, reported_current=s.evse_present_current.get(now),
            input_current=limits.discharge_offered(config, s.current_limit.get(now)), stop=machine.stop if machine.phase is Phase.Ending else None)
