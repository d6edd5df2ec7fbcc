"""Times of the connection supervision (ns) with their sources."""
from __future__ import annotations

from kernel.timer import MS, S

POLL = 200 * MS                      # how often pilot and supervisor are looked at
SESSION_POLL = 400 * MS              # the same during a session, which has its own eyes
PLUG_SETTLE = 1 * S                  # charger: from plug to 5 % (EVerest, slac-and-network sheet 3)
KEY_LIMIT = 30 * S                   # charger: for the modem to take its key; it restarts in 5 to 10 s (field sheet 7.5)
PWM_GONE = 600 * MS                  # car: no 5 % for so long while matching is its end (T_step_X1 is 3 s; a reading may be missed)
T_step_X1 = 3 * S                    # charger: shortest X1 before 5 % is offered again (sheet 3)
T_step_EF = 4 * S                    # charger: shortest state F of the sequence X1, F, X1, 5 % after a D-LINK_ERROR (sheet 2.1, 2.7)
C_sequ_retry = 2                     # AC charger: 5 %, state F, 5 % again so often when no SLAC starts; then the nominal duty (sheet 2.1, 2.3)
NOMINAL_END = 3500 * MS              # AC charger: X1 between nominal duty and 5 %: a car ends its load within 3 s (IEC 61851-1), and a margin
NOMINAL_REVIEW = 1 * S               # AC charger: the nominal duty follows share and schedule so soon
AFTER_EF = 500 * MS                  # charger: X1 again, before the new beginning with its own PLUG_SETTLE of X1
NO_PILOT_TOLD_AFTER = 60 * S         # car: 5 % missing for so long is told to the person
MATCHING_TOLD_AFTER = 30 * S         # car: no link for so long is told with its likely reason; matching and join take 5 to 10 s (sheet 8)
MATCHING_LIMIT = 180 * S             # car: the matching machine reports long before; a bound for a dead task
CONNECT_RETRY_DELAY = 1 * S          # car: chargers refuse the first TCP connection (safety sheet 6); pyPLC retries each 1.5 s
CONNECT_TRIES = 10                   # car: bounded by CommunicationSetup_Timeout as well
VOUCH_INTERVAL = 2 * S               # homeplug wants it every 5 s (tasks/messages.py)
GONE_LIMIT = 1 * S                   # after TcpClosed the session's own end must have come
STOP_LIMIT = 60 * S                  # a stop that was asked for: the V2G machine bounds every step, this one bounds the sum
CLOSE_LIMIT = 5 * S                  # for the peer's FIN after the session (sheet 7.1: ISO 5 s)
FAREWELL = 1500 * MS                 # after the peer's FIN: for our own, while the pilot oscillates on (V2G_SECC_CPOscillator_Retain 1.5 s)
SILENCE_LIMIT = 75 * S               # a session in which nothing is heard: the longest wait of its machine (V2G_SECC_Sequence_Timeout 60 s) and a margin
TRIPPED_LIMIT = 15 * S               # a session whose outputs were tripped: 10 s for the goodbye (EVSE_SHUTDOWN_LIMIT) and a margin
SLEEP_POLL = 50 * MS                 # charger in a pause: as often as the pilot is read, so that no phase of a toggle is missed
REST_TOLD_AFTER = 30 * S             # outputs not safe for so long after a session is told to the person

# --- waking up after a pause (slac-and-network sheet 2.1, 2.7, 3)
C_EV_vald_nb_toggles = 2             # phases of state C in one toggle (1 to 3)
WAKE_TRIES = 3                       # car: toggles before it only waits, one per T_conn_resume
TOGGLE_PHASE_MIN = 100 * MS          # charger: a phase of C counts from 150 to 450 ms (EVerest); two readings 50 ms apart
TOGGLE_PHASE_MAX = 500 * MS
READY_WAKES_AFTER = 1 * S            # charger: a car that does not toggle, but is simply ready
