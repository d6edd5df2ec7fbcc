"""Judgements of single captures: differences that a general rule cannot know, each with its reason.

Key: a part of the capture's name, and our side. Value: rules (field, verdict, reason, recorded, ours) that come before the general ones.
"""
from __future__ import annotations

from tests.replay.result import Verdict

OTHER, BETTER, WORSE = Verdict.OTHER, Verdict.BETTER, Verdict.WORSE

EXPLAINED: dict[tuple[str, str], list[tuple[str, Verdict, str, str, str]]] = {
    ("2022-11-25_v0.2_ABB", "car"): [
        ("end", BETTER, "asks for authorisation, which the recorded car had left out (the charger closed at its next request)", ".*",
         "asks ContractAuthenticationReq.*"),
    ],
    ("2022-12-20_alpi", "car"): [
        ("end", BETTER, "asks for power; the recorded car's PowerDeliveryReq said the contrary by mistake (field sheet 11), so no answer is known", ".*",
         r"asks PowerDeliveryReq\(start\).*"),
    ],
    ("2026-02-08_pyPLC_FoccciCape_AudiQ4", "car"): [
        ("end", BETTER, "goes on to precharge after Finished with EVSE_NotReady; the recorded car waited for a minute and gave up", ".*",
         "asks PreChargeReq.*"),
    ],
    ("DIN_DC_DS5366_Josev", "car"): [
        (r"PreChargeReq\.EVTargetVoltage", OTHER, "the test equipment went on far below its target; the battery of the replay has what it came to",
         ".*", ".*"),
    ],
}
