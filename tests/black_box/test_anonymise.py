"""An anonymised file has no name in it, in no form; it still parses, verifies and plays as the one before. An anonymiser that forgets one thing is noticed."""
from __future__ import annotations

import random

import pytest

from drivers.blackbox import notes as n
from drivers.blackbox.layout import BoxOctets
from drivers.blackbox.reader import parse
from drivers.capture_file import CaptureError, CaptureReader
from exi_native.codec import load
from exi_native.errors import ExiError
from kernel.timer import S
from tasks.config import Config
from tests.black_box import hostile, planted
from tests.black_box.recording import BOTH, library, nearly_full, recorded, told
from tests.captures import capture_files
from tools.box import anonymise as anonymiser
from tools.box import verify
from tools.box.anonymise import CannotAnonymise, anonymise
from tools.box.exi_messages import Messages
from tools.box.frames import Frames
from tools.box.pseudonyms import Pseudonyms
from tools.box.texts import Texts
from tools.replay.engine import Replay
from tools.simulate.charge import Charge

KINDS = ("din-pev", "din-evse", "iso2-pev", "iso2-evse", "bridge")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("keyframe_at", [None, 4 * S, 25 * S], ids=["whole", "from SLAC", "from CurrentDemand"])
def test_no_name_is_left_and_it_plays(monkeypatch, kind, keyframe_at):
    box = planted.session(monkeypatch, kind, keyframe_at=keyframe_at)
    wanted = planted.names(box)
    assert len(wanted) > 20
    made = anonymise(box, load())
    assert planted.leaks(made.octets, wanted) == []
    new = parse(made.octets)
    assert verify.facts(new)["sound"] and new.head["anonymised"] is True
    assert [len(p.octets) for p in new.packets] == [len(p.octets) for p in box.packets] and [e.at for e in new.entries] == [e.at for e in box.entries]
    assert [words[:2] for words in new.notes if words[0] == n.VISIT] == [words[:2] for words in box.notes if words[0] == n.VISIT]
    replay = Replay(new, library())
    replay.run()
    assert replay.compared > 200 and replay.identical, told(replay)


def test_the_planted_names_are_in_the_file_before(monkeypatch):
    """The search finds what is there: nearly all of it (some stand only in bits of EXI or in a drawn number)."""
    box = planted.session(monkeypatch, "iso2-pev", until=20 * S)
    data = planted.with_more(box)
    found = {leak.rpartition(" (")[0] for leak in planted.leaks(data, planted.names(box))}
    assert not set(planted.names(box)) - found


def same(_self, value, *_args, **_more):
    return value


WEAKENED = {
    "frames": (Frames, "_frame", lambda _self, _number, packet: packet.octets),
    "HomePlug": (Frames, "_mme", lambda _self, frame: frame[14:]),
    "V2G messages": (Messages, "rewrite", same),
    "texts": (Texts, "text", same),
    "values": (Texts, "value", same),
    "numbers": (Texts, "number", same),
    "drawn numbers": (anonymiser._Anonymiser, "_number", same),
    "addresses": (Pseudonyms, "address", same),
    "MAC addresses": (Pseudonyms, "mac", same),
    "settings": (anonymiser._Anonymiser, "_config", same),
    "CAN packets": (anonymiser, "can_packet", lambda packet, _names: packet),
}


@pytest.mark.parametrize("what", WEAKENED)
def test_a_weakened_anonymiser_is_noticed(monkeypatch, what):
    box = planted.session(monkeypatch, "iso2-pev", until=20 * S)
    wanted = planted.names(box)
    monkeypatch.setattr(*WEAKENED[what])
    assert planted.leaks(anonymise(box, load()).octets, wanted)


def test_a_weakened_state_is_noticed(monkeypatch):
    box = planted.session(monkeypatch, "din-evse", keyframe_at=15 * S, until=20 * S)
    wanted = planted.names(box)
    monkeypatch.setattr(anonymiser, "rewrite_state", lambda state, _names, _texts: state)
    assert planted.leaks(anonymise(box, load()).octets, wanted)


def test_what_a_display_was_told_is_gone(monkeypatch):
    """Pixels show names that no search for letters finds."""
    new = parse(anonymise(planted.session(monkeypatch, "din-pev", until=10 * S), load()).octets)
    drawn = [words[2] for words in new.notes if words[0] == n.DID and new.head["channels"][words[1]] == "oled.write"]
    assert drawn and not any(bytes.fromhex(item["x"]).strip(b"\0") for words in drawn for item in words if isinstance(item, dict))


def test_the_day_is_made_up_and_durations_stay(monkeypatch):
    box = planted.session(monkeypatch, "din-pev", until=10 * S)
    new = parse(anonymise(box, load()).octets)
    assert 0 <= new.head["epoch_ns"] + min(p.at for p in new.packets) - anonymiser.MADE_UP < S
    assert new.end["unix_s"] - box.end["unix_s"] == (new.head["epoch_ns"] - box.head["epoch_ns"]) // S
    assert new.head["session"].startswith("000042-2000") and "2023" not in " ".join(e.text for e in new.entries)


