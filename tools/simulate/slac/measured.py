"""SLAC of real cars and chargers as measured: the table of the slac-and-network sheet, section 8, row by row.

Times in ms, those whose name ends in _s in s, as they passed at the end where it was recorded: the charger's host when the car is the real
one, the car's host otherwise. `cnf` counts from the last CM_SLAC_PARM.REQ, START1 is the first CM_START_ATTEN_CHAR.IND, `modem_s` the
first answer of the remote modem. None: not measurable. pyPLC is not a peer of ours but who measured: one side of a row is real, in the last
row both. A test holds the rows to the sheet and, where the capture is at hand, to what its frames say.
"""
from __future__ import annotations

from dataclasses import dataclass

PYPLC = "pyPLC"


@dataclass(frozen=True, slots=True)
class Row:
    """One matching. `capture` is the beginning of the recording's name, `place` which of its matchings."""

    name: str
    capture: str
    place: int
    car: str
    charger: str
    cnf: float                             # PARM.REQ -> PARM.CNF
    start: float                           # PARM.CNF -> START1
    start_gap: float
    sound1: float                          # START3 -> the first sound
    sound_gap: tuple[float, float, float]  # median, least, most
    ind: float                             # the last sound -> ATTEN_CHAR.IND
    ind_from_start: float                  # START1 -> ATTEN_CHAR.IND
    sounds: int                            # NUM_SOUNDS of the ATTEN_CHAR.IND: so many were averaged
    db: float                              # mean of the 58 groups that it reports
    rsp: float                             # ATTEN_CHAR.IND -> ATTEN_CHAR.RSP
    match: float                           # ATTEN_CHAR.RSP -> MATCH.REQ
    match_from_start: float                # START1 -> MATCH.REQ
    matched: float                         # MATCH.REQ -> MATCH.CNF
    modem_s: float | None                  # all of these from MATCH.CNF on
    sdp_request_s: float | None
    sdp_response_s: float | None
    syn_s: float | None
    total_s: float                         # the last PARM.REQ -> MATCH.CNF

    @property
    def real(self) -> tuple[str, ...]:
        """Which of its ends is real: "car", "charger"."""
        return tuple(side for side, who in (("car", self.car), ("charger", self.charger)) if who != PYPLC)


