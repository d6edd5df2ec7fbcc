"""Voltmeter, PowerMeter and PilotMonitor over two converters down to their registers; the same contract as their simulated twins."""
import math

import pytest

from drivers import interfaces
from drivers.adc.calibration import Platinum
from drivers.adc.meters import AnalogPowerMeter, AnalogVoltmeter, PowerMeterConfig, VoltmeterConfig
from drivers.adc.pilot import AnalogPilotConfig, AnalogPilotMonitor
from drivers.adc.quantity import LinearConfig
from drivers.errors import DriverError
from drivers.interfaces import PilotReading, PilotState, measured_at
from drivers.sim.car import SimInputs, SimPilotMonitor, SimVoltmeter
from drivers.sim.charger import SimPowerMeter
from drivers.sim.plant import Plant
from drivers.sim.plant_config import PlantConfig
from kernel.settings import SettingsError, build
from kernel.timer import MS, S
from tasks.sense.task import CarSense
from tasks.signals import Signals
from tests.drivers.adc.rig import CP_GAIN, CP_OFFSET, Rig


class Contract:
    """One device with the way to make its readings fail; simulated or real."""

    def __init__(self, protocol, reads, device, fail, now):
        self.protocol, self.reads, self.device, self.fail, self.now = protocol, reads, device, fail, now


def real(attribute, protocol, reads):
    def make():
        rig = Rig().go(200 * MS)
        return Contract(protocol, reads, getattr(rig, attribute), lambda: rig.set_faults(True), rig.now)
    return make


def simulated(make_device, protocol, reads):
    def make():
        device = make_device(Plant(PlantConfig(plugged=True)))

        def fail():
            device.failed = True
            if hasattr(device, "set_faults"):
                device.set_faults(failed=True)
        return Contract(protocol, reads, device, fail, type("Now", (), {"ns": 0})())
    return make


VOLTMETER = ("Voltmeter", ("inlet_voltage", "inlet_current", "inlet_temperature", "supply_voltage"))
POWER_METER = ("PowerMeter", ("voltage", "current"))
PILOT = ("PilotMonitor", ("read",))
BOTH = {
    "SimVoltmeter": simulated(SimVoltmeter, *VOLTMETER), "AnalogVoltmeter": real("voltmeter", *VOLTMETER),
    "SimPowerMeter": simulated(SimPowerMeter, *POWER_METER), "AnalogPowerMeter": real("power_meter", *POWER_METER),
    "SimPilotMonitor": simulated(SimPilotMonitor, *PILOT), "AnalogPilotMonitor": real("monitor", *PILOT),
}


@pytest.mark.parametrize("name", BOTH)
def test_real_and_simulated_devices_keep_one_contract(name):
    c = BOTH[name]()
    protocol = getattr(interfaces, c.protocol)
    wanted = {n for n in vars(protocol) if not n.startswith("_")} | set(protocol.__annotations__)
    assert not [n for n in wanted if not hasattr(c.device, n)] and c.device.errors == 0
    for read in c.reads:
        value = getattr(c.device, read)(c.now.ns)
        assert isinstance(value, PilotReading) if c.protocol == "PilotMonitor" else isinstance(value, float) and math.isfinite(value)
    assert c.device.errors == 0
    c.fail()
    before = c.device.errors
    for n, read in enumerate(c.reads, 1):
        assert getattr(c.device, read)(c.now.ns) is None
        assert c.device.errors == before + n


def test_everything_that_needs_turns_keeps_the_contract_of_polled():
    rig = Rig()
    for device in rig.polled:
        assert device.name and device.fault == device.remedy == "" and device.errors == 0
        for at in (0, 3 * MS, S, S, 70 * S, 70 * S + 1):
            rig.now.ns = at
            assert at < device.run(at) <= at + S
    rig.set_faults(True)
    rig.go(3 * S)
    for device in rig.polled[:2]:
        assert 0 < len(device.fault) <= 19 and device.remedy.endswith(".") and device.errors


