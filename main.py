"""ccsbox: command line -> configuration -> board -> task table -> kernel. The first file to read."""
from __future__ import annotations

import gc
import random
import sys
import time
from argparse import Namespace
from pathlib import Path

BEGAN = time.monotonic_ns()         # before everything that takes time, for the boot timeline

from tasks import command_line  # noqa: E402

HERE = Path(__file__).resolve().parent


def main(argv: list[str] | None = None) -> int:
    """0: ended in order. 1: the session did not. 2: command line or configuration is wrong. 3: a device or library is missing."""
    argv = sys.argv[1:] if argv is None else argv
    if argv[:1] == ["doctor"]:
        from tools.doctor.__main__ import main as doctor
        return doctor(argv[1:])
    args = command_line.parse(argv)
    from drivers.errors import DriverError
    from exi_native.library import CodecUnavailable
    from kernel.settings import SettingsError
    from kernel.settings_text import dump
    try:
        config = command_line.configure(args, HERE / "config.yaml")
        if args.print_config:
            print(dump(config), end="")
            return 0
        if args.simulate:
            from tools.simulate.run import run
            return run(config, args)
        if args.pcap:
            from tools.listen.play import run as play
            return play(config, args)
        return appliance(config, args)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    except (DriverError, CodecUnavailable) as error:
        print(f"main.py: {error}", file=sys.stderr)
        return 3


def appliance(config, args: Namespace) -> int:
    """The box itself: a real clock, a real interface; leaves only when its outputs are safe."""
    gc.disable()                             # what a start makes stays; from `go_realtime` on it is off for good
    from kernel.clock import MonotonicClock
    from tools.appliance.boot_timeline import Timeline, boot_offset, own_start
    from tools.appliance.guard import standing_by
    from tools.appliance.real_board import planned
    clock = MonotonicClock()
    timeline = Timeline(BEGAN, clock.now, boot_offset(), own_start())
    timeline.mark("configuration read")
    plan = planned(config, args)
    guard = standing_by(config, plan)        # before anything heavy is imported
    timeline.mark("guard started")

    from drivers import process
    from exi_native import codec
    from kernel.journal import Journal
    from kernel.realtime import go_realtime
    from kernel.scheduler import Kernel, check_mailboxes
    from tasks import table
    from tasks.signals import Signals
    from tasks.v2g.session import SCHEMAS
    from tools.appliance.about import about
    from tools.appliance.doctor_watch import examine
    from tools.appliance.outcome import Outcome
    from tools.appliance.parts import meet, open_board, say_goodbye, surround, tell, wake_for_modem, watch_kernel
    from tools.appliance.session_record import open_record, taped

    journal, signals, system = Journal(), Signals(), process.Process()
    timeline.mark("program loaded")
    board, helpers = open_board(config, args, signals, clock.now(), guard and guard.lines, plan)
    timeline.mark("board open")
    record = open_record(config, signals, journal, about(), clock.now())
    live = None
    if config.live.enabled:
        from tools.appliance.live_start import open_live
        live = open_live(config, signals, journal, about(), clock.now())
    with surround(config, args, journal, clock, system, signals, board, record, live and live.feed.remote) as around:
        watchers = watch_kernel(config, signals, journal, clock.now()) + meet(config, args, clock, signals, journal, board) + ([record.row()] if record else [])
        watchers += examine(config, args, signals, journal, clock.now())
        tell(plan, journal, clock.now())
        build = {"pev": table.pev, "evse": table.evse, "bridge": table.bridge, "listen": table.listen}[config.mode]
        loaded = codec.load(schemas=SCHEMAS)
        timeline.mark("codec loaded")
        given, rng, around, loaded = taped(record, config, signals, journal, clock.now(), board, random.SystemRandom(), around, loaded)
        made = build(given, signals, config, rng, journal, loaded, around)
        timeline.mark("task table built")
        rows = helpers + made.rows + watchers + (live.rows(made) if live is not None else []) + (around.screen(made) if around.screen is not None else [])
        if guard is not None:
            rows = guard.join(rows, made.safety, signals)
        kernel = Kernel(rows, journal, on_fault=made.on_fault, cost=clock.now)
        made.health.watch(kernel)
        if record is not None:
            record.attach(made, kernel)
        wake_for_modem(board, kernel)
        around.watchdog.watch(kernel, f"{config.mode} on {config.interface}")
        check_mailboxes(made.mailboxes)
        for report in guard.ready() if guard is not None else ():
            journal.note(clock.now(), "main", "%s", report)
        timeline.mark("guard stands by")
        for report in go_realtime() if config.realtime else ():
            journal.note(clock.now(), "main", "%s", report)
        if not config.realtime:
            gc.enable()
        outcome = Outcome(signals, made, kernel, system, clock, once=args.once, on_session_end=config.exit.on_session_end, journal=journal)
        timeline.mark("task table runs")
        timeline.tell(clock.now(), journal)
        try:
            kernel.run(clock, until=outcome.may_leave)
        finally:
            outcome.make_safe()          # nothing to do unless the loop itself was broken off
            if made.listener is not None:
                made.listener.finish(clock.now())
            say_goodbye(board, watchers, clock.now())
            if live is not None:
                live.close()
        return outcome.exit_code()


if __name__ == "__main__":
    sys.exit(main())
