"""What all boards share: converters by name, where the vehicle's data comes from, the display, and the check that the settings fit what is fitted."""
from __future__ import annotations

from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

from drivers.adc.ads1x15 import Ads1x15
from drivers.adc.iio import Iio
from drivers.adc.mcp3208 import Mcp3208
from drivers.boards.assumed import NoDisplay
from drivers.boards.config import Measuring
from drivers.errors import DriverError
from drivers.interfaces import Oled, VehicleData
from kernel.record import dataclass

if TYPE_CHECKING:                 # what a board has is loaded where it is opened
    from drivers.can.bus import CanBus, Port
    from drivers.http_post.post import HttpPost
    from drivers.mqtt.client import MqttClient

OWN = "device"               # charge_parameter_backend: the board's own device says it
CHADEMO = "chademo"          # and: a battery management that speaks pyPLC's private CHAdeMO, which is a conversation and no driver's business
PRIVATE_IDS = (0x100, 0x102)     # what such a management says (chademo sheet 5)
PILOT_AGE_MS = 200           # as the signal pilot_state, which counts from the look and not from the sample
FILTER_MS = 20               # three time constants until a step is seen: no more than the age of a sample


@dataclass(slots=True)
class Shared:
    """What several users of one board share, opened once; `polled` want their turns, `notes` are told at the start."""

    config: Any
    polled: list[Any] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    _can: CanBus | None = None
    _mqtt: MqttClient | None = None
    _rest: HttpPost | None = None

    def can(self) -> CanBus:
        if self._can is None:
            from drivers.can.bus import CanBus
            self._can = CanBus(self.config.can)
            self.polled.append(self._can)
        return self._can

    @property
    def rest(self) -> HttpPost | None:
        """Who is called with the state of charge, with `rest.enabled`."""
        if self._rest is None and self.config.rest.enabled:
            from drivers.http_post.post import HttpPost
            self._rest = HttpPost(self.config.rest)
            self.polled.append(self._rest)
        return self._rest

    def mqtt(self) -> MqttClient:
        if self._mqtt is None:
            from drivers.mqtt.client import MqttClient
            self._mqtt = MqttClient(self.config.mqtt, self.config.mode)
            self.polled.append(self._mqtt)
        return self._mqtt

    @property
    def publisher(self) -> MqttClient | None:
        """Who is told what goes on: with `mqtt.publish`, or where the broker is used anyway."""
        return self.mqtt() if self.config.mqtt.publish or self._mqtt is not None else None


def converters(config: Measuring, shared: Shared, used: tuple[str, ...] | None = None) -> dict[str, Any]:
    """The analog converters that are fitted, by the names that the settings use. `used` (converter:pin): a round takes no time for other pins."""
    makers = {"ads1x15": Ads1x15, "iio": Iio, "mcp3208": Mcp3208}
    made = {name: makers[name](_only(getattr(config, name), name, used)) for name in config.converters}
    shared.polled += made.values()
    return made


def _only(section: Any, name: str, used: tuple[str, ...] | None) -> Any:
    """`section` with those of its channels that somebody reads; as it is where that would be none."""
    keep = [n for n, pin in enumerate(section.channels) if used is None or f"{name}:{pin}" in used or pin == section.witness_channel]
    scales = getattr(section, "full_scale_v", [])
    several = {"full_scale_v": [scales[n] for n in keep]} if len(scales) > 1 else {}
    return replace(section, channels=[section.channels[n] for n in keep], **several) if 0 < len(keep) < len(section.channels) else section


def pilot_in_time(section: str, config: Any, channel: str) -> None:
    """DriverError where the pilot's converter would show an old state of the car as one of now: the plug is out, and state C still stands."""
    name = channel.partition(":")[0]
    converter = getattr(config, name, None)
    if converter is None:
        return                                   # told by the monitor, with the names that there are
    if converter.max_age_ms > PILOT_AGE_MS:
        raise DriverError(f"{section}.{name}.max_age_ms = {converter.max_age_ms}: the control pilot is read there, and so old a state of it would count as one of now.",
                          f"Set it to {PILOT_AGE_MS} or less; read slow quantities by another converter.")
    if converter.filter == "exponential" and converter.filter_ms > FILTER_MS:
        raise DriverError(f"{section}.{name}.filter_ms = {converter.filter_ms} with filter = exponential: the control pilot is read there, and state C would stand on for "
                          f"{3 * converter.filter_ms} ms after the car has left it.", f"Set filter: none or median, or filter_ms to {FILTER_MS} or less.")


def private_can(shared: Shared) -> Port | None:
    """The bus of a battery management that speaks pyPLC's private CHAdeMO; None where it is another one."""
    return shared.can().port("vehicle", PRIVATE_IDS) if shared.config.charge_parameter_backend == CHADEMO else None


def vehicle(shared: Shared, own: VehicleData | None = None) -> VehicleData | None:
    """Where the vehicle's data comes from; None: it is heard on `private_can`. DriverError where nobody says it."""
    config = shared.config
    source = config.charge_parameter_backend
    if config.ev.light_bulb_demo:
        from drivers.light_bulb import LightBulb
        return LightBulb(config.ev.light_bulb_voltage_v, config.ev.light_bulb_current_a)
    if source == "fixed":
        if not config.vehicle_fixed.charge_permission:
            shared.notes.append("NO CHARGE WILL BEGIN: vehicle_fixed.charge_permission = false. Set it to true, and only when something else guards the battery.")
        from drivers.vehicle_fixed import FixedVehicle
        return FixedVehicle(config.vehicle_fixed)
    if source == "mqtt":
        from drivers.mqtt.vehicle import MqttVehicle
        return MqttVehicle(shared.mqtt(), config.mqtt_vehicle)
    if source == "dbc":
        from drivers.can.dbc_battery import DbcBattery
        battery = DbcBattery(config.dbc_battery, shared.can())
        shared.polled.append(battery)
        shared.notes += battery.warnings
        return battery
    if source == OWN and own is not None:
        return own
    if source == CHADEMO:
        return None
    raise DriverError(f"charge_parameter_backend = {source}: on the board {config.board} nobody says what the battery wants.",
                      "Set it to fixed, mqtt or dbc, and the section vehicle_fixed, mqtt_vehicle or dbc_battery, or to chademo for pyPLC's own CAN profile" +
                      (", or to device." if own is not None else "."))


def display(shared: Shared) -> Oled:
    """The OLED, or none."""
    config = shared.config.oled
    if config.controller == "none":
        return NoDisplay()
    from drivers.oled_luma import OledLuma
    made = OledLuma(config)
    if hasattr(made, "run"):
        shared.polled.append(made)
    return made


def must_fit(board: str, section: str, safety: Any, fitted: dict[str, bool]) -> None:
    """DriverError where the supervisor counts on a sensor that the board does not have, all of them at once.

    `fitted`: names of `safety.<section>` settings ending in `_fitted`, and what the board has.
    """
    wrong = [name for name, there in fitted.items() if getattr(safety, name) and not there]
    if wrong:
        raise DriverError(f"The board {board} does not measure what the supervisor counts on: " + ", ".join(f"safety.{section}.{name}" for name in wrong) + ".",
                          "Configure the input that measures it, or set these to false (their comments in config.yaml say what is then taken instead).")


def must_have_no_button(board: str, section: str, safety: Any, fitted: bool) -> None:
    """DriverError where an emergency button is counted on that no pin reads."""
    if safety.stop_button != "none" and not fitted:
        raise DriverError(f"The board {board} reads no stop button, but safety.{section}.stop_button = {safety.stop_button}.",
                          f"Name its pin, or set safety.{section}.stop_button: none.")
