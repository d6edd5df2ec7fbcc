"""The outputs of a board by name: how each goes on and off, where it is, and what a person has to know before."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable

from drivers.focccicape.didebo import LOAD_PIN, WEIGHTS
from drivers.pins import outputs as pins
from drivers.pins.lines import BULB, PULSE, PinLines
from drivers.serial_line import device as serial
from drivers.sim.lines import CONTACTORS, D1, D2, DUTY, FIRST, LOCK, STEADY, UNLOCK, VEHICLE_LOCK, VEHICLE_UNLOCK
from tools.bench_io.bench import Bench
from tools.bench_io.look import section

PLAIN, PILOT, MOTOR, HV, MAINS, SEQUENCE = "plain", "pilot", "motor", "high voltage", "mains", "charge sequence"
ALONE = ("Killed without warning (kill -9), this one is NOT made safe by the guard: the kernel gives the pin back, and what its level is then "
         "depends on the board.")
Act = Callable[[int], bool]


@dataclass(slots=True)
class Output:
    """`on` and `off` take the time and say whether it was done. `kind` decides what is refused (rules.py). `place`: of the lines, None where it has none."""

    name: str
    what: str
    on: Act
    off: Act
    kind: str = PLAIN
    place: int | None = None
    pin: str = ""
    hint: str = ""
    hand: Any = None

    def switches_power(self) -> bool:
        return self.kind in (HV, MAINS, SEQUENCE)


def outputs(bench: Bench, duty: float = 5.0) -> list[Output]:
    """What this board can switch. `duty`: percent, for the output `pwm`."""
    board, lines = bench.board, bench.lines
    found: list[Output] = []

    def low(*places: int) -> Act:
        """Every one of them is commanded, also when one refuses."""
        return lambda now: all([lines.set(place, False) for place in places])
    if not bench.charger:
        found.append(Output("state_c", "pilot to state C: ready", lambda now: board.control_pilot.set_state_c(True, now),
                            lambda now: board.control_pilot.set_state_c(False, now), PILOT, FIRST,
                            hint="A charger at the plug would take the car as ready; AC would be switched on. Pull the plug."))
    if bench.ac:
        found.append(Output("mains", "mains contactor", lambda now: board.contactors.set_closed(True, now), lambda now: board.contactors.set_closed(False, now),
                            MAINS, FIRST, hint="Only with the mains cut off before the box."))
    elif board.contactors is not None:
        found.append(Output("contactors", "bridge contactor" if bench.bridge else "HV contactors" if not bench.charger else "output contactor", lambda now: board.contactors.set_closed(True, now),
                            lambda now: board.contactors.set_closed(False, now), HV, CONTACTORS))
    if bench.charger and not bench.ac:
        found.append(Output("power", "enable of the power stage, 0 V asked for", lambda now: board.power_supply.set(0.0, 0.0, now), board.power_supply.off, HV, FIRST))
    found += _weights(bench) + _lock(bench, low(LOCK, UNLOCK)) + _vehicle_side(bench, low)
    hands = lines.hands if isinstance(lines, PinLines) else {}
    if BULB in hands:
        found.append(Output("bulb", "relay of the light bulb", lambda now: lines.set(BULB, True), low(BULB), HV, BULB))
    if bench.charger and board.pilot_source is not None:
        def steady(now: int) -> bool:
            return board.pilot_source.set_duty(STEADY, now)
        found += [Output("pwm", f"PWM of the pilot, {duty:g} % (--duty)", lambda now: board.pilot_source.set_duty(duty, now), steady, PLAIN, DUTY),
                  Output("state_f", "pilot to state F: -12 V", lambda now: board.pilot_source.set_duty(None, now), steady, PLAIN, DUTY)]
    if PULSE in hands:
        found.append(Output("enable_pulse", "pulses for the enable stage, 10 Hz", lambda now: True, lambda now: True, PLAIN, PULSE,
                            hint="The guard pulses it during every switching: what hangs behind the enable stage has to be awake then."))
    if bench.cape is not None:
        found.append(_life_sign(bench))
    for output in found:
        if output.place is not None:
            output.pin = output.pin or getattr(lines, "labels", {}).get(output.place, "" if bench.real else "simulated")
            output.hand = hands.get(output.place, output.hand)
        for device in bench.polled:
            if not output.pin and isinstance(device, serial.SerialDevice):
                output.pin = device.port.path or "serial port"
    return found


def _lock(bench: Bench, rest: Act) -> list[Output]:
    lock = bench.board.lock
    if lock is None or isinstance(lock, (pins.NoLock, serial.NoLock)):
        return []
    return [Output("lock", "motor of the lock, to lock", lambda now: lock.set_locked(True, now), rest, MOTOR, LOCK),
            Output("unlock", "motor of the lock, to unlock", lambda now: lock.set_locked(False, now), rest, MOTOR, UNLOCK)]


def _vehicle_side(bench: Bench, low: Callable[..., Act]) -> list[Output]:
    """What a bridge has at its CHAdeMO plug."""
    plug = bench.board.bridge if bench.bridge else None
    if plug is None:
        return []
    found = [Output("d2", "charge sequence signal 2: pin 10 to ground", lambda now: plug.sequence.set_d2(True, now), low(D2), SEQUENCE, D2,
                    hint="A vehicle that also has d1 closes its contactors. Pull the CHAdeMO plug."),
             Output("d1", "charge sequence signal 1: +12 V on pin 2", lambda now: plug.sequence.set_d1(True, now), low(D1), PLAIN, D1,
                    hint="A vehicle at the CHAdeMO plug wakes up and speaks.")]
    if not isinstance(plug.lock, pins.NoLock):
        rest = low(VEHICLE_LOCK, VEHICLE_UNLOCK)
        found += [Output("vehicle_lock", "the CHAdeMO plug's lock, to lock", lambda now: plug.lock.set_locked(True, now), rest, MOTOR, VEHICLE_LOCK),
                  Output("vehicle_unlock", "the CHAdeMO plug's lock, to unlock", lambda now: plug.lock.set_locked(False, now), rest, MOTOR, VEHICLE_UNLOCK)]
    return found


def _weights(bench: Bench) -> list[Output]:
    """The transformers of DiDeBoCCS and its load relay, each by itself."""
    stage = getattr(getattr(bench.board, "power_supply", None), "stage", None)
    if stage is None:
        return []
    found = [_pin(f"weight_{weight:g}", f"transformer of {weight:g} V, without the enable", hand, HV, pin)
             for hand, (weight, pin) in zip(stage.weights, WEIGHTS)]
    return [*found, _pin("load", "load relay", stage.load, HV, LOAD_PIN)]


def _pin(name: str, what: str, hand: Any, kind: str, pin: str) -> Output:
    return Output(name, what, lambda now: hand.put(True), lambda now: hand.put(False), kind, None, pin, ALONE, hand)


def _life_sign(bench: Bench) -> Output:
    cape = bench.cape
    assert cape is not None
    due = [0]

    def beat(now: int) -> bool:
        """As long as it is on: called in every turn."""
        if now >= due[0]:
            due[0] = cape.run(now)
        return not cape.fault
    return Output("life_sign", "life sign of the cape, toggled, and its lamp", beat, cape.rest, PLAIN, None, section(bench).cape.life_sign_pin, ALONE, cape.life_sign)


def level(bench: Bench, output: Output) -> str:
    """What it is commanded to."""
    if output.place == DUTY:
        duty = bench.lines.duty
        return "-12 V" if duty is None else f"{duty:g} %"
    if output.place in (None, PULSE):
        return "off"
    return "on" if bench.lines.level(output.place) else "off"


def read_back(output: Output) -> str:
    """What the pin says, where it can."""
    if output.hand is None:
        return "-"
    there = output.hand.get()
    return "unknown" if there is None else "on" if there else "off"


def all_off(bench: Bench, found: list[Output]) -> list[str]:
    """Everything off, state C and power first; the names of what refused."""
    now = bench.clock.now()
    return [output.name for output in found if not output.off(now)]
