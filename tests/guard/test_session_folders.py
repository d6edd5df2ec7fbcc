"""The real command over a wire, recording: asked to leave in the middle of a charge, and killed; what its folder holds then."""
import json
import os
import select
import shutil
import signal
import sys
from pathlib import Path

import pytest

from drivers.capture_file import CaptureReader
from drivers.recording.recorder import RING
from tests.guard.box import PATIENCE_S, ROOT
from tests.interop.network import Program, Wire

pytestmark = [pytest.mark.real_time, pytest.mark.needs_netns, pytest.mark.slow,
              pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("ip") or not shutil.which("ethtool"), reason="needs root, ip and ethtool")]


def box(end, role, folder):
    config = folder / f"{role}.yaml"
    config.write_text(f"slac:\n  assume_link: true\nsessions:\n  folder: {folder / role}\n  volatile: \"\"\n")
    return Program(end, [sys.executable, "main.py", role, "--simulate-io", "--interface", end.interface, "--config", str(config)], folder / f"{role}.log", ROOT)


def writer_of(program):
    """The process that writes its sessions."""
    pid = program.process.pid
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        if "session_writer" in Path(f"/proc/{child}/cmdline").read_text():
            return int(child)
    raise AssertionError("there is no writer")


def octets_written(pid):
    """By this process so far, as the kernel counts them."""
    return int(next(line.split()[1] for line in Path(f"/proc/{pid}/io").read_text().splitlines() if line.startswith("wchar:")))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_folder_after_the_program_has_left(tmp_path, number):
    with Wire(pev_kernel_ipv6=False, evse_kernel_ipv6=False) as wire:
        boxes = {"evse": box(wire.evse, "evse", tmp_path)}
        evse = boxes["evse"]
        try:
            assert evse.wait_for_text("Unplugged", PATIENCE_S) or "stands by" in evse.text(), evse.text()
            boxes["pev"] = box(wire.pev, "pev", tmp_path)
            car = boxes["pev"]
            assert car.wait_for_text("charging loop", 2 * PATIENCE_S), car.text() + evse.text()
            writer = writer_of(car)
            assert Path(f"/proc/{writer}/status").read_text().count("VmLck:\t       0 kB") == 1, "its memory is not locked"
            assert os.sched_getscheduler(writer) == os.SCHED_OTHER and os.getpriority(os.PRIO_PROCESS, writer) > 0
            assert octets_written(writer) < RING
            end = os.pidfd_open(writer)
            car.process.send_signal(number)
            car.process.wait(2 * PATIENCE_S)
            assert select.select([end], (), (), PATIENCE_S)[0], "the writer leaves with the box"
            os.close(end)
        finally:
            for program in boxes.values():
                program.end()
    folder, = (path for path in (tmp_path / "pev").iterdir() if path.is_dir())
    summary = json.loads((folder / "summary.json").read_text())
    with open(folder / "frames.pcap", "rb") as file:
        frames = list(CaptureReader(file))
    journal = (folder / "journal.txt").read_text()
    assert len(frames) > 30 and "PreCharge" in journal and (folder / "settings.yaml").read_text().count("assume_link: true") == 1
    if number == signal.SIGTERM:
        assert car.process.returncode == 0 and summary["complete"] and summary["stop"]["reason"] == "Stopped by user" and summary["protocol"] == "DIN 70121"
        assert summary["frames"] == len(frames) and summary["journal_lines"] == journal.count("\n") and not (folder / "unfinished").exists()
        assert "-> Finished" in journal or "Session -> Ending" in journal
    else:
        assert not summary["complete"] and (folder / "unfinished").exists() and journal.endswith("\n")
