"""What is expected in the worlds of a bridge: of the faults that only a bridge has, and what the others may lead to besides.

Numbers in brackets: chademo sheet. Time to state B is promised where power can flow; before, the CHAdeMO side may not even have begun, and
then its own limits follow those of cable check and precharge. `always`, the invariants of both sides and the plugs count in every case.
"""
from __future__ import annotations

from dataclasses import dataclass, replace

from kernel.timer import MS, S
from tests.matrix import expect, expect_tasks
from tests.matrix.bridge_faults import FAULT_BITS, OWN, SPOKEN, STATUS_BITS
from tests.matrix.row import CAR_LEFT, CAR_TRIP, GONE, GOOD, PRECHARGE, SAMPLE, Row
from tests.matrix.trial import Outcome
from tools.simulate.chademo import bridge_invariants as sentences
from tools.simulate.invariants import VOLTAGE_ALONE

CYCLE = 100 * MS                         # the car's frames [1.1]
SEEN = CYCLE + SAMPLE                    # a frame comes, and PowerDelivery(off) is answered without current
ENDED = SEEN + 1200 * MS                 # the same with current: the charger takes it down first, 100 A/s at least [2.2 number 13]
SILENT = S + SEEN                        # 0x102 missing for 1 s [2.2 number 22], the last one up to a cycle old
GONE_AFTER = 500 * MS                    # state B to 5 A: the charger switches off (200 A/s in an emergency [2.2 number 13])
START = PRECHARGE                        # whatever comes before the bridge is closed: cable check, 20 s until d2 [2.2 number 7]
NEVER_CLOSES = "CAR_CONTACTORS CAR_NO_REQUEST BRIDGE_NOT_JOINED CAR_STOP CAR_FAULT"
"""What is found of a car that does not close, or not in time: by the box's limits, or by the car's own checks."""
DROPPED = NEVER_CLOSES + " CAR_THRESHOLD CAR_OVER_VOLTAGE CAR_VOLTAGE_DEVIATION SAFETY_TRIP CAR_CURRENT_DEVIATION CAR_UNDER_VOLTAGE"
LOST = "CAR_SILENT_CAN CAR_NO_CAN CAR_NO_PERMISSION CAR_STOP CAR_FAULT"
"""A bus that is lost is lost for both; the car opens k after 1 s, too [2.2 number 23]."""
WORDS = ("CAR_STOP CAR_OVER_VOLTAGE CAR_UNDER_VOLTAGE CAR_CURRENT_DEVIATION CAR_TEMPERATURE CAR_VOLTAGE_DEVIATION CAR_NOT_PARKED CAR_FAULT "
         "CAR_INCOMPATIBLE CAR_VERSION CAR_THRESHOLD CAR_TIME_OVER CAR_CONTACTORS CAR_NO_PERMISSION CAR_NO_REQUEST BATTERY_FULL "
         "BRIDGE_NO_POWER BRIDGE_NOT_JOINED CAR_SILENT_CAN FAILED_RESPONSE INCOMPATIBLE_VOLTAGE BAD_VALUE CHARGER_OVERCURRENT PRECHARGE_TIMEOUT")
"""Frames with anything in them may mean anything that frames mean."""
PLUG = ("CAR_PLUG_LIVE CAR_PLUG_NOT_LOCKED CAR_CONTACTORS BRIDGE_NOT_JOINED CAR_VOLTAGE_DEVIATION CAR_THRESHOLD CAR_CURRENT_DEVIATION FAILED_RESPONSE "
        "CAR_STOP CAR_FAULT NOT_CONFIRMED SAFETY_TRIP PRECHARGE_TIMEOUT")
"""A voltmeter that lies at the CHAdeMO plug."""
BESIDES = frozenset("BRIDGE_NO_POWER BRIDGE_NOT_JOINED CAR_STOP CAR_NO_PERMISSION CHARGER_OVERCURRENT CAR_CONTACTORS".split())
"""A charger that is slow or stops is, to the car, a charger that does not keep CHAdeMO's times: either side may give up first [2.2]; and so is
one whose current is measured wrongly [2.5]."""
WAITING = 8 * S                          # no message passes while the car is woken and permits [2.2 number 3]; then a timeout begins
REFUSED = CAR_LEFT | {"INCOMPATIBLE_VOLTAGE", "BAD_VALUE"}       # by a charger that hears what the car has made up
LOUD = frozenset({"car-contactor-refuses"})
"""A driver that refuses: what the plant was told is not what the box has ordered, so the bound of D2_LAST cannot be seen there."""


