"""What stands outside the box: our own charger in a network namespace of the emulated board, at the far end of the modem's cable."""
from __future__ import annotations

from machine import LabError, Machine

SETTINGS = """\
modem_emulator:
  enabled: true
"""
LOG, CONFIG = "/run/lab/charger.log", "/run/lab/charger.yaml"
COMMAND = ("systemd-run --quiet --unit=lab-charger --property=StandardOutput=append:{log} --property=StandardError=append:{log} --working-directory=/opt/ccsbox/current "
           "ip netns exec street {program}/venv/bin/python {program}/main.py evse --simulate-io --interface street0 --config {config}")


class Street:
    """The charger. `charge.py` watches what it says."""

    def __init__(self, machine: Machine, program: str = "/opt/ccsbox/current") -> None:
        self.machine, self.program = machine, program

    def begin(self) -> None:
        self.machine.put(CONFIG, SETTINGS.encode())
        self.machine.must(f"rm -f {LOG}")            # of the charge before
        self.machine.must(COMMAND.format(log=LOG, program=self.program, config=CONFIG))

    def end(self) -> None:
        """LabError when the charger did not end well."""
        self.machine.run("systemctl stop lab-charger")
        if self.machine.run("systemctl is-failed --quiet lab-charger")[0] == 0:
            state = self.machine.run("systemctl status --no-pager --lines=0 lab-charger; systemctl reset-failed lab-charger")[1]
            raise LabError(f"the charger did not end well:\n{state}\n{self.said()[-1500:]}")

    def said(self) -> str:
        return self.machine.run(f"cat {LOG}")[1]

    def until_said(self, words: str, limit: float) -> None:
        """LabError with its last words when it does not say so within `limit` s."""
        try:
            self.machine.until(f"grep -q -F '{words}' {LOG}", limit, words)
        except LabError as late:
            raise LabError(f"the charger did not say {words!r} within {limit:g} s:\n{self.said()[-1500:]}") from late
