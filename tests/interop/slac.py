"""SLAC with other people's programs (open-plc-utils, pyslac): they match with our box through emulated modems."""
from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.interop.cases import EVSE, OURS, PEV, PYSLAC, SlacCase
from tests.interop.measure import MemoryWatch
from tests.interop.network import End, NetworkError, Program, Wire, run
from tests.interop.outcome import Outcome
from tests.interop.phases import CAR, CHARGER, course
from tests.interop.report import figures
from tests.interop.session import ENVIRONMENT, HERE, ROOT, judge_frames, octets

HOST, CABLE = "host0", "cable0"      # the program's interface and its modem's
HOST_MAC = "02:00:00:cc:50:11"
READY_S = 20.0                       # the programs settle their modem for some seconds after each key
MATCH_S = 60.0
LINK_S = 10.0
SETTLED = {"charge time": 1, "settle time": 3}       # s; of open-plc-utils' profiles


@dataclass(frozen=True, slots=True)
class Foreign:
    """How a program is run: its role, what it prints when a car may come and when it is matched, what the table calls it."""

    role: str
    ready: str
    matched: str
    software: str


FOREIGN = {
    PEV: Foreign("pev", "", "Charging (0)", "open-plc pev"),
    EVSE: Foreign("evse", "UnoccupiedState: Listening", "Charging (0)", "open-plc evse"),
    PYSLAC: Foreign("evse", "READY", 'RESULT {"ok": true', "pyslac"),
}


def profile(program: str, folder: Path) -> Path:
    """The profile that the program prints itself, with short pauses."""
    text = subprocess.run([program, "-c"], capture_output=True, text=True, check=True, timeout=READY_S).stdout
    for key, seconds in SETTLED.items():
        text = re.sub(rf"^{key} = .*$", f"{key} = {seconds}", text, flags=re.M)
    path = folder / f"{program}.ini"
    path.write_text(text)
    return path


def cable(end: End) -> None:
    """A second veth pair inside the peer's namespace: the program's network cable to its modem."""
    inside = ("ip", "-n", end.namespace, "link")
    run(*inside, "add", HOST, "address", HOST_MAC, "type", "veth", "peer", "name", CABLE)
    for interface in (HOST, CABLE):
        run("ip", "netns", "exec", end.namespace, "sysctl", "-qw", f"net.ipv6.conf.{interface}.disable_ipv6=1")
        run(*inside, "set", interface, "up")


def commands(case: SlacCase, ours_end: End, pyslac: str, folder: Path) -> dict[str, list[str]]:
    """Command lines by role."""
    foreign = FOREIGN[case.program]
    if case.program == PYSLAC:
        theirs = [pyslac, str(HERE / "pyslac_evse.py"), HOST]
    else:
        theirs = ["stdbuf", "-oL", case.program, "-i", HOST, "-p", str(profile(case.program, folder)), *(("-l",) if foreign.role == "evse" else ())]
    role = "evse" if foreign.role == "pev" else "pev"
    return {foreign.role: theirs, role: [sys.executable, str(ROOT / "main.py"), role, "--config", str(HERE / "emulated.yaml"), "--interface",
                                         ours_end.interface, "--simulate-io", "--output", str(folder / f"{role}-output")]}


def match(case: SlacCase, reader: str, pyslac: str, folder: Path) -> Outcome:
    """One matching in its own namespaces; `seconds` from the start of the car to the joined network."""
    outcome = Outcome(case)
    ours = CAR if FOREIGN[case.program].role == "evse" else CHARGER
    for name, side in outcome.sides.items():
        side.software = OURS if name == ours else FOREIGN[case.program].software
    with outcome.timed():
        try:
            _match(case, reader, pyslac, folder, outcome)
        except NetworkError as error:
            outcome.objections.append(f"no wire: {error}")
    return outcome


