"""The estimated battery voltage: the sheet's tables 4.2 and 4.3 recomputed, the classes of 4.4.5 and their choice, the bias of 4.4.6."""
import math

import pytest

from kernel.settings import SettingsError, build, describe, to_dict
from tasks.bridge.config import BridgeConfig
from tasks.bridge.estimate import (CAN_SOC_ERROR, CELLS, CHOICES, CLASS_M, CLASS_N, CLASSES, FITS, GENERAL_ERROR, LEAF_UNKNOWN_ERROR, SURE, UNSURE_BIAS,
                                   Estimate, Traits, aim, along, automatic, ceiling, choose, clip, estimate, formula)

PERCENT = (0, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100)
TABLE_4_2 = {       # (target, profile): V, truncated
    (336, ""): (294, 296, 297, 300, 303, 306, 310, 314, 319, 324, 330, 336),
    (336, "plain"): (285, 286, 288, 291, 294, 297, 300, 304, 309, 314, 320, 326),
    (370, ""): (312, 314, 316, 319, 323, 326, 330, 335, 341, 346, 353, 360),
    (399, ""): (335, 337, 339, 343, 347, 351, 355, 361, 367, 373, 381, 389),
    (404, ""): (339, 341, 343, 347, 351, 355, 359, 366, 372, 378, 386, 394),
    (410, ""): (328, 331, 334, 339, 344, 349, 355, 363, 371, 379, 389, 400),
    (410, "av1"): (350, 354, 358, 366, 375, 377, 380, 383, 387, 391, 395, 400),
    (410, "plain"): (344, 346, 348, 352, 356, 360, 365, 371, 377, 384, 392, 400),
    (420, ""): (352, 354, 356, 361, 365, 369, 373, 380, 387, 393, 401, 410),
    (434, ""): (363, 366, 368, 372, 377, 381, 386, 392, 399, 406, 415, 424),
    (450, ""): (376, 379, 381, 386, 390, 395, 400, 407, 414, 422, 431, 440),
}
NOMINAL = {(336, ""): 310, (336, "plain"): 300.25, (370, ""): 330, (399, ""): 355.4, (404, ""): 359.75, (410, ""): 355, (410, "av1"): 380, (410, "plain"): 365,
           (420, ""): 373.75, (434, ""): 386, (450, ""): 400}

# Data points that stand in table 4.3: (percent, V)
LEAF_40 = ((0, 324), (100, 403))
LEAF_24 = ((7, 350), (17, 362), (38, 378), (73, 383), (88, 389))
LEXUS, SOUL, XPENG, I5 = ((65, 369), (47, 354)), ((51, 366), (57, 370), (71, 378)), ((49, 384), (67, 397), (82, 417)), ((21, 384),)
LOG_A, LOG_B = ((73, 374),), ((72, 380),)

ZE1, AZE0 = Traits(True, False, 35_400.0), Traits(False, True, 22_200.0)


N_4_4_5 = "0 % 3.375, 10 3.50, 20 3.55, 30 3.575, 40 3.60, 50 3.70, 60 3.75, 70 3.81, 80 3.93, 90 4.03, 100 4.19"
M_4_4_5 = "0 3.55, 7 3.645, 12 3.75, 17 3.77, 27 3.83, 37 3.93, 47 3.955, 55 3.98, 73 3.995, 88 4.07, 100 4.12"
"""As the sheet has them."""


def errors(curve, points):
    return [curve(soc) - voltage for soc, voltage in points]


def largest(curve, points):
    """V, with the sign of the estimate against the measurement."""
    return max(errors(curve, points), key=abs)


def by_formula(target, profile=""):
    return lambda soc: along(formula(target, profile), soc)


def by_class(corners, cells):
    return lambda soc: cells * along(corners, soc)


@pytest.mark.parametrize("target, profile, index", [(*row, index) for row in TABLE_4_2 for index in range(len(PERCENT))])
def test_table_4_2(target, profile, index):
    assert int(along(formula(target, profile), PERCENT[index])) == TABLE_4_2[target, profile][index]


