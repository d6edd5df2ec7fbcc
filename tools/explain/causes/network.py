"""Causes between the network and the first message: SDP, TLS, addresses, TCP; and connections that end in the middle."""

from __future__ import annotations

from tasks.stop_reasons import StopReason as R
from tools.explain.causes.cause import INFERRED, POSSIBLE, REMARK, SEEN, SILENT, Cause, Found, place, seconds, unfinished
from tools.explain.causes.matching import REPLUG
from tools.explain.evidence import Evidence, Side

SHEET = "slac-and-network.md 5"


def _talked(e: Evidence) -> bool:
    return bool(e.messages or e.car_messages or e.charger_messages or e.network.tls_records)


def _sdp(e: Evidence) -> Found | None:
    n = e.network
    if not n.sdp_requests or n.sdp_answers or n.syns or _talked(e) or n.sdp_tls_requests == n.sdp_requests > 5:
        return None
    con = ("few requests: the record, or the car's patience, ended early",) if n.sdp_requests < 5 else ()
    return Found(SEEN if n.sdp_requests >= 5 else INFERRED, f"The car asked {n.sdp_requests} times for the charger's address (SDP) and got no answer", (), con)


def _neighbour(e: Evidence) -> Found | None:
    n = e.network
    if not n.unanswered_solicitations or n.sdp_answers or n.accepted or _talked(e):
        return None
    return Found(
        SEEN + 5,
        f"The charger asked {n.unanswered_solicitations} times for the car's address (neighbour solicitation), nobody answered, and it answered no SDP request",
        ("some chargers (Alpitronic) answer SDP only once they know the car's address",),
    )


def _tls(e: Evidence) -> Found | None:
    n = e.network
    if not n.sdp_tls_requests or n.sdp_answers or _talked(e) or n.sdp_tls_requests < n.sdp_requests:
        return None
    return Found(SEEN + 5, f"The car asked {n.sdp_tls_requests} times for a charger with TLS and got no answer")


def _wrong_port(e: Evidence) -> Found | None:
    n = e.network
    if n.port_offered is None or n.port_tried in (None, n.port_offered) or n.accepted or not (n.refused or n.syns):
        return None
    return Found(
        SEEN + 20, f"The car connected to port {n.port_tried}; the charger had named port {n.port_offered} (SDP)", (f"{n.refused} connections refused",)
    )


def _refused(e: Evidence) -> Found | None:
    n = e.network
    if not n.refused or n.accepted or _talked(e):
        return None
    return Found(SEEN, f"The charger refused the connection ({n.syns} SYN, {n.refused} RST): nothing listens on that port")


def _unanswered(e: Evidence) -> Found | None:
    n = e.network
    if not n.syns or n.refused or n.accepted or _talked(e):
        return None
    return Found(SEEN, f"The car's {n.syns} attempts to connect (SYN) were not answered")


def _mute(e: Evidence) -> Found | None:
    n = e.network
    if not n.accepted or _talked(e):
        return None
    return Found(SEEN if n.accepted > 1 or e.ending.after > SILENT else INFERRED, f"The connection was made ({n.accepted} times), and no message came over it")


def _own_reset(e: Evidence) -> Found | None:
    n = e.network
    if not n.own_resets:
        return None
    return Found(
        SEEN + 15 if n.own_resets > 1 or not e.charged else REMARK,
        f"The car's host reset the connection {n.own_resets} times although its charging program went on",
        ("within 20 ms of the charger's segment, which is how an operating system answers what it knows nothing of",),
    )


def _lost(e: Evidence) -> Found | None:
    end = e.ending
    if not unfinished(e) or end.closed_by is not None and end.repeated < 2 or end.repeated < 2:
        return None
    if end.request and end.acknowledged:
        return None
    return Found(SEEN + 5, f"Nothing got through any more in {place(e)}: {end.repeated} segments were sent again without an answer", (), (), end.last_at)


def _closed(e: Evidence, side: Side) -> Found | None:
    """An end without SessionStop, by whoever closed."""
    end = e.ending
    if not unfinished(e) or end.closed_by is not side or end.closed_at is None:
        return None
    waited = end.waited if end.request else None
    how = "reset" if end.closed_how == "RST" else "closed"
    what = f"The {side.value} {how} the connection in {place(e)}"
    if waited is not None and waited >= 0:
        what += f", {seconds(waited)} after {end.request}"
    else:
        what += f", after {end.last_message}"
    own_doing = side is Side.CAR and waited is not None and waited > 1.0  # it had waited for an answer
    return Found(POSSIBLE if own_doing else INFERRED + 5, what, (), (), end.closed_at)


