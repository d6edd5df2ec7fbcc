"""The commands as a person types them: what they write, and their exit codes."""
import io
import json
from pathlib import Path

import pytest

from exi_native.codec import load
from tests.exi_tool.test_octets import FRAMED, OCTETS
from tools.exi.__main__ import main
from tools.exi.joining import Joining
from tools.exi.octets import Found
from tools.exi.which import Which

CAPTURES = Path(__file__).resolve().parents[3] / "shared" / "vectors"
# DIN PreChargeRes: 389.5 V
PRECHARGE = "809a02004080c1014181c2116000408000010285b8f000"
SAP = "80400040"                             # supportedAppProtocolRes (exi.md section 1)


class Terminal(io.BytesIO):
    def isatty(self):
        return True


def run(*words, stdin=b"", terminal=False):
    """(exit code, stdout, stderr)"""
    out, err = io.StringIO(), io.StringIO()
    try:
        code = main(list(words), Terminal(stdin) if terminal else io.BytesIO(stdin), out, err)
    except SystemExit as stop:
        code = stop.code
    return code, out.getvalue(), err.getvalue()


def test_decode_text():
    code, out, _ = run("decode", OCTETS.hex(" "))
    assert code == 0 and out.splitlines() == [
        "# DIN SessionStopReq, 13 octets", "V2G_Message", "  Header", "    SessionID: 0102030405060708", "  Body", "    SessionStopReq"]


def test_values_with_a_power_of_ten_are_computed():
    message = {"DC_PreChargeRes": {"Header": {"SessionID": "01" * 8, "TimeStamp": 1}, "ResponseCode": "OK",
                                   "EVSEPresentVoltage": {"Exponent": -1, "Value": 3895}}}
    octets = run("encode", "--schema", "ISO20_DC", "--v2gtp", json.dumps(message))[1].strip()
    assert octets.startswith("01fe8004") and ["EVSEPresentVoltage", "#", "389.5", "V"] in [
        line.split() for line in run("decode", octets)[1].splitlines()]
    assert "U 389.5 V" in run("--line", octets)[1]
    assert "EVSEPresentVoltage" in run("decode", PRECHARGE)[1] and "# 389.5 V" in run("decode", PRECHARGE)[1]


def test_without_a_command_it_decodes():
    assert run(*OCTETS.hex(" ").split()) == run("decode", OCTETS.hex()) == run(stdin=OCTETS)
    assert run("--line", OCTETS.hex()) == run("decode", "--line", OCTETS.hex())


def test_a_message_that_is_complete_waits_for_no_further_line():
    complete, cut = [], []
    for line, seen in ((OCTETS.hex(), complete), (OCTETS.hex()[:-8], cut)):
        joining = Joining(lambda found: len(found.octets) == len(OCTETS))
        seen += joining.feed(line + "\n", "line 1")
    assert [found.octets for found in complete] == [OCTETS] and cut == []


def test_decode_lines_of_a_pipe():
    log = f"nothing here\nrx {FRAMED.hex(' ')}\nrx {SAP} ok\n".encode()
    code, out, err = run("decode", "--line", "-", stdin=log)
    assert code == 0 and err == ""
    assert out.splitlines()[0].startswith("line 2: DIN SessionStopReq")
    assert out.splitlines()[1].startswith("line 3: SAP supportedAppProtocolRes  OK_SuccessfulNegotiation")


def test_a_line_that_does_not_decode_is_counted_and_the_others_are_shown():
    log = f"rx {FRAMED.hex()}\nrx {FRAMED.hex()[:-8]}\nrx {SAP}\n".encode()
    code, out, err = run("decode", "--line", stdin=log)
    assert code == 1 and "2 messages decoded, 1 did not" in err
    assert "line 2: does not decode: DIN: V2G_Message.Header" in out and "announces 13 octets, 9 are there" in out and "line 3: SAP" in out


def test_json_goes_through_a_pipe_and_comes_back():
    log = f"{SAP}\n{OCTETS.hex()}\n".encode()
    code, out, _ = run("decode", "--json", stdin=log)
    assert code == 0 and [json.loads(line)["schema"] for line in out.splitlines()] == ["SAP", "DIN"]
    assert run("encode", stdin=out.encode()) == (0, log.decode(), "")
    assert run("encode", "--v2gtp", stdin=out.splitlines()[1].encode())[1] == FRAMED.hex() + "\n"


