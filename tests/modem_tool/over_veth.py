"""Run inside fresh network and mount namespaces by test_over_veth.py: an emulated modem in one process, the tool in others.

Everything is a real command line over a real interface; one line of JSON tells what each of them answered. Arguments: a
folder, and the module operations at which the power is cut (8: the session, 9 to 15: the blocks, 16: the commit).
"""
from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 200                    # one command; the longest limits of a write are 60 and 90 s
TOOL = [sys.executable, "-m", "tools.modem"]

folder = Path(sys.argv[1])
cuts = [int(word) for word in sys.argv[2].split(",")]
flash = folder / "flash.bin"
results: list[tuple[str, int, str]] = []


def system(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)


@contextmanager
def modem(*options: str):
    """The emulated modem at va, for as long as the block lasts."""
    process = subprocess.Popen([*TOOL, "emulate", "--interface", "va", "--flash", str(flash), *options], cwd=ROOT, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True)
    first = process.stdout.readline()
    if "Emulated modem" not in first:
        raise SystemExit(f"the emulator did not start: {first}")
    try:
        yield
    finally:
        process.terminate()
        text, _ = process.communicate(timeout=10)
        results.append((f"emulate {' '.join(options)}", process.returncode, first + text))


def tool(line: str) -> None:
    words = line.split()
    done = subprocess.run([*TOOL, words[0], "--interface", "vb", "--backup-dir", str(folder), *words[1:]], cwd=ROOT, capture_output=True, text=True,
                          timeout=LIMIT_S, stdin=subprocess.DEVNULL)
    results.append((line, done.returncode, done.stdout + done.stderr))


system("mount", "-t", "sysfs", "sysfs", "/sys")
system("ip", "link", "add", "va", "type", "veth", "peer", "name", "vb")
for end in ("va", "vb"):
    system("ip", "link", "set", end, "up")

with modem():
    for line in ("find", "info", "backup", "verify evse", "configure evse --dry-run", "configure evse", "configure evse --yes", "verify evse", "verify pev"):
        tool(line)
    first = min(folder.glob("pib-*.bin"), key=lambda f: f.stat().st_mtime_ns)
    tool(f"restore {first} --yes")
    tool("verify evse")
with modem("--drop", "10"):
    tool("configure pev --yes")
    tool("verify pev")
for number in cuts:
    flash.unlink()                   # another modem, a car's
    with modem("--role", "pev", "--cut-at", str(number)):
        tool("configure evse --yes")
    with modem():
        tool("verify evse")
tool("find")
print(json.dumps(results))
