"""Settings of pins: which one, which way round. An empty pin is one that is not fitted."""
from __future__ import annotations

from kernel.record import settings_class
from kernel.settings import section, setting

PIN = "GPIO17 or PIN11 (Raspberry Pi: BCM number, header pin), P9_41 (BeagleBone), gpiochip0/17 (chip or label, offset), a line's name; empty: not fitted"
LIBRARY = "auto: Blinka where it can give the pin its safe level without a glitch, else libgpiod"


@settings_class(slots=True)
class OutputPin:
    """One output. At reset and boot the pin is an input: the wiring must hold the load off then (tools/appliance/README.md)."""

    pin: str = setting("", meaning=PIN)
    active_low: bool = setting(False, meaning=(
        "true: the load is on while the pin is low, as on most relay boards with optocouplers; "
        "not for pilot, contactors and lock: such a load may be on while the board boots or is dead"))


@settings_class(slots=True)
class InputPin:
    """One input."""

    pin: str = setting("", meaning=PIN)
    active_low: bool = setting(False, meaning="true: low means yes (a contact to ground with a pull-up)")
    bias: str = setting("as_is", choices=("as_is", "none", "pull_up", "pull_down"), meaning="the chip's own resistor; as_is: as the boot loader left it")
    # contacts of relays and buttons bounce 1 to 10 ms; the sense task asks every 20 to 50 ms
    debounce_ms: int = setting(20, unit="ms", low=0, high=1000, meaning="a change counts once it has lasted so long")


@settings_class(slots=True)
class LockPins:
    """The lock: a motor bridge with one line per direction, driven in pulses; position switches where fitted."""

    fitted: bool = setting(True, meaning="false: there is no motor and the plug counts as locked; for a bench only, a car must not do without")
    lock: OutputPin = section(OutputPin, "the motor's line to lock")
    unlock: OutputPin = section(OutputPin, "the motor's line to unlock")
    # 600 ms is the travel of the simulated lock (drivers/sim/plant_config.py); the data sheet of the actuator says its own
    pulse_ms: int = setting(600, unit="ms", low=50, high=3000, meaning="the motor is driven at most so long; a switch that confirms ends it earlier")
    locked: InputPin = section(InputPin, "switch that is active while locked")
    unlocked: InputPin = section(InputPin, "switch that is active while unlocked")


@settings_class(slots=True)
class PwmPin:
    """A charger's pulse generator: a hardware PWM of the kernel, /sys/class/pwm."""

    chip: int = setting(-1, low=-1, high=63, meaning=(
        "N of /sys/class/pwm/pwmchipN; -1: not fitted. Raspberry Pi: dtoverlay=pwm; BeagleBone: config-pin P9_14 pwm"))
    channel: int = setting(0, low=0, high=15, meaning="channel of that chip")
    state_f: OutputPin = section(OutputPin, "drives the pilot to -12 V (state F)")


@settings_class(slots=True)
class CarPins:
    """Pins of a car's box."""

    library: str = setting("auto", choices=("auto", "blinka", "gpiod"), meaning=LIBRARY)
    pilot_c: OutputPin = section(OutputPin, "drives the switch of the pilot's 1.3 kOhm: state C, ready")
    contactors: OutputPin = section(OutputPin, "coils of the HV contactors")
    bulb: OutputPin = section(OutputPin, "a second relay, for a light bulb as load")
    bulb_delay_ms: int = setting(2000, unit="ms", low=0, high=60_000, meaning="the bulb's relay closes so long after the contactors; it opens with them")
    enable_pulse: OutputPin = section(OutputPin, "10 Hz for a stage that lets go of pilot and coils without it; the guard gives it")
    lock: LockPins = section(LockPins, "the plug's lock")
    contact_plus: InputPin = section(InputPin, "auxiliary contact of the DC+ contactor; a mirror (break) contact: active_low: false")
    contact_minus: InputPin = section(InputPin, "auxiliary contact of the DC- contactor; a mirror (break) contact: active_low: false")
    contactor_travel_ms: int = setting(200, unit="ms", low=20, high=500, meaning="as safety.pev.contactor_travel_ms; with the hold of install/circuits.md 500")
    stop_button: InputPin = section(InputPin, "the emergency stop button (safety.*.stop_button); a break contact: active_low: false, a broken wire is then pressed")
    display_button: InputPin = section(InputPin, "turns the display's pages")
    plug_present: InputPin = section(InputPin, "contact or proximity of the plug; asked only where the pilot is not read")
    pwm_present: InputPin = section(InputPin, "a comparator that sees the pilot's PWM")


@settings_class(slots=True)
class BridgePins:
    """Pins at the CHAdeMO plug of a bridge (`mode: bridge`), besides those of the car. Chademo sheet 7.1, 7.2."""

    d1: OutputPin = section(OutputPin, "relay that puts +12 V on pin 2 of the plug: charge sequence signal 1; no drive is off")
    d2: OutputPin = section(OutputPin, "relay that puts pin 10 of the plug to ground: charge sequence signal 2; no drive is off")
    k: InputPin = section(InputPin, "pin 4 of the plug through an optocoupler: the vehicle's charge permission, active while it permits")
    plug_present: InputPin = section(InputPin, "contact of the plug's latch, or its proximity: active while the plug is in the vehicle")
    lock: LockPins = section(LockPins, "the CHAdeMO plug's lock; its actuator must stay where it is without drive")


@settings_class(slots=True)
class ChargerPins:
    """Pins of a charger's box, DC or AC. `residual_current`: the contact of an RCD or of a 6 mA detector, active while it has tripped."""

    library: str = setting("auto", choices=("auto", "blinka", "gpiod"), meaning=LIBRARY)
    power: OutputPin = section(OutputPin, "enable of the power stage; AC: coil of the mains contactor")
    contactors: OutputPin = section(OutputPin, "coil of a DC charger's output contactor")
    enable_pulse: OutputPin = section(OutputPin, "10 Hz for a stage that lets go of pilot and coils without it; the guard gives it")
    pwm: PwmPin = section(PwmPin, "the control pilot's pulse generator")
    lock: LockPins = section(LockPins, "the plug's lock")
    contact_plus: InputPin = section(InputPin, "auxiliary contact of the mains contactor, or of the output contactor's DC+")
    contact_minus: InputPin = section(InputPin, "auxiliary contact of the output contactor's DC-")
    contactor_travel_ms: int = setting(200, unit="ms", low=20, high=500, meaning="as safety.evse.contactor_travel_ms, or safety.ac.contactor_close_ms")
    stop_button: InputPin = section(InputPin, "the emergency stop button (safety.*.stop_button)")
    display_button: InputPin = section(InputPin, "turns the display's pages")
    residual_current: InputPin = section(InputPin, "contact of an RCD or 6 mA detector, active while it has tripped")
    plug_present: InputPin = section(InputPin, "contact or proximity of the plug")