@pytest.mark.parametrize("target, profile", TABLE_4_2)
def test_nominal_voltages_of_table_4_2(target, profile):
    assert along(formula(target, profile), 50) == pytest.approx(NOMINAL[target, profile], abs=0.06)


@pytest.mark.parametrize("curve, points, worst", [
    (by_formula(410, "av1"), LEAF_24, 6.2),
    (by_formula(410), LEAF_24, -29),
    (by_formula(420), SOUL, 9.7),
    (by_formula(434), XPENG, -8.4),
    (by_formula(450), I5, 2.5),
    (by_formula(404), LEXUS[:1], 0.2),             # its second point, 354 V at 47 %, is 4.6 V off: the sheet's 0.2 V cannot hold for both
    (by_formula(410, "av1"), LOG_A, 14),
    (by_formula(410), LOG_B, -7),
    (by_formula(410, "plain"), LEAF_40, 20.6),     # "formula without overrides, all 40 points": this one is the worst of them
    (by_class(CLASS_M, 96), LEAF_24, 1.7),         # the sheet has 2.3 V over all eleven points
    (by_class(CLASS_N, 96), LEXUS, -6),
    (by_class(CLASS_N, 108), I5, -0.3),
    (by_class(CLASS_N, 108), XPENG, 14.5),
])
def test_table_4_3_as_far_as_its_points_stand_in_the_sheet(curve, points, worst):
    assert largest(curve, points) == pytest.approx(worst, abs=0.05 if worst % 1 else 0.5)


@pytest.mark.parametrize("curve, points, at_most", [(by_formula(410), LEAF_40, 5.5), (by_class(CLASS_N, 96), LEAF_40, 3.6),
                                                    (by_class(CLASS_M, 96), LEAF_24, 2.3)])
def test_of_the_rest_the_points_that_stand_there_keep_the_limit(curve, points, at_most):
    assert abs(largest(curve, points)) <= at_most


@pytest.mark.parametrize("traits, points, way", [(ZE1, LOG_B, "n"), (AZE0, LOG_A, "m"), (ZE1, LEAF_40, "n"), (AZE0, LEAF_24, "m"),
                                                 (Traits(), LEAF_24, "formula"), (Traits(), LEAF_40, "formula"), (Traits(), LOG_A, "formula"),
                                                 (Traits(), LOG_B, "formula")])
def test_the_shown_error_holds_for_every_leaf_of_the_sheet(traits, points, way):
    for soc, voltage in points:
        e = estimate(410, soc, max_voltage=435, traits=traits)
        assert e.way == way and -e.too_high <= voltage - e.voltage <= e.too_low + 0.31       # 4.3 rounds 29.3 V to 29


@pytest.mark.parametrize("target, points", [(404, LEXUS), (420, SOUL), (434, XPENG), (450, I5)])
def test_the_shown_error_holds_for_every_other_car_of_the_sheet(target, points):
    for soc, voltage in points:
        e = estimate(target, soc)
        assert e.way == "formula" and e.error == GENERAL_ERROR and -e.too_high <= voltage - e.voltage <= e.too_low


def test_what_the_state_of_charge_by_can_costs_is_what_the_logs_show():
    n, m = abs(largest(by_class(CLASS_N, 96), LOG_B)), abs(largest(by_class(CLASS_M, 96), LOG_A))
    assert max(n - FITS["n", 410], m - FITS["m", 410]) == pytest.approx(CAN_SOC_ERROR, abs=0.1)


