"""The codec on its own messages: known octets, limits of lists and values, damaged octets, impossible messages."""
from __future__ import annotations

import copy
import pickle
import random
import re
from pathlib import Path
from typing import Any, Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exi_messages import WILDCARD_ONLY, Random, fields_of, roots_of
from exi_native import codec
from exi_native.codec import ExiError, ExiErrorCode
from exi_native.generated import SCHEMAS, messages_of, tape_of
from exi_native.library import ABI_VERSION, MAX_DEPTH
from exi_native.messages import appproto, din

EXI = codec.load()


def amount(value: int, unit: str | None = None, multiplier: int = 0) -> din.PhysicalValue:
    return din.PhysicalValue(Multiplier=multiplier, Unit=None if unit is None else din.unitSymbol(unit), Value=value)


def v2g(body: Any, session: bytes = bytes(range(1, 9)), **header: Any) -> din.V2G_Message:
    return din.V2G_Message(Header=din.MessageHeader(SessionID=session, **header), Body=din.Body(BodyElement=body))


def ev_status(soc: int = 50) -> din.DC_EVStatus:
    return din.DC_EVStatus(EVReady=True, EVCabinConditioning=False, EVRESSConditioning=True, EVErrorCode=din.DC_EVErrorCode.NO_ERROR, EVRESSSOC=soc)


def evse_status() -> din.DC_EVSEStatus:
    return din.DC_EVSEStatus(EVSEIsolationStatus=din.isolationLevel.Valid, EVSEStatusCode=din.DC_EVSEStatusCode.EVSE_Ready,
                             NotificationMaxDelay=300, EVSENotification=din.EVSENotification.None_)


def protocol(number: int) -> appproto.AppProtocol:
    return appproto.AppProtocol(ProtocolNamespace=f"urn:test:{number}", VersionNumberMajor=2, VersionNumberMinor=0, SchemaID=number,
                                Priority=number % 20 + 1)


def schedule(entries: int) -> din.PMaxSchedule:
    return din.PMaxSchedule(PMaxScheduleID=-1, PMaxScheduleEntry=[
        din.PMaxScheduleEntry(TimeInterval=din.RelativeTimeInterval(start=900 * n, duration=None if n else 86400), PMax=20000 - n)
        for n in range(entries)])


def discovery(schedules: Any) -> din.ChargeParameterDiscoveryRes:
    return din.ChargeParameterDiscoveryRes(
        ResponseCode=din.responseCode.OK, EVSEProcessing=din.EVSEProcessing.Finished, SASchedules=schedules,
        EVSEChargeParameter=din.DC_EVSEChargeParameter(
            DC_EVSEStatus=evse_status(), EVSEMaximumCurrentLimit=amount(1250, "A", -1), EVSEMaximumVoltageLimit=amount(500, "V"),
            EVSEMinimumCurrentLimit=amount(0, "A"), EVSEMinimumVoltageLimit=amount(200, "V"), EVSEPeakCurrentRipple=amount(-5)))


