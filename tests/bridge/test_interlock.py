"""Each phase of the interlock and each way out of it, with facts that a test says (chademo sheet 3.2, 3.3)."""
import pytest

from exi_native.messages.din import DC_EVErrorCode
from kernel.timer import MS, S
from tasks.bridge.config import BridgeConfig
from tasks.bridge.interlock import MAX_STARTS, BridgeFacts, Interlock, Phase, describe
from tasks.bridge.reasons import VEHICLE, meaning
from tasks.machine import Note, StateChanged
from tasks.messages import StopSession
from tasks.signals import VehicleSays
from tasks.stop_reasons import StopReason as R

SAYS = VehicleSays(protocol=2, target_voltage=410.0, max_voltage=435.0, soc=60.0, capacity=35_400.0, max_seconds=4800.0, fingerprint=(1, 410, 435, 35, 1))


class Bench:
    """An interlock, `set(...)` for its facts, `look()` 20 ms later."""

    def __init__(self, **config):
        self.now = 0
        self.facts = BridgeFacts(plugged=True, connection="WaitPilot", link="Off", v2g="Idle", chademo="Idle")
        self.machine = Interlock(BridgeConfig(**config), self.facts)
        self.commands: list[StopSession] = []
        self.phases: list[str] = []
        self.told: list[str] = []

    def look(self, seconds=0.02, **facts):
        for name, value in facts.items():
            assert hasattr(self.facts, name)
            setattr(self.facts, name, value)
        self.now += round(seconds * S)
        self.machine.look(self.now)
        self.commands += self.machine.commands()
        for event in self.machine.events():
            if type(event) is StateChanged:
                self.phases.append(event.new)
            elif type(event) is Note:
                self.told.append(event.text % event.args)
        return self.machine.phase

    def discovered(self):
        self.look()
        self.look(chademo="Param", says=SAYS)
        assert self.look(chademo="Ended", says=VehicleSays()) is Phase.Kickoff
        return self

    def started(self):
        self.discovered()
        self.look(connection="Matching", link="Parm", chademo="Idle")
        self.look(connection="Session", v2g="SessionSetup", evse_max_voltage=500.0)
        assert self.look(v2g="WaitVehicle") is Phase.Start
        self.look(chademo="D1On")
        self.look(chademo="D2On", says=SAYS, v2g="PreCharge")
        return self

    def joined(self):
        self.started()
        self.look(chademo="Mate", v2g="WaitContactorsClosed")
        assert self.look(joined=True, chademo="WaitRequest") is Phase.Joined
        self.look(v2g="CurrentDemand", chademo="Charge")
        return self


# --- Rest, Look


def test_nothing_happens_without_a_plug_or_before_the_charger_is_wanted():
    b = Bench()
    for connection in ("Unplugged", "Finished", "Failed", "Paused", None):
        assert b.look(connection=connection) is Phase.Rest and b.machine.wanted == "nothing" and b.machine.hold == "the car's side"
    assert b.look(connection="WaitPilot", plugged=False) is Phase.Rest
    assert b.look(plugged=None) is Phase.Look                    # not known, but the connection says so


def test_a_discovery_holds_the_charger_and_keeps_what_the_car_said():
    b = Bench()
    assert b.look() is Phase.Look and b.machine.wanted == "discovery" and b.machine.hold == "a look at the car" and b.machine.waits == "CCS waits for car"
    b.look(chademo="D1On")
    b.look(chademo="Param", says=SAYS)
    assert b.look(chademo="Ended", says=VehicleSays()) is Phase.Kickoff
    assert b.machine.known is SAYS and b.machine.hold == "" and b.machine.wanted == "nothing"
    assert "target 410 V" in b.told[-1] and b.commands == []


@pytest.mark.parametrize("reason", [R.CAR_NO_CAN, R.CAR_NO_PERMISSION, R.CAR_PERMISSION_STUCK, R.CAR_INCOMPATIBLE, R.CAR_SILENT_CAN])
def test_a_failed_discovery_ends_the_chargers_side_with_its_reason(reason):
    b = Bench()
    b.look()
    b.look(chademo="Param")
    b.look(chademo="Ended", chademo_stop=reason)
    assert b.machine.phase is Phase.Over and [c.reason for c in b.commands] == [reason] and b.machine.known is None
    b.look()
    assert len(b.commands) == 1


