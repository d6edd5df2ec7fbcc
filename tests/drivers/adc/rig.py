"""A car's box and a charger's on two ADS1115 down to their registers: dividers, a shunt amplifier, two PT1000, the pilot's peak detector."""
from __future__ import annotations

from kernel.timer import MS
from drivers.adc.ads1x15 import Ads1x15, Ads1x15Config
from drivers.adc.calibration import Platinum
from drivers.adc.meters import AnalogPowerMeter, AnalogVoltmeter, PowerMeterConfig, VoltmeterConfig
from drivers.adc.pilot import AnalogPilotConfig, AnalogPilotMonitor
from drivers.adc.quantity import CheckedConfig, LinearConfig, TemperatureConfig
from tests.drivers.adc.twins import Ads1x15Twin, FakeSmbus, Now

DIVIDER = 300.0              # V per V: 1000 V at 3.33 V
AMPERES, ZERO_A = 200.0, -300.0          # a transducer with 1.5 V at 0 A
CP_GAIN, CP_OFFSET = 10.0, -15.0         # -13 to 13 V in 0.2 to 2.8 V
SUPPLY = 6.0
PULLUP, REFERENCE = 2200.0, 3.3
ROUND_DEVICES = ("first", "second")


class Rig:
    """`volts`, `amperes`, ... are true; set them, call `go`, ask the instruments. `ohms`: of the two temperature sensors."""

    def __init__(self, **first: object) -> None:
        self.now = Now()
        self.volts, self.second_volts, self.amperes, self.supply, self.pilot = 0.0, None, 0.0, 13.5, 12.0
        self.ohms = [Platinum().ohm(25.0), Platinum().ohm(25.0)]
        one, two = Ads1x15Twin(self.now, address=0x48), Ads1x15Twin(self.now, address=0x49)
        one.pins = {"0": lambda at: self.volts / DIVIDER, "1": lambda at: (self.pilot - CP_OFFSET) / CP_GAIN,
                    "2": lambda at: self.pin(0), "3": lambda at: self.pin(1)}
        two.pins = {"0": lambda at: (self.volts if self.second_volts is None else self.second_volts) / DIVIDER,
                    "1": lambda at: (self.amperes - ZERO_A) / AMPERES, "2": lambda at: self.supply / SUPPLY, "3": lambda at: 0.0}
        self.twins = {"first": one, "second": two}
        self.bus = FakeSmbus(one, two)
        every = {"channels": ["0", "1", "2", "3"], "max_age_ms": 100, **first}
        self.converters = {"first": Ads1x15(Ads1x15Config(**every), self.bus),
                           "second": Ads1x15(Ads1x15Config(i2c_address=0x49, channels=["0", "1", "2"]), self.bus)}
        inlet = CheckedConfig("first:0", DIVIDER, 0.0, -20.0, 1000.0, "second:0", DIVIDER, 0.0, 15.0)
        current = LinearConfig("second:1", AMPERES, ZERO_A)
        self.voltmeter = AnalogVoltmeter(VoltmeterConfig(inlet, current, TemperatureConfig(["first:2", "first:3"]),
                                                         LinearConfig("second:2", SUPPLY)), self.converters)
        self.power_meter = AnalogPowerMeter(PowerMeterConfig(inlet, current), self.converters, isolation=lambda now: 1e6)
        self.duty: float | None = 5.0
        self.monitor = AnalogPilotMonitor(AnalogPilotConfig("first:1", CP_GAIN, CP_OFFSET), self.converters, duty=lambda now: self.duty)
        self.polled = [*self.converters.values(), self.voltmeter, self.power_meter, self.monitor]

    def pin(self, n: int) -> float:
        """Volts over a sensor; an infinite resistance is an open one."""
        ohm = self.ohms[n]
        return REFERENCE if ohm > 1e9 else REFERENCE * ohm / (ohm + PULLUP)

    def go(self, ns: int, tick: int = 10 * MS) -> Rig:
        end = self.now.ns + ns
        while self.now.ns < end:
            self.now.ns += tick
            for device in self.polled:
                device.run(self.now.ns)
        return self

    def set_faults(self, failed: bool) -> None:
        for twin in self.twins.values():
            twin.absent = failed
        if failed:
            self.go(150 * MS)