@dataclass(frozen=True, slots=True)
class Bridged(Row):
    """A row besides: `damage` and `broken` that the fault itself is; `locked`: a plug may stay locked without a trip; `on`: d1, d2 or states may
    stay; `codes`: the car may keep a trouble code. `must`: from wherever it comes, no charge goes on with it until the driver has had enough."""

    damage: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    locked: bool = False
    on: bool = False
    codes: bool = False
    must: bool = False


def own(words: str, car: str = "", *, harmless: bool = True, b: int | None = None, powered: int | None = None, must: bool | None = None, **more) -> Bridged:
    """`car`: what the bridge may say; the charger hears of it only that the car left. `must` None: where there is a time for it while power flows."""
    return Bridged(words, frozenset(car.split()) | (GONE | {"SAFETY_TRIP"} if car else frozenset()), REFUSED if car else frozenset(), harmless, b, powered,
                   must=powered is not None if must is None else must, **more)


MISMATCHED = f"{VOLTAGE_ALONE}: closing on "              # what is at the plug is not what was measured there
PERIODS = (sentences.EVERY_100_MS, sentences.ORDER)
MOST = own("its values are believed as they come", WORDS, b=START)
GOES_ON = own("nothing happens")
ROWS: dict[str, Bridged] = {
    # --- CAN
    "can-lost": own("1 s without 0x102 is a stop, state B first", LOST, b=START, powered=SILENT),
    **{f"can-lost-{ms}": own("up to 0.9 s is borne: no current after 0.3 s", LOST, b=START, powered=SILENT, must=False) for ms in (500, 900)},
    "can-lost-1500": own("as if for good, where anybody listens", LOST, b=START, powered=SILENT, must=False),
    "can-deaf": own("the car hears no charger: it opens k after 1 s", LOST, b=START, powered=SILENT + ENDED),
    "can-flood": GOES_ON, "can-reversed": GOES_ON, "can-foreign": GOES_ON,
    "can-garbage": own("a fifth of the frames has random octets: the first one may say anything", WORDS, b=START),
    "can-bus-off": own("as lost, and our frames do not leave: their period is the fault", LOST, b=START, powered=SILENT, broken=PERIODS),
    "can-bus-off-500": own("borne", LOST, b=START, powered=SILENT, must=False, broken=PERIODS),
    "can-interface-down": own("as bus-off", LOST, b=START, powered=SILENT, broken=PERIODS),
    **{f"can-late-{ms}{which}": own("borne: a gap of 250 or 400 ms, then everything a little later", LOST, b=START)
       for ms in (150, 300) for which in ("", *(f"-{id:x}" for id in SPOKEN))},
    **{f"can-missing-{id:x}": own("defaults instead, or what it said before", "CAR_INCOMPATIBLE CAR_NO_CAN", b=START) for id in SPOKEN},
    "can-missing-102": own("as lost", LOST, b=START, powered=SILENT),
    **{f"can-short-{id:x}": own("7 octets are no frame: as missing", "CAR_INCOMPATIBLE CAR_NO_CAN", b=START) for id in SPOKEN},
    "can-short-102": own("as lost", LOST, b=START, powered=SILENT),
    "can-short": own("as lost", LOST, b=START, powered=SILENT),
    **{f"can-octets-{id:x}": MOST for id in SPOKEN},
    # --- what 0x102 says [1.5, 2.5]
    **{f"102.4.{bit}-set": GOES_ON for bit in range(FAULT_BITS)},
    **{f"102.4.{bit}-set": own("an order to stop", f"{name} CAR_STOP", b=START, powered=ENDED, codes=True) for bit, name in enumerate((
        "CAR_OVER_VOLTAGE", "CAR_UNDER_VOLTAGE", "CAR_CURRENT_DEVIATION", "CAR_TEMPERATURE", "CAR_VOLTAGE_DEVIATION"))},
    **{f"102.5.{bit}-{what}": GOES_ON for bit in range(STATUS_BITS) for what in ("set", "cleared")},
    "102.5.0-cleared": own("k is closed and 102.5.0 is 0: each alone stops", "CAR_NO_PERMISSION CAR_STOP", b=START, powered=ENDED),
    "102.5.0-set": own("k alone permits, and alone stops", "CAR_STOP CAR_NO_PERMISSION"),
    "102.5.1-set": own("not in park", "CAR_NOT_PARKED CAR_STOP", b=START, powered=ENDED),
    "102.5.2-set": own("the car's fault", "CAR_FAULT CAR_STOP", b=START, powered=ENDED),
    "102.5.3-set": own("contactors never reported closed; while charging nobody looks", NEVER_CLOSES, b=START),
    "102.5.3-cleared": own("contactors always reported closed: the voltmeter knows better; at the end 10 s are waited", NEVER_CLOSES, b=START, codes=True),
    "102.5.4-set": own("a stop before charging is obeyed where configured (e-NV200) [3.7]", "CAR_STOP_BEFORE CAR_STOP", b=START),
    "target-0": own("no target is no charge", "CAR_INCOMPATIBLE CAR_STOP CAR_NO_CAN", b=START, powered=ENDED),
    "target-65535": own("beyond what can be offered; the target is frozen at d2", "CAR_INCOMPATIBLE CAR_STOP FAILED_RESPONSE", b=START),
    "request-0": own("asks for nothing within 4 s; while charging no stop", "CAR_NO_REQUEST CAR_STOP CAR_FAULT CAR_CURRENT_DEVIATION", b=START),
    "request-255": own("asks for more than there is: it gets what there is", "CAR_CURRENT_DEVIATION CAR_STOP CAR_FAULT", b=START),
    "time-0": own("no charging time after 5 s [2.4.8]", "CAR_INCOMPATIBLE CAR_TIME_OVER", b=START),
    "rate-0-of-0": GOES_ON,
    # --- k [2.5]
    "k-open": own("the end in order, state B after 0.5 s of current", "CAR_NO_PERMISSION CAR_STOP", b=START, powered=ENDED),
    **{f"k-open-{ms}": own("open is open, when it is seen at all (every 50 ms)", "CAR_NO_PERMISSION CAR_STOP", b=START, powered=ENDED, must=False)
       for ms in (60, 300)},
    "k-stuck": own("closed while the car sleeps: refused; else the other half of the permission stops [2.4.5]", "CAR_PERMISSION_STUCK", b=START),
    "k-unknown": own("unknown is open", "CAR_NO_PERMISSION NOT_CONFIRMED CAR_STOP CAR_NO_CAN", b=START, powered=ENDED),
    # --- contactors
    "vehicle-contactors-never-close": own("4 s after d2 [2.2 number 8]", NEVER_CLOSES, b=START),
    "vehicle-contactors-late": own("2 s later: in time", NEVER_CLOSES, b=START),
    "vehicle-contactors-too-late": own("4.5 s later: not in time", NEVER_CLOSES, b=START),
    "vehicle-contactors-stuck": own("do not close, or do not open: the plug stays live and locked", NEVER_CLOSES, b=START, codes=True),
    "vehicle-contactors-welded": own("do not open: the plug stays live and locked", b=START, codes=True),
    "vehicle-contactors-drop": own("nothing takes the current any more: the voltage runs away, or the car's check trips; the arc in the car is the fault",
                                   DROPPED, b=START, damage=("vehicle_opened_under_current",), codes=True),
    "vehicle-supply-weak": own("as dropped, or never closed", DROPPED, b=START, damage=("vehicle_opened_under_current",), codes=True),
    "bridge-contactor-drops": own("not confirmed any more: an emergency; the arc is the fault", "SAFETY_TRIP NOT_CONFIRMED", b=START, powered=SAMPLE,
                                   damage=("opened_under_current",)),
    # --- lock, plug, signals
    "vehicle-lock-stuck": own("not confirmed: no d2; does not open: somebody has to help", "CAR_PLUG_NOT_LOCKED NOT_CONFIRMED", b=START, locked=True),
    "vehicle-lock-feedback-broken": own("unknown is not locked", "CAR_PLUG_NOT_LOCKED NOT_CONFIRMED SAFETY_TRIP", b=START, powered=SAMPLE),
    "vehicle-lock-feedback-off": own("not locked", "CAR_PLUG_NOT_LOCKED NOT_CONFIRMED SAFETY_TRIP", b=START, powered=SAMPLE),
    "vehicle-lock-opens": own("not locked", "CAR_PLUG_NOT_LOCKED NOT_CONFIRMED SAFETY_TRIP", b=START, powered=SAMPLE),
    "vehicle-lock-feedback-on": own("reads locked although it may not be: cannot be known"),
    "vehicle-lock-refuses": own("a driver that refuses: trip", "CAR_PLUG_NOT_LOCKED NOT_CONFIRMED SAFETY_TRIP", b=START),
    "vehicle-plug-pulled": own("by force: an emergency while it is live, the damage is a hand's", LOST + " NOT_CONFIRMED SAFETY_TRIP", b=START, powered=SAMPLE,
                               damage=("vehicle_unplugged_locked", "vehicle_unplugged_live", "vehicle_unplugged_under_current")),
    **{name: own("refuses on: trip; refuses off: the bounds, and the plug stays locked", "SAFETY_TRIP NOT_CONFIRMED CAR_NO_CAN", b=START, on=True,
                 broken=(sentences.D1_AFTER_D2,)) for name in ("sequence-refuses", "d1-refuses", "d2-refuses")},
    # --- the voltmeter at the plug
    **{name: own("believed: a car that seems live, dead or elsewhere; the plug stays locked while it reads live", PLUG, b=START, locked=True,
                 damage=("inrush", "vehicle_inrush"), codes=True, broken=(sentences.UNLOCKS_DEAD, sentences.D2_ON_DEAD, MISMATCHED))
       for name in ("plug-voltmeter-stuck", "plug-voltmeter-high", "plug-voltmeter-low", "plug-voltmeter-drifting", "plug-voltmeter-noisy")},
    **{name: own("unknown: trip while armed; before, no d2; locked, because it may be live", PLUG, b=START, powered=SAMPLE, locked=True)
       for name in ("plug-voltmeter-disconnected", "plug-voltage-nan", "plug-voltage-inf", "plug-voltage-huge", "plug-voltage-negative-huge")},
    "plug-voltage-future": own("the same when its last value is old", PLUG, b=START, powered=500 * MS + SAMPLE, locked=True),
    # --- rows of its table that no car has
    "car-devices-silent": own("no turn for the CAN: as lost", LOST, b=START, powered=SILENT),
    "car-chademo-silent": own("d1, d2 and k's word lapse", CAR_TRIP + " BATTERY_SILENT CAR_STOP CHARGER_STOP PRECHARGE_TIMEOUT " + LOST, b=START, on=True,
                              locked=True, codes=True, broken=(*PERIODS, sentences.STOP_TOLD)),
    "car-bridge-silent": own("the battery's data lapse; before the session nobody lets it begin", CAR_TRIP + " BATTERY_SILENT INTERNAL_ERROR CAR_STOP",
                             b=START, on=True, broken=(sentences.STOP_TOLD,)),
}
for _row in ("devices", "chademo", "bridge"):
    ROWS[f"car-{_row}-raises"] = own(expect_tasks.UNTOLD, CAR_TRIP + " INTERNAL_ERROR BATTERY_SILENT", b=2 * SAMPLE, on=True, locked=True, codes=True)