def test_a_discovery_that_told_nothing_is_a_failure():
    b = Bench()
    b.look()
    b.look(chademo="Param")
    b.look(chademo="Ended")
    assert b.machine.phase is Phase.Over and b.commands[0].reason is R.CAR_NO_CAN


def test_an_end_of_the_connection_ends_the_discovery():
    b = Bench()
    b.look()
    b.look(chademo="Param", says=SAYS)
    assert b.look(connection="Finished") is Phase.Over and b.machine.wanted == "nothing" and b.commands == []


def test_what_was_asked_counts_for_a_while():
    b = Bench(discovery_keep_s=60).discovered()
    b.look(connection="Failed", chademo="Idle")
    assert b.machine.phase is Phase.Over
    b.look(seconds=30, connection="WaitPilot")
    assert b.phases[-2:] == ["Rest", "Kickoff"]
    b.look(connection="Failed")
    b.look(seconds=61, connection="WaitPilot")
    b.look()
    assert b.phases[-2:] == ["Rest", "Look"]


def test_a_car_is_not_woken_for_ever():
    b = Bench(discovery_keep_s=30)
    for n in range(MAX_STARTS):
        assert b.look(connection="WaitPilot") is Phase.Look
        b.look(chademo="Param")
        b.look(chademo="Ended", chademo_stop=R.CAR_NO_PERMISSION)
        b.look(connection="Pausing")
        b.look(chademo="Idle", chademo_stop=None)
    b.look(connection="WaitPilot")
    assert b.look() is Phase.Rest and b.machine.starts == MAX_STARTS and b.machine.hold == "both to be replugged"
    b.look(plugged=False, connection="Unplugged")
    assert b.machine.starts == 0
    assert b.look(plugged=True, connection="WaitPilot") is Phase.Look


def test_another_car_may_be_plugged_next():
    b = Bench().discovered()
    b.look(plugged=False, connection="Unplugged")
    assert b.machine.known is None and b.machine.phase is Phase.Rest


# --- Kickoff


def test_the_car_is_woken_again_only_after_the_cable_check():
    b = Bench().discovered()
    b.look(connection="Matching", link="Parm", chademo="Idle")
    assert b.machine.waits == "car waits for CCS"
    for v2g in ("SessionSetup", "ContractAuthentication", "ChargeParameterDiscovery", "WaitReady", "CableCheck"):
        assert b.look(seconds=60, connection="Session", v2g=v2g) is Phase.Kickoff and b.machine.wanted == "nothing"
    assert b.look(v2g="WaitVehicle") is Phase.Start and b.machine.wanted == "charge" and b.machine.starts == 2


def test_not_while_the_charger_ends_already():
    b = Bench().discovered()
    b.look(connection="Session", v2g="WaitVehicle", v2g_stopping=R.CHARGER_STOP, chademo="Idle")
    assert b.machine.phase is Phase.Kickoff


def test_scenario_9_a_target_beyond_the_charger_ends_it_before_state_c():
    b = Bench().discovered()
    b.look(connection="Session", v2g="ChargeParameterDiscovery", evse_max_voltage=None, chademo="Idle")
    b.look(v2g="WaitReady", evse_max_voltage=400.0)
    b.look()
    assert [c.reason for c in b.commands] == [R.CAR_INCOMPATIBLE] and not b.commands[0].urgent and b.machine.wanted == "nothing"
    assert "410 V, the charger delivers at most 400 V" in b.told[-1]


def test_a_single_session_begins_when_the_charger_is_heard():
    b = Bench(strategy="single")
    assert b.look() is Phase.Kickoff and b.machine.hold == ""
    assert b.look(connection="Matching", link="Parm") is Phase.Kickoff
    assert b.look(link="Sounding") is Phase.Start
    assert b.machine.power_ready and b.machine.joins_later and not b.machine.vehicle_ready
    b.look(chademo="Mate", says=SAYS)
    assert b.machine.vehicle_ready and b.machine.vehicle_joined
    b.look(connection="Session", v2g="PreCharge")
    assert not b.machine.joins_later


