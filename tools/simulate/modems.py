"""A simulated charge whose two boxes have modems of different kinds."""
from __future__ import annotations

import copy
from typing import Any

from tasks.config import Config
from tasks.homeplug.emulator_kinds import KINDS
from tasks.homeplug.emulator_nic import EmulatedModemNic
from tools.simulate.charge import Charge

WORKING = tuple(kind for kind, habits in KINDS.items() if not habits.boot_loader and kind != "tplink")
"""Kinds with which a charge is possible, each under one name."""


class ModemPair(Charge):
    """`car`, `charger`: names of KINDS. `modems`: the emulated interfaces by node name (pev, evse)."""

    def __init__(self, car: str, charger: str, config: Config, *args: Any, **kwargs: Any) -> None:
        self._kinds = {"pev": car, "evse": charger}
        self.modems: dict[str, EmulatedModemNic] = {}
        super().__init__(config, *args, **kwargs)

    def _config(self, name: str, config: Config) -> Config:
        config = copy.deepcopy(config)
        config.modem_emulator.kind = self._kinds[name]
        return config

    def _nic(self, name: str, nic: EmulatedModemNic) -> EmulatedModemNic:
        self.modems[name] = nic
        return nic
