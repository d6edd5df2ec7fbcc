"""The word for the link, and when it is news."""
from __future__ import annotations

import pytest

from kernel.timer import S
from tasks.homeplug.config import EmulatorConfig, SlacConfig
from tasks.homeplug.link_test import Peer
from tasks.homeplug.quality import LinkQuality, choose, third
from tasks.messages import StartMatching

from tests.homeplug.line import Line, Node, World
from tests.homeplug.test_end_to_end import EVSE, PEV, both_up

MODEM, OTHER = b"\2modem", b"\2other"


def peer(tx=9, rx=9, modem=MODEM, host=EVSE):
    return Peer(modem, host, tx, rx)


@pytest.mark.parametrize("decibels, rate, word", [
    (11.2, 9, "good"), (25.0, 8, "good"), (25.1, 9, "weak"), (40.0, 9, "weak"), (40.1, 9, "poor"), (11.2, 7, "weak"), (11.2, 4, "weak"),
    (11.2, 3, "poor"), (None, 9, "good"), (None, 1, "poor"), (30.0, None, "weak"), (12.0, 0, "good"), (None, None, None), (None, 0, None)])
def test_the_worse_figure_decides(decibels, rate, word):
    assert LinkQuality(SlacConfig()).judge(decibels, rate) == word


def test_the_limits_are_settings():
    q = LinkQuality(SlacConfig(good_db=5, weak_db=10, good_mbit=100, weak_mbit=50))
    assert [q.judge(d, None) for d in (5, 6, 11)] == [q.judge(None, r) for r in (100, 99, 49)] == ["good", "weak", "poor"]


def test_the_peer_is_the_modem_before_the_matched_host():
    a, b = peer(modem=OTHER, host=PEV), peer()
    assert choose([a, b], EVSE) is b and choose([a, b], b"nobody") is a and choose([], EVSE) is None
    assert choose([peer(host=None)], EVSE).modem == MODEM


def test_told_when_the_link_comes_when_the_word_changes_and_when_the_rate_halves_or_doubles():
    q, told = LinkQuality(SlacConfig()), []

    def step(at, tx, rx=9, **more):
        news = q.update([peer(tx, rx, **more)], EVSE, 11.2, True, at * S)
        told.append(None if news is None else news.text % news.args)
        return told[-1]
    assert "good: 11.2 dB, 9 Mbit/s to and 9 Mbit/s from modem" in step(0, 9) and EVSE.hex(":") in told[-1]
    assert step(20, 8) is None                             # not much
    assert step(40, 5).startswith("link weak")
    assert step(45, 2) is None                             # too soon after the last sentence
    assert step(50, 2).startswith("link poor")
    assert step(100, 2) is None
    assert step(120, 1) is not None                        # halved
    assert step(140, 9, modem=OTHER) is not None           # somebody else
    assert q.update([], None, None, False, 141 * S) is None and q.word is None and q.peer is None
    assert step(142, 9) is not None                        # a new link is told at once


def test_a_poor_link_is_a_warning_and_a_modem_without_rates_is_told_by_its_attenuation():
    news = LinkQuality(SlacConfig()).update([peer(1, 1)], EVSE, 50.0, True, 0)
    assert news.level == "warning" and "check the modem's coupling to CP and PE" in news.text % news.args
    q = LinkQuality(SlacConfig())
    news = q.update([], EVSE, 30.0, True, 0)
    assert news.text % news.args == "link weak: 30.0 dB"
    news = q.update([peer()], EVSE, 30.0, True, 1 * S)     # the first rates are told at once
    assert news.text % news.args == f"link weak: 30.0 dB, 9 Mbit/s to and 9 Mbit/s from modem {MODEM.hex(':')} of host {EVSE.hex(':')}"
    assert LinkQuality(SlacConfig()).update([], EVSE, None, True, 0) is None          # nothing is known, nothing is told


def test_signals_of_a_whole_box_and_their_age():
    line = Line(1)
    pev, evse = Node(line, PEV, False, 1, emulator=EmulatorConfig(rate_mbit=5)), Node(line, EVSE, True, 2, emulator=EmulatorConfig(kind="cg5317"))
    world = World(pev, evse)
    for node in (pev, evse):
        node.commands.put(StartMatching())
    assert world.run_until(20 * S, both_up(pev, evse))
    world.run_until(world.now + 2 * S)
    s, now = pev.signals, world.now
    assert (s.link_rate_tx.get(now), s.link_rate_rx.get(now), s.link_quality.get(now)) == (5, 5, "weak")
    assert s.peer_modem.get(now) == evse.nic.modem.mac and s.link_rate_tx.get(now + 6 * S) is None
    assert evse.signals.link_quality.get(now) == "good" and evse.signals.link_rate_tx.get(now) is None      # attenuation alone
    line.loss = 1.0
    world.run_until(world.now + 30 * S)
    assert s.link_quality.value is None and s.peer_modem.value is None
    told = [e.message() for e in pev.journal._ring if "Mbit/s to and" in e.message()]
    assert len(told) == 1 and told[0].startswith("link weak: 11.2 dB, 5 Mbit/s to and 5 Mbit/s from modem")


def test_a_third_station_is_who_is_neither_we_nor_the_peer():
    peer, other = Peer(b"\2" * 6, b"\1" * 6, 9, 9), Peer(b"\4" * 6, None, 9, 9)
    assert third([peer], peer) is None and third([], None) is None
    assert third([peer, other], peer) is other and third([other, peer], peer) is other
