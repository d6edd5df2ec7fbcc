"""What a charger's surroundings tell by MQTT: the power stage's measurements, and whether charging is enabled (pyPLC's EvseMode)."""
from __future__ import annotations

from drivers.interfaces import Inputs, PowerMeter
from drivers.mqtt.client import MqttClient
from drivers.mqtt.payload import measurement, state
from drivers.mqtt.vehicle import OFTEN


class MqttPowerMeter:
    """PowerMeter with the topics `charger_voltage` and `charger_current`; insulation is measured by `others`, or not at all.

    None when not heard again within 500 ms. To be chosen by name: the supervisor judges the output by it.
    """

    def __init__(self, client: MqttClient, others: PowerMeter | None = None) -> None:
        self._client = client
        self._others = others
        self._voltage = client.want(measurement("charger_voltage", -50, 1100, "V", OFTEN)).quantity
        self._current = client.want(measurement("charger_current", -600, 600, "A", OFTEN)).quantity

    @property
    def errors(self) -> int:
        return self._client.errors + (0 if self._others is None else self._others.errors)

    def voltage(self, now: int) -> float | None:
        heard = self._voltage
        return heard.value if 0 <= heard.at <= now <= heard.at + OFTEN else None

    def current(self, now: int) -> float | None:
        heard = self._current
        return heard.value if 0 <= heard.at <= now <= heard.at + OFTEN else None

    def isolation(self, now: int) -> float | None:
        return None if self._others is None else self._others.isolation(now)


class EnabledInputs:
    """Inputs whose stop button counts as pressed, moreover, while topic `enabled` said 0 last.

    It is a state: it stays without repetition and over a lost broker, and a retained one is taken. Never heard is
    enabled, as with pyPLC. It can only stop; no message of it starts or permits anything that the rest does not.
    Whatever else the inputs of the board have is passed on.
    """

    def __init__(self, inputs: Inputs, client: MqttClient) -> None:
        self._inputs = inputs
        self._enabled = client.want(state("enabled")).quantity

    @property
    def errors(self) -> int:
        return self._inputs.errors

    def stop_button(self, now: int) -> bool | None:
        pressed = self._inputs.stop_button(now)
        return True if self._enabled.value is False else pressed

    def __getattr__(self, name: str) -> object:
        return getattr(self._inputs, name)
