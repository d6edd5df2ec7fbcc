"""Messages with the octets that they have: made by hand, compared with an independent EXI processor."""
from __future__ import annotations

from typing import Any

from exi_native.messages import appproto, din


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
