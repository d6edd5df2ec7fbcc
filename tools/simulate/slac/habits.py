"""What a scripted peer does and when: one dataclass per side. Every time is that at our end of the line, as the captures show it."""
from __future__ import annotations

from dataclasses import dataclass

MAC_AND_ZEROS, RANDOM = "mac", "random"          # styles of a RunID; anything else is the RunID itself, eight characters


@dataclass(frozen=True, slots=True)
class CarHabits:
    """A car. Times in ms; defaults are what the standard asks for."""

    name: str
    about: str
    source: str
    run_id: str = RANDOM
    random_sounds: bool = True           # RANDOM of its sounds; without: FF throughout (Ioniq)
    parm_ms: tuple[float, ...] = (200.0, 200.0)      # from each unanswered CM_SLAC_PARM.REQ to the next (TT_match_response)
    parm_twice_ms: float = 0.0           # a second CM_SLAC_PARM.REQ so soon after the first, answered or not; 0: none
    again_ms: float = 1400.0             # from a failed attempt to the next
    start_ms: float = 80.0               # CM_SLAC_PARM.CNF -> START1
    start_gap_ms: float = 20.0
    sound1_ms: float = 40.0              # START3 -> the first sound
    sound_gaps_ms: tuple[float, ...] = (20.0,)       # the last one for all that follow
    rsp_ms: float = 50.0
    match_ms: float | None = 1200.0      # from START1 to its decision (TT_EV_atten_results); None: as soon as it has its result
    match_after_rsp_ms: float = 5.0      # least time from CM_ATTEN_CHAR.RSP to CM_SLAC_MATCH.REQ
    link_ms: float = 1000.0              # MATCH.CNF -> joined


@dataclass(frozen=True, slots=True)
class ChargerHabits:
    """A charger. Times in ms."""

    name: str
    about: str
    source: str
    cnf_ms: float = 6.0
    cnf_first_ms: float | None = None    # the first CM_SLAC_PARM.CNF, when it takes longer
    cnf_again_ms: float = 0.0            # a second CM_SLAC_PARM.CNF so long after the first; 0: none
    num_sounds: int = 10
    time_out: int = 6
    insists_on_time_out: bool = False    # ignores a CM_START_ATTEN_CHAR.IND whose TIME_OUT is not the announced one
    start_within_ms: float = 400.0       # after its CNF; later ones are not noticed (TT_match_sequence)
    ind_after_last_ms: float | None = 10.0           # the last sound -> ATTEN_CHAR.IND; None: `ind_after_start_ms` even when all sounds have come
    ind_after_start_ms: float = 610.0    # START1 -> ATTEN_CHAR.IND when sounds are missing
    time_out_after_last: bool = False    # counts `ind_after_last_ms` from TIME_OUT x 100 ms after the last sound that came; the car's TIME_OUT (ABB)
    repeat_ms: float = 205.0             # from an unanswered ATTEN_CHAR.IND to the next; three in all
    db: float = 10.0
    matched_ms: float = 6.0
    link_ms: float = 6500.0
