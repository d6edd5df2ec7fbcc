"""What the inputs of a board say now: raw and physical value, age, and why one is unknown."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Iterator

from drivers.adc.inputs import PolledInputs
from drivers.adc.quantity import Quantity, checked, linear, temperatures
from drivers.boards.assumed import AssumedCarPilot, NoInputs
from drivers.interfaces import PilotReading
from drivers.pins.inputs import PinInput
from kernel.timer import MS, S
from tools.bench_io.bench import Bench
from tasks.pilot_duty import promised_current

NO_RAW = "-"
PLUG = "CHAdeMO plug"       # the vehicle's side of a bridge contactor
DIGITAL = (3.0, 7.0)         # percent: a duty that asks for digital communication (ISO 15118-3; slac-and-network sheet 3)
OLD = 2 * S                  # vehicle data that is older is shown, and not believed


@dataclass(slots=True)
class Reading:
    """One row. `why` "" while the value is known."""

    name: str
    where: str
    raw: str = NO_RAW
    value: str = "unknown"
    unit: str = ""
    age_ms: int | None = None
    why: str = ""


def readings(bench: Bench, now: int) -> list[Reading]:
    """Every input, in the order in which one wires them."""
    return [*pilot(bench, now), *analog(bench, now), *digital(bench, now), *serial(bench, now), *instruments(bench, now), *vehicle(bench, now)]


def converters(bench: Bench) -> dict[str, PolledInputs]:
    """By the names that the settings use."""
    return {type(device).__name__.lower(): device for device in bench.polled if isinstance(device, PolledInputs)}


def section(bench: Bench) -> Any:
    """Settings of the board that is opened; None where it is simulated."""
    return getattr(bench.config, bench.config.board, None)


def number(value: float) -> str:
    return f"{value:.1f}" if abs(value) >= 100 else f"{value:.2f}"


def pilot(bench: Bench, now: int) -> Iterator[Reading]:
    """State and duty; with a converter its volts as well."""
    monitor = bench.board.pilot_monitor
    told: PilotReading | None = monitor.read(now)
    volts = getattr(monitor, "voltage", None)
    raw = NO_RAW if volts is None else f"{volts:.2f} V"
    measuring = getattr(section(bench), "measuring", section(bench))
    where = getattr(getattr(measuring, "pilot", None), "channel", "") or ("assumed" if isinstance(monitor, AssumedCarPilot) else "")
    if told is None:
        yield Reading("pilot state", where, raw, why="none of the windows of +12, +9, +6, +3, 0, -12 V" if volts is not None else "no sample, or the device is silent")
    else:
        yield Reading("pilot state", where, raw, str(told.state.value))
    if told is None or told.duty_percent is None:
        yield Reading("pilot duty", where, unit="%", why="nothing measures it" if told is not None else "no pilot")
    else:
        duty, amperes = told.duty_percent, promised_current(told.duty_percent)
        means = "no PWM" if duty == 100 else f"means {amperes:.0f} A" if amperes else "digital" if DIGITAL[0] <= duty <= DIGITAL[1] else "means nothing"
        yield Reading("pilot duty", where, means, f"{duty:.1f}", "%")


def analog(bench: Bench, now: int) -> Iterator[Reading]:
    """Every channel of every converter, also those that nothing uses: one needs their volts to find gain and offset."""
    made, used = converters(bench), {}
    plain = {pilot_channel(bench): "control pilot", f"iio:{getattr(section(bench), 'supply_channel', '')}": "output V"}     # their own drivers compute them
    for quantity, unit, channels in quantities(bench, made):
        for n, channel in enumerate(channels):
            used[channel] = quantity if n == 0 else None, f"{quantity.what}{' (second)' if n else ''}", unit
    for name, device in made.items():
        for channel in device.channels:
            where = f"{name}:{channel}"
            quantity, what, unit = used.get(where, (None, plain.get(where, "not used"), ""))
            counts, volts, at = device.raw(channel), device.volts(channel, now), device.sampled_at(channel)
            row = Reading(what, where, NO_RAW if counts is None else f"{counts}" + ("" if volts is None else f" {volts:.4f} V"),
                          age_ms=None if at is None else (now - at) // MS)
            if quantity is not None:
                value = quantity.read(now)
                row.value, row.unit = "unknown" if value is None else number(value), unit
                row.why = "" if value is not None else _why(device, channel, quantity.why)
            elif volts is not None:
                row.value, row.unit = f"{volts:.4f}", "V"
            else:
                row.why = _why(device, channel, "")
            yield row


def _why(device: PolledInputs, channel: str, why: str) -> str:
    if device.off_range(channel):
        return "at the end of the converter's range"
    if device.fault:
        return device.fault
    return "the sample is too old, or there is none yet" if why in ("", "no sample") else why


def pilot_channel(bench: Bench) -> str:
    own = section(bench)
    return getattr(getattr(getattr(own, "measuring", own), "pilot", None), "channel", "")


def quantities(bench: Bench, made: dict[str, PolledInputs]) -> Iterator[tuple[Quantity, str, list[str]]]:
    """What is configured over the converters, with its unit and its channels; made anew, because an instrument keeps its own for itself."""
    own = section(bench)
    measuring = getattr(own, "measuring", None)
    if measuring is None:
        return
    if bench.charger:
        c = measuring.power_meter
        named = ((checked(made, c.output_voltage, "output V"), "V", c.output_voltage), (linear(made, c.output_current, "output A"), "A", c.output_current))
    else:
        v = measuring.voltmeter
        named = ((checked(made, v.inlet_voltage, "inlet V"), "V", v.inlet_voltage), (linear(made, v.inlet_current, "inlet A"), "A", v.inlet_current),
                 (linear(made, v.supply_voltage, "supply"), "V", v.supply_voltage))
        if bench.bridge:
            named = (*named, (checked(made, v.vehicle_voltage, "vehicle V"), "V", v.vehicle_voltage))
        for quantity, channel in zip(temperatures(made, v.inlet_temperature, "inlet T"), v.inlet_temperature.channels):
            yield quantity, "C", [channel]
    for quantity, unit, config in named:
        if quantity is not None:
            yield quantity, unit, [config.channel] + ([config.second_channel] if getattr(config, "second_channel", "") else [])


def pins_by_purpose(bench: Bench) -> dict[str, str]:
    """How people call the pin of an input, by the purpose that its driver was given (drivers/pins/build.py)."""
    own = section(bench)
    pins = getattr(own, "pins", None) or getattr(own, "charger" if bench.charger else "car", None)
    if pins is None:
        return {}
    where = "socket" if bench.charger else "inlet"
    names = {"stop button": "stop_button", "plug present": "plug_present", "PWM present": "pwm_present", "residual current": "residual_current",
             "display button": "display_button", "contact of DC+": "contact_plus", "contact of DC-": "contact_minus", "contact of L1 or DC+": "contact_plus",
             "contact of L2 or DC-": "contact_minus"}
    found = {purpose: getattr(pins, name).pin for purpose, name in names.items() if hasattr(pins, name)}
    found |= {f"{where} lock {side}": getattr(pins.lock, side).pin for side in ("locked", "unlocked")}
    if bench.bridge:
        plug = own.bridge
        found |= {"CHAdeMO k": plug.k.pin, "CHAdeMO plug": plug.plug_present.pin}
        found |= {f"CHAdeMO lock {side}": getattr(plug.lock, side).pin for side in ("locked", "unlocked")}
    return found


def digital(bench: Bench, now: int) -> Iterator[Reading]:
    """Pins, one by one, with the level before and after debouncing."""
    pins = pins_by_purpose(bench)
    for device in bench.polled:
        if isinstance(device, PinInput):
            level, value = device.level(), device.read(now)
            yield Reading(device.name, pins.get(device.name, ""), NO_RAW if level is None else "active" if level else "inactive", *_told(value),
                          why="" if value is not None else device.fault or "not steady yet, or it chatters")


def _told(value: bool | None) -> tuple[str, str]:
    return ("unknown" if value is None else "yes" if value else "no"), ""


def serial(bench: Bench, now: int) -> Iterator[Reading]:
    """What a device at a serial port says, by its own names."""
    for device in bench.polled:
        for name, value in getattr(device, "measured", {}).items():
            told, age = value.get(now), value.age(now)
            heard = age < 3600 * S
            counts = getattr(device, "counts", None)
            yield Reading(name, device.port.path, NO_RAW if counts is None else str(counts), "unknown" if told is None else number(told), "",
                          age // MS if heard else None, "" if told is not None else device.fault or ("too old" if heard else "never said"))


def instruments(bench: Bench, now: int) -> Iterator[Reading]:
    """What the box makes of it all: the values that its tasks would get."""
    board, wanted = bench.board, []
    if bench.ac:
        wanted = [("mains voltage", "V", board.meter and board.meter.voltage), ("mains current", "A", board.meter and board.meter.current),
                  ("residual current trip", "", board.residual_current and board.residual_current.tripped), ("mains contactor closed", "", board.contactors.feedback)]
    elif bench.charger:
        wanted = [("output voltage", "V", board.power_meter.voltage), ("output current", "A", board.power_meter.current),
                  ("insulation", "Ohm", board.power_meter.isolation), ("contactor closed", "", board.contactors and board.contactors.feedback)]
    else:
        wanted = [("inlet voltage", "V", board.voltmeter.inlet_voltage), ("inlet current", "A", board.voltmeter.inlet_current),
                  ("inlet temperature", "C", board.voltmeter.inlet_temperature), ("supply voltage", "V", board.voltmeter.supply_voltage),
                  ("contactors closed", "", board.contactors.feedback)]
    if bench.bridge:
        plug = board.bridge
        wanted += [("vehicle voltage", "V", plug.voltmeter and plug.voltmeter.vehicle_voltage), ("charge permission k", "", plug.inputs.charge_permission),
                   ("CHAdeMO plug in", "", plug.inputs.plug_present), ("CHAdeMO plug locked", "", plug.lock.feedback)]
    absent = not_fitted(bench)
    wanted += [("plug locked", "", board.lock and board.lock.feedback), ("stop button pressed", "", None if isinstance(board.inputs, NoInputs) else board.inputs.stop_button)]
    for name, unit, read in wanted:
        value = read(now) if read else None
        why = "" if value is not None else "not known" if read and name not in absent else "not fitted"
        yield Reading(name, "the box sees", NO_RAW, _told(value)[0] if isinstance(value, bool) or value is None else number(value), unit, why=why)


def not_fitted(bench: Bench) -> set[str]:
    """What a converter could measure, and no channel is configured for."""
    measuring = getattr(section(bench), "measuring", None)
    if measuring is None or bench.charger:
        return set()
    meters = measuring.voltmeter
    fitted = {"inlet voltage": meters.inlet_voltage.channel, "inlet current": meters.inlet_current.channel,
              "inlet temperature": meters.inlet_temperature.channels, "supply voltage": meters.supply_voltage.channel}
    return {name for name, channel in fitted.items() if not channel}


def vehicle(bench: Bench, now: int) -> Iterator[Reading]:
    """What the vehicle's data says, with ages."""
    if bench.charger or bench.bridge or bench.config.charge_parameter_backend == "none" and bench.real:
        return
    source = bench.config.charge_parameter_backend if bench.real else "simulated"
    told = bench.board.vehicle.read(now)
    if told is None:
        yield Reading("battery", source, why="nothing was heard yet")
        return
    units = {"voltage": "V", "soc_percent": "%", "target_voltage": "V", "target_current": "A", "max_voltage": "V", "max_current": "A", "max_power": "W",
             "capacity": "Wh", "permission": "", "hottest": "C", "coldest": "C"}
    for name, unit in units.items():
        quantity = getattr(told, name)
        if quantity.at < 0:
            continue
        value, age = quantity.value, now - quantity.at
        shown = _told(value)[0] if isinstance(value, bool) or value is None else number(value)
        yield Reading(f"battery {name}", source, NO_RAW, shown, unit, age // MS, "" if value is not None else "not known")


@dataclass(slots=True)
class Voltages:
    """What could kill: name to V, None: not known, and why nobody knows the rest."""

    known: dict[str, float]
    unknown: dict[str, str]


def voltages(bench: Bench, now: int) -> Voltages:
    """Both sides of the contactors, freshly measured."""
    board, found = bench.board, Voltages({}, {})

    def put(side: str, value: float | None, why: str) -> None:
        if value is None:
            found.unknown[side] = why
        else:
            found.known[side] = value
    if bench.ac:
        put("mains", board.meter.voltage(now) if board.meter else None, "no meter is read" if not board.meter else "the meter does not answer")
    elif bench.charger:
        put("output", board.power_meter.voltage(now), "the power meter knows nothing")
    else:
        put("inlet", board.voltmeter.inlet_voltage(now), "the voltmeter knows nothing (inputs shows why)")
        if bench.bridge:
            meter = board.bridge.voltmeter
            put(PLUG, meter.vehicle_voltage(now) if meter else None, "its voltmeter knows nothing (inputs shows why)" if meter else "no voltmeter is fitted there")
            return found
        told = board.vehicle.read(now) if bench.battery_measured else None
        fresh = told is not None and told.voltage.at >= 0 and now - told.voltage.at <= OLD
        put("battery", told.voltage.value if told is not None and fresh else None,
            "nobody measures it (charge_parameter_backend)" if not bench.battery_measured else f"no value younger than {OLD // S} s")
    return found


