"""Runs on each board: decodes and encodes every message of standard input, and prints what came out.

Arguments: the library, or nothing for the one that the loader finds. Input: a line `schema hex` for each message. Output: one
JSON line about the machine, then one for each message: its text and its octets, or its error.
"""
from __future__ import annotations

import json
import platform
import sys
from pathlib import Path

from exi_native import codec
from exi_native.machine import this_machine


def main() -> None:
    engine = codec.load(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
    print(json.dumps({"processor": platform.machine(), "folders": this_machine().folders(), "machine": str(this_machine())}))
    for line in sys.stdin:
        schema, octets = line.split()
        try:
            decoded = engine.decode_with_report(schema, bytes.fromhex(octets))
            result = [repr(decoded), engine.encode(schema, decoded.message, decoded.root).hex()]
        except codec.ExiError as problem:
            result = [str(problem), ""]
        print(json.dumps(result))


if __name__ == "__main__":
    main()
