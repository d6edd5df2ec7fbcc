"""What must hold at every instant of every charge through a bridge, besides tools/simulate/invariants.py; the truth is the plant and the bus.

`look` is called after each instant, `hear` for each frame on the CHAdeMO bus. Nothing here looks into the box's machines; of its signals
only those are read that say that a side ends. Numbers: chademo sheet 1.1, 2.2, 2.3, 3.3, 6 (scenario 47).
"""
from __future__ import annotations

from typing import Any

from kernel.scheduler import TICK
from kernel.timer import MS, NEVER, S
from tasks.chademo import wire
from tools.simulate.chademo.tapped_segment import Tapped
from tools.simulate.invariants import MATCH_VOLTAGE, MAX_BROKEN, Broken

DEAD = 10.0                  # V: d2 and unlocking only below (2.2 rows 5 and 20)
SMALL_CURRENT = 5.0          # A: the bridge contactor opens below (3.3 rule 5)
K_SAMPLED = 50 * MS + 2 * TICK           # the period of tasks/sense, and the way to the supervisor
PERIOD, JITTER = 100 * MS, 10 * MS       # 1.1
FRESH = 60 * MS              # a stop that is younger need not be in the next frame: 50 ms until k is read, a tick until it is told
DISTURBED = 300 * MS         # so long order and period of the frames are not judged after one that nobody heard
DRAWN_MARGIN = 5.0           # A: what may be a sensor's error (7.4)
DRAWN_LIMIT = 3 * S          # found within 0.5 s, ended in order within 2.5 s (2.2 row 14)
BOX, CAR = 0, 1              # nodes of the segment, in the order of BridgeCharge
STOPPED = wire.NOT_PARKED | wire.SYSTEM_FAULT

D2_ON_DEAD = "d2 comes only while the CHAdeMO plug is below 10 V"
D2_LAST = "d2 falls only after the bridge contactor is open, or after its bound"
D1_AFTER_D2 = "d1 never falls before d2"
JOINS_EQUAL = "the bridge contactor closes only within 20 V"
JOINS_PERMITTED = "the bridge contactor closes only with d1, d2, k and the vehicle's lock"
OPENS_DEAD = "the bridge contactor opens above 5 A only in an emergency"
UNLOCKS_DEAD = "the CHAdeMO plug is never unlocked above 10 V"
NO_BOTH = "109.5 never has bit 0 and bit 5 at 0 A for more than one frame"
ORDER = "0x108 comes before 0x109 in every cycle"
EVERY_100_MS = "a cycle every 100 ms, +-10 ms"
CAR_FIRST = "nothing is sent before the car has sent"
ONE_VOLTAGE = "108.1-2 never changes within a connection"
CHARGING_WITH_D2 = "109.5.0 is 1 only while d2 is on"
STOP_TOLD = "after a stop of either side 109.5.5 is 1 in the next frame"
DISCHARGE_FRAMES = "0x208 and 0x209 follow each 0x109 that announces discharging, and no other"
DISCHARGE_STAYS = "109.4.0 is 0 where discharging is not configured, and never taken back within a connection"
DRAWN = "nothing is drawn out of the vehicle for longer than a moment while that was not announced"
SENTENCES = (D2_ON_DEAD, D2_LAST, D1_AFTER_D2, JOINS_EQUAL, JOINS_PERMITTED, OPENS_DEAD, UNLOCKS_DEAD, NO_BOTH, ORDER, EVERY_100_MS, CAR_FIRST, ONE_VOLTAGE,
             CHARGING_WITH_D2, STOP_TOLD, DISCHARGE_FRAMES, DISCHARGE_STAYS, DRAWN)


