"""Runs the pairings over a veth pair and prints one line each: python -m tests.interop [--peers PYTHON] [case ...]."""
from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.interop import slac
from tests.interop.cases import CASES, EVCC_LOOPS, EVCC_PAUSE_S, OURS, PEER, Case
from tests.interop.network import End, NetworkError, Program, Wire
from tests.interop.report import Figures, figures, objections

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PEER_READY_S = 30.0      # a Java virtual machine starts
OURS_READY_S = 1.5
AFTER_SESSION_S = 15.0   # for the second end after the first has left


@dataclass(slots=True)
class Outcome:
    """What came of a case; `objections` empty = passed."""

    case: Case | slac.SlacCase
    seconds: float = 0.0
    figures: Figures = field(default_factory=Figures)
    objections: list[str] = field(default_factory=list)
    logs: list[Path] = field(default_factory=list)


def command(case: Case, role: str, end: End, peers: str, folder: Path) -> list[str]:
    """The command line of one end."""
    who = case.pev if role == "pev" else case.evse
    if who == PEER:
        part = "evcc" if role == "pev" else "secc"
        return [peers, str(HERE / "peer.py"), part, "--interface", end.interface, "--limit", str(case.limit_s - 10),
                "--loops", str(EVCC_LOOPS), "--pause", str(EVCC_PAUSE_S), "--protocol", case.protocol, "--transfer", case.transfer]
    return [sys.executable, str(ROOT / "main.py"), role, "--config", str(HERE / case.config), "--interface", end.interface,
            "--simulate-io", "--once", "--output", str(folder / f"{role}-output"), *case.charge]


def run(case: Case, peers: str, folder: Path) -> Outcome:
    """One session of a case in its own namespaces; everything it wrote is in `folder`."""
    outcome = Outcome(case)
    folder.mkdir(parents=True)
    environment = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1", "PYTHONHASHSEED": "0"}
    pcap = folder / "wire.pcap"
    programs: list[Program] = []
    try:
        with Wire(pev_kernel_ipv6=case.pev == PEER, evse_kernel_ipv6=case.evse == PEER) as wire:
            try:
                tap = Program(wire.evse, [sys.executable, str(HERE / "capture.py"), wire.evse.interface, str(pcap)], folder / "capture.log", folder)
                programs.append(tap)
                if not tap.wait_for_text("CAPTURING", 10):
                    outcome.objections.append(f"the capture did not start: {tap.text().strip()[-200:]}")
                    return outcome
                outcome.seconds = _session(case, peers, folder, wire, environment, programs, outcome)
            finally:
                for program in reversed(programs):
                    program.end()
    except NetworkError as error:
        outcome.objections.append(f"no wire: {error}")
        return outcome
    ours = [end.mac for who, end in ((case.pev, wire.pev), (case.evse, wire.evse)) if who == OURS]
    _judge_wire(case, pcap, bytes.fromhex(wire.pev.mac.replace(":", "")), ours, outcome)
    return outcome


def _session(case: Case, peers: str, folder: Path, wire: Wire, environment: dict[str, str], programs: list[Program], outcome: Outcome) -> float:
    """Starts the charger, then the car; waits for both to leave. Returns the s from the car's start to its end."""
    def start(role: str, end: End) -> Program:
        cwd = folder / role          # the peer reads .env where it stands; an empty folder has none
        cwd.mkdir()
        program = Program(end, command(case, role, end, peers, folder), folder / f"{role}.log", cwd, environment)
        programs.append(program)
        outcome.logs.append(program.log)
        return program

    evse = start("evse", wire.evse)
    if case.evse == PEER:
        if not evse.wait_for_text("READY", PEER_READY_S):
            outcome.objections.append("the charger did not become ready")
            return 0.0
    elif evse.wait(OURS_READY_S) is not None:
        outcome.objections.append(f"the charger left at once with exit code {evse.process.returncode}")
        return 0.0
    began = time.monotonic()
    pev = start("pev", wire.pev)
    pev_code = pev.wait(case.limit_s)
    seconds = time.monotonic() - began
    evse_code = evse.wait(AFTER_SESSION_S)
    for role, who, program, code in (("car", case.pev, pev, pev_code), ("charger", case.evse, evse, evse_code)):
        if code is None:
            outcome.objections.append(f"the {role} did not come to an end")
        elif code != 0:
            outcome.objections.append(f"the {role} left with exit code {code}")
        if who == PEER:
            outcome.objections += _peer_verdict(role, program.text())
    return seconds