def test_encode_reads_pretty_documents_and_bare_messages(tmp_path):
    document = json.loads(run("decode", "--json", OCTETS.hex())[1])["message"]
    path = tmp_path / "message.json"
    path.write_text(json.dumps(document, indent=2) + "\n" + json.dumps(document))
    assert run("encode", "--schema", "din", str(path)) == (0, 2 * (OCTETS.hex() + "\n"), "")
    assert run("encode", "--schema", "DIN", json.dumps(document))[1] == OCTETS.hex() + "\n"
    assert run("encode", json.dumps(document))[0] == 1


@pytest.mark.parametrize("document, sentence", [
    ('{"schema": "DIN", "message": {"V2G_Message": {"Header": {}, "Body": {}}}}', "$.V2G_Message.Header: SessionID is missing"),
    ('{"schema": "DIN", "message": {"V2G_Message": {"Header": {"SessionID": ""}, "Body": {"SessionStop": {}}}}}', "did you mean SessionStopRe"),
    ('{"schema": "DUN", "message": {}}', "'DUN' is not one of SAP, DIN"),
    ('{"schema": "SAP", "message": {"supportedAppProtocolRes": {"ResponseCode": "OK_SuccessfulNegotiation", "SchemaID": 256}}}',
     "$.supportedAppProtocolRes.SchemaID: 256 is out of range, allowed are 0 .. 255"),
    ('{"schema": "SAP", "schema": "SAP", "message": {}}', "stands twice"),
    ('{"hex": "80", "errors": {}}', "did not decode"),
    ('{"schema":', "no JSON"), ("[1, 2]", "the schema is not known"), ("[" * 100000, "no JSON"),
])
def test_encode_names_what_is_wrong(document, sentence):
    code, out, err = run("encode", stdin=document.encode())
    assert code == 1 and out == "" and sentence in err


def test_a_choice_that_the_schema_does_not_allow_is_named_by_the_codec():
    parameter = {"Name": "n", "ValueType": "int", "intValue": 1, "boolValue": True}
    message = {"Parameter": parameter}
    service = {"V2G_Message": {"Header": {"SessionID": ""}, "Body": {"ServiceDetailRes": {"ResponseCode": "OK", "ServiceID": 1, "ServiceParameterList": {
        "ParameterSet": [{"ParameterSetID": 1, **{"Parameter": [message["Parameter"]]}}]}}}}}
    code, _, err = run("encode", "--schema", "DIN", json.dumps(service))
    assert code == 1 and "$.V2G_Message.Body.ServiceDetailRes.ServiceParameterList.ParameterSet[0].Parameter[0]" in err and "boolValue" in err


@pytest.mark.parametrize("words, stdin, sentence", [
    (("decode", "--schema", "DUN", "80"), b"", "is not one of SAP"), (("decode", "nofile.log"), b"", "there is no file nofile.log"),
    (("decode", "hello"), b"", "neither a file nor hexadecimal"), (("decode", "809"), b"", "one digit"), (("decode",), b"nothing\nhere\n", "no message in the input (lines: 2)"),
    (("decode", "/"), b"", "is a folder"), (("decode",), b"\xd4\xc3\xb2\xa1" + bytes(20), "tools.decode"), (("encode",), b"", "no JSON document"),
    (("encode",), b"\x80\x9a", "no UTF-8"), (("decode", "--json", "--line", "80"), b"", ""), (("decode",), b"", "no message in the input"),
])
def test_usage_errors_say_what_to_do(words, stdin, sentence, capsys):
    code, out, err = run(*words, stdin=stdin)
    assert code == 2 and out == "" and sentence in err + capsys.readouterr().err


def test_files_of_octets_and_of_text(tmp_path):
    octets, text = tmp_path / "octets.bin", tmp_path / "log.txt"
    octets.write_bytes(FRAMED * 2)
    text.write_text(f"a {SAP}\n")
    code, out, _ = run("decode", "--line", str(octets), str(text))
    assert code == 0 and [line.split(": ")[:2] for line in out.splitlines()] == [
        [str(octets), "message 1"], [str(octets), "message 2"], [str(text), "line 1"]]


def test_a_message_wrapped_over_lines():
    code, out, _ = run("decode", stdin=f"{FRAMED.hex(' ')[:29]}\n{FRAMED.hex(' ')[30:]}\n{SAP}\n".encode())
    assert code == 0 and "# line 1: DIN SessionStopReq, 13 octets" in out and "# line 3: SAP" in out


