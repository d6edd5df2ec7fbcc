"""CHAdeMO's times (ns) with their rows of the chademo sheet's table 2.2; "C": within which we act, "T": after which the other side may give up."""
from __future__ import annotations

from kernel.timer import MS, S

PERIOD = 100 * MS                    # every frame (sheet 1.1: 100 ms, +-10 ms)
PHASE = 5 * MS                       # frames are due half a tick before the visit that sends them, so that its lateness never costs them a tick
FIRST_FRAME_LIMIT = 6 * S            # row 1: d1 on until the vehicle's first complete set; typically 1 s
LOCK_LIMIT = 3 * S                   # 2.3 LOCKED has 1 s, for a solenoid; a motor may take 3 s (drivers/pins MOTOR_LIMIT_MS)
POWER_LIMIT = 20 * S                 # row 7, C: k and 102.5.0 until d2
CONTACTOR_LIMIT = 4 * S              # row 8: d2 until 102.5.3 = 0
CONTACTOR_ASSUMED = 2 * S            # row 8b: a 0.9 vehicle has closed (worst case seen 1.6 s)
JOIN_LIMIT = 3 * S                   # 2.3 MATE: trim and close the bridge contactor
REQUEST_LIMIT = 4 * S                # row 9, C: 102.5.3 = 0 until the first current request
CHARGING_LIMIT = 500 * MS            # row 10, C: request until 109.5.0 = 1
CURRENT_GONE_LIMIT = 2500 * MS       # row 14, T: 109.5.5 = 1 until the current is gone; then state B
STOP_HARD_LIMIT = 10 * S             # 2.3 STOP_RAMP: whatever happens
WELDING_LIMIT = 10 * S               # row 17, T: 109.5.0 = 0 until 102.5.3 = 1
WELDING_HOLD_0_9 = 4 * S             # row 17: a 0.9 vehicle says nothing, 4 s are kept
DECAY_LIMIT = 5 * S                  # 2.3 STOP_D2: plug below 10 V
D1_AFTER_D2 = 500 * MS               # row 19
LAST_FRAMES = 300 * MS               # row 21: frames with 0x20 before the silence
STATUS_SETTLE = 300 * MS             # 1.5: 102.5.3 counts only so long after our first 0x109
VALUES_SETTLE = 2200 * MS            # 1.5: SOC is nonsense in the first frames (valid after 2.0 s in log B, 2.12 s in log A)
SILENCE_NO_CURRENT = 300 * MS        # scenario 26: no 0x102 for so long, and nothing is asked for any more
SILENCE_LIMIT = 1 * S                # row 22: no 0x102 for so long is a stop
SKEW = 1 * S                         # row 3, 2.4.6: k and 102.5.0 may differ so long
SAYS_WHY = 200 * MS                  # row 3, log A: k and 0x102 fall within one period; so long a fault may follow as the reason
NO_CURRENT_LIMIT = 3 * S             # 3.7 (i-MiEV): a request and no current for so long: one side's contactors are open, or the charger gives none
OVERCURRENT_HOLD = 1 * S             # 2.5: I > 102.3 + 10 A
DRAWN_HOLD = 500 * MS                # 1.10: more is drawn, or from a lower battery, than is allowed; half of OVERCURRENT_HOLD, so that the end in order comes before the safety trip
TICKLE = 60 * S                      # 1.10, 3.7: while it is discharged 1 A is told in one cycle of so long
MAX_TIME_SETTLE = 5 * S              # 2.4.8: a maximum time of 0 after so long is incompatible
FACT_POLL = 20 * MS                  # how often a waiting state looks at the facts
STABLE_FRAMES = 2                    # 2.3 PARAM: k and 102.5.0 in so many frames
