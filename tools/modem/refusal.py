"""Exit codes of the tool, and the exception that carries one with the words for a person."""
from __future__ import annotations

DONE = 0                 # done, or everything is as it should be
WRONG = 1                # verify: something is wrong; configure, restore: the modem still has its old PIB
USAGE = 2                # the command line is wrong
MISSING = 3              # interface, library, permission or modem is missing
REFUSED = 4              # nothing was written, because it would not have been safe; or the person said no
UNKNOWN = 5              # after a write the modem has neither the old nor the new PIB, or says nothing: see the words
INTERRUPTED = 130        # Ctrl-C, as shells count it

EXIT_CODES = """\
exit codes:
  0    done, or as it should be
  1    verify: something is wrong; configure, restore: the modem still has its old PIB
  2    command line
  3    interface, library, permission or modem missing
  4    refused, nothing written
  5    the modem has neither the old nor the new PIB, or is silent after a write
  130  stopped by Ctrl-C, nothing being written"""


class Refusal(Exception):
    """What is wrong, what to do, and the exit code."""

    def __init__(self, problem: str, remedy: str, code: int = REFUSED) -> None:
        super().__init__(f"{problem} {remedy}")
        self.problem = problem
        self.remedy = remedy
        self.code = code