def signature() -> din.Signature:
    return din.Signature(
        Id="sig", SignedInfo=din.SignedInfo(
            CanonicalizationMethod=din.CanonicalizationMethod(Algorithm="http://www.w3.org/TR/canonical-exi/"),
            SignatureMethod=din.SignatureMethod(Algorithm="http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"),
            Reference=[din.Reference(URI="#id1", DigestMethod=din.DigestMethod(Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"),
                                     DigestValue=bytes(range(32)))]),
        SignatureValue=din.SignatureValue(value=bytes(64)),
        KeyInfo=din.KeyInfo(X509Data=[din.X509Data(X509IssuerSerial=[
            din.X509IssuerSerial(X509IssuerName="CN=Größe €", X509SerialNumber=-(1 << 130) - 12345)])]))


# Made by hand for these tests; the octets were compared with the EXIficient library building its grammars from the
# same XSD files (test_exi_oracle.py does the comparison with random messages).
MESSAGES: dict[str, tuple[Any, Any, str]] = {
    "handshake": ("SAP", appproto.supportedAppProtocolReq(AppProtocol=[protocol(0), protocol(7)]),
        "800063ab9371d3a32b9ba1d180020000000000c75726e3a746573743a370040000383880"),
    "handshake answer": ("SAP", appproto.supportedAppProtocolRes(ResponseCode=appproto.responseCode.Failed_NoNegotiation),
        "804880"),
    "SessionSetupReq": ("DIN", v2g(din.SessionSetupReq(EVCCID=bytes.fromhex("0201aabbccdd")), bytes(8)),
        "809a02000000000000000011d0180806aaef337400"),
    "SessionStopReq": ("DIN", v2g(din.SessionStopReq()),
        "809a02004080c1014181c211f0"),
    "empty values": ("DIN", v2g(din.SessionSetupReq(EVCCID=b""), b""),
        "809a0011d00000"),
    "no body": ("DIN", v2g(None),
        "809a02004080c1014181c21230"),
    "notification": ("DIN", v2g(din.SessionStopRes(ResponseCode=din.responseCode.FAILED_SequenceError), Notification=din.Notification(
        FaultCode=din.faultCode.ParsingError, FaultMsg="nein")),
        "809a02004080c1014181c2000033732b4b70a00a00"),
    "CurrentDemandReq": ("DIN", v2g(din.CurrentDemandReq(
        DC_EVStatus=ev_status(), EVTargetCurrent=amount(-1, "A"), EVMaximumVoltageLimit=amount(410, "V"), EVMaximumCurrentLimit=amount(125, "A"),
        EVMaximumPowerLimit=amount(5000, "W", 1), BulkChargingComplete=False, ChargingComplete=False, RemainingTimeToFullSoC=amount(40, "m"),
        RemainingTimeToBulkSoC=amount(20, "m"), EVTargetVoltage=amount(32767, "V", -3))),
        "809a02004080c1014181c210d100400640606200018284d01806060fa0407088270000c040a00602028000a1fffe0200"),
    "schedules": ("DIN", v2g(discovery(din.SAScheduleList(SAScheduleTuple=[din.SAScheduleTuple(
        SAScheduleTupleID=-7, PMaxSchedule=schedule(3), SalesTariff=din.SalesTariff(
            Id="t1", SalesTariffID=1, NumEPriceLevels=2, SalesTariffEntry=[din.SalesTariffEntry(
                TimeInterval=din.Interval(), EPriceLevel=2, ConsumptionCost=[din.ConsumptionCost(startValue=0, Cost=[
                    din.Cost(costKind=din.costKind.CarbonDioxideEmission, amount=4294967295, amountMultiplier=-3)])])]))]))),
        "809a02004080c1014181c2108000041820000004051828282700402101c89f9c0100880e227a70044023a188012021004000043fffffff"
        "c3c00a941022b008004061c41223050f403030300003050c801119410400"),
    "abstract schedules": ("DIN", v2g(discovery(din.SASchedules())),
        "809a02004080c1014181c210800048204560100080c38824460a1e8060606000060a190022328208"),
    "parameters": ("DIN", v2g(din.ServiceDetailRes(ResponseCode=din.responseCode.OK, ServiceID=65535, ServiceParameterList=din.ServiceParameterList(
        ParameterSet=[din.ParameterSet(ParameterSetID=-32768, Parameter=[
            din.Parameter(Name="a", ValueType=din.value.bool, boolValue=True), din.Parameter(Name="b", ValueType=din.value.byte, byteValue=-128),
            din.Parameter(Name="c", ValueType=din.value.int, intValue=-2147483648),
            din.Parameter(Name="d", ValueType=din.value.physicalValue, physicalValue=amount(1, "W/s")),
            din.Parameter(Name="ä€😀", ValueType=din.value.string, stringValue="")])]))),
        "809a02004080c1014181c2118003fffc0c0ffff808036100800d884800006c66dffffffff07001b224184000800bc803588301d80eb404"
        "28"),
    "times": ("DIN", v2g(din.SessionSetupRes(ResponseCode=din.responseCode.OK_NewSessionEstablished, EVSEID=bytes(32), DateTimeNow=-(1 << 63))),
        "809a02004080c1014181c211e0208000000000000000000000000000000000000000000000000000000000000000003fffffffffffffff"
        "efe0"),
    "signature": ("DIN", v2g(din.MeteringReceiptReq(
        Id="id1", SessionID=b"\x01", SAScheduleTupleID=3, MeterInfo=din.MeterInfo(
            MeterID="M", SigMeterReading=bytes(range(7)), MeterStatus=-1, TMeter=(1 << 63) - 1)), Signature=signature()),
        "809a02004080c1014181c2080ae6d2ce44ad0e8e8e0745e5eeeeeee5cee665cdee4ce5ea8a45ec6c2dcdedcd2c6c2d85acaf0d25e86ad0"
        "e8e8e0745e5eeeeeee5cee665cdee4ce5e646060625e60685ef0dad8c8e6d2ce5adadee4ca46cac6c8e6c25ae6d0c2646a6c88188da590"
        "c514b43a3a381d1797bbbbbb973b999737b933979918181897981a17bc36b632b73191b9b430991a9b2100000810182028303840485058"
        "6068707880889098a0a8b0b8c0c8d0d8e0e8f0f89400000000000000000000000000000000000000000000000000000000000000000000"
        "00000000000000000000000000000000000000000000000000000000000000800c434e3d4772f601df016520ac411b8e08080808080808"
        "0808080808080808080103421e02b4b218802020030034d1038000810182028304001fffffffffffffffefe0"),
}

# The form in which EXIficient writes empty values: the second-level EE instead of a string of length zero.
EMPTY_BY_ESCAPE = {"empty values": "809a447500"}

ids = list(MESSAGES)


@pytest.mark.parametrize("name", ids)
def test_known_octets(name: str) -> None:
    schema, message, octets = MESSAGES[name]
    assert EXI.encode(schema, message).hex() == octets
    assert EXI.decode(schema, bytes.fromhex(octets)) == message


def test_empty_values_are_read_in_both_forms_and_sent_as_characters() -> None:
    schema, message, octets = MESSAGES["empty values"]
    assert EXI.decode(schema, bytes.fromhex(EMPTY_BY_ESCAPE["empty values"])) == message
    assert EXI.encode(schema, message).hex() == octets


@pytest.mark.parametrize("schema", ["SAP", "DIN"])
def test_every_root_comes_back(schema: Any) -> None:
    for root in roots_of(schema):
        for seed in range(8):
            message = Random(schema, (root.__name__, seed)).message(root)
            octets = EXI.encode(schema, message)
            assert EXI.decode(schema, octets) == message, f"{root.__name__} seed {seed}"
            assert EXI.encode(schema, EXI.decode(schema, octets)) == octets


def test_types_that_hold_only_wildcards_are_refused() -> None:
    with pytest.raises(ExiError) as refused:
        EXI.encode("DIN", din.SignatureProperty(Target="x"))
    assert refused.value.code == ExiErrorCode.INCOMPLETE


def test_trailing_octets_are_reported_and_ignored() -> None:
    octets = bytes.fromhex(MESSAGES["SessionStopReq"][2])
    assert EXI.decode_with_report("DIN", octets).trailing_octets == 0
    message, trailing, root = EXI.decode_with_report("DIN", octets + b"\0\xff")
    assert (message, trailing, root) == (MESSAGES["SessionStopReq"][1], 2, "V2G_Message")
    assert EXI.decode("DIN", bytearray(octets + b"\0")) == message


# ---- lists -------------------------------------------------------------------------------------


def test_bounded_list_takes_exactly_its_maximum() -> None:
    """AppProtocol: 1 .. 20 (V2G_CI_AppProtocol.xsd). After the 20th item the state is narrower by one production."""
    for count in (1, 2, 19, 20):
        message = appproto.supportedAppProtocolReq(AppProtocol=[protocol(n) for n in range(count)])
        assert EXI.decode("SAP", EXI.encode("SAP", message)) == message
    # Each further item costs the same number of bits, the closing EE after the 20th only one bit instead of two.
    sizes = []
    for count in (18, 19, 20):
        message = appproto.supportedAppProtocolReq(AppProtocol=[protocol(3)] * count)
        EXI.encode("SAP", message)
        sizes.append(EXI._work.bit_position)
    assert sizes[2] - sizes[1] == sizes[1] - sizes[0] - 1


@pytest.mark.parametrize("count", [0, 21])
def test_bounded_list_refuses_less_and_more(count: int) -> None:
    with pytest.raises(ExiError) as refused:
        EXI.encode("SAP", appproto.supportedAppProtocolReq(AppProtocol=[protocol(n) for n in range(count)]))
    assert refused.value.code in (ExiErrorCode.INCOMPLETE, ExiErrorCode.NOT_ALLOWED_HERE)
    assert refused.value.field == "supportedAppProtocolReq.AppProtocol"


def test_unbounded_list_is_bounded_by_the_buffers_only() -> None:
    for count in (1, 1024):
        message = v2g(discovery(din.SAScheduleList(SAScheduleTuple=[din.SAScheduleTuple(SAScheduleTupleID=1, PMaxSchedule=schedule(count))])))
        assert EXI.decode("DIN", EXI.encode("DIN", message)) == message
    with pytest.raises(ExiError) as refused:
        EXI.encode("DIN", v2g(discovery(din.SAScheduleList(SAScheduleTuple=[
            din.SAScheduleTuple(SAScheduleTupleID=1, PMaxSchedule=schedule(40000))]))))
    assert refused.value.code == ExiErrorCode.TAPE_FULL


def test_decoding_is_bounded_by_the_buffers() -> None:
    item = din.SubCertificates(Certificate=[b""] * 9)
    octets = bytearray(EXI.encode("DIN", v2g(din.CertificateInstallationRes(
        Id="i", ResponseCode=din.responseCode.OK, ContractSignatureCertChain=din.CertificateChain(Certificate=b"", SubCertificates=item),
        ContractSignatureEncryptedPrivateKey=b"", DHParams=b"", ContractID="c"))))
    assert isinstance(EXI.decode("DIN", bytes(octets)), din.V2G_Message)
    # One empty certificate takes 12 bits, so this is a list without end: SE again and again until a buffer is full.
    bits = "".join(f"{octet:08b}" for octet in octets)
    one = re.search(r"((?:0){11,12})(?:\1){7}", bits)
    assert one is not None
    flood = bits[:one.start()] + one.group(1) * 90000
    data = int(flood.ljust(-(-len(flood) // 8) * 8, "0"), 2).to_bytes(-(-len(flood) // 8), "big")
    with pytest.raises(ExiError) as refused:
        EXI.decode("DIN", data)
    assert refused.value.code == ExiErrorCode.TAPE_FULL


# ---- damaged octets ----------------------------------------------------------------------------


def decode_or_error(schema: Any, data: bytes) -> None:
    try:
        message = EXI.decode(schema, data)
    except ExiError as error:
        assert isinstance(error.code, ExiErrorCode) and 0 <= error.bit_position <= 8 * len(data)
        return
    # What is accepted is a message that can be sent again, and means the same.
    assert EXI.decode(schema, EXI.encode(schema, message)) == message


@pytest.mark.parametrize("name", ids)
def test_truncation_at_every_octet(name: str) -> None:
    schema, _, octets = MESSAGES[name]
    data = bytes.fromhex(octets)
    for length in range(len(data)):
        with pytest.raises(ExiError) as refused:
            EXI.decode(schema, data[:length])
        assert refused.value.code == ExiErrorCode.TRUNCATED


@pytest.mark.parametrize("name", ids)
def test_truncation_at_every_bit_and_every_flipped_bit(name: str) -> None:
    schema, _, octets = MESSAGES[name]
    data = bytes.fromhex(octets)
    value = int.from_bytes(data, "big")
    for bit in range(8 * len(data)):
        decode_or_error(schema, (value >> bit << bit).to_bytes(len(data), "big"))  # the rest is zero
        decode_or_error(schema, (value | ((1 << bit) - 1)).to_bytes(len(data), "big"))  # the rest is one
        decode_or_error(schema, (value ^ 1 << bit).to_bytes(len(data), "big"))


@settings(max_examples=300, deadline=None, database=None)
@given(st.sampled_from(["SAP", "DIN"]), st.binary(max_size=200), st.booleans())
def test_arbitrary_octets(schema: Any, data: bytes, with_header: bool) -> None:
    decode_or_error(schema, b"\x80" + data if with_header else data)


@settings(max_examples=300, deadline=None, database=None)
@given(st.sampled_from(ids), st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=8))
def test_damaged_messages(name: str, changes: list[tuple[int, int]]) -> None:
    schema, _, octets = MESSAGES[name]
    data = bytearray.fromhex(octets)
    for position, octet in changes:
        data[position % len(data)] = octet
    decode_or_error(schema, bytes(data))


def refused_bits(schema: Any, bits: str) -> ExiErrorCode:
    bits = bits.replace(" ", "")
    length = -(-len(bits) // 8)
    with pytest.raises(ExiError) as refused:
        EXI.decode(schema, int(bits.ljust(8 * length, "0"), 2).to_bytes(length, "big"))
    return refused.value.code


def test_each_kind_of_damage_has_its_code() -> None:
    session = "10000000 1001101 0 0 "  # header, V2G_Message, Header, SessionID
    body = session + "0 00000000 0 10 0 "  # CH, no octets, EE; Header's EE; Body
    assert refused_bits("DIN", "10000001") == ExiErrorCode.BAD_HEADER  # version 2
    assert refused_bits("DIN", "10100000") == ExiErrorCode.BAD_HEADER  # options document
    assert refused_bits("DIN", "10000000 1111111") == ExiErrorCode.BAD_EVENT_CODE  # 82 productions
    assert refused_bits("DIN", "10000000 1010001") == ExiErrorCode.WILDCARD  # SE(*)
    assert refused_bits("DIN", session + "1 001") == ExiErrorCode.SECOND_LEVEL  # xsi:type
    assert refused_bits("DIN", session + "0 00000000 1 00") == ExiErrorCode.SECOND_LEVEL  # after the value
    assert refused_bits("DIN", session + "0 00001001") == ExiErrorCode.TOO_LONG  # 9 octets, 8 are allowed
    assert refused_bits("DIN", body + "111111") == ExiErrorCode.BAD_EVENT_CODE  # Body: 36 productions and escape
    assert refused_bits("DIN", body + "100100 101") == ExiErrorCode.SECOND_LEVEL
    # ServiceDiscoveryReq.ServiceScope: string table hits, characters
    scope = body + "011001 00 0 "  # the 26th of the group, CH
    assert refused_bits("DIN", scope + "00000000") == ExiErrorCode.STRING_TABLE
    assert refused_bits("DIN", scope + "00000001") == ExiErrorCode.STRING_TABLE
    assert refused_bits("DIN", scope + "00000011 10000000 10110000 00000011") == ExiErrorCode.BAD_CHARACTER  # U+D800
    assert refused_bits("DIN", scope + "10000011" * 9) == ExiErrorCode.TOO_LONG
    # SessionStopRes.ResponseCode: 23 values in 5 bits; CableCheckReq: EVRESSSOC 0 .. 100 in 7 bits
    assert refused_bits("DIN", body + "100000 0 0 10111") == ExiErrorCode.BAD_ENUMERATION  # SessionStopRes is the 33rd
    check = EXI.encode("DIN", v2g(din.CableCheckReq(DC_EVStatus=ev_status(100)), b""))
    text = f"{int(check.hex(), 16):b}"
    at = text.rindex("1100100")
    assert refused_bits("DIN", text[:at] + "1100101" + text[at + 7:]) == ExiErrorCode.OUT_OF_RANGE
    # PMaxScheduleEntry as root, empty TimeInterval, PMax a short: 32768 does not exist, endless integers neither.
    pmax = "10000000 0101010 01 0 0 0 0"
    assert refused_bits("DIN", pmax + "10000000 10000000 00000010") == ExiErrorCode.OUT_OF_RANGE
    assert refused_bits("DIN", pmax + "10000000" * 20) == ExiErrorCode.OUT_OF_RANGE


# ---- messages that cannot be encoded -----------------------------------------------------------


def broken(change: Callable[[din.CurrentDemandReq], Any]) -> ExiError:
    message = copy.deepcopy(MESSAGES["CurrentDemandReq"][1])
    change(message.Body.BodyElement)
    with pytest.raises(ExiError) as refused:
        EXI.encode("DIN", message)
    return refused.value


REQ = "V2G_Message.Body.BodyElement(CurrentDemandReq)."


@pytest.mark.parametrize(("field", "value", "code"), [
    ("DC_EVStatus.EVRESSSOC", 101, ExiErrorCode.OUT_OF_RANGE),
    ("DC_EVStatus.EVRESSSOC", -1, ExiErrorCode.OUT_OF_RANGE),
    ("DC_EVStatus.EVRESSSOC", 50.0, ExiErrorCode.WRONG_TYPE),
    ("DC_EVStatus.EVRESSSOC", "50", ExiErrorCode.WRONG_TYPE),
    ("DC_EVStatus.EVRESSSOC", None, ExiErrorCode.INCOMPLETE),
    ("DC_EVStatus.EVReady", 1, ExiErrorCode.WRONG_TYPE),
    ("DC_EVStatus.EVErrorCode", "NO_ERROR", ExiErrorCode.WRONG_TYPE),
    ("DC_EVStatus.EVErrorCode", din.responseCode.OK, ExiErrorCode.WRONG_TYPE),
    ("DC_EVStatus", None, ExiErrorCode.INCOMPLETE),
    ("DC_EVStatus", evse_status(), ExiErrorCode.WRONG_TYPE),
    ("EVTargetVoltage.Value", 32768, ExiErrorCode.OUT_OF_RANGE),
    ("EVTargetVoltage.Value", -32769, ExiErrorCode.OUT_OF_RANGE),
    ("EVTargetVoltage.Value", 1 << 80, ExiErrorCode.OUT_OF_RANGE),
    ("EVTargetVoltage.Value", -(1 << 63), ExiErrorCode.OUT_OF_RANGE),
    ("EVTargetVoltage.Multiplier", 4, ExiErrorCode.OUT_OF_RANGE),
    ("EVTargetVoltage.Unit", "V", ExiErrorCode.WRONG_TYPE),
    ("EVMaximumPowerLimit", 5, ExiErrorCode.WRONG_TYPE),
])
def test_impossible_value_is_refused_by_name(field: str, value: Any, code: ExiErrorCode) -> None:
    def change(request: Any) -> None:
        *path, last = field.split(".")
        for name in path:
            request = getattr(request, name)
        setattr(request, last, value)

    error = broken(change)
    assert (error.code, error.field) == (code, REQ + field)
    assert field.rpartition(".")[2] in str(error)


def refusal(schema: Any, message: Any) -> tuple[ExiErrorCode, str]:
    with pytest.raises(ExiError) as refused:
        EXI.encode(schema, message)
    return refused.value.code, refused.value.field


def test_strings_octets_and_lists_are_refused_by_name() -> None:
    assert refusal("DIN", v2g(din.SessionStopReq(), bytes(9))) == (ExiErrorCode.TOO_LONG, "V2G_Message.Header.SessionID")
    assert refusal("DIN", v2g(din.SessionStopReq(), "0102")) == (ExiErrorCode.WRONG_TYPE, "V2G_Message.Header.SessionID")  # type: ignore[arg-type]
    request = "V2G_Message.Body.BodyElement(ServiceDiscoveryReq).ServiceScope"
    assert refusal("DIN", v2g(din.ServiceDiscoveryReq(ServiceScope="x" * 33))) == (ExiErrorCode.TOO_LONG, request)
    assert refusal("DIN", v2g(din.ServiceDiscoveryReq(ServiceScope="\ud800"))) == (ExiErrorCode.BAD_CHARACTER, request)
    assert refusal("DIN", v2g(din.ServiceDiscoveryReq(ServiceScope=b"x"))) == (ExiErrorCode.WRONG_TYPE, request)  # type: ignore[arg-type]
    protocols = "supportedAppProtocolReq.AppProtocol"
    assert refusal("SAP", appproto.supportedAppProtocolReq(AppProtocol=protocol(1))) == (ExiErrorCode.WRONG_TYPE, protocols)  # type: ignore[arg-type]
    assert refusal("SAP", appproto.supportedAppProtocolReq(AppProtocol=[protocol(1), None])) == (  # type: ignore[list-item]
        ExiErrorCode.INCOMPLETE, protocols + "[1]")
    ids_list = din.ListOfRootCertificateIDs(RootCertificateID="ab")  # type: ignore[arg-type]
    code, field = refusal("DIN", v2g(din.CertificateInstallationReq(
        OEMProvisioningCert=b"", ListOfRootCertificateIDs=ids_list, DHParams=b"")))
    assert (code, field.rpartition(".")[2]) == (ExiErrorCode.WRONG_TYPE, "RootCertificateID")
    two = din.Parameter(Name="n", ValueType=din.value.bool, boolValue=True, byteValue=1)
    details = din.ServiceDetailRes(ResponseCode=din.responseCode.OK, ServiceID=1, ServiceParameterList=din.ServiceParameterList(
        ParameterSet=[din.ParameterSet(ParameterSetID=1, Parameter=[two])]))
    code, field = refusal("DIN", v2g(details))
    assert code == ExiErrorCode.NOT_ALLOWED_HERE and field.endswith("ParameterSet[0].Parameter[0]")
    two.boolValue = two.byteValue = None
    assert refusal("DIN", v2g(details))[0] == ExiErrorCode.INCOMPLETE


def test_what_is_no_message_is_refused() -> None:
    assert refusal("DIN", amount(1)) == (ExiErrorCode.NOT_A_ROOT, "PhysicalValue")
    assert refusal("DIN", MESSAGES["handshake"][1])[0] == ExiErrorCode.NOT_A_ROOT
    assert refusal("DIN", None)[0] == ExiErrorCode.NOT_A_ROOT
    assert refusal("DIN", v2g(amount(1)))[0] == ExiErrorCode.WRONG_TYPE
    assert refusal("ISO9", None)[0] == ExiErrorCode.UNKNOWN_SCHEMA
    with pytest.raises(ExiError):
        EXI.decode("ISO9", b"\x80")  # type: ignore[arg-type]


def test_error_travels_and_speaks() -> None:
    with pytest.raises(ExiError) as refused:
        EXI.decode("DIN", bytes.fromhex(MESSAGES["CurrentDemandReq"][2])[:20])
    error = refused.value
    assert isinstance(error, ValueError)
    assert error.field == "V2G_Message.Body.BodyElement(CurrentDemandReq).BulkChargingComplete" or error.field.startswith(REQ)
    assert "input ends" in str(error) and f"bit {error.bit_position}" in str(error)
    again = pickle.loads(pickle.dumps(error))
    assert (again.code, again.bit_position, again.field, str(again)) == (error.code, error.bit_position, error.field, str(error))


def test_a_failure_leaves_nothing_behind() -> None:
    """The buffers are reused: a refused message must not leak into the next one."""
    rng = random.Random(3)
    for name in ids:
        schema, message, octets = MESSAGES[name]
        with pytest.raises(ExiError):
            EXI.decode(schema, rng.randbytes(40))
        assert EXI.decode(schema, bytes.fromhex(octets)) == message


def test_codes_and_versions_are_those_of_the_header() -> None:
    header = (Path(codec.__file__).parent / "include" / "ccsexi.h").read_text()
    codes = {name: int(number) for name, number in re.findall(r"EXI_(?!TRACE)(\w+) = (\d+),?", header)}
    assert codes.pop("OK") == 0
    assert codes == {code.name: code.value for code in ExiErrorCode if code < 100}
    assert f"#define EXI_ABI_VERSION {ABI_VERSION}\n" in header
    assert f"#define EXI_MAX_DEPTH {MAX_DEPTH}\n" in header


def test_every_class_of_the_modules_is_known() -> None:
    for schema in SCHEMAS:
        module = messages_of(schema)
        classes = {getattr(module, name) for name in module.__all__ if hasattr(getattr(module, name), "__dataclass_fields__")}
        assert classes == set(fields_of(schema)) - {object}
        for cls, rows in fields_of(schema).items():
            assert cls is object or [row.name for row in rows] == list(cls.__dataclass_fields__)  # type: ignore[attr-defined]
    assert WILDCARD_ONLY < {cls.__name__ for cls in tape_of("DIN").ROOTS}
