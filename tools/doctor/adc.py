"""Every configured measurement read twice: does the converter answer, is the pin off its rails, is the value one that can be with nothing plugged in?

The box's own drivers read and judge (drivers/adc); nothing is switched for it.
"""
from __future__ import annotations

from typing import Any, Iterator, NamedTuple

from drivers.adc.meters import REMEDY
from drivers.adc.pilot import AnalogPilotMonitor
from drivers.adc.quantity import Quantity, checked, linear, temperatures
from drivers.errors import DriverError
from drivers.interfaces import PilotState
from kernel.timer import MS, S
from tools.doctor.buses import HELD
from tools.doctor.devices import measuring_of
from tools.doctor.findings import Finding, fail, ok, warn

SETTLE = 1 * S               # all channels sampled, filters full; a converter that is silent so long is told
PACE = 10 * MS
TOUCH_SAFE_V = 60.0          # ISO 6469-3: more is dangerous; unplugged and open nothing may carry it


class Measurement(NamedTuple):
    """`channel`: converter:pin. `jump`: two readings SETTLE apart may differ by so much with nothing plugged in. `low`, `high`: what is usual then."""

    what: str
    unit: str
    channel: str
    quantity: Quantity
    jump: float
    low: float
    high: float


def adc(patient: Any) -> Iterator[Finding]:
    """A line for each converter that is out of order, each measurement, and the pilot."""
    measuring = measuring_of(patient.config) if patient.real_board else None
    if measuring is None or not measuring.converters:
        yield ok("ADC", "no converter of this box is configured")
        return
    if patient.held and patient.in_use:
        yield ok("ADC", f"{', '.join(measuring.converters)}: {HELD}")
        return
    from drivers.boards.common import Shared
    made: dict[str, Any] = {}
    try:
        made = patient.machine.make_converters(measuring, Shared(patient.config))
        wanted = measurements(patient.config, measuring, made)
        monitor = AnalogPilotMonitor(measuring.pilot, made) if measuring.pilot.channel else None
        yield from judge(patient, made, wanted, monitor)
    except DriverError as error:
        yield fail("ADC", error.problem, error.remedy, "ADC: see doctor")
    finally:
        for converter in made.values():
            converter.close()


def measurements(config: Any, measuring: Any, made: dict[str, Any]) -> list[Measurement]:
    """What the mode in force measures. DriverError where a channel has no converter."""
    if config.mode not in ("pev", "bridge"):
        return []
    volts = measuring.voltmeter
    rows = [("inlet voltage", "V", volts.inlet_voltage.channel, checked(made, volts.inlet_voltage, "inlet voltage"), 20.0, -TOUCH_SAFE_V, TOUCH_SAFE_V),
            ("inlet current", "A", volts.inlet_current.channel, linear(made, volts.inlet_current, "inlet current"), 5.0, -5.0, 5.0),
            ("supply", "V", volts.supply_voltage.channel, linear(made, volts.supply_voltage, "supply"), 1.0, 9.0, 30.0)]
    sensors = zip(volts.inlet_temperature.channels, temperatures(made, volts.inlet_temperature, "inlet temperature"), strict=True)
    rows += [(q.what, "C", channel, q, 5.0, -40.0, 60.0) for channel, q in sensors]
    if config.mode == "bridge":
        rows.append(("vehicle voltage", "V", volts.vehicle_voltage.channel, checked(made, volts.vehicle_voltage, "vehicle voltage"), 20.0, -TOUCH_SAFE_V,
                     TOUCH_SAFE_V))
    return [Measurement(what, unit, channel, quantity, *bounds) for what, unit, channel, quantity, *bounds in rows if quantity is not None]


