"""A whole simulated charge that is played until its charger stands where the recorded one stood: then the recorded box takes its car's place."""
from __future__ import annotations

import copy
from dataclasses import dataclass as plain_dataclass
from typing import Any, Callable

from drivers.sim.battery import CURVES, cell_ocv
from drivers.sim.plant_config import PlantConfig
from kernel.timer import MS, S
from tasks.config import Config
from tasks.ethernet.wire import ETHERTYPE_IPV6, HEADER_LENGTH
from tasks.homeplug import pib
from tasks.homeplug.emulator_flash import EmulatedFlash
from tasks.homeplug.modem_kinds import LUMISSIL
from tasks.ipv6.wire import IPV6_HEADER_LENGTH, TCP, UDP, solicited_node
from tasks.tcp.wire import SYN
from tools.replay.standing import NoLife, Standing
from tools.simulate.chademo.bridge_charge import BridgeCharge
from tools.simulate.charge import CAR_MAC, CHARGER_MAC
from tools.simulate.fleet.encounter import Encounter
from tools.simulate.fleet.traits import CHARGES, ChargerTraits, Personality
from tools.replay.gate import Gate

LONGEST = 240 * S            # of a rehearsal, in virtual time: a bridge that begins twice needs about 60 s
DWELL = 12 * S               # how long a simulated current may take to come to the recorded one
SAFE_SOC = 60.0              # percent: a battery that charges at once, whatever the recorded one had
IN_STEP_A = 1.0              # A, and V below: the simulated stage is where the recorded one was
IN_STEP_V = 15.0
SIMULATED = Personality("simulated", "our own charger", ChargerTraits(), (), CHARGES)
TCP_FLAGS_AT = HEADER_LENGTH + IPV6_HEADER_LENGTH + 13
LOADED = ("CurrentDemand", "ChargingStatus")


def is_ipv6(frame: bytes, header: int) -> bool:
    """An IPv6 frame with this next header."""
    return len(frame) > TCP_FLAGS_AT and int.from_bytes(frame[12:14], "big") == ETHERTYPE_IPV6 and frame[HEADER_LENGTH + 6] == header


def tcp_data(frame: bytes) -> int:
    """Octets of the stream that a frame carries."""
    if not is_ipv6(frame, TCP):
        return 0
    size = int.from_bytes(frame[HEADER_LENGTH + 4:HEADER_LENGTH + 6], "big")
    return size - (frame[TCP_FLAGS_AT - 1] >> 4 << 2)


@plain_dataclass(slots=True)
class Goal:
    """Where a rehearsal ends: at what the simulated car is about to send (`before`), or as soon as something holds (`when`)."""

    text: str
    before: Callable[[bytes, Any], bool] | None = None
    when: Callable[[Any], bool] | None = None
    stop_in: tuple[str, ...] = ()        # V2G states in which the simulated car is told to stop


def goal_of(at: Standing) -> Goal:
    """The place of a rehearsal that fits where the recorded box stands."""
    state, link = at.connection, at.link
    if state == "Unplugged":
        return Goal("no plug yet", when=lambda charge: charge.clock.time >= 300 * MS)
    if state == "Session":
        return _in_session(at)
    if state == "Connecting":
        return Goal("before the TCP connection", before=lambda frame, charge: is_ipv6(frame, TCP) and bool(frame[TCP_FLAGS_AT] & SYN))
    if state == "Discovering":
        return Goal("before the SDP request", before=lambda frame, charge: is_ipv6(frame, UDP))
    if state == "Matching" and link == "Join":
        return Goal("matched, the modems join", when=lambda charge: charge.car.signals.link_state.value == "Join")
    if state == "Matching":
        return Goal("ready to be matched", before=lambda frame, charge: frame[12:17] == b"\x88\xe1\x01\x64\x60")      # CM_SLAC_PARM.REQ
    if state == "Ending" and at.ended_in_order:
        return Goal("just after the end", when=lambda charge: charge.car.signals.connection_state.value == "Ending", stop_in=LOADED)
    if state in ("Finished", "Failed"):
        return Goal("after the end", when=lambda charge: charge.car.signals.connection_state.value in ("Finished", "Failed"), stop_in=LOADED)
    if state == "Paused":
        return Goal("paused", when=lambda charge: charge.car.signals.connection_state.value == "Paused", stop_in=LOADED)
    if state == "WaitPilot" and at.mode == "bridge":
        return Goal("plugged in, CHAdeMO: " + at.vehicle,
                    when=lambda charge: charge.car.signals.connection_state.value == state and charge.car.signals.chademo_state.value == at.vehicle)
    return Goal("plugged in", when=lambda charge: charge.plant.pilot.plugged)


def _in_session(at: Standing) -> Goal:
    states, began = at.asks_next, [0]

    def before(frame: bytes, charge: Any) -> bool:
        if charge.car.signals.v2g_state.value not in states or tcp_data(frame) <= 0:
            return False
        now, plant = charge.clock.time, charge.plant
        began[0] = began[0] or now
        if at.mode == "bridge" and charge.car.signals.chademo_state.value != at.vehicle and now - began[0] < DWELL:
            return False
        if "CurrentDemand" in states and at.current is not None:
            return plant.current >= at.current - IN_STEP_A or now - began[0] >= DWELL
        if "CableCheck" in states and at.v2g == "CableCheck":
            return now - began[0] >= at.since
        if "PreCharge" in states and at.inlet is not None:
            return plant.inlet_voltage >= min(at.inlet, plant.battery.precharge_voltage() - IN_STEP_V) - IN_STEP_V or now - began[0] >= DWELL
        return True
    stop_in = () if not at.ending else LOADED if at.powered else ("ChargeParameterDiscovery",)
    return Goal(f"the charger waits for {' or '.join(sorted(states))}", before=before, stop_in=stop_in)


