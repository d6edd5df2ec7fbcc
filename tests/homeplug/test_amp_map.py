"""CM_AMP_MAP after the join (slac-and-network sheet 1.6): answered for the matched peer, asked for only where that is wanted."""
from __future__ import annotations

import pytest

from kernel.timer import MS
from tasks.errors import WireError
from tasks.homeplug.amp_map import GP_CARRIERS, AmpMap
from tasks.homeplug.events import LinkSeen
from tasks.homeplug.wire import parse
from tasks.homeplug.wire_keys import CM_AMP_MAP_CNF, CM_AMP_MAP_REQ
from tasks.machine import Note

from tests.homeplug import test_slac_evse as charger
from tests.homeplug import test_slac_pev as car
from tests.homeplug.stepping import Stepper

US, PEER, OTHER = bytes.fromhex("020000000a01"), bytes.fromhex("020000000b01"), bytes.fromhex("020000000b02")
MAP = bytes(459)


def request(src=PEER, dst=US, amlen=GP_CARRIERS, data=MAP):
    return CM_AMP_MAP_REQ(dst, src, amlen, data)


def test_e20_a_good_request_is_answered():
    m = AmpMap(US)
    assert m.receive(request(), PEER, 5) and m.outgoing() == [CM_AMP_MAP_CNF(PEER, US, 0)]


@pytest.mark.parametrize("m, peer", [(request(amlen=0, data=b""), PEER), (request(), None), (request(OTHER), PEER), (request(dst=OTHER), PEER)])
def test_e20_what_is_not_answered(m, peer):
    amp_map = AmpMap(US)
    assert not amp_map.receive(m, peer, 5) and amp_map.outgoing() == []


@pytest.mark.parametrize("amlen", [1, 2, 916, 917, 1155, 2911, 0xFFFF])
def test_e20_a_length_beyond_the_frame_is_an_error_of_the_wire(amlen):
    frame = bytearray(request().emit())
    frame[19:21] = amlen.to_bytes(2, "little")
    if 21 + (amlen + 1) // 2 <= len(frame):
        assert len(parse(bytes(frame)).amdata) == (amlen + 1) // 2
    else:
        with pytest.raises(WireError):
            parse(bytes(frame))


@pytest.mark.parametrize("side", [car, charger], ids=["car", "charger"])
def test_e20_in_the_network_it_is_answered_before_it_is_not(side):
    joined = car.joining if side is car else charger.linking
    early = car.matching if side is car else charger.waiting_for_match
    for build, answers in ((early, 0), (joined, 1)):
        s = build()
        peer = (car.EVSE if side is car else charger.PEV)
        s.give(request(peer, car.PEV if side is car else charger.EVSE))
        assert len(s.times(CM_AMP_MAP_CNF)) == answers


@pytest.mark.parametrize("wanted", [False, True])
def test_asked_right_after_the_join_where_wanted(wanted):
    s = car.matching(request_amp_map=wanted)
    s.give(car.match_cnf(s))
    s.give(LinkSeen())
    assert s.times(CM_AMP_MAP_REQ) == [s.now] * wanted


def test_three_requests_each_200_ms_then_told_and_the_link_stays():
    m = AmpMap(US)
    s = Stepper(m)
    s.call(m.request, PEER)
    s.run_to(5000 * MS)
    assert s.times(CM_AMP_MAP_REQ) == [0, 200 * MS, 400 * MS] and len(s.events(Note)) == 1 and m.confirmed is None


@pytest.mark.parametrize("result, told", [(0, 0), (1, 1)])
def test_a_confirmation_ends_the_requests(result, told):
    m = AmpMap(US)
    s = Stepper(m)
    s.call(m.request, PEER)
    assert not m.receive(CM_AMP_MAP_CNF(US, OTHER, 0), PEER, 1)
    assert m.receive(CM_AMP_MAP_CNF(US, PEER, result), PEER, 1) and m.confirmed == result
    s.collect()
    s.run_to(5000 * MS)
    assert len(s.times(CM_AMP_MAP_REQ)) == 1 and len(s.events(Note)) == told
    assert not m.receive(CM_AMP_MAP_CNF(US, PEER, 0), PEER, 1), "nobody asked"
