"""What can be different about a CHAdeMO car: its frames, its times, what it checks. Every default is a car that keeps to the sheet."""
from __future__ import annotations

from dataclasses import dataclass

from tasks.chademo.wire import ACCEPTS_DYNAMIC, CAN_DISCHARGE, LIMITS, STATUS, TIMES

LEAF_EXTRA = 0x202                     # of Leafs alone: 01 01 01, meaning unknown (chademo sheet 1.10)
OWN, REPORT, NOBODY = "own", "report", "nobody"
"""Who is believed: the car's own sensor, 0x109, or nobody looks."""


@dataclass(frozen=True, slots=True)
class CarTraits:
    """Sections in brackets are those of the chademo sheet. V, A, Wh, s where the name says so; None: not checked, or not there."""

    name: str
    source: str                                  # where its numbers come from, and what is assumed
    # --- the battery
    cells: int = 96
    curve: str = "class_n"                       # drivers.sim.battery.CURVES [4.4.5]
    capacity_wh: float = 40_000.0
    max_current: float = 120.0                   # the largest request
    max_power: float = 46_000.0
    # --- frames [1.1 to 1.10]
    protocol: int = 2                            # 102.0
    adopts_protocol: bool = False                # says 1, then 2 once the charger has said it [1.2]
    ids: tuple[int, ...] = (LIMITS, TIMES, STATUS)      # measured order, 10 ms apart
    target_voltage: int = 410                    # 102.1-2
    target_after_close: int | None = None        # XPeng raises it after its contactors have closed [1.5]
    max_voltage: int = 435                       # 100.4-5
    min_voltage: int = 0                         # 100.2-3
    min_current: int = 0                         # 100.0
    told_current: int = 0                        # 100.1
    rate_at_full: tuple[int, int, int] = (240, 100, 255)      # 100.6 before the charger, with one from 1.0 on, with 0.9 [1.3]
    status_bits: int = CAN_DISCHARGE | ACCEPTS_DYNAMIC        # of 102.5, always set
    dynamic_flags: int = 0                       # 110.0
    max_minutes: int = 60                        # 101.2
    fine_on_09: int = 0xFF                       # 101.1 towards a 0.9 charger, in 10 s
    first_capacity_wh: float | None = None       # what 101.5-6 says until the first current [1.4]
    min_level: int = 0                           # 200.6
    max_level: int = 0                           # 200.7
    max_discharge: int = 0                       # 200.0, A that it lets out once a charger has announced V2X; 0: it only says that it could [1.10]
    maker: bytes = b""                           # 0x700
    tells_voltage: bool = False                  # 0x103 [1.6]
    stop_before: bool = False                    # sets 102.5.4 until its first request [1.5]
    # --- signals
    speaks_unasked: bool = False                 # without d1, d2 and k: the private protocol 10 [5]
    coil_current: float = 0.6                    # A that its contactors take from d1 and d2 [3.7, 7.1]
    sessions: int | None = None                  # so many until it is unplugged [3.7]
    # --- times [2.2, 2.7]
    wake_s: float = 1.0                          # d1 to the first frame
    soc_valid_s: float = 2.0                     # from the first frame, as all until PERMITTED
    time_valid_s: float = 2.5
    k_s: float = 2.9                             # k closes; it precedes the bit by up to 1 s [2.2 number 3]
    enabled_s: float = 3.4
    close_s: float = 1.1                         # d2 to closing
    request_s: float = 1.7                       # contactors closed to the first request
    stop_reaction_s: float = 0.2                 # 109.5.5 to request 0
    open_s: float = 1.2                          # 109.5.0 = 0 to opening
    weld_test_s: float = 0.9                     # opening to the end of welding detection at the earliest
    silent_s: float = 1.0                        # 109.5.2 = 0, or d1 off, to the last frame
    ramp: int = 2                                # A per 100 ms, up and down [2.2 number 12]
    head_room: int = 0                           # A that it asks less than is available [1.7]
    idle_request: int = 0                        # 102.3 is never less, whatever goes on [3.7]
    # --- what it checks
    checks_offer: bool = False                   # 108.1-2 below its target: no permission; else the charger judges [1.7, 2.4]
    inlet_limit: float | None = 20.0             # V at its inlet when d2 comes [2.2 number 6, 3.7]
    contactor_limit_s: float | None = 1.0        # its contactors confirm within; None: nobody looks [3.7]
    d2_limit_s: float = 30.0                     # permission to d2: a charger gave up after 31 s [2.7]
    flag_limit_s: float | None = 2.5             # request to 109.5.0 [2.2 number 10]
    current_limit_s: float | None = 4.0          # 109.5.0 to current [2.2 number 11]
    current_judged: str = OWN
    zero_limit_s: float = 360.0                  # 109.3 = 0 while charging [1.10]
    voltage_deviation: float | None = 20.0       # V, 109.1-2 against its own [1.5, 102.4.4]
    under_delivery: float | None = 20.0          # A [1.5, 102.4.2]
    over_delivery: float | None = 10.0           # A [1.5, 102.4.2]
    voltage_deviation_s: float = 5.0             # for so long [1.5]
    current_deviation_s: float = 5.0             # for so long [1.5]
    charger_lost_s: float = 1.0                  # no 0x109 [2.2 number 23]
    current_gone_s: float = 2.5                  # stop to 5 A [2.2 number 14]
    flag_gone_s: float = 10.0                    # stop to 109.5.0 = 0
    stops_at_available: bool = False             # not dynamic, and ends when its request has reached 108.3 [3.7]
    weld_judged: str = OWN
    weld_limit_s: float = 4.0                    # 10 V within, after opening [6, scenario 36]
    full_soc: float = 100.0                      # percent

    @property
    def dynamic(self) -> bool:
        """108.3 may fall while it charges [1.5, 1.9]."""
        return bool(self.status_bits & ACCEPTS_DYNAMIC or self.dynamic_flags & 1)


@dataclass(slots=True)
class CarFaults:
    """What can be wrong with a car at any time. `garbage` needs the car's rng. The bits of `tell_*` are only told: the car itself goes on."""

    silent: bool = False                         # its CAN is pulled: nothing sent, heard or acknowledged
    deaf: bool = False                           # acknowledges what it does not read
    short: frozenset[int] = frozenset()          # these identifiers have 7 octets
    missing: frozenset[int] = frozenset()        # these are not sent
    foreign: tuple[int, ...] = ()                # these are sent besides, once per cycle
    reversed: bool = False                       # the frames of a cycle come in the other order
    flood: bool = False                          # 1000 frames per second
    garbage: float = 0.0                         # part of the frames that has random octets
    k_stuck: bool | None = None                  # the switch stays so, whatever 102.5.0 says
    enabled_stuck: bool | None = None            # 102.5.0 stays so, whatever k does
    never_close: bool = False                    # its contactors do not close, and it does not notice
    late_close_s: float = 0.0                    # they close so much later
    tell_faults: int = 0                         # 102.4
    tell_status: int = 0                         # 102.5
    rate: tuple[int, int] | None = None          # 100.6 and 102.6
    target: int | None = None                    # 102.1-2
    request: int | None = None                   # 102.3
    max_time: tuple[int, int] | None = None      # 101.1 and 101.2
    plateau: bool = False                        # asks for 0 A and goes on
