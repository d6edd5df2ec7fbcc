"""The retransmission timeout: measured round trips, smoothed, doubled after each loss (RFC 6298)."""
from __future__ import annotations

from tasks.tcp.timing import CLOCK_GRANULARITY, INITIAL_RTO, MAX_RTO, MIN_RTO


class RetransmissionTimeout:
    """`current()` ns; `sample` only with segments that were sent once (Karn)."""

    __slots__ = ("srtt", "rttvar", "base", "doublings")

    def __init__(self) -> None:
        self.srtt = -1
        self.rttvar = 0
        self.base = INITIAL_RTO
        self.doublings = 0

    def sample(self, rtt: int) -> None:
        """alpha 1/8, beta 1/4, K 4 (RFC 6298 2.2, 2.3)."""
        if self.srtt < 0:
            self.srtt = rtt
            self.rttvar = rtt >> 1
        else:
            self.rttvar += (abs(self.srtt - rtt) - self.rttvar) >> 2
            self.srtt += (rtt - self.srtt) >> 3
        base = self.srtt + max(CLOCK_GRANULARITY, 4 * self.rttvar)
        self.base = MIN_RTO if base < MIN_RTO else MAX_RTO if base > MAX_RTO else base

    def back_off(self) -> None:
        if self.current() < MAX_RTO:
            self.doublings += 1

    def progress(self) -> None:
        self.doublings = 0

    def current(self) -> int:
        return min(self.base << self.doublings, MAX_RTO)