def dump(octets, form):
    """A hex dump as programs write it, octet by octet."""
    lines = []
    for at in range(0, len(octets), 16):
        row = octets[at:at + 16]
        letters = "".join(chr(o) if 32 <= o < 127 else "." for o in row)
        if form == "xxd":
            pairs = " ".join(row[i:i + 2].hex() for i in range(0, len(row), 2))
            lines.append(f"{at:08x}: {pairs:<39}  {letters}")
        elif form == "hexdump":
            lines.append(f"{at:08x}  {row[:8].hex(' '):<23}  {row[8:].hex(' '):<23}  |{letters}|")
        else:
            lines.append(f"{at:04x}   {row.hex(' '):<47}   {letters}")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("form", ["xxd", "hexdump", "wireshark"])
@pytest.mark.parametrize("before", [b"", FRAMED[:8], bytes(range(54)) + FRAMED[:8], b"80abcdef00112233" + FRAMED[:8]])
def test_hex_dumps(form, before):
    octets = bytes.fromhex(PRECHARGE)
    framed = before[:-1] + bytes((len(octets),)) + octets if before else octets
    text = f"some frame\n{dump(framed, form)}\n{dump(framed, form)}the end\n"
    code, out, _ = run("decode", "--line", stdin=text.encode())
    assert code == 0 and out.count("DIN PreChargeRes  OK, isolation Valid, EVSE_Ready, U 389.5 V") == 2
    assert out.startswith("line 2: DIN") and run("decode", "--line", text)[1] == out


def test_digits_among_text_that_only_begin_with_80_are_passed_over():
    code, out, _ = run("decode", "--line", stdin=f"id 80ffeeddccbbaa99 ok\n{SAP}\n".encode())
    assert code == 0 and out.startswith("line 2: SAP") and out.count("\n") == 1


def test_control_characters_do_not_reach_the_terminal():
    message = {"schema": "SAP", "message": {"supportedAppProtocolReq": {"AppProtocol": [{
        "ProtocolNamespace": "\x1b[2Jx\u202e", "VersionNumberMajor": 1, "VersionNumberMinor": 0, "SchemaID": 0, "Priority": 1}]}}}
    octets = run("encode", json.dumps(message))[1].strip()
    for command in (("decode",), ("decode", "--line"), ("bits",), ("decode", "--json")):
        code, out, _ = run(*command, octets)
        assert code == 0 and "\x1b" not in out and "\u202e" not in out
    code, out, _ = run("explain", octets[:-14])
    assert code == 1 and "\x1b" not in out and "\u202e" not in out


def test_bits_are_all_bits_in_order():
    far = "809a02004080c1014181c211600040800001028e5c280800"     # -1710 V: a value of three groups behind its sign
    for text in (OCTETS.hex(), SAP, PRECHARGE, far, "80003bab9371d3c0ac020000000840"):
        code, out, _ = run("bits", "--full", text)
        assert code == 0
        digits = "".join("".join(line[18:46].split()) for line in out.splitlines() if not line.startswith("#"))
        assert digits == "".join(f"{octet:08b}" for octet in bytes.fromhex(text))


def test_bits_say_code_value_and_path():
    _, out, _ = run("bits", SAP)
    assert "       8     1.0  01" in out and "SE(supportedAppProtocolRes)      code 1 of 3" in out
    assert "= OK_SuccessfulNegotiation    supportedAppProtocolRes.ResponseCode  (word 0 of 3)" in out
    assert "= 1    supportedAppProtocolRes.SchemaID" in out and "padding" in out and "\x1b" not in out
    assert "\x1b[36m" in run("bits", "--colour", "always", SAP)[1]


def test_explain_a_message_that_is_cut():
    code, out, _ = run("explain", PRECHARGE[:38])
    assert code == 1
    for sentence in ("as DIN", "at bit 149 (octet 18, bit 5) of 152", "V2G_Message.Body.PreChargeRes.EVSEPresentVoltage.Unit", "one of h, m, s, A", "TRUNCATED",
                     "the octets end before the message"):
        assert sentence in out


def test_explain_what_would_have_come_next():
    _, out, _ = run("explain", OCTETS.hex()[:24])           # ends after the event code of the body element
    assert "path      V2G_Message.Body" in out and "came      bits 01" in out and "expected  0: SE(BodyElement)" in out
    _, out, _ = run("explain", "809a02")


