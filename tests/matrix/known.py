"""Defects that the matrix has found and that are not mended yet: pattern of the case's name -> what is wrong."""
from __future__ import annotations

KNOWN: dict[str, str] = {
    r"evse/CurrentDemandReq(#\d+)?/EVTargetVoltage=zero/output-contactor":
        "a car that asks for 0 V once while it charges makes the charger open its output contactor, and close it again at 51 V onto the live battery "
        "(tasks/safety/evse_supervisor.py _missing_permit looks at its own side of the contactor only)",
    r"/(blackout|half-open|half-open-after)\+(car|charger)-v2g-(raises|silent)$":
        "a V2G task that is dead while the line is, too: nobody ends the session (the connection waits for SessionEnded or TcpClosed), no reason is told; "
        "outputs are safe",
}
