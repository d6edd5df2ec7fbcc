"""`python -m tools.bench_io COMMAND [--config FILE]`: the box's inputs, outputs, display and bus at the workbench."""
from __future__ import annotations

import argparse
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable, TextIO

from drivers.errors import DriverError
from drivers.process import Process
from kernel.clock import MonotonicClock
from kernel.settings import SettingsError
from kernel.timer import MS
from tasks import command_line
from tools.bench_io import measure, oled, report
from tools.bench_io.bench import Bench, Clock
from tools.bench_io.look import readings
from tools.bench_io.outputs import outputs
from tools.bench_io.rules import DEFAULT_S, LEAST_REASON, LONGEST_S
from tools.bench_io.switch import INTERRUPTED, REFUSED, Switching
from tools.bench_io.text import device_lines, input_lines, note_lines, wrapped

ROOT = Path(__file__).resolve().parents[2]
USAGE, MISSING = 2, 3
REFRESH = 500 * MS
CLEAR = "\x1b[H\x1b[J"
LONGEST_TICKS_S = 3600.0
EPILOG = """\
Try it at home: the simulated board is the default, and everything works on it. In this order at a new board (README.md of this tool):
  python -m tools.bench_io inputs --watch        no high voltage, nothing at the outputs
  python -m tools.bench_io outputs               then: switch state_c, lock, unlock, ... one by one, without load
  python -m tools.bench_io oled | i2c | ticks
  python -m tools.bench_io report FILE           a text to send when asking for help
Exit codes: 0 done; 1 refused, or off before its time; 2 command line or configuration wrong; 3 device missing or board busy; 130 stopped.
"""


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(prog="tools.bench_io", epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter, description=(
        "Reads every input of a board, switches one output at a time for seconds, shows a test picture,\nmeasures bus and ticks. The main program must not run."))
    commands = p.add_subparsers(dest="command", required=True, metavar="COMMAND")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--config", metavar="FILE", help="configuration file; default: config.yaml beside main.py")
    common.add_argument("--mode", choices=("pev", "evse", "bridge"), help="car, charger or bridge; default: `mode` of the configuration")
    common.add_argument("--simulate-voltage", type=_number(0, 1000), default=0.0, metavar="V",
                        help="simulated board only: so much at inlet (a bridge: and CHAdeMO plug) or output, to see what is refused then")

    def add(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".", parents=[common])
    add("inputs", "every input with raw and physical value, age and state").add_argument("--watch", action="store_true", help="again and again until Ctrl-C")
    add("outputs", "every output with its pin, level and read-back; switches nothing")
    s = add("switch", "one output on, and off again by itself")
    s.add_argument("name", metavar="NAME", help="as `outputs` lists it")
    s.add_argument("--for", dest="seconds", type=_number(0.1, LONGEST_S), default=DEFAULT_S, metavar="SECONDS", help=f"0.1 to {LONGEST_S:g} (default {DEFAULT_S:g})")
    s.add_argument("--duty", type=_number(1, 99), default=5.0, metavar="PERCENT", help="of the output pwm (default 5)")
    s.add_argument("--yes", action="store_true", help="do not ask; never for what switches power")
    s.add_argument("--i-measured-0-volts", dest="zero", metavar="REASON", default="",
                   help="what the box cannot measure was measured by hand: with what, and where; a voltage that is measured still refuses")
    add("oled", "the test picture: frame, checker, text sizes, contrast steps")
    add("i2c", "time per transfer of every chip on I2C, and how fast the bus is")
    t = add("ticks", "how late ticks are while all devices have their turns")
    t.add_argument("--seconds", type=_number(0.1, LONGEST_TICKS_S), default=10.0, metavar="N", help="default 10")
    r = add("report", "everything as a text to send; switches nothing")
    r.add_argument("file", nargs="?", metavar="FILE", help="a new file; default: standard output")
    return p