def test_names_are_consistent_and_differ_from_file_to_file(monkeypatch):
    box = planted.session(monkeypatch, "din-pev", until=10 * S)
    one, other, again = (parse(anonymise(box, load(), secret=secret).octets) for secret in (b"a" * 32, b"b" * 32, b"a" * 32))
    assert one.head["mac"] != other.head["mac"] and one.packets == again.packets
    mac = bytes.fromhex(one.head["mac"])
    assert all(p.octets[6:12] == mac for p in one.packets if p.direction == 2 and not p.interface)
    assert {e.text for e in one.entries} != {e.text for e in other.entries}


def test_the_vendor_stays_only_when_asked(monkeypatch):
    box = planted.session(monkeypatch, "din-pev", until=10 * S)
    real = planted.OCTETS["car's MAC"]
    assert not parse(anonymise(box, load()).octets).head["mac"].startswith(real[:6])
    kept = parse(anonymise(box, load(), keep_vendor=True).octets).head["mac"]
    assert kept.startswith(real[:6]) and kept != real


def test_a_changed_file_is_refused(monkeypatch):
    data = bytearray(planted.with_more(planted.session(monkeypatch, "din-pev", until=10 * S)))
    data[data.rindex(b"MESSAGE=") + 9] ^= 1
    with pytest.raises(CannotAnonymise, match="verify"):
        anonymise(parse(bytes(data)), load())


def test_a_hostile_file_is_refused_or_written():
    """Nothing but a refusal comes out, and what is written can be read."""
    rng = random.Random(13)
    sources = [recorded(Charge(Config(), nearly_full(), library(), 2, recorded=BOTH), until=8 * S, keyframe_at=at) for at in (None, 4 * S)]
    written = 0
    for number in range(80):
        box = hostile.survives(hostile.repacked(rng, sources[number % 2]))
        if box is None:
            continue
        box.broken_seals.clear()                            # a liar seals his file as well
        try:
            made = anonymise(box, load())
        except CannotAnonymise as refused:
            assert "nothing was written" in str(refused)
            continue
        written += not parse(made.octets).problem
    assert written > 20


def test_a_short_name_is_a_word_and_a_long_one_is_found_within_words(monkeypatch):
    box = planted.session(monkeypatch, "din-pev", until=3 * S)
    box.head["config"]["dbc_battery"]["file"] = "/home/jens/anhaenger.dbc"
    box.entries[0].text, box.entries[1].text = "homeplug of jens, jensen", "anhaenger2 is at home"
    one, other = (entry.text for entry in parse(anonymise(box, load()).octets).entries[:2])
    assert one.startswith("homeplug of ") and one.endswith(", jensen") and " jens," not in one
    assert "anhaenger" not in other and other.endswith("2 is at home")


def of_capture(path):
    """A recording of a real session as a box file; at most 4000 frames."""
    frames = []
    with open(path, "rb") as file:
        try:
            for frame, _ in zip(CaptureReader(file), range(4000)):
                frames.append((frame.at, frame.data))
        except CaptureError as cut:                        # some are cut off: what came before counts
            assert frames, cut
    octets = BoxOctets(frames[0][0])
    head = octets.begin({"channels": [], "signals": [], "mode": "listen", "config": {}}, [], "eth0", "test")
    return parse(head + octets.batch([], [(-1, at - frames[0][0], 0, frame) for at, frame in frames], []))


def messages(box):
    """V2G messages that begin and end with their segment."""
    count = 0
    for frame in (packet.octets for packet in box.packets):
        if frame[12:14] == b"\x86\xdd" and frame[74:78] == b"\x01\xfe\x80\x01" and len(frame) == 82 + int.from_bytes(frame[78:82], "big"):
            count += any(decodes(schema, frame[82:]) for schema in ("SAP", "DIN", "ISO2"))
    return count


def decodes(schema, payload):
    try:
        load().decode(schema, payload)
    except ExiError:
        return False
    return True


@pytest.mark.needs_shared
@pytest.mark.parametrize("name", ["2022-12-13_compleo", "2023-03-02_SuperCharger", "2023-05-24_pyPlc_with_Ioniq", "2026-02-08", "ISO-2_DC_DS5366.", "DIN_DC"])
def test_recordings_of_real_sessions(name):
    """Other people's encoders, modems and chargers: no address or key is left, and every message can still be read."""
    kinds = ("MAC ", "nmk ", "nid ", "run_id ", "SessionID ", "address ")
    for path in capture_files(name):
        box = of_capture(path)
        wanted = {what: value for what, value in planted.names(box).items() if what.startswith(kinds) and len(set(value)) > 3}
        made = anonymise(box, load())
        assert len(wanted) > 3 and planted.leaks(made.octets, wanted) == []
        assert messages(parse(made.octets)) == messages(box) > 0 and made.blanked_messages == 0
