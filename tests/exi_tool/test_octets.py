"""Messages are found in what logs hold, and nothing else is taken for one."""
import pytest

from tools.exi.octets import MAX_STARTS, NotOctets, binary, continues, in_line, pasted

# DIN SessionStopReq with SessionID 0102030405060708, encoded by this codec
OCTETS = bytes.fromhex("809a02004080c1014181c211f0")
FRAMED = bytes.fromhex("01fe80010000000d") + OCTETS
SPACED = OCTETS.hex(" ").upper()


@pytest.mark.parametrize("text", [
    OCTETS.hex(), SPACED, OCTETS.hex(":"), OCTETS.hex("-"), "0x" + OCTETS.hex(), ", ".join(f"0x{o:02x}" for o in OCTETS),
    "".join(f"\\x{o:02x}" for o in OCTETS), repr(OCTETS), SPACED[:17] + "\n" + SPACED[18:], "\t" + SPACED + " \r\n", "DD" + OCTETS.hex(),
    "{" + ", ".join(f"0x{o:02X}" for o in OCTETS) + "}",
])
def test_every_way_of_writing_octets(text):
    found, = pasted(text)
    assert found.octets == OCTETS and found.kind is None


@pytest.mark.parametrize("text", [FRAMED.hex(), FRAMED.hex(" "), repr(FRAMED), f"[EVSE] responding (21bytes) = {FRAMED.hex(' ').upper()} ",
                                  f"12:30:45 00:11:22:33:44:55 {FRAMED.hex(' ')} ok"])
def test_a_header_is_taken_off(text):
    found, = pasted(text)
    assert found.octets == OCTETS and found.kind == 0x8001 and found.note == ""


@pytest.mark.parametrize("line", [
    f"2022-12-13 10:11:12.345 DIN {SPACED}", f"2022-12-13 10:11:12 {SPACED}", f"[1234ms] {OCTETS.hex()} (13 octets)", f"2023-01-01T10:11:12=DD {OCTETS.hex()}",
    f"a={OCTETS.hex()};", f"mac 98:48:27:5A:3C:E6 sent {SPACED}", f"\"exi\": \"{OCTETS.hex()}\"",
])
def test_a_message_among_other_text(line):
    found, = in_line(line)
    assert found.octets[:len(OCTETS)] == OCTETS and found.loose


@pytest.mark.parametrize("line", [
    "", "no octets here", "Modem #1 has 80:48:27:5A:3C:E6 and result code is 0(OK)", "connecting to fe80:0000:0000:0000:5610:ecff:fea1:f3e2 port 15118",
    "2022-12-13 10:11:12", "80", "8000", "0x80", "port 8080", "SessionID 0102030405060708", "x809a02004080c1014181c21280x", "{\"hex\": 3}",
])
def test_other_text_holds_no_message(line):
    assert in_line(line) == []


def test_a_line_of_json_is_taken_by_its_word():
    found, = in_line('{"hex": "%s", "schema": "DIN", "session": "8001020304050607"}' % OCTETS.hex())
    assert found.octets == OCTETS and found.schema == "DIN" and not found.loose


def test_several_messages_one_after_another():
    for data in (FRAMED * 3, FRAMED * 3 + b"\0\0"):
        found = binary(data)
        assert [one.octets for one in found] == [OCTETS] * 3
        assert ("no V2GTP header" in found[-1].note) == (data[-1] == 0 and len(data) > 3 * len(FRAMED))
    assert [one.octets for one in in_line("tx " + (FRAMED * 2).hex())] == [OCTETS] * 2


def test_a_message_that_is_cut_off_says_so():
    found, = pasted(FRAMED.hex()[:-6])
    assert found.octets == OCTETS[:-3] and "announces 13 octets, 10 are there" in found.note


@pytest.mark.parametrize("text, why", [("809", "one digit"), ("", "nothing"), ("hello", "no hexadecimal"), ("   ", "nothing")])
def test_what_cannot_be_octets_is_refused(text, why):
    with pytest.raises(NotOctets, match=why):
        pasted(text)


def test_continuation_lines():
    assert continues("40 80 c1 01") and continues("4080c101\n")
    assert not continues(SPACED) and not continues("") and not continues("40 80 ok") and not continues(FRAMED.hex())


def test_places_to_begin_are_bounded():
    found, = in_line("x " + "80 " * 10000)
    assert len(found.starts) < MAX_STARTS
