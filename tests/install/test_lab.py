"""The lab's boards: what shell scripts are told of them is what they, make-offline.sh and qemu understand."""
import importlib.util
import itertools
import re
import subprocess
import sys

import pytest

from tests.install.box import ROOT

SYSTEMS = ROOT / "install/lab/systems.py"
SPEC = importlib.util.spec_from_file_location("lab_systems", SYSTEMS)
sys.modules["lab_systems"] = systems = importlib.util.module_from_spec(SPEC)     # dataclasses look their module up there
SPEC.loader.exec_module(systems)
BOARDS = [systems.System(*board) for board in itertools.product(systems.PROCESSORS, systems.RELEASES, (False, True)) if board[0] != "amd64" or not board[2]]


def told(board, words):
    """What a shell has in these variables after it was told of the board."""
    script = f'facts=$("$0" "$1" {board}) && eval "$facts" && printf "%s\\n" {words}'
    done = subprocess.run(["sh", "-euc", script, sys.executable, SYSTEMS], capture_output=True, text=True)
    return done.returncode, done.stdout.splitlines(), done.stderr


@pytest.mark.parametrize("board", BOARDS, ids=str)
def test_a_shell_is_told(board):
    code, said, _ = told(board, '"$qemu" "$cross" "$packages" "$compiler" "$linux_source" "$python" $tools_here')
    assert code == 0
    qemu, cross, packages, compiler, source, python, *tools = said
    assert cross.endswith("-") and (compiler.endswith(cross[:-1]) or board.processor.uname == "x86_64"), "the compiler that the kernel's Makefile calls is what image.sh gets"
    assert f"qemu-system-{qemu}" in [pair.split("=")[0] for pair in tools], "what the lab calls is what run.sh sees to"
    assert (board.suite == "trixie") == ("libpcap0.8t64" in packages.split(",")) == (python == "3.13") == source.endswith("6.12")


@pytest.mark.parametrize("board", BOARDS, ids=str)
def test_a_board_is_told_to_the_machine_by_its_words(board):
    assert systems.System.of(str(board).split()) == board


def test_a_raspberry_pi_of_32_bit_has_a_kernel_of_64():
    code, said, _ = told("armhf trixie raspberry", '"$packages" "$bits" "$kernel_arch" "$board_uname" "$qemu" "$qemu_user"')
    assert code == 0 and "linux-image-arm64:arm64" in said[0].split(",") and "python3-pil" in said[0].split(",") and said[1:] == ["64", "arm64", "armv7l", "aarch64", "arm"]


@pytest.mark.parametrize("name", systems.PROCESSORS)
def test_its_wheels_are_among_those_that_make_offline_fetches(name):
    cases = (ROOT / "install/make-offline.sh").read_text().split("case $arch in")[1].split("esac")[0]
    assert systems.PROCESSORS[name].uname in re.findall(r"[a-z]\w+", " ".join(line.partition(")")[0] for line in cases.splitlines()))


@pytest.mark.parametrize("words, sentence", [
    ("mips bookworm", "there is no board with the processor 'mips'; there are amd64, arm64, armhf"),
    ("arm64 sid", "there is no board with Debian 'sid'; there are bookworm, trixie"),
    ("amd64 trixie raspberry", "no Raspberry Pi has the processor 'amd64'; --arch arm64 or armhf"),
])
def test_a_board_that_nobody_described(words, sentence):
    code, said, why = told(words, '"$name"')
    assert code != 0 and not said and why.strip() == sentence
