"""Codec figures: decode and encode of a CurrentDemandRes beside json.loads and json.dumps of the same content."""
from __future__ import annotations

import dataclasses
import json
import timeit
from enum import Enum

from exi_native import codec
from exi_native.messages import din

REPEATS = 5
CALLS = 4000


def _volts(value: int, unit: din.unitSymbol) -> din.PhysicalValue:
    return din.PhysicalValue(Multiplier=-1, Unit=unit, Value=value)


def sample() -> din.V2G_Message:
    """A CurrentDemandRes with every optional field, as chargers send it."""
    status = din.DC_EVSEStatus(EVSEIsolationStatus=din.isolationLevel.Valid, EVSEStatusCode=din.DC_EVSEStatusCode.EVSE_Ready,
                               NotificationMaxDelay=0, EVSENotification=din.EVSENotification.None_)
    volt, ampere, watt = din.unitSymbol.V, din.unitSymbol.A, din.unitSymbol.W
    body = din.CurrentDemandRes(
        ResponseCode=din.responseCode.OK, DC_EVSEStatus=status, EVSEPresentVoltage=_volts(3688, volt), EVSEPresentCurrent=_volts(1250, ampere),
        EVSECurrentLimitAchieved=False, EVSEVoltageLimitAchieved=False, EVSEPowerLimitAchieved=False,
        EVSEMaximumVoltageLimit=_volts(5000, volt), EVSEMaximumCurrentLimit=_volts(2000, ampere), EVSEMaximumPowerLimit=_volts(32000, watt))
    return din.V2G_Message(Header=din.MessageHeader(SessionID=bytes(range(8))), Body=din.Body(BodyElement=body))


def _plain(value):
    if dataclasses.is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value) if getattr(value, f.name) is not None}
    if isinstance(value, Enum):
        return value.value
    return value.hex() if isinstance(value, bytes) else value


def _best(call) -> float:
    """us per call, the best of REPEATS rounds."""
    return min(timeit.repeat(call, number=CALLS, repeat=REPEATS)) / CALLS * 1e6


def reference() -> float:
    """us of json.loads for the sample: how fast this machine is just now."""
    text = json.dumps(_plain(sample()))
    return _best(lambda: json.loads(text))


def main() -> None:
    """Print decode and encode times and their ratio to JSON."""
    engine = codec.load()
    message = sample()
    octets = engine.encode("DIN", message)
    content = _plain(message)
    text = json.dumps(content)
    decode, loads = _best(lambda: engine.decode("DIN", octets)), _best(lambda: json.loads(text))
    encode, dumps = _best(lambda: engine.encode("DIN", message)), _best(lambda: json.dumps(content))
    print(f"codec: CurrentDemandRes {len(octets)} octets: decode {decode:.1f} us = {decode / loads:.2f} x json.loads ({loads:.1f} us), "
          f"encode {encode:.1f} us = {encode / dumps:.2f} x json.dumps ({dumps:.1f} us)", flush=True)
