"""Settings of what the box looks at in itself."""
from __future__ import annotations

from kernel.record import settings_class
from kernel.settings import setting


@settings_class(slots=True)
class DoctorConfig:
    """Section `doctor` of the configuration: the examination of `main.py doctor`."""

    at_start: bool = setting(True, meaning="look through the box a few seconds after each start, beside it and at the lowest priority; what is wrong stands in the journal and on the display at rest")
