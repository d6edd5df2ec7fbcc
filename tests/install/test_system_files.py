"""What is installed beside the program: the units as systemd reads them, the start script, every shell file as shellcheck reads it."""
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tasks.command_line import parse
from tests.architecture.source import ROOT, tracked

SYSTEM = ROOT / "install/system"
SCORE = 3.0              # of `systemd-analyze security`, the bound; it was 2.5 with systemd 252
needs_systemd = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed (Debian: systemd)")


def setting(unit, key):
    return re.findall(rf"^{key}=(.*)$", (SYSTEM / unit).read_text(), re.M)


@needs_systemd
def test_systemd_understands_the_units(tmp_path):
    """Programs that the installation brings are stood in for; nothing else may be said."""
    for path in SYSTEM.glob("*.service"):
        text = path.read_text().replace("/opt/ccsbox/current/install/system/", f"{SYSTEM}/")
        (tmp_path / path.name).write_text(text)
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", *sorted(map(str, tmp_path.iterdir()))], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stderr == ""


@needs_systemd
def test_security_score():
    done = subprocess.run(["systemd-analyze", "security", "--no-pager", "--offline=true", str(SYSTEM / "ccsbox.service")], capture_output=True, text=True, check=False)
    found = re.search(r"Overall exposure level for ccsbox.service: ([\d.]+)", done.stdout)
    if found is None:
        pytest.skip(f"this systemd-analyze knows no --offline: {done.stderr.strip()}")
    assert float(found[1]) <= SCORE, done.stdout
    print(f"security score {found[1]}")


def test_the_service_has_exactly_what_it_needs():
    assert setting("ccsbox.service", "AmbientCapabilities") == setting("ccsbox.service", "CapabilityBoundingSet") == ["CAP_NET_RAW"]
    assert setting("ccsbox.service", "User") == ["ccsbox"] and setting("ccsbox.service", "NotifyAccess") == ["main"]
    assert setting("ccsbox.service", "KillMode") == [], "the default, control-group: the guard hears SIGTERM and finishes (tools/appliance/README.md)"
    assert setting("ccsbox.service", "WatchdogSignal") == [], "the default, SIGABRT, which the guard answers as well (tests/guard)"
    assert int(setting("ccsbox.service", "LimitRTPRIO")[0]) == 41, "the guard's priority: kernel.realtime.PRIORITY + 1"
    groups = set(setting("ccsbox.service", "SupplementaryGroups")[0].split())
    made = set(re.findall(r"^m ccsbox (\w+)$", (SYSTEM / "ccsbox.sysusers").read_text(), re.M))
    assert groups == made, "a group that is missing keeps the service from starting"


def test_ip_may_give_its_capabilities_away():
    """Without it ip(8) of a user that is not root ends with 1 and says nothing: drop_cap() in iproute2's lib/utils.c. capset is one of @privileged."""
    filters = setting("ccsbox.service", "SystemCallFilter")
    assert filters.index("capset") > filters.index("~@privileged") and setting("ccsbox.service", "NoNewPrivileges") == ["yes"]


def test_the_priority_fits_the_program():
    from kernel.realtime import PRIORITY
    assert int(setting("ccsbox.service", "LimitRTPRIO")[0]) == PRIORITY + 1


def stand_ins(folder: Path, **programs: str) -> str:
    """PATH with these shell lines in the place of programs."""
    folder.mkdir()
    for name, text in programs.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


