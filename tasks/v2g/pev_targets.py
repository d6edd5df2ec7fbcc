"""What a car asks for in the requests of either protocol: limits, targets, energy, remaining times."""
from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tasks.v2g.pev_conversation import PevConversation

STEP_A = 0.1                         # A: resolution of what is told
MAX_REMAINING_SECONDS = 32767.0      # what a short carries without multiplier


def own_limits(m: PevConversation) -> tuple[float, float, float]:
    """V, A, W: the smaller of battery and configuration, and of power the share that the person allows."""
    facts, config = m.facts, m.config
    voltage, current, power = config.max_voltage_v, config.max_current_a, config.max_power_kw * 1000 * facts.power_share
    if facts.max_voltage is not None and facts.max_voltage < voltage:
        voltage = facts.max_voltage
    if facts.max_current is not None and facts.max_current < current:
        current = facts.max_current
    if facts.max_power is not None and facts.max_power < power:
        power = facts.max_power
    return voltage, current, power


def targets(m: PevConversation) -> tuple[float, float]:
    """EVTargetVoltage, EVTargetCurrent of the charge loop: the minimum of battery, charger and configuration (I6).

    0 A while the battery's wish is unknown. Power is current times the voltage of now, the battery's or the charger's (cable), whichever
    is higher: an Ioniq at an alpitronic HYC150 asks so (capture spi_ioniq_alpiHYC150); at the target voltage, which is reached at the end, up to a
    tenth of it would be given away.
    """
    facts, charger = m.facts, m.charger
    max_voltage, max_current, max_power = own_limits(m)
    if m.config.light_bulb_demo:
        voltage, current = m.config.light_bulb_voltage_v, m.config.light_bulb_current_a
    elif facts.target_voltage is None or facts.target_current is None or facts.permission is not True:
        voltage = facts.battery_voltage if facts.battery_voltage is not None else m.target_voltage or 0.0
        current = 0.0
    else:
        voltage, current = facts.target_voltage, facts.target_current
    if charger.max_voltage is not None and charger.max_voltage < max_voltage:
        max_voltage = charger.max_voltage
    voltage = min(voltage, max_voltage)
    if charger.max_current is not None and charger.max_current < max_current:
        max_current = charger.max_current
    if charger.max_power is not None and charger.max_power < max_power:
        max_power = charger.max_power
    if m.power_limit is not None and m.power_limit < max_power:
        max_power = m.power_limit
    current = min(current, max_current, facts.current_limit or 0.0)      # unknown: nothing is asked for
    present = max(facts.battery_voltage or 0.0, m.evse_voltage or 0.0)
    if not 0.0 < present < voltage:
        present = voltage
    if present * current > max_power:
        current = int(max_power / present / STEP_A) * STEP_A         # what is told is rounded: never up
    return voltage, max(0.0, current)


def soc(m: PevConversation) -> int:
    """EVRESSSOC: the last one that was known."""
    known = m.facts.soc
    return min(100, max(0, int(m.last_soc if known is None else known)))


def bulk_complete(m: PevConversation) -> bool:
    return m.facts.soc is not None and m.facts.soc >= m.config.bulk_soc_percent


def energy(m: PevConversation) -> tuple[float, float]:
    """Capacity, and energy until the stop SoC, in Wh."""
    capacity = m.facts.capacity if m.facts.capacity is not None else m.config.energy_capacity_wh
    soc = m.facts.soc if m.facts.soc is not None else m.last_soc
    return capacity, max(0.0, capacity * (m.config.stop_soc_percent - soc) / 100)


def remaining_seconds(m: PevConversation, power: float) -> tuple[int, int]:
    """Until the stop SoC and until BulkSOC at `power` W; the largest that can be told when nothing flows. A bridge's vehicle says the first by itself."""
    if m.facts.remaining_seconds is not None:
        left = int(min(MAX_REMAINING_SECONDS, m.facts.remaining_seconds))
        return left, min(left, _computed(m, power)[1])
    return _computed(m, power)


def _computed(m: PevConversation, power: float) -> tuple[int, int]:
    if power <= 0:
        return int(MAX_REMAINING_SECONDS), int(MAX_REMAINING_SECONDS)
    capacity, request = energy(m)
    beyond_bulk = capacity * max(0.0, m.config.stop_soc_percent - m.config.bulk_soc_percent) / 100
    return (int(min(MAX_REMAINING_SECONDS, request * 3600 / power)),
            int(min(MAX_REMAINING_SECONDS, max(0.0, request - beyond_bulk) * 3600 / power)))
