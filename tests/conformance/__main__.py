"""Command line of the conformance cases: python -m tests.conformance [--markdown FILE] [--case NAME ...]."""
from __future__ import annotations

import argparse
import re
import sys
import time
import traceback
from collections import Counter
from pathlib import Path

from tests.conformance.cases import Case, everything

PASSED, FAILED, DEFECT, REPAIRED = "passed", "FAILED", "known defect", "FAILED (known defect that is no longer one)"


def result(case: Case) -> str:
    """What came of it; a failure's traceback goes to stderr."""
    try:
        case.run()
    except Exception:    # whatever a case raises is its result: counted, shown with its traceback, exit code 1
        if case.defect:
            return DEFECT
        traceback.print_exc()
        return FAILED
    return REPAIRED if case.defect else PASSED


def cell(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table there as well")
    parser.add_argument("--case", action="append", metavar="NAME", help="only these; a regular expression")
    asked = parser.parse_args()
    cases = [c for c in everything() if not asked.case or any(re.fullmatch(pattern, c.id) for pattern in asked.case)]
    if not cases:
        print("conformance: no case has that name", file=sys.stderr)
        return 2
    began = time.monotonic()
    lines = ["| id | requirement | source | result |", "|---|---|---|---|"]
    results = []
    for case in cases:
        results.append(result(case))
        defect = f": {case.defect}" if case.defect else ""
        lines.append(f"| {case.id} | {cell(case.requirement)} | {cell(case.source)} | {results[-1]}{cell(defect)} |")
    groups = Counter(f"{case.role} {case.protocol}" for case in cases)
    bad = results.count(FAILED) + results.count(REPAIRED)
    lines += ["", f"{len(cases)} cases ({', '.join(f'{name} {count}' for name, count in sorted(groups.items()))}): {results.count(PASSED)} passed, "
              f"{results.count(DEFECT)} known defects, {bad} failed; {time.monotonic() - began:.1f} s"]
    text = "\n".join(lines)
    print(text)
    if asked.markdown is not None:
        asked.markdown.write_text(text + "\n", encoding="utf-8")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
