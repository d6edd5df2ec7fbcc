"""A simulated charge to which no power comes ends by itself; one that charges or pauses may take as long as it wants."""
from types import SimpleNamespace

from kernel.clock import VirtualClock
from kernel.timer import S
from tools.simulate import run


class Charge:
    def __init__(self, charging=False, paused=False, over_at=1 << 62):
        self.clock, self.charging, self.paused, self.over_at = VirtualClock(0), charging, paused, over_at

    @property
    def over(self):
        return self.clock.time >= self.over_at

    def run_until(self, at):
        self.clock.advance_to(at)


def played(charge, monkeypatch):
    monkeypatch.setattr(run, "view", lambda *_: None)
    monkeypatch.setattr(run, "_charging_left", lambda *_: None)
    monkeypatch.setattr(run, "_stop_soc", lambda *_: 80.0)
    pace = SimpleNamespace(target=lambda now, *_: now + 60 * S, waits=lambda: False)
    return run._play(charge, None, pace, SimpleNamespace(update=lambda shown: None), SimpleNamespace(now=lambda: 0), 20.0, SimpleNamespace(look=lambda: None))


def test_it_gives_up_after_long_without_power(monkeypatch):
    charge = Charge()
    assert played(charge, monkeypatch) is False and charge.clock.time == run.NO_POWER_LIMIT


def test_a_long_charge_and_a_long_pause_are_waited_for(monkeypatch):
    for charge in (Charge(charging=True, over_at=10 * run.NO_POWER_LIMIT), Charge(paused=True, over_at=10 * run.NO_POWER_LIMIT)):
        assert played(charge, monkeypatch) is True
