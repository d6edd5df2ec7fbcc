"""A board: every device of one box in one place; real or simulated with the same fields."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

from drivers.interfaces import (AcMeter, CanPort, ConnectorLock, Contactors, ControlPilot, Ears, Inputs, Nic, Oled, OnBoardCharger, OwnModem, PilotMonitor,
                                PilotSource, Polled, PowerMeter, PowerSupply, Publisher, ResidualCurrent, TextLines, VehicleData, Voltmeter)
from drivers.interfaces_chademo import ChargeSequence, VehicleInputs, VehicleVoltmeter
from drivers.sim.ac import SimAcContactor, SimAcMeter, SimOnBoardCharger, SimResidualCurrent
from drivers.sim.bridge import SimChargeSequence, SimVehicleInputs, SimVehicleLock, SimVehicleVoltmeter
from drivers.sim.bridge_plant import BridgePlant
from drivers.sim.car import (SimConnectorLock, SimContactors, SimControlPilot, SimInputs, SimPilotMonitor,
                             SimVehicleData, SimVoltmeter)
from drivers.sim.charger import SimPilotSource, SimPowerMeter, SimPowerSupply
from drivers.sim.lines import Lines
from drivers.sim.oled import SimOled
from drivers.sim.plant import Plant
from drivers.sim.relays import (AcRelays, BridgeRelays, CarRelays, ChargerRelays, LineAcContactor, LineChargeSequence, LineConnectorLock, LineContactors,
                                LineControlPilot, LinePilotSource, LinePowerSupply, LineVehicleLock)


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
    text_display: TextLines | None = None


@dataclass(slots=True)
class ListenBoard:
    """What a listener touches: ears and a display; the way to its own modem only where it may join (`listen.join`)."""

    nic: Ears
    oled: Oled
    own_modem: OwnModem | None = None
    polled: Sequence[Polled] = ()


def simulated_car(plant: Plant, nic: Nic) -> CarBoard:
    """The car's devices over a simulated plant, with `nic` as its network interface."""
    return CarBoard(nic=nic, voltmeter=SimVoltmeter(plant), pilot_monitor=SimPilotMonitor(plant), inputs=SimInputs(plant),
                    vehicle=SimVehicleData(plant), control_pilot=SimControlPilot(plant), contactors=SimContactors(plant),
                    lock=SimConnectorLock(plant), oled=SimOled(), onboard=SimOnBoardCharger(plant))


def simulated_bridge(plant: BridgePlant, nic: Nic, can: CanPort) -> CarBoard:
    """The bridge's devices over a simulated plant; `can` is its port on the CHAdeMO bus."""
    board = simulated_car(plant, nic)
    board.vehicle = board.onboard = None
    board.bridge = BridgeDevices(can=can, voltmeter=SimVehicleVoltmeter(plant), inputs=SimVehicleInputs(plant), sequence=SimChargeSequence(plant),
                                 lock=SimVehicleLock(plant))
    return board


def car_on_lines(plant: Plant, nic: Nic, lines: Lines) -> CarBoard:
    """The same, with its outputs on lines that a second process can hold."""
    board, relays = simulated_car(plant, nic), CarRelays(plant, lines)
    board.control_pilot = LineControlPilot(relays)
    board.contactors = LineContactors(relays)
    board.lock = LineConnectorLock(relays)
    return board


def bridge_on_lines(plant: BridgePlant, nic: Nic, can: CanPort, lines: Lines) -> CarBoard:
    """The same as `simulated_bridge`, with its outputs on lines that a second process can hold."""
    board, relays = simulated_bridge(plant, nic, can), BridgeRelays(plant, lines)
    board.control_pilot = LineControlPilot(relays)
    board.contactors = LineContactors(relays)
    board.lock = LineConnectorLock(relays)
    assert board.bridge is not None
    board.bridge.sequence = LineChargeSequence(relays)
    board.bridge.lock = LineVehicleLock(relays)
    return board


def simulated_charger(plant: Plant, nic: Nic) -> ChargerBoard:
    """The charger's devices over a simulated plant, with `nic` as its network interface."""
    return ChargerBoard(nic=nic, power_meter=SimPowerMeter(plant), pilot_monitor=SimPilotMonitor(plant, charger=True),
                        inputs=SimInputs(plant, charger=True), pilot_source=SimPilotSource(plant),
                        power_supply=SimPowerSupply(plant),
                        contactors=SimContactors(plant, charger=True) if plant.config.output_contactor else None,
                        lock=SimConnectorLock(plant, charger=True), oled=SimOled())


def charger_on_lines(plant: Plant, nic: Nic, lines: Lines) -> ChargerBoard:
    """The same, with its outputs on lines that a second process can hold."""
    board, relays = simulated_charger(plant, nic), ChargerRelays(plant, lines)
    board.pilot_source = LinePilotSource(relays)
    board.power_supply = LinePowerSupply(relays)
    if board.contactors is not None:
        board.contactors = LineContactors(relays, charger=True)
    board.lock = LineConnectorLock(relays, charger=True)
    return board


def simulated_ac_charger(plant: Plant, nic: Nic) -> AcChargerBoard:
    """The AC charger's devices over a simulated plant: a socket with a lock, a detector and a meter."""
    return AcChargerBoard(nic=nic, pilot_monitor=SimPilotMonitor(plant, charger=True), inputs=SimInputs(plant, charger=True),
                          pilot_source=SimPilotSource(plant), contactors=SimAcContactor(plant), lock=SimConnectorLock(plant, charger=True),
                          residual_current=SimResidualCurrent(plant), meter=SimAcMeter(plant), oled=SimOled())


def ac_charger_on_lines(plant: Plant, nic: Nic, lines: Lines) -> AcChargerBoard:
    """The same, with its outputs on lines that a second process can hold."""
    board, relays = simulated_ac_charger(plant, nic), AcRelays(plant, lines)
    board.pilot_source = LinePilotSource(relays)
    board.contactors = LineAcContactor(relays)
    board.lock = LineConnectorLock(relays, charger=True)
    return board
