"""The pages behind the main one, turned by the display button: battery, charger, link, safety, box. Pure, as screens.py.

Small type throughout: who turns pages stands close. A value that is not known is `--`, one that this box cannot have is left out.
"""
from __future__ import annotations

from typing import Callable, NamedTuple

from kernel.timer import S
from tasks.display import bridge_screens, texts
from tasks.display.picture import TEXT, TITLE_CHARACTERS, Row, Screen
from tasks.display.screens import notice_of, quality_of
from tasks.display.rows import lock_of
from tasks.display.texts import cut, pair, tenth, value, wide
from tasks.signals import Signals

ROWS = 7                   # below the title
LIFE_STEP = S
PEV, EVSE, BRIDGE, LISTEN = "pev", "evse", "bridge", "listen"


class Box(NamedTuple):
    """What the box knows about itself. `since`: ns, when it began; `write_errors` of the display."""

    about: str                   # name and version
    role: str
    since: int
    write_errors: int = 0        # of the display itself


def page_names(role: str) -> tuple[str, ...]:
    """In the order of the button; the first is the main page, which is not drawn here. A listener has no outputs to guard."""
    if role == BRIDGE:
        return ("main", "chademo", "battery", "charger", "link", "safety", "box")
    return ("main", "battery", "charger", "link", "box") if role == LISTEN else ("main", "battery", "charger", "link", "safety", "box")


def page_screen(name: str, s: Signals, now: int, box: Box) -> Screen:
    names = page_names(box.role)
    place = f"{names.index(name) + 1}/{len(names)}"
    rows = [Row(TEXT, cut(line)) for line in _PAGES[name](s, now, box)]
    return Screen(f"{name.upper()}{place:>{TITLE_CHARACTERS - len(name)}}", tuple(rows[:ROWS]), now // LIFE_STEP & 3)


def _battery(s: Signals, now: int, box: Box) -> list[str]:
    """A car's battery, or what the car has told a charger or a listener."""
    asked = pair(s.ev_target_voltage.get(now), "V", s.ev_target_current.get(now), "A")
    if box.role not in (PEV, BRIDGE):
        return [wide("SoC", value(s.ev_soc.get(now), "%")), wide("capacity", _energy(s.ev_capacity.get(now))), wide("wants", _energy(s.ev_energy_request.get(now))),
                "asks for", asked, "at most", pair(s.ev_max_voltage.get(now), "V", s.ev_max_current.get(now), "A")]
    permission = texts.closed(s.charge_permission.get(now), "allows", "forbids")
    warm, most = s.current_limit.get(now), s.battery_max_current.get(now)
    if warm is not None and most is not None and warm >= most:
        warm = None                          # the inlet is cool: it limits nothing
    last = wide("inlet", tenth(s.inlet_temperature.get(now), "C") + ("" if warm is None else f" {warm:.0f}A"))
    return [pair(s.battery_soc.get(now), "%", s.battery_voltage.get(now), "V"), wide("capacity", _energy(s.battery_capacity.get(now))),
            wide("wants", f"{value(s.battery_target_voltage.get(now), 'V')} {value(s.battery_target_current.get(now), 'A')}"),
            wide("max", f"{value(s.battery_max_voltage.get(now), 'V')} {value(s.battery_max_current.get(now), 'A')}"),
            wide("max", texts.kilo(s.battery_max_power.get(now))), wide("battery", permission), last]


def _energy(watt_hours: float | None) -> str:
    return f"{texts.UNKNOWN} kWh" if watt_hours is None else f"{watt_hours / 1000:.1f} kWh"


def _charger(s: Signals, now: int, box: Box) -> list[str]:
    lines = [s.v2g_protocol.value or "no session", wide("max", f"{value(s.evse_max_voltage.get(now), 'V')} {value(s.evse_max_current.get(now), 'A')}"),
             wide("max", texts.kilo(s.evse_max_power.get(now)))]
    if box.role != EVSE:
        lines.append(wide("says", f"{value(s.evse_present_voltage.get(now), 'V')} {value(s.evse_present_current.get(now), 'A')}"))
    elif s.ac_session.value:
        lines.append(wide("RCD", texts.closed(s.residual_current.get(now), "tripped", "ok")))
    else:
        lines.append(wide("isolation", texts.ohm(s.isolation.get(now))))
    if box.role == LISTEN:
        return lines[1:]                     # protocol and EVSEID stand on the listener's terminal
    evse_id = s.evse_id.value
    return [*lines, "EVSEID", *([texts.UNKNOWN] if evse_id is None else texts.wrap(evse_id)[:2])]


def _link(s: Signals, now: int, box: Box) -> list[str]:
    fault = s.modem_fault.value
    rates = s.link_rate_tx.get(now), s.link_rate_rx.get(now)
    lines = [cut(fault or s.modem.value or "no modem"), wide(quality_of(s) or "link", "" if s.attenuation.value is None else tenth(s.attenuation.value, "dB")),
             wide("Mbit/s", " / ".join(texts.UNKNOWN if rate is None else str(rate) for rate in rates))]
    for name, mac in (("peer", s.peer_mac.value), ("its modem", s.peer_modem.value)):
        lines += [name, texts.UNKNOWN if mac is None else mac.hex(":")]
    return lines


def _safety(s: Signals, now: int, box: Box) -> list[str]:
    pilot, duty = s.pilot_state.get(now), s.pilot_duty.get(now)
    lines = [wide("state", (s.safety_state.get(now) or texts.UNKNOWN)[:15]),
             wide("pilot", texts.UNKNOWN if pilot is None else pilot.value + ("" if duty is None else f" {duty:.0f}%")),
             wide("contactors", texts.closed(s.contactors_closed.get(now), "closed", "open")),
             wide("lock", lock_of(s, now)) if box.role != BRIDGE else bridge_screens.locks(s, now),
             wide("stop button", texts.closed(s.stop_button.get(now), "pressed", "free"))]
    if s.safety_trip.value:
        return [*lines, "tripped:", s.safety_trip.value]
    return [*lines, *(["waits for:", s.safety_blocked.value] if s.safety_blocked.value else ["no trip"])]


def _box(s: Signals, now: int, box: Box) -> list[str]:
    hours, minutes = divmod(max(0, now - box.since) // (60 * S), 60)
    address = s.own_address.value
    supply = s.supply_voltage.get(now)
    lines = [cut(box.about), wide("up", f"{hours} h {minutes:02d} min"), *([] if supply is None else [wide("supply", tenth(supply, "V"))])]
    lines += [wide("address", "fe80::"), _identifier(address)] if address is not None else []
    lines.append("! " + notice_of(s) if notice_of(s) else "no faults of devices")
    if s.doctor_notice.value:
        lines.append("! " + s.doctor_notice.value)
    if s.recording.value is not None:
        lines.append(cut(s.recording.value))
    if box.write_errors:
        lines.append(wide("display errors", str(min(9999, box.write_errors))))
    return lines


def _identifier(address: bytes) -> str:
    """The second half of a link-local address, whose first is always fe80:: (RFC 4291 2.5.6)."""
    return ":".join(f"{int.from_bytes(address[n:n + 2], 'big'):x}" for n in range(8, 16, 2))


_PAGES: dict[str, Callable[[Signals, int, Box], list[str]]] = {"chademo": lambda s, now, box: bridge_screens.page(s, now), "battery": _battery, "charger": _charger, "link": _link, "safety": _safety, "box": _box}