class _Placed:
    """A charge with the recorded stations: MACs, modems, addresses; the box `pev` stands behind a gate."""

    gate: Gate

    def __init__(self, at: Standing, *args: Any, **more: Any) -> None:
        self._at = at
        super().__init__(*args, **more)

    def _node(self, name: str, config: Any, codec: Any, seed: int, mac: bytes, recorder: Any, sinks: Any) -> Any:
        place = self._at.places[name]
        node = super()._node(name, config, codec, seed, place.mac or (CAR_MAC if name == "pev" else CHARGER_MAC), recorder, sinks)     # type: ignore[misc]
        if place.address is not None:
            neighbor = next(row.task for row in node.kernel.rows if row.name == "ipv6").host.neighbor
            neighbor.address, neighbor.group = place.address, solicited_node(place.address)
        return node

    def _nic(self, name: str, nic: Any) -> Any:
        modem, wanted = nic.modem, self._at.places[name].modem
        if wanted is not None and not modem.habits.boot_loader:
            role = pib.PEV if name == "pev" else pib.EVSE
            modem.flash = EmulatedFlash(pib.new_image(pib.LAYOUTS[modem.habits.pib or 0], wanted, role, modem.nmk, modem.nid))
            modem._live_by_flash()
        nic = super()._nic(name, nic)                    # type: ignore[misc]
        if name == "pev":
            self.gate = nic = Gate(nic)
        return nic


class Rehearsal(_Placed, Encounter):
    """A car at a charger."""


class BridgeRehearsal(_Placed, BridgeCharge):
    """A CHAdeMO car at a bridge at a charger."""


def rehearse(at: Standing, config: Config, codec: Any, seed: int, charger: Personality | None, vehicle: Any) -> tuple[Any, Goal]:
    """(the charge, what it stands at). NoLife: no rehearsal comes there."""
    goal = goal_of(at)
    settings, plant = _settings(at, config), _plant(at, config)
    who = charger or SIMULATED
    if at.mode == "bridge":
        charge: Any = BridgeRehearsal(at, vehicle, who, settings, plant, codec, seed)
    else:
        charge = Rehearsal(at, who, None, settings, plant, codec, seed)
    gate, stopped, soc = charge.gate, False, charge.plant.battery.soc
    gate.before = None if goal.before is None else lambda frame: goal.before(frame, charge)
    while not gate.held and (goal.when is None or not goal.when(charge)):
        charge.world.step()
        charge._watch()
        if not goal.stop_in:
            charge.plant.battery.soc = soc           # nothing is charged in a rehearsal: a small battery would want less meanwhile
        if goal.stop_in and not stopped and charge.car.signals.v2g_state.value in goal.stop_in:
            stopped = True
            charge.press("pev", "p") if at.connection == "Paused" else charge.stop()
        if charge.clock.time > LONGEST or charge.over:
            raise NoLife(f"a simulated charge does not come to where the record is ({goal.text}): it ended with {charge.reason}. "
                         "Leave the record at another time (--live-from), or choose another charger (--charger)")
    return charge, goal


def _settings(at: Standing, config: Config) -> Config:
    """The record's settings; the charger's say what it said."""
    config = copy.deepcopy(config)
    if at.protocol is not None:
        config.evse.protocols = [at.protocol]
    if at.ac and not config.evse.ac:
        config.evse.energy_transfer_modes = ["AC_three_phase_core"]
    if at.ac is False and config.evse.ac:
        config.evse.energy_transfer_modes = ["DC_extended", "DC_core"]
    if at.max_current:
        config.evse.max_current_a = at.max_current
    if at.max_voltage:
        config.evse.max_voltage_v = at.max_voltage
    if at.max_power:
        config.evse.max_power_kw = at.max_power / 1000
    if at.port is not None:
        config.tcp.listen_port = at.port
    if at.modem_maker == LUMISSIL:
        config.modem_emulator.kind = "cg5317"
    return config


def _plant(at: Standing, config: Config) -> PlantConfig:
    """A battery as the recorded one, where its management has told."""
    plant, told = PlantConfig(), at.battery
    soc, current = told.get("soc_percent"), at.current or 0.0
    if soc is not None:
        plant.battery_soc_percent = soc if soc < min(config.ev.stop_soc_percent - 5.0, 90.0) else SAFE_SOC
    if told.get("voltage") and soc is not None:
        open_circuit = told["voltage"] - current * plant.battery_resistance_ohm
        plant.battery_cells = open_circuit / cell_ocv(soc, CURVES[plant.battery_curve])      # type: ignore[assignment]  # a fitted pack has parts of cells
    if told.get("max_current"):
        plant.battery_max_current_a = told["max_current"]
    if told.get("max_power"):
        plant.battery_max_power_w = told["max_power"]
    if told.get("capacity"):
        plant.battery_capacity_wh = told["capacity"]
    plant.stage_max_current_a = max(plant.stage_max_current_a, at.max_current or 0.0)
    plant.stage_max_voltage_v = max(plant.stage_max_voltage_v, at.max_voltage or 0.0)
    plant.stage_max_power_w = max(plant.stage_max_power_w, at.max_power or 0.0)
    return plant