def test_a_voltmeter_measures():
    rig = Rig()
    rig.volts, rig.amperes, rig.supply, rig.ohms = 412.3, 118.0, 12.6, [Platinum().ohm(41.0), Platinum().ohm(63.0)]
    rig.go(200 * MS)
    now, meter = rig.now.ns, rig.voltmeter
    assert meter.inlet_voltage(now) == pytest.approx(412.3, abs=0.05) and meter.inlet_current(now) == pytest.approx(118.0, abs=0.05)
    assert meter.inlet_temperature(now) == pytest.approx(63.0, abs=0.1) and meter.supply_voltage(now) == pytest.approx(12.6, abs=0.01)
    assert rig.power_meter.voltage(now) == pytest.approx(412.3, abs=0.05) and rig.power_meter.isolation(now) == 1e6
    assert [d.fault for d in rig.polled] == [""] * 5


@pytest.mark.parametrize("ohm, fault", [(math.inf, "inlet T 2 open"), (0.0, "inlet T 2 short")])
def test_a_broken_temperature_sensor_makes_the_hottest_unknown(ohm, fault):
    rig = Rig().go(200 * MS)
    assert rig.voltmeter.inlet_temperature(rig.now.ns) == pytest.approx(25.0, abs=0.1)
    rig.ohms[1] = ohm
    rig.go(500 * MS)
    assert rig.voltmeter.inlet_temperature(rig.now.ns) is None and rig.voltmeter.inlet_voltage(rig.now.ns) is not None
    assert rig.voltmeter.fault == fault and rig.voltmeter.remedy.endswith(".")
    rig.ohms[1] = 1000.0
    rig.go(400 * MS)
    assert rig.voltmeter.inlet_temperature(rig.now.ns) == pytest.approx(25.0, abs=0.1) and rig.voltmeter.fault == rig.voltmeter.remedy == ""


def test_two_channels_that_disagree_are_unknown():
    rig = Rig()
    rig.volts = 400.0
    rig.go(300 * MS)
    assert rig.voltmeter.inlet_voltage(rig.now.ns) == pytest.approx(400, abs=0.05)
    rig.second_volts = 384.0
    rig.go(500 * MS)
    assert rig.voltmeter.inlet_voltage(rig.now.ns) is None and rig.voltmeter.fault == "inlet V disagrees" and rig.voltmeter.errors == 1
    assert rig.power_meter.voltage(rig.now.ns) is None and rig.power_meter.fault == "output V disagrees"
    rig.second_volts = 386.0
    rig.go(300 * MS)
    assert rig.voltmeter.inlet_voltage(rig.now.ns) == pytest.approx(400, abs=0.05) and rig.voltmeter.fault == ""


def test_two_channels_on_a_ramp_agree_and_the_one_that_stands_still_does_not():
    rig = Rig().go(300 * MS)
    for _ in range(100):                    # 500 V/s: up to 20 V between the two samples
        rig.volts += 5.0
        rig.go(10 * MS)
        assert rig.voltmeter.inlet_voltage(rig.now.ns) is not None, rig.volts
    rig.second_volts, unknown = rig.volts, 0
    for _ in range(40):
        rig.volts += 5.0
        rig.go(10 * MS)
        unknown += rig.voltmeter.inlet_voltage(rig.now.ns) is None
    assert 15 <= unknown <= 30              # 150 ms of skew, and 15 V are 30 ms of the ramp


def test_one_silent_converter_of_two_leaves_no_voltage():
    rig = Rig().go(200 * MS)
    rig.twins["second"].absent = True
    rig.go(300 * MS)
    assert rig.voltmeter.inlet_voltage(rig.now.ns) is None and rig.voltmeter.inlet_temperature(rig.now.ns) is not None
    assert rig.converters["second"].fault == "ADC: no answer" and rig.voltmeter.fault == ""     # the converter tells it


def test_a_moment_of_disagreement_on_a_ramp_is_not_told():
    rig = Rig().go(200 * MS)
    told = set()
    for n in range(100):
        rig.second_volts = rig.volts + (100.0 if n % 10 == 0 else 0.0)
        rig.go(10 * MS)
        told.add(rig.voltmeter.fault)
    assert told == {""}


def test_what_cannot_be_is_unknown():
    rig = Rig()
    rig.volts = 1000.9                      # below the converter's supply, above `high`
    rig.supply = 30.0                       # above the converter's range
    rig.go(500 * MS)
    assert rig.voltmeter.inlet_voltage(rig.now.ns) is None and rig.voltmeter.supply_voltage(rig.now.ns) is None
    assert rig.voltmeter.fault == "inlet V range" and rig.converters["second"].fault == "ADC: 2 off range"