CLOSE = ("Look at the last message: whoever closes often dislikes a value in it.", REPLUG)

CAUSES = (
    Cause(
        "neighbour_unanswered",
        Side.CAR,
        "the car's program does not answer neighbour solicitations, or its operating system was to do so and has no address there",
        ("Own box: leave ipv6.* as shipped; main.py doctor.", "Another car: " + REPLUG.lower()),
        f"{SHEET}.5",
        _neighbour,
        (r"neighbour .* not found",),
        (R.SDP_FAILED,),
    ),
    Cause(
        "sdp_unanswered",
        Side.CHARGER,
        "the charger's controller is not up, waits for authorisation first, or the car sits in another charger's network",
        (REPLUG, "Authorise before plugging in.", "Was more than one charger heard while matching? See there."),
        f"{SHEET}.2",
        _sdp,
        (),
        (R.SDP_FAILED,),
    ),
    Cause(
        "tls_demanded",
        Side.CAR,
        "the car wants TLS, and this charger has none and does not say so",
        ("Set the car to charge without Plug and Charge, if it has such a setting.", "Our charger answers such requests without TLS: charge there."),
        f"{SHEET}.2; decision 11",
        _tls,
        (),
        (R.SDP_FAILED,),
    ),
    Cause(
        "wrong_port",
        Side.CAR,
        "the car's program takes the well-known port instead of the one that the charger named",
        ("Update the car's program: the port stands in the SDP response.",),
        "slac-and-network.md 8.1; field sheet 7.1 issue 11",
        _wrong_port,
        (),
        (R.TCP_REFUSED,),
    ),
    Cause(
        "tcp_refused",
        Side.CHARGER,
        "the charger's program is not ready yet, or still holds the session before",
        (REPLUG, "Wait a minute with the plug out."),
        "field sheet 9, ccs32clara #10",
        _refused,
        (),
        (R.TCP_REFUSED,),
    ),
    Cause(
        "tcp_unanswered",
        Side.CHARGER,
        "the charger's controller is gone, or it does not know the car's address",
        (REPLUG, "If it repeats, use another charger."),
        f"{SHEET}.5",
        _unanswered,
        (),
        (R.TCP_TIMEOUT,),
    ),
    Cause(
        "tcp_mute",
        Side.CHARGER,
        "the charger's program accepts and then hangs or has not ended the session before",
        (REPLUG, "Wait a minute with the plug out."),
        "field sheet 11, 2022-12-13",
        _mute,
        (),
        (R.TCP_TIMEOUT, R.COMMUNICATION_SETUP_TIMEOUT),
    ),
    Cause(
        "own_reset",
        Side.BOX,
        "the operating system has the same IPv6 address on the modem's interface and answers what belongs to the charging program",
        ("sudo ./install/modem-interface.sh eth1", "ipv6.kernel_ipv6: leave it to the program to switch the system's IPv6 off."),
        "README, When it does not start",
        _own_reset,
        (r"operating system .*(?:same address|answers|resets)",),
    ),
    Cause(
        "link_lost",
        Side.LINK,
        "the power line carries nothing any more: a loose plug, interference, or a modem without supply",
        (REPLUG, "Does it happen at the same charger only? Then it is its cable.", "Own box: look at the modem's supply; python -m tools.modem info."),
        "safety sheet 3.1",
        _lost,
        (),
        (R.LINK_LOST, R.TCP_TIMEOUT),
    ),
    Cause(
        "closed_by_charger",
        Side.CHARGER,
        "the charger gave the session up: a value it does not like, a stop at its screen, or its own fault",
        CLOSE,
        "field sheet 7.1, 7.2",
        lambda e: _closed(e, Side.CHARGER),
        (),
        (R.TCP_CLOSED, R.TCP_RESET),
    ),
    Cause(
        "closed_by_car",
        Side.CAR,
        "the car gave the session up by itself: a value it does not like, or something inside it",
        CLOSE,
        "field sheet 7.3",
        lambda e: _closed(e, Side.CAR),
        (),
        (R.TCP_CLOSED, R.TCP_RESET),
    ),
)
