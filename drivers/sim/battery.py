"""A traction battery and its management: open circuit voltage, internal resistance, charge, wanted current."""
from __future__ import annotations

from drivers.interfaces import BatteryReading

# Open circuit voltage of one NMC cell by SoC percent; general shape of the chemistry, not a certain product.
CELL_OCV = ((0, 3.20), (10, 3.45), (20, 3.55), (40, 3.65), (60, 3.78), (80, 3.95), (90, 4.06), (100, 4.15))
CELL_MAX_VOLTAGE = 4.20


def cell_ocv(percent: float) -> float:
    """Linear interpolation in CELL_OCV."""
    for (p0, v0), (p1, v1) in zip(CELL_OCV, CELL_OCV[1:]):
        if percent <= p1:
            return v0 + (v1 - v0) * (percent - p0) / (p1 - p0)
    return CELL_OCV[-1][1]


class Battery:
    """State of charge moves by charge that flows, nothing else. V, A, Ohm, Wh, percent."""

    __slots__ = ("soc", "resistance", "capacity", "charge", "max_voltage", "max_current", "max_power", "permission",
                 "taper_from", "taper_to", "_table")

    def __init__(self, *, cells: int, capacity: float, resistance: float, soc: float, max_current: float, max_power: float,
                 taper_from: float, taper_to: float) -> None:
        """The BMS lowers its wish linearly from `taper_from` percent SoC to `taper_to` (fraction of the maximum) at 100 %."""
        self._table = [cells * cell_ocv(p) for p in range(102)]
        self.soc = soc
        self.resistance = resistance
        self.capacity = capacity
        mean = (sum(self._table[:101]) - (self._table[0] + self._table[100]) / 2) / 100
        self.charge = capacity * 3600.0 / mean      # coulomb between 0 and 100 %
        self.max_voltage = cells * CELL_MAX_VOLTAGE
        self.max_current = max_current
        self.max_power = max_power
        self.permission = True
        self.taper_from = taper_from
        self.taper_to = taper_to

    def ocv(self) -> float:
        """Open circuit voltage at the present state of charge."""
        soc = self.soc
        i = int(soc)
        table = self._table
        v = table[i]
        return v + (table[i + 1] - v) * (soc - i)

    def precharge_voltage(self) -> float:
        """What the inlet shall have before the contactors close."""
        return self.ocv()

    def closing_current(self, inlet: float) -> float:
        """None that lasts: the capacitors are pulled to the battery."""
        return 0.0

    def add(self, coulomb: float) -> None:
        """Charge that went in; an over-full or empty battery stays at its end (the BMS should not let it come so far)."""
        self.soc = min(100.0, max(0.0, self.soc + 100.0 * coulomb / self.charge))

    def wanted_current(self) -> float:
        """CC, then the lower of the SoC taper and the current that just reaches the maximum cell voltage; 0 when full."""
        soc = self.soc
        if soc >= 100.0 or not self.permission:
            return 0.0
        ocv = self.ocv()
        wanted = min(self.max_current, (self.max_voltage - ocv) / self.resistance, self.max_power / ocv)
        if soc > self.taper_from:
            part = (soc - self.taper_from) / (100.0 - self.taper_from)
            wanted = min(wanted, self.max_current * (1.0 + (self.taper_to - 1.0) * part))
        return max(0.0, wanted)

    def tell(self, reading: BatteryReading, current: float, at: int) -> BatteryReading:
        """What the BMS tells while `current` flows in: tenths, as on most vehicles' buses; a wish is never rounded up."""
        r = reading
        r.voltage.hear(round((self.ocv() + current * self.resistance) * 10) / 10, at)
        r.soc_percent.hear(int(self.soc * 10) / 10, at)
        r.target_voltage.hear(self.max_voltage, at)
        r.target_current.hear(int(self.wanted_current() * 10) / 10, at)
        r.max_voltage.hear(self.max_voltage, at)
        r.max_current.hear(self.max_current, at)
        r.max_power.hear(self.max_power, at)
        r.capacity.hear(self.capacity, at)
        r.permission.hear(self.permission, at)
        return r
