"""Causes on the way to a common network: modem, pilot, SLAC, the key."""

from __future__ import annotations

from tasks.stop_reasons import StopReason as R
from tools.explain.causes.cause import INFERRED, POSSIBLE, REMARK, SEEN, Cause, Found, nothing, seconds
from tools.explain.evidence import Evidence, Side

MUCH_DB = 40.0  # slac-and-network.md 0, decision 6: refused beyond, by default
CLOSE_DB = 10.0  # two chargers that differ by less: sheet 2.5, real neighbours are 21.8 dB apart
JOIN = 12.0  # s, TT_match_join
SLAC = "slac-and-network.md 2"


def _nothing_after(e: Evidence) -> bool:
    """Nothing of the network was heard."""
    n = e.network
    return not (n.sdp_requests or n.sdp_answers or n.syns or n.accepted or n.tls_records or e.messages)


def _hides(e: Evidence, word: str) -> bool:
    return any(word in sentence for sentence in e.blind)


def _unanswered(e: Evidence) -> Found | None:
    s = e.slac
    if not s.parm_requests or s.parm_answers or not _nothing_after(e):
        return None
    hidden = _hides(e, "this modem hides")
    return Found(
        INFERRED if hidden and s.parm_requests < 3 else SEEN,
        f"The car asked {s.parm_requests} times for a charger (CM_SLAC_PARM.REQ) and got no answer",
        ("no CM_SLAC_PARM.CNF in the record",),
        ("a modem set up as EVSE may hide a charger's answers",) if hidden else (),
    )


def _foreign(e: Evidence) -> Found | None:
    s = e.slac
    if not s.foreign_run_ids or s.starts or s.match_answers:
        return None
    return Found(
        SEEN + 15,
        f"The charger answered CM_SLAC_PARM.REQ {s.parm_answers} times, with another RunID than the car's in {s.foreign_run_ids} of them",
        ("a car ignores an answer to a question that it did not ask", "the car never began to sound"),
    )


def _no_sounds(e: Evidence) -> Found | None:
    s = e.slac
    if not s.parm_answers or s.starts or s.sounds or s.reports or s.match_answers or not _nothing_after(e):
        return None
    hidden = _hides(e, "Only the charger's side of SLAC")
    return Found(
        POSSIBLE if hidden or s.foreign_run_ids else SEEN,
        "The charger answered CM_SLAC_PARM.REQ, and the car sent no sounds after that",
        (),
        ("the car's side of SLAC is hidden in this record",) if hidden else (),
    )


def _no_report(e: Evidence) -> Found | None:
    s = e.slac
    if not (s.starts or s.sounds) or s.reports or s.match_answers or not _nothing_after(e):
        return None
    return Found(SEEN, f"The car sounded ({s.sounds} CM_MNBC_SOUND.IND), and no charger reported what it measured (CM_ATTEN_CHAR.IND)")


def _not_chosen(e: Evidence) -> Found | None:
    s = e.slac
    if not s.reports or s.match_requests or s.match_answers or not _nothing_after(e):
        return None
    if _hides(e, "Only the charger's side of SLAC"):
        return None
    return Found(SEEN, f"The car heard {s.reports} reports of attenuation and asked no charger to match", (_measured(e),))


def _measured(e: Evidence) -> str:
    best = e.slac.chargers[0][1] if e.slac.chargers else None
    return "attenuation unknown" if best is None else f"the best charger measured {best:.1f} dB"


def _weak(e: Evidence) -> Found | None:
    best = e.slac.chargers[0][1] if e.slac.chargers else None
    if best is None or best <= MUCH_DB:
        return None
    return Found(
        SEEN + 10 if _nothing_after(e) else REMARK, f"The sounds of the car reach the charger with {best:.1f} dB less, which is more than {MUCH_DB:.0f} dB"
    )


def _no_match(e: Evidence) -> Found | None:
    s = e.slac
    if not s.match_requests or s.match_answers or not _nothing_after(e):
        return None
    return Found(SEEN, f"The car asked to match ({s.match_requests} CM_SLAC_MATCH.REQ), and the charger did not answer")


def _crosstalk(e: Evidence) -> Found | None:
    heard = [db for _, db in e.slac.chargers if db is not None]
    if len(heard) < 2 or heard[1] - heard[0] >= CLOSE_DB:
        return None
    what = f"Two chargers heard the car about equally well ({heard[0]:.1f} and {heard[1]:.1f} dB): it may have matched the neighbour's"
    stuck = not e.charged and not e.first("failed") and not e.first("status")
    return Found(SEEN if stuck else REMARK, what, (f"{len(e.slac.chargers)} chargers answered",))


def _no_network(e: Evidence) -> Found | None:
    s = e.slac
    if not s.match_answers or not _nothing_after(e):
        return None
    waited = e.ending.after
    hidden = e.tier == "a" and not s.key_requests or _hides(e, "IP unicast is not visible") or _hides(e, "fails to authenticate")
    if hidden and (e.box is None or not e.box.role):
        return Found(
            POSSIBLE, "Matched, and nothing of the network was heard afterwards", (), ("whoever records with an ordinary modem hears nothing of it anyway",)
        )
    pro = [f"nothing for {seconds(waited)} after CM_SLAC_MATCH.CNF, usual are 0.4 to 8.2 s"] if waited > JOIN else []
    return Found(SEEN if waited > JOIN or s.match_requests > 1 else INFERRED, "Car and charger matched, but their modems formed no network", tuple(pro))