assert set(OWN) <= set(ROWS), sorted(set(OWN) - set(ROWS))


def row_of(o: Outcome) -> Row | None:
    """The row of its class: one of this table, or of a car's with what a bridge may say besides."""
    first, plant = expect.parts(o.group)
    if plant in ROWS:
        return ROWS[plant]
    given = expect.PLANT.get(plant) if plant else expect.ROWS.get(first)
    if given is None:
        return None
    if not given.car:
        return given
    patient = given.b is not None and given.b > S        # a sensor or a wire is judged at once, whoever waits for whom
    return Bridged(given.words, given.car | BESIDES, given.charger | CAR_LEFT, given.harmless, given.b + WAITING if patient else given.b,
                   given.b if given.powered is None else given.powered, broken=(sentences.D2_LAST,) if plant in LOUD else ())


def objections(o: Outcome) -> list[str]:
    """Sentences about what is not as expected in these worlds."""
    if o.error:
        return [o.error]
    row, seen = row_of(o), o.bridged
    if row is None:
        return [f"nothing is expected of {o.group}"]
    allowed = row if isinstance(row, Bridged) else Bridged(row.words)
    judged = replace(o, broken=[b for b in o.broken if not any(sentence in b for sentence in allowed.broken)],
                     damage=[d for d in o.damage if not d.startswith(allowed.damage)] if allowed.damage else o.damage)
    plant = expect.parts(o.group)[1]
    found = expect.always(judged)
    if not o.at_rest and not allowed.on:
        found.append("not at rest: " + ", ".join(o.still))
    for whose, locked in (("CCS", o.locked_at_end), ("CHAdeMO", seen.locked_at_end)):
        if locked and not o.trips.get("pev") and not allowed.locked and not seen.told and plant not in expect.LIES and not plant.startswith("car-"):
            found.append(f"the {whose} plug stays locked and nothing says why")
    if seen.live_at_end and not seen.locked_at_end and "vehicle-plug-pulled" != plant and "vehicle-lock" not in plant:
        found.append("the CHAdeMO plug is live at the end and not locked")
    if seen.dtcs and not allowed.codes:
        found.append(f"the car has a trouble code: {seen.dtcs}")
    if allowed.must and o.reasons["pev"] in GOOD and not o.stopped:
        found.append("it went on until the driver had enough")
    if seen.flowed and allowed.powered is not None and o.reasons["pev"] not in GOOD and (seen.gone is None or seen.gone > allowed.powered + GONE_AFTER):
        found.append(f"current {'to the end' if seen.gone is None else f'for {seen.gone / S:.2f} s'}")
    return found + expect.ends(o, [row])
