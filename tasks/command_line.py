"""The words of main.py's command line; no option changes what a safety limit allows."""
from __future__ import annotations

import argparse
from dataclasses import fields, replace
from pathlib import Path

from kernel.settings import SettingsError, build
from tasks.bridge.config import BridgeConfig
from tasks.config import Config, contradictions
from tasks.shipped import is_shipped

EPILOG = """\
examples:
  main.py --simulate                      a complete charge, car and charger in one process, in about 15 s
  main.py --simulate --drop 5 --delay 30  the same over a bad power line
  main.py --simulate --charger compleo    the same at a charger with the habits of a real one
  main.py --simulate --bridge leaf40      a CHAdeMO car charges there through a bridge; --bridge list
  main.py --simulate --transfer ac3       AC at a wallbox with three phases, ISO 15118-2
  main.py pev --config config.yaml        the box in a car, on the configured interface
  main.py evse --interface eth1 --simulate-io   the charger's side with a simulated power stage
  main.py bridge --config my.yaml         a CHAdeMO vehicle at a CCS charger
  main.py listen --interface eth1         hear car and charger, show what goes on; transmits nothing
  main.py listen --pcap FILE --speed 4    the same from a capture, four times as fast; --text lists every message
  ssh router tcpdump -U -i eth1 -w - | main.py listen --pcap -     the same from another computer's tap, live
  main.py doctor --config my.yaml         what is wrong with this box, and what to do; --json, --oled
keys while running: space or q stops the charge in order, p pauses it, s goes on or begins again, - and + lower and raise the power,
d turns the page of the display, D dims it, Tab (--simulate) shows the other box.
"""


USAGE = "main.py [pev | evse | bridge | listen | doctor] [options]     (main.py --help lists them)"
"""One line: an error is read at night, and stands below it."""
SPEEDS = (0.125, 1024.0)
"""--speed: slowest and fastest."""
TRANSFERS = {"dc": ["DC_extended", "DC_core"], "ac1": ["AC_single_phase_core"], "ac3": ["AC_three_phase_core"]}
"""--transfer: energy_transfer_modes of car and charger."""
STRATEGIES = next(f.metadata["choices"] for f in fields(BridgeConfig) if f.name == "strategy")
"""--strategy."""
BRIDGE_SHOW_STOP = 80.0
"""--bridge without --soc-stop, percent: the last fifth takes a CHAdeMO car as long as all before it, and nothing happens."""


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """The parsed options; argparse leaves with code 2 and a usage line when they are wrong."""
    parser = argparse.ArgumentParser(prog="main.py", usage=USAGE, description="ccsbox: CCS for a car, a charger, a bridge to CHAdeMO, or a listener", epilog=EPILOG,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", nargs="?", choices=("pev", "evse", "bridge", "listen"), help=(
        "what this box is; default: `mode` of the configuration. `doctor` in its place: what is wrong with it (main.py doctor --help)"))
    parser.add_argument("--config", metavar="FILE", help="configuration file; default: config.yaml beside main.py")
    parser.add_argument("--print-config", action="store_true", help="print the settings in force and leave")
    parser.add_argument("--interface", metavar="IF", help="network interface of the modem; default: `interface` of the configuration")
    parser.add_argument("--output", metavar="DIR", help="folder for pcap, journal and configuration of this run")
    parser.add_argument("--protocol", choices=("din", "iso2"), help="speak only this one; default: `ev.protocols`, `evse.protocols` of the configuration")
    parser.add_argument("--once", action="store_true", help="leave after one session: exit code 0 for a normal end, 1 otherwise")
    parser.add_argument("--simulate-io", action="store_true", help="real network interface, simulated voltages, contactors and pilot")
    listener = parser.add_argument_group("listening")
    listener.add_argument("--pcap", metavar="FILE", help="read this capture instead of an interface; - is standard input, a FIFO works too")
    listener.add_argument("--speed", type=_speed, metavar="N", help="with --pcap: play at N times its own pace, `realtime` (1, default on a terminal) or `max`")
    listener.add_argument("--follow", action="store_true", help="with --pcap: the file is still being written, wait for more")
    listener.add_argument("--text", action="store_true", help="lines instead of the screen; with --pcap FILE every message and a summary, as without a terminal")
    simulation = parser.add_argument_group("simulation of car and charger in one process")
    simulation.add_argument("--simulate", action="store_true", help="no interface, no root, virtual time")
    pace = simulation.add_mutually_exclusive_group()
    pace.add_argument("--pace", choices=("show", "max"), default="show", help="show: about 15 s (default); max: as fast as possible")
    pace.add_argument("--realtime", action="store_const", const="realtime", dest="pace", help="one second per second")
    simulation.add_argument("--seed", type=int, default=1, help="equal seeds give identical runs (default 1)")
    simulation.add_argument("--drop", type=_within(0, 100), default=0.0, metavar="PERCENT", help="frames that the power line loses")
    simulation.add_argument("--delay", type=_within(0, 1000), default=0.5, metavar="MS", help="transit time of a frame")
    simulation.add_argument("--soc-start", type=_within(0, 100), default=None, metavar="PERCENT", help="state of charge at the beginning (default 20, with AC 88, through a bridge 60)")
    simulation.add_argument("--soc-stop", type=_within(10, 100), default=None, metavar="PERCENT",
                            help="charging ends here (default: as configured, with --bridge 80; 100: the car itself ends)")
    simulation.add_argument("--battery-kwh", type=_within(1, 300), default=None, metavar="KWH", help="size of the battery")
    simulation.add_argument("--transfer", choices=tuple(TRANSFERS), help="how both sides charge; default: energy_transfer_modes of the configuration (dc)")
    simulation.add_argument("--charger", metavar="NAME", help="charge at this charger of the fleet; --charger list shows them all")
    simulation.add_argument("--car", metavar="NAME", help="let this car of the fleet charge at our charger; --car list")
    simulation.add_argument("--bridge", metavar="NAME", help="charge this CHAdeMO car through a bridge, also with --charger; --bridge list")
    simulation.add_argument("--strategy", choices=STRATEGIES, help="with --bridge; default: bridge.strategy of the configuration")
    simulation.add_argument("--live", action="store_true", help="show the car's box in a browser as well (section live of the configuration): begins when somebody looks, lasts a minute")
    args = parser.parse_args(argv)
    if args.pcap and args.mode != "listen":
        parser.error("--pcap belongs to the mode listen: main.py listen --pcap FILE")
    if not args.pcap and (args.speed is not None or args.follow):
        parser.error("--speed and --follow belong to --pcap: main.py listen --pcap FILE --speed 10")
    if args.follow and args.speed is not None or args.pcap == "-" and args.speed is not None:
        parser.error("--speed is for a finished file; what is still being written is shown as it comes")
    if args.simulate and args.mode is not None:
        parser.error(f"--simulate runs car and charger together; leave out {args.mode!r}, or use --simulate-io with it")
    if (args.charger or args.car) and not args.simulate:
        parser.error("--charger and --car belong to --simulate")
    if args.transfer and not args.simulate:
        parser.error("--transfer belongs to --simulate; a box has ev.energy_transfer_modes, evse.energy_transfer_modes of its configuration")
    if args.bridge and not args.simulate:
        parser.error("--bridge belongs to --simulate; the box itself: main.py bridge")
    if args.bridge and (args.car or args.transfer not in (None, "dc")):
        parser.error("--bridge charges a CHAdeMO car with DC; leave out --car and --transfer")
    if args.live and (not args.simulate or args.pace == "max"):
        parser.error("--live belongs to --simulate, and somebody has to see it: leave out --pace max; a box has live.enabled of its configuration")
    if args.strategy and not args.bridge:
        parser.error("--strategy belongs to --bridge; a box has bridge.strategy of its configuration")
    if args.transfer not in (None, "dc") and (args.charger or args.car):
        parser.error("--charger and --car: the fleet charges with DC; leave out --transfer")
    if args.soc_start is not None and args.soc_stop is not None and args.soc_start >= args.soc_stop:
        parser.error(f"--soc-start {args.soc_start:g} must be below --soc-stop {args.soc_stop:g}")
    return args