def test_explain_an_event_code_without_meaning():
    code, out, _ = run("explain", "809a02004080c1014181c213d000")           # the six bits after Body: 61
    assert code == 1 and "came      code 61 (111101): a code without meaning" in out and "0: SE(BodyElement)" in out
    assert "... and 24 more, up to code 35" in out


@pytest.mark.parametrize("words, sentence", [
    (("--schema", "ISO20", OCTETS.hex()), "it fits DIN SessionStopReq (not tried before because of --schema)"),
    (("01fe80020000000d" + OCTETS.hex(),), "it fits DIN SessionStopReq (not tried before because of payload type 0x8002)"),
    (("0203" + OCTETS.hex(),), "from octet 2 on it is DIN SessionStopReq"),
])
def test_explain_finds_the_right_schema_or_the_right_beginning(words, sentence):
    code, out, _ = run("explain", *words)
    assert code == 1 and sentence in out


def test_a_schema_that_fits_by_chance_is_doubted():
    code, out, _ = run("decode", "--schema", "ISO2", OCTETS.hex())
    assert code == 0 and "probably not this schema, but DIN SessionStopReq" in out and "octets follow the message" in out


def test_what_is_signed_is_found_and_explained():
    message = {"SignedInfo": {"CanonicalizationMethod": {"Algorithm": "urn:c"}, "SignatureMethod": {"Algorithm": "urn:s"}, "Reference": [
        {"DigestMethod": {"Algorithm": "urn:d"}, "DigestValue": "00ff"}]}}
    code, octets, err = run("encode", "--fragment", "--schema", "XMLDSIG", json.dumps(message))
    assert code == 0, err
    found = json.loads(run("decode", "--json", octets.strip())[1])
    assert found["schema"] == "XMLDSIG" and found["fragment"] and found["message"] == message
    assert run("encode", json.dumps(found))[1] == octets
    _, out, _ = run("explain", "--fragment", "--schema", "XMLDSIG", octets[:26])
    assert "path      SignedInfo.SignatureMethod.@Algorithm" in out and "anyURI" in out
    assert "it fits XMLDSIG SignedInfo (not tried before because of --schema)" in run("explain", "--fragment", "--schema", "SAP", octets.strip())[1]


# Random messages of this codec, chosen because more than one schema reads them.
DISCONNECT_OR_CONNECT = "800404571bc4eaec2f9a3880023e2184"      # ISO20_ACDP ACDP_ConnectRes; as ISO20 AuthorizationRes bits are left over
METERING_CUT = "80400400ae10"                                   # the beginning of ISO20 MeteringConfirmationReq


def test_of_two_schemas_that_fit_the_one_without_a_rest_is_shown():
    code, out, _ = run("decode", DISCONNECT_OR_CONNECT)
    assert code == 0 and out.startswith("# ISO20_ACDP ACDP_Connect") and "fits as well" not in out


def test_the_beginning_of_a_message_is_not_taken_for_a_shorter_one():
    code, out, _ = run("explain", METERING_CUT)
    assert code == 1 and "as ISO20: " in out and "by chance it begins like SAP supportedAppProtocolRes; 2 octets would follow" in out
    assert run("decode", METERING_CUT)[0] == 1 and run("decode", "--schema", "SAP", METERING_CUT)[0] == 0


@pytest.mark.parametrize("before", ["80 12 34, ", "01 fe 12 34 00 00 00 05 "])
def test_octets_before_a_message_in_the_same_run_are_passed_over(before):
    code, out, _ = run("decode", "--line", stdin=f"x {before}{OCTETS.hex(' ')}\n".encode())
    assert code == 0 and out.startswith("line 1: DIN SessionStopReq") and "follow" not in out


def test_schemas_are_listed():
    code, out, _ = run("schemas")
    assert code == 0 and out.count("\n") == 9 and "V2GTP 0x8004" in out


@pytest.mark.skipif(not CAPTURES.is_dir(), reason=f"the recorded vectors are not at {CAPTURES}")
def test_the_schema_of_recorded_messages_is_found_without_being_told():
    which, right, wrong = Which(load()), 0, []
    for file in sorted(CAPTURES.glob("*.jsonl")):
        for line in file.read_text().splitlines():
            entry = json.loads(line)
            best = which.ask(Found(bytes.fromhex(entry["hex"]))).best
            if best is not None and best.schema == entry["schema"]:
                right += 1
            elif "note" not in entry:                       # the notes are about entries that are no message of their schema
                wrong.append((entry["schema"], entry["hex"]))
    assert wrong == [] and right > 1690
