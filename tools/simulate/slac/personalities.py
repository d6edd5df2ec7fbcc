"""The personalities: each row of `measured.ROWS` as its real side, the special sessions of section 8.1, and peers that only have a rule.

What the table does not say comes from the sheet's notes (sections named). A peer that is only known by rule has the standard's times.
"""
from __future__ import annotations

from tools.simulate.slac.habits import MAC_AND_ZEROS, RANDOM, CarHabits, ChargerHabits
from tools.simulate.slac.measured import EQUIPMENT, ROWS, Row

RUN_IDS = {"Hyundai Ioniq": MAC_AND_ZEROS, "Tesla Model Y": "TESLA EV", "Tesla Model X": "TESLA EV"}     # sheet 2.2; all others random
# sheet 2.2: the Audi decides 3 to 9 ms after its RSP, the equipment 2 to 502 ms; all others wait for their timer
EARLY = frozenset({"Audi Q4", "DS5366", "Josev", "RiseV2G"})
ONE_REQUEST = frozenset({"ioniq-loop"})          # its capture has one CM_SLAC_PARM.REQ; the other Ioniqs' two
TWICE_MS = 10.0                                  # sheet 2.8 row 2: 7 to 15 ms apart
WHOLE_TIME = frozenset({"Compleo"})              # sheet 8: IND at START1 + 600 ms, although all sounds have come
QUICK_START_MS = 250.0                           # sheet 2.8 row 4: Supercharger and Compleo, no answer to a later START
QUICK_START = frozenset({"Compleo", "Tesla V3"})
ABB = "ABB Terra"                                # sheet 2.8 row 3: TIME_OUT x 100 ms after the last sound
ABB_TIME_OUT_MS = 600.0                          # what it was told by the car of its row
PARTIAL_MS = {"compleo-hiccup": 610.0, "alpitronic-hiccup": 690.0}       # START1 -> the first of three IND; the table has the third
LATE_CNF = {"compleo-late-cnf": 216.0}           # once; its other answers as in its other rows
USUAL_CNF_MS = 5.1
SILENT_MODEM_MS = 6500.0                         # 2.8 row 12, where the row does not tell: alpitronic's modem answers 5.3 to 7.3 s after MATCH.CNF
LONGEST_JOIN_S = 8.0                             # beyond that the row is about another attempt (note on the hiccup rows)


def _source(row: Row) -> str:
    return f"{row.capture}, matching {row.place}" + ("" if row in EQUIPMENT else "; sheet 8")


def car_of(row: Row) -> CarHabits:
    """The car of this row."""
    middle, least, most = row.sound_gap
    early = row.car in EARLY
    return CarHabits(
        row.name, f"{row.car} at {row.charger}", _source(row),
        run_id=RUN_IDS.get(row.car, RANDOM), random_sounds=row.car != "Hyundai Ioniq",
        parm_twice_ms=TWICE_MS if row.car == "Hyundai Ioniq" and row.name not in ONE_REQUEST else 0.0,
        start_ms=row.start, start_gap_ms=row.start_gap, sound1_ms=row.sound1, sound_gaps_ms=(middle, least, middle, most, middle),
        rsp_ms=row.rsp, match_ms=None if early else row.match_from_start, match_after_rsp_ms=row.match if early else 0.0,
        link_ms=1000 * (row.sdp_request_s if row.sdp_request_s is not None and row.sdp_request_s < LONGEST_JOIN_S else LONGEST_JOIN_S))


def charger_of(row: Row) -> ChargerHabits:
    """The charger of this row."""
    late = LATE_CNF.get(row.name)
    partial = PARTIAL_MS.get(row.name)
    # in a row with a pause of the sounds, the time from the last sound says nothing; the same charger's other rows do
    whole = row if partial is None else next(r for r in ROWS if r.charger == row.charger and r.name not in PARTIAL_MS)
    join_s = row.modem_s if row.modem_s is not None and row.modem_s < LONGEST_JOIN_S else None
    return ChargerHabits(
        row.name, f"{row.charger} with {row.car}", _source(row),
        cnf_ms=row.cnf if late is None else USUAL_CNF_MS, cnf_first_ms=late,
        insists_on_time_out=row.charger == "Compleo", start_within_ms=QUICK_START_MS if row.charger in QUICK_START else 400.0,
        ind_after_last_ms=None if row.charger in WHOLE_TIME else row.ind - ABB_TIME_OUT_MS if row.charger == ABB else whole.ind,
        ind_after_start_ms=partial if partial is not None else row.ind_from_start if row.charger in WHOLE_TIME else 610.0,
        time_out_after_last=row.charger == ABB, db=row.db, matched_ms=row.matched,
        link_ms=SILENT_MODEM_MS if join_s is None else 1000 * join_s)


CARS = {habits.name: habits for habits in (
    *(car_of(row) for row in (*ROWS, *EQUIPMENT) if "car" in row.real),
    CarHabits("taycan-left", "Porsche Taycan, whose RunID came back as MAC and zeros",
              "sheet 8.1; 2023-05-03, left side: PARM.REQ at 0, 205, 425 ms, then a pause of 8.6 s", parm_ms=(205.3, 219.9), again_ms=8600.0, start_ms=100.0),
    CarHabits("taycan-right", "the same with a pause of 79 s", "sheet 8.1; 2023-05-03, right side", parm_ms=(205.4, 219.9), again_ms=79_000.0, start_ms=100.0),
)}
"""Of a Taycan only its CM_SLAC_PARM is known: the rest is the standard's."""

CHARGERS = {habits.name: habits for habits in (
    *(charger_of(row) for row in (*ROWS, *EQUIPMENT) if "charger" in row.real),
    ChargerHabits("wp4", "the charger of WP4: CM_SLAC_PARM.CNF twice, late result",
                  "sheet 8.1; 2022-10-26: CNF twice 19.8 ms apart, IND 472 ms after the second; the car's messages are not in it: START 80 ms later is assumed",
                  cnf_again_ms=19.8, ind_after_last_ms=None, ind_after_start_ms=392.0),
    ChargerHabits("five-sounds", "announces 5 sounds and a TIME_OUT of 10", "sheet 9 P10; no such charger was measured",
                  num_sounds=5, time_out=10, insists_on_time_out=True),
)}

ABB_TEN = ChargerHabits("abb-ten", "an ABB that announces TIME_OUT 10 and waits it whole: its result comes after TT_EV_atten_results", "sheet 2.8 row 3: 10 -> 1 s",
                        time_out=10, time_out_after_last=True, ind_after_last_ms=8.0, db=22.1)
"""No such charger was measured: what our car has to say about one that is too slow for the standard."""
