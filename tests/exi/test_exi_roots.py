"""Documents and fragments: which element is the root, lists of every length, and what a trace says of each bit."""
from __future__ import annotations

import pytest

from exi_messages import Random, fields_of
from exi_native import codec
from exi_native.codec import ExiError, ExiErrorCode
from exi_native.generated import SCHEMAS, names_of, tape_of
from exi_native.messages import din, iso2, iso20_acdp, xmldsig

EXI = codec.load()
#: Signed elements of ISO 15118-2 (exi.md section 1) and the event code width of each schema's fragments (section 3).
SIGNED = {
    "ISO2": ("ContractSignatureCertChain", "ContractSignatureEncryptedPrivateKey", "DHpublickey", "eMAID", "SalesTariff", "CertificateInstallationReq",
             "CertificateUpdateReq", "AuthorizationReq", "MeteringReceiptReq", "SignedInfo"),
    "ISO20": ("OEMProvisioningCertificateChain", "PnC_AReqAuthorizationMode", "SignedInstallationData", "MeteringConfirmationReq", "AbsolutePriceSchedule",
              "PriceLevelSchedule", "SignedInfo"),
}
FRAGMENT_BITS = {"SAP": 4, "DIN": 8, "ISO2": 8, "ISO20": 9, "ISO20_AC": 8, "ISO20_DC": 8, "ISO20_WPT": 8, "ISO20_ACDP": 8, "XMLDSIG": 6}
DOCUMENT_BITS = {"SAP": 2, "DIN": 7, "ISO2": 7, "ISO20": 6, "ISO20_AC": 6, "ISO20_DC": 6, "ISO20_WPT": 6, "ISO20_ACDP": 6, "XMLDSIG": 5}


@pytest.mark.parametrize("schema", SCHEMAS)
def test_event_codes_of_roots_have_the_width_of_the_sheet(schema: str) -> None:
    states = names_of(schema).STATES
    assert (states[0][1], states[1][1]) == (DOCUMENT_BITS[schema], FRAGMENT_BITS[schema])


@pytest.mark.parametrize(("schema", "name"), [(schema, name) for schema, names in SIGNED.items() for name in names])
def test_signed_elements_are_fragments(schema: str, name: str) -> None:
    tape = tape_of(schema)
    record = next(record for element, record in tape.FRAGMENT if element == name)
    for seed in range(5):
        message = Random(schema, (name, seed)).message(tape.FIELDS[record][0])
        octets = EXI.encode_fragment(schema, message, name)
        report = EXI.decode_with_report(schema, octets, fragment=True)
        assert (report.message, report.root) == (message, name)
        assert octets[0] == 0x80
    with pytest.raises(ExiError) as caught:
        EXI.decode_fragment(schema, octets[:-1])
    assert caught.value.code is ExiErrorCode.TRUNCATED


def test_a_name_with_several_types_has_the_relaxed_grammar() -> None:
    """eMAID is a plain string in PaymentDetailsReq: as a fragment it has the states of EXI 8.5.3.2. Octets: EXIficient, of this value."""
    message = iso2.EMAID(Id="id1", value="DE123456789012")
    octets = EXI.encode_fragment("ISO2", message, "eMAID")
    assert octets.hex() == "80ec0202b4b218c00411114c4c8ccd0d4d8dce0e4c0c4cbd3d00"
    assert EXI.decode_fragment("ISO2", octets) == message


def test_a_class_of_several_elements_needs_the_name() -> None:
    chain = iso2.CertificateChain(Certificate=b"\1")
    with pytest.raises(ExiError, match="ContractSignatureCertChain, SAProvisioningCertificateChain") as caught:
        EXI.encode_fragment("ISO2", chain)
    assert caught.value.code is ExiErrorCode.BAD_ROOT


def test_a_fragment_begins_with_its_code_and_ends_with_ed() -> None:
    """ISO 15118-2: ED is 244 of 8 bits (exi.md section 3)."""
    octets = EXI.encode_fragment("ISO2", iso2.AuthorizationReq(Id=None, GenChallenge=None))
    trace = EXI.trace("ISO2", octets, fragment=True)
    events = [step for step in trace.steps if step.kind == "event"]
    assert [(s.bits, s.state) for s in (events[0], events[-1])] == [(8, 1), (8, 1)]
    assert events[-1].code == 244 and trace.error is None
    assert names_of("ISO2").STATES[1][2][events[0].code][:2] == ("SE", "AuthorizationReq")


def test_the_signed_info_of_the_signature_schema_has_its_own_grammar() -> None:
    info = Random("XMLDSIG", "info").message(xmldsig.SignedInfo)
    octets = EXI.encode_fragment("XMLDSIG", info)
    assert EXI.decode_fragment("XMLDSIG", octets) == info
    with pytest.raises(ExiError):
        EXI.decode_fragment("ISO2", octets)


def test_a_fragment_that_cannot_stand_alone_is_refused() -> None:
    names = tape_of("DIN").FRAGMENT
    code = next(n for n, (name, record) in enumerate(names) if record == 0)
    octets = bytes((0x80, code)) + bytes(4)
    with pytest.raises(ExiError) as caught:
        EXI.decode_fragment("DIN", octets)
    assert caught.value.code is ExiErrorCode.SIMPLE_ROOT and caught.value.bit_position == 16


def test_fragments_of_unused_codes_are_refused() -> None:
    count = len(tape_of("ISO2").FRAGMENT)
    found = {}
    for code in range(count, 256):
        with pytest.raises(ExiError) as caught:
            EXI.decode_fragment("ISO2", bytes((0x80, code, 0)))
        found[code] = caught.value.code
    assert found.pop(count) is ExiErrorCode.WILDCARD and set(found.values()) == {ExiErrorCode.BAD_EVENT_CODE}


