"""The codec on its own messages: known octets, limits of lists and values, impossible messages."""
from __future__ import annotations

import copy
import pickle
import random
import re
from pathlib import Path
from typing import Any, Callable

import pytest

from exi_known import EMPTY_BY_ESCAPE, MESSAGES, amount, discovery, evse_status, protocol, schedule, v2g
from exi_messages import WILDCARD_ONLY, Random, fields_of, roots_of
from exi_native import codec
from exi_native.codec import ExiError, ExiErrorCode
from exi_native.generated import SCHEMAS, messages_of, tape_of
from exi_native.library import ABI_VERSION, MAX_DEPTH
from exi_native.messages import appproto, din

EXI = codec.load()
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
