"""The FoccciCape: an edge every 30 ms while the box lives, a button whose low level stops, a lamp that says so."""
import random

from drivers.focccicape.cape import FoccciCape, FoccciCapeConfig
from kernel.timer import MS, S
from tests.drivers.focccicape.twin import Pin


class Button:
    def __init__(self):
        self.level = True

    def read(self, now):
        return self.level


def bench(alive=None):
    life, led, button = Pin(), Pin(), Button()
    return life, led, button, FoccciCape(FoccciCapeConfig(), life, led, button, alive)


def run(cape, now, until):
    while now < until:
        wanted = cape.run(now)
        assert now < wanted <= now + S
        now += 10 * MS
    return now


def test_an_edge_every_30_ms():
    life, _, _, cape = bench()
    run(cape, 0, 3 * S)
    assert cape.edges == 100 == len(life.history) and life.history == [n % 2 == 0 for n in range(100)] and cape.fault == "" and cape.errors == 0


def test_no_edges_without_life_and_no_burst_after_a_pause():
    living = True
    life, _, _, cape = bench(lambda now: living)
    now = run(cape, 0, 300 * MS)
    living = False
    now = run(cape, now, now + 3 * S)
    assert len(life.history) == 10
    living = True
    now = run(cape, now, now + 30 * MS)
    assert len(life.history) == 11
    now += 5 * S
    cape.run(now)
    assert len(life.history) == 12


def test_a_pin_that_refuses_is_a_fault_and_heals():
    life, _, _, cape = bench()
    life.refuses = True
    now = run(cape, 0, 90 * MS)
    assert cape.fault == "Cape: no life sign" and len(cape.fault) <= 19 and "P9_14" in cape.remedy and cape.errors == 3
    life.refuses = False
    run(cape, now, now + 60 * MS)
    assert cape.fault == cape.remedy == "" and cape.edges == 2


def test_low_is_pressed_and_the_lamp_blinks_for_3_s():
    _, led, button, cape = bench()
    now = run(cape, 0, S)
    assert cape.stop_button(now) is False and led.on and len(led.history) == 1
    button.level = False
    assert cape.stop_button(now) is True
    button.level = True
    pressed = len(led.history)
    now = run(cape, now, now + 3 * S)
    assert 18 <= len(led.history) - pressed <= 22
    now = run(cape, now, now + 2 * S)
    assert led.on and cape.stop_button(now) is False
    button.level = None
    assert cape.stop_button(now) is None and cape.errors == 1
    led.refuses = True
    button.level = False
    cape.stop_button(now)
    run(cape, now, now + S)
    assert cape.errors > 1 and cape.fault == ""


def test_a_cape_without_button_and_lamp():
    life = Pin()
    cape = FoccciCape(FoccciCapeConfig(life_sign_ms=100), life, None, None)
    run(cape, 0, S)
    assert cape.stop_button(0) is None and cape.errors == 0 and len(life.history) == 10


def test_late_turns_never_raise_and_never_burst():
    rng = random.Random(2)
    life, _, button, cape = bench()
    now = 0
    for _ in range(2000):
        now += rng.choice((0, 1, 10 * MS, 35 * MS, 2 * S))
        before = len(life.history)
        life.refuses = rng.random() < 0.1
        button.level = rng.choice((True, False, None))
        cape.stop_button(now)
        cape.run(now)
        assert len(life.history) - before <= 1
