"""Opens the devices and files of one box: network interface, board, keyboard, session folder, service watchdog."""
from __future__ import annotations

import os
import random
import sys
import time
from argparse import Namespace
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

from drivers.board import (AcChargerBoard, CarBoard, ChargerBoard, ListenBoard, ac_charger_on_lines, car_on_lines, charger_on_lines,
                           simulated_ac_charger, simulated_car, simulated_charger)
from drivers.errors import DriverError
from drivers.journal_file import Console
from drivers.kernel_network import KernelNetwork
from drivers.keyboard import Keyboard
from drivers.nic_ears import NicConfig
from drivers.nic_pcap import PcapEars, PcapNic
from drivers.own_modem import open_own_modem
from drivers.process import Process
from drivers.session_folder import SessionFolder
from drivers.session_log import CSV_NAME, SessionLog
from drivers.sim.lamp import LAMP_OHM
from drivers.sim.lines import Lines
from drivers.sim.oled import SimOled
from drivers.sim.plant import Plant
from drivers.sim.plant_config import PlantConfig
from kernel.clock import MonotonicClock
from kernel.journal import Journal
from kernel.scheduler import Kernel
from kernel.settings import dump
from kernel.task import CRITICAL, Row
from kernel.timer import MS, US
from kernel.watchdog import Watchdog
from tasks.config import Config
from tasks.homeplug.emulator import EmulatedModem
from tasks.homeplug.emulator_nic import EmulatedModemNic
from tasks.listen.account import SECC_LOG
from tasks.signals import Signals
from tasks.table import Surroundings, Table
from tools.appliance.about import about
from tools.appliance.kernel_watch import KernelWatch
from tools.appliance.liveness import Liveness
from tools.show.listen_show import ListenShow, ShowTask, screen_wanted, show_row
from tools.simulate.shadow import ShadowAcCar, ShadowCar, ShadowCharger


def open_board(config: Config, args: Namespace, signals: Signals, now: int, lines: Lines | None = None) -> tuple[CarBoard | ChargerBoard | AcChargerBoard | ListenBoard, list[Row]]:
    """The board and the rows that simulate its surroundings. `lines`: where its outputs are. DriverError says what is missing."""
    listening = config.mode == "listen"
    if not listening and not args.simulate_io:
        raise DriverError("This version has no drivers for voltmeter, pilot, contactors and lock.",
                          "Use --simulate-io (real network interface, simulated voltages), or --simulate for everything in one process.")
    if listening:
        ears = PcapEars(NicConfig(interface=config.interface, reception="promiscuous"))
        return ListenBoard(ears, SimOled(), open_own_modem(config.interface) if config.listen.join else None), []
    nic = PcapNic(NicConfig(interface=config.interface))
    if config.modem_emulator.enabled:
        nic = EmulatedModemNic(nic, EmulatedModem(config.modem_emulator, nic.mac, config.mode == "evse", random.SystemRandom()))
    plant_config = PlantConfig()
    if args.soc_start is not None:
        plant_config.battery_soc_percent = args.soc_start
    if args.battery_kwh is not None:
        plant_config.battery_capacity_wh = args.battery_kwh * 1000
    if config.ev.light_bulb_demo and config.mode == "pev":
        plant_config.lamp_ohm, plant_config.lamp_voltage_v, plant_config.lamp_current_a = LAMP_OHM, config.ev.light_bulb_voltage_v, config.ev.light_bulb_current_a
    plant = Plant(plant_config, start=now)
    if config.mode == "evse" and config.evse.ac:
        board = simulated_ac_charger(plant, nic) if lines is None else ac_charger_on_lines(plant, nic, lines)
        shadow = ShadowAcCar(plant, signals, config.evse.ac_max_current_a)
    elif config.mode == "evse":
        board = simulated_charger(plant, nic) if lines is None else charger_on_lines(plant, nic, lines)
        shadow = ShadowCar(plant, signals)
    else:
        board = simulated_car(plant, nic) if lines is None else car_on_lines(plant, nic, lines)
        shadow = ShadowCharger(plant, signals)
    return board, [Row("shadow", shadow, 20 * MS, 140 * US, CRITICAL)]


def watch_kernel(config: Config, signals: Signals, journal: Journal, now: int) -> list[Row]:
    """The row that keeps an eye on the operating system's network; a listener shares its interface with whom it likes."""
    if config.mode == "listen":
        return []
    watch = KernelWatch(KernelNetwork(config.interface), signals, journal, disable=config.ipv6.kernel_ipv6 == "disable")
    watch.look(now)
    return [watch.row()]


def wake_for_modem(board: CarBoard | ChargerBoard | AcChargerBoard | ListenBoard, kernel: Kernel) -> None:
    """An emulated modem answers within a millisecond and has no descriptor for it: without this its answers wait for the next frame from outside."""
    if isinstance(board.nic, EmulatedModemNic):
        board.nic.on_event = kernel.waker("frame_rx")


@contextmanager
def surround(config: Config, args: Namespace, journal: Journal, clock: MonotonicClock, system: Process, signals: Signals) -> Iterator[Surroundings]:
    """Keyboard, journal on standard output, session folder when asked for, watchdog; all given back at the end."""
    start = clock.now()

    show = ListenShow(sys.stdout) if config.mode == "listen" and screen_wanted(args) else None
    journal.add_sink(Console(sys.stdout, start) if show is None else show.event)
    folder, epoch_ns = None, time.time_ns() - start
    if args.output:
        folder = SessionFolder(args.output, (config.mode,), dump(config), start=start, epoch_ns=epoch_ns, turn=config.mode == "listen")
        journal.add_sink(folder.journals[config.mode])
    files = session_log(config, args.output, epoch_ns) if config.mode == "listen" else None
    keys = Keyboard(sys.stdin) if show is None else show

    def screen(made: Table) -> list[Row]:
        return [show_row(ShowTask(show, config.interface, made.listener, signals, journal, start, config.listen.show_nmk, system.leave))]
    watchdog = Liveness(Watchdog(os.environ))
    try:
        yield Surroundings(keys=keys, terminate=lambda: system.terminate, tap=None if folder is None else folder.tap,
                           sinks=() if folder is None else (folder,), watchdog=watchdog, about=about(), files=files, screen=None if show is None else screen)
    finally:
        journal.flush()
        keys.close()
        if folder is not None:
            folder.close()


def session_log(config: Config, output: str | None, epoch_ns: int) -> SessionLog | None:
    """Where a listener files sessions: `listen.secc_log`, or beside its other files; None when neither is named."""
    folder = None if output is None else Path(output)
    secc_log = Path(config.listen.secc_log) if config.listen.secc_log else None if folder is None else folder / CSV_NAME
    return None if secc_log is None else SessionLog(secc_log, folder, SECC_LOG, epoch_ns)