# --- Start


def test_d2_waits_for_the_precharge_within_20_v():
    b = Bench().started()
    b.look(aim=365.0, inlet_voltage=None)
    assert not b.machine.power_ready
    for inlet, ready in ((344.9, False), (345.0, True), (385.0, True), (385.1, False)):
        b.look(inlet_voltage=inlet)
        assert b.machine.power_ready is ready
    b.look(v2g="CableCheck", inlet_voltage=365.0)
    assert not b.machine.power_ready
    b.look(v2g="PreCharge", aim=None)
    assert not b.machine.power_ready


@pytest.mark.parametrize("chademo, ready, joined", [("D1On", False, False), ("Param", False, False), ("Check", False, False), ("Locked", False, False),
                                                    ("WaitPower", True, False),
                                                    ("D2On", True, False), ("Mate", True, True), ("WaitRequest", True, True), ("Charge", True, True),
                                                    ("StopRamp", False, False)])
def test_precharge_begins_with_the_permission_and_ends_with_the_cars_contactors(chademo, ready, joined):
    b = Bench().started()
    b.look(chademo=chademo)
    assert (b.machine.vehicle_ready, b.machine.vehicle_joined) == (ready, joined)


def test_who_waits_for_whom_has_at_most_21_characters():
    b = Bench().started()
    for chademo, text in (("D1On", "CCS waits for car"), ("WaitPower", "car waits for CCS"), ("D2On", "CCS waits for d2"), ("Mate", "waiting for match")):
        b.look(chademo=chademo)
        assert b.machine.waits == text and len(text) <= 21


def test_a_car_that_refuses_its_second_start_is_told_what_to_do():
    b = Bench().started()
    b.look(chademo="Ended", chademo_stop=R.CAR_NO_PERMISSION)
    assert "bridge.strategy: once" in b.told[-1]


# --- both ends


@pytest.mark.parametrize("phase", ["started", "joined"])
@pytest.mark.parametrize("reason", list(VEHICLE))
def test_an_end_of_the_car_is_told_to_the_charger_at_the_next_look(phase, reason):
    b = getattr(Bench(), phase)()
    b.look(chademo="StopRamp", chademo_stop=reason)
    assert b.machine.phase is Phase.Ending and b.machine.wanted == "charge" and b.machine.stop is reason
    assert [(c.reason, c.urgent) for c in b.commands] == [(reason, meaning(reason).urgent)]
    b.look()
    assert len(b.commands) == 1
    assert b.look(chademo="Ended", connection="Ending", v2g="Ended") is Phase.Over and b.machine.wanted == "nothing"


@pytest.mark.parametrize("phase", ["started", "joined"])
@pytest.mark.parametrize("stopping", [R.CHARGER_STOP, R.CHARGER_EMERGENCY, R.USER_STOP, R.FAILED_RESPONSE, R.TCP_RESET, R.TIMEOUT])
def test_an_end_of_the_charger_is_told_to_the_car_at_the_next_look(phase, stopping):
    b = getattr(Bench(), phase)()
    b.look(v2g_stopping=stopping)
    assert b.machine.phase is Phase.Ending and b.machine.stop is stopping and b.commands == [] and not b.machine.power_ready


@pytest.mark.parametrize("connection, v2g, reason", [("Ending", "Ended", R.CHARGER_STOP), ("WaitPilot", "CurrentDemand", R.TCP_CLOSED), (None, None, R.TCP_CLOSED)])
def test_a_session_that_is_gone_without_a_word_is_an_end_too(connection, v2g, reason):
    b = Bench().joined()
    b.look(connection=connection, v2g=v2g)
    assert b.machine.phase is Phase.Ending and b.machine.stop is reason


def test_what_becomes_urgent_later_presses_once():
    b = Bench().joined()
    b.look(v2g_stopping=R.USER_STOP)
    b.look(chademo="StopRamp", chademo_stop=R.USER_STOP)
    assert b.commands == []
    b.look(urgent=True)
    b.look()
    assert [(c.reason, c.urgent) for c in b.commands] == [(R.USER_STOP, True)]


