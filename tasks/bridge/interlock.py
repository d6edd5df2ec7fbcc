"""Who waits for whom between the CCS session and the CHAdeMO connection: phases on one page, then what leads from one to the next.

| phase         | CCS (we are the car)                  | CHAdeMO (we are the charger)          | ends when |
|---------------|---------------------------------------|---------------------------------------|-----------|
| Rest          | nothing plugged, or all over          | off                                   | plugged, and the charger is wanted |
| Look          | held before SLAC                      | d1, CAN, k: discovery; then off again | the car has told its values |
| Kickoff       | SLAC ... CableCheck                   | off (single: until the charger is heard) | CableCheck is finished |
| Start         | WaitVehicle, PreCharge, stalled       | d1, k, lock, wait for power, d2       | both contactors are closed |
| Joined        | PowerDelivery, CurrentDemand          | request, charging                     | either side wants the end |
| Ending        | PowerDelivery(off), state B, welding  | current gone, car opens, d2, d1 off   | both are through |
| Over          | ended                                 | off                                   | the plug is out, or the next try begins |

Rules (chademo sheet 3.3): a stop on one side is seen by the other at the next look (20 ms); a charger that fails before its charge loop
ends the car's side in order; the car's end brings PowerDelivery(off) at once; what is urgent (reasons.py) is state B first. d2 waits for
the precharge, except with the strategy single, whose car is closed long before; the bridge contactor waits for the measured match, always.
"""
from __future__ import annotations

from dataclasses import field
from enum import auto

from kernel.record import dataclass
from kernel.timer import NEVER, S
from kernel.word import Word
from tasks.bridge.config import BridgeConfig
from tasks.bridge.reasons import meaning
from tasks.machine import Note, StateChanged
from tasks.messages import StopSession
from tasks.signals import VehicleSays
from tasks.stop_reasons import StopReason

POWER_READY = 20.0           # V between charger and estimate: near enough for the car to close (sheet 3.3, 4.3); the contactor wants a measured match
MAX_STARTS = 4               # of the CHAdeMO side per plug: two discoveries, two charges; some cars refuse a third (sheet 3.2)
MAX_EVENTS = 32
DELIVERING = "CurrentDemand"

CLIMBING = "WaitPilot"
IN_SESSION = "Session"
STARTED_LINK = frozenset({"Sounding", "Collect", "Validate", "Toggle", "Match", "Join"})     # the charger has answered (CM_SLAC_PARM.CNF)
ON_THE_WAY = frozenset({"Matching", "Discovering", "Connecting", "Session"})
LIMITS_KNOWN = frozenset({"WaitReady", "CableCheck", "WaitVehicle", "PreCharge", "WaitContactorsClosed", "PowerDeliveryStart", "CurrentDemand"})
STALLED = frozenset({"WaitVehicle", "PreCharge", "WaitContactorsClosed"})
LAST = frozenset({"PowerDeliveryStop", "WaitContactorsOpen", "WeldingDetection", "SessionStop", "Ended"})
SETTLED = frozenset({"Finished", "Failed"})      # the charger's side tries no more by itself
DONE = frozenset({"Ended", "Idle"})              # of the CHAdeMO side
CLOSED = frozenset({"Mate", "WaitRequest", "Charge"})
READY = frozenset({"WaitPower", "D2On"}) | CLOSED


class Phase(Word):
    """See the table above."""

    Rest = auto()
    Look = auto()
    Kickoff = auto()
    Start = auto()
    Joined = auto()
    Ending = auto()
    Over = auto()


@dataclass(slots=True)
class BridgeFacts:
    """Everything the interlock looks at; None unknown or stale. V, A."""

    plugged: bool | None = None              # the CCS plug
    connection: str | None = None            # state of the connection supervision
    link: str | None = None                  # state of the matching
    v2g: str | None = None
    v2g_stopping: StopReason | None = None
    chademo: str | None = None
    chademo_stop: StopReason | None = None
    urgent: bool = False                     # the CHAdeMO side wants state B
    says: VehicleSays = field(default_factory=VehicleSays)
    joined: bool | None = None               # the bridge contactor
    inlet_voltage: float | None = None       # the charger's side of it
    plug_voltage: float | None = None        # the vehicle's side
    aim: float | None = None                 # what the charger is to precharge to
    voltmeter: bool = True                   # the vehicle's side is measured before anything is joined
    evse_max_voltage: float | None = None
    current: float | None = None             # that flows


