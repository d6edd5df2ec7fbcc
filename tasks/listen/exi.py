"""The EXI codec as the function that the listening machines want."""
from __future__ import annotations

from exi_native.codec import Codec, ExiError, ExiErrorCode
from tasks.errors import WireError
from tasks.listen.conversation import Decode


def decoder(codec: Codec) -> Decode:
    """`decode(schema, octets)`; WireError for octets that are no message, LookupError for a schema without codec."""
    def decode(schema: str, data: bytes) -> object:
        try:
            return codec.decode(schema, data)                # type: ignore[arg-type]
        except ExiError as problem:
            if problem.code is ExiErrorCode.UNKNOWN_SCHEMA:
                raise LookupError(schema) from None
            raise WireError(str(problem)) from None
    return decode
