"""The boards of a simulated plant, with outputs of their own or on lines that a second process can hold."""
from __future__ import annotations

from drivers.board import AcChargerBoard, BridgeDevices, CarBoard, ChargerBoard
from drivers.interfaces import CanPort, Nic
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
