"""What Home Assistant is told of each topic, so that it makes an entity of it by itself: a table. No state, no time.

Keys and values are those of Home Assistant's documentation (integrations MQTT, sensor.mqtt, binary_sensor.mqtt; device classes and their units of sensor and
binary_sensor). Addresses (topics, identifiers) are the broker's side: drivers/mqtt adds them.
"""
from __future__ import annotations

from typing import Any, NamedTuple

from tasks.mqtt.topics import ROLES

EXPIRES_S = 35            # everything is said again after 10 s (tasks.mqtt.task.REPEAT): three times nothing, and Home Assistant shows "unavailable"
LONGEST = 250             # characters of a state; Home Assistant takes 255
TEXT = f"{{{{ value[:{LONGEST}] if value else '-' }}}}"
MODELS = {"pev": "car", "evse": "charger", "bridge": "CHAdeMO bridge"}
NOT_ANNOUNCED = ("relay_request", "lock_request")
"""For pyPLC's hardware; they say what `contactors` and `connector_lock` say."""


class Entity(NamedTuple):
    """`component`: sensor or binary_sensor. `more`: keys of Home Assistant."""

    label: str
    component: str
    more: dict[str, Any]


def text(label: str, icon: str, **more: Any) -> Entity:
    return Entity(label, "sensor", {"icon": f"mdi:{icon}", "value_template": TEXT, **more})


def measured(label: str, device_class: str | None, unit: str, digits: int = 1, **more: Any) -> Entity:
    kind = {} if device_class is None else {"device_class": device_class}
    return Entity(label, "sensor", {**kind, "unit_of_measurement": unit, "state_class": "measurement", "suggested_display_precision": digits, "expire_after": EXPIRES_S, **more})


def counted(label: str) -> Entity:
    """Energy of a session, which begins at 0 again with the next one."""
    return measured(label, "energy", "Wh", 0, state_class="total_increasing")


def either(label: str, on: str, off: str, **more: Any) -> Entity:
    return Entity(label, "binary_sensor", {"payload_on": on, "payload_off": off, "expire_after": EXPIRES_S, **more})


INNER: dict[str, Any] = {"entity_category": "diagnostic"}
RARE: dict[str, Any] = {**INNER, "enabled_by_default": False}

ENTITIES = {
    "fsm_state": text("State", "ev-station"),
    "connection_state": text("Connection", "lan-connect", **INNER),
    "stop_reason": text("Reason of the last end", "stop-circle-outline", **RARE),
    "stop_text": text("Last end", "stop-circle-outline"),
    "safety_state": text("Safety", "shield-check-outline", **INNER),
    "safety_trip": text("Safety trip", "shield-alert-outline", **INNER),
    "safety_blocked": text("Held back by", "shield-lock-outline", **INNER),
    "contactors": either("Contactors", "closed", "open", icon="mdi:electric-switch"),
    "connector_lock": either("Connector lock", "unlocked", "locked", device_class="lock"),       # on means open, there
    "energy": counted("Energy of this session"),
    "power": measured("Power", "power", "W", 0),
    "cpstate": text("Control pilot", "sine-wave", **INNER),
    "soc": measured("State of charge", "battery", "%", 0),
    "evccid": text("EVCCID", "card-account-details-outline", **INNER),
    "charger_voltage": measured("Charger voltage", "voltage", "V"),
    "charger_current": measured("Charger current", "current", "A"),
    "charger_max_voltage": measured("Charger's voltage limit", "voltage", "V", **INNER),
    "charger_max_current": measured("Charger's current limit", "current", "A", **INNER),
    "charger_max_power": measured("Charger's power limit", "power", "W", 0, **INNER),
    "target_voltage": measured("Wanted voltage", "voltage", "V"),
    "target_current": measured("Wanted current", "current", "A"),
    "isolation": measured("Isolation", None, "Ω", 0, icon="mdi:omega", **INNER),
    "battery_capacity": measured("Battery capacity", "energy_storage", "Wh", 0, **INNER),
    "battery_voltage": measured("Battery voltage", "voltage", "V"),
    "battery_hottest": measured("Battery, hottest", "temperature", "°C"),
    "battery_coldest": measured("Battery, coldest", "temperature", "°C"),
    "max_voltage": measured("Battery's voltage limit", "voltage", "V", **INNER),
    "max_current": measured("Battery's current limit", "current", "A", **INNER),
    "max_power": measured("Battery's power limit", "power", "W", 0, **INNER),
    "charge_permission": either("Battery permits charging", "1", "0", icon="mdi:battery-check-outline"),
    "current_limit": measured("Current limit", "current", "A", **INNER),
    "inlet_voltage": measured("Inlet voltage", "voltage", "V"),
    "inlet_current": measured("Inlet current", "current", "A"),
    "inlet_temperature": measured("Inlet temperature", "temperature", "°C"),
    "supply_voltage": measured("Supply", "voltage", "V", 2, **INNER),
    "bridge_phase": text("Bridge", "bridge"),
    "bridge_wait": text("Waiting", "timer-sand", **INNER),
    "bridge_battery": text("Battery voltage comes from", "battery-unknown", **INNER),
    "chademo_state": text("CHAdeMO", "ev-plug-chademo", **INNER),
    "chademo_status": text("CHAdeMO status octet", "ev-plug-chademo", **RARE),
    "vehicle_voltage": measured("CHAdeMO voltage", "voltage", "V"),
    "vehicle_request": measured("Vehicle wants", "current", "A", 0),
    "vehicle_permission": either("Vehicle permits charging", "1", "0", icon="mdi:car-electric-outline"),
    "vehicle_lock": either("CHAdeMO lock", "unlocked", "locked", device_class="lock"),
    "energy_out": counted("Energy out of the car"),
    "max_discharge": measured("Discharge limit", "current", "A", **INNER),
    "d1": either("Sequence signal d1", "on", "off", **RARE),
    "d2": either("Sequence signal d2", "on", "off", **RARE),
}
"""By the name of the topic."""


def announced(role: str) -> list[tuple[str, str, dict[str, Any]]]:
    """(topic, component, what Home Assistant is told) of a pev, an evse or a bridge, in the order of the topics."""
    about = {"name": f"ccsbox {MODELS[role]}", "manufacturer": "ccsbox", "model": MODELS[role]}
    found = []
    for topic in ROLES[role]:
        if topic.name not in NOT_ANNOUNCED:
            entity = ENTITIES[topic.name]
            found.append((topic.name, entity.component, {"name": entity.label, **entity.more, "device": dict(about), "origin": {"name": "ccsbox"}}))
    return found
