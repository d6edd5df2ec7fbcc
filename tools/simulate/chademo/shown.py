"""A bridge's charge for people: what the show looks at, the phases of both protocols, what the car noticed, and a log of the CAN bus."""
from __future__ import annotations

from difflib import get_close_matches
from typing import Any

from drivers.can.candump import CanLog
from drivers.sim.plant_config import PlantConfig
from kernel.journal import Event
from kernel.settings import SettingsError
from kernel.timer import S
from tasks.chademo.states import ROWS, Side
from tasks.chademo.wire import CHARGER_STATUS, STATUS
from tasks.config import Config
from tools.show.bridge_view import BridgeView, bridge_view
from tools.show.summary import PhaseTime
from tools.simulate.chademo.bridge_charge import BridgeCharge
from tools.simulate.chademo.profiles import PROFILES
from tools.simulate.chademo.tapped_segment import Tapped
from tools.simulate.chademo.traits import CarTraits
from tools.simulate.charge import PLUG_IN
from tools.simulate.fleet.traits import Personality

LIST = "list"
AMPERE = 1.0                 # A: current has begun
MOST_STATES = 64             # changes of state kept for the summary
CHANGED = "%s -> %s"         # how the rows `chademo` and `bridge` tell a change of state
LOOK = "Look"                # the interlock's phase in which the car is only asked
STEPS = 5.0                  # virtual s per wall s before and after charging: both protocols take 22 s to the first ampere
IDLE, ENDED = Side.Idle.name, Side.Ended.name


def listing() -> str:
    """Every car with its line."""
    lines = ["--bridge (a CHAdeMO car at a CCS charger)"]
    for name, car in PROFILES.items():
        figures = f"{car.capacity_wh / 1000:.0f} kWh, target {car.target_voltage} V, at most {car.max_current:.0f} A, protocol {car.protocol}"
        lines.append(f"  {name:<10} {figures}: {car.source}")
    return "\n".join(lines)


def choose(name: str | None) -> CarTraits | None:
    """SettingsError with the whole list for a name that no car has."""
    if name is None or name in PROFILES:
        return None if name is None else PROFILES[name]
    near = get_close_matches(name, PROFILES, 1)
    guess = f" Did you mean {near[0]}?" if near else ""
    raise SettingsError([f"Known are\n{listing()}\n--bridge {name}: no car is called so.{guess}"])


class ShownBridge(BridgeCharge):
    """A BridgeCharge that remembers what a person wants to see. `first_ampere`: ns from plugging in, None as long as none flowed."""

    def __init__(self, vehicle: CarTraits, charger: Personality | None, config: Config, plant: PlantConfig, codec: Any, *args: Any,
                 can_log: CanLog | None = None, **more: Any) -> None:
        self.first_ampere: int | None = None
        self.newest: dict[int, tuple[int, bytes]] = {}           # 102 and 109 alone: time and octets of the last
        self.changes: list[tuple[int, str, bool]] = []           # time and name of the CHAdeMO side's states; the car was only asked then
        self._looking = False
        self._charger_name = "our charger" if charger is None else charger.name
        self._can_log = can_log
        super().__init__(vehicle, charger, config, plant, codec, *args, soc=plant.battery_soc_percent, **more)
        self.segment.listeners.append(self._hear)
        self.car.journal.add_sink(self._note)

    def view(self) -> BridgeView:
        """Now."""
        return bridge_view(self.car.signals, self.clock.time, self.newest, self.vehicle.traits.name, self._charger_name)

    def chademo_phases(self) -> list[PhaseTime]:
        """Each state with its time, but for rest; `look: ` before those of a session that was to charge nothing."""
        ends = [at for at, _, _ in self.changes[1:]] + [self.clock.time]
        return [PhaseTime(f"{'look: ' if looking else ''}{ROWS[Side[name]].text}", at, end - at)
                for (at, name, looking), end in zip(self.changes, ends) if name not in (IDLE, ENDED)]

    def remarks(self) -> list[tuple[str, str]]:
        """What the summary says of the car and of both together."""
        car = self.vehicle
        first = "none" if self.first_ampere is None else f"{self.first_ampere / S:.1f} s"
        noticed = [*(f"{name} tripped" for name in dict.fromkeys(car.tripped)), *(f"trouble code {code} ({count})" for code, count in car.dtcs.items())]
        out = self.car.signals.session_energy_out.value
        drawn = [] if out is None else [("drawn out", f"{out / 1000:.2f} kWh, as the charger reports it")]
        return [*drawn, ("plug to 1 A", first), ("car", f"{car.traits.name}, ended: {car.ended or 'not at all'}"), ("noticed", ", ".join(noticed) or "nothing")]

    def _watch(self) -> None:
        super()._watch()
        if self.first_ampere is None and self.plant.current >= AMPERE and self.car.signals.v2g_state.value == "CurrentDemand":
            self.first_ampere = self.clock.time - PLUG_IN

    def _hear(self, frame: Tapped) -> None:
        if not frame.heard:                                      # nobody was there to receive it
            return
        if frame.id in (STATUS, CHARGER_STATUS):
            self.newest[frame.id] = frame.at, frame.data
        if self._can_log is not None:
            self._can_log.write(frame.at, frame.id, frame.data)

    def _note(self, event: Event) -> None:
        source = event.source.rpartition("/")[2]
        if event.text != CHANGED or source not in ("bridge", "chademo"):
            return
        new = str(event.args[1])
        if source == "bridge":
            self._looking = new == LOOK
        elif len(self.changes) < MOST_STATES:
            self.changes.append((event.at, new, self._looking))
