"""What a charger does in a DC session of either protocol: what the facts have to say, cable check, precharge, the charge loop, the end of power.

`wants_output` is a wish (V, A) that the safety supervisor may grant; it is None whenever the car is not in state C or
silent for too long. What is allowed when: the table of the protocol; refusing and ending: evse_conversation.py. Sheets:
field-pyplc-clara 4, 6; slac-and-network 7; safety-security-needs 4.3.
"""
from __future__ import annotations

from typing import Any

from drivers.interfaces import PilotState
from kernel.timer import MS, NEVER, S
from tasks.stop_reasons import StopReason
from tasks.v2g import timing as t
from tasks.v2g.cable_check import READY_STATES, CableCheck, Step
from tasks.v2g.evse_conversation import EvseConversation
from tasks.v2g.evse_states import Evse
from tasks.v2g.physical import LIMIT, TARGET_A, TARGET_V, WH, A, V, to_float

RAMPED_DOWN_CURRENT = 1.0            # A: safety sheet S5


class DcEvse(EvseConversation):
    """Base of both machines: one `_on_<request>` per request that both protocols have in the same shape."""

    joined = False                       # the session goes on after a pause
    off_limit = t.RAMP_DOWN_LIMIT        # how long PowerDeliveryRes(stop) waits

    @property
    def rating(self) -> float:
        """W: what the power path can do at all."""
        return self.config.max_power_kw * 1000

    # --- facts

    def _watch(self, now: int) -> None:
        """What the pilot, the clock and the supervisor have to say, whatever the car asks."""
        self.power_cap = self.offer.watts(self.rating, now)
        pilot = self.facts.pilot
        codes = self.wire.DC_EVSEStatusCode
        if self.facts.trip:
            self._switch_off()
            code = codes.EVSE_EmergencyShutdown if self.facts.stop_button else codes.EVSE_Malfunction
            if self.stopping is None:
                self._report.note("safety: %s", self.facts.trip)
                self._stop(StopReason.SAFETY_TRIP, code, now)
            elif self.stop_code is codes.EVSE_Shutdown:
                self.stop_code = code                    # no longer an orderly stop
        if pilot is PilotState.A:
            self._report.note("unplugged in state %s", self.state.name)
            self._end(StopReason.UNPLUGGED, False)
            return
        if self.state in self.powered and pilot not in READY_STATES:
            self._switch_off()                           # also while the pilot is unknown
            if pilot is not None and self.stopping is None:
                self._report.note("car left state C in state %s", self.state.name)
                self._stop(StopReason.CAR_LEFT_C, codes.EVSE_Shutdown, now)
        if now >= self._charging_until:
            self._stop(StopReason.CHARGER_STOP, codes.EVSE_Shutdown, now)
        check = self._check
        if check is not None and self.state is Evse.CableCheck:
            if self.stopping is None:
                before = check.step_name
                check.step(self.facts, now)
                if before is Step.WaitStateC and check.step_name is Step.Raising:
                    self._report.checkpoint(561)
            self.wants_output = check.wants_output if self.stopping is None else None
        self._watch_permit(now)
        self._set_poll(now)

    def _watch_permit(self, now: int) -> None:
        """An output that the supervisor does not grant is told to the car, which would else wait out its patience (38 s, 30 s)."""
        lacking = self._lacking()
        if not lacking:
            self._permit.cancel()
        elif not self._permit.armed:
            self._permit.arm(now, t.PERMIT_LIMIT)
        elif self._permit.expired(now) and self.stopping is None:
            self._switch_off()
            self._report.note("no output for %d s, what is lacking: %s", t.PERMIT_LIMIT // S, lacking)
            self._stop(StopReason.NOT_CONFIRMED, self.wire.DC_EVSEStatusCode.EVSE_Malfunction, now)

    def _lacking(self) -> str:
        """What keeps power that is asked for from coming, empty when nothing does."""
        if self.wants_output is not None:
            return self.facts.blocked
        return "the pilot's state" if self.state in self.powered and self.facts.pilot is None else ""        # nothing is asked for without it

    def _measured(self, kind: type, now: int) -> bool:
        """False after refusing: a voltage that is not known is not reported, and nobody charges blindly."""
        if self.facts.output_voltage is not None:
            return True
        reason = StopReason.SAFETY_TRIP if self.facts.trip else StopReason.NOT_CONFIRMED
        self._stop(reason, self.wire.DC_EVSEStatusCode.EVSE_Malfunction, now)
        self._refuse(kind, self.wire.responseCode.FAILED, reason, now, "output voltage unknown in state %s", self.state.name)
        return False

    def _car_status(self, status: Any) -> None:
        self.ev_soc = float(status.EVRESSSOC)
        if status.EVErrorCode is not self.wire.DC_EVErrorCode.NO_ERROR and not self._car_error:
            self._car_error = True
            self._report.note("car reports %s", status.EVErrorCode.name)

    def _still_ongoing(self, delay_ms: int, now: int) -> bool:
        if self._ongoing_since is None:
            self._ongoing_since = now
        return now - self._ongoing_since < delay_ms * MS

    def _read_dc_limits(self, parameter: Any, kind: type, now: int) -> bool:
        """The car's limits of ChargeParameterDiscoveryReq. False after refusing."""
        self._car_status(parameter.DC_EVStatus)
        self.ev_max_voltage = to_float(parameter.EVMaximumVoltageLimit, V, LIMIT, "EVMaximumVoltageLimit")
        self.ev_max_current = to_float(parameter.EVMaximumCurrentLimit, A, LIMIT, "EVMaximumCurrentLimit")
        if parameter.FullSOC is not None:
            self.ev_full_soc = float(parameter.FullSOC)
        if parameter.EVEnergyCapacity is not None:
            self.ev_capacity = to_float(parameter.EVEnergyCapacity, WH, LIMIT, "EVEnergyCapacity")
        if parameter.EVEnergyRequest is not None:
            self.ev_energy_request = to_float(parameter.EVEnergyRequest, WH, LIMIT, "EVEnergyRequest")
        if self.config.soc_readout:
            self._report.note("car tells: SoC %.0f %%, capacity %s Wh, energy request %s Wh", self.ev_soc, self.ev_capacity, self.ev_energy_request, level="info")
            self._stop(StopReason.SOC_READ, self.wire.DC_EVSEStatusCode.EVSE_Shutdown, now)
            return True
        if self.ev_max_voltage >= self.config.min_voltage_v:
            return True
        self._refuse(kind, self.wire.responseCode.FAILED_WrongChargeParameter, StopReason.INCOMPATIBLE_VOLTAGE, now,
                     "car takes at most %.1f V", self.ev_max_voltage)
        return False

    def _parameters_ready(self, known: bool, kind: type, now: int) -> bool:
        """False after answering Ongoing, or after refusing because it has been so for too long. `known`: the power stage answers."""
        if self.config.soc_readout or not self._still_ongoing(self.config.parameter_delay_ms, now) and known:
            return True
        if now - self._ongoing_since >= t.V2G_SECC_Ongoing_Performance:
            self._refuse(kind, self.wire.responseCode.FAILED, StopReason.ONGOING_TIMEOUT, now, "power stage does not answer")
        else:
            self._respond(self.build.charge_parameter_discovery(self, finished=False), 0, now)
        return False

    # --- one handler per request

    def _on_CableCheckReq(self, req: Any, now: int) -> None:
        self._car_status(req.DC_EVStatus)
        if self.stopping is not None:
            self._respond(self.build.cable_check(self, finished=False), 0, now)
            return
        if self._check is None:
            self._check = CableCheck(self.config, self.ev_max_voltage, now, self.wire.isolationLevel)
            self._watch(now)
        check = self._check
        self.isolation_level = check.level
        if check.step_name is Step.Failed:
            self.stop_code = self.wire.DC_EVSEStatusCode.EVSE_Malfunction
            self.isolation_level = self.wire.isolationLevel.Fault
            self._refuse(type(req), self.wire.responseCode.FAILED, StopReason.CABLE_CHECK_FAILED, now, "cable check: %s", check.failure)
        elif check.step_name is Step.Finished:
            self._check = None
            self.wants_output = None
            self._respond(self.build.cable_check(self), 565, now)
            self._enter(Evse.PreCharge, now)
        else:
            self._respond(self.build.cable_check(self, finished=False), 0, now)

    def _on_PreChargeReq(self, req: Any, now: int) -> None:
        self._car_status(req.DC_EVStatus)
        target = self.ev_target_voltage = to_float(req.EVTargetVoltage, V, TARGET_V, "EVTargetVoltage")
        self.ev_target_current = to_float(req.EVTargetCurrent, A, TARGET_A, "EVTargetCurrent")
        if target > min(self.config.max_voltage_v, self.ev_max_voltage):
            self._refuse(type(req), self.wire.responseCode.FAILED, StopReason.INCOMPATIBLE_VOLTAGE, now, "precharge to %.1f V", target)
            return
        if not self._measured(type(req), now):
            return
        if self.state is Evse.PreCharge:
            self._precharge.arm(now, t.SECC_PRECHARGE_LIMIT)
            self._enter(Evse.PowerDelivery, now)
        elif self._precharge.expired(now):
            self._refuse(type(req), self.wire.responseCode.FAILED, StopReason.PRECHARGE_TIMEOUT, now, "car precharges for ever")
            return
        if self.stopping is None and self.facts.pilot in READY_STATES:
            # A car that asks for 0 A gets the limit as well: an ABB whose voltage sags at 0 A is no example (sheet 6).
            self.wants_output = (target, self.config.precharge_max_current_a)
            self._report.checkpoint(580)
        else:
            self.wants_output = None
        self._silence.arm(now, t.REQUEST_SILENCE_LIMIT)
        self._respond(self.build.pre_charge(self), 575, now)

    def _begin_power_off(self, parameter: Any, now: int) -> None:
        """PowerDeliveryReq(stop): the output goes, the answer waits for the current."""
        self._complete = self._complete or bool(getattr(parameter, "ChargingComplete", False))
        self._switch_off()
        self._check = None
        self._silence.cancel()
        if self._charging_until != NEVER:
            self.offer.charging_left = max(0, self._charging_until - now)
            self._charging_until = NEVER
        self._ramp.arm(now, self.off_limit)
        self._pending = self._power_off
        self._power_off(now)

    def _power_off(self, now: int) -> None:
        """The current has fallen: answer PowerDeliveryReq(stop), so that the car opens its contactors without load."""
        current = self.facts.output_current
        if not self._ramp.expired(now) and (current is None or abs(current) > RAMPED_DOWN_CURRENT):
            self._set_poll(now)
            return
        self._pending = None
        self._ramp.cancel()
        self._respond(self.build.power_delivery(self), 805, now)
        self._enter(Evse.WeldingDetection, now)

    def _begin_charging(self, loop: Evse, now: int) -> None:
        """PowerDeliveryReq(start) is granted: into the charge loop."""
        if self.config.stop_after_min and self._charging_until == NEVER:         # neither a renegotiation nor a pause wins time
            left = self.offer.charging_left if self.joined else None
            self._charging_until = now + (int(self.config.stop_after_min * 60 * S) if left is None else left)
        self._silence.arm(now, t.REQUEST_SILENCE_LIMIT)
        self._respond(self.build.power_delivery(self), 605, now)
        self._enter(loop, now)

    def _on_CurrentDemandReq(self, req: Any, now: int) -> None:
        self._car_status(req.DC_EVStatus)
        config = self.config
        voltage = self.ev_target_voltage = to_float(req.EVTargetVoltage, V, TARGET_V, "EVTargetVoltage")
        current = self.ev_target_current = to_float(req.EVTargetCurrent, A, TARGET_A, "EVTargetCurrent")
        self._complete = self._complete or req.ChargingComplete
        if not self._measured(type(req), now):
            return
        max_voltage = min(config.max_voltage_v, self.ev_max_voltage)
        self.voltage_limited = voltage > max_voltage
        voltage = min(voltage, max_voltage)
        if voltage <= 0.0:                           # no reason to let go of a battery that is connected: its voltage, without current
            voltage, current = self.facts.output_voltage, 0.0
        max_current = min(config.max_current_a, self.ev_max_current)
        self.current_limited = current > max_current
        current = min(current, max_current)
        present = min(voltage, max(self.facts.output_voltage, config.min_voltage_v))         # power is what flows now, not what would at the target
        self.power_limited = present * current > self.power_cap
        if self.power_limited:
            current = self.power_cap / present
        if self.facts.pilot not in READY_STATES or self.facts.trip or self._dropped:
            self.wants_output = None
        else:
            self.wants_output = (voltage, 0.0 if self._car_error else current)
        self._silence.arm(now, t.REQUEST_SILENCE_LIMIT)
        self._respond(self.build.current_demand(self), 705, now)

    def _on_WeldingDetectionReq(self, req: Any, now: int) -> None:
        self._car_status(req.DC_EVStatus)
        if self.facts.pilot in READY_STATES:
            if not self._state_b.armed:
                self._state_b.arm(now, t.V2G_SECC_CPState_Detection_Timeout)
            elif self._state_b.expired(now):
                self._refuse(type(req), self.wire.responseCode.FAILED, StopReason.CAR_STOP, now, "car did not go to state B")
                return
        if self._measured(type(req), now):
            self._respond(self.build.welding_detection(self), 855, now)

    def _finish(self, now: int, paused: bool = False) -> None:
        """The car ends the session: why, as far as it has said."""
        self._switch_off()
        self._respond(self.build.session_stop(self), 905, now)
        reason = StopReason.CAR_STOP
        if self._car_error:
            reason = StopReason.CAR_ERROR
        elif paused:
            reason = StopReason.CAR_PAUSE
        elif self._complete:
            reason = StopReason.BATTERY_FULL
        self._end(reason, True)
