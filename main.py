"""ccsbox: command line -> configuration -> board -> task table -> kernel. The first file to read."""
from __future__ import annotations

import random
import sys
from argparse import Namespace
from pathlib import Path

from tasks import command_line

HERE = Path(__file__).resolve().parent


def main(argv: list[str] | None = None) -> int:
    """0: ended in order. 1: the session did not. 2: command line or configuration is wrong. 3: a device or library is missing."""
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
    from tools.appliance.guard import standing_by
    from tools.appliance.real_board import planned
    plan = planned(config, args)
    guard = standing_by(config, plan)        # before anything heavy is imported

    from drivers import process
    from exi_native import codec
    from kernel.clock import MonotonicClock
    from kernel.journal import Journal
    from kernel.realtime import go_realtime
    from kernel.scheduler import Kernel, check_mailboxes
    from tasks import table
    from tasks.signals import Signals
    from tasks.v2g.session import SCHEMAS
    from tools.appliance.outcome import Outcome
    from tools.appliance.parts import meet, open_board, say_goodbye, surround, tell, wake_for_modem, watch_kernel

    clock, journal, signals, system = MonotonicClock(), Journal(), Signals(), process.Process()
    board, helpers = open_board(config, args, signals, clock.now(), guard and guard.lines, plan)
    with surround(config, args, journal, clock, system, signals, board) as around:
        watchers = watch_kernel(config, signals, journal, clock.now()) + meet(config, args, clock, signals, journal, board)
        tell(plan, journal, clock.now())
        build = {"pev": table.pev, "evse": table.evse, "listen": table.listen}[config.mode]
        made = build(board, signals, config, random.SystemRandom(), journal, codec.load(schemas=SCHEMAS), around)
        rows = helpers + made.rows + watchers + (around.screen(made) if around.screen is not None else [])
        if guard is not None:
            rows = guard.join(rows, made.safety, signals)
        kernel = Kernel(rows, journal, on_fault=made.on_fault, cost=clock.now)
        made.health.watch(kernel)
        wake_for_modem(board, kernel)
        around.watchdog.watch(kernel, f"{config.mode} on {config.interface}")
        check_mailboxes(made.mailboxes)
        for report in guard.ready() if guard is not None else ():
            journal.note(clock.now(), "main", "%s", report)
        for report in go_realtime() if config.realtime else ():
            journal.note(clock.now(), "main", "%s", report)
        outcome = Outcome(signals, made, kernel, system, clock, once=args.once, on_session_end=config.exit.on_session_end, journal=journal)
        try:
            kernel.run(clock, until=outcome.may_leave)
        finally:
            outcome.make_safe()          # nothing to do unless the loop itself was broken off
            if made.listener is not None:
                made.listener.finish(clock.now())
            say_goodbye(board, watchers, clock.now())
        return outcome.exit_code()


if __name__ == "__main__":
    sys.exit(main())
