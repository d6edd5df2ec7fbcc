"""A board: every device of one box in one place; real or simulated with the same fields (drivers/boards, drivers/sim/boards.py)."""
from __future__ import annotations

from typing import Sequence

from drivers.interfaces import (AcMeter, CanPort, ConnectorLock, Contactors, ControlPilot, Ears, Inputs, Nic, Oled, OnBoardCharger, OwnModem, PilotMonitor,
                                PilotSource, Polled, PowerMeter, PowerSupply, Publisher, ResidualCurrent, TextLines, ValueSink, VehicleData, Voltmeter)
from drivers.interfaces_chademo import ChargeSequence, VehicleInputs, VehicleVoltmeter
from kernel.record import dataclass


@dataclass(slots=True)
class BridgeDevices:
    """What a bridge touches besides: everything at the CHAdeMO plug."""

    can: CanPort                               # the identifiers of tasks.chademo.wire.VEHICLE_IDS
    voltmeter: VehicleVoltmeter | None         # None: not fitted (safety.bridge.vehicle_voltmeter_fitted)
    inputs: VehicleInputs
    sequence: ChargeSequence
    lock: ConnectorLock


@dataclass(slots=True)
class CarBoard:
    """What the box in a car touches; a bridge has `bridge`, and its `contactors` join charger and vehicle."""

    nic: Nic
    voltmeter: Voltmeter
    pilot_monitor: PilotMonitor
    inputs: Inputs
    vehicle: VehicleData | None                # None: a bridge, whose vehicle speaks CHAdeMO, or a battery management that speaks pyPLC's own (`can`)
    control_pilot: ControlPilot
    contactors: Contactors
    lock: ConnectorLock
    oled: Oled
    onboard: OnBoardCharger | None = None      # its AC charger, where the box can tell it a limit
    polled: Sequence[Polled] = ()              # who of all these wants turns of its own (tasks/devices)
    mqtt: Publisher | None = None              # who is told what goes on
    rest: ValueSink | None = None              # and who is called with the state of charge
    text_display: TextLines | None = None      # a second display of three lines
    bridge: BridgeDevices | None = None
    can: CanPort | None = None                 # charge_parameter_backend: chademo: the battery management's bus


@dataclass(slots=True)
class ChargerBoard:
    """What the box in a DC charger touches; `contactors` None where the power stage has none."""

    nic: Nic
    power_meter: PowerMeter
    pilot_monitor: PilotMonitor
    inputs: Inputs
    pilot_source: PilotSource
    power_supply: PowerSupply
    contactors: Contactors | None
    lock: ConnectorLock | None
    oled: Oled
    polled: Sequence[Polled] = ()
    mqtt: Publisher | None = None
    rest: ValueSink | None = None
    text_display: TextLines | None = None
    can_info: CanPort | None = None            # where pyPLC's frames 0x678 to 0x67A go


@dataclass(slots=True)
class AcChargerBoard:
    """What the box in an AC charger touches; `lock` None where the cable is fixed to it, the sensors None where not fitted."""

    nic: Nic
    pilot_monitor: PilotMonitor
    inputs: Inputs
    pilot_source: PilotSource
    contactors: Contactors
    lock: ConnectorLock | None
    residual_current: ResidualCurrent | None
    meter: AcMeter | None
    oled: Oled
    polled: Sequence[Polled] = ()
    mqtt: Publisher | None = None
    rest: ValueSink | None = None
    text_display: TextLines | None = None


@dataclass(slots=True)
class ListenBoard:
    """What a listener touches: ears and a display; the way to its own modem only where it may join (`listen.join`)."""

    nic: Ears
    oled: Oled
    own_modem: OwnModem | None = None
    polled: Sequence[Polled] = ()
