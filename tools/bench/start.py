"""What a start costs in instructions of ours, part by part, as multiples of `python -c pass`, beside limits; counted by valgrind: nearly the same on every machine.

A car's box is started in a network of its own, with the settings of the emulated board (install/lab/lab.yaml), up to its task table. Its board is simulated;
what the real one loads is counted besides. The kernel's own work for it, files that are opened and pages that are touched, is not seen: for that stand the modules.
"""
from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PASS = "python -c pass"
WHOLE = "all of the box's own process"
SHELL = "run-box.sh with what it calls"
LIMITS = {               # times `python -c pass`: a tenth above what was measured with Python 3.11 on x86_64 (the unit: 38.6 million)
    "interpreter, and what the timeline needs": 3.8, "configuration read": 10.4, "guard started": 0.1, "program loaded": 8.4,
    "board open": 6.3,           # 4.9 of them are pcap-ct and what it imports; `nic.driver: socket` has none of it
    "codec loaded": 6.5, "task table built": 3.8, "guard stands by": 0.1, "task table runs": 0.5, WHOLE: 39.3,
    SHELL: 0.2, "the guard, beside it": 6.0, "drivers of a Raspberry Pi's board": 0.8, "their libraries": 3.6,
}
START = """
import os, sys
sys.path.insert(0, sys.argv[1])
sys.argv = ["main.py", "pev", "--config", sys.argv[2], "--simulate-io", "--interface", "lo"]
from tools.appliance.boot_timeline import Timeline
def step(name):
    sys.stderr.write(f"STEP {len(sys.modules)} {name}\\n")
    os.getppid()                                # here valgrind writes down what it has counted
def mark(self, name):
    step(name)
    if name == "task table runs":
        os._exit(0)
Timeline.mark = mark
step("interpreter, and what the timeline needs")
from main import main
main()
"""
LOADED = "import sys; sys.path.insert(0, sys.argv[1]); from kernel.settings_text import dump; from tasks.config import Config; import tools.appliance.parts"
BOARD = f"{LOADED}; from drivers.boards import gpio, plans; from drivers.can import bus; import drivers.oled_luma"
GUARD = "import sys; sys.path.insert(0, sys.argv[1]); from tools.appliance.guard_process import main"
LIBRARIES = "import gpiod, smbus2, luma.oled.device"
QUIET = "realtime: false\nipv6:\n  kernel_ipv6: leave\ndoctor:\n  at_start: false\n"      # real time disturbs the machine; the doctor comes later


def count(words: list[str], folder: Path, *options: str, net: bool = False) -> tuple[list[int], list[str]]:
    """Instructions of each part that valgrind wrote down, and what the program said. `net`: in a network of its own."""
    for old in folder.glob("count.*"):
        old.unlink()
    alone = ["unshare", "--map-root-user", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"] if net else []
    done = subprocess.run([*alone, "valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/count.%p", *options, *words], cwd=folder, check=False,
                          env=os.environ | {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}, capture_output=True, text=True, errors="replace")
    # count.PID.1, count.PID.2 ... and what was left at the end in count.PID
    files = sorted(folder.glob("count.*"), key=lambda f: (f.name.count(".") == 1, [int(n) for n in f.name.split(".")[1:]]))
    totals = [int(found[1]) for found in (re.search(r"^(?:totals|summary): (\d+)", f.read_text(errors="replace"), re.MULTILINE) for f in files) if found]
    if done.returncode != 0 or not totals:
        raise SystemExit(f"tools.bench: {' '.join(words)[:200]}\n{done.stderr[-2000:]}")
    return totals, done.stderr.splitlines()


def shell(folder: Path, config: Path) -> int:
    """run-box.sh as the service calls it, with a program in place of Python that does nothing."""
    script = folder / "install/system/run-box.sh"
    (folder / "venv/bin").mkdir(parents=True)
    script.parent.mkdir(parents=True)
    script.write_bytes((ROOT / "install/system/run-box.sh").read_bytes())
    (folder / "venv/bin/python").symlink_to("/bin/true")
    parts, _ = count(["env", f"CCSBOX_CONFIG={config}", "sh", str(script)], folder, "--trace-children=yes")
    return sum(parts)


def show(name: str, instructions: int, unit: int, modules: str = "") -> None:
    """One line; the limit behind it."""
    times = instructions / unit
    limit = f"{times:8.1f} x" + (f"  limit {LIMITS[name]:5.1f}{'' if times <= LIMITS[name] else '  ABOVE'}" if name in LIMITS else "")
    print(f"start: {name:<42}{instructions / 1e6:9.1f} M{limit:<24}{modules}", flush=True)


def main() -> None:
    """The table."""
    if shutil.which("valgrind") is None:
        raise SystemExit("tools.bench: start counts with valgrind: apt-get install valgrind")
    subprocess.run([sys.executable, "-m", "compileall", "-q", *(str(ROOT / part) for part in ("main.py", "kernel", "tasks", "drivers", "exi_native", "tools"))], check=True)
    python, root = sys.executable, str(ROOT)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        [unit], _ = count([python, "-c", "pass"], folder)
        show(PASS, unit, unit)
        config = folder / "config.yaml"
        config.write_text((ROOT / "install/lab/lab.yaml").read_text(encoding="utf-8").replace("/var/lib/ccsbox", name) + QUIET, encoding="utf-8")
        parts, said = count([python, "-c", START, root, str(config)], folder, "--dump-before=getppid", net=True)
        steps = [line.split(maxsplit=2)[1:] for line in said if line.startswith("STEP ")]
        for (modules, step), instructions in zip(steps, parts):
            show(step, instructions, unit, f"{modules:>6} modules")
        show(WHOLE, sum(parts), unit)
        show(SHELL, shell(folder, config), unit)
        [guard], _ = count([python, "-S", "-c", GUARD, root], folder)
        show("the guard, beside it", guard, unit)
        [loaded], _ = count([python, "-c", LOADED, root], folder)
        [board], _ = count([python, "-c", BOARD, root], folder)
        show("drivers of a Raspberry Pi's board", board - loaded, unit)
        [libraries], _ = count([python, "-c", f"{BOARD}; {LIBRARIES}", root], folder)
        show("their libraries", libraries - board, unit)


if __name__ == "__main__":
    main()
