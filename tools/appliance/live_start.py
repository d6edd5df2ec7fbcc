"""Starts the process of the live view, before the box asks for real-time rights, and refuses what would be open to everybody.

The box starts one shell; that starts the viewer, and again after a pause whenever it has ended. So a box that runs never starts a process (that would
hold it up), and never asks how its viewer fares. Both end when the box has closed its end of the pair of sockets.
"""
from __future__ import annotations

import importlib.util
import os
import sys
import time
from pathlib import Path
from typing import Any

from drivers.errors import DriverError
from drivers.guard import Channel
from kernel.journal import Journal
from kernel.task import Row
from tasks.config import Config
from tasks.signals import Signals
from tasks.table import Table
from tasks.user.config import LiveConfig
from tools.appliance.live_feed import LiveFeed
from tools.live.password import Digest, DigestError

ROOT = str(Path(__file__).resolve().parents[2])
PROGRAM = "import sys; sys.path.insert(0, sys.argv.pop(1)); from tools.live.process import main; sys.exit(main(sys.argv[1:]))"
KEEPER = 'trap "" INT TERM HUP; sleep "$1"; pause=$2; shift 2; until "$@"; do sleep "$pause"; done'
FIRST_DELAY = 3              # s: the first SLAC message leaves before; a viewer takes half a second of a small board's processor
PAUSE = 10                   # s between the end of a viewer and the next one: what kills it is not helped
NOT_FOR_CHILD = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")      # the service manager listens to the box alone


class Viewer:
    """The process and the channel to it. `pid`: of the shell that keeps it."""

    def __init__(self, config: LiveConfig, delay: int = FIRST_DELAY, pause: int = PAUSE) -> None:
        """DriverError says what is missing."""
        if importlib.util.find_spec("tornado") is None:
            raise DriverError("live.enabled = true, but the package tornado is not installed; it serves the live view's page.",
                              "Install it (pip install 'tornado>=6.2,<7', or Debian's python3-tornado), or set live.enabled to false.")
        if config.password_file:
            try:
                Digest.read(Path(config.password_file))
            except DigestError as error:
                raise DriverError(f"live.password_file: {error}", "Make it with `python -m tools.live password FILE` (an installed box: `sudo ccsbox live-password`).") from error
        self.channel, other = Channel.pair()
        words = [sys.executable, "-c", PROGRAM, ROOT, str(other.fileno()), config.bind, str(config.port), config.password_file, str(config.max_viewers), ",".join(config.names)]
        environ = {name: value for name, value in os.environ.items() if name not in NOT_FOR_CHILD}
        os.set_inheritable(other.fileno(), True)
        try:
            self.pid = os.posix_spawn("/bin/sh", ["sh", "-c", KEEPER, "live-keeper", str(delay), str(pause), *words], environ, file_actions=[
                (os.POSIX_SPAWN_OPEN, n, os.devnull, os.O_RDWR, 0) for n in (0, 1)])
        except OSError as error:
            self.channel.close()
            raise DriverError(f"The live view's process cannot be started ({error.strerror}).", "Free memory or processes, or set live.enabled to false.") from error
        finally:
            other.close()

    def close(self) -> None:
        """The box leaves: keeper and viewer see the end of the channel. Nobody waits for them."""
        self.channel.close()


class Live:
    """The viewer and the row that feeds it."""

    def __init__(self, viewer: Any, feed: LiveFeed) -> None:
        self.viewer = viewer
        self.feed = feed

    def rows(self, made: Table) -> list[Row]:
        """The row, once it is known which display there is."""
        self.feed.pages = display_of(made)
        return [self.feed.row()]

    def close(self) -> None:
        self.viewer.close()


def display_of(made: Table) -> Any:
    """What gives the picture of the display."""
    return next((row.task.pages for row in made.rows if row.name == "display"), None)      # type: ignore[attr-defined]


def open_live(config: Config, signals: Signals, journal: Journal, about: str, now: int) -> Live:
    """Asked for only where it is wanted (main.py): a start without it loads nothing of it."""
    viewer = Viewer(config.live)
    feed = LiveFeed(viewer.channel, signals, journal, role=config.mode, about=about, epoch=time.time_ns() - now,
                    commands=config.live.commands and config.mode != "listen")
    journal.add_sink(feed)
    where = f"[{config.live.bind}]" if ":" in config.live.bind else config.live.bind
    journal.note(now, "live", "the live view will be served at http://%s:%d/%s", where, config.live.port, "" if config.live.password_file else " (this computer only, no password)")
    return Live(viewer, feed)
