"""The independent EXI implementation (EXIficient, grammars built from the XSDs at run time) as a process to ask.

`EXI_ORACLE_HOME` names the folder that ../shared/oracle/setup.sh filled; the program inside is ExiOracle, which reads
one JSON object a line and answers with one.
"""
from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Iterator, Optional, Sequence

#: Requests that may wait for an answer; keeps both pipes and the memory small.
_IN_FLIGHT = 64


class OracleMissing(Exception):
    """There is no oracle here, or it ended."""


def home() -> Path:
    """The folder of the oracle; raises OracleMissing."""
    named = os.environ.get("EXI_ORACLE_HOME", "")
    if not named or not (Path(named) / "EXICodec.jar").is_file():
        raise OracleMissing(f"EXI_ORACLE_HOME is {named!r}, which holds no EXICodec.jar; run ../shared/oracle/setup.sh DIR (it "
                            "needs a JDK), then export EXI_ORACLE_HOME=DIR")
    return Path(named)


def schema_package() -> Path:
    """The folder of the XSD files that the oracle was set up with; raises OracleMissing."""
    found = sorted(home().glob("venv/lib/python3*/site-packages"))
    if not found:
        raise OracleMissing(f"{home()} holds no virtual environment with the schema files; run ../shared/oracle/setup.sh again")
    return found[0]


class Oracle:
    """One Java process; use it as a context manager."""

    def __init__(self) -> None:
        place = home()
        self._errors = tempfile.TemporaryFile()
        command = ["nice", "-n", "10", "java", "-Xss64m", "-Xmx2g", "-Dfile.encoding=UTF-8", f"-Dxsd={place}/xsd",
                   "-cp", f"{place}/EXICodec.jar:{place}/java", "ExiOracle"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors,
                                         encoding="utf-8", errors="surrogatepass")

    def __enter__(self) -> "Oracle":
        return self

    def __exit__(self, kind: Optional[type[BaseException]], value: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        if kind is not None:
            self._process.kill()
        try:
            self._process.stdin.close()
        except BrokenPipeError as problem:
            sys.stderr.write(f"the oracle was gone already: {problem}\n")
        self._process.wait()
        self._process.stdout.close()
        self._errors.close()

    def ask(self, **question: Any) -> dict[str, Any]:
        """One question; the answer holds "error" when the oracle refuses."""
        return next(self.ask_all([question]))

    def ask_all(self, questions: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Many questions, answered in order."""
        room = threading.Semaphore(_IN_FLIGHT)

        def send() -> None:
            assert self._process.stdin is not None
            for question in questions:
                room.acquire()
                self._process.stdin.write(json.dumps({"engine": "xsd", **question}) + "\n")
                self._process.stdin.flush()

        sender = threading.Thread(target=send, daemon=True)
        sender.start()
        assert self._process.stdout is not None
        for _ in questions:
            line = self._process.stdout.readline()
            if not line:
                raise OracleMissing(f"the oracle ended with code {self._process.wait()}: {self._last_words()}")
            room.release()
            yield json.loads(line)
        sender.join()

    def _last_words(self) -> str:
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace")[-500:]
