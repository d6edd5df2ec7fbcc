"""Timers and counters of ISO 15118-3 Annex A by their own names, in ns; values from the slac-and-network sheet 2.1."""
from __future__ import annotations

from kernel.timer import MS, S

# --- counters
C_conn_max_match = 3                   # full matching attempts before giving up (at least)
C_EV_match_MNBC = 10                   # sounds that the EVSE announces in NUM_SOUNDS
C_EV_start_atten_char_inds = 3         # repetitions of CM_START_ATTEN_CHAR.IND
C_EV_vald_nb_toggles_max = 3           # toggles of the pilot (B to C) in one validation: 1 to 3
C_EV_match_retry = 2                   # retransmissions of an unanswered request: three transmissions
C_EVSE_match_parallel = 5              # matching processes side by side, at least

# --- both
TT_match_response = 200 * MS           # wait for CNF or RSP
TP_match_response = 100 * MS           # produce CNF or RSP
TT_match_sequence = 400 * MS           # wait for the peer's next step
TP_match_sequence = 100 * MS           # begin the next step
TT_match_join = 12 * S                 # from CM_SLAC_MATCH.CNF to the established link (7.8 s measured at most)
TP_match_leave = 1 * S                 # leave the logical network
T_conn_resume = 6 * S                  # from a wake-up to the link, without SLAC (sheet 2.7)

TP_amp_map_exchange = 100 * MS         # answer CM_AMP_MAP.REQ
TT_amp_map_exchange = 200 * MS         # wait for that answer

# --- PEV
TP_EV_SLAC_init = 10 * S               # from the 5 % to the first CM_SLAC_PARM.REQ, at most
TT_matching_repetition = 10 * S        # failed matching is repeated at least so long
TP_EV_vald_state_duration = 300 * MS   # of each phase B and C of a toggle (200 to 400 ms)
TP_EV_batch_msg_interval_min = 20 * MS
TP_EV_batch_msg_interval_max = 50 * MS
TP_EV_match_session = 500 * MS         # from the last CM_ATTEN_CHAR exchange to CM_SLAC_MATCH.REQ
TT_EV_atten_results = 1200 * MS        # from the first CM_START_ATTEN_CHAR.IND: collect results
TT_matching_rate = 400 * MS            # least spacing of matching attempts

# --- EVSE
TT_EVSE_match_MNBC = 600 * MS          # from the first CM_START_ATTEN_CHAR.IND: stop waiting for sounds
TT_EVSE_match_MNBC_units = 6           # the same as told in TIME_OUT, in 100 ms
TP_EVSE_avg_atten_calc = 100 * MS      # result after the sounds are complete
TT_EVSE_match_session = 10 * S         # from CM_ATTEN_CHAR.RSP to CM_SLAC_MATCH.REQ or CM_VALIDATE.REQ
TT_EVSE_vald_toggle = 3500 * MS        # longest window in which toggles are counted: (timer + 1) x 100 ms
T_vald_detect_time = 200 * MS          # within which a change of the pilot is seen during a validation

# --- not of the standard: what the field needs (sheet 2.2, 2.8, 4.1, 4.3)
VALIDATE_UNIT = 100 * MS               # of the field TIMER of CM_VALIDATE.REQ
VALIDATE_SLACK = T_vald_detect_time    # car: window beyond the toggles themselves
VALIDATE_NOT_READY_LIMIT = 10          # car: so often it waits TT_match_sequence for a charger that validates another car (longest: 3.5 s)
VALIDATE_POLL = 20 * MS                # charger: looks at the pilot while it counts
VALIDATE_DEBOUNCE = 100 * MS           # charger: state C for so long is a toggle; shortest phase 200 ms, read each 50 ms
PARM_AGAIN = 10 * MS                   # CM_SLAC_PARM.REQ goes out twice, like an Ioniq's (2.8 row 2): a broadcast is not repeated by the modems, and a
                                       # charger that did not hear it leaves the car to the neighbour's (26 of 600 crosstalk runs at 5 % loss, 2 with it)
BATCH_CATCH_UP = 5 * MS                # so much less than its interval a batch message may keep after one that left late
MATCHING_RUNS = 32                     # charger: so many instead of C_EVSE_match_parallel, so that a flood of requests keeps no car away that goes on
RUN_LINES_INTERVAL = 60 * S            # charger: in this time
RUN_LINES = 120                        # so many lines in the journal about runs: a car that tries again each 2.7 s, as cars do, writes 90
EVSE_SOUND_SETTLE = 45 * MS            # after the last expected profile, for duplicates still in the modem
MODEM_SEARCH_INTERVAL = 2 * S          # repeat VS_SW_VER until a modem answers
MODEM_SEARCH_BROADCAST_DELAY = 100 * MS    # own modem answers in 0.3 to 10 ms; only then ask by broadcast
MODEM_PRESENCE_INTERVAL = 5 * S        # ask again when it has been silent that long
MODEM_SILENT_LIMIT = 12 * S            # TP-Link restarts 3 to 5 s, a sleeping QCA7000 longer: not dead before
MODEM_TOLD_INTERVAL = 300 * S          # no modem at all is told again this often
MODEM_RIVAL_WAIT = 500 * MS            # a second modem at our end: time for the first one to answer too (they answer in 10 ms)
MODEM_RESTART_POLL = 500 * MS          # is it back? never faster than that (2.8 row 13)
MODEM_RESTART_LIMIT = 5 * S            # TP-Link needs up to 5 s; a modem that cannot be asked is back by then
SET_KEY_RETRY = 1 * S                  # EVerest waits 1000 ms; never faster than 500 ms (2.8 row 13)
SET_KEY_AWAITS_SEARCH = 500 * MS       # a modem not yet found: let it be identified first, it is silent afterwards
SET_KEY_LIMIT = 10 * S                 # then go on and let the link test decide
LINK_POLL_JOINING = 500 * MS           # 4.3: one question per 500 ms while the modems join
LINK_POLL_UP = 1 * S                   # 4.3: then 1 s, to the own modem alone while upper layers hear the peer
LINK_VOUCH_LEASE = 5 * S               # how long one vouch counts; V2G messages are at most 2 s apart
GENERIC_JOIN_WAIT = 8 * S              # modem without any link test: slowest join measured 7.8 s (sheet 4.3)
LAST_QUESTION = 100 * MS               # so long before the join's limit is over it is asked once more: a link of 11.9 s counts
LINK_MISSES = 3                        # lost after so many polls without evidence
LINK_DENIALS = 2                       # or so many answers in a row that say "nobody there"
