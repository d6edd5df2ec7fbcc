"""Which tier is in force and what cannot be seen: from what was heard, never more than that."""
import pytest

from kernel.timer import MS, S
from tasks.homeplug import wire as mme
from tasks.homeplug.wire_header import BROADCAST, LOCAL_DEVICE
from tasks.homeplug.wire_keys import CM_SET_KEY_CNF, CM_SET_KEY_REQ
from tasks.homeplug.wire_modem import VS_ATTENUATION_CHARACTERISTICS_IND
from tasks.listen.exi import decoder
from tasks.listen.hearing import MAX_CARS, MAX_CHARGERS, Hearing, State
from tasks.listen.tier import HIDDEN_AFTER
from tests.listen import line

LISTENER = bytes.fromhex("020000000099")
MODEM, NEIGHBOUR = bytes.fromhex("bcf2af000001"), bytes.fromhex("bcf2af000002")


def hear(frames, own=b"", step=10 * MS):
    hearing = Hearing(decoder(line.codec()), own)
    for n, frame in enumerate(frames):
        hearing.receive(frame, n * step)
    return hearing


def of(from_car):
    """The half of SLAC that one side sends."""
    return [frame for frame in line.slac() if (frame[6:12] == line.CAR) is from_car]


def test_nothing_heard():
    tier = hear([]).tier(0)
    assert tier.letter == "-" and list(tier.blind) == ["nothing"]


def test_a_modem_set_up_as_pev_hears_the_charger_only():
    tier = hear(of(False)).tier(S)
    assert tier.letter == "a" and list(tier.blind) == ["car slac"] and "set up as PEV" in tier.blind["car slac"]
    assert tier.sees == "SLAC of charger"


def test_only_the_car_is_heard():
    assert list(hear(of(True)).tier(S).blind) == ["charger slac"]


def test_hidden_unicast_is_told_only_when_it_should_have_come():
    hearing = hear(line.slac())
    assert hearing.tier(S).blind == {} and hearing.state(S) is State.JOINING
    late = hearing.tier(hearing.evidence.matched_at + HIDDEN_AFTER + 1)
    assert list(late.blind) == ["unicast"] and "nothing of it so far" in late.blind["unicast"]
    assert hearing.state(hearing.last_at + HIDDEN_AFTER + 1) is State.HIDDEN
    hearing.receive(b"\x33\x33\x00\x00\x00\x01" + line.sdp_request()[6:], 5 * S)
    assert "1 IPv6 frames" in hearing.tier(60 * S).blind["unicast"]


def test_both_directions_see_everything():
    hearing = hear(line.session())
    tier = hearing.tier(60 * S)
    assert (tier.letter, tier.blind) == ("b", {})
    assert tier.sees == "SLAC of car and charger, V2G of car and charger"
    assert hearing.state(0) is State.ENDED


def test_half_a_conversation_is_not_tier_b():
    frames = line.session()
    tier = hear(line.slac() + [f for f in frames[len(line.slac()):] if f[6:12] == line.CHARGER]).tier(60 * S)
    assert tier.letter == "a" and "the car's half is hidden" in tier.blind["half"]


def test_the_first_word_of_one_side_is_not_half_a_conversation():
    """The charger's SDP answer is the first unicast of every session; the car's half comes after it."""
    hearing = hear(line.slac() + [next(f for f in line.session()[len(line.slac()):] if f[6:12] == line.CHARGER and not f[0] & 1)])
    at = hearing.evidence.one_at
    assert hearing.tier(at + 2 * S - 1).blind == {} and list(hearing.tier(at + 2 * S).blind) == ["half"]


def test_a_host_that_is_the_car_sees_all_its_traffic():
    frames = [CM_SET_KEY_REQ(LOCAL_DEVICE, line.CAR, bytes(7), bytes(16), bytes(4)).emit(), CM_SET_KEY_CNF(line.CAR, MODEM, 1).emit()]
    tier = hear(line.slac() + frames).tier(60 * S)
    assert (tier.letter, tier.blind) == ("b", {}) and "the car's host with its own modem" in tier.sees


