"""The lab's table of processors: what shell scripts are told of it is what they, make-offline.sh and qemu understand."""
import importlib.util
import re
import subprocess
import sys

import pytest

from tests.install.box import ROOT

MACHINE = ROOT / "install/lab/machine.py"
SPEC = importlib.util.spec_from_file_location("lab_machine", MACHINE)
sys.modules["lab_machine"] = machine = importlib.util.module_from_spec(SPEC)     # dataclasses look their module up there
SPEC.loader.exec_module(machine)
ARCHES = machine.ARCHES


def told(name, words):
    """What a shell has in these variables after it was told of the processor."""
    script = f'facts=$("$0" "$1" {name}) && eval "$facts" && printf "%s\\n" {words}'
    done = subprocess.run(["sh", "-euc", script, sys.executable, MACHINE], capture_output=True, text=True)
    return done.returncode, done.stdout.splitlines(), done.stderr


@pytest.mark.parametrize("name", ARCHES)
def test_a_shell_is_told(name):
    code, said, _ = told(name, '"$qemu" "$cross" "$kernel_package" $arch_packages')
    assert code == 0
    qemu, cross, kernel, *packages = said
    assert "-linux-gnu" in cross and cross.endswith("-") and kernel.startswith("linux-image-")
    commands = [pair.split("=")[0] for pair in packages]
    assert f"qemu-system-{qemu}" in commands and f"{cross}gcc-12" in commands, "what the lab calls is what run.sh sees to"


@pytest.mark.parametrize("name", ARCHES)
def test_its_wheels_are_among_those_that_make_offline_fetches(name):
    cases = (ROOT / "install/make-offline.sh").read_text().split("case $arch in")[1].split("esac")[0]
    assert ARCHES[name].uname in re.findall(r"[a-z]\w+", " ".join(line.partition(")")[0] for line in cases.splitlines()))


def test_a_processor_that_nobody_described():
    code, said, why = told("mips", '"$uname"')
    assert code != 0 and not said and why.strip() == "there is no board with the processor 'mips'; there are amd64, arm64, armhf"