class Interlock:
    """`facts` is filled before `look`. What it wants: `wanted`, `power_ready`, `stop` (for the vehicle), `hold`, `commands` (for the charger's side)."""

    def __init__(self, config: BridgeConfig, facts: BridgeFacts) -> None:
        self.config = config
        self.facts = facts
        self.phase = Phase.Rest
        self.known: VehicleSays | None = None        # what a discovery, or this connection, has told
        self.stop: StopReason | None = None
        self.starts = 0
        self.lost_events = 0
        self._known_at = NEVER
        self._entered_at = 0
        self._commanded = False                      # this end was told to the charger's side
        self._pressed = False                        # and that it is urgent
        self._told: StopReason | None = None         # with which reason
        self._begun = False                          # the vehicle's side has really begun in this phase
        self._commands: list[StopSession] = []
        self._events: list = []

    # --- what it wants

    @property
    def single(self) -> bool:
        return self.config.strategy == "single"

    @property
    def unasked(self) -> bool:
        """The vehicle is woken only once, for the charge itself."""
        return self.config.strategy in ("once", "single")

    @property
    def wanted(self) -> str:
        """Of the CHAdeMO side."""
        if self.phase is Phase.Look:
            return "discovery"
        return "charge" if self.phase in (Phase.Start, Phase.Joined, Phase.Ending) else "nothing"

    @property
    def hold(self) -> str:
        """What the CCS session waits for before it begins, empty when it may."""
        if self.phase is Phase.Kickoff or self.phase in (Phase.Start, Phase.Joined, Phase.Ending):
            return ""
        if self.starts >= MAX_STARTS and self.phase in (Phase.Rest, Phase.Over):
            return "both to be replugged"
        return "a look at the car" if self.phase is Phase.Look else "the car's side"

    @property
    def power_ready(self) -> bool:
        """d2 may come."""
        if self.phase not in (Phase.Start, Phase.Joined):
            return False
        f = self.facts
        if self.single:
            return True
        return f.v2g in STALLED and f.inlet_voltage is not None and f.aim is not None and abs(f.inlet_voltage - f.aim) <= (
            POWER_READY if f.voltmeter else self.config.match_v)

    @property
    def joins_later(self) -> bool:
        """The vehicle has closed long before the charger is ready."""
        return self.single and self.facts.joined is not True and self.facts.v2g not in STALLED

    @property
    def vehicle_ready(self) -> bool:
        """Precharge may begin."""
        return self.phase in (Phase.Start, Phase.Joined) and (self.facts.chademo in CLOSED if self.single else self.facts.chademo in READY)

    @property
    def vehicle_joined(self) -> bool:
        """The vehicle's contactors are closed: what is measured at the plug is its battery."""
        return self.phase in (Phase.Start, Phase.Joined) and self.facts.chademo in CLOSED

    @property
    def error(self) -> str:
        """DC_EVErrorCode."""
        why = self.facts.chademo_stop
        return meaning(why).error if why is not None and self.config.send_error_codes else "NO_ERROR"

    @property
    def waits(self) -> str:
        """Who waits for whom, at most 21 characters; empty when nobody does."""
        phase, f = self.phase, self.facts
        if phase is Phase.Look:
            return "CCS waits for car"
        if phase is Phase.Kickoff and f.connection in ON_THE_WAY:
            return "car waits for CCS"
        if phase is Phase.Start:
            if f.chademo in ("D1On", "Param", "Check", "Locked"):
                return "CCS waits for car"
            if f.chademo == "WaitPower":
                return "car waits for CCS"
            if f.chademo == "D2On":
                return "CCS waits for d2"
            return "waiting for match"
        if phase is Phase.Ending and f.chademo not in DONE:
            return "waiting for car" if f.v2g in LAST or f.connection != IN_SESSION else "both sides end"
        return ""

    def commands(self) -> list[StopSession]:
        """For the connection supervision."""
        commands, self._commands = self._commands, []
        return commands

    def events(self) -> list:
        events, self._events = self._events, []
        return events

    # --- at each look

    def look(self, now: int) -> None:
        """Facts have changed, or time has passed."""
        if self.facts.plugged is False and self.phase in (Phase.Rest, Phase.Over, Phase.Kickoff) and self.facts.connection not in ON_THE_WAY:
            self._forget(now)                    # while the session still runs its end has to know the battery
        elif self.facts.connection in SETTLED:
            self.starts = 0                      # only a person begins again from here
        for _ in range(len(Phase)):
            before = self.phase
            getattr(self, "_in_" + self.phase.name)(now)
            if self.phase is before:
                break

    def _in_Rest(self, now: int) -> None:
        f = self.facts
        if f.connection != CLIMBING or f.plugged is False or self.starts >= MAX_STARTS:
            return
        if self.known is not None and now - self._known_at > self.config.discovery_keep_s * S:
            self.known = None
        if self.unasked or self.known is not None:
            self._enter(Phase.Kickoff, now)
        elif f.chademo in DONE:
            self._enter(Phase.Look, now)

    def _in_Look(self, now: int) -> None:
        f = self.facts
        if f.chademo not in DONE:
            self._begun = True
            if f.says.target_voltage is not None and f.says.fingerprint:
                self.known, self._known_at = f.says, now
        if f.connection != CLIMBING:                     # unplugged, stopped, tripped
            self._enter(Phase.Over, now)
        elif self._begun and f.chademo in DONE:
            if f.chademo_stop is None and self.known is not None:
                self._tell("the car says: %s", describe(self.known))
                self._enter(Phase.Kickoff if self._fits(now) else Phase.Over, now)
            else:
                self.known = None
                self._end_charger(f.chademo_stop or StopReason.CAR_NO_CAN, now)
                self._enter(Phase.Over, now)

    def _in_Kickoff(self, now: int) -> None:
        f = self.facts
        if f.connection != CLIMBING and f.connection not in ON_THE_WAY:
            self._enter(Phase.Over, now)
        elif not self._fits(now):
            return
        elif f.v2g in ("WaitVehicle", "PreCharge") and f.connection == IN_SESSION or self.single and self._charger_heard():
            if f.v2g_stopping is None and f.chademo in DONE:
                self._enter(Phase.Start, now)

    def _charger_heard(self) -> bool:
        f = self.facts
        return f.connection == "Matching" and f.link in STARTED_LINK or f.connection in ("Discovering", "Connecting", IN_SESSION)

    def _fits(self, now: int) -> bool:
        """A target beyond what the bridge bears, or the charger once it has told its limit (before state C), is refused (scenario 9)."""
        target = None if self.known is None else self.known.target_voltage
        highest, whose = self.config.max_voltage_v, "the bridge bears (bridge.max_voltage_v)"
        if self.facts.v2g in LIMITS_KNOWN and self.facts.evse_max_voltage is not None and self.facts.evse_max_voltage < highest:
            highest, whose = self.facts.evse_max_voltage, "the charger delivers"
        if target is None or target <= highest:
            return True
        if not self._commanded:
            self._tell("the car's target is %.0f V, %s at most %.0f V", target, whose, highest, level="error")
        self._end_charger(StopReason.CAR_INCOMPATIBLE, now)
        return False

    def _in_Start(self, now: int) -> None:
        if self._watch_both(now):
            return
        self._get_to_know(now)
        if not self._fits(now):
            return
        if self.facts.joined is True:
            self._enter(Phase.Joined, now)

    def _in_Joined(self, now: int) -> None:
        if not self._watch_both(now):
            self._get_to_know(now)

    def _get_to_know(self, now: int) -> None:
        """Once it has permitted charging, its values are to be trusted."""
        if self.facts.chademo in READY and self.facts.says.target_voltage is not None:
            self.known, self._known_at = self.facts.says, now

    def _watch_both(self, now: int) -> bool:
        """Either side wants the end: the other is told. True when the end has begun."""
        f = self.facts
        if f.chademo not in DONE:
            self._begun = True
        if f.chademo_stop is not None and self._begun:
            if f.chademo_stop is StopReason.CAR_NO_PERMISSION and not self.unasked and self.starts > 1:
                self._tell("the car permitted charging at its first start and not at this one: some refuse a second (Lexus UX300e, XPeng); "
                           "set bridge.strategy: once", level="warning")
            self._end_charger(f.chademo_stop, now)
            self._enter(Phase.Ending, now)
            return True
        why = f.v2g_stopping
        if why is None and f.connection != IN_SESSION and not (self.single and f.connection in ON_THE_WAY and f.v2g not in LAST):
            why = StopReason.CHARGER_STOP if f.v2g in LAST else StopReason.TCP_CLOSED
        if why is None:
            return False
        self.stop = why
        self._enter(Phase.Ending, now)
        return True

    def _in_Ending(self, now: int) -> None:
        f = self.facts
        if self.stop is None:
            self.stop = f.chademo_stop
        if f.connection == IN_SESSION and (f.urgent and not self._pressed or self._commanded and f.chademo_stop not in (None, self._told)):
            self._pressed = self._pressed or f.urgent        # or the car has said more since: k opens before 0x102 tells why
            self._told = f.chademo_stop
            self._commands.append(StopSession(f.chademo_stop or StopReason.CAR_STOP, self._pressed))
        if f.chademo in DONE and (self._begun or now - self._entered_at >= S):
            self._enter(Phase.Over, now)

    def _in_Over(self, now: int) -> None:
        """The vehicle's side goes to rest; the next climb of the charger's side is a new beginning."""
        f = self.facts
        if f.chademo in DONE and f.connection in (CLIMBING, "Unplugged") and now > self._entered_at:
            self._enter(Phase.Rest, now)

    # --- helpers

    def _end_charger(self, reason: StopReason, now: int) -> None:
        if not self._commanded:
            self._commanded = True
            self._pressed = meaning(reason).urgent
            self._told = reason
            self._commands.append(StopSession(reason, self._pressed))

    def _forget(self, now: int) -> None:
        """Unplugged: the next vehicle may be another one."""
        self.known = None
        self.starts = 0
        if self.phase is not Phase.Rest:
            self._enter(Phase.Rest, now)

    def _enter(self, phase: Phase, now: int) -> None:
        self._append(StateChanged(self.phase.name, phase.name))
        if phase in (Phase.Look, Phase.Start):
            self.starts += 1
            self._begun = False
        if phase in (Phase.Rest, Phase.Look, Phase.Kickoff, Phase.Start):
            self.stop = None
            self._commanded = self._pressed = False
        self.phase = phase
        self._entered_at = now

    def _tell(self, text: str, *args: object, level: str = "info") -> None:
        self._append(Note(text, args, level))

    def _append(self, event: object) -> None:
        if len(self._events) < MAX_EVENTS:
            self._events.append(event)
        else:
            self.lost_events += 1


def describe(says: VehicleSays) -> str:
    """One line for the journal."""
    def number(value: float | None, unit: str, scale: float = 1.0) -> str:
        return "?" if value is None else f"{value / scale:g} {unit}"
    return (f"protocol {says.protocol}, target {number(says.target_voltage, 'V')}, at most {number(says.max_voltage, 'V')}, at least {number(says.min_voltage, 'V')}, "
            f"SoC {'?' if says.soc is None else round(says.soc)} %, {number(says.capacity, 'kWh', 1000)}, {number(says.max_seconds, 'min', 60)}, "
            f"{'takes' if says.dynamic else 'does not take'} a moving limit")
