"""install.sh below a folder: what it writes is what its manifest says, a second run writes nothing, and removing it leaves nothing."""
import hashlib
import os
import re
import subprocess

import pytest

from tests.install.box import OS_RELEASE, Installation, copy_of_the_program, tree

pytestmark = pytest.mark.slow


def test_every_path_is_in_the_manifest_with_its_digest(finished):
    listed = {path: (kind, value) for kind, value, path in finished.manifest()}
    trees = [path.lstrip("/") for path, (kind, _) in listed.items() if kind == "tree"]
    unlisted = [name for name in tree(finished.root) if "/" + name not in listed and not name.startswith(tuple(f"{path}/" for path in trees))]
    assert sorted(unlisted) == ["etc", "etc/ccsbox/config.yaml", "etc/os-release", "opt/ccsbox/manifest"], "etc and os-release were there before"
    for path, (kind, value) in listed.items():
        if kind == "file":
            assert hashlib.sha256(finished.path(path).read_bytes()).hexdigest() == value, path
        elif kind == "tree":
            assert hashlib.sha256((finished.path(path) / "SHA256SUMS").read_bytes()).hexdigest() == value, path
            subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=finished.path(path), check=True)
        elif kind == "link":
            assert os.readlink(finished.path(path)) == value


def test_the_program_is_compiled_and_starts_from_there(finished):
    release = finished.path("/opt/ccsbox/current")
    sources = [path for room in ("kernel", "tasks", "drivers", "exi_native", "tools") for path in (release / room).rglob("*.py")]
    compiled = {str(path.parent.parent / path.name.split(".")[0]) for path in release.rglob("*.pyc")}
    assert len(sources) > 300 and [str(path) for path in sources if str(path.with_suffix("")) not in compiled] == []
    for path in (release / "kernel/__pycache__").glob("*.pyc"):
        assert path.read_bytes()[4] == 1, "checked hash based: the flag says whether the source is looked at (PEP 552)"
    done = subprocess.run([release / "venv/bin/python", release / "main.py", "--config", finished.path("/etc/ccsbox/config.yaml"), "--print-config"],
                          capture_output=True, text=True, check=True)
    assert re.search(r'^interface: "?eth1\b', done.stdout, re.M) and "/var/lib/ccsbox/learned.json" in done.stdout


def test_a_second_run_changes_nothing(installed):
    before = tree(installed.root, times=True)
    done = installed.install()
    assert done.returncode == 0 and "everything is as it should be" in done.stdout
    assert tree(installed.root, times=True) == before
    assert installed.run("--root", str(installed.root)).returncode == 0, "nothing to do: nobody is asked, no package is looked for"


def test_removed_it_leaves_the_configuration_and_with_purge_nothing(installed):
    assert installed.uninstall().returncode == 0
    assert sorted(tree(installed.root)) == ["etc", "etc/ccsbox", "etc/ccsbox/config.yaml", "etc/os-release"]
    assert installed.uninstall().returncode == 0, "not installed: nothing to do"
    assert installed.uninstall("--purge").returncode == 0
    assert sorted(tree(installed.root)) == ["etc", "etc/os-release"]


def test_with_purge_also_the_folders_that_were_made_for_it_go(installed):
    manifest = installed.path("/opt/ccsbox/manifest")
    manifest.write_text(manifest.read_text() + "dir\t-\t/etc\n")       # as where the folder of --root was empty
    installed.path("/etc/os-release").unlink()
    assert installed.uninstall("--purge").returncode == 0 and sorted(tree(installed.root)) == []


def test_without_a_terminal_it_is_not_removed_and_says_what_to_do(installed):
    before = tree(installed.root)
    done = installed.run("--root", str(installed.root), "--uninstall")
    assert done.returncode == 3 and "--yes" in done.stderr and "failed" not in done.stderr and tree(installed.root) == before


def test_it_says_what_it_does_below_a_folder(installed):
    done = installed.install("--mode", "bridge", "--board", "raspberry_pi", "--can", "can0")
    assert "config.yaml: mode: bridge; board: raspberry_pi\n" in done.stdout
    assert "nothing is started here" in done.stdout and "started now" not in done.stdout and "not asked here" in done.stdout
    done = installed.install("--mode", "pev", "--dry-run")
    assert "would be switched on" in done.stdout


def test_what_others_have_put_there_stays(installed):
    ours = "/etc/systemd/system/ccsbox.service.d"
    installed.path(ours + "/override.conf").write_text("[Service]\nNice=1\n")
    done = installed.uninstall("--purge")
    assert done.returncode == 0 and f"{ours} stays" not in done.stdout
    assert installed.path(ours + "/override.conf").exists()


def test_what_was_removed_by_hand_comes_back(installed):
    before = installed.settled()
    installed.path("/usr/local/bin/ccsbox").unlink()
    installed.path("/etc/systemd/system/ccsbox.service").write_text("[Unit]\n")
    done = installed.install()
    assert done.returncode == 0 and "/usr/local/bin/ccsbox" in done.stdout
    assert installed.settled() == before


def test_switched_off_it_stays_so(installed):
    enabled = installed.path("/etc/systemd/system/multi-user.target.wants/ccsbox.service")
    enabled.unlink()
    assert installed.install("--mode", "evse").returncode == 0
    assert not enabled.is_symlink()


