"""The error of the codec: a code, a bit position, a sentence that names the field."""
from __future__ import annotations

from enum import IntEnum


class ExiErrorCode(IntEnum):
    """What went wrong; the numbers up to 99 are those of enum exi_error in include/ccsexi.h."""

    TRUNCATED = 1
    BAD_HEADER = 2
    UNKNOWN_SCHEMA = 3
    BAD_EVENT_CODE = 4
    SECOND_LEVEL = 5
    WILDCARD = 6
    MIXED_TEXT = 7
    STRING_TABLE = 8
    BAD_CHARACTER = 9
    OUT_OF_RANGE = 10
    BAD_ENUMERATION = 11
    TOO_LONG = 12
    TOO_SHORT = 13
    SIMPLE_ROOT = 14
    TAPE_FULL = 15
    BLOB_FULL = 16
    OUTPUT_FULL = 17
    TOO_DEEP = 18
    TOO_MANY_STEPS = 19
    NOT_ALLOWED_HERE = 20
    INCOMPLETE = 21
    BAD_TAPE = 22
    BAD_ROOT = 23
    # found before the library is called
    WRONG_TYPE = 100
    NOT_A_ROOT = 101


SENTENCES = {
    ExiErrorCode.TRUNCATED: "the input ends inside the message",
    ExiErrorCode.BAD_HEADER: "the first octet is not the EXI header 0x80",
    ExiErrorCode.UNKNOWN_SCHEMA: "the schema is not known",
    ExiErrorCode.BAD_EVENT_CODE: "event code without meaning",
    ExiErrorCode.SECOND_LEVEL: "an element, attribute or type that the schema does not declare here",
    ExiErrorCode.WILDCARD: "wildcard content (xs:any) is not supported",
    ExiErrorCode.MIXED_TEXT: "text between elements is not supported",
    ExiErrorCode.STRING_TABLE: "string table hit, although V2G uses no string tables",
    ExiErrorCode.BAD_CHARACTER: "not a Unicode character",
    ExiErrorCode.OUT_OF_RANGE: "integer out of range",
    ExiErrorCode.BAD_ENUMERATION: "value is not one of the enumeration",
    ExiErrorCode.TOO_LONG: "value is too long",
    ExiErrorCode.TOO_SHORT: "value is too short",
    ExiErrorCode.SIMPLE_ROOT: "a fragment of an element that has no global declaration and a simple type, or several types",
    ExiErrorCode.TAPE_FULL: "the message is larger than the codec's buffer of records",
    ExiErrorCode.BLOB_FULL: "the message is larger than the codec's buffer of strings",
    ExiErrorCode.OUTPUT_FULL: "the encoded message is larger than the output buffer",
    ExiErrorCode.TOO_DEEP: "elements are nested too deeply",
    ExiErrorCode.TOO_MANY_STEPS: "more elements than the limit",
    ExiErrorCode.NOT_ALLOWED_HERE: "no place for this field: something mandatory before it is missing, its list is too long, "
                                   "or another alternative is present",
    ExiErrorCode.INCOMPLETE: "something mandatory is missing; this field could come next",
    ExiErrorCode.BAD_TAPE: "the codec made a malformed tape",
    ExiErrorCode.BAD_ROOT: "no root element of that name has this class",
    ExiErrorCode.WRONG_TYPE: "wrong type",
    ExiErrorCode.NOT_A_ROOT: "not a root element of the schema",
}


class ExiError(ValueError):
    """Octets that are not a message of the schema, or a message that cannot be encoded.

    `code` is an ExiErrorCode; `bit_position` is where reading or writing stopped (0 when nothing was written yet);
    `field` is the path of the field, such as V2G_Message.Body.CurrentDemandReq.DC_EVStatus.EVRESSSOC, or "".
    """

    def __init__(self, code: ExiErrorCode, bit_position: int, field: str, detail: str = "") -> None:
        self.code = code
        self.bit_position = bit_position
        self.field = field
        self.detail = detail
        where = f"{field}: " if field else ""
        super().__init__(f"{where}{detail or SENTENCES[code]} ({code.name}, bit {bit_position})")

    def __reduce__(self) -> tuple[type["ExiError"], tuple[ExiErrorCode, int, str, str]]:
        return ExiError, (self.code, self.bit_position, self.field, self.detail)
