"""The stage for the display tests: the scenes of tools/screens."""
from tools.screens.scenes import (AC_CAR, AC_CHARGER, BRIDGE, BRIDGE_STEPS, CAR, CHARGER, HEARD, KNOWN_CAR, KNOWN_CHARGER, LARGEST, LARGEST_AC, LARGEST_BRIDGE, NOW,
                                  SAYS, put, signals)

__all__ = ["AC_CAR", "AC_CHARGER", "BRIDGE", "BRIDGE_STEPS", "CAR", "CHARGER", "HEARD", "KNOWN_CAR", "KNOWN_CHARGER", "LARGEST", "LARGEST_AC", "LARGEST_BRIDGE", "NOW", "SAYS", "put", "signals",
           "texts"]


def texts(screen):
    return [screen.title, *(row.text for row in screen.rows)]
