"""Reads the sensors of a car or of a charger into signals; what is impossible becomes unknown."""
from __future__ import annotations

from drivers.interfaces import AcMeter, Inputs, PilotMonitor, PowerMeter, ResidualCurrent, Voltmeter, measured_at
from drivers.interfaces_chademo import VehicleInputs, VehicleVoltmeter
from kernel.timer import MS
from tasks.sense.reading import Reading
from tasks.signals import Signals

AC_PERIOD = 20 * MS   # the mains must be off 100 ms after state C (IEC 61851-1): pilot and button only, the meter answers from what it last received
PERIOD = 50 * MS      # four channels of an ADS1115 at 128 samples/s take 31 ms; 10 samples within the 500 ms freshness, 4 within the pilot's 200 ms


def not_fitted(now: int) -> None:
    """What an input says that this board does not have."""


class CarSense:
    """The car: inlet voltage, current and temperature, pilot, stop button."""

    inboxes = ()

    def __init__(self, voltmeter: Voltmeter, pilot: PilotMonitor, inputs: Inputs, signals: Signals) -> None:
        self._inlet_voltage = voltmeter.inlet_voltage
        self._inlet_current = voltmeter.inlet_current
        self._measured_at = measured_at(voltmeter)
        self._inlet_temperature = voltmeter.inlet_temperature
        self._supply_voltage = voltmeter.supply_voltage
        self._pilot = pilot.read
        self._stop_button = inputs.stop_button
        self._display_button = getattr(inputs, "display_button", not_fitted)
        self.voltage = Reading(signals.inlet_voltage, "sense")
        self.current = Reading(signals.inlet_current, "sense")
        self.temperature = Reading(signals.inlet_temperature, "sense")
        self.supply = Reading(signals.supply_voltage, "sense")
        self.duty = Reading(signals.pilot_duty, "sense")
        self._state = signals.pilot_state.claim("sense")
        self._stop = signals.stop_button.claim("sense")
        self._display = signals.display_button.claim("sense")

    def run(self, now: int) -> int:
        measured_at = self._measured_at
        self.voltage.put(self._inlet_voltage(now), measured_at("inlet_voltage", now))
        self.current.put(self._inlet_current(now), measured_at("inlet_current", now))
        self.temperature.put(self._inlet_temperature(now), now)
        self.supply.put(self._supply_voltage(now), now)
        reading = self._pilot(now)
        if reading is None:
            self._state.set(None, now)
            self.duty.put(None, now)
        else:
            self._state.set(reading.state, now)
            self.duty.put(reading.duty_percent, now)
        self._stop.set(self._stop_button(now), now)
        self._display.set(self._display_button(now), now)
        return now + PERIOD

    @property
    def refused(self) -> int:
        """Values that were outside their range."""
        return self.voltage.refused + self.current.refused + self.temperature.refused + self.supply.refused + self.duty.refused


class BridgeSense(CarSense):
    """A car's, and what is measured and switched at the CHAdeMO plug."""

    def __init__(self, voltmeter: Voltmeter, pilot: PilotMonitor, inputs: Inputs, vehicle_voltmeter: VehicleVoltmeter | None, vehicle: VehicleInputs,
                 signals: Signals) -> None:
        """`vehicle_voltmeter` None: not fitted."""
        super().__init__(voltmeter, pilot, inputs, signals)
        self._vehicle_voltage = not_fitted if vehicle_voltmeter is None else vehicle_voltmeter.vehicle_voltage
        self._vehicle_at = measured_at(vehicle_voltmeter)
        self._permission = vehicle.charge_permission
        self._plug = vehicle.plug_present
        self.vehicle_voltage = Reading(signals.vehicle_voltage, "sense")
        self._vehicle_permission = signals.vehicle_permission.claim("sense")
        self._vehicle_plug = signals.vehicle_plug.claim("sense")

    def run(self, now: int) -> int:
        self.vehicle_voltage.put(self._vehicle_voltage(now), self._vehicle_at("vehicle_voltage", now))
        self._vehicle_permission.set(self._permission(now), now)
        self._vehicle_plug.set(self._plug(now), now)
        return super().run(now)

    @property
    def refused(self) -> int:
        return super().refused + self.vehicle_voltage.refused


class ChargerSense:
    """The charger: output voltage and current, insulation, pilot, stop button."""

    inboxes = ()

    def __init__(self, power_meter: PowerMeter, pilot: PilotMonitor, inputs: Inputs, signals: Signals) -> None:
        self._output_voltage = power_meter.voltage
        self._output_current = power_meter.current
        self._measured_at = measured_at(power_meter)
        self._isolation = power_meter.isolation
        self._pilot = pilot.read
        self._stop_button = inputs.stop_button
        self._display_button = getattr(inputs, "display_button", not_fitted)
        self.voltage = Reading(signals.output_voltage, "sense")
        self.current = Reading(signals.output_current, "sense")
        self.isolation = Reading(signals.isolation, "sense")
        self.duty = Reading(signals.pilot_duty, "sense")
        self._state = signals.pilot_state.claim("sense")
        self._stop = signals.stop_button.claim("sense")
        self._display = signals.display_button.claim("sense")

    def run(self, now: int) -> int:
        measured_at = self._measured_at
        self.voltage.put(self._output_voltage(now), measured_at("voltage", now))
        self.current.put(self._output_current(now), measured_at("current", now))
        self.isolation.put(self._isolation(now), now)
        reading = self._pilot(now)
        if reading is None:
            self._state.set(None, now)
            self.duty.put(None, now)
        else:
            self._state.set(reading.state, now)
            self.duty.put(reading.duty_percent, now)
        self._stop.set(self._stop_button(now), now)
        self._display.set(self._display_button(now), now)
        return now + PERIOD

    @property
    def refused(self) -> int:
        """Values that were outside their range."""
        return self.voltage.refused + self.current.refused + self.isolation.refused + self.duty.refused


class AcSense:
    """The AC charger: pilot, stop button, residual current; voltage, current, power and energy where a meter is fitted."""

    inboxes = ()

    def __init__(self, pilot: PilotMonitor, inputs: Inputs, residual_current: ResidualCurrent | None, meter: AcMeter | None, signals: Signals) -> None:
        s = signals
        self._pilot = pilot.read
        self._stop_button = inputs.stop_button
        self._display_button = getattr(inputs, "display_button", not_fitted)
        self._tripped = None if residual_current is None else residual_current.tripped
        self.duty = Reading(s.pilot_duty, "sense")
        self._state = s.pilot_state.claim("sense")
        self._stop = s.stop_button.claim("sense")
        self._display = s.display_button.claim("sense")
        self._residual = s.residual_current.claim("sense")
        self._metered = () if meter is None else tuple((Reading(signal, "sense"), read) for signal, read in (
            (s.ac_voltage, meter.voltage), (s.ac_current, meter.current), (s.ac_power, meter.power), (s.ac_energy, meter.energy)))

    def run(self, now: int) -> int:
        reading = self._pilot(now)
        if reading is None:
            self._state.set(None, now)
            self.duty.put(None, now)
        else:
            self._state.set(reading.state, now)
            self.duty.put(reading.duty_percent, now)
        self._stop.set(self._stop_button(now), now)
        self._display.set(self._display_button(now), now)
        if self._tripped is not None:
            self._residual.set(self._tripped(now), now)
        for quantity, read in self._metered:
            quantity.put(read(now), now)
        return now + AC_PERIOD

    @property
    def refused(self) -> int:
        """Values that were outside their range."""
        return self.duty.refused + sum(quantity.refused for quantity, _ in self._metered)
