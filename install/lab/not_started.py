"""A box that cannot start: the doctor says why, with the rights of the service, in the journal and on the display; mended, it comes up by itself."""
from __future__ import annotations

from pathlib import Path

from charge import picture
from machine import Machine

CONFIG = "/etc/ccsbox/config.yaml"
LIMIT_S = 60.0                   # of the board's clock
PANEL = "/sys/kernel/debug/board-bus/panel"
TOLD = "journalctl -u ccsbox -b -o cat --since=-{since:.0f}s | grep -A 40 '^fail  interface'"
RIGHTS = {"rights", "real"}      # lines "rights" and "real time": what the doctor has to be granted as the box is
SHOWN = "The display shows the first failing line."


def not_started(machine: Machine, report, folder: Path) -> None:
    """With an interface that there is not."""
    machine.must(f"cp -p {CONFIG} /run/lab/whole.yaml")
    before, began = machine.get(PANEL), machine.clock
    machine.must(f"sed -i 's/^interface: .*/interface: eth9/' {CONFIG} && systemctl restart --no-block ccsbox")
    told = machine.until(TOLD.format(since=LIMIT_S) + f" | grep -B 40 -m 1 '{SHOWN}'", LIMIT_S, "the doctor says why the box does not start").splitlines()
    after = machine.clock
    memory = machine.get(PANEL)
    picture(memory).save(folder / "not-started.png")
    lost = RIGHTS - {line.split()[1] for line in told if line.startswith("ok ")}
    report.say(not lost and memory != before, "a box that cannot start says why", f"after {after - began:.0f} s: {told[0]}; {folder / 'not-started.png'}"
               + (f"; the doctor has not what the service has: {', '.join(sorted(lost))}" if lost else ""))
    machine.must(f"cp -p /run/lab/whole.yaml {CONFIG}")
    machine.until("systemctl is-active --quiet ccsbox", LIMIT_S, "the mended box comes up by itself")
    report.say(True, "mended, it came up by itself")
