"""The plant of a bridge: four topologies, what each switching event does, energy, and the drivers over it."""
import pytest

from drivers.can.bus import CanBus
from drivers.can.settings import CanConfig
from drivers.sim.battery import CLASS_M_OCV, CLASS_N_OCV, Battery
from drivers.sim.boards import simulated_bridge
from drivers.sim.bridge import SimChargeSequence, SimVehicleInputs, SimVehicleLock, SimVehicleVoltmeter
from drivers.sim.bridge_plant import BridgePlant, BridgeSnapshot
from drivers.sim.can import CanSegment
from drivers.sim.plant_config import PlantConfig
from kernel.timer import MS, S


def bridge(**settings) -> BridgePlant:
    settings.setdefault("plugged", True)
    return BridgePlant(PlantConfig(**settings))


class Stand:
    """The plant and its time, with the vehicle's relay supply on."""

    def __init__(self, fed=True, **settings):
        self.plant = bridge(**settings)
        self.now = 0
        self.plant.set_sequence(0, d1=fed, d2=fed)
        self.ocv = self.plant.battery.ocv()

    def run(self, seconds):
        self.now += round(seconds * S)
        self.plant.advance(self.now)

    def precharge(self, voltage=None):
        self.plant.command_stage(True, self.ocv if voltage is None else voltage, 2.0, self.now)
        self.run(3.0)

    def bridge(self, closed):
        self.plant.command(self.plant.car_contactors, closed, self.now)
        self.run(0.1)

    def vehicle(self, closed):
        self.plant.want_vehicle_contactors(closed, self.now)
        self.run(0.1)

    def charge(self, current=50.0):
        self.precharge()
        self.vehicle(True)
        self.bridge(True)
        self.plant.command_stage(True, 460.0, current, self.now)
        self.run(4.0)

    @property
    def incidents(self):
        return [(i.kind, i.damage) for i in self.plant.incidents if i.kind != "inrush" or i.damage]


def test_the_four_topologies():
    stand = Stand()
    plant = stand.plant
    stand.precharge(300.0)
    assert (plant.inlet_voltage, plant.plug_voltage) == (300.0, 0.0) and not plant.joined
    stand.vehicle(True)                                                      # the battery is on the plug alone
    assert plant.plug_voltage == stand.ocv and plant.inlet_voltage == 300.0 and plant.current == 0.0 and not plant.joined
    stand.vehicle(False)
    stand.run(3.0)
    assert plant.plug_voltage == 0.0
    stand.bridge(True)                                                       # plug and charger are one node
    stand.run(1.0)
    assert plant.plug_voltage == plant.inlet_voltage == plant.output_voltage == pytest.approx(300.0)
    stand.plant.command_stage(True, stand.ocv, 2.0, stand.now)
    stand.run(2.0)
    stand.vehicle(True)
    assert plant.joined and plant.plug_voltage == plant.inlet_voltage == stand.ocv
    plant.command_stage(True, 460.0, 30.0, stand.now)
    stand.run(3.0)
    assert plant.current == 30.0 and plant.plug_voltage == plant.inlet_voltage > stand.ocv and plant.output_voltage > plant.inlet_voltage
    assert plant.damage == 0


def test_the_plug_falls_as_the_sheet_wants_it():
    """Below 60 V in 1 s, below 10 V in 2 s (chademo sheet 7.4)."""
    stand = Stand(battery_cells=96, battery_soc_percent=90)
    stand.vehicle(True)
    assert stand.plant.plug_voltage > 380
    opened = stand.now
    stand.plant.want_vehicle_contactors(False, opened)
    voltages = []
    while stand.now < opened + 3 * S:
        stand.run(0.01)
        voltages.append((stand.now - opened, stand.plant.plug_voltage))
    falling = [v for _, v in voltages if 20.0 < v < 380.0]
    assert len(falling) == len(set(falling)) > 40                             # at every look another value, not in coarse steps
    assert voltages[0][1] > 380                                              # not before the contacts are open
    assert next(v for at, v in voltages if at >= S) < 60 and next(v for at, v in voltages if at >= 2 * S) < 10 and voltages[-1][1] == 0.0


def test_plug_and_open_inlet_decay_together_while_the_bridge_contactor_is_closed():
    stand = Stand()
    stand.vehicle(True)
    stand.plant.unplug(stand.now)
    stand.bridge(True)
    stand.vehicle(False)
    before = stand.plant.plug_voltage
    stand.run(0.2)
    assert 0 < stand.plant.plug_voltage == stand.plant.inlet_voltage < before


@pytest.mark.parametrize("difference, damage", [(15.0, False), (-15.0, False), (25.0, True), (-25.0, True)])
def test_the_bridge_contactor_onto_the_battery(difference, damage):
    stand = Stand()
    stand.precharge(stand.ocv + difference)
    stand.vehicle(True)
    stand.bridge(True)
    inrush = [i for i in stand.plant.incidents if i.kind == "inrush"]
    assert [(i.value, i.damage) for i in inrush] == [(pytest.approx(difference, abs=0.1), damage)] and stand.plant.damage == damage