def test_options_set_their_keys_and_leave_the_rest(installed):
    config = installed.path("/etc/ccsbox/config.yaml")
    config.write_text("mode: pev   # mine\ninterface: eth1\nev:\n  max_current_a: 80.0  # my cable\n")
    assert installed.install("--mode", "evse", "--can", "can0").returncode == 0
    assert config.read_text() == "mode: evse   # mine\ninterface: eth1\nev:\n  max_current_a: 80.0  # my cable\n"
    assert installed.path("/etc/systemd/system/sys-subsystem-net-devices-can0.device.wants/ccsbox-can@can0.service").is_symlink()
    assert "ccsbox-can@can0.service" in installed.path("/etc/systemd/system/ccsbox.service.d/10-devices.conf").read_text()


def test_another_interface_takes_the_place_of_the_first(installed):
    assert installed.run("--root", str(installed.root), "--yes", "--interface", "eth-2").returncode == 0
    names = [path for path in tree(installed.root) if "eth" in path and "opt/" not in path]
    assert not [name for name in names if "eth1" in name] and "etc/sysctl.d/60-ccsbox-eth-2.conf" in names
    assert r"sys-subsystem-net-devices-eth\x2d2.device" in installed.path("/etc/systemd/system/ccsbox.service.d/10-devices.conf").read_text()


@pytest.mark.parametrize("before", ["arm_64bit=1\n[pi4]\ngpu_mem=16\n", "arm_64bit=1", "", "# >>> somebody else\na=1\n\n"], ids=["lines", "no-newline", "empty", "blank"])
def test_firmware_settings_of_a_raspberry_pi_are_one_block(tmp_path, finished, before):
    box = finished.copy(tmp_path / "root")
    box.path("/boot/firmware").mkdir(parents=True)
    firmware = box.path("/boot/firmware/config.txt")
    firmware.write_text(before)
    assert box.install("--can-overlay", "mcp2515-can0,oscillator=12000000,interrupt=25").returncode == 0
    text = firmware.read_text()
    assert text.startswith(before) and "[all]\ndtparam=i2c_arm=on,i2c_arm_baudrate=400000\ndtparam=spi=on\ndtoverlay=mcp2515-can0," in text
    assert "everything is as it should be" in box.install().stdout and firmware.read_text() == text
    assert box.uninstall().returncode == 0 and firmware.read_text() == before


def test_a_new_release_keeps_configuration_and_the_old_release(tmp_path, installed):
    config = installed.path("/etc/ccsbox/config.yaml")
    config.write_text(config.read_text() + "ev:\n  max_current_a: 32.0\n")
    kept, old = config.read_text(), installed.in_force()
    source = copy_of_the_program(tmp_path / "newer")
    shipped = (source / "config.yaml").read_text()
    (source / "config.yaml").write_text(shipped.replace("\nslac:\n", "\nslac:\n  brand_new: 1  # a number\n", 1) + "\nnewer:\n  one: 1\n  two: 2\n")
    newer = Installation(installed.root, installed.wheels, source)
    done = newer.install()
    assert done.returncode == 0, done.stderr
    assert config.read_text() == kept and "explained in /etc/ccsbox/config.yaml.new: slac.brand_new newer \n" in done.stdout
    assert newer.path("/etc/ccsbox/config.yaml.new").read_text() == (source / "config.yaml").read_text()
    assert newer.in_force() != old and os.path.basename(os.readlink(newer.path("/opt/ccsbox/previous"))) == old
    assert len(list(newer.path("/opt/ccsbox").glob("venv-*"))) == 1, "equal requirements, the same environment"
    assert "everything is as it should be" in newer.install().stdout

    (source / "README.md").write_text("the third\n")
    assert newer.install().returncode == 0
    releases = {path.name for path in newer.path("/opt/ccsbox/releases").iterdir()}
    assert old not in releases and len(releases) == 2, "the one in force and the one before"
    assert not newer.path("/etc/ccsbox/config.yaml.new").exists(), "the third has no new settings"

    now = newer.in_force()
    assert newer.run("--root", str(newer.root), "--back").returncode == 0
    assert newer.in_force() != now and {newer.in_force(), now} == releases
    assert newer.uninstall("--purge").returncode == 0 and sorted(tree(newer.root)) == ["etc", "etc/os-release"]


def test_a_release_that_refuses_the_configuration_does_not_come_into_force(tmp_path, installed):
    config = installed.path("/etc/ccsbox/config.yaml")
    config.write_text(config.read_text() + "gone_since: 1\n")
    old = installed.in_force()
    source = copy_of_the_program(tmp_path / "newer")
    (source / "README.md").write_text("newer\n")
    newer = Installation(installed.root, installed.wheels, source)
    done = newer.install()
    assert done.returncode == 1 and "gone_since" in done.stderr and "the step 'configuration' failed" in done.stderr
    assert newer.in_force() == old
    config.write_text(config.read_text().replace("gone_since: 1\n", ""))
    assert newer.install().returncode == 0 and newer.in_force() != old


def test_a_look_beforehand_changes_nothing(tmp_path, wheels):
    box = Installation(tmp_path / "root", wheels)
    done = box.install("--dry-run")
    assert done.returncode == 0 and "would: /etc/systemd/system/ccsbox.service" in done.stdout and "Nothing was changed" in done.stdout
    assert sorted(tree(box.root)) == ["etc", "etc/os-release"] and (box.root / "etc/os-release").read_text() == OS_RELEASE
