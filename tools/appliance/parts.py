"""Opens the devices and files of one box: network interface, board, keyboard, session folder, service watchdog."""
from __future__ import annotations

import os
import random
import sys
import time
from argparse import Namespace
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Iterator

from drivers.board import AcChargerBoard, CarBoard, ChargerBoard, ListenBoard
from drivers.journal_file import Console
from drivers.kernel_network import KernelNetwork
from drivers.keyboard import Keyboard
from drivers.nic_ears import NicConfig
from drivers.nic_open import open_ears, open_nic
from drivers.process import Process
from drivers.sim.lines import Lines
from kernel.channels import Mailbox
from kernel.clock import MonotonicClock
from kernel.journal import Journal
from kernel.scheduler import Kernel
from kernel.settings_text import dump
from kernel.task import Row
from kernel.watchdog import Watchdog
from tasks.config import Config
from tasks.ethernet.task import Tap
from tasks.signals import Signals
from tasks.table import Surroundings, Table
from tools.appliance.about import about
from tools.appliance.doctor_watch import DoctorWatch
from tools.appliance.kernel_watch import KernelWatch
from tools.appliance.liveness import Liveness
from tools.appliance.peer_log import PeerLog, peer_log_row
from tools.appliance.real_board import BoardPlan, listener_display
from tools.appliance.session_record import SessionRecord

if TYPE_CHECKING:                 # a listener's: nobody else loads them
    from drivers.session_log import SessionLog
    from tools.show.listen_show import ListenShow


def open_board(config: Config, args: Namespace, signals: Signals, now: int, lines: Lines | None = None,
               plan: BoardPlan | None = None) -> tuple[CarBoard | ChargerBoard | AcChargerBoard | ListenBoard, list[Row]]:
    """The board and the rows that simulate its surroundings. `lines`: where its outputs are. `plan`: of a real board. DriverError says what is missing."""
    driver = config.nic.driver
    if config.mode == "listen":
        from drivers.own_modem import open_own_modem
        ears = open_ears(NicConfig(interface=config.interface, reception="promiscuous", driver=driver))
        oled, polled = listener_display(config)
        return ListenBoard(ears, oled, open_own_modem(config.interface) if config.listen.join else None, polled), []
    nic = open_nic(NicConfig(interface=config.interface, driver=driver))
    if config.modem_emulator.enabled:
        from tasks.homeplug.emulator import EmulatedModem
        from tasks.homeplug.emulator_nic import EmulatedModemNic
        nic = EmulatedModemNic(nic, EmulatedModem(config.modem_emulator, nic.mac, config.mode == "evse", random.SystemRandom()))
    if plan is not None:
        return plan.open(lines, nic, now), []
    from tools.appliance.simulated_io import open_simulated_io
    return open_simulated_io(config, args, signals, nic, now, lines)


def meet(config: Config, args: Namespace, clock: MonotonicClock, signals: Signals, journal: Journal, board: CarBoard | ChargerBoard | AcChargerBoard | ListenBoard) -> list[Row]:
    """The row that files whom this car or charger has met, where it is wanted."""
    if config.mode == "listen":
        return []
    row = peer_log_row(config.peer_log, args.output, time.time_ns() - clock.now(), signals, journal, board.nic.mac, car=config.role == "pev")
    return [] if row is None else [row]


def tell(plan: BoardPlan | None, journal: Journal, now: int) -> None:
    """What of a real board is assumed and not measured."""
    for note in () if plan is None else plan.notes:
        journal.note(now, "main", "%s", note, level="warning")


def say_goodbye(board: CarBoard | ChargerBoard | AcChargerBoard | ListenBoard, rows: list[Row], now: int) -> None:
    """The program leaves: panel dark, broker told, who was met is filed, ports and buses given back. The lines stay as they are: the guard holds them too."""
    for row in rows:
        if isinstance(row.task, (PeerLog, SessionRecord)):
            row.task.close(now)
        elif isinstance(row.task, DoctorWatch):
            row.task.close()
    for device in {id(device): device for device in (*board.polled, board.oled)}.values():
        close = getattr(device, "close", None)
        if close is not None and not isinstance(device, Lines):
            close()


