"""One V2G session of a case over a wire of its own: both programs, the capture, the judgement."""
from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from tests.interop.cases import EVCC_LOOPS, EVCC_PAUSE_S, OURS, PEER, Case
from tests.interop.measure import MemoryWatch
from tests.interop.network import End, NetworkError, Program, Wire
from tests.interop.outcome import Outcome
from tests.interop.phases import CAR, CHARGER, course
from tests.interop.readers import collect, read_all
from tests.interop.report import figures

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PEER_READY_S = 30.0      # a Java virtual machine starts
OURS_READY_S = 1.5
AFTER_SESSION_S = 15.0   # for the second end after the first has left
HOP_BY_HOP = 0           # next header (RFC 8200 4.3)
SHOWN = 5                # objections of the readers; the rest is counted
ENVIRONMENT = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1", "PYTHONHASHSEED": "0"}


def octets(mac: str) -> bytes:
    return bytes.fromhex(mac.replace(":", ""))


def command(case: Case, role: str, end: End, peers: str, folder: Path) -> list[str]:
    """The command line of one end."""
    who = case.pev if role == "pev" else case.evse
    if who == PEER:
        part = "evcc" if role == "pev" else "secc"
        return [peers, str(HERE / "peer.py"), part, "--interface", end.interface, "--limit", str(case.limit_s - 10),
                "--loops", str(EVCC_LOOPS), "--pause", str(EVCC_PAUSE_S), "--protocol", case.protocol, "--transfer", case.transfer,
                "--sessions", str(case.sessions)]
    return [sys.executable, str(ROOT / "main.py"), role, "--config", str(HERE / case.config), "--interface", end.interface,
            "--simulate-io", "--once", "--output", str(folder / f"{role}-output"), *case.charge]


def software(case: Case) -> dict[str, str]:
    """What the table calls both programs."""
    return {CAR: f"{PEER} EVCC" if case.pev == PEER else OURS, CHARGER: f"{PEER} SECC" if case.evse == PEER else OURS}


def run(case: Case, peers: str, reader: str, folder: Path) -> Outcome:
    """One session of a case in its own namespaces; everything it wrote is in `folder`. `peers`, `reader`: interpreters of iso15118 and of scapy."""
    outcome = Outcome(case)
    with outcome.timed():
        for name, words in software(case).items():
            outcome.sides[name].software = words
        _run(case, peers, reader, folder, outcome)
    return outcome


def _run(case: Case, peers: str, reader: str, folder: Path, outcome: Outcome) -> None:
    folder.mkdir(parents=True)
    pcap = folder / "wire.pcap"
    programs: list[Program] = []
    try:
        with Wire(case.kernel or case.pev == PEER, case.kernel or case.evse == PEER) as wire, MemoryWatch() as memory:
            try:
                tap = Program(wire.evse, [sys.executable, str(HERE / "capture.py"), wire.evse.interface, str(pcap)], folder / "capture.log", folder)
                programs.append(tap)
                if not tap.wait_for_text("CAPTURING", 10):
                    outcome.objections.append(f"the capture did not start: {tap.text().strip()[-200:]}")
                    return
                outcome.seconds = _session(case, peers, folder, wire, programs, memory, outcome)
            finally:
                for program in reversed(programs):
                    program.end()
    except NetworkError as error:
        outcome.objections.append(f"no wire: {error}")
        return
    judge_wire(case, pcap, octets(wire.pev.mac), outcome)
    for name, share in course(pcap.read_bytes(), [octets(wire.pev.mac)], [octets(wire.evse.mac)]).items():
        outcome.sides[name].share = share
    judge_frames(pcap, folder, [end.mac for who, end in ((case.pev, wire.pev), (case.evse, wire.evse)) if who == OURS], reader, outcome, case.kernel)


