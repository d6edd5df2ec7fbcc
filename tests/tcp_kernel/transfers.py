"""Runs transfers one after the other on one bench: `unshare -Urn python -m tests.tcp_kernel.transfers` with a list of tasks as JSON on stdin; a line each."""
from __future__ import annotations

import json
import sys

from tests.tcp_kernel.lab import Lab
from tests.tcp_kernel.transfer import Task, row, run


def main() -> None:
    tasks = [Task(**words) for words in json.load(sys.stdin)]
    with Lab() as lab:
        for task in tasks:
            print(json.dumps(row(task, run(lab, task))), flush=True)


if __name__ == "__main__":
    main()
