"""Times and bounds of TCP, with their sources (sheet section 6.2, RFC 9293, 6298, 5961)."""
from __future__ import annotations

from kernel.timer import MS, S

# Retransmission, RFC 6298
INITIAL_RTO = 1 * S              # for SYN and until the first sample, which the handshake gives unless SYN was repeated (then 6298
                                 # 5.7 says 3 s). Without that sample 1.1 % of first messages come too late at 5 % loss, with it 0.1 %
MIN_RTO = 300 * MS               # 6298 2.4 says 1 s SHOULD; V2G messages time out after 2 s (0.25 s in the loop), while
                                 # peers delay their ACKs by 40 to 250 ms. Both measured by `python -m tests.tcp.choices`: at 5 % loss
                                 # 1 s makes 0.8 % of the answers late, 300 ms 0.03 %; below 250 ms every fifth exchange is repeated in vain
MAX_RTO = 8 * S                  # 6298 2.5 allows 60 s or more; a charging session is over long before
CLOCK_GRANULARITY = 10 * MS      # G: the tick
MAX_TRIES = 8                    # R2 (9293 3.8.3): give up after 8 repetitions ...
GIVE_UP_AFTER = 10 * S           # ... and not before 10 s
SYN_GIVE_UP = 20 * S             # V2G_EVCC_CommunicationSetup_Timeout: the session is over by then (sheet 7.1)
DUPLICATE_ACKS = 3               # fast retransmit, RFC 5681 3.2
EXTRA_SEGMENTS = 4               # at most so many more while duplicate ACKs tell that segments have left (RFC 3042, 5681 3.2)
FLIGHT_SEGMENTS = 4              # instead of a congestion window: requests and responses on a link of two; 8 would bring 7 % (choices)

# Acknowledging
DELAYED_ACK = 20 * MS            # RFC 9293 3.8.6.3 allows 500 ms; the answer of the application usually comes first

# Keep-alive, only where tcp.keep_alive_s asks for it (9293 3.8.4)
KEEP_ALIVE_INTERVAL = 2 * S      # between probes; Linux waits 75 s, but a message is answered within 2 s here (sheet 7.2)
KEEP_ALIVE_PROBES = 5            # unanswered ones before the connection is given up

# Closing
FIN_WAIT_2_LIMIT = 20 * S        # like lwIP (sheet 6.3)
CLOSE_WAIT_LIMIT = 2 * S         # EVerest leaves 2 s between the last message and its FIN (sheet 6.1): an application that
                                 # has not closed its half by then has forgotten

# RFC 5961: answers to segments that may be forged
CHALLENGE_ACKS_PER_SECOND = 10
DUPLICATE_ACKS_PER_SECOND = 100  # answers to old segments: more, because repeated data must be acknowledged

# Sizes
DEFAULT_MSS = 1220               # IPv6 minimum MTU 1280 - 60 (RFC 9293 3.7.1)
MIN_PEER_MSS = 64                # a peer that says less gets 64 (sheet 6.2)
MAX_PEER_MSS = 1440              # Ethernet MTU 1500 - 60
RECEIVE_BUFFER = 8192
AHEAD_SEGMENTS = 4               # stretches kept out of order, each behind a gap (all within the window); dropping is legal
SEND_BUFFER = 128 * 1024         # a V2G message has at most 64 KiB (sheet 5.1)