def watch_kernel(config: Config, signals: Signals, journal: Journal, now: int) -> list[Row]:
    """The row that keeps an eye on the operating system's network; a listener shares its interface with whom it likes."""
    if config.mode == "listen":
        return []
    watch = KernelWatch(KernelNetwork(config.interface), signals, journal, disable=config.ipv6.kernel_ipv6 == "disable")
    watch.look(now)
    return [watch.row()]


def wake_for_modem(board: CarBoard | ChargerBoard | AcChargerBoard | ListenBoard, kernel: Kernel) -> None:
    """An emulated modem answers within a millisecond and has no descriptor for it: without this its answers wait for the next frame from outside."""
    if hasattr(board.nic, "on_event"):
        board.nic.on_event = kernel.waker("frame_rx")


@contextmanager
def surround(config: Config, args: Namespace, journal: Journal, clock: MonotonicClock, system: Process, signals: Signals,
             board: CarBoard | ChargerBoard | AcChargerBoard | ListenBoard, record: SessionRecord | None = None,
             remote: Mailbox | None = None) -> Iterator[Surroundings]:
    """Keyboard, journal on standard output and by syslog, session folder when asked for, watchdog; all given back at the end. `record`: hears every frame.
    `remote`: wishes of the live view."""
    start = clock.now()
    syslog = None
    if config.syslog.host:
        from drivers.journal_syslog import open_syslog
        syslog = open_syslog(config.syslog, config.interface, time.time_ns() - start)
        journal.add_sink(syslog)
        board.polled = [*board.polled, syslog]

    memory = None
    if config.mode == "bridge" and config.bridge.learned_file:
        from drivers.learned_file import LearnedFile
        memory = LearnedFile(config.bridge.learned_file)
    show: ListenShow | None = None
    files: SessionLog | None = None
    if config.mode == "listen":
        from tools.show.listen_show import ListenShow, ShowTask, screen_wanted, show_row
        show = ListenShow(sys.stdout) if screen_wanted(args) else None
        files = session_log(config, args.output, time.time_ns() - start)
    journal.add_sink(Console(sys.stdout, start) if show is None else show.event)
    folder, epoch_ns = None, time.time_ns() - start
    if args.output:
        from drivers.session_folder import SessionFolder
        folder = SessionFolder(args.output, (config.mode,), dump(config), start=start, epoch_ns=epoch_ns, turn=config.mode == "listen")
        journal.add_sink(folder.journals[config.mode])
    keys = Keyboard(sys.stdin) if show is None else show

    def screen(made: Table) -> list[Row]:
        return [show_row(ShowTask(show, config.interface, made.listener, signals, journal, start, config.listen.show_nmk, system.leave))]
    watchdog = Liveness(Watchdog(os.environ))
    try:
        yield Surroundings(keys=keys, terminate=lambda: system.terminate, tap=_both(folder and folder.tap, record and record.tap),
                           sinks=() if folder is None else (folder,), watchdog=watchdog, about=about(), lines=getattr(board, "text_display", None), files=files, memory=memory, remote=remote,
                           screen=None if show is None else screen)
    finally:
        journal.flush()
        keys.close()
        if syslog is not None:
            syslog.close()
        if memory is not None:
            memory.close()
        if folder is not None:
            folder.close()


def _both(one: Tap | None, other: Tap | None) -> Tap | None:
    """Both of them, as far as they are there."""
    if one is None or other is None:
        return one or other

    def tap(at: int, frame: bytes, outgoing: bool) -> None:
        one(at, frame, outgoing)
        other(at, frame, outgoing)
    return tap


def session_log(config: Config, output: str | None, epoch_ns: int) -> SessionLog | None:
    """Where a listener files sessions: `listen.secc_log`, or beside its other files; None when neither is named."""
    from drivers.session_log import CSV_NAME, SessionLog
    from tasks.listen.columns import SECC_LOG
    folder = None if output is None else Path(output)
    secc_log = Path(config.listen.secc_log) if config.listen.secc_log else None if folder is None else folder / CSV_NAME
    return None if secc_log is None else SessionLog(secc_log, folder, SECC_LOG, epoch_ns)