def test_the_bridge_contactor_onto_an_empty_plug_wears_nothing_and_the_charge_stays():
    stand = Stand(plugged=False)
    plant = stand.plant
    plant.inlet_voltage = 330.0
    plant.touch(stand.now)
    plant.command(plant.car_contactors, True, 0)
    plant.car_contactors.complete()
    plant._close(0)
    assert plant.plug_voltage == plant.inlet_voltage == pytest.approx(330.0 * 10 / 11) and plant.incidents == []


@pytest.mark.parametrize("closed, plug, recorded, damage", [
    (False, 0.0, False, False), (False, 15.0, False, False), (False, 200.0, True, True), (False, None, True, False),
    (True, 0.0, True, True), (True, None, True, False)])
def test_the_vehicle_closes_onto_the_plug(closed, plug, recorded, damage):
    """A dead plug is what it expects; a live one, or the charger's capacitor behind a closed bridge contactor, is not."""
    stand = Stand(vehicle_plug_bleed_ohm=10e6)                               # so that it hardly decays while the contacts travel
    plant = stand.plant
    volts = stand.ocv if plug is None else plug
    if volts:
        stand.precharge(volts)
        stand.bridge(True)
        if not closed:
            stand.bridge(False)
            plant.plug_voltage = volts                                       # before it decays
    elif closed:
        stand.bridge(True)
    stand.vehicle(True)
    found = [(i.damage, i.value) for i in plant.incidents if i.kind == "vehicle_inrush"]
    assert bool(found) is recorded and plant.damage == damage and plant.plug_voltage == stand.ocv
    if closed:
        assert plant.inlet_voltage == plant.output_voltage == stand.ocv


@pytest.mark.parametrize("current, damage", [(0.5, None), (3.0, False), (50.0, True)])
@pytest.mark.parametrize("who", ["vehicle_opened_under_current", "opened_under_current"])
def test_opening_under_current(who, current, damage):
    stand = Stand()
    stand.charge(current)
    stand.vehicle(False) if who.startswith("vehicle") else stand.bridge(False)
    assert stand.incidents == ([] if damage is None else [(who, damage)]) and stand.plant.current == 0.0


def test_the_coils_fall_with_d2_and_with_d1():
    for signal in ("d1", "d2"):
        stand = Stand()
        stand.vehicle(True)
        assert stand.plant.vehicle_contactors.position
        stand.plant.set_sequence(stand.now, **{signal: False})
        stand.run(0.1)
        assert not stand.plant.vehicle_contactors.position
    stand = Stand(fed=False)
    stand.vehicle(True)
    assert not stand.plant.vehicle_contactors.position
    stand.plant.vehicle_own_supply = True
    stand.vehicle(True)
    assert stand.plant.vehicle_contactors.position


def test_a_weak_supply_holds_no_coil_of_two_amperes():
    stand = Stand()
    stand.vehicle(True)
    stand.plant.weaken_supply(stand.now)
    stand.run(0.1)
    assert not stand.plant.vehicle_contactors.position
    stand.plant.vehicle_coil_current = 0.6
    stand.vehicle(True)
    assert stand.plant.vehicle_contactors.position


@pytest.mark.parametrize("which", ["car_contactors", "vehicle_contactors"])
def test_welded_contacts_stay(which):
    stand = Stand()
    stand.charge(0.0)
    getattr(stand.plant, which).welded = True
    stand.vehicle(False)
    stand.bridge(False)
    assert getattr(stand.plant, which).position and not stand.plant.joined
    stand.run(3.0)
    if which == "car_contactors":
        stand.precharge(480.0)
        assert stand.plant.plug_voltage == 480.0                             # an insulation test reaches the plug
    else:
        assert stand.plant.plug_voltage == stand.ocv


def test_energy_is_conserved_through_two_contactors_and_equal_to_that_through_one():
    stand = Stand(battery_soc_percent=40)
    plant = stand.plant
    stand.charge(80.0)
    delivered = 0.0
    before, started, soc = plant.snapshot(stand.now), plant.delivered, plant.battery.soc
    for _ in range(3000):
        stand.run(0.1)
        shot = plant.snapshot(stand.now)
        delivered += (before.output_voltage * before.output_current + shot.output_voltage * shot.output_current) / 2 * 0.1
        before = shot
    assert delivered == pytest.approx(plant.delivered - started, rel=0.001) and delivered > 1e6
    assert plant.delivered == pytest.approx(plant.stored + plant.lost, rel=1e-9) and plant.battery.soc > soc + 5
    for close in (stand.bridge, stand.vehicle):                              # with either open nothing flows, nothing is counted
        plant.command_stage(True, 460.0, 0.0, stand.now)
        stand.run(1.0)
        close(False)
        counted, soc = plant.delivered, plant.battery.soc
        plant.command_stage(True, 460.0, 80.0, stand.now)
        stand.run(5.0)
        assert (plant.current, plant.delivered, plant.battery.soc) == (0.0, counted, soc)
        plant.command_stage(True, plant.battery.ocv(), 2.0, stand.now)
        stand.run(3.0)
        close(True)


