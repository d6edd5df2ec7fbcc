"""The likely reason why a session ended, in one sentence, from what was seen of it."""
from __future__ import annotations

from kernel.timer import S
from tasks.listen.session import Session


def stop_reason(session: Session, last: int) -> str:
    """`last` is the time of the last frame of the capture."""
    if not session.v2g_messages:
        return _before_v2g(session)
    if session.stopped:
        if session.car_error:
            return f"car ended the session because of {session.car_error}; SessionStop exchanged"
        if session.failure:
            return f"charger answered {session.failure}; SessionStop exchanged"
        if session.shutdown:
            return f"charger asked for the end ({session.shutdown}); SessionStop exchanged"
        return "normal end: SessionStop exchanged"
    after = _after(session, last)
    if session.failure and session.reached == session.failure.split(" ")[0][:-3]:
        return f"charger answered {session.failure}; {after}"
    if session.shutdown:
        return f"charger reports {session.shutdown}; {after}"
    if session.car_error:
        return f"car reports {session.car_error}; {after}"
    if session.request:
        return f"{session.request} was not answered; {after}"
    if session.ongoing:
        spent = (session.phases[-1].end - session.phases[-1].start) / S
        after += f" ({session.reached} was Ongoing for {spent:.1f} s)" if spent >= 1 else " (Ongoing)"
    return f"{after}; earlier the charger answered {session.failure}" if session.failure else after


def _after(session: Session, last: int) -> str:
    """How it went on after the last message."""
    if session.closed_by:
        if session.request and session.closed_at >= session.request_at:
            wait = f" {(session.closed_at - session.request_at) / S:.1f} s after {session.request}"
        else:
            wait = f" after {session.last_answer}" if session.last_answer else ""
        return f"{session.closed_by} closed the connection{wait}"
    if last - session.end < 2 * S:               # V2G_EVCC_Msg_Timeout: within it nothing is overdue
        return "the capture ends here"
    return "no more messages seen"


def _before_v2g(session: Session) -> str:
    if session.tls_records:
        return f"TLS: {session.tls_records} records, the content is encrypted"
    if session.connections:
        return "connected, but no V2G message seen"
    if session.refused and session.syns:
        return f"charger refused the TCP connection ({session.syns} SYN, {session.refused} RST): nothing listens on that port"
    if session.syns:
        return f"{session.syns} SYN without an answer"
    if session.sdp_answers:
        return "SDP was answered, no TCP connection seen"
    if session.sdp_requests:
        kind = ", all asking for TLS" if session.sdp_tls_requests == session.sdp_requests else ""
        return f"{session.sdp_requests} SDP requests without an answer{kind} (or hidden: answer and session are unicast)"
    if session.match_answers:
        return "matched; nothing seen on the network afterwards (hidden from a listener, or never joined)"
    if session.match_requests:
        return "CM_SLAC_MATCH.REQ was not answered"
    if session.parm_foreign:
        return (f"the charger's CM_SLAC_PARM.CNF carries another RunID than the car's request ({session.parm_foreign} of "
                f"{session.parm_answers}): the car ignores it")
    if session.attenuation_reports:
        return "attenuation reported, no CM_SLAC_MATCH.REQ seen"
    if session.parm_answers:
        return "matching stopped after CM_SLAC_PARM.CNF"
    if session.parm_requests:
        return f"{session.parm_requests} CM_SLAC_PARM.REQ without an answer"
    return "too little seen"
