"""A start loads what its box needs and nothing else: each module is a file that a small board reads from its card before the first SLAC message."""
from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOBODY = (               # by any box before its board is opened
    "asyncio", "concurrent", "difflib", "email", "http", "logging", "multiprocessing", "ssl", "subprocess", "sysconfig", "tempfile", "tomllib", "unittest", "xml",
    "PIL", "adafruit_blinka", "can", "cantools", "gpiod", "luma", "paho", "pcap", "tornado", "serial", "smbus2", "spidev",
    "drivers.boards.plans", "drivers.mqtt.client", "drivers.nic_pcap", "drivers.sim.plant", "exi_native.messages.iso2", "tasks.can_info.task",
    "tasks.display.listen_screens", "tasks.display.three_lines", "tasks.homeplug.emulator", "tasks.mqtt.task", "tasks.v2g.iso2_evse", "tasks.v2g.iso2_pev", "tools.appliance.live_feed", "tools.appliance.live_start", "tools.doctor", "tools.live", "tools.simulate",
)
CAR = ("tasks.connection.pev_ladder", "tasks.safety.bridge_task", "tasks.v2g.din_pev")
CHARGER = ("tasks.connection.evse_ladder", "tasks.safety.ac_task", "tasks.v2g.din_evse")
LISTENER = ("tasks.listen.session", "tasks.listen.task", "tools.show.listen_show")
BRIDGE = ("tasks.bridge.task", "tasks.chademo.task")
LOADS = """
import sys
sys.path.insert(0, sys.argv[1])
from tasks import command_line, config_file
from tasks.config import Config
Config()
exec(sys.argv[2])
print(*sys.modules)
"""


def imports_of(file: str, function: str) -> str:
    """The imports that this function does in any case."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    found = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == function)
    return "\n".join(ast.unparse(node) for node in found.body if isinstance(node, (ast.Import, ast.ImportFrom)))


def loaded(mode: str) -> set[str]:
    """By a box of this mode up to its task table, without its devices. The sides of V2G and the ladders load what is theirs when they are made."""
    made = {"pev": "from tasks.v2g.sides import PevSide; PevSide(Signals(), Config().ev, bytes(6))",
            "evse": "from tasks.v2g.sides import EvseSide; EvseSide(Signals(), Config().evse, random)", "listen": ""}[mode]
    code = "\n".join([imports_of("main.py", "appliance"), imports_of("tasks/table.py", mode), imports_of("tasks/table.py", "_table"), "import random", made])
    done = subprocess.run([sys.executable, "-c", LOADS, str(ROOT), code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("mode, others", [("pev", CHARGER + LISTENER + BRIDGE + CAR[1:2]), ("evse", CAR[1:] + LISTENER + BRIDGE), ("listen", CAR + CHARGER + BRIDGE)])
def test_a_start_loads_only_its_own(mode: str, others: tuple[str, ...]) -> None:
    unwanted = NOBODY + others
    found = {name for name in loaded(mode) if any(name == one or name.startswith(one + ".") for one in unwanted)}
    assert not found, f"a {mode} loads at its start: {', '.join(sorted(found))}; import them where they are needed (python -m tools.bench start counts)"
