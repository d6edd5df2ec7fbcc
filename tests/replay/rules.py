"""What to think of a difference: the first rule that fits gives verdict and reason; what none fits stays unexplained and fails the test.

A rule is general: it may name messages and values, never a capture. Judgements of a single capture are in explained.py.
"""
from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from tests.replay.compare import ABSENT, number
from tests.replay.explained import EXPLAINED
from tests.replay.result import Difference, Result, Verdict

EQUAL, OTHER, BETTER, WORSE = Verdict.EQUAL, Verdict.OTHER, Verdict.BETTER, Verdict.WORSE
Test = Callable[[str, str], bool]


@dataclass(frozen=True, slots=True)
class Rule:
    """`field`, `recorded`, `ours`: regular expressions of the whole text; `when` judges both values besides."""

    field: str
    verdict: Verdict
    reason: str
    recorded: str = ".*"
    ours: str = ".*"
    when: Test | None = None
    side: str = ""

    def fits(self, d: Difference, side: str) -> bool:
        return (self.side in ("", side) and re.fullmatch(self.field, d.field) is not None and re.fullmatch(self.recorded, d.recorded) is not None
                and re.fullmatch(self.ours, d.ours) is not None and (self.when is None or self.when(d.recorded, d.ours)))


def within(limit: float) -> Test:
    """Both are numbers and differ by no more than `limit`."""
    def test(recorded: str, ours: str) -> bool:
        a, b = number(recorded), number(ours)
        return a is not None and b is not None and abs(a - b) <= limit + 1e-9
    return test


def soon(recorded: str, ours: str) -> bool:
    """Ours took no more than 3 s: a second of measuring, the ramps, and the rhythm of the car's questions."""
    return (number(ours) or 0.0) <= 3.0


def unhurried(recorded: str, ours: str) -> bool:
    """Ours leaves the charger time to answer and stays far below its patience (60 s, V2G_SECC_Sequence_Timeout)."""
    return 50.0 <= (number(ours) or 0.0) <= 2000.0


def more(recorded: str, ours: str) -> bool:
    """Ours is the greater number."""
    a, b = number(recorded), number(ours)
    return a is not None and b is not None and b > a


def less(recorded: str, ours: str) -> bool:
    """Ours is the smaller number."""
    return more(ours, recorded)


NONE = re.escape(ABSENT)
SOME = r"[^-].*"                # anything that is there
RESOLUTION = 0.1