def _number(low: float, high: float) -> Callable[[str], float]:
    def convert(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {low:g} to {high:g}")
        return value
    return convert


class World:
    """Terminal, clock and signals: the real ones, or a test's. `ask` None: nobody can be asked."""

    def __init__(self, out: TextIO | None = None, ask: Callable[[str], str] | None = None, clock: Clock | None = None, process: Any = None,
                 make_guard: Any = None, wiring: Any = None) -> None:
        self.out = out if out is not None else sys.stdout
        self.ask = ask if ask is not None or out is not None or not sys.stdin.isatty() else input
        self.clock = clock if clock is not None else MonotonicClock()
        self.process = process
        self.make_guard = make_guard
        self.wiring = wiring

    def say(self, text: str) -> None:
        for line in wrapped(text, text[:len(text) - len(text.lstrip())]) if len(text) > 100 else [text]:
            print(line, file=self.out, flush=True)

    def stop(self) -> bool:
        """Somebody wants the end: from the first call on a signal is only noted."""
        if self.process is None:
            self.process = Process()
        return self.process.terminate


def inputs(world: World, bench: Bench, args: argparse.Namespace) -> int:
    terminal = args.watch and world.out.isatty()
    bench.settle(stop=world.stop)
    while True:
        now = bench.clock.now()
        lines = [*note_lines(bench.notes), *input_lines(readings(bench, now)), "", *device_lines(bench)]
        world.out.write((CLEAR if terminal else "") + "\n".join(lines) + ("\n\nCtrl-C ends\n" if args.watch else "\n"))
        world.out.flush()
        if not args.watch:
            return 0
        bench.settle(REFRESH, world.stop)
        if world.stop():
            return 0


def list_outputs(world: World, bench: Bench, args: argparse.Namespace) -> int:
    bench.settle(stop=world.stop)
    for line in [*note_lines(bench.notes), *report.output_lines(bench)]:
        world.say(line)
    return 0


def switch(world: World, bench: Bench, args: argparse.Namespace) -> int:
    found = {output.name: output for output in outputs(bench, args.duty)}
    output = found.get(args.name)
    if output is None:
        world.say(f"This board has no output {args.name!r}; it has {', '.join(found)}.")
        return USAGE
    if args.zero and len(args.zero.strip()) < LEAST_REASON:
        world.say(f"--i-measured-0-volts wants to be told with what and where you measured ({LEAST_REASON} characters at least), for example "
                  '"multimeter at inlet and pack, service plug out".')
        return USAGE
    bench.settle()
    switching = Switching(bench, output, args.seconds, world.say, args.zero.strip(), world.stop, *([world.make_guard] if world.make_guard else []))
    why = switching.check()
    if why:
        world.say(why)
        return REFUSED
    for line in note_lines(bench.notes):
        world.say(line)
    if not confirmed(world, output, args):
        return REFUSED
    world.stop()
    return switching.run()


def confirmed(world: World, output: Any, args: argparse.Namespace) -> bool:
    """The person has typed the output's name."""
    if args.yes and not output.switches_power():
        return True
    if args.yes or world.ask is None:
        world.say(f"{output.name} is not switched: " + ("it switches power, so --yes does not count; type its name at a terminal." if output.switches_power()
                                                        else "nobody can be asked here (no terminal); use --yes."))
        return False
    world.say(f"{output.name}: {output.what}, pin {output.pin or 'unknown'}, on for {args.seconds:g} s. {output.hint}".rstrip())
    if output.switches_power():
        world.say("It switches power. Nobody touches the contacts; no load, no battery, no mains." + (f" Told: {args.zero!r}." if args.zero else ""))
    try:
        typed = world.ask(f"Type {output.name} to switch it on, anything else to leave it: ")
    except EOFError:
        typed = ""
    if typed.strip() != output.name:
        world.say(f"Expected {output.name!r}, got {typed.strip()[:40]!r}: nothing was switched.")
        return False
    return True


def show_oled(world: World, bench: Bench, args: argparse.Namespace) -> int:
    return oled.show(bench, world.say, world.stop)


def measure_i2c(world: World, bench: Bench, args: argparse.Namespace) -> int:
    for line in measure.i2c(bench):
        world.say(line)
    return 0


def measure_ticks(world: World, bench: Bench, args: argparse.Namespace) -> int:
    for line in measure.ticks(bench, args.seconds, world.stop):
        world.say(line)
    return 0


def write_report(world: World, bench: Bench, args: argparse.Namespace) -> int:
    if args.file is not None and Path(args.file).exists():
        world.say(f"{args.file} exists and is left as it is; name another file.")
        return USAGE
    bench.settle(stop=world.stop)
    text = report.text(bench, stop=world.stop)
    if args.file is None:
        world.out.write(text)
        return 0
    try:
        with open(args.file, "x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        world.say(f"{args.file} cannot be written ({error.strerror}); name another file.")
        return USAGE
    world.say(f"Written: {args.file}. Read it before you send it; passwords and keys are left out, names of networks and brokers are not.")
    return 0


COMMANDS = {"inputs": inputs, "outputs": list_outputs, "switch": switch, "oled": show_oled, "i2c": measure_i2c, "ticks": measure_ticks, "report": write_report}


def configured(args: argparse.Namespace) -> Any:
    """The settings of the file, with --mode on top."""
    return command_line.configure(SimpleNamespace(config=args.config, mode=args.mode, interface=None, protocol=None, soc_stop=None, transfer=None, bridge=None, strategy=None),
                                  ROOT / "config.yaml")


def main(argv: list[str] | None = None, world: World | None = None) -> int:
    args = parser().parse_args(argv)
    world = world if world is not None else World()
    bench = None
    try:
        bench = Bench(configured(args), world.clock, args.simulate_voltage, world.wiring)
        return COMMANDS[args.command](world, bench, args)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return USAGE
    except DriverError as error:
        print("\n".join(wrapped(f"tools.bench_io: {error}")), file=sys.stderr)
        return MISSING
    except KeyboardInterrupt:                    # at the question or while settling: nothing is on then
        world.say("\nstopped; nothing is on")
        return INTERRUPTED
    finally:
        if bench is not None:
            bench.close()


if __name__ == "__main__":
    sys.exit(main())
