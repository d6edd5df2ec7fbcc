"""SLAC with the programs `pev` and `evse` of open-plc-utils (Debian plc-utils-extra): they match with our box through emulated modems."""
from __future__ import annotations

import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.interop.network import End, Program, Wire, run
from tests.interop.report import Figures, figures, objections

ROOT = Path(__file__).resolve().parents[2]
HOST, CABLE = "host0", "cable0"      # the program's interface and its modem's
READY_S = 10.0
MATCH_S = 60.0                       # the programs settle their modem for some seconds after each key
LINK_S = 40.0
SETTLED = {"charge time": 1, "settle time": 3}       # s; of the programs' profiles


@dataclass(frozen=True, slots=True)
class SlacCase:
    """`program`: whose SLAC it is; ours plays the other role."""

    name: str
    about: str
    program: str             # pev or evse
    homeplug: int = 18       # frames of a whole matching on the wire


CASES = (
    SlacCase("slac-pev", "the car `pev` of open-plc-utils matches with our charger", "pev"),
    SlacCase("slac-evse", "our car matches with the charger `evse` of open-plc-utils", "evse"),
)


def profile(program: str, folder: Path) -> Path:
    """The profile that the program prints itself, with short pauses."""
    text = subprocess.run([program, "-c"], capture_output=True, text=True, check=True).stdout
    for key, seconds in SETTLED.items():
        text = re.sub(rf"^{key} = .*$", f"{key} = {seconds}", text, flags=re.M)
    path = folder / f"{program}.ini"
    path.write_text(text)
    return path


def cable(end: End, mac: str) -> None:
    """A second veth pair inside the peer's namespace: the program's network cable to its modem."""
    inside = ("ip", "-n", end.namespace, "link")
    run(*inside, "add", HOST, "address", mac, "type", "veth", "peer", "name", CABLE)
    for interface in (HOST, CABLE):
        run("ip", "netns", "exec", end.namespace, "sysctl", "-qw", f"net.ipv6.conf.{interface}.disable_ipv6=1")
        run(*inside, "set", interface, "up")


def match(case: SlacCase, folder: Path) -> tuple[list[str], Figures, float, list[Path]]:
    """(objections, what passed on the wire, s from the start of the car to the match, logs)."""
    folder.mkdir(parents=True)
    pcap = folder / "wire.pcap"
    found: list[str] = []
    programs: list[Program] = []
    seconds = 0.0
    ours = "evse" if case.program == "pev" else "pev"
    with Wire(pev_kernel_ipv6=False, evse_kernel_ipv6=False) as wire:
        theirs_end, ours_end = (wire.pev, wire.evse) if case.program == "pev" else (wire.evse, wire.pev)
        mac = "02:00:00:cc:50:11"

        def start(end: End, name: str, *command: str) -> Program:
            programs.append(Program(end, list(command), folder / f"{name}.log", folder, {"PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT)}))
            return programs[-1]
        try:
            cable(theirs_end, mac)
            tap = start(wire.evse, "capture", sys.executable, str(ROOT / "tests/interop/capture.py"), wire.evse.interface, str(pcap))
            modem = start(theirs_end, "modem", sys.executable, "-m", "tests.interop.modem", CABLE, theirs_end.interface, case.program, HOST)
            if not tap.wait_for_text("CAPTURING", READY_S) or not modem.wait_for_text("READY", READY_S):
                return ["capture or modem did not start: " + tap.text()[-200:] + modem.text()[-200:]], Figures(), 0.0, [p.log for p in programs]
            theirs_command = ("stdbuf", "-oL", case.program, "-i", HOST, "-p", str(profile(case.program, folder)), *(("-l",) if case.program == "evse" else ()))
            ours_command = (sys.executable, str(ROOT / "main.py"), ours, "--config", str(ROOT / "tests/interop/emulated.yaml"), "--interface", ours_end.interface,
                            "--simulate-io")
            charger, car = (ours_command, theirs_command) if ours == "evse" else (theirs_command, ours_command)
            box = theirs = None
            began = time.monotonic()
            for role, command in (("evse", charger), ("pev", car)):
                program = start(ours_end if role == ours else theirs_end, role, *command)
                box, theirs = (program, theirs) if role == ours else (box, program)
                began = time.monotonic()
                if role == "evse":
                    program.wait_for_text("WaitParm" if role == ours else "UNOCCUPIED", READY_S)
            assert box is not None and theirs is not None
            if not box.wait_for_text("Matched", MATCH_S):
                found.append(f"our {ours} was not matched and joined within {MATCH_S:g} s")
            seconds = time.monotonic() - began
            if not any(theirs.wait_for_text(words, LINK_S / 4) for words in ("Charging (0)", "Connecting", "MATCHED", "Matched")):
                found.append(f"`{case.program}` does not tell a match")
        finally:
            for program in reversed(programs):
                program.end()
    seen = figures(pcap.read_bytes(), bytes.fromhex(wire.pev.mac.replace(":", "")))
    if seen.homeplug < case.homeplug:
        found.append(f"only {seen.homeplug} HomePlug frames on the wire, {case.homeplug} expected")
    found += [f"tshark: {line}" for line in objections(pcap, ours_end.mac)[:5]]          # what the program sends is its own affair
    return found, seen, seconds, [p.log for p in programs]