def test_nothing_fitted_is_none_and_no_error():
    meter, power = AnalogVoltmeter(VoltmeterConfig(), {}), AnalogPowerMeter(PowerMeterConfig(), {})
    assert [meter.inlet_voltage(0), meter.inlet_current(0), meter.inlet_temperature(0), meter.supply_voltage(0)] == [None] * 4
    assert [power.voltage(0), power.current(0), power.isolation(0)] == [None] * 3
    assert meter.errors == power.errors == 0 and meter.run(0) == 50 * MS and meter.run(40 * MS) == 50 * MS and meter.fault == ""


@pytest.mark.parametrize("volts, state", [(12.4, "A"), (11.1, "A"), (9.9, "B"), (8.1, "B"), (6.0, "C"), (3.2, "D"), (0.4, "E"), (-0.9, "E"), (-12.0, "F")])
def test_the_pilot_s_windows(volts, state):
    rig = Rig()
    rig.pilot = volts
    rig.go(200 * MS)
    reading = rig.monitor.read(rig.now.ns)
    assert reading == PilotReading(PilotState(state), None if state in "EF" else 5.0)
    assert rig.monitor.voltage == pytest.approx(volts, abs=0.01) and rig.monitor.errors == 0


def test_a_state_has_hysteresis_and_between_two_windows_it_is_unknown():
    rig = Rig()

    def read(volts):
        rig.pilot = volts
        rig.go(100 * MS)
        reading = rig.monitor.read(rig.now.ns)
        return None if reading is None else reading.state.value
    assert [read(v) for v in (10.1, 9.0, 10.2, 7.8, 7.6, 7.8, 7.1, 6.9, 7.2, 4.8, 4.5)] == [None, "B", "B", "B", None, None, None, "C", "C", "C", None]
    assert rig.monitor.errors == 5
    rig.pilot = 7.5
    rig.go(500 * MS)
    assert rig.monitor.fault == "CP: 7.5 V" and "none of +12" in rig.monitor.remedy
    rig.pilot = 6.0
    rig.go(200 * MS)
    assert rig.monitor.fault == ""
    rig.duty = None
    assert rig.monitor.read(rig.now.ns) == PilotReading(PilotState.C, None)


def test_the_passage_from_state_to_state_is_not_told():
    rig = Rig().go(200 * MS)
    for volts in (12.0, 10.5, 9.0, 7.5, 6.0, 7.5, 9.0):
        rig.pilot = volts
        rig.go(60 * MS)
        assert rig.monitor.fault == ""


def test_wrong_names_are_refused_with_those_that_exist():
    rig = Rig()
    with pytest.raises(DriverError) as refused:
        AnalogVoltmeter(VoltmeterConfig(inlet_current=LinearConfig("ads:0", 1.0)), rig.converters)
    assert "'ads'" in refused.value.problem and "first, second" in refused.value.remedy
    with pytest.raises(DriverError) as refused:
        AnalogPilotMonitor(AnalogPilotConfig("second:3", 10.0), rig.converters)
    assert "pin '3'" in refused.value.problem and "0, 1, 2" in refused.value.remedy


@pytest.mark.parametrize("cls, settings, words", [
    (VoltmeterConfig, {"inlet_voltage": {"channel": "a:0"}}, "no gain"),
    (VoltmeterConfig, {"inlet_voltage": {"channel": "a:0", "gain": 300, "second_channel": "b:0"}}, "no second_gain"),
    (VoltmeterConfig, {"inlet_voltage": {"channel": "a:0", "gain": 300, "second_channel": "a:0", "second_gain": 1}}, "agrees with itself"),
    (VoltmeterConfig, {"supply_voltage": {"low": 3, "high": 2}}, "above high"),
    (VoltmeterConfig, {"inlet_temperature": {"channels": ["a:0"], "sensor": "ntc_points", "points_c": [1, 2]}}, "three points_c"),
    (VoltmeterConfig, {"inlet_temperature": {"sensor": "ntc_points", "points_c": [0, 25, 85], "points_ohm": [1, 2, 3]}}, "falls with temperature"),
    (VoltmeterConfig, {"inlet_temperature": {"low_c": 50, "high_c": 50}}, "not below"),
    (PowerMeterConfig, {"output_current": {"channel": "a:0", "gain": 0}}, "no gain"),
    (AnalogPilotConfig, {"channel": "a:0"}, "no gain"),
])
def test_settings_that_cannot_be_are_refused_with_the_reason(cls, settings, words):
    with pytest.raises(SettingsError) as refused:
        build(cls, settings, {}, "test.yaml")
    assert words in str(refused.value)


