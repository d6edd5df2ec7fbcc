"""Answer times as a histogram: bounded, exact to 0.1 ms."""
from __future__ import annotations

MAX_BUCKETS = 20_000         # of one histogram
BUCKET = 100_000             # ns, 0.1 ms: the resolution of the answer times


class Latency:
    """Answer times of one kind of request, ns."""

    __slots__ = ("count", "greatest", "last", "_buckets")

    def __init__(self) -> None:
        self.count = 0
        self.greatest = 0
        self.last = 0
        self._buckets: dict[int, int] = {}

    def add(self, ns: int) -> None:
        self.count += 1
        self.last = ns
        self.greatest = max(self.greatest, ns)
        bucket = max(0, ns) // BUCKET
        if bucket in self._buckets or len(self._buckets) < MAX_BUCKETS:
            self._buckets[bucket] = self._buckets.get(bucket, 0) + 1

    def median(self) -> int:
        return self.quantile(50)

    def quantile(self, percent: int) -> int:
        """ns, the middle of the 0.1 ms in which this share of the values lies; 0 without values."""
        total = sum(self._buckets.values())
        seen = 0
        for bucket in sorted(self._buckets):
            seen += self._buckets[bucket]
            if seen * 100 >= total * percent:
                return min(bucket * BUCKET + BUCKET // 2, self.greatest)
        return 0
