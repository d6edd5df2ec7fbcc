"""What a bridge shows: who waits for whom between charger and CHAdeMO vehicle, both voltages, its wires; and the page `chademo`. Pure, as screens.py."""
from __future__ import annotations

from kernel.timer import S
from tasks.chademo.states import ROWS, Side
from tasks.chademo.states import Row as SideRow
from tasks.display import texts
from tasks.display.limit import limit_text
from tasks.display.phases import Phase
from tasks.display.picture import BAR, LARGE, SMALL_CHARACTERS, TEXT, Row
from tasks.display.rows import contactors_of, current_of, drawn_of, headed, held_back, last_end, locked, small, tall, voltage_of
from tasks.display.texts import UNKNOWN, cut, value, wide
from tasks.signals import Signals, VehicleSays

CHARGE = Side.Charge.name
MEASURED = "measured"        # how tasks.bridge calls a battery voltage that somebody has seen
OUT_OF_CAR = "out of car"
TURN = 4 * S                 # energy and limit take turns
ON_THE_WAY = frozenset({Phase.MATCHING, Phase.JOINING, Phase.DISCOVERY, Phase.CONNECTING, Phase.SESSION, Phase.PARAMETERS, Phase.CABLE_CHECK})
"""Phases of the charger's side: their last row also says who waits."""


def rows_of(phase: Phase, rows: tuple[Row, ...], s: Signals, now: int, since: int) -> tuple[Row, ...]:
    """The rows of a phase as a bridge shows them; `rows`: as a car does."""
    if phase in ON_THE_WAY:
        waits = s.bridge_wait.value or ""
        return (*rows[:-1], small(_with_time(waits, since, now))) if waits and rows[-1].kind == TEXT else rows
    own = _OWN.get(phase)
    return rows if own is None else own(s, now, since)


def waiting(s: Signals, now: int, car: bool, since: int, detail: str) -> tuple[Row, ...]:
    """The vehicle gets ready, before the charger is spoken to or while it waits."""
    phase = Phase.ASKING if s.bridge_phase.value == "Look" else Phase.VEHICLE
    row, waits = _side(s), s.bridge_wait.value or ""
    first, second = (waits, _awaited(row)) if waits and row is not None else (waits or (row.text if row else ""), "" if row is None else row.waits_for)
    return headed(phase, tall(cut(first)), small(second), small(wide(wires(s, now), texts.elapsed(since, now))))


def _idle(s: Signals, now: int, since: int) -> tuple[Row, ...]:
    return headed(Phase.IDLE, tall("Plug in both sides."), small(cut(s.modem_fault.value or s.modem.value or "")), small(last_end(s, now)))


def _plugged(s: Signals, now: int, since: int) -> tuple[Row, ...]:
    hold, reason = s.session_hold.get(now), s.stop_reason.value
    return headed(Phase.PLUGGED, tall("waiting for 5% pilot" if not hold else cut(f"waits for {hold}" if len(hold) < 12 else hold)),
                  small("" if reason is None else cut("! " + reason.text)), small(wide(wires(s, now), texts.elapsed(since, now))))


def _precharge(s: Signals, now: int, since: int) -> tuple[Row, ...]:
    here, there = voltage_of(s, now, True), s.battery_voltage.get(now)
    percent = int(100 * here / there) if here is not None and there is not None and there > 0 else None
    return (Row(LARGE, Phase.PRECHARGE.headline), held_back(s) or Row(BAR, "", percent), tall(volts(s, now)), small(battery(s)), small(_waits(s)))


def _starting(s: Signals, now: int, since: int) -> tuple[Row, ...]:
    return headed(Phase.STARTING, tall(volts(s, now)), small(contactors_of(s, now, True)), small(_waits(s)), held=held_back(s))


def _charging(s: Signals, now: int, since: int) -> tuple[Row, ...]:
    """The large numbers are what the charger delivers, or with a minus what it draws; below them what the vehicle has and asks for, or gives."""
    voltage, current = voltage_of(s, now, True), current_of(s, now, True)
    delivered = None if voltage is None or current is None else voltage * current
    asked, drawn = f"asks {value(_says(s, now).current_request, 'A')}", drawn_of(s, now)
    if drawn is not None:
        asked, energy = f"out {value(drawn, 'A')}", s.session_energy_out.get(now)
        last = wide(_drawn_energy(energy), texts.elapsed(since, now))
    elif s.chademo_state.value != CHARGE:
        last = _waits(s)
    elif now // TURN & 1:
        limit = limit_text(s, now, True)
        last = wide("limit", limit) if limit else texts.energy_and_minutes(s.session_energy.get(now), since, now)
    else:
        last = texts.energy_and_minutes(s.session_energy.get(now), since, now)
    return (texts.soc_and_power(s.battery_soc.get(now), delivered), Row(LARGE, texts.volts_and_amperes(voltage, current)),
            small(wide(vehicle_volts(s, now), asked)), small(last))


