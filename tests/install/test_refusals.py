"""What install.sh refuses: before anything is changed, everything at once, each with its remedy."""
import os
import shutil
import subprocess

import pytest

from tests.install.box import OS_RELEASE, ROOT, Installation, tree

needs_mount = pytest.mark.skipif(os.geteuid() != 0 or subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode != 0,
                                 reason="needs root and the right to mount")


@pytest.fixture
def box(tmp_path, wheels):
    return Installation(tmp_path / "root", wheels)


def command(folder, name, text):
    """A command of ours before all others in PATH."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("#!/bin/sh\n" + text)
    (folder / name).chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


def refused(box, done, *words):
    assert done.returncode == 3, done.stdout + done.stderr
    assert "nothing was changed" in done.stderr
    for word in words:
        assert word in done.stderr, done.stderr
    assert sorted(tree(box.root)) == ["etc", "etc/os-release"]


def test_wrong_processor(box, tmp_path):
    refused(box, box.install(**command(tmp_path / "bin", "uname", '[ "$1" = -m ] && echo riscv64 || echo Linux\n')), "the processor is riscv64", "Raspberry Pi")


def test_another_system(box, tmp_path):
    refused(box, box.install(**command(tmp_path / "bin", "uname", '[ "$1" = -m ] && echo x86_64 || echo FreeBSD\n')), "FreeBSD, not Linux")


def test_old_python(box, tmp_path):
    command(tmp_path / "bin", "python3.9", 'case $1 in --version) echo Python 3.9.2 ;; *) exit 1 ;; esac\n')
    refused(box, box.install(PYTHON=str(tmp_path / "bin/python3.9")), "Python 3.11 or newer, found: Python 3.9.2")


@pytest.mark.parametrize("text, words", [('ID=ubuntu\nVERSION_ID="24.04"\nPRETTY_NAME="Ubuntu 24.04"\n', "Ubuntu 24.04"), (OS_RELEASE.replace("12", "11"), "(bookworm)")])
def test_another_distribution(box, text, words):
    (box.root / "etc/os-release").write_text(text)
    refused(box, box.install(), words, "--any-distribution")
    assert box.install("--any-distribution", "--dry-run").returncode == 0


def test_no_package_index(tmp_path):
    box = Installation(tmp_path / "root")
    refused(box, box.install(PIP_INDEX_URL="http://127.0.0.1:9/simple"), "http://127.0.0.1:9/simple does not answer", "--offline DIR")


def test_a_folder_without_a_wheel(box, tmp_path, wheels):
    fewer = shutil.copytree(wheels, tmp_path / "fewer")
    for path in fewer.glob("luma*"):
        path.unlink()
    box.wheels = fewer
    refused(box, box.install(), "has no wheel of luma-oled", "make-offline.sh")


def test_interface_missing_and_everything_else_at_once(tmp_path):
    """Not with --root: on this machine, where no such interface is; --dry-run, should one be."""
    box = Installation(tmp_path / "root")
    done = box.run("--dry-run", "--interface", "nonesuch0", "--mode", "bridge", "--any-distribution", PIP_INDEX_URL="http://127.0.0.1:9/simple",
                   **command(tmp_path / "bin", "uname", '[ "$1" = -m ] && echo mips || echo Linux\n'))
    assert done.returncode == 3 and "there is no network interface nonesuch0" in done.stderr and "ip -br link" in done.stderr
    for words in ("the processor is mips", "no CAN interface is named", "does not answer"):
        assert words in done.stderr
    numbers = [line.split(".")[0].strip() for line in done.stderr.splitlines() if line.startswith("  ") and line.strip()[0].isdigit()]
    assert numbers == [str(n + 1) for n in range(len(numbers))] and len(numbers) >= 4


def test_nobody_to_ask(box):
    done = box.run("--root", str(box.root), "--interface", "eth1", "--offline", str(box.wheels))
    assert done.returncode == 3 and "--yes" in done.stderr
    assert sorted(tree(box.root)) == ["etc", "etc/os-release"]


def test_a_file_of_somebody_else(box):
    box.path("/usr/local/bin").mkdir(parents=True)
    box.path("/usr/local/bin/ccsbox").write_text("mine\n")
    done = box.install()
    assert done.returncode == 3 and "/usr/local/bin/ccsbox exists already and is not of this program" in done.stderr
    assert box.path("/usr/local/bin/ccsbox").read_text() == "mine\n" and not box.path("/opt").exists()


@pytest.mark.parametrize("words, problem", [
    (("--mode", "car"), "--mode is pev, evse, bridge or listen"), (("--board", "esp32"), "no board esp32"), (("--interface", "a/b"), "no name of an interface"),
    (("--interface",), "needs a value"), (("--offline", "/nonesuch"), "no folder"), (("--root", "/nonesuch"), "no folder"), (("--purge",), "belong to --uninstall"),
    (("--can-overlay", "a b"), "no device tree overlay"), (("--faster",), "no option --faster")])
def test_command_line(box, words, problem):
    done = box.run(*words)
    assert done.returncode == 2 and problem in done.stderr


def in_small_file_system(tmp_path, size, body):
    """Runs `body` (sh; $root) in a mount namespace where root is a file system of its own."""
    (tmp_path / "small").mkdir()
    return subprocess.run(["unshare", "--mount", "sh", "-euc", f'mount -t tmpfs -o size={size} tmpfs "$root"\n{body}'], capture_output=True, text=True, check=False,
                          env={"PATH": os.environ["PATH"], "root": str(tmp_path / "small"), "PYTHON": shutil.which("python3"), "PIP_CONFIG_FILE": os.devnull})


def call(wheels, *words):
    return " ".join(["sh", str(ROOT / "install/install.sh"), "--root", '"$root"', "--yes", "--any-distribution", "--interface eth1",
                     "--offline", str(wheels), *words])


@needs_mount
def test_full_disk(tmp_path, wheels):
    done = in_small_file_system(tmp_path, "20m", f'{call(wheels)} && exit 1 || code=$?\n[ "$code" = 3 ]\n[ -z "$(ls -A "$root")" ]\n')
    assert done.returncode == 0 and "MB are free" in done.stderr and "MB are needed" in done.stderr, done.stderr


@needs_mount
def test_a_disk_that_fills_up_meanwhile_and_has_room_again(tmp_path, wheels):
    """`df` promises too much: pip meets the end of the disk; with room the next run finishes."""
    path = command(tmp_path / "bin", "df", 'echo "Filesystem 1024-blocks Used Available Capacity Mounted"; echo "tmpfs 9000000 0 9000000 0% /"\n')["PATH"]
    body = (f'PATH={path}\n{call(wheels)} && exit 1 || code=$?\n[ "$code" = 1 ]\n[ ! -e "$root/opt/ccsbox/current" ]\n'
            f'mount -o remount,size=300m "$root"\n{call(wheels)}\n[ -e "$root/opt/ccsbox/current/main.py" ]\n')
    done = in_small_file_system(tmp_path, "12m", body)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Disk full: df -h" in done.stderr and "goes on where it stopped" in done.stderr


@needs_mount
def test_read_only_disk(tmp_path, wheels):
    done = in_small_file_system(tmp_path, "20m", f'mount -o remount,ro "$root"\n{call(wheels)} && exit 1 || code=$?\n[ "$code" = 3 ]\n')
    assert done.returncode == 0 and "is read-only" in done.stderr and "remount,rw" in done.stderr, done.stderr