ROWS = (
    Row("alpitronic-dehner", "2022-11-17_Dehner_Alpitron", 1, "pyPLC", "alpitronic",
        5.6, 149, 32, 62, (31, 28, 35), 7.6, 418, 10, 11.4, 31, 973, 1422, 5.4, 6.36, 6.98, None, None, 1.58),
    Row("abb", "2022-11-25_v0.2_ABB_until_", 1, "pyPLC", "ABB Terra",
        5.6, 259, 32, 93, (31, 28, 36), 608, 1045, 10, 22.1, 27, 958, 2030, 5.4, 7.81, 8.17, 8.60, 13.66, 2.30),
    Row("alpitronic-sdp", "2022-11-25_v0.2_alpi_SDP_o", 1, "pyPLC", "alpitronic",
        38, 242, 31, 93, (31, 30, 36), 7.4, 449, 10, 11.7, 30, 1023, 1502, 5.5, 6.48, 6.87, 7.94, 13.02, 1.79),
    Row("compleo-delivery", "2022-12-13_compleo_powerde", 1, "pyPLC", "Compleo",
        5.1, 89, 31, 62, (31, 27, 36), 201, 611, 10, 21.6, 23, 975, 1609, 5.3, 7.77, 8.23, 8.98, 10.15, 1.71),
    Row("compleo-late-cnf", "2022-12-13_compleo_powerde", 2, "pyPLC", "Compleo",
        216, 97, 31, 62, (31, 30, 35), 200, 609, 10, 22.6, 24, 960, 1592, 5.3, 7.78, 8.23, 8.74, 9.71, 1.91),
    Row("compleo-bulb", "2022-12-13_compleo_with_bu", 1, "pyPLC", "Compleo",
        5.1, 88, 31, 62, (32, 24, 35), 197, 607, 10, 21.0, 27, 975, 1609, 5.3, 7.82, 8.26, 8.77, 9.74, 1.71),
    Row("alpitronic-2022", "2022-12-20_alpi_currentDem", 1, "pyPLC", "alpitronic",
        6.9, 85, 32, 62, (32, 25, 36), 20, 432, 10, 8.7, 21, 976, 1428, 7.3, 6.49, 6.96, 7.51, 8.49, 1.53),
    Row("tesla-v3", "2023-03-02_SuperCharger_Ca", 1, "pyPLC", "Tesla V3",
        8.5, 81, 31, 63, (31, 28, 36), 9.4, 420, 10, 17.3, 28, 978, 1426, 6.0, 6.53, 7.01, 7.53, 8.79, 1.52),
    Row("ioniq-loop", "2023-04-16_at_home_Ioniq_i", 1, "Hyundai Ioniq", "pyPLC",
        91, 125, 19.9, 40, (19.9, 18.7, 22), 115, 375, 10, 9.6, 46, 799, 1220, 89, None, 4.12, 4.14, 4.72, 1.53),
    Row("compleo-2023", "2023-04-19_compleo_pyPlc_l", 1, "pyPLC", "Compleo",
        5.0, 87, 31, 62, (31, 29, 33), 203, 609, 10, 18.9, 19.0, 969, 1597, 5.1, 6.63, 6.82, 7.38, 8.38, 1.69),
    Row("compleo-hiccup", "2023-04-19_compleo_pyPlc_l", 2, "pyPLC", "Compleo",
        5.1, 94, 32, 62, (31, 29, 552), 92, 1020, 9, 18.5, 30, 1469, 2519, 5.1, 40.49, 41.05, 41.06, 6.73, 2.62),
    Row("alpitronic-westpark", "2023-04-19_westparkAlpi_py", 1, "pyPLC", "alpitronic",
        5.2, 90, 30, 62, (32, 28, 34), 6.8, 409, 10, 8.4, 28, 967, 1404, 5.3, 6.55, 6.86, 7.45, 8.47, 1.50),
    Row("alpitronic-hiccup", "2023-04-19_westparkAlpi_py", 2, "pyPLC", "alpitronic",
        6.8, 83, 31, 62, (31, 26, 558), 167, 1098, 2, 9.1, 24, 1466, 2589, 5.3, 8.27, 8.66, 8.66, 7.15, 2.68),
    Row("ioniq-home-1", "2023-04-24_atHome_Ioniq_wi", 1, "Hyundai Ioniq", "pyPLC",
        74, 134, 19.9, 40, (20, 19.8, 21), 93, 354, 10, 9.6, 46, 820, 1220, 70, None, 4.12, 4.18, 4.80, 1.50),
    Row("ioniq-home-2", "2023-04-24_atHome_Ioniq_wi", 2, "Hyundai Ioniq", "pyPLC",
        97, 110, 19.9, 40, (20, 19.8, 20), 52, 312, 10, 9.6, 48, 860, 1220, 29, None, 4.12, 4.22, 4.85, 1.46),
    Row("ioniq-home-3", "2023-04-24_atHome_Ioniq_wi", 3, "Hyundai Ioniq", "pyPLC",
        53, 155, 19.9, 40, (20, 16.5, 24), 51, 311, 10, 9.6, 49, 863, 1223, 22, None, 4.12, 4.15, 4.78, 1.45),
    Row("ioniq-home-26", "2023-04-26_atHome_IoniqWit", 1, "Hyundai Ioniq", "pyPLC",
        78, 132, 20, 40, (20, 19.8, 20), 109, 369, 10, 9.6, 51, 800, 1220, 93, None, 4.12, 4.22, 4.85, 1.52),
    Row("ioniq-93", "2023-05-24_pyPlc_with_Ioni", 1, "Hyundai Ioniq", "pyPLC",
        72, 136, 19.9, 40, (20, 19.8, 20), 49, 309, 10, 9.6, 50, 860, 1220, 34, None, 4.12, 4.22, 4.85, 1.46),
    Row("model-y", "2024-04-20_ModelY_pyPLC_st", 1, "Tesla Model Y", "pyPLC",
        116, 113, 24, 24, (24, 24, 24), 97, 385, 10, 9.6, 6.8, 816, 1207, 27, None, 0.43, 0.49, 0.55, 1.46),
    Row("polestar-2-2024-06-11", "2024-06-11_Griffigroen_pol", 1, "Polestar 2", "pyPLC",
        35, 188, 41, 40, (40, 38, 41), 21, 502, 10, 9.6, 6.7, 1012, 1521, 48, None, 0.55, 0.60, 1.23, 1.79),
    Row("polestar-2-2024-06-18", "2024-06-18_Griffigroen_pyP", 1, "Polestar 2", "pyPLC",
        20, 215, 40, 40, (40, 40, 40), 111, 591, 10, 9.6, 6.7, 922, 1520, 100, None, 0.54, 0.57, 1.22, 1.86),
    Row("model-x", "2025-07-22_pyPLC_with_tesl", 1, "Tesla Model X", "pyPLC",
        137, 125, 26, 25, (25, 22, 26), 148, 446, 10, 9.6, 17.2, 745, 1208, 155, None, 0.72, 0.73, 0.74, 1.62),
    Row("ioniq-foccci-1", "2026-02-03_pyPLC_FoccciCap", 1, "Hyundai Ioniq", "pyPLC",
        79, 77, 20, 40, (20, 17.8, 22), 10.0, 271, 10, 9.6, 49, 900, 1220, 63, None, 4.12, 4.13, 4.75, 1.44),
    Row("ioniq-foccci-2", "2026-02-03_pyPLC_FoccciCap", 2, "Hyundai Ioniq", "pyPLC",
        30, 179, 20, 40, (20, 16.9, 23), 76, 336, 10, 9.6, 54, 830, 1220, 47, None, 4.12, 4.21, 4.82, 1.48),
    Row("audi-q4-1", "2026-02-08_pyPLC_FoccciCap", 1, "Audi Q4", "pyPLC",
        180, 59, 40, 39, (40, 36, 44), 13.3, 492, 10, 9.6, 12.2, 6.0, 510, 167, None, 7.16, 19.94, 20.01, 0.92),
    Row("audi-q4-2", "2026-02-08_pyPLC_FoccciCap", 2, "Audi Q4", "pyPLC",
        83, 157, 40, 42, (40, 37, 43), 180, 661, 10, 9.6, 18.8, 3.2, 683, 67, None, 3.14, 3.28, 3.33, 0.99),
    Row("audi-q4-3", "2026-02-08_pyPLC_FoccciCap", 3, "Audi Q4", "pyPLC",
        41, 198, 40, 39, (40, 37, 44), 50, 529, 10, 9.6, 13.7, 8.7, 551, 65, None, 3.27, 3.40, 3.47, 0.85),
    Row("ioniq-hyc150", "spi_ioniq_alpiHYC150_maker", 1, "Hyundai Ioniq", "alpitronic HYC150",
        9.9, 200, 20, 40, (20, 20, 20), 20, 280, 10, 19.4, 50, 890, 1220, 10.0, None, 4.11, 4.18, 4.75, 1.44),
)
"""Two notes of the sheet. compleo-hiccup, alpitronic-hiccup: the sounds of the measuring car paused 552 and 558 ms; these chargers then averaged what they had
at START1 + 610 and 690 ms, said so three times 205 ms apart, and `ind_from_start` is the third; what follows MATCH.CNF in these two rows is of other attempts.
compleo-late-cnf: 216 ms is beyond TT_match_response, and the answer was taken."""

