"""`main.py --simulate`: runs one charge at the wanted pace, shows it, writes its folder, says how it went."""
from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from drivers.can.candump import CanLog
from drivers.errors import DriverError
from drivers.session_folder import SessionFolder
from drivers.sim.lamp import LAMP_OHM
from drivers.sim.link import LinkConfig
from drivers.sim.plant_config import PlantConfig
from exi_native import codec
from kernel.clock import MonotonicClock
from kernel.journal import Event
from kernel.realtime import settle_garbage
from kernel.settings_text import dump
from kernel.timer import S
from tasks.config import Config
from tasks.v2g.session import SCHEMAS
from tools.show.charge_phases import AC_PHASES, PHASES, as_passed
from tools.show.summary import PhaseTime, Summary, write_summary
from tools.show.terminal import TerminalShow
from tools.show.view import BY_PILOT, View, side_view
from tools.simulate.boxes import BoxFiles
from tools.simulate.chademo import shown
from tools.simulate.charge import Charge
from tools.simulate.fleet import choose
from tools.simulate.fleet.encounter import Encounter
from tools.simulate.invariants import Broken
from tools.simulate.pace import FRAME, STEP_SPEED, Pace
from tools.simulate.why import trip_hint

SETUP = 500                  # checkpoint of SessionSetupReq
AC_SOC_START = 88.0          # percent: at 4 or 11 kW a charge from 20 % would be a show of a minute
LONGEST = 60 * S             # of virtual time between two looks
NO_POWER_LIMIT = 900 * S     # a car tries again and again; a person has gone to another charger long before
LIVE_CHARGING = 45.0         # s of wall time for the charging loop that a browser shows
BRIDGE_SOC_START = 60.0      # percent: the same, because a bridge takes twice the work per virtual second


def run(config: Config, args: Any) -> int:
    """Exit code 0: the charge ended in order. 1: it did not. `args` is tasks.command_line.parse()."""
    if "list" in (args.charger, args.car):
        print(choose.listing())
        return 0
    if args.bridge == shown.LIST:
        print(shown.listing())
        return 0
    charger, car = choose.choose(args.charger, args.car)
    vehicle = shown.choose(args.bridge)
    plant = PlantConfig()
    if config.evse.ac:
        plant.battery_soc_percent = AC_SOC_START
    elif vehicle is not None:
        plant.battery_soc_percent = BRIDGE_SOC_START
    if args.soc_start is not None:
        plant.battery_soc_percent = args.soc_start
    if config.evse.energy_transfer_modes == ["AC_single_phase_core"]:
        plant.mains_phases = 1
    if args.battery_kwh is not None:
        plant.battery_capacity_wh = args.battery_kwh * 1000
        vehicle = vehicle and replace(vehicle, capacity_wh=plant.battery_capacity_wh)
    if config.ev.light_bulb_demo:
        plant.lamp_ohm, plant.lamp_voltage_v, plant.lamp_current_a = LAMP_OHM, config.ev.light_bulb_voltage_v, config.ev.light_bulb_current_a
    link = LinkConfig(delay_us=round(args.delay * 1000), drop_percent=args.drop)
    names = {"pev": "pev" if vehicle is None else "bridge", "evse": "evse"}
    who = "-".join(filter(None, (args.bridge, args.charger or args.car))) or "simulation"
    where = Path(args.output or f"sessions/{who}-seed{args.seed}")
    if (where / "frames.pcap").exists():
        print(f"{where}: what an earlier run has left there is overwritten; another folder: --output DIR")
    folder = SessionFolder(where, tuple(names.values()), dump(config))
    can_log = None if vehicle is None else _can_log(folder)
    wall = MonotonicClock()
    began = wall.now()
    show = TerminalShow(sys.stdout)

    def sink(name: str, event: Event) -> None:
        folder.journals[names[name]](event)
        show.note(names[name], event)

    library = codec.load(schemas=SCHEMAS)
    recorded = frozenset(side for side, foreign in (("pev", car), ("evse", charger)) if foreign is None)      # a stranger has no box of ours
    if vehicle is not None:
        charge: Charge = shown.ShownBridge(vehicle, charger, config, plant, library, args.seed, link, folder.pcap, (sink,), recorded=recorded, can_log=can_log)
    elif charger is None and car is None:
        charge = Charge(config, plant, library, args.seed, link, folder.pcap, (sink,), recorded)
    else:
        charge = Encounter(charger, car, config, plant, library, args.seed, link, folder.pcap, (sink,), recorded)
    boxes = BoxFiles(folder.path, charge, {"why": f"simulation of {who}, seed {args.seed}"})
    soc_from = charge.plant.battery.soc
    live = None
    if args.live:
        from tools.simulate.live import LiveShow
        live = LiveShow(config.live, charge, config.mode, wall)
    settle_garbage()          # as the box itself runs
    interrupted = given_up = False
    try:
        if live is not None:
            live.wait_for_somebody()
        with show:
            show.on_stop(charge.stop)
            show.on_key(charge.press)
            given_up = not _play(charge, config, _pace(args, vehicle is not None), show, wall, soc_from, boxes, live)
    except KeyboardInterrupt:
        interrupted = True
    finally:
        for node in (charge.car, charge.charger):
            node.journal.flush()
        folder.close()
        boxes.close()
        if can_log is not None:
            can_log.close()
    snapshot = charge.plant.snapshot(charge.clock.time)
    last = charge.car.checkpoints[-1][0] if charge.car.checkpoints else charge.clock.time
    if given_up:
        print(f"\nThe simulation gave up at {charge.clock.time / S:.0f} s of virtual time: for {NO_POWER_LIMIT // (60 * S)} min no power has flowed, "
              f"{charge.link.lost} of {charge.link.carried + charge.link.lost} frames were lost (--drop).")
    write_summary(sys.stdout, Summary(
        reason=charge.reason, duration=last, wall=wall.now() - began, energy=snapshot.stored_wh, soc_from=soc_from,
        soc_to=snapshot.soc_percent, phases=phases(charge.car.checkpoints), trip=charge.trip, trip_hint=trip_hint(charge.trip),
        damage=[f"{i.kind} {i.value:.1f} at {i.at / S:.3f} s" for i in charge.plant.incidents if i.damage],
        broken=[str(b) for b in _broken(charge)], looked=charge.invariants.looked,
        sessions=sum(number == SETUP for _, number, _ in charge.car.checkpoints),
        frames=charge.link.carried, dropped=charge.link.lost, trace_hash=charge.trace_hash(),
        files=[("pcap", str(folder.pcap_path)), ("black box", ", ".join(map(str, boxes.paths))), *([] if can_log is None else [("CAN", str(can_log.path))]),
               ("journals", ", ".join(str(p) for p in folder.journal_paths.values())), ("config", str(folder.settings))],
        through_plug=charge.car.signals.session_energy.value, **_of_bridge(charge)))
    if isinstance(charge, Encounter):
        choose.write_peer(sys.stdout, charge)
    if live is not None:
        live.stay(interrupted)
    return 0 if charge.good and not interrupted and not given_up else 1