class Stage:
    """A release with a Python that says how it was called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "venv/bin").mkdir(parents=True)
        (folder / "venv/bin/python").write_text('#!/bin/sh\nshift\necho "$*"\nexit "${PYTHON_EXIT:-0}"\n')
        (folder / "venv/bin/python").chmod(0o755)
        (folder / "install/system").mkdir(parents=True)
        (folder / "tools/doctor").mkdir(parents=True)
        for name in ("run-box.sh", "explain-failure.sh"):
            shutil.copy(SYSTEM / name, folder / "install/system" / name)
        self.config = folder / "config.yaml"

    def call(self, script: str, *words: str, **environment: str) -> subprocess.CompletedProcess:
        return subprocess.run([self.folder / "install/system" / script, *words], env={"PATH": os.environ["PATH"], "CCSBOX_CONFIG": str(self.config)} | environment,
                              capture_output=True, text=True, check=False)


@pytest.mark.parametrize("config, words", [
    ("mode: pev\nboard: simulated\n", " --simulate-io"), ("mode: evse  # a\nboard: 'simulated'\n", " --simulate-io"), ("mode: pev\n", " --simulate-io"),
    ("board: raspberry_pi\n", ""), ('mode: bridge\nboard: "beaglebone" # simulated\n', ""),
    ("mode: listen\nboard: simulated\n", " --output /state/listen"), ('board: dieter\nmode: "listen"\n', " --output /state/listen")])
def test_what_the_configuration_means_for_the_command_line(tmp_path, config, words):
    stage = Stage(tmp_path)
    stage.config.write_text(config)
    done = stage.call("run-box.sh", STATE_DIRECTORY="/state")
    assert done.returncode == 0 and done.stdout == f"--config {stage.config}{words}\n", done.stderr


def test_a_missing_configuration_is_for_the_program_to_tell(tmp_path):
    stage = Stage(tmp_path)
    assert stage.call("run-box.sh").stdout == f"--config {stage.config} --simulate-io\n"


@pytest.mark.parametrize("there", [True, False])
def test_a_data_folder_that_was_taken_away_is_made_again(tmp_path, there):
    """The doctor's remedy. What is written is stood in for; only what is missing counts as a change."""
    if there:
        (tmp_path / "var/lib/ccsbox").mkdir(parents=True)
    stood_in = "".join(f"{name}() {{ :; }}\n" for name in ("put_file", "put_text", "put_link", "own", "wait_for", "was_ours", "interface_unit", "stop_after", "tell"))
    text = (f". {ROOT}/install/lib/say.sh\n. {ROOT}/install/lib/system.sh\n{stood_in}set -eu\nlive=1 root={tmp_path} pass=plan dry_run=1 source=x interrupted= switched_off=\n"
            "chosen_interface=eth1 chosen_mode=listen chosen_board=simulated chosen_can= DEVICES_DROPIN=x\nfiles_step\necho changes $changes\n")
    done = subprocess.run(["sh", "-c", text], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and f"changes {int(not there)}" in done.stdout, done.stdout + done.stderr
    assert there or "would: /var/lib/ccsbox" in done.stdout
    assert re.search(r"^d /var/lib/ccsbox 0750 ccsbox ccsbox", (SYSTEM / "ccsbox.tmpfiles").read_text(), re.M), "which service_step asks for"


@pytest.mark.parametrize("words, config", [(["pev", "--once"], None), (["--print-config"], None), (["--config", "FILE"], "FILE"), (["listen", "--config=FILE"], "FILE")])
def test_the_command_of_the_box_uses_its_configuration(tmp_path, words, config):
    script = tmp_path / "ccsbox"
    script.write_text((SYSTEM / "ccsbox").read_text().replace("/opt/ccsbox/current", str(tmp_path / "current")))
    Stage(tmp_path / "current")
    environment = {"PATH": os.environ["PATH"], "CCSBOX_CONFIG": str(tmp_path / "box.yaml")}
    done = subprocess.run(["sh", script, *words], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["--config", str(tmp_path / "box.yaml"), *words]
    assert parse(done.stdout.split()).config == (config or str(tmp_path / "box.yaml"))
    assert "/etc/ccsbox/config.yaml" in script.read_text(), "where the installer puts it"


@pytest.mark.parametrize("config, words", [("board: simulated\n", " --simulate-io"), ("board: raspberry_pi\n", ""), ("mode: listen\n", "")])
def test_the_doctor_looks_at_the_box_that_the_service_starts(tmp_path, config, words):
    stage = Stage(tmp_path)
    stage.config.write_text(config)
    done = stage.call("run-box.sh", "doctor", "--json")
    assert done.returncode == 0 and done.stdout == f"doctor --config {stage.config}{words} --json\n", done.stderr


@pytest.mark.parametrize("result, status, asked", [("exit-code", "3", True), ("exit-code", "2", True), ("exit-code", "1", False), ("success", "0", False),
                                                   ("watchdog", "ABRT", False), ("signal", "KILL", False)])
def test_the_doctor_is_asked_only_when_the_box_could_not_start(tmp_path, result, status, asked):
    stage, path = Stage(tmp_path), stand_ins(tmp_path / "programs", id="echo 1000")
    done = stage.call("explain-failure.sh", SERVICE_RESULT=result, EXIT_STATUS=status, PATH=path)
    assert done.returncode == 0 and (done.stdout == f"doctor --config {stage.config} --simulate-io --oled\n") is asked
    assert "doctor: exit code 1" in stage.call("explain-failure.sh", SERVICE_RESULT="exit-code", EXIT_STATUS="3", PYTHON_EXIT="1", PATH=path).stdout


def test_the_doctor_of_a_box_that_could_not_start_has_the_rights_of_the_service(tmp_path):
    """The script has all rights: only so a stop in order is not held up by it."""
    assert setting("ccsbox.service", "ExecStopPost")[0].startswith("+/")
    stage, programs = Stage(tmp_path), tmp_path / "programs"
    path = stand_ins(programs, id="echo 0", prlimit='echo "$*" > "$0.asked"', setpriv='echo "$*" > "$0.asked"; while [ "$1" != -- ]; do shift; done; shift; exec "$@"')
    done = stage.call("explain-failure.sh", SERVICE_RESULT="exit-code", EXIT_STATUS="3", PATH=path)
    assert done.stdout == f"doctor --config {stage.config} --simulate-io --oled\n", done.stderr
    asked = dict(word.removeprefix("--").split("=", 1) for word in (programs / "setpriv.asked").read_text().split(" -- ")[0].split() if "=" in word)
    capabilities = "+" + setting("ccsbox.service", "CapabilityBoundingSet")[0].removeprefix("CAP_").lower()
    assert asked == {"reuid": setting("ccsbox.service", "User")[0], "regid": setting("ccsbox.service", "Group")[0], "groups": ",".join(setting("ccsbox.service", "SupplementaryGroups")[0].split()),
                     "inh-caps": capabilities, "ambient-caps": capabilities, "bounding-set": f"-all,{capabilities}"}
    limits = {name: setting("ccsbox.service", f"Limit{name.upper()}")[0].replace("infinity", "unlimited") for name in ("rtprio", "memlock", "core")}
    assert (programs / "prlimit.asked").read_text().split()[2:] == [f"--{name}={limit}" for name, limit in limits.items()], "systemd sets none for it"
    assert "--no-new-privs" in (programs / "setpriv.asked").read_text() and setting("ccsbox.service", "NoNewPrivileges") == ["yes"]


SHELL = re.compile(r"^#!/bin/sh\n|^# shellcheck shell=sh\n")


def shell_files():
    return [name for name in tracked() if not name.endswith((".py", ".md")) and name.split("/")[0] == "install" and SHELL.match((ROOT / name).read_text())]


def test_the_shell_files_are_found():
    assert {"install/install.sh", "install/run.sh", "install/system/ccsbox", "install/lib/say.sh"} <= set(shell_files())


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="shellcheck is not installed (Debian: shellcheck)")
def test_shellcheck_has_nothing_to_say():
    """Parts that are sourced are read with the script that sources them, where their variables are known."""
    scripts = [name for name in shell_files() if (ROOT / name).read_text().startswith("#!")]
    sourced = {name for script in scripts for name in re.findall(r"^# shellcheck source=(.*)$", (ROOT / script).read_text(), re.M)}
    assert sourced == set(shell_files()) - set(scripts), "a part that nobody names would never be read"
    done = subprocess.run(["shellcheck", "-a", "-x", *scripts], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