@pytest.mark.parametrize("target, traits, way", [
    (410, ZE1, "n"),
    (410, Traits(True, True, 24_000.0), "n"),         # 0x110 says more than the capacity
    (410, Traits(False, True, 32_100.0), "n"),        # more than 32 kWh
    (410, Traits(False, True, 32_000.0), "formula"),  # between 30 and 32 kWh nobody knows
    (410, Traits(False, True, 30_100.0), "formula"),
    (410, Traits(False, True, 30_000.0), "m"),
    (410, AZE0, "m"),
    (410, Traits(False, True, 0.0), "formula"),       # "but > 0"
    (410, Traits(False, True, None), "formula"),
    (410, Traits(False, False, 22_200.0), "formula"),
    (410, Traits(None, True, 22_200.0), "formula"),   # whether 0x110 comes is not known yet
    (410, Traits(), "formula"),
    (411, ZE1, "formula"),
    (336, ZE1, "formula"),
])
def test_the_rule_of_4_4_5(target, traits, way):
    assert automatic(target, traits) == way and choose(target, traits).way == way


def test_the_user_decides():
    assert [choose(410, ZE1, choice).way for choice in CHOICES] == ["n", "formula", "n", "m", "av1"]
    assert choose(410, AZE0, "formula").at(50) == 355 and choose(410, ZE1, "av1").at(50) == 380
    assert choose(410, ZE1, "m").at(0) == pytest.approx(96 * 3.55)
    assert choose(410, ZE1, "n", 98).at(100) == pytest.approx(98 * 4.19)


@pytest.mark.parametrize("target, cells", [(410, 96), (404, 96), (336, 80), (370, 88), (450, 108), (434, 108)])
def test_cells_are_known_by_the_target(target, cells):
    assert CELLS[target] == cells and choose(target, choice="n").at(0) == pytest.approx(cells * 3.375)


def test_a_class_without_its_cells_and_av1_of_another_target_are_the_formula():
    assert choose(420, choice="n").way == "formula" and choose(420, choice="n", cells=98).way == "n"       # Soul: 98 or 100 is not clear
    assert choose(450, choice="av1").way == "formula" and choose(450, choice="av1").at(50) == 400


@pytest.mark.parametrize("way, target, traits, error", [
    ("n", 410, Traits(), 12.0), ("m", 410, Traits(), 10.7), ("av1", 410, Traits(), 14.6), ("formula", 336, Traits(), 11.4), ("m", 336, Traits(), 15.0),
    ("n", 404, Traits(), 14.4), ("n", 434, Traits(), 22.9), ("n", 450, Traits(), GENERAL_ERROR), ("formula", 450, Traits(), GENERAL_ERROR),
    ("formula", 410, Traits(), LEAF_UNKNOWN_ERROR), ("auto", 410, ZE1, 12.0)])
def test_errors_per_way(way, target, traits, error):
    assert (LEAF_UNKNOWN_ERROR, GENERAL_ERROR) == (29.0, 20.6)               # table 4.3
    assert choose(target, traits, way).error == pytest.approx(error)


@pytest.mark.parametrize("corners", [CLASS_N, CLASS_M, *(formula(t, p) for t, p in TABLE_4_2), *(formula(t) for t in range(131, 1001, 7))])
def test_more_charge_is_more_voltage(corners):
    values = [along(corners, soc / 4) for soc in range(401)]
    assert values == sorted(values) and values[0] < values[-1]
    assert corners[0][0] == 0 and corners[-1][0] == 100


@pytest.mark.parametrize("corners, text", [(CLASS_N, N_4_4_5), (CLASS_M, M_4_4_5)])
def test_the_classes_are_those_of_4_4_5(corners, text):
    assert list(corners) == [tuple(float(number) for number in pair.replace("%", "").split()) for pair in text.split(",")]
    for (x0, y0), (x1, y1) in zip(corners, corners[1:]):
        assert along(corners, x0) == y0 and along(corners, (x0 + x1) / 2) == pytest.approx((y0 + y1) / 2)


def test_av1_has_its_step_at_29_percent():
    at = by_formula(410, "av1")
    assert at(29 - 1e-9) == pytest.approx(373) and at(29) == pytest.approx(375.1) and at(35) == pytest.approx(376.5)      # through (20, 373) and (50, 380)


def test_outside_of_its_corners_a_curve_stays():
    for corners in CLASSES.values():
        assert along(corners, -5) == corners[0][1] and along(corners, 105) == corners[-1][1]