@pytest.mark.parametrize("sensor, settings, ohm", [
    ("pt1000", {}, 1194.0), ("ntc_beta", {"r25_ohm": 10_000, "beta_k": 3977}, 3560.0),
    ("ntc_points", {"points_c": [0, 25, 85], "points_ohm": [32554, 10000, 1070]}, 3605.0)])
def test_every_kind_of_sensor_reads_50_degrees(sensor, settings, ohm):
    config = build(VoltmeterConfig, {"inlet_temperature": {"channels": ["first:2"], "sensor": sensor, **settings}}, {}, "test.yaml")
    rig = Rig()
    rig.ohms[0] = ohm
    rig.go(200 * MS)
    assert AnalogVoltmeter(config, rig.converters).inlet_temperature(rig.now.ns) == pytest.approx(50.0, abs=0.2)
    linear = build(VoltmeterConfig, {"inlet_temperature": {"channels": ["second:2"], "sensor": "linear"}}, {}, "test.yaml")
    rig.supply = 6.0
    rig.go(S)
    assert AnalogVoltmeter(linear, rig.converters).inlet_temperature(rig.now.ns) == pytest.approx(50.0, abs=0.1)


def test_two_looks_at_one_sample_are_one_measurement():
    """The supervisor closes on a voltage that stood still over two measurements; a converter that answers the same sample twice must not look so."""
    assert measured_at(object())("inlet_voltage", 5) == 5, "a driver that measures when it is asked"
    rig, signals, plant = Rig(), Signals(), Plant()
    rig.volts = 350.0
    rig.go(S)
    sense = CarSense(rig.voltmeter, SimPilotMonitor(plant), SimInputs(plant), signals)
    sense.run(rig.now.ns)
    first, current = signals.inlet_voltage.at, signals.inlet_current.at
    older = min(rig.converters["first"].sampled_at("0"), rig.converters["second"].sampled_at("0"))
    assert signals.inlet_voltage.value == pytest.approx(350.0, abs=1.0) and first == older < rig.now.ns and current == rig.converters["second"].sampled_at("1")
    sense.run(rig.now.ns + MS)
    assert (signals.inlet_voltage.at, signals.inlet_current.at) == (first, current), "no new sample, no new time"
    rig.go(100 * MS)
    sense.run(rig.now.ns)
    assert signals.inlet_voltage.at > first and signals.inlet_current.at > current
    assert rig.power_meter.measured_at("voltage", rig.now.ns) < rig.now.ns


@pytest.mark.parametrize("peak, duty", [(12.0, None), (9.0, 5.0), (6.0, 5.0), (9.0, 3.0), (9.0, 10.0), (6.0, 26.5), (9.0, 96.0), (9.0, 100.0), (6.0, 100.0)])
def test_the_duty_is_told_by_the_pilot_s_mean(peak, duty):
    rig = Rig()
    shown = 100.0 if duty is None else duty
    mean = peak * shown / 100.0 - 12.0 * (1 - shown / 100.0)
    rig.pilot = peak
    rig.twins["second"].pins["2"] = lambda at: (mean + 15.0) / 10.0
    monitor = AnalogPilotMonitor(AnalogPilotConfig("first:1", CP_GAIN, CP_OFFSET, mean_channel="second:2", mean_gain=10.0, mean_offset=-15.0), rig.converters)
    rig.go(300 * MS)
    reading = monitor.read(rig.now.ns)
    assert reading.duty_percent == pytest.approx(shown, abs=0.5)


@pytest.mark.parametrize("mean, duty", [(-13.5, None), (9.4, 100.0), (8.6, 100.0), (9.8, None)])
def test_a_mean_that_does_not_belong_to_the_peak_is_no_duty(mean, duty):
    rig = Rig()
    rig.pilot = 9.0
    rig.twins["second"].pins["2"] = lambda at: (mean + 15.0) / 10.0
    monitor = AnalogPilotMonitor(AnalogPilotConfig("first:1", CP_GAIN, CP_OFFSET, mean_channel="second:2", mean_gain=10.0, mean_offset=-15.0), rig.converters)
    rig.go(300 * MS)
    assert monitor.read(rig.now.ns) == PilotReading(PilotState.B, duty)
    rig.set_faults(True)
    rig.go(500 * MS)
    assert monitor.read(rig.now.ns) is None