EQUIPMENT = (
    Row("josev-din", "DIN_DC_DS5366_Josev", 1, "Josev", "DS5366",
        49.5, 309, 20.6, 20.4, (20.5, 20.2, 20.7), 50.5, 297, 10, 11.0, 8.5, 502, 808, 50.1, None, None, None, None, 1.22),
    Row("josev-20-ac", "ISO-20_BPT_AC_DS5366_Josev", 1, "Josev", "DS5366",
        49.8, 311, 21.1, 21.0, (20.6, 20.4, 20.8), 50.3, 299, 10, 11.7, 11.4, 501, 812, 49.4, None, None, None, None, 1.22),
    Row("josev-20-tls", "ISO-20_mTLS_DC_DS5366_Josev", 1, "Josev", "DS5366",
        49.7, 310, 21.1, 21.1, (20.9, 20.8, 21.3), 51.2, 303, 10, 22.0, 6.6, 501, 811, 49.5, None, None, None, None, 1.22),
    Row("ds5366-ac", "ISO-2_AC_DS5366", 1, "DS5366", "DS5366",
        50.0, 110, 23.3, 20.4, (23.0, 22.8, 23.1), 50.9, 325, 10, 15.6, 60.1, 91.0, 476, 49.9, None, None, None, None, 0.69),
    Row("risev2g-bdx", "ISO-2_DC_BatteryDataExchange", 1, "RiseV2G", "DS5366",
        49.4, 8.1, 26.6, 32.5, (31.2, 21.4, 33.6), 51.0, 411, 10, 20.4, 8.5, 2.1, 422, 49.4, None, None, None, None, 0.53),
    Row("ds5366-dc", "ISO-2_DC_DS5366.", 1, "DS5366", "DS5366",
        49.5, 109, 23.1, 21.0, (23.0, 22.7, 23.3), 50.6, 325, 10, 13.8, 58.4, 90.9, 474, 49.6, None, None, None, None, 0.68),
    Row("risev2g-pnc", "ISO-2_DC_PnC_TLS_Contract", 1, "RiseV2G", "DS5366",
        50.1, 7.0, 21.2, 20.7, (21.0, 20.7, 22.1), 50.3, 303, 10, 11.8, 8.2, 2.1, 313, 49.6, None, None, None, None, 0.42),
)
"""Not in the sheet: the same columns measured in the recordings of test equipment (README of the captures). Both ends are other people's
software, none a product: the charger is always the tester DS5366; none of these cars waits for TT_EV_atten_results."""


def row(name: str) -> Row:
    """The row of this name."""
    return next(r for r in (*ROWS, *EQUIPMENT) if r.name == name)