def configure(args: argparse.Namespace, default: Path) -> Config:
    """The settings of the file with the command line's words on top; SettingsError names everything that is wrong."""
    path = args.config or default
    if args.config is None and is_shipped(default):
        config = Config()
    else:
        from tasks import config_file            # and yaml with it
        data, lines = config_file.load(path)
        config = build(Config, data, lines, str(path))
    if args.mode is not None:
        config.mode = args.mode
    if args.interface is not None:
        config.interface = args.interface
    if args.protocol is not None:
        config.ev.protocols = config.evse.protocols = [args.protocol]
    if args.soc_stop is not None:
        config.ev.stop_soc_percent = config.bridge.stop_soc_percent = args.soc_stop
    if args.bridge is not None:
        config.mode = "bridge"
        if args.soc_stop is None:
            config.bridge.stop_soc_percent = min(config.bridge.stop_soc_percent, BRIDGE_SHOW_STOP)
    if args.strategy is not None:
        try:
            config.bridge = replace(config.bridge, strategy=args.strategy)
        except ValueError as problem:            # it contradicts another setting of the section
            raise SettingsError([f"--strategy {args.strategy}: {problem}"]) from problem
    if args.transfer is not None:
        config.ev.energy_transfer_modes = config.evse.energy_transfer_modes = TRANSFERS[args.transfer]
    problems = contradictions(config)            # what the command line has put on top
    if problems:
        raise SettingsError(problems)
    return config


def _speed(text: str) -> float:
    """A converter for argparse: factor, 0 for `max`."""
    words = {"realtime": 1.0, "max": 0.0}
    if text in words:
        return words[text]
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not SPEEDS[0] <= value <= SPEEDS[1]:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from {SPEEDS[0]:g} to {SPEEDS[1]:g}, realtime or max")
    return value


def _within(low: float, high: float):
    """A converter for argparse that names the range."""
    def convert(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {low:g} to {high:g}")
        return value
    return convert
