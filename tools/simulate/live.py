"""`main.py --simulate --live`: the car's box of a simulated charge in a browser, by the same feed, process and page as a real box."""
from __future__ import annotations

import time

from kernel.clock import MonotonicClock
from kernel.timer import MS, S
from tasks.user.config import LiveConfig
from tools.appliance.live_feed import PERIOD, LiveFeed
from tools.appliance.live_start import Viewer, display_of
from tools.simulate.charge import Charge

SOON = 50 * MS


class LiveShow:
    """Virtual time, told on the wall's: a page judges by the wall how old things are."""

    def __init__(self, config: LiveConfig, charge: Charge, role: str, wall: MonotonicClock) -> None:
        """DriverError where the page cannot be served."""
        self._charge = charge
        self._wall = wall
        self._next = 0
        self._address = f"http://{f'[{config.bind}]' if ':' in config.bind else config.bind}:{config.port}/"
        viewer = Viewer(config, delay=0, pause=2)
        car = charge.car
        self._feed = LiveFeed(viewer.channel, car.signals, car.journal, role=role, about="ccsbox, simulated", epoch=time.time_ns() - charge.clock.time, commands=config.commands)
        if config.commands:
            self._feed.remote = charge.remote
        self._feed.pages = display_of(car.table)
        car.journal.add_sink(self._feed)

    def update(self) -> None:
        """Called between two pictures."""
        now = self._wall.now()
        if now >= self._next:
            self._next = now + PERIOD
            self._feed.run(self._charge.clock.time)

    def wait_for_somebody(self) -> None:
        """The charge begins when a page is open. KeyboardInterrupt: nobody wants to look."""
        print(f"Live view: open {self._address} in a browser; the charge begins then (Ctrl-C leaves).", flush=True)
        while not self._feed.watchers:
            self._wait()

    def stay(self, leave: bool) -> None:
        """What the page shows at the end stays, until somebody has seen enough. `leave`: he has already."""
        if leave:
            return
        print(f"\nThe end stays on {self._address} until Ctrl-C.", flush=True)
        try:
            while self._feed.watchers:
                self._wait()
            until = self._wall.now() + 5 * S             # a page that is loaded anew
            while self._wall.now() < until or self._feed.watchers:
                self._wait()
        except KeyboardInterrupt:
            print()

    def _wait(self) -> None:
        self.update()
        self._wall.wait_until(self._wall.now() + SOON, ())