def _key(e: Evidence) -> Found | None:
    s = e.slac
    if not s.key_requests or s.key_answers or not _nothing_after(e):
        return None
    return Found(SEEN + 10, f"The own modem did not acknowledge the network's key ({s.key_requests} CM_SET_KEY.REQ)")


REPLUG = "Unplug, wait 30 s, plug in again."
COUPLING = "Check how the modem is coupled to control pilot and PE: 1 nF and 150 Ohm in series, short wires."

CAUSES = (
    Cause(
        "modem_silent",
        Side.BOX,
        "the own PLC modem has no supply, no cable, or another interface was named",
        ("Look at the modem's supply and its cable.", "main.py doctor; python -m tools.modem find --interface eth1."),
        "field sheet 9, pyPLC #15, #22",
        nothing,
        (r"modem does not answer", r"no modem answers"),
        (R.NO_MODEM,),
    ),
    Cause(
        "modem_role",
        Side.BOX,
        "the own modem is set up for the other side: as the wrong one it matches nobody and says so nowhere",
        ("python -m tools.modem configure pev (or evse), with the box stopped.",),
        "slac-and-network.md 4; README, The modem",
        nothing,
        (r"Modem set up as \w+, this box is", r"Modem not set up, this box is", r"Modem role unclear, this box is"),
    ),
    Cause(
        "pilot_no_5_percent",
        Side.CHARGER,
        "the charger offers no digital communication: it has not been started at its screen, or it is an AC post",
        ("Start the charge at the charger's screen, or with card or app.", REPLUG, "Is it a post for AC alone?"),
        "slac-and-network.md 3",
        nothing,
        (r"no 5 % PWM for",),
        (R.NO_PILOT,),
    ),
    Cause(
        "slac_unanswered",
        Side.LINK,
        "charger and car do not hear each other on the power line: coupling, a charger without supply, or none that speaks",
        (REPLUG, COUPLING, "Try another charger: if that answers, it was this one."),
        f"{SLAC}.8; field sheet 9, pyPLC #15",
        _unanswered,
        (),
        (R.NO_CHARGER_SLAC, R.NO_CAR_SLAC),
    ),
    Cause(
        "slac_run_id",
        Side.CHARGER,
        "the charger's program makes up the RunID from the car's MAC address instead of repeating what it got",
        ("Update the charger's software; there is nothing to do at the car.",),
        f"{SLAC}.8 row 1; field sheet 7.3, Taycan",
        _foreign,
        (),
        (R.SLAC_FAILED,),
    ),
    Cause(
        "slac_no_sounds",
        Side.CAR,
        "the car does not take the charger's answer: late, or not meant for it",
        (REPLUG, "Wait a minute with the plug out: some cars try once."),
        f"{SLAC}.8",
        _no_sounds,
        (),
        (R.SLAC_FAILED, R.NO_CAR_SLAC),
    ),
    Cause(
        "slac_no_attenuation",
        Side.CHARGER,
        "the charger did not like the beginning of the sounds (a Compleo wants TIME_OUT 6, 600 ms), or lost the last one",
        (REPLUG, "Own box: leave slac.* as shipped; start no later than 100 ms after CM_SLAC_PARM.CNF."),
        "field sheet 7.1 issue 13; 2.2",
        _no_report,
        (),
        (R.SLAC_FAILED,),
    ),
    Cause(
        "attenuation_high",
        Side.LINK,
        "the coupling is poor: long or thin wires, a wrong filter, a damaged pilot contact",
        (COUPLING, "Clean the plug's pilot contact; try another cable or charger."),
        "slac-and-network.md 0 decision 6",
        _weak,
        (),
        (R.SLAC_FAILED,),
    ),
    Cause(
        "slac_not_chosen",
        Side.CAR,
        "the car found no charger good enough, or the report came after its patience of 1.2 s",
        (REPLUG, COUPLING),
        f"{SLAC}.5",
        _not_chosen,
        (),
        (R.SLAC_FAILED,),
    ),
    Cause(
        "slac_no_match",
        Side.CHARGER,
        "the charger has given this car up, or serves another one",
        (REPLUG, "Is another car at the same cabinet beginning just now?"),
        f"{SLAC}.8",
        _no_match,
        (),
        (R.SLAC_FAILED,),
    ),
    Cause(
        "slac_crosstalk",
        Side.LINK,
        "the sounds couple into the neighbour's cable nearly as well as into the own one",
        ("Use the charger when the neighbour's plug is in its holder, or another bay.", COUPLING),
        f"{SLAC}.5; safety sheet 6",
        _crosstalk,
        (r"two best chargers differ by less than",),
    ),
    Cause(
        "modem_key",
        Side.BOX,
        "the own modem hangs or is another kind than was set",
        ("Take the modem's supply away for 10 s.", "main.py doctor; slac.modem_kind."),
        "slac-and-network.md 4.3",
        _key,
    ),
    Cause(
        "no_network",
        Side.LINK,
        "one of the two modems does not take the key, or is set up for the other role",
        (REPLUG, "Own box: python -m tools.modem info; the role must be the box's.", "A charger that never joins (seen with Circontrol): use another one."),
        "slac-and-network.md 0 decision 5; field sheet 7.2",
        _no_network,
        (r"no link \d+ s after CM_SLAC_MATCH",),
        (R.NO_LINK, R.LINK_LOST),
    ),
)