def _pace(args: Any, bridge: bool) -> Pace:
    """A page in a browser is looked at more closely than a terminal, and has buttons."""
    steps = shown.STEPS if bridge else STEP_SPEED
    return Pace(args.pace, steps / 2, LIVE_CHARGING) if args.live else Pace(args.pace, steps)


def _can_log(folder: SessionFolder) -> CanLog:
    try:
        return CanLog(folder.path / "can.log")
    except OSError as error:
        raise DriverError(f"The folder {folder.path} cannot be written ({error.strerror}).", "Choose another one with --output DIR.") from error


def _broken(charge: Charge) -> list[Broken]:
    return [*charge.invariants.broken, *(charge.bridge_invariants.broken if isinstance(charge, shown.ShownBridge) else ())]


def _of_bridge(charge: Charge) -> dict[str, Any]:
    """What the summary of a bridge's charge says besides."""
    return {"beside": ("CHAdeMO", charge.chademo_phases()), "remarks": charge.remarks()} if isinstance(charge, shown.ShownBridge) else {}


def _stop_soc(config: Config) -> float:
    """Percent at which the box ends the charge."""
    return config.bridge.stop_soc_percent if config.mode == "bridge" else config.ev.stop_soc_percent


def _play(charge: Charge, config: Config, pace: Pace, show: TerminalShow, wall: MonotonicClock, soc_from: float, boxes: BoxFiles, live: Any = None) -> bool:
    """Run and show until the charge is over. False: no power has come for so long that none will."""
    next_picture, powered_at = wall.now(), charge.clock.time
    while not charge.over:
        if charge.charging or charge.paused:
            powered_at = charge.clock.time
        elif charge.clock.time - powered_at >= NO_POWER_LIMIT:
            return False
        target = pace.target(charge.clock.time, charge.charging, _charging_left(charge, config), charge.paused)
        charge.run_until(min(target, charge.clock.time + LONGEST))
        boxes.look()
        show.update(view(charge, soc_from, _stop_soc(config)))
        if live is not None:
            live.update()
        if pace.waits():
            next_picture = max(next_picture + int(FRAME * S), wall.now() - S)
            wall.wait_until(next_picture, ())
    return True


def _charging_left(charge: Charge, config: Config) -> int | None:
    """ns of charging still to come at the power that the battery wants now; None when it wants nothing."""
    plant = charge.plant
    current = min(plant.battery.wanted_current(), plant.config.stage_max_current_a, config.evse.max_current_a, config.ev.max_current_a)
    power = plant.battery.ocv() * current
    if plant.ac.live:
        power = min(power, plant.ac.target() * plant.ac.voltage * plant.ac.phases)
    if power <= 0.0:
        return None
    left = (_stop_soc(config) - plant.battery.soc) / 100.0 * plant.config.battery_capacity_wh
    return max(0, int(left / power * 3600 * S))


def view(charge: Charge, soc_from: float, soc_to: float) -> View:
    """What the show looks at, now."""
    now = charge.clock.time
    car = side_view(charge.car.signals, now, True, charge.car.board.oled.pages)
    charger = side_view(charge.charger.signals, now, False, charge.charger.board.oled.pages)
    progress = None if car.soc is None else min(1.0, max(0.0, (car.soc - soc_from) / max(soc_to - soc_from, 0.1)))
    energy = charge.plant.ac.energy / 3600 if charger.connection_state == BY_PILOT else charge.car.signals.session_energy.value
    return View(now, car, charger, progress, soc_from, soc_to, energy, charge.link.carried, charge.link.lost,
                charge.view() if isinstance(charge, shown.ShownBridge) else None)


def phases(checkpoints: list[tuple[int, int, str]]) -> list[PhaseTime]:
    """Begin and duration of each phase from the first time its checkpoint was passed; phases that never began are left out."""
    first: dict[int, int] = {}
    for at, number, _ in checkpoints:
        first.setdefault(number, at)
    marks = as_passed([(first[number], name) for number, name in (AC_PHASES if 720 in first else PHASES) if number in first])
    last = max((at for at, _, _ in checkpoints), default=0)
    ends = [at for at, _ in marks[1:]] + [last]
    return [PhaseTime(name, at, max(0, end - at)) for (at, name), end in zip(marks, ends) if name]