CHARGER = [
    # --- what is said at all
    Rule(r"\w+Res\.answer", BETTER, "answers where the recorded charger left the car without an answer", "none", r"\w+Res"),
    Rule(r"\w+\.duration", OTHER, "how long to authorise, to measure, to prepare is the charger's own (evse.authorisation_delay_ms, isolation_measure_ms)",
         when=soon),
    Rule(r"CableCheckRes\.EVSEProcessing", BETTER, "the insulation is measured before Finished; the recorded charger finished without measuring",
         "Finished", "Ongoing"),
    Rule(r"supportedAppProtocolRes\.(ResponseCode|SchemaID)", WORSE, "ISO 15118-20 is not supported (README)", "OK_SuccessfulNegotiation|[0-9]+",
         f"Failed_NoNegotiation|{NONE}"),
    # --- measured values and limits
    Rule(r"\w+\.EVSEPresent(Voltage|Current)", EQUAL, "the same within our resolution of 0.1", when=within(RESOLUTION)),
    Rule(r"\w+\.EVSEMaximum(Voltage|Current|Power)Limit", OTHER, "optional: told in each CurrentDemandRes", NONE),
    Rule(r"CurrentDemandRes\.EVSEMaximum(Voltage|Current|Power)Limit", OTHER, "the recorded charger had less to give at that time", when=more),
    Rule(r"CurrentDemandRes\.EVSEPowerLimitAchieved \(beyond\)", BETTER, "the car asks for more power than was announced, and is told so", "False", "True"),
    Rule(r"CurrentDemandRes\.EVSECurrentLimitAchieved", BETTER, "true only where the car asks for more current than was announced", "True", "False"),
    Rule(r".*\.SAScheduleTupleID", BETTER, "schedule id 0 is refused by iso15118 (peers sheet)", "0"),
    Rule(r".*\.PMax", BETTER, "PMax is the announced power; the recorded one cannot be meant", r"-?[0-9]{1,2}|-[0-9]+"),
    Rule(r".*\.SASchedules\..*", BETTER, "a schedule is sent: BMW iX and Togg stop without one (field sheet 7.1)", NONE, SOME),
    Rule(r".*\.SASchedules\..*", OTHER, "ids, duration and PMax (voltage by current by phases) of the schedule are the charger's own", SOME, SOME),
    # --- status
    Rule(r"\w+\.DC_EVSEStatus\.EVSEStatusCode", BETTER,
         "EVSE_Ready once the cable check has finished: an Audi Q4 waits for ever after NotReady (field sheet 7.1)",
         "EVSE_NotReady", "EVSE_Ready"),
    Rule(r"CableCheckRes\..*EVSEStatusCode", OTHER, "EVSE_IsolationMonitoringActive while the insulation is measured",
         "EVSE_(NotReady|Ready)", "EVSE_IsolationMonitoringActive"),
    Rule(r".*\.EVSEChargeParameter\.DC_EVSEStatus\.EVSEStatusCode", OTHER, "nothing stands in our way: EVSE_Ready", "EVSE_NotReady", "EVSE_Ready"),
    Rule(r"PreChargeRes\..*EVSEStatusCode", OTHER, "the recorded charger had a fault of its own", "EVSE_(EmergencyShutdown|Malfunction)", "EVSE_Ready"),
    Rule(r"CurrentDemandRes\..*EVSEStatusCode \(FAILED\)", OTHER, "in a FAILED response, which ends the session all the same", "EVSE_Shutdown", "EVSE_Ready"),
    Rule(r"(PowerDelivery|WeldingDetection)Res\..*EVSEStatusCode", OTHER, "EVSE_Shutdown stays until the end, as with an alpitronic",
         "EVSE_(Not)?Ready", "EVSE_Shutdown"),
    Rule(r".*EVSEIsolationStatus", OTHER, "optional: told", NONE, "Invalid|Valid"),
    Rule(r"(ChargeParameterDiscovery|CableCheck)Res\..*EVSEIsolationStatus", BETTER, "Invalid until it has been measured", "Valid|No_IMD", "Invalid"),
    Rule(r".*EVSEIsolationStatus", OTHER, "the recorded insulation was poorer; ours is given a sound one", "Warning", "Valid"),
    Rule(r".*\.(EVSENotification|NotificationMaxDelay)", OTHER, "EVSE_Shutdown says it; a notification beside it is an alpitronic's habit",
         "StopCharging|[0-9]+", "None|0"),
    # --- optional fields and ids
    Rule(r"SessionSetupRes\.ResponseCode", OTHER, "the code for a new session; cars take OK as well", "OK", "OK_NewSessionEstablished"),
    Rule(r".*\.(DateTimeNow|EVSEEnergyToBeDelivered|EVSECurrentRegulationTolerance)", OTHER, "optional: not sent", ours=NONE),
    Rule(r".*\.ReceiptRequired", OTHER, "optional: told", NONE, "False"),
    Rule(r"ServiceDiscoveryRes\..*FreeService", OTHER, "nothing to pay for here (evse.authorisation_delay_ms 0)", "False", "True"),
    Rule(r"ServiceDiscoveryRes\.ServiceList\..*", OTHER, "no value added services", ours=NONE),
    Rule(r".*\.ServiceID( \(FAILED\))?", OTHER, "ids are the charger's own", SOME, SOME),
]
CAR = [
    # --- what is said at all
    Rule(r"supportedAppProtocolReq\.chosen", WORSE, "ISO 15118-20 is not supported (README)"),
    Rule(r"supportedAppProtocolReq\.AppProtocol\..*", OTHER, "our own offers, numbered by us"),
    Rule(r"\w+\.rhythm", OTHER, "how often it asks is the car's own (ev.current_demand_interval_ms, ev.repeat_interval_ms)", when=unhurried),
    Rule(r"SessionSetupReq\.SessionID", OTHER, "no session yet: zero in 8 octets, as an Ioniq writes it", "00"),
    Rule(r"\w+\.SessionID", BETTER, "the charger's session id is kept, whatever its length", "(deadbeef)+"),
    Rule(r"SessionSetupReq\.EVCCID", BETTER, "chargers abort when EVCCID is empty (pyPLC issue 20)", ""),
    # --- optional fields
    Rule(r"ChargeParameterDiscoveryReq\..*(SOC|EVEnergyCapacity|EVEnergyRequest|EVMaximumPowerLimit)", BETTER,
         "told: chargers abort when the optional fields are missing (pyPLC issue 21)", NONE),
    Rule(r".*\.(EVCabinConditioning|EVRESSConditioning|ServiceCategory|EVMaximumPowerLimit|RemainingTimeTo\w+|MaxEntriesSAScheduleTuple)", OTHER,
         "optional: told", NONE),
    Rule(r"PowerDeliveryReq\.ChargingProfile\..*", OTHER, "optional: what of the schedule we mean to use"),
    Rule(r".*\.DepartureTime", OTHER, "optional: not known here", ours=NONE),
    Rule(r"PaymentServiceSelectionReq\..*ServiceID", OTHER, "no value added services", ours=NONE),
    # --- values
    Rule(r".*\.EVEnergyRequest", OTHER, "counted up to the SoC at which charging ends; the recorded car counts otherwise", ours="[0-9].*"),
    Rule(r".*\.EAmount", OTHER, "the amount of ev.energy_capacity_wh: the recorded car told no capacity"),
    Rule(r".*\.RemainingTimeTo\w+", OTHER, "from the power of the moment; the recorded car estimates otherwise", SOME, SOME),
    Rule(r"PreChargeReq\.EVTargetCurrent", OTHER, "ev.precharge_current_a; the standard allows up to 2 A", ours=r"[0-2](\.[0-9])? A"),
    Rule(r"CurrentDemandReq\.EVTargetCurrent", EQUAL, "the same within our resolution of 0.1", when=within(RESOLUTION)),
    Rule(r"CurrentDemandReq\.EVTargetCurrent \(beyond\)", BETTER, "no more than the charger announced; the recorded car asks for more than that", when=less),
    Rule(r".*\.EVRESSSOC", EQUAL, "one step of the SoC sooner or later", when=within(1.0)),
    Rule(r".*\.(Bulk)?ChargingComplete", OTHER, "complete is what ended it, bulk what ev.bulk_soc_percent says", "True|False", "True|False"),
    Rule(r"PreChargeReq\.EVTargetVoltage", EQUAL, "one voltage of the battery for the whole precharge", when=within(1.0)),
    Rule(r"(ChargeParameterDiscovery|PowerDelivery|WeldingDetection)Req\..*EVReady", OTHER,
         "EVReady from the cable check to the end of charging, as an Ioniq has it before",
         "True", "False"),
    Rule(r".*\.EVMinCurrent", OTHER, "the least that ev.ac_min_current_a allows"),
]
LINE = [
    # --- matching
    Rule(r"CM_SLAC_MATCH\.CNF\.(nid|nmk)", OTHER, "a key of our own", ours="[0-9a-f]{14}|[0-9a-f]{32}"),
    Rule(r"CM_MNBC_SOUND\.IND\.random", OTHER, "random numbers"),
    Rule(r"CM_SLAC_PARM\.CNF\.run_id \(echoed\)", BETTER, "the car's RunID is echoed; the car ignored the recorded answer"),
    Rule(r"CM_(\w+)\.(REQ|IND|RSP)\.run_id", OTHER, "a new RunID for each attempt", side="car"),
    Rule(r"CM_START_ATTEN_CHAR\.IND\.time_out", BETTER, "TIME_OUT as CM_SLAC_PARM.CNF says", "10", "6"),
    Rule(r"CM_ATTEN_CHAR\.IND\.attenuation", OTHER, "what the modem measured, without a calibration of the receive path (slac.rx_attenuation_db)",
         ours=r"[0-9.]+ dB, 58 groups"),
    Rule(r"CM_SLAC_PARM\.REQ\.count", OTHER, "how often it asks is the car's own (slac.parm_cadence_ms)"),
    Rule(r"CM_SLAC_PARM\.CNF\.count", BETTER, "each request is answered, from the first on", ours="more"),
    Rule(r"CM_SLAC_PARM\.CNF\.answer", BETTER, "answers where the recorded charger did not", "none"),
    Rule(r"CM_ATTEN_CHAR\.IND\.answer", BETTER, "answers where the recorded charger did not", "none"),
    Rule(r"CM_\w+\.(REQ|IND|RSP)\.answer", OTHER, "the recorded car's half is not in the capture, or it broke off", "none", side="car"),
    # --- network
    Rule(r"SDP response\.security", BETTER, "answers where the recorded charger did not", "no answer", "none"),
    Rule(r"SDP response\.security", WORSE, "TLS is not supported (README): a connection without it is offered", "TLS", "none"),
    Rule(r"SDP request\.security", WORSE, "TLS is not supported (README): never asked for", "TLS", "none"),
    Rule(r"SDP response\.use", WORSE, "TLS is not supported (README): an answer that offers only TLS is of no use", "taken", "refused"),
    Rule(r"SDP request\.count", OTHER, "asks every 250 ms until answered", ours="more"),
    Rule(r"SYN\.port", BETTER, "connects to the port that the SDP response names; the recorded car's was refused"),
    Rule(r"TLS\.answer", WORSE, "TLS is not supported (README): the session ends with a reason", ours="closes the connection"),
]