class BridgeInvariants:
    """Looks at one BridgeCharge. `broken` is empty as long as everything holds; `looked` counts the instants.

    What a test that hinders the box on purpose may widen: `longest_gap` (ns between two cycles). What it may do without: `excused` (sentences).
    """

    def __init__(self, plant: Any, clock: Any, safety: Any, discharge_a: float = 0.0) -> None:
        """`safety`: that section of the configuration. `discharge_a`: bridge.discharge_a."""
        self.broken: list[Broken] = []
        self.looked = self.frames = self.closings = 0
        self.longest_gap = PERIOD + JITTER
        self.excused: set[str] = set()
        self._plant = plant
        self._clock = clock
        self._release = safety.bridge.release_ms * MS
        self._emergency = safety.pev.emergency_open_ms * MS
        self._blind = 0 if safety.pev.current_sensor_fitted else safety.pev.unverified_wait_ms * MS
        self._voltmeter = safety.bridge.vehicle_voltmeter_fitted
        self._discharge_a = discharge_a
        self._draws_since = NEVER
        self._box: Any = None
        self._last: tuple = ()
        self._d1 = self._d2 = self._closed = self._locked = self._k = False
        self._k_open_since = 0
        self._b_since = 0
        self._open_commanded_at = 0
        self._disturbed_until = -1
        self._without_d2_at = NEVER
        self._ends_at = NEVER            # a stop that this connection's 0x109 has to tell
        self._connect()

    def _connect(self) -> None:
        """d1 has come: a new connection."""
        self._car_spoke = False
        self._voltage: int | None = None
        self._cycle_at = NEVER           # of the last 0x108
        self._capability_due = True      # next is 0x108
        self._both = 0                   # frames in a row with both bits at 0 A
        self._charging = False           # the last 109.5.0
        self._ends_at = NEVER
        self._announced = False          # 109.4.0
        self._due: tuple[int, ...] = ()  # what has to follow this 0x109
        self._drawn = 0                  # 208.0, A

    def watch(self, box: Any) -> None:
        """The box exists now."""
        self._box = box

    # --- each instant

    def look(self) -> None:
        """After each instant."""
        self.looked += 1
        plant, signals = self._plant, self._box.signals
        seen = (plant.d1, plant.d2, plant.car_contactors.commanded, plant.car_contactors.position, plant.vehicle_lock.commanded, plant.k, plant.pilot.state_c,
                signals.v2g_stopping.value, signals.safety_trip.value)
        if seen != self._last:
            self._last = seen
            self._changed(self._clock.time, *seen)
        if not plant.current < -(self._discharge_a * self._announced + DRAWN_MARGIN) or not plant.joined:
            self._draws_since = NEVER
        elif self._draws_since == NEVER:
            self._draws_since = self._clock.time
        elif self._clock.time - self._draws_since > DRAWN_LIMIT:
            self._break(self._clock.time, DRAWN, f"{-plant.current:.1f} A, 109.4.0 = {self._announced}")

    def _changed(self, now: int, d1: bool, d2: bool, commanded: bool, position: bool, locked: bool, k: bool, state_c: bool, stopping: Any,
                 trip: str | None) -> None:
        plant = self._plant
        plant.advance(now)
        if not state_c and self._b_since == NEVER:
            self._b_since = now
        elif state_c:
            self._b_since = NEVER
        if self._k and not k:
            self._k_open_since = now
            self._stop(now)
        self._k = k
        if stopping is not None or trip:
            self._stop(now)
        if d2 and not self._d2 and not plant.plug_voltage < DEAD and not self._blindfold():
            self._break(now, D2_ON_DEAD, f"d2 with {plant.plug_voltage:.1f} V at the plug")
        if commanded != self._closed:
            if commanded:
                self._closing(now)
            else:
                self._open_commanded_at = now
                self._opening(now, trip)
        if self._d2 and not d2:
            released = not commanded and now - self._open_commanded_at >= self._release
            if position and not released and not plant.car_contactors.feedback_fault:
                self._break(now, D2_LAST, f"{(now - self._open_commanded_at) / MS:.0f} ms after it was told to open")
        if self._d1 and not d1 and d2:
            self._break(now, D1_AFTER_D2, "d1 falls with d2 on")
        if self._locked and not locked:
            self._unlocking(now)
        if d1 and not self._d1:
            self._connect()
        self._d1, self._d2, self._closed, self._locked = d1, d2, commanded, locked

    def _blindfold(self) -> bool:
        """The box cannot see the plug's voltage, or sees another one."""
        sensor = self._box.board.bridge.voltmeter
        return not self._voltmeter or any(getattr(sensor, fault, False) for fault in ("failed", "frozen", "offset"))

    def _closing(self, now: int) -> None:
        self.closings += 1
        plant = self._plant
        if not plant.on_battery:
            self._break(now, JOINS_PERMITTED, "the vehicle's contactors are open")
        if not self._blindfold() and not abs(plant.inlet_voltage - plant.plug_voltage) <= MATCH_VOLTAGE:
            self._break(now, JOINS_EQUAL, f"closing with {plant.inlet_voltage:.1f} V at the inlet, {plant.plug_voltage:.1f} V at the plug")
        k = plant.k or now - self._k_open_since <= K_SAMPLED
        if not (plant.d1 and plant.d2 and k and plant.vehicle_lock.position):
            self._break(now, JOINS_PERMITTED, f"d1 {plant.d1}, d2 {plant.d2}, k {plant.k}, locked {plant.vehicle_lock.position}")

    def _opening(self, now: int, trip: str | None) -> None:
        plant = self._plant
        current = abs(plant.current) if plant.car_contactors.position else 0.0
        in_b = 0 if self._b_since == NEVER else now - self._b_since
        bound = trip and in_b >= self._emergency or self._blind and in_b >= self._blind
        if not (current <= SMALL_CURRENT or bound):
            self._break(now, OPENS_DEAD, f"opening under {current:.1f} A, trip {trip or 'none'}, state B for {in_b / MS:.0f} ms")

    def _unlocking(self, now: int) -> None:
        plant = self._plant
        if not plant.plug_voltage <= DEAD and not self._blindfold():
            self._break(now, UNLOCKS_DEAD, f"unlocking at {plant.plug_voltage:.1f} V")
        if plant.d1 or plant.d2:
            self._break(now, UNLOCKS_DEAD, f"unlocking with d1 {plant.d1}, d2 {plant.d2}")

    # --- each frame

    def hear(self, frame: Tapped) -> None:
        """A frame of either side."""
        self.frames += 1
        if frame.node != BOX:
            self._from_car(frame)
        elif frame.id in wire.CHARGER_IDS:
            self._from_box(frame)
        elif frame.id in wire.DISCHARGE_IDS:
            self._of_discharge(frame)
        else:
            self._break(frame.at, ORDER, f"the box sends 0x{frame.id:03X}")

    def _from_car(self, frame: Tapped) -> None:
        if frame.id != wire.STATUS or not frame.heard or len(frame.data) != wire.OCTETS:
            return
        self._car_spoke = True
        faults, status = frame.data[4], frame.data[5]
        if faults & wire.FAULTS or status & STOPPED or not status & wire.ENABLED:
            self._stop(frame.at)

    def _stop(self, now: int) -> None:
        """Only what comes while 109.5.5 is 0 has to be told: before, it is 1 anyway."""
        if self._charging and self._ends_at == NEVER:
            self._ends_at = now

    def _from_box(self, frame: Tapped) -> None:
        now = frame.at
        if not self._car_spoke:
            self._break(now, CAR_FIRST, f"0x{frame.id:03X}")
        if not frame.heard:                  # nobody is there: the controller repeats it, and what comes later has lost its place
            self._disturbed_until = now + DISTURBED
        if now <= self._disturbed_until:
            self._cycle_at = NEVER
            self._due = ()
            if frame.id in (wire.CAPABILITY, wire.CHARGER_STATUS):
                self._capability_due = frame.id == wire.CHARGER_STATUS
            return
        if frame.id == wire.CAPABILITY:
            self._capability(frame, now)
        elif frame.id == wire.CHARGER_STATUS:
            if self._capability_due:
                self._break(now, ORDER, "0x109 without 0x108")
            self._capability_due = True
            self._status(frame, now)

    def _of_discharge(self, frame: Tapped) -> None:
        if frame.at <= self._disturbed_until:
            return
        if not self._due or self._due[0] != frame.id:
            self._break(frame.at, DISCHARGE_FRAMES, f"0x{frame.id:03X}, due {[hex(id) for id in self._due]}")
            return
        self._due = self._due[1:]
        if frame.id == wire.DISCHARGE_CHARGER:
            self._drawn = 0xFF - frame.data[0]

    def _capability(self, frame: Tapped, now: int) -> None:
        if self._due:
            self._break(now, DISCHARGE_FRAMES, f"{[hex(id) for id in self._due]} did not come")
        gap = now - self._cycle_at
        if not self._capability_due:
            self._break(now, ORDER, "0x108 twice")
        self._capability_due = False
        if self._cycle_at != NEVER and not PERIOD - JITTER <= gap <= self.longest_gap:
            self._break(now, EVERY_100_MS, f"{gap / MS:.0f} ms")
        self._cycle_at = now
        voltage = int.from_bytes(frame.data[1:3], "little")
        if self._voltage is not None and voltage != self._voltage:
            self._break(now, ONE_VOLTAGE, f"{self._voltage} V, then {voltage} V")
        self._voltage = voltage

    def _status(self, frame: Tapped, now: int) -> None:
        current, status = frame.data[3], frame.data[5]
        charging, stop = status & wire.CHARGING > 0, status & wire.STOP_CONTROL > 0
        announced = frame.data[4] & 1 > 0
        if announced and not self._discharge_a or self._announced and not announced:
            self._break(now, DISCHARGE_STAYS, f"109.4.0 = {announced:d}, before {self._announced:d}")
        self._announced = announced
        self._due = wire.DISCHARGE_IDS if announced else ()
        self._both = self._both + 1 if charging and stop and not current and not self._drawn else 0
        if self._both > 1:
            self._break(now, NO_BOTH, f"{self._both} frames with 0x{status:02X}")
        if not charging or self._plant.d2:
            self._without_d2_at = NEVER
        elif self._without_d2_at == NEVER:
            self._without_d2_at = now            # the tick in which a trip lets d2 fall is told with the next frame
        elif now - self._without_d2_at > FRESH:
            self._break(now, CHARGING_WITH_D2, f"0x{status:02X}")
        if not stop and self._ends_at != NEVER and now - self._ends_at > FRESH:
            self._break(now, STOP_TOLD, f"0x{status:02X} {(now - self._ends_at) / MS:.0f} ms after the stop")
        if stop:
            self._ends_at = NEVER
        self._charging = not stop

    def _break(self, now: int, sentence: str, seen: str) -> None:
        if sentence not in self.excused and len(self.broken) < MAX_BROKEN:
            self.broken.append(Broken(now, sentence, seen))

    def __str__(self) -> str:
        return f"{len(self.broken)} broken, {self.looked} instants, {self.frames} frames, last {self._clock.time / S:.3f} s"