def test_urgent_presses_nothing_where_no_session_is_left():
    b = Bench().joined()
    b.look(connection="Ending", v2g="Ended")
    b.look(urgent=True, chademo="StopRamp", chademo_stop=R.SAFETY_TRIP)
    assert b.commands == []


def test_an_old_end_of_the_discovery_does_not_end_the_charge():
    """chademo_stop and the state Ended are those of the connection before until the side has begun anew."""
    b = Bench().discovered()
    b.look(connection="Session", v2g="WaitVehicle", chademo="Idle", chademo_stop=R.CAR_STOP)
    b.look()
    assert b.machine.phase is Phase.Start and b.commands == []


def test_a_car_that_never_begins_is_not_waited_for_at_the_end():
    b = Bench().discovered()
    b.look(connection="Session", v2g="WaitVehicle", chademo="Idle")
    b.look(v2g_stopping=R.CHARGER_STOP)
    assert b.machine.phase is Phase.Ending
    b.look(seconds=0.9)
    assert b.machine.phase is Phase.Ending
    b.look(seconds=0.2)
    assert b.machine.phase is Phase.Over


def test_the_next_climb_is_a_new_beginning_with_what_is_known():
    b = Bench().joined()
    b.look(chademo="StopRamp", chademo_stop=R.CAR_STOP)
    b.look(chademo="Ended", connection="Ending", v2g="Ended")
    b.look(connection="Finished", joined=False)
    b.look(connection="WaitPilot", chademo="Idle", chademo_stop=None, v2g="Idle")
    assert b.phases[-2:] == ["Rest", "Kickoff"] and b.machine.stop is None
    b.look(connection="Session", v2g="WaitVehicle")
    b.look(chademo="Charge")
    b.look(chademo="StopRamp", chademo_stop=R.CAR_STOP)
    assert [c.reason for c in b.commands] == [R.CAR_STOP, R.CAR_STOP]


# --- words


@pytest.mark.parametrize("sends, error", [(True, "FAILED_RESSTemperatureInhibit"), (False, "NO_ERROR")])
def test_error_codes_are_sent_only_where_that_is_configured(sends, error):
    b = Bench(send_error_codes=sends).joined()
    b.look(chademo="StopRamp", chademo_stop=R.CAR_TEMPERATURE)
    assert b.machine.error == error


def test_error_codes_are_those_of_din_70121():
    assert {row.error for row in VEHICLE.values()} <= {member.name for member in DC_EVErrorCode}


def test_every_cause_of_the_vehicle_has_its_row():
    assert {reason for reason in R if reason.name.startswith(("CAR_", "BRIDGE_", "DISCHARGE_", "CHARGER_DRAWS"))} - set(VEHICLE) <= {R.CAR_LEFT_C, R.CAR_ERROR, R.CAR_PAUSE}
    assert meaning(R.USER_STOP) == meaning(R.CAR_STOP) and not meaning(R.USER_STOP).urgent


def test_what_the_car_says_in_a_line_with_all_and_with_nothing():
    assert describe(SAYS).startswith("protocol 2, target 410 V, at most 435 V, at least ?, SoC 60 %, 35.4 kWh, 80 min")
    assert "SoC ? %" in describe(VehicleSays())


def test_events_are_bounded_and_counted():
    b = Bench()
    for n in range(40):
        b.machine._tell("%d", n)
    assert len(b.machine.events()) == 32 and b.machine.lost_events == 8


def test_a_discovery_outlives_no_more_than_its_time_in_kickoff():
    b = Bench(discovery_keep_s=30).discovered()
    b.look(seconds=110, connection="Session", v2g="ContractAuthentication", chademo="Idle")
    assert b.look(v2g="WaitVehicle") is Phase.Start, "scenario 13: an authorisation of 110 s does no harm"
    assert b.now > 100 * S + 20 * MS


def test_a_person_may_begin_again_where_the_box_by_itself_has_tried_often_enough():
    machine = Interlock(BridgeConfig(), BridgeFacts(plugged=True, connection="Pausing"))
    machine.starts = MAX_STARTS
    machine.look(S)
    assert machine.hold == "both to be replugged"
    machine.facts.connection = "Failed"
    machine.look(2 * S)
    assert machine.starts == 0 and machine.hold != "both to be replugged"
