"""The two commands: random peers (python -m tests.homeplug) and one peer message by message (python -m tools.simulate.slac)."""
from __future__ import annotations

import dataclasses

from kernel.timer import S
from tools.simulate.slac import __main__ as one_peer
from tools.simulate.slac import spread
from tools.simulate.slac.personalities import CARS, CHARGERS

from tests.homeplug import campaign
from tests.homeplug.meeting import Meeting


def test_a_short_campaign_with_loss_goes_well(capsys):
    assert campaign.main(["--seeds", "10", "--loss", "5"]) == 0
    out = capsys.readouterr().out
    assert "10 random cars, loss 5 %" in out and "0 went wrong" in out


def test_a_meeting_that_goes_wrong_is_told():
    habits = dataclasses.replace(spread.charger(1), link_ms=500.0)
    unfinished = Meeting(habits, 1).run(1 * S)
    assert campaign.judged(unfinished, habits, 0.0) == ["neither matched nor failed within 300 s, we are in Collect"]
    slow = dataclasses.replace(habits, ind_after_last_ms=None, ind_after_start_ms=1700.0)
    assert "not matched" in campaign.play(slow, 1)
    never = dataclasses.replace(habits, link_ms=20_000.0)
    assert campaign.play(never, 1) == "" and spread.expected(never) == "no link"
    early = Meeting(habits, 1).run()
    assert campaign.judged(early, never, 0.0) == ["matched although the modems cannot join in time"]


def test_one_peer_is_shown_message_by_message(capsys):
    assert one_peer.main(["compleo-bulb"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("compleo-bulb: Compleo with pyPLC") and lines[-1].strip() == "joined, both ends"
    assert sum("CM_MNBC_SOUND.IND" in line and "ours" in line for line in lines) == 10
    assert one_peer.main(["abb-ten"]) == 0 and "CM_ATTEN_CHAR.IND" in capsys.readouterr().out
    assert one_peer.main(["ioniq-hyc150"]) == 0 and capsys.readouterr().out.count("joined, both ends") == 2


def test_the_list_has_everybody_and_an_unknown_name_is_refused(capsys):
    assert one_peer.main([]) == 0 and len(capsys.readouterr().out.splitlines()) == len(CARS) + len(CHARGERS) + 1
    assert one_peer.main(["nobody"]) == 2 and "no peer 'nobody'" in capsys.readouterr().err