def _peer_verdict(role: str, text: str) -> list[str]:
    """The peer's own opinion: its RESULT line."""
    lines = [line for line in text.splitlines() if line.startswith("RESULT ")]
    if not lines:
        return [f"the {role} (peer) gave no result"]
    result = json.loads(lines[-1][len("RESULT "):])
    if result["ok"]:
        return []
    told = result["problem"] or "; ".join(f"{s['state']}: {s['reason']}" for s in result["sessions"])
    return [f"the {role} (peer) says: {told[:300]}"]


def _judge_wire(case: Case, pcap: Path, pev_mac: bytes, ours: list[str], outcome: Outcome) -> None:
    """An exit code is a claim; the wire must show a session, and no octet of ours that an independent reader objects to (a kernel's checksum of
    0xFFFF, one frame in 65536, is one that tshark does not like)."""
    outcome.figures = found = figures(pcap.read_bytes(), pev_mac)
    if found.requests < case.requests:
        outcome.objections.append(f"only {found.requests} V2G requests on the wire, {case.requests} expected")
    if len(found.response_ms) < found.requests:
        outcome.objections.append(f"{found.requests - len(found.response_ms)} V2G requests without response")
    if found.homeplug < case.homeplug:
        outcome.objections.append(f"only {found.homeplug} HomePlug frames on the wire, {case.homeplug} expected")
    outcome.objections += [f"tshark: {line}" for mac in ours for line in objections(pcap, mac)[:5]]


def _matching(case: slac.SlacCase, folder: Path) -> Outcome:
    """SLAC alone, with a program of open-plc-utils."""
    outcome = Outcome(case)
    try:
        outcome.objections, outcome.figures, outcome.seconds, outcome.logs = slac.match(case, folder)
    except NetworkError as error:
        outcome.objections.append(f"no wire: {error}")
    return outcome


def row(outcome: Outcome) -> str:
    f = outcome.figures
    p50, p95 = f.quantile(0.5), f.quantile(0.95)
    times = f"{p50:7.2f} {p95:7.2f}" if p50 is not None and p95 is not None else f"{'-':>7} {'-':>7}"
    return (f"{outcome.case.name:<15} {'FAILED' if outcome.objections else 'passed':<7} {outcome.seconds:7.1f} {f.frames:7d} {f.homeplug:5d} {f.sdp:4d} "
            f"{f.tcp:5d} {f.resets:4d} {f.requests:5d} {times}")


HEADER = f"{'case':<15} {'':<7} {'s':>7} {'frames':>7} {'slac':>5} {'sdp':>4} {'tcp':>5} {'rst':>4} {'v2g':>5} {'p50 ms':>7} {'p95 ms':>7}   (charger: request to response)"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.interop", description=__doc__,
                                     epilog="\n".join(f"{c.name}: {c.about}" for c in (*CASES, *slac.CASES)), formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", choices=[[], *(c.name for c in (*CASES, *slac.CASES))], metavar="case", help="which pairings; default: all")
    parser.add_argument("--peers", metavar="PYTHON", help="interpreter of the environment with iso15118; without it only our own pairings run")
    parser.add_argument("--keep", metavar="DIR", help="logs and captures go to DIR and stay (default: a temporary folder, kept on failure)")
    chosen = parser.parse_args()
    if os.geteuid() != 0:
        print("tests.interop makes network namespaces and needs root: sudo ./install/test.sh --interop", file=sys.stderr)
        return 3
    wanted = [c for c in CASES if c.name in chosen.cases or not chosen.cases and (chosen.peers or {c.pev, c.evse} == {OURS})]
    matchings = [c for c in slac.CASES if c.name in chosen.cases or not chosen.cases and shutil.which(c.program)]
    if any(PEER in (c.pev, c.evse) for c in wanted) and not chosen.peers:
        parser.error("this case needs --peers PYTHON")
    keep = Path(chosen.keep).resolve() if chosen.keep else Path(tempfile.mkdtemp(prefix="ccsbox-interop-"))
    outcomes = []
    print(HEADER, flush=True)
    for case in (*wanted, *matchings):
        folder = keep / case.name
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(case, slac.SlacCase):
            outcome = _matching(case, folder)
        else:
            outcome = run(case, os.path.abspath(chosen.peers or ""), folder)      # not resolved: the link makes the environment
        outcomes.append(outcome)
        print(row(outcome), flush=True)
        for sentence in outcome.objections:
            print(f"    {sentence}", flush=True)
        if outcome.objections:
            for log in outcome.logs:
                tail = log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:]
                print(f"    --- end of {log}", *(f"    {line[:200]}" for line in tail), sep="\n", flush=True)
    failed = sum(bool(o.objections) for o in outcomes)
    if not failed and not chosen.keep:
        shutil.rmtree(keep)
    elif keep.exists():
        print(f"logs and captures: {keep}")
    print(f"{len(outcomes) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