def test_two_roots_of_one_class_are_told_apart_by_name() -> None:
    message = Random("ISO20_ACDP", "connect").message(iso20_acdp.ACDP_ConnectReq)
    connect, disconnect = EXI.encode("ISO20_ACDP", message), EXI.encode("ISO20_ACDP", message, "ACDP_DisconnectReq")
    assert connect != disconnect
    assert EXI.decode_with_report("ISO20_ACDP", connect).root == "ACDP_ConnectReq"
    report = EXI.decode_with_report("ISO20_ACDP", disconnect)
    assert (report.root, report.message) == ("ACDP_DisconnectReq", message)
    assert EXI.encode("ISO20_ACDP", message) == connect                   # the wish for a root is not kept


@pytest.mark.parametrize(("root", "sentence"), [("SessionStopReq", "elements of that class here: V2G_Message"), ("nonsense", "V2G_Message")])
def test_a_root_of_another_class_is_refused(root: str, sentence: str) -> None:
    message = din.V2G_Message(Header=din.MessageHeader(SessionID=b"\1"), Body=din.Body())
    with pytest.raises(ExiError, match=sentence) as caught:
        EXI.encode("DIN", message, root)
    assert caught.value.code is ExiErrorCode.BAD_ROOT


@pytest.mark.parametrize("schema", [key for key in SCHEMAS if key != "SAP"])
def test_simple_global_elements_are_documents(schema: str) -> None:
    cls = next(c for c in fields_of(schema) if c.__name__ == "DigestValue")
    octets = EXI.encode(schema, cls(value=b"12345"))
    report = EXI.decode_with_report(schema, octets)
    assert (report.message, report.root) == (cls(value=b"12345"), "DigestValue")


@pytest.mark.parametrize("count", [1, 2, 3, 12, 1023, 1024])
def test_long_lists_keep_every_item(count: int) -> None:
    entries = [iso2.PMaxScheduleEntry(TimeInterval=iso2.RelativeTimeInterval(start=n), PMax=iso2.PhysicalValue(Multiplier=0, Unit=iso2.unitSymbol.W, Value=n))
               for n in range(count)]
    schedule = iso2.PMaxSchedule(PMaxScheduleEntry=entries)
    octets = EXI.encode_fragment("ISO2", schedule)
    assert EXI.decode_fragment("ISO2", octets) == schedule


def test_the_longest_schedules_fit_into_the_buffers() -> None:
    """ISO 15118-2: at most 3 schedules of 1024 entries."""
    entries = [iso2.PMaxScheduleEntry(TimeInterval=iso2.RelativeTimeInterval(start=n, duration=1),
                                      PMax=iso2.PhysicalValue(Multiplier=3, Unit=iso2.unitSymbol.W, Value=n)) for n in range(1024)]
    message = iso2.SAScheduleList(SAScheduleTuple=[iso2.SAScheduleTuple(SAScheduleTupleID=n + 1, PMaxSchedule=iso2.PMaxSchedule(PMaxScheduleEntry=entries))
                                                   for n in range(3)])
    assert EXI.decode_fragment("ISO2", EXI.encode_fragment("ISO2", message)) == message


@pytest.mark.parametrize("count", [0, 1025])
def test_a_list_of_another_length_is_refused(count: int) -> None:
    entry = iso2.PMaxScheduleEntry(TimeInterval=iso2.RelativeTimeInterval(start=0), PMax=iso2.PhysicalValue(Multiplier=0, Unit=iso2.unitSymbol.W, Value=0))
    with pytest.raises(ExiError) as caught:
        EXI.encode_fragment("ISO2", iso2.PMaxSchedule(PMaxScheduleEntry=[entry] * count))
    assert caught.value.code in (ExiErrorCode.INCOMPLETE, ExiErrorCode.NOT_ALLOWED_HERE)
    assert "PMaxScheduleEntry" in caught.value.field


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_trace_tells_of_every_bit_once(schema: str) -> None:
    for seed in range(10):
        cls = next(iter(tape_of(schema).ROOTS)) if seed % 2 else list(tape_of(schema).ROOTS)[seed % len(tape_of(schema).ROOTS)]
        octets = EXI.encode(schema, Random(schema, ("trace", seed)).message(cls))
        trace = EXI.trace(schema, octets)
        at = 0
        for step in trace.steps:
            assert step.bit == at
            at += step.bits
        assert trace.error is None and len(octets) * 8 - 8 < at <= len(octets) * 8
        damaged = EXI.trace(schema, octets[:-1])
        assert damaged.error is not None and damaged.steps == trace.steps[:len(damaged.steps)]


def test_the_trace_has_the_values() -> None:
    message = din.V2G_Message(Header=din.MessageHeader(SessionID=b"\1\2"), Body=din.Body(BodyElement=din.SessionSetupReq(EVCCID=b"\3\4\5")))
    values = [s.value for s in EXI.trace("DIN", EXI.encode("DIN", message)).steps if s.kind == "value"]
    assert values == [b"\1\2", b"\3\4\5"]


def test_step_limits_end_decoding_and_encoding() -> None:
    message = din.V2G_Message(Header=din.MessageHeader(SessionID=b"\1"), Body=din.Body(BodyElement=din.SessionSetupReq(EVCCID=b"\3")))
    engine = codec.load()
    octets = engine.encode("DIN", message)
    engine._work.step_limit = 3
    for call in (lambda: engine.decode("DIN", octets), lambda: engine.encode("DIN", message)):
        with pytest.raises(ExiError) as caught:
            call()
        assert caught.value.code is ExiErrorCode.TOO_MANY_STEPS
    engine._work.step_limit = 100
    assert engine.decode("DIN", octets) == message
