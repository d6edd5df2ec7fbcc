"""The real command with its live view, charging over a wire: seen and stopped from its page; its viewer killed in the middle, held, and asked to leave."""
from __future__ import annotations

import os
import select
import shutil
import signal
import sys
from pathlib import Path

import pytest

from tests.guard.box import PATIENCE_S, ROOT
from tests.interop.network import Program, Wire

pytestmark = [pytest.mark.real_time, pytest.mark.slow, pytest.mark.needs_netns,
              pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("ip") or not shutil.which("ethtool"), reason="needs root, ip and ethtool")]
PORT = 8089          # in a namespace of its own


def box(end, role, folder, live: str = "enabled: false"):
    config = folder / f"{role}.yaml"
    config.write_text(f"slac:\n  assume_link: true\nlive: {{{live}, port: {PORT}}}\n")
    return Program(end, [sys.executable, "main.py", role, "--simulate-io", "--interface", end.interface, "--config", str(config)], folder / f"{role}.log", ROOT)


def client(end, command, folder):
    return Program(end, [sys.executable, "-m", "tests.live.client", str(PORT), command], folder / f"client-{command}.log", ROOT)


def viewer_of(program) -> int:
    """The process that serves the page: the child of the shell that keeps it."""
    pid = program.process.pid
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        if "live-keeper" in Path(f"/proc/{child}/cmdline").read_text():
            return int(Path(f"/proc/{child}/task/{child}/children").read_text().split()[0])
    raise AssertionError("there is no viewer")


class Charging:
    """A context manager: a charger and a car with a live view, over a wire."""

    def __init__(self, wire: Wire, folder: Path) -> None:
        self.evse = box(wire.evse, "evse", folder)
        self.programs = [self.evse]
        try:
            assert self.evse.wait_for_text("stands by", PATIENCE_S), self.evse.text()
            self.car = box(wire.pev, "pev", folder, "enabled: true")
            self.programs.insert(0, self.car)
            assert self.car.wait_for_text("live view: serves", PATIENCE_S), self.car.text()
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self) -> Charging:
        return self

    def __exit__(self, *_: object) -> None:
        for program in self.programs:
            program.end()


def test_a_page_sees_a_real_box_charge_and_stops_it_and_leaves_with_it(tmp_path):
    with Wire(pev_kernel_ipv6=False, evse_kernel_ipv6=False) as wire, Charging(wire, tmp_path) as boxes:
        page = client(wire.pev, "stop", tmp_path)
        boxes.programs.insert(0, page)
        assert page.wait_for_text("stop 202", 3 * PATIENCE_S), page.text() + boxes.car.text()
        assert "charging " in page.text()
        assert boxes.car.wait_for_text("stop asked for by the live view (127.0.0.1)", PATIENCE_S), boxes.car.text()
        assert boxes.car.wait_for_text("session ended: Stopped by user", PATIENCE_S), boxes.car.text()
        viewer = viewer_of(boxes.car)
        end = os.pidfd_open(viewer)
        boxes.car.process.send_signal(signal.SIGTERM)
        assert boxes.car.wait(2 * PATIENCE_S) == 0, boxes.car.text()
        assert select.select([end], (), (), PATIENCE_S)[0], "the viewer leaves with the box"
        os.close(end)
        assert "raised" not in boxes.car.text() and "tripped" not in boxes.car.text()


def until(program, words: str, times: int) -> None:
    """These words come so many times more."""
    already = program.text().count(words)
    while program.text().count(words) < already + times:
        assert program.poll() is None, program.text()


def test_a_viewer_killed_or_held_in_the_middle_of_a_charge_is_not_noticed_by_the_box(tmp_path):
    with Wire(pev_kernel_ipv6=False, evse_kernel_ipv6=False) as wire, Charging(wire, tmp_path) as boxes:
        page = client(wire.pev, "look", tmp_path)
        boxes.programs.insert(0, page)
        assert page.wait_for_text("charging ", 3 * PATIENCE_S), page.text() + boxes.car.text()
        first = viewer_of(boxes.car)
        assert os.sched_getscheduler(first) == os.SCHED_OTHER and Path(f"/proc/{first}/status").read_text().count("VmLck:\t       0 kB") == 1
        os.kill(first, signal.SIGKILL)
        text = boxes.car.text()
        end = len(text)
        while "live view: serves" not in boxes.car.text()[end:]:
            assert boxes.car.poll() is None and "CurrentDemand -> " not in boxes.car.text()[end:], boxes.car.text()
        second = viewer_of(boxes.car)
        assert second != first
        os.kill(second, signal.SIGSTOP)                         # held: its socket fills up, and the box goes on
        until(boxes.car, "ticks ", 3)                           # the report of each 10 s: its queue of 200 kB is full after 20
        assert "CurrentDemand -> " not in boxes.car.text()[end:]
        boxes.car.process.send_signal(signal.SIGTERM)
        assert boxes.car.wait(2 * PATIENCE_S) == 0, boxes.car.text()
        os.kill(second, signal.SIGCONT)
        assert "raised" not in boxes.car.text()
