"""Causes where the two have to agree on something: payment, service, kind of current, authorisation, parameters, voltage."""

from __future__ import annotations

from tasks.stop_reasons import StopReason as R
from tools.explain.causes.cause import INFERRED, SEEN, Cause, Found, seconds, stopped_at, told, volts
from tools.explain.causes.matching import REPLUG
from tools.explain.causes.messages import MODE_CODES, PARAMETER_CODES, PAYMENT_CODES, SEND, SERVICE_CODES
from tools.explain.evidence import Evidence, Side

LEAST_TARGET = 50.0  # V: a car that asks for less does not know its battery


def _payment(e: Evidence) -> Found | None:
    found = _failed(e, PAYMENT_CODES, "")
    contract = bool(e.payment) and "ExternalPayment" not in e.payment
    if found is not None:
        if contract:
            found.pro += ("the charger offers payment by contract alone (ServiceDiscoveryRes)",)
        return found
    if e.payment_chosen == "Contract" and not e.charged:
        return Found(SEEN + 10, "The car wants to pay by contract (Plug and Charge)", ("SelectedPaymentOption is Contract",))
    if contract and not e.charged:
        return Found(SEEN, "The charger offers payment by contract alone", ("no ExternalPayment in ServiceDiscoveryRes",))
    return None


def _service(e: Evidence) -> Found | None:
    return _failed(e, SERVICE_CODES, "") if e.first("failed", *SERVICE_CODES) else None


def _mode(e: Evidence) -> Found | None:
    found = _failed(e, MODE_CODES, "")
    if found is not None:
        found.pro += (f"the car asked for {e.mode_asked or 'an unknown mode'}, the charger offers {', '.join(e.modes_offered) or 'unknown modes'}",)
        return found
    dc_asked = e.mode_asked.startswith("DC")
    if e.modes_offered and not e.charged and not any(m.startswith("DC") for m in e.modes_offered) and (dc_asked or not e.mode_asked):
        return Found(SEEN + 10, f"The charger offers {', '.join(e.modes_offered)}, and nothing that this car can take")
    if e.mode_asked and e.modes_offered and e.mode_asked not in e.modes_offered and not e.charged:
        return Found(SEEN, f"The car asked for {e.mode_asked}, the charger offers {', '.join(e.modes_offered)}")
    return None


def _authorisation(e: Evidence) -> Found | None:
    step = stopped_at(e, "ContractAuthentication Authorization")
    if step is None or step.ongoing < 2 or e.charged:
        return None
    cut = e.ending.closed_by is Side.CHARGER and e.ending.closed_how == "RST"
    score = INFERRED if cut or step.took < 15 else SEEN + 5
    return Found(
        score,
        f"The authorisation was never finished: the charger said Ongoing {step.ongoing} times, for {seconds(step.took)}",
        ("18 to 28 s are usual at public chargers, the limit is 60 s",),
        (),
        step.ended,
    )


def _parameters(e: Evidence) -> Found | None:
    found = _failed(e, PARAMETER_CODES, "")
    if found is not None:
        return found
    step = stopped_at(e, "ChargeParameterDiscovery")
    if step is not None and step.ongoing >= 3 and step.took > 10 and not e.charged:
        return Found(
            SEEN, f"The charger did not finish ChargeParameterDiscovery: Ongoing for {seconds(step.took)}", ("its plant may be busy or off",), (), step.ended
        )
    return None


def _voltage(e: Evidence) -> Found | None:
    low, high, car = e.limits.charger_least_v, e.limits.charger_most_v, e.limits.car_most_v
    if e.charged or e.step("CurrentDemand"):
        return None
    target = e.limits.target_v
    if low is not None and car is not None and low > car or low is not None and target is not None and low > target + 5 > LEAST_TARGET:
        return Found(
            SEEN + 10, f"The charger begins at {volts(low)}, and the car takes at most {volts(car)}", ("EVSEMinimumVoltageLimit and EVMaximumVoltageLimit",)
        )
    if high is not None and target is not None and high < target - 5:
        return Found(SEEN + 10, f"The charger ends at {volts(high)}, and the car wants {volts(target)}")
    step = e.last_step
    if low is not None and low >= 300 and car is not None and low > 0.9 * car - 20 and step is not None and e.step("CableCheck") is None:
        return Found(
            INFERRED + 10,
            f"The charger begins at {volts(low)}, near the {volts(car)} that the car takes at most: its battery is probably below",
            (),
            ("the battery's voltage is not in the record",),
        )
    return None


def _failed(e: Evidence, codes: tuple[str, ...], what: str) -> Found | None:
    sign = e.first("failed", *codes)
    if sign is None:
        return None
    return told(
        e, sign, f"The charger answered {sign.text} in {sign.message}{what}", (f"{sign.message} with {sign.text}, {seconds(sign.at)} after the beginning",)
    )


CAUSES = (
    Cause(
        "payment_contract",
        Side.CHARGER,
        "one side wants a contract (Plug and Charge, which needs TLS and a certificate), the other pays at the charger",
        ("Switch Plug and Charge off in the car.", "Start with card or app.", "Use another charger."),
        "safety sheet 2 row 32",
        _payment,
        (r"charger does not offer ExternalPayment", r"car wants to pay by Contract"),
        (R.FAILED_RESPONSE,),
    ),
    Cause(
        "service_refused",
        Side.CAR,
        "the car asked for a service that this charger does not have",
        (REPLUG, SEND),
        "field sheet 7.3, Zoe",
        _service,
        (r"car asks for service",),
        (R.SEQUENCE_ERROR, R.FAILED_RESPONSE),
    ),
    Cause(
        "transfer_mode",
        Side.CHARGER,
        "this post does not offer the kind of current that this car takes here (AC alone, or other pins)",
        ("Use another plug of the charger, or another charger.",),
        "network sheet 3; safety sheet 2 row 6",
        _mode,
        (r"charger offers .*, this car takes", r"car asks for (?:AC|DC)_"),
        (R.NO_TRANSFER_MODE,),
    ),
    Cause(
        "authorisation_never",
        Side.PERSON,
        "nobody authorised at the charger in time, the card was refused, or its back end is not reached",
        ("Hold the card, or start in the app, before plugging in or at once after.", "Try another card, or another charger.", "Look at the charger's display."),
        "field sheet 7.2; slac-and-network.md 7.1",
        _authorisation,
        (r"state (?:ContractAuthentication|Authorization) took too long",),
        (R.ONGOING_TIMEOUT, R.READY_TO_CHARGE_TIMEOUT),
        9,
    ),
    Cause(
        "parameters_refused",
        Side.CHARGER,
        "the charger does not take the car's limits, or its plant is not ready",
        ("Own box: look at ev.max_voltage_v, ev.max_current_a and the optional fields.", REPLUG),
        "field sheet 7.1 issue 21; safety sheet 6, Plugit",
        _parameters,
        (r"state ChargeParameterDiscovery took too long",),
        (R.ONGOING_TIMEOUT,),
    ),
    Cause(
        "voltage_incompatible",
        Side.CHARGER,
        "the charger's range of voltage does not cover the battery",
        ("Use another charger: one for cars of this voltage.",),
        "safety sheet 6",
        _voltage,
        (r"charger delivers [\d.]+ to [\d.]+ V, battery has",),
        (R.INCOMPATIBLE_VOLTAGE,),
    ),
)