def test_unsure_is_too_high_on_purpose():
    e = estimate(450, 50, max_voltage=460)
    assert (e.voltage, e.bias, e.error) == (405, UNSURE_BIAS, GENERAL_ERROR)
    assert e.too_low == pytest.approx(GENERAL_ERROR - 5) and e.too_high == pytest.approx(GENERAL_ERROR + 5)
    assert estimate(450, 50, max_voltage=460, bias=8).voltage == 408
    assert aim(400, SURE, "learned", 460).voltage == 400 and aim(400, SURE + 0.1, "learned", 460).voltage == 405
    assert aim(400, 20, "formula", None).voltage == 405


def test_an_error_smaller_than_the_bias_leaves_nothing_on_that_side():
    assert Estimate(405, 3, "learned", 5).too_low == 0 and Estimate(390, 3, "learned", -10).too_high == 0


def test_never_above_the_vehicles_limit():
    e = estimate(410, 100, max_voltage=410, choice="n")
    assert 96 * 4.19 < e.voltage < 410 and e.bias == 5
    tight = estimate(336, 100, max_voltage=338)
    assert tight.voltage == 338 and tight.bias == 2
    below = aim(400, 20, "formula", 390)
    assert below.voltage == 390 and below.bias == -10 and below.too_low == 30 and below.too_high == 10


@pytest.mark.parametrize("target, max_voltage, highest", [(410, 435, 435), (410, 410, 410), (410, 400, 411), (410, 0, 411), (410, None, 411),
                                                          (410, math.nan, 411), (None, 435, 435)])
def test_a_limit_below_the_target_is_none(target, max_voltage, highest):
    assert ceiling(target, max_voltage) == highest


@pytest.mark.parametrize("target, soc", [(None, 50), (410, None), (0, 50), (130, 50), (-5, 50), (math.nan, 50), (math.inf, 50),
                                         (410, math.nan), (410, math.inf)])
def test_nothing_to_estimate_from(target, soc):
    assert estimate(target, soc) is None


def test_the_smallest_battery_of_the_sheet_is_estimated():
    assert 150 < estimate(180, 50).voltage < 180         # a home-built vehicle of 166 V (log D)


def test_a_state_of_charge_above_100_is_clipped():
    assert estimate(410, 104) == estimate(410, 100) and estimate(410, -1) == estimate(410, 0)
    assert [clip(soc) for soc in (-1, 0, 0.5, 100, 104)] == [0, 0, 0.5, 100, 100]


def test_the_settings_know_the_same_choices_and_bias():
    entries = {entry.key: entry for entry in describe(BridgeConfig)}
    assert entries["voltage_curve"].choices == CHOICES and entries["estimate_bias_v"].default == UNSURE_BIAS and entries["match_v"].default == SURE
    assert build(BridgeConfig, to_dict(BridgeConfig()), {}, "x") == BridgeConfig()
    for entry in entries.values():
        assert len(entry.meaning) > 10 and (entry.low is None or entry.low <= entry.default <= entry.high)


@pytest.mark.parametrize("wrong, named", [({"min_voltage_v": 400, "max_voltage_v": 400}, "min_voltage_v = 400"),
                                          ({"max_voltage_v": 405, "strategy": "single"}, "assumed_target_voltage_v = 410"),
                                          ({"strategy": "single", "discovery_until": "k"}, "discovery_until = k")])
def test_settings_that_exclude_each_other(wrong, named):
    with pytest.raises(SettingsError) as caught:
        build(BridgeConfig, wrong, {}, "x")
    assert len(caught.value.problems) == 1 and named in caught.value.problems[0]


def test_what_a_strategy_does_not_use_forbids_nothing():
    assert build(BridgeConfig, {"max_voltage_v": 405}, {}, "x").max_voltage_v == 405
    assert build(BridgeConfig, {"discovery_until": "k", "strategy": "double"}, {}, "x").discovery_until == "k"