def _drawn_energy(watt_hours: float | None) -> str:
    """`out 0.35 kWh`, from 100 kWh on without decimals: the minutes stand beside it."""
    if watt_hours is None:
        return OUT_OF_CAR
    kilo = watt_hours / 1000
    return f"out {kilo:.2f} kWh" if kilo < 99.995 else f"out {kilo:.0f} kWh"


def _stopping(s: Signals, now: int, since: int) -> tuple[Row, ...]:
    return (Row(LARGE, Phase.STOPPING.headline), tall("Do not unplug yet."), small(_waits(s)), small(volts(s, now)), small(locks(s, now)))


_OWN = {Phase.IDLE: _idle, Phase.PLUGGED: _plugged, Phase.PRECHARGE: _precharge, Phase.STARTING: _starting, Phase.CHARGING: _charging,
        Phase.STOPPING: _stopping}


# --- the page ----------------------------------------------------------------------------------------------------------

def page(s: Signals, now: int) -> list[str]:
    """Seven lines: state, wires, what both say to each other, voltages, who waits."""
    says = _says(s, now)
    status = s.chademo_status.value
    return [wide("state", s.chademo_state.value or UNKNOWN), wires(s, now, long=True),
            wide("109.5 " + (UNKNOWN if status is None else f"{status:02X}"), f"102.5 {UNKNOWN if says.status is None else f'{says.status:02X}'}"),
            wide(f"asks {value(says.target_voltage, 'V')}", value(says.current_request, "A")), wide("car's plug", texts.tenth(s.vehicle_voltage.get(now), "V")),
            battery(s), _waits(s)]


# --- facts that several of them show ------------------------------------------------------------------------------------

def wires(s: Signals, now: int, long: bool = False) -> str:
    """`d1+ d2- k+ L?`: on, off, not known; `L` is the lock of the CHAdeMO plug."""
    names = ("d1", "d2", "k", "lock" if long else "L")
    states = (s.d1_on.get(now), s.d2_on.get(now), s.vehicle_permission.get(now), s.vehicle_lock_confirmed.get(now))
    return ("  " if long else " ").join(f"{name}{'?' if on is None else '+' if on else '-'}" for name, on in zip(names, states))


def locks(s: Signals, now: int) -> str:
    """`CCS locked car locked`: both plugs."""
    return wide("CCS " + locked(s.lock_confirmed.get(now), s.lock_assumed.value is True, "free"),
                "car " + locked(s.vehicle_lock_confirmed.get(now), s.vehicle_lock_assumed.value is True, "free"))


def volts(s: Signals, now: int) -> str:
    """`CCS 362 V   car 360 V`."""
    return wide(f"CCS {value(voltage_of(s, now, True), 'V')}", vehicle_volts(s, now))


def vehicle_volts(s: Signals, now: int) -> str:
    """`car 360 V` as somebody measures it, `car ~360 V` where it is estimated."""
    voltage = s.battery_voltage.get(now)
    sure = voltage is None or (s.bridge_battery.value or "").startswith(MEASURED)
    return f"car {'' if sure else '~'}{value(voltage, 'V')}"


def battery(s: Signals) -> str:
    """Where the battery's voltage comes from, with its error: `by       learned +-6 V`."""
    return cut(wide("by", s.bridge_battery.value or UNKNOWN))


def _says(s: Signals, now: int) -> VehicleSays:
    return s.vehicle_says.get(now) or VehicleSays()


def _side(s: Signals) -> SideRow | None:
    """What stands about its CHAdeMO state in that machine's table; None while there is none."""
    name = s.chademo_state.value
    return ROWS[Side[name]] if name in Side.__members__ else None


def _waits(s: Signals) -> str:
    """Who waits for whom, else what the CHAdeMO side waits for."""
    row = _side(s)
    return cut(s.bridge_wait.value or ("" if row is None else _awaited(row)))


def _awaited(row: SideRow) -> str:
    """`awaits car's CAN`; the longer ones without the verb, and what waits for nothing by its name."""
    text = f"awaits {row.waits_for}"
    return row.text if not row.waits_for else text if len(text) <= SMALL_CHARACTERS else row.waits_for


def _with_time(waits: str, since: int, now: int) -> str:
    """The wait at the left, how long at the right where it fits."""
    passed = max(0, now - since) // S
    time = f"{passed}s" if passed < 100 else f"{min(99, passed // 60)}m"
    return wide(waits, time) if len(waits) + len(time) < SMALL_CHARACTERS else cut(waits)
