"""Where in a message each step of a trace is: paths with numbers, second parts of event codes, limits of types."""
import pytest

from exi_native.codec import ExiErrorCode, load
from exi_native.messages import appproto
from tools.exi.walk import SECOND_CONTENT, SECOND_FIRST, SECOND_LATER, Datatype, Walk

STOP = bytes.fromhex("809a02004080c1014181c211f0")     # DIN SessionStopReq, SessionID 0102030405060708


@pytest.fixture(scope="module")
def codec():
    return load()


def places(codec, schema, octets):
    trace = codec.trace(schema, octets)
    return list(Walk(schema).places(trace)), trace.error


def flipped(octets, bits):
    """The octets with the given bits (offset, digits) overwritten."""
    digits = "".join(f"{octet:08b}" for octet in octets)
    for at, new in bits:
        digits = digits[:at] + new + digits[at + len(new):]
    return bytes(int(digits[i:i + 8], 2) for i in range(0, len(digits), 8))


def test_equal_elements_are_numbered(codec):
    protocol = appproto.AppProtocol(ProtocolNamespace="urn:x", VersionNumberMajor=1, VersionNumberMinor=0, SchemaID=0, Priority=1)
    octets = codec.encode("SAP", appproto.supportedAppProtocolReq(AppProtocol=[protocol] * 3))
    found, error = places(codec, "SAP", octets)
    assert error is None
    assert [place.path for place in found if place.step.kind == "value" and place.path[-1] == "Priority"] == [
        ("supportedAppProtocolReq", name, "Priority") for name in ("AppProtocol", "AppProtocol[1]", "AppProtocol[2]")]


def test_the_steps_of_a_message(codec):
    found, error = places(codec, "DIN", STOP)
    assert error is None and found[0].step.bit == 0
    assert all(after.step.bit == before.end for before, after in zip(found, found[1:]))
    assert [".".join((*place.path, place.meaning)) for place in found[1:9]] == [
        "SE(V2G_Message)", "V2G_Message.SE(Header)", "V2G_Message.Header.SE(SessionID)", "V2G_Message.Header.SessionID.CH",
        "V2G_Message.Header.SessionID.0102030405060708", "V2G_Message.Header.SessionID.EE", "V2G_Message.Header.EE", "V2G_Message.SE(Body)"]


# exi.md section 3, element states: what follows an escape, by where it stands and whether EE has a code of its own
@pytest.mark.parametrize("bits, path, entry", [
    ([(15, "1"), (16, "001")], ("V2G_Message",), SECOND_FIRST[1]),                     # start of an element without EE
    ([(94, "011111"), (100, "1"), (101, "000")], ("V2G_Message", "Body", "SessionStopReq"), SECOND_FIRST[1]),  # with EE
    ([(91, "11"), (93, "0")], ("V2G_Message", "Header"), SECOND_CONTENT[1]),          # content with EE
    ([(93, "1"), (94, "01")], ("V2G_Message",), SECOND_CONTENT[1]),                    # content without EE
    ([(17, "1"), (18, "101")], ("V2G_Message", "Header", "SessionID"), SECOND_FIRST[5]),  # inside an element of simple type
])
def test_second_parts_of_event_codes(codec, bits, path, entry):
    found, error = places(codec, "DIN", flipped(STOP, bits))
    assert error is not None and error.code is ExiErrorCode.SECOND_LEVEL
    last = found[-1]
    assert last.step.kind == "second" and last.path == path and last.meaning == entry


def test_second_parts_are_those_of_the_sheet():
    assert (len(SECOND_FIRST), len(SECOND_LATER), len(SECOND_CONTENT)) == (7, 5, 3)


@pytest.mark.parametrize("limits, low, signed", [("1 .. 20", 1, False), ("-128 .. 127", -128, False), ("0 .. 4095", 0, False), ("0 .. 4096", None, False),
                                                 ("0 .. 4294967295", None, False), ("-32768 .. 32767", None, True), ("", None, True)])
def test_integers_of_few_and_of_many_values(limits, low, signed):
    datatype = Datatype("t", "integer", limits, ())
    assert datatype.low() == low and datatype.signed() == signed