ENDS = [
    # matching, SDP, TCP, TLS
    (r"matched", r"matched", EQUAL, ""),
    (r"stops after .*", r"waits in state .*", EQUAL, ""),
    (r"answered|refused", r"answered|refused", EQUAL, ""),
    (r"discovered", r"discovered", EQUAL, ""),
    (r"no answer", r"No SDP answer", EQUAL, ""),
    (r"no answer", r"answered", BETTER, "answers where the recorded charger did not"),
    (r"discovered", r"No SDP answer", WORSE, "TLS is not supported (README): an answer that offers only TLS is of no use"),
    (r"TLS handshake", r"Bad message .*", WORSE, "TLS is not supported (README): the session ends with a reason"),
    (r"", r"silent", EQUAL, ""),
    # sessions
    (r".*SessionStop exchanged", r".* \(in order\)", EQUAL, ""),
    (r".*(the capture ends here|no more messages seen).*", r"asks .* when the recording has ended|goes on in state .*", EQUAL, ""),
    (r".*after SessionStopRes", r"No protocol .*", WORSE, "ISO 15118-20 is not supported (README)"),
    (r".*FAILED_UnknownSession", r"Unknown session .*", BETTER, "ends at the first foreign session id, with a reason, instead of going on for half a minute"),
    (r".*FAILED_SequenceError.*", r"Sequence error .*", EQUAL, ""),
    (r"ChargeParameterDiscoveryReq was not answered; charger \(FIN\).*", r"Sequence error .*", BETTER,
     "says FAILED_SequenceError and why, where the recorded charger only closed"),
    (r".* was not answered; car .*", r"(Timeout|TCP closed|TCP reset) .*", EQUAL, ""),
    (r"charger \(FIN\) closed the connection after CurrentDemandRes", r"goes on in state CurrentDemand", OTHER,
     "the recorded charger closed in the loop; ours has no reason to"),
    (r"charger reports EVSE_EmergencyShutdown.*", r"goes on in state PowerDelivery", OTHER, "the recorded charger had a fault of its own; ours precharges on"),
    (r"charger reports EVSE_EmergencyShutdown.*", r"Charger emergency \(in order\)", BETTER, "ends in order, with the reason"),
    (r"charger \(FIN\) closed the connection after \w+Res.*", r"TCP closed .*", EQUAL, ""),
]
"""How the recorded session ended (in the listener's words), how ours: verdict and reason; the first that fits."""


