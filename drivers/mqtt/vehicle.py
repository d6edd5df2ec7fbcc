"""What a vehicle tells by MQTT (charge_parameter_backend = mqtt of pyPLC), and an inlet voltage that is measured elsewhere."""
from __future__ import annotations

from drivers.errors import DriverError
from drivers.interfaces import BatteryReading, Quantity, Voltmeter, measured_at
from drivers.mqtt.client import CHARGER_SAYS, MqttClient
from drivers.mqtt.config import MqttVehicleConfig
from drivers.mqtt.payload import Input, measurement, permission, sign
from kernel.timer import MS

OFTEN = 500 * MS       # as the signals of these quantities (safety sheet S7); others may be 2 s old, which the same repetition gives


class MqttVehicle:
    """VehicleData. Ranges are those of the signals. A limit that was heard once has to be repeated, or it is unknown."""

    def __init__(self, client: MqttClient, config: MqttVehicleConfig) -> None:
        want, c = client.want, config
        self._client = client
        self._by_values = c.permission == "values"
        self._voltage = want(measurement("battery_voltage", 0, 1000, "V", OFTEN))
        self._target_voltage = want(measurement("target_voltage", 0, 1000, "V", OFTEN))
        self._target_current = want(measurement("target_current", 0, 500, "A", OFTEN))
        soc = want(measurement("soc", 0, 100, "%"))
        self._permission = want(permission("charge_permission", None if self._by_values else OFTEN))
        hottest, coldest = want(measurement("battery_hottest", -60, 200, "degrees Celsius")), want(measurement("battery_coldest", -60, 200, "degrees Celsius"))
        want(sign(CHARGER_SAYS))
        r = self._reading = BatteryReading(
            voltage=self._voltage.quantity, soc_percent=soc.quantity, target_voltage=self._target_voltage.quantity,
            target_current=self._target_current.quantity, hottest=hottest.quantity, coldest=coldest.quantity)
        if not self._by_values:
            r.permission = self._permission.quantity
        self._limits: tuple[tuple[Input, float, Quantity[float]], ...] = (
            (want(measurement("max_voltage", 0, 1000, "V")), c.max_voltage_v, r.max_voltage),
            (want(measurement("max_current", 0, 500, "A")), c.max_current_a, r.max_current),
            (want(measurement("max_power", 0, 400_000, "W")), c.max_power_w, r.max_power),
            (want(measurement("battery_capacity", 0, 300_000, "Wh")), c.capacity_wh, r.capacity))

    @property
    def errors(self) -> int:
        return self._client.errors

    def read(self, now: int) -> BatteryReading | None:
        if self._client.charger_near(now):
            return None                      # target_voltage, target_current, soc below this topic may be the echo of what we asked the charger for
        if self._voltage.quantity.at < 0 and self._permission.quantity.at < 0 and self._target_current.quantity.at < 0:
            return None                      # nobody has ever spoken
        for heard, configured, limit in self._limits:
            quantity = heard.quantity
            if quantity.at < 0:
                limit.hear(configured or None, now)
            else:
                limit.hear(min(quantity.value, configured) if configured else quantity.value, quantity.at)
        if self._by_values:
            self._permit()
        return self._reading

    def _permit(self) -> None:
        """As old as the oldest of what it rests on; a `charge_permission` that somebody does publish counts as well."""
        rests_on = [i.quantity for i in (self._voltage, self._target_voltage, self._target_current)]
        said = self._permission.quantity
        if said.at >= 0:
            rests_on.append(said)
        at = min(quantity.at for quantity in rests_on)
        self._reading.permission.hear(None if at < 0 else said.value is not False, at)


class MqttVoltmeter:
    """Voltmeter with the inlet voltage of topic `inlet_voltage`; the rest is measured by `others`, or not at all.

    To be chosen by name in the configuration: the supervisor closes contactors by this value. It is None when it was
    not heard again within 500 ms, so a lost broker, a stalled one and a flood all end in "inlet voltage unknown".
    """

    def __init__(self, client: MqttClient, others: Voltmeter | None = None) -> None:
        self._client = client
        self._others = others
        self._heard = client.want(measurement("inlet_voltage", -50, 1100, "V", OFTEN)).quantity

    @property
    def errors(self) -> int:
        return self._client.errors + (0 if self._others is None else self._others.errors)

    def inlet_voltage(self, now: int) -> float | None:
        heard = self._heard
        return heard.value if 0 <= heard.at <= now <= heard.at + OFTEN else None

    def measured_at(self, what: str, now: int) -> int:
        """ns: when it was heard; of the others when they say it."""
        if what == "inlet_voltage":
            return self._heard.at
        return now if self._others is None else measured_at(self._others)(what, now)

    def inlet_current(self, now: int) -> float | None:
        return None if self._others is None else self._others.inlet_current(now)

    def inlet_temperature(self, now: int) -> float | None:
        return None if self._others is None else self._others.inlet_temperature(now)

    def supply_voltage(self, now: int) -> float | None:
        return None if self._others is None else self._others.supply_voltage(now)


def refuse_outputs() -> DriverError:
    """What is said where the configuration wants pilot, contactors or lock by MQTT (digital_output_device = mqtt of pyPLC)."""
    return DriverError(
        "Pilot, contactors and lock cannot be switched by MQTT: when this program, the broker or the network dies, nothing can take the command back, "
        "so contactors would stay closed.",
        "Wire them to pins of this board, to Dieter or to a celeron55 device. The topics cpstate, relay_request and lock_request are published as information.")
