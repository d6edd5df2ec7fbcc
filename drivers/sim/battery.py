"""A traction battery and its management: open circuit voltage, internal resistance, charge, wanted current."""
from __future__ import annotations

from drivers.interfaces import BatteryReading

# Open circuit voltage of one NMC cell by SoC percent; general shape of the chemistry, not a certain product.
CELL_OCV = ((0, 3.20), (10, 3.45), (20, 3.55), (40, 3.65), (60, 3.78), (80, 3.95), (90, 4.06), (100, 4.15))
# The two classes of CHAdeMO cars' packs, fitted to measured ones (chademo sheet 4.4, number 5).
CLASS_N_OCV = ((0, 3.375), (10, 3.50), (20, 3.55), (30, 3.575), (40, 3.60), (50, 3.70), (60, 3.75), (70, 3.81), (80, 3.93), (90, 4.03), (100, 4.19))
CLASS_M_OCV = ((0, 3.55), (7, 3.645), (12, 3.75), (17, 3.77), (27, 3.83), (37, 3.93), (47, 3.955), (55, 3.98), (73, 3.995), (88, 4.07), (100, 4.12))
Curve = tuple[tuple[int, float], ...]
CURVES: dict[str, Curve] = {"general": CELL_OCV, "class_n": CLASS_N_OCV, "class_m": CLASS_M_OCV}
CELL_MAX_VOLTAGE = 4.20


def cell_ocv(percent: float, curve: Curve = CELL_OCV) -> float:
    """Linear interpolation in `curve`, V of one cell."""
    for (p0, v0), (p1, v1) in zip(curve, curve[1:]):
        if percent <= p1:
            return v0 + (v1 - v0) * (percent - p0) / (p1 - p0)
    return curve[-1][1]


class Battery:
    """State of charge moves by charge that flows, nothing else. V, A, Ohm, Wh, percent."""

    __slots__ = ("soc", "resistance", "capacity", "charge", "max_voltage", "max_current", "max_power", "permission",
                 "taper_from", "taper_to", "_table")

    def __init__(self, *, cells: int, capacity: float, resistance: float, soc: float, max_current: float, max_power: float,
                 taper_from: float, taper_to: float, curve: Curve = CELL_OCV) -> None:
        """The BMS lowers its wish linearly from `taper_from` percent SoC to `taper_to` (fraction of the maximum) at 100 %."""
        self._table = [cells * cell_ocv(p, curve) for p in range(102)]
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
