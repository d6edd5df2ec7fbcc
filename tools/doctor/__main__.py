"""`main.py doctor`: looks through the box and says in one line each what is well, doubtful or wrong, with the remedy."""
from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TextIO

from kernel.timer import S
from tasks.config_file import NotPermitted
from tools.doctor import adc, buses, can, modem, network, outputs, program, settings, system
from tools.doctor.course import MODEM_LIMIT_S, Check, Patient, examine
from tools.doctor.findings import Finding, exit_code, fail, summary
from tools.doctor.machine import PATIENCE, Machine, run_command, run_patiently
from tools.doctor.running import find, told

DEFAULT = Path(__file__).resolve().parents[2] / "config.yaml"
NICE = 19
EPILOG = """\
Nothing is driven, nothing is written but the display's picture (--oled). What a running box holds is left alone and told as held by it.
Exit codes: 0 nothing failed (warnings do not count); 1 something failed; 2 the configuration is not valid (all other checks ran),
or may not be read by this user (none ran).
"""
CHECKS = (
    # the order in which a person mends: what is wrong above explains what is wrong below; the modem last of the link, it takes seconds
    Check("configuration", settings.configuration), Check("board", settings.board), Check("python", program.python), Check("codec", program.codec),
    Check("libpcap", program.libpcap), Check("interface", network.interface), Check("rights", network.rights), Check("kernel IPv6", network.kernel_ipv6),
    Check("modem", modem.modem, MODEM_LIMIT_S), Check("outputs", outputs.outputs), Check("I2C", buses.i2c), Check("ADC", adc.adc),
    Check("serial", buses.serial),
    Check("CAN", can.can), Check("supply", system.undervoltage), Check("temperature", system.temperature), Check("disk", system.disk),
    Check("clock", system.clock), Check("real time", system.realtime), Check("service", system.service))


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(prog="main.py doctor", description="Looks through the box: one line each, ok, warn or fail, with the remedy.", epilog=EPILOG,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--config", metavar="FILE", help="configuration file; default: config.yaml beside main.py")
    p.add_argument("--mode", choices=("pev", "evse", "bridge", "listen"), help="instead of `mode` of the configuration")
    p.add_argument("--interface", metavar="IF", help="instead of `interface` of the configuration")
    p.add_argument("--json", action="store_true", help="one JSON object per line, the last one with the exit code")
    p.add_argument("--oled", action="store_true", help="put the first failing line, or \"all is well\", on the configured display and leave it there")
    p.add_argument("--simulate-io", action="store_true", help="the box runs with simulated voltages and contactors: no board is looked at")
    p.add_argument("--running", action="store_true", help="the box itself asks: what it holds is left alone, and it has the processor first")
    return p


def main(argv: list[str] | None = None, machine: Machine | None = None, out: TextIO | None = None) -> int:
    """Exit code. `machine`: another one than this (tests)."""
    args = parser().parse_args(argv)
    machine = machine if machine is not None else Machine(command=run_patiently if args.running else run_command)
    out = out if out is not None else sys.stdout
    if args.running:
        os.nice(NICE)
    began = machine.clock.now()
    try:
        config, problems = settings.read(args.config, DEFAULT, args.mode, args.interface)
    except NotPermitted as error:                # the defaults are another box: nothing of this one could be told
        refused = fail("configuration", error.problems[0], "sudo ccsbox doctor (from a source tree: the same command with sudo before it)", "not readable")
        print(refused.json() if args.json else refused.line(), file=out, flush=True)
        if args.json:
            print(json.dumps({"exit_code": 2, "seconds": 0.0, "display": ""}), file=out, flush=True)
        return exit_code([refused])
    running = told(machine, args.simulate_io) if args.running else find(machine, config)
    patient = Patient(machine, config, str(args.config or DEFAULT), problems, running, args.simulate_io, PATIENCE if args.running else 1.0, args.running)
    found: list[Finding] = []
    try:
        if running is not None and not args.json:
            print(f"The box runs: {running.how}. What it holds is left alone.", file=out, flush=True)
        for finding in examine(CHECKS, patient):
            found.append(finding)
            print(finding.json() if args.json else finding.line(), file=out, flush=True)
        shown = panel_text(patient, found) if args.oled else ""
        seconds, code = (machine.clock.now() - began) / S, exit_code(found)
        if args.json:
            print(json.dumps({"exit_code": code, "seconds": round(seconds, 3), "display": shown}), file=out, flush=True)
        else:
            print("\n".join(filter(None, (shown, summary(found, seconds)))), file=out, flush=True)
        return code
    except KeyboardInterrupt:
        print("stopped by Ctrl-C; nothing was changed", file=sys.stderr)
        return 130
    except BrokenPipeError:                      # whoever read it (head, a box that ended) is gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exit_code(found)


def panel_text(patient: Patient, found: list[Finding]) -> str:
    """The display, imported only where it is asked for."""
    from tools.doctor import panel
    return panel.show(patient, found)


if __name__ == "__main__":
    sys.exit(main())
