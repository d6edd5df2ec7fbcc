"""Runs transfers one after the other on one bench: `unshare -Urn python -m tests.tcp_kernel.transfers` ; tasks come as lines of JSON, outcomes go likewise."""
from __future__ import annotations

import json
import sys

from tests.tcp_kernel.lab import Lab
from tests.tcp_kernel.transfer import Task, row, run


def main() -> None:
    with Lab() as lab:
        for line in sys.stdin:
            task = Task(**json.loads(line))
            print(json.dumps(row(task, run(lab, task))), flush=True)


if __name__ == "__main__":
    main()