def judge(patient: Any, made: dict[str, Any], wanted: list[Measurement], monitor: AnalogPilotMonitor | None) -> Iterator[Finding]:
    """Two readings of everything, SETTLE apart."""
    clock = patient.machine.clock
    settle(made, clock)
    first = [m.quantity.read(clock.now()) for m in wanted]
    settle(made, clock)
    silent = set()
    for name, converter in made.items():
        off_range = any(converter.off_range(channel) for channel in converter.channels)
        fault = converter.fault.removeprefix("ADC: ")
        if fault and not off_range:                  # it does not answer, or its witness is wrong: nothing of it is believed
            silent.add(name)
            yield fail("ADC", f"{converter.name}: {fault}", converter.remedy, converter.fault)
        elif fault and not used(name, converter, patient, wanted):
            yield warn("ADC", f"{converter.name}: {fault}, which nobody reads", converter.remedy)
        else:
            yield ok("ADC", f"{converter.name} converts {', '.join(converter.channels)}")
    for m, before in zip(wanted, first, strict=True):
        if m.channel.partition(":")[0] not in silent:
            yield weighed(m, before, m.quantity.read(clock.now()), made)
    if monitor is None:
        yield warn("pilot", "is not read: no channel is configured (measuring.pilot.channel)",
                   "Wire the control pilot to a converter, as drivers/boards/README.md draws it.")
    elif monitor_converter(patient) not in silent:
        yield pilot(patient.config, monitor, clock.now())


def settle(made: dict[str, Any], clock: Any) -> None:
    """Turns for the converters, SETTLE long."""
    end = clock.now() + SETTLE
    while (now := clock.now()) < end:
        due = [converter.run(now) for converter in made.values()]
        clock.wait_until(min([end, *(max(at, now + MS) for at in due)]), ())


def weighed(m: Measurement, before: float | None, value: float | None, made: dict[str, Any]) -> Finding:
    """One measurement."""
    converter, pin = made[m.channel.partition(":")[0]], m.channel.partition(":")[2]
    raw = converter.raw(pin)
    where = f"{m.what} ({m.channel}, raw {raw if raw is not None else 'none'})"
    if value is None:
        if m.quantity.why in REMEDY:
            return fail("ADC", f"{where}: {m.quantity.why}", f"{REMEDY[m.quantity.why][:1].upper()}{REMEDY[m.quantity.why][1:]}.", f"ADC: {m.what}")
        if raw is not None:
            return fail("ADC", f"{where}: at the end of the converter's range", "The pin has its full scale or more: divider, ground, full_scale_v.",
                        f"ADC: {m.what}")
        return fail("ADC", f"{where}: no sample", "The converter does not reach this channel: its settings, its wiring.", f"ADC: {m.what}")
    shown = f"{where}: {value:.1f} {m.unit}"
    if before is None or abs(value - before) > m.jump:
        return warn("ADC", f"{shown}, a second before {'unknown' if before is None else f'{before:.1f} {m.unit}'}",
                    "The pin floats or its cable is loose; plugged in and charging this is no fault.")
    if not m.low <= value <= m.high:
        return warn("ADC", f"{shown}, unusual with nothing plugged in ({m.low:g} to {m.high:g} {m.unit})",
                    "Compare it with a voltmeter: gain and offset of the channel, or something is plugged in.")
    return ok("ADC", shown)


def used(name: str, converter: Any, patient: Any, wanted: list[Measurement]) -> bool:
    """A channel at the end of its range has a line of its own."""
    read = {m.channel for m in wanted} | {measuring_of(patient.config).pilot.channel}
    return any(f"{name}:{channel}" in read for channel in converter.channels if converter.off_range(channel))


def monitor_converter(patient: Any) -> str:
    return measuring_of(patient.config).pilot.channel.partition(":")[0]


def pilot(config: Any, monitor: AnalogPilotMonitor, now: int) -> Finding:
    """A car unplugged sees 0 V (nobody drives its pilot), which the windows call E; a charger unplugged +12 V, or 0 V while its generator is off."""
    reading, volts = monitor.read(now), monitor.voltage
    if volts is None:
        return fail("pilot", "unknown: its converter is at the end of its range or has no sample",
                    "Peak detector, gain, offset: +12 V must lie within the converter's range.", "pilot unknown")
    if reading is None:
        return warn("pilot", f"{volts:.1f} V, which is none of +12, +9, +6, +3, 0 and -12 V",
                    "Gain and offset in the section pilot, the peak detector, the resistors at the pilot.")
    unplugged = (PilotState.A, PilotState.E) if config.mode == "evse" else (PilotState.E,)
    told = f"{volts:.1f} V, state {reading.state.value}"
    if reading.state in unplugged:
        return ok("pilot", f"{told}: nothing plugged in")
    if reading.state is PilotState.F or reading.state is PilotState.A:
        return warn("pilot", f"{told}, which a {'charger' if config.mode == 'evse' else 'car'} does not see at rest",
                    "Is the peak detector wired the right way round, gain and offset right?")
    return ok("pilot", f"{told}: something is plugged in")