def test_a_listener_that_sets_its_own_key_is_no_evidence():
    frames = [CM_SET_KEY_CNF(LISTENER, MODEM, 1).emit()]
    assert hear(frames, LISTENER).tier(0).letter == "-"
    assert hear(frames).tier(0).letter == "a"


def test_a_listener_on_the_computer_of_one_side_hears_what_comes_in():
    """Frames to the own MAC that are no talk with the modem count: SLAC, IP."""
    hearing = hear([frame for frame in line.session() if frame[6:12] == line.CHARGER], line.CAR)
    assert hearing.evidence.slac_charger == 3 and hearing.evidence.responses > 0 and hearing.sessions.sessions[0].charger == line.CHARGER


def test_failing_authentication():
    frame = line.CAR + MODEM + b"\x88\xe1\x01\x07\x60" + bytes(43)           # CM_ENCRYPTED_PAYLOAD.RSP
    assert "2 CM_ENCRYPTED_PAYLOAD, one each 600 ms" in hear([frame, frame]).tier(0).blind["authentication"]


def test_att_char_to_everybody_is_not_slac():
    frame = mme.CM_ATTEN_CHAR_IND(BROADCAST, line.CHARGER, line.RUN_ID, line.CAR, 10, bytes(58)).emit()
    hearing = hear([frame])
    assert hearing.evidence.slac_charger == 0 and hearing.matching_of(line.CAR).seen == {}


# --- SLAC of one car --------------------------------------------------------------------------------------------------

def raw(modem, db, car=line.CAR):
    return VS_ATTENUATION_CHARACTERISTICS_IND(BROADCAST, modem, car, bytes([db] * 58)).emit()


def test_attenuation_per_charger_and_per_modem():
    empty = VS_ATTENUATION_CHARACTERISTICS_IND(BROADCAST, NEIGHBOUR, line.CAR, b"").emit()
    hearing = hear(line.slac() + [raw(MODEM, 30), raw(MODEM, 31), raw(NEIGHBOUR, 51), empty])
    slac = hearing.matching_of(line.CAR)
    assert slac.chargers == {line.CHARGER: 12.0}
    assert {mac: (r.reports, r.average) for mac, r in slac.modems.items()} == {MODEM: (2, 30.5), NEIGHBOUR: (2, 51.0)}
    assert hearing.modem_of(hearing.sessions.sessions[0]) == MODEM
    assert slac.seen["CM_MNBC_SOUND_IND"] == 10 and slac.seen["CM_SLAC_MATCH_CNF"] == 1


def test_a_car_that_begins_anew_is_counted_anew():
    assert hear(line.slac() + line.slac()).matching_of(line.CAR).seen["CM_MNBC_SOUND_IND"] == 10


def test_cars_and_modems_are_bounded():
    hearing = hear([raw(n.to_bytes(6, "big"), 20, m.to_bytes(6, "big")) for n in range(MAX_CHARGERS + 5) for m in range(MAX_CARS + 5)])
    assert len(hearing.matching) == MAX_CARS
    assert all(len(slac.modems) <= MAX_CHARGERS for slac in hearing.matching.values())


def test_a_silent_session_is_over_and_the_next_one_is_new():
    hearing = hear(of(False))
    assert hearing.ended() == []
    hearing.handle_timer(hearing.next_timer())
    assert [s.match_answers for s in hearing.ended()] == [1]
    for n, frame in enumerate(of(False)):
        hearing.receive(frame, 3600 * S + n)
    assert len(hearing.sessions.sessions) == 2


@pytest.mark.parametrize("end", [True, False])
def test_readings_of_both_sides(end):
    hearing = hear(line.session(end=end))
    r = hearing.readings_of(hearing.sessions.sessions[0])
    assert (r.soc, r.target_voltage, r.target_current) == (42, 390.7, 2.0)
    assert r.requests == r.responses and r.answers.count == r.requests
    assert (r.voltage, r.limiting) == ((None, None) if end else (389.9, None))
    assert r.troubles == []
