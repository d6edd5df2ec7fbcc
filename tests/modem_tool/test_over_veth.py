"""The tool over a real interface: full cycle, a tenth of the frames lost, power cuts; an emulated modem in a process of its own."""
from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.real_time

ROOT = Path(__file__).resolve().parents[2]
NAMESPACES = ["unshare", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"]), "--net", "--mount"]
READS = 7                        # blocks of a PIB: module operations before the session's start
FOURTH_BLOCK, COMMIT = READS + 5, READS + 9


def not_possible() -> str:
    """Empty when namespaces with a veth pair can be made and pcap-ct is here, otherwise the reason."""
    try:
        import pcap  # noqa: F401
    except (ImportError, OSError) as e:
        return f"pcap-ct or libpcap is missing: {e}"
    probe = subprocess.run([*NAMESPACES, "ip", "link", "add", "va", "type", "veth", "peer", "name", "vb"], capture_output=True, text=True)
    return "" if probe.returncode == 0 else f"no network namespace: {probe.stderr.strip()}"


@pytest.mark.needs_netns
@pytest.mark.slow
def test_the_full_cycle_over_a_veth_pair(tmp_path):
    reason = not_possible()
    if reason:
        pytest.skip(reason)
    cuts = ",".join(map(str, (FOURTH_BLOCK, COMMIT)))
    run = subprocess.run([*NAMESPACES, sys.executable, "-m", "tests.modem_tool.over_veth", str(tmp_path), cuts], cwd=ROOT, capture_output=True, text=True,
                         timeout=400, env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"})
    assert run.returncode == 0, run.stderr
    results = json.loads(run.stdout.splitlines()[-1])
    print("\n".join(f"$ {line} -> {code}\n{text}" for line, code, text in results))
    tried = [(line.split(" /")[0], code) for line, code, _ in results]
    assert tried[:12] == [
        ("find", 0), ("info", 0), ("backup", 0), ("verify evse", 1), ("configure evse --dry-run", 0), ("configure evse", 4), ("configure evse --yes", 0),
        ("verify evse", 0), ("verify pev", 1), ("restore", 0), ("verify evse", 1), ("emulate ", 0)]
    assert tried[12:15] == [("configure pev --yes", 0), ("verify pev", 0), ("emulate --drop 10", 0)]
    after = tried[15:-1]
    assert after == [("configure evse --yes", 1), (f"emulate --role pev --cut-at {FOURTH_BLOCK}", 0), ("verify evse", 1), ("emulate ", 0),
                     ("configure evse --yes", 1), (f"emulate --role pev --cut-at {COMMIT}", 0), ("verify evse", 1), ("emulate ", 0)]
    assert tried[-1] == ("find", 3)
    assert "power cut" in results[16][2] and "old PIB" in results[15][2]
    assert "frames lost" in results[14][2] and " 0 frames lost" not in results[14][2]