def _match(case: SlacCase, reader: str, pyslac: str, folder: Path, outcome: Outcome) -> None:
    folder.mkdir(parents=True)
    pcap = folder / "wire.pcap"
    foreign = FOREIGN[case.program]
    programs: list[Program] = []
    with Wire(pev_kernel_ipv6=False, evse_kernel_ipv6=False) as wire, MemoryWatch() as memory:
        theirs_end, ours_end = (wire.pev, wire.evse) if foreign.role == "pev" else (wire.evse, wire.pev)

        def start(end: End, name: str, *command: str) -> Program:
            programs.append(Program(end, list(command), folder / f"{name}.log", folder, {**ENVIRONMENT, "PYTHONPATH": str(ROOT)}))
            outcome.logs.append(programs[-1].log)
            return programs[-1]
        try:
            cable(theirs_end)
            tap = start(wire.evse, "capture", sys.executable, str(HERE / "capture.py"), wire.evse.interface, str(pcap))
            modem = start(theirs_end, "modem", sys.executable, "-m", "tests.interop.modem", CABLE, theirs_end.interface, foreign.role, HOST,
                          "--loss", str(case.loss), "--seed", str(case.seed))
            if not tap.wait_for_text("CAPTURING", READY_S) or not modem.wait_for_text("READY", READY_S):
                outcome.objections.append("capture or modem did not start: " + tap.text()[-200:] + modem.text()[-200:])
                return
            command = commands(case, ours_end, pyslac, folder)
            boxes: dict[str, Program] = {}
            for role, side in (("evse", CHARGER), ("pev", CAR)):
                boxes[role] = start(theirs_end if role == foreign.role else ours_end, role, *command[role])
                outcome.sides[side].program, outcome.sides[side].memory = boxes[role], memory.watch(boxes[role])
                began = time.monotonic()
                words = foreign.ready if role == foreign.role else "WaitParm"
                if role == "evse" and not boxes[role].wait_for_text(words, READY_S):
                    outcome.objections.append(f"the charger did not become ready within {READY_S:g} s")
                    return
            theirs, ours = boxes.pop(foreign.role), boxes.popitem()[1]
            if not ours.wait_for_text("-> Matched", MATCH_S):
                outcome.objections.append(f"our {'charger' if foreign.role == 'pev' else 'car'} was not matched and joined within {MATCH_S:g} s")
            outcome.seconds = time.monotonic() - began
            if not theirs.wait_for_text(foreign.matched, LINK_S):
                outcome.objections.append(f"{foreign.software} does not tell a match")
        finally:
            for program in reversed(programs):
                program.end()
    judge(case, pcap, wire, theirs, modem.text(), outcome)
    judge_frames(pcap, folder, [ours_end.mac], reader, outcome)


def judge(case: SlacCase, pcap: Path, wire: Wire, theirs: Program, modem: str, outcome: Outcome) -> None:
    """What the wire shows, and whether the program speaks of the same match. `modem`: what the modem between told."""
    data = pcap.read_bytes()
    outcome.figures = figures(data, octets(wire.pev.mac))
    if outcome.figures.homeplug < case.homeplug:
        outcome.objections.append(f"only {outcome.figures.homeplug} HomePlug frames on the wire, {case.homeplug} expected")
    theirs_pev = FOREIGN[case.program].role == "pev"
    car, charger = (HOST_MAC, wire.evse.mac) if theirs_pev else (wire.pev.mac, HOST_MAC)
    for name, share in course(data, [octets(car)], [octets(charger)], slac_only=True).items():
        outcome.sides[name].share = share
    if case.program == PYSLAC:
        outcome.objections += pyslac_verdict(theirs.text(), car)
    outcome.objections += loss_verdict(modem, case.loss)


def pyslac_verdict(text: str, car: str) -> list[str]:
    """Its RESULT line must name our car."""
    results = [json.loads(line[len("RESULT "):]) for line in text.splitlines() if line.startswith("RESULT ")]
    if not results:
        return ["pyslac gave no result"]
    found = results[-1]
    return [] if found["ok"] and found["pev_mac"] == car else [f"pyslac says: {json.dumps(found)[:200]}"]


def loss_verdict(text: str, percent: float) -> list[str]:
    """A line that should lose frames and lost none proves nothing; one that should lose none must not."""
    told = re.search(r"(\d+) lost", text)
    if told is None:
        return ["the modem did not say what it lost"]
    return [] if bool(int(told[1])) == bool(percent) else [f"the power line lost {told[1]} frames, {percent:g} % were to be lost"]
