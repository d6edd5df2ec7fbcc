"""Times of neighbour discovery and of the SECC discovery protocol."""
from __future__ import annotations

from kernel.timer import MS, S

# Neighbour discovery, RFC 4861 section 10 (host constants) with its own names
RETRANS_TIMER = 1 * S
REACHABLE_TIME = 30 * S
DELAY_FIRST_PROBE_TIME = 5 * S
MAX_MULTICAST_SOLICIT = 3
MAX_UNICAST_SOLICIT = 3

# Duplicate address detection, RFC 4862: one solicitation, RetransTimer to hear an objection; used at once (optimistic, RFC 4429)
DAD_WAIT = RETRANS_TIMER
DAD_CONFLICTS = 3                # new addresses tried before we stay with what we have (IDGEN_RETRIES, RFC 7217)

QUIET = 60 * S                   # longest pause inside a session: V2G_SECC_Sequence_Timeout, 60 s (sheet 7.1). Who sends
                                 # after a longer pause may be on another network: detect duplicates and resolve again.

# SECC discovery, sheet 5.2 and 7.1 (ISO 15118-2 [V2G2-159], [V2G2-160] as quoted there)
SDP_REQUEST_INTERVAL = 250 * MS
SDP_REQUEST_MAX = 50

# Who is our peer (sheet 5.2: in all 17 recordings with an answer it came from the station that was matched, and the request likewise)
SDP_PREFER = 2 * S               # car: an answer of another station waits so long for that of the matched one; chargers take 9 to 571 ms
SDP_STRANGER_WAIT = 5 * S        # charger: another station than the matched one is answered after so long, if the matched one has not asked