def _session(case: Case, peers: str, folder: Path, wire: Wire, programs: list[Program], memory: MemoryWatch, outcome: Outcome) -> float:
    """Starts the charger, then the car; waits for both to leave. Returns the s from the car's start to its end."""
    def start(role: str, end: End, side: str) -> Program:
        cwd = folder / role          # the peer reads .env where it stands; an empty folder has none
        cwd.mkdir()
        program = Program(end, command(case, role, end, peers, folder), folder / f"{role}.log", cwd, ENVIRONMENT,
                          keyboard=any(key.role == role for key in case.keys))
        programs.append(program)
        outcome.logs.append(program.log)
        outcome.sides[side].program, outcome.sides[side].memory = program, memory.watch(program)
        return program

    evse = start("evse", wire.evse, CHARGER)
    if case.evse == PEER:
        if not evse.wait_for_text("READY", PEER_READY_S):
            outcome.objections.append("the charger did not become ready")
            return 0.0
    elif evse.wait(OURS_READY_S) is not None:
        outcome.objections.append(f"the charger left at once with exit code {evse.process.returncode}")
        return 0.0
    began = time.monotonic()
    pev = start("pev", wire.pev, CAR)
    boxes = {"pev": pev, "evse": evse}
    for key in case.keys:
        if not boxes[key.role].wait_for_text(key.words, case.limit_s / 2):
            outcome.objections.append(f"{key.role} never said {key.words!r}, so {key.key!r} was not pressed")
            break
        time.sleep(key.seconds)
        boxes[key.role].press(key.key)
    pev_code = pev.wait(case.limit_s)
    seconds = time.monotonic() - began
    evse_code = evse.wait(AFTER_SESSION_S)
    for role, who, program, code in (("car", case.pev, pev, pev_code), ("charger", case.evse, evse, evse_code)):
        if code is None:
            outcome.objections.append(f"the {role} did not come to an end")
        elif code != 0:
            outcome.objections.append(f"the {role} left with exit code {code}")
        if who == PEER:
            outcome.objections += peer_verdict(role, program.text())
    ours = pev.text() * (case.pev == OURS) + evse.text() * (case.evse == OURS)
    outcome.objections += [f"our journal does not say {words!r}" for words in case.told if words not in ours]
    return seconds


def peer_verdict(role: str, text: str) -> list[str]:
    """The peer's own opinion: its RESULT line."""
    lines = [line for line in text.splitlines() if line.startswith("RESULT ")]
    if not lines:
        return [f"the {role} (peer) gave no result"]
    result = json.loads(lines[-1][len("RESULT "):])
    if result["ok"]:
        return []
    told = result["problem"] or "; ".join(f"{s['state']}: {s['reason']}" for s in result["sessions"])
    return [f"the {role} (peer) says: {told[:300]}"]


def judge_wire(case: Case, pcap: Path, pev_mac: bytes, outcome: Outcome) -> None:
    """An exit code is a claim; the wire must show a session."""
    outcome.figures = found = figures(pcap.read_bytes(), pev_mac)
    if found.requests < case.requests:
        outcome.objections.append(f"only {found.requests} V2G requests on the wire, {case.requests} expected")
    if len(found.response_ms) < found.requests:
        outcome.objections.append(f"{found.requests - len(found.response_ms)} V2G requests without response")
    if found.homeplug < case.homeplug:
        outcome.objections.append(f"only {found.homeplug} HomePlug frames on the wire, {case.homeplug} expected")


def judge_frames(pcap: Path, folder: Path, ours: list[str], reader: str, outcome: Outcome, kernel: bool = False) -> None:
    """No octet of ours to which an independent reader objects. What a peer sends is its own affair (a kernel's checksum of 0xFFFF, one frame in 65536, is
    one that tshark does not like). `kernel`: the operating system speaks from our MAC too; its MLD reports (a hop-by-hop header, which we never send)
    are not ours."""
    if not ours:
        return
    sent = folder / "ours.pcap"
    if collect(pcap, folder.glob("*-output/frames.pcap"), ours, sent, HOP_BY_HOP if kernel else None) == 0:
        outcome.objections.append("no frame of ours on the wire")
    outcome.reading = read_all(sent, reader, ours)
    outcome.objections += outcome.reading.objections[:SHOWN]
    if len(outcome.reading.objections) > SHOWN:
        outcome.objections.append(f"... and {len(outcome.reading.objections) - SHOWN} more objections of the readers")
