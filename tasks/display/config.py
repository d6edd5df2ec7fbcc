"""Settings of the display: how bright it is and when, how it wanders, how its pages fall back. Section `display`."""
from __future__ import annotations

from kernel.record import settings_class
from kernel.settings import setting


@settings_class(slots=True)
class DisplayConfig:
    """Dimmed by inactivity and not by the hour: a box in a car seldom knows the time of day."""

    brightness: int = setting(160, low=1, high=255, meaning="contrast register while somebody looks; a lower one lets the panel live longer")
    dim_brightness: int = setting(8, low=0, high=255, meaning="contrast register when nobody has touched it and nothing has happened for dim_after_min")
    dim_after_min: float = setting(5.0, unit="min", low=0, high=1440, meaning="0: never dimmed, but by a long press")
    dark_after_min: float = setting(60.0, unit="min", low=0, high=1440, meaning=(
        "nothing but a wandering dot, while nothing is plugged in, with a button also after an end; 0: never"))
    wander_min: float = setting(3.0, unit="min", low=0, high=60, meaning="the picture moves by a pixel this often, so that it does not burn in; 0: never")
    page_s: float = setting(30.0, unit="s", low=5, high=600, meaning="another page than the first falls back to it after so long")
