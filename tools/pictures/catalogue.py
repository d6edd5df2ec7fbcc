"""Every picture by the name of its file."""
from __future__ import annotations

from tasks.config import Config
from tools.pictures import boards, circuits, panels, reference
from tools.pictures.canvas import Drawing


def catalogue(config: Config | None = None) -> dict[str, Drawing]:
    """File name -> picture, of these settings or of the defaults. ValueError where a pin cannot be shown."""
    config = config if config is not None else Config()
    return {"coupling.svg": circuits.coupling(config), "raspberry-pi.svg": boards.raspberry_pi(config.raspberry_pi, config.oled),
            "beaglebone.svg": boards.beaglebone(config.beaglebone, config.oled), "power.svg": circuits.power(config), "bench.svg": circuits.bench(config),
            "screens.svg": panels.screens(), "protection.svg": reference.protection(config), "measuring.svg": reference.measuring(config)}