def test_unplugging_the_vehicle():
    stand = Stand()
    plant = stand.plant
    stand.charge(50.0)
    plant.command(plant.vehicle_lock, True, stand.now)
    stand.run(1.0)
    assert not plant.unplug_vehicle(stand.now) and plant.vehicle_plugged and plant.current == 50.0
    assert plant.unplug_vehicle(stand.now, force=True)
    assert stand.incidents == [("vehicle_unplugged_locked", True), ("vehicle_unplugged_live", True), ("vehicle_unplugged_under_current", True)]
    stand.run(1.0)
    assert plant.current == 0.0 and not plant.vehicle_contactors.position and not plant.joined
    plant.plug_vehicle(stand.now)
    assert plant.vehicle_plugged and plant.unplug_vehicle(stand.now, force=True)


def test_a_settled_bridge_costs_as_little_as_a_settled_car():
    stand = Stand()
    stand.charge(50.0)
    before = stand.plant.integrations
    for _ in range(3000):
        stand.run(0.02)
    assert stand.plant.integrations - before <= 310                          # one per 200 ms


def test_the_snapshot_tells_the_plug_as_well():
    stand = Stand()
    stand.charge(20.0)
    stand.plant.k = True
    shot = stand.plant.snapshot(stand.now)
    assert isinstance(shot, BridgeSnapshot) and shot.plug_voltage == shot.inlet_voltage == stand.plant.plug_voltage
    assert (shot.vehicle_contactors, shot.vehicle_lock, shot.d1, shot.d2, shot.k, shot.vehicle_plugged) == (True, False, True, True, True, True)
    assert shot.inlet_current == 20.0


def test_a_lamp_is_refused():
    with pytest.raises(ValueError, match="lamp_ohm"):
        BridgePlant(PlantConfig(lamp_ohm=529.0))


@pytest.mark.parametrize("curve, name, cells", [(CLASS_N_OCV, "class_n", 96), (CLASS_M_OCV, "class_m", 88)])
def test_the_battery_has_the_curve_of_its_class(curve, name, cells):
    for percent, volts in curve:
        plant = bridge(battery_curve=name, battery_cells=cells, battery_soc_percent=float(percent))
        assert plant.battery.ocv() == pytest.approx(cells * volts, abs=0.01)
    plain = Battery(cells=1, capacity=1000, resistance=0.1, soc=0, max_current=1, max_power=1e3, taper_from=80, taper_to=0.1)
    assert plain.ocv() == 3.20                                               # the default stays


def test_the_drivers_over_it():
    plant = bridge(vehicle_plugged=True)
    meter, inputs, sequence, lock = SimVehicleVoltmeter(plant), SimVehicleInputs(plant), SimChargeSequence(plant), SimVehicleLock(plant)
    assert sequence.set_d1(True, 0) and sequence.set_d2(True, 0) and (plant.d1, plant.d2) == (True, True)
    plant.want_vehicle_contactors(True, 0)
    assert meter.vehicle_voltage(S) == pytest.approx(plant.battery.ocv(), abs=0.06)
    meter.distort("vehicle_voltage", lambda volts: volts + 50.0)
    assert meter.vehicle_voltage(S) == pytest.approx(plant.battery.ocv() + 50.0, abs=0.06)
    meter.set_faults(failed=True)
    assert meter.vehicle_voltage(S) is None and meter.errors == 1
    assert inputs.charge_permission(S) is False and inputs.plug_present(S) is True
    plant.k = True
    assert inputs.charge_permission(S) is True
    assert lock.set_locked(True, S) and lock.feedback(S) is None and lock.feedback(2 * S) is True and plant.car_lock.position is False
    plant.unplug_vehicle(2 * S, force=True)
    assert inputs.charge_permission(2 * S) is False and inputs.plug_present(2 * S) is False
    inputs.plug_fitted = False
    assert inputs.plug_present(2 * S) is None and inputs.errors == 0
    inputs.failed = sequence.failed = lock.failed = True
    assert inputs.charge_permission(2 * S) is None and inputs.plug_present(2 * S) is None and inputs.errors == 2
    assert not sequence.set_d1(False, 2 * S) and not sequence.set_d2(False, 2 * S) and sequence.errors == 2 and plant.d1 and plant.d2
    assert not lock.set_locked(False, 2 * S)


def test_the_board_of_a_bridge_has_no_vehicle_data_and_both_plugs():
    plant = bridge()
    can = CanBus(CanConfig(), CanSegment().node()).port("chademo", (0x102,))
    board = simulated_bridge(plant, None, can)
    assert board.vehicle is None and board.onboard is None and board.bridge.can is can
    assert board.contactors.set_closed(True, 0) and board.contactors.feedback(100 * MS) is True and not plant.vehicle_contactors.position
    assert board.lock.set_locked(True, S) and board.bridge.lock.feedback(2 * S) is False
