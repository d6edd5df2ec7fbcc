"""Settings of the boards: one section each, complete, with the wiring that README.md of this folder draws."""
from __future__ import annotations

from dataclasses import field

from drivers.adc.ads1x15 import Ads1x15Config
from drivers.adc.iio import IioConfig
from drivers.adc.mcp3208 import Mcp3208Config
from drivers.adc.meters import PowerMeterConfig, VoltmeterConfig
from drivers.adc.pilot import AnalogPilotConfig
from drivers.focccicape.cape import FoccciCapeConfig
from drivers.focccicape.didebo import DiDeBoConfig
from drivers.pins.config import BridgePins, CarPins, ChargerPins, InputPin, LockPins, OutputPin, PwmPin
from kernel.record import dataclass, settings_class
from kernel.settings import setting

CONVERTERS = ("ads1x15", "iio", "mcp3208")


@settings_class(slots=True)
class Measuring:
    """Converters of a board, and what is measured with them."""

    converters: list[str] = setting([], choices=CONVERTERS, meaning="which of the three are fitted; their own settings follow")
    ads1x15: Ads1x15Config = field(default_factory=Ads1x15Config)
    iio: IioConfig = field(default_factory=IioConfig)
    mcp3208: Mcp3208Config = field(default_factory=Mcp3208Config)
    voltmeter: VoltmeterConfig = field(default_factory=VoltmeterConfig)
    power_meter: PowerMeterConfig = field(default_factory=PowerMeterConfig)
    pilot: AnalogPilotConfig = field(default_factory=AnalogPilotConfig)


@dataclass(slots=True)
class GpioBoard:
    """A board with pins of its own: section `raspberry_pi` or `beaglebone`."""

    car: CarPins = field(default_factory=CarPins)
    charger: ChargerPins = field(default_factory=ChargerPins)
    measuring: Measuring = field(default_factory=Measuring)
    bridge: BridgePins = field(default_factory=BridgePins)


def _contact(pin: str) -> InputPin:
    """An auxiliary contact or a button to ground."""
    return InputPin(pin=pin, active_low=True, bias="pull_up")


def raspberry_pi() -> GpioBoard:
    """The wiring that drivers/boards/README.md draws: relays through transistors (active high), contacts to ground, an ADS1115 at 0x48.

    Pins that are pulled down at reset (BCM2835 ARM Peripherals, table 6-31: GPIO9 to 27), so that no relay moves while the system boots.
    """
    measuring = Measuring(converters=["ads1x15"], ads1x15=Ads1x15Config(channels=["0", "1", "2", "3"]))
    car = CarPins(pilot_c=OutputPin(pin="GPIO17"), contactors=OutputPin(pin="GPIO27"), bulb=OutputPin(pin=""), enable_pulse=OutputPin(pin="GPIO22"),
                  lock=LockPins(lock=OutputPin(pin="GPIO23"), unlock=OutputPin(pin="GPIO24"), locked=_contact("GPIO25")),
                  contact_plus=_contact("GPIO20"), contact_minus=_contact("GPIO21"), stop_button=_contact("GPIO16"), plug_present=_contact("GPIO26"), display_button=_contact("GPIO19"))
    charger = ChargerPins(power=OutputPin(pin="GPIO17"), enable_pulse=OutputPin(pin="GPIO22"), pwm=PwmPin(chip=0, channel=0),
                          lock=LockPins(lock=OutputPin(pin="GPIO23"), unlock=OutputPin(pin="GPIO24"), locked=_contact("GPIO25")),
                          contact_plus=_contact("GPIO20"), stop_button=_contact("GPIO16"), display_button=_contact("GPIO19"),
                          residual_current=InputPin(pin="GPIO21", active_low=False, bias="pull_up"))
    # beside the car's; SPI is left free for a CAN hat. Inputs to ground may have the pull-up that GPIO0 to 8 have at reset. GPIO15 is the
    # serial console's RXD: it has to be off (raspi-config), or pin and motor line are pulled up
    bridge = BridgePins(d1=OutputPin(pin="GPIO12"), d2=OutputPin(pin="GPIO13"), k=_contact("GPIO5"), plug_present=_contact("GPIO6"),
                        lock=LockPins(lock=OutputPin(pin="GPIO18"), unlock=OutputPin(pin="GPIO15"), locked=_contact("GPIO4")))
    return GpioBoard(car, charger, measuring, bridge)


def beaglebone() -> GpioBoard:
    """pyPLC's pins (field sheet 1.4: state C at P9_41, power relay at P9_17); the rest beside them, the board's own converter by IIO."""
    measuring = Measuring(converters=["iio"], iio=IioConfig(channels=["0", "1", "2"]))
    car = CarPins(pilot_c=OutputPin(pin="P9_41"), contactors=OutputPin(pin="P9_17"),
                  lock=LockPins(lock=OutputPin(pin="P8_14"), unlock=OutputPin(pin="P8_16"), locked=_contact("P8_18")),
                  contact_plus=_contact("P9_12"), contact_minus=_contact("P9_15"), stop_button=_contact("P9_30"), plug_present=_contact("P9_23"))
    charger = ChargerPins(power=OutputPin(pin="P9_17"), pwm=PwmPin(chip=0, channel=0),
                          lock=LockPins(lock=OutputPin(pin="P8_14"), unlock=OutputPin(pin="P8_16"), locked=_contact("P8_18")),
                          contact_plus=_contact("P9_12"), stop_button=_contact("P9_30"))
    # beside the car's; P9_24 and P9_26 are left to DCAN1, P8_31 to P8_46 to the boot loader (chademo sheet 7.2, 7.3)
    bridge = BridgePins(d1=OutputPin(pin="P8_11"), d2=OutputPin(pin="P8_12"), k=_contact("P9_27"), plug_present=_contact("P9_42"),
                        lock=LockPins(lock=OutputPin(pin="P8_15"), unlock=OutputPin(pin="P8_17"), locked=_contact("P8_26")))
    return GpioBoard(car, charger, measuring, bridge)


@settings_class(slots=True)
class FoccciCapeBoard:
    """Section `focccicape`: the charger side of pyPLC's cape, with its supply that switches transformers, its CAN messages and its stop button."""

    cape: FoccciCapeConfig = field(default_factory=FoccciCapeConfig)
    supply: DiDeBoConfig = field(default_factory=DiDeBoConfig)
    # P9_40 is AIN1 (BeagleBone Black System Reference Manual, table 12); 1.8 V, 12 bits
    iio: IioConfig = field(default_factory=lambda: IioConfig(channels=["0", "1"]))
    supply_channel: str = setting("1", meaning="channel of the converter at the supply's voltage (P9_40)")
    pilot: AnalogPilotConfig = field(default_factory=AnalogPilotConfig)
    # the enable is pyPLC's second relay: what hangs behind it must be off without it
    pins: ChargerPins = field(default_factory=lambda: ChargerPins(power=OutputPin(pin="P9_16"), lock=LockPins(fitted=False)))
    can_info: bool = setting(True, meaning="send pyPLC's frames 0x678, 0x679, 0x67A on the bus of section `can`")