def _rules(result: Result) -> list[Rule]:
    if result.part != "V2G":
        return LINE
    return CHARGER if result.side == "charger" else CAR


def judge(result: Result, capture: str) -> None:
    """Verdict and reason of every difference of `result`, and of its end; a capture's own judgements come first."""
    own = [rule for (name, side), rules in EXPLAINED.items() if name in capture and side == result.side for rule in rules]
    rules = [Rule(*each) for each in own] + _rules(result)
    result.remarks += _end(result)
    for d in result.differences():
        if d.verdict is Verdict.UNEXPLAINED:
            for rule in rules:
                if rule.fits(d, result.side):
                    d.verdict, d.reason = rule.verdict, rule.reason
                    break


def _end(result: Result) -> list[Difference]:
    """How the two ended, as a difference unless it is the same kind of end."""
    if not result.fed and not result.answers:
        return []                                            # nothing was played
    short = result.recorded_end.partition(";")[0] if "SessionStop exchanged" not in result.recorded_end else result.recorded_end
    for recorded, ours, verdict, reason in ENDS:
        if re.fullmatch(recorded, result.recorded_end) and re.fullmatch(ours, result.end):
            return [] if verdict is EQUAL else [Difference("end", short, result.end, verdict, reason)]
    return [Difference("end", short, result.end)]
