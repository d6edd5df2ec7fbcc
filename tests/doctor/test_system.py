"""Clock, disk, temperature, supply, real-time rights and service: every row ok, warn and fail."""
import errno
import os

import pytest

from tests.doctor.made import BESIDE, Made, levels, only, settings, space
from tools.doctor import system
from tools.doctor.running import Running

SHOW = "systemctl show"


def test_the_clock(tmp_path):
    made = Made(tmp_path)
    assert "not synchronised" in only(system.clock(made.patient())).found
    assert levels(system.clock(made.patient())) == [("clock", "warn")]
    assert levels(system.clock(made.put("/sys/class/rtc/rtc0/name").patient())) == [("clock", "ok")]
    assert only(system.clock(made.put("/run/systemd/timesync/synchronized").patient())).found.endswith(", synchronised")


def test_the_clock_at_the_start_of_the_box_without_a_service_for_it(tmp_path):
    """timedatectl makes folders on the card."""
    made = Made(tmp_path)
    patient = made.patient()
    patient.at_start = True
    made.machine.command = lambda words: pytest.fail(f"{words} was run")
    finding = only(system.clock(patient))
    assert finding.level == "ok" and "until a network tells" in finding.found
    made.put("/run/systemd/timesync/synchronized")
    assert only(system.clock(patient)).found.endswith(", synchronised")


@pytest.mark.parametrize("answer, level", [("yes\n", "ok"), ("no\n", "warn")])
def test_the_clock_by_timedatectl(tmp_path, answer, level):
    assert levels(system.clock(Made(tmp_path).answer("timedatectl", answer).patient())) == [("clock", level)]


@pytest.mark.parametrize("seconds", [0.0, 1_500_000_000.0, 3_200_000_000.0])
def test_a_year_that_cannot_be(tmp_path, seconds):
    made = Made(tmp_path).put("/run/systemd/timesync/synchronized")
    made.machine.seconds = lambda: seconds
    finding = only(system.clock(made.patient()))
    assert finding.level == "warn" and "cannot be" in finding.found


@pytest.mark.parametrize("said, refused, level, word", [
    (space(), None, "ok", "4000 MiB free"), (space(free_mib=300), None, "warn", "300 MiB"), (space(free_mib=20), None, "fail", "20 MiB"),
    (space(inodes=10), None, "fail", "inodes"), (space(read_only=True), OSError(errno.EROFS, "Read-only file system"), "fail", "read-only"),
    (space(), OSError(errno.EROFS, "Read-only file system"), "fail", "read-only"), (space(), OSError(errno.ENOSPC, "No space left"), "fail", "No space left"),
    (space(), OSError(errno.EACCES, "Permission denied"), "warn", "may not write")])
def test_the_disk(tmp_path, said, refused, level, word):
    made = Made(tmp_path, statvfs=lambda path: said, try_file=lambda path: refused).folder("/var/lib/ccsbox")
    finding = only(system.disk(made.patient()))
    assert finding.level == level and word in finding.found


def test_every_data_folder_is_looked_at_and_a_missing_one_is_a_failure(tmp_path):
    config = settings()
    config.peer_log.file, config.bridge.learned_file = "/data/met.csv", "/nowhere/learned"

    def statvfs(path):
        if path.endswith("/data"):
            raise FileNotFoundError(errno.ENOENT, "No such file or directory")
        return space()
    made = Made(tmp_path, statvfs=statvfs, try_file=lambda path: None).folder("/var/lib/ccsbox")
    assert levels(system.disk(made.patient(config))) == [("disk", "ok"), ("disk", "fail")]
    assert levels(system.disk(Made(tmp_path / "other").patient())) == [("disk", "ok")]


@pytest.mark.parametrize("zones, level", [((), "ok"), ((45_000, 51_000), "ok"), ((45_000, 76_000), "warn"), ((86_000,), "fail"), (("nonsense",), "ok")])
def test_the_temperature(tmp_path, zones, level):
    made = Made(tmp_path)
    for n, value in enumerate(zones):
        made.put(f"/sys/class/thermal/thermal_zone{n}/temp", f"{value}\n")
    assert levels(system.temperature(made.patient())) == [("temperature", level)]


@pytest.mark.parametrize("alarm, word, level, told", [
    (None, None, "ok", "does not tell"), ("0", None, "ok", "no undervoltage"), ("1", None, "fail", "now"), ("0", "throttled=0x0", "ok", "since the start"),
    (None, "throttled=0x50005", "fail", "now"), ("0", "throttled=0x50000", "warn", "not now"), ("0", "throttled=0x4", "warn", "slowed"), ("0", "what", "ok",
                                                                                                                                          "no undervoltage")])
def test_the_supply_of_a_raspberry_pi(tmp_path, alarm, word, level, told):
    made = Made(tmp_path).put("/sys/class/hwmon/hwmon0/name", "cpu_thermal\n")
    if alarm is not None:
        made.put("/sys/class/hwmon/hwmon1/name", "rpi_volt\n").put("/sys/class/hwmon/hwmon1/in0_lcrit_alarm", alarm)
    if word is not None:
        made.put("/dev/vcio").answer("vcgencmd get_throttled", word + "\n")
    finding = only(system.undervoltage(made.patient()))
    assert finding.level == level and told in finding.found


def test_real_time_rights_are_tried_when_no_box_runs(tmp_path):
    granted = [("SCHED_FIFO priority 41", True, ""), ("mlockall", True, "")]
    assert levels(system.realtime(Made(tmp_path, try_realtime=lambda: granted).patient())) == [("real time", "ok")]
    refused = Made(tmp_path, try_realtime=lambda: [("SCHED_FIFO priority 41", False, "Operation not permitted"), granted[1]])
    finding = only(system.realtime(refused.patient()))
    assert finding.level == "warn" and "SCHED_FIFO priority 41: refused (Operation not permitted)" in finding.found and "LimitRTPRIO" in finding.remedy
    assert levels(system.realtime(Made(tmp_path).patient(settings(realtime=False)))) == [("real time", "ok")]


def denied(pid):
    raise PermissionError(errno.EPERM, "Operation not permitted")


@pytest.mark.parametrize("scheduler, locked, level, word", [
    (lambda pid: os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, "81920 kB", "ok", "80 MiB"), (lambda pid: os.SCHED_OTHER, "81920 kB", "warn", "no SCHED_FIFO"),
    (lambda pid: os.SCHED_FIFO, "0 kB", "warn", "no locked memory"), (lambda pid: os.SCHED_OTHER, None, "warn", "no SCHED_FIFO and no locked memory"),
    (denied, "0 kB", "warn", "cannot be looked at")])
def test_of_a_running_box_they_are_looked_at_and_not_tried(tmp_path, scheduler, locked, level, word):
    made = Made(tmp_path, scheduler=scheduler)
    if locked is not None:
        made.put("/proc/4711/status", f"Name:\tpython3\nVmLck:\t   {locked}\n")
    finding = only(system.realtime(made.patient(running=BESIDE)))
    assert finding.level == level and word in finding.found


@pytest.mark.parametrize("active, pid, level", [("activating", 4711, "ok"), ("active", 4711, "warn"), ("activating", 99, "warn")])
def test_a_box_that_starts_has_not_asked_for_its_rights_yet(tmp_path, active, pid, level):
    made = Made(tmp_path, scheduler=lambda pid: os.SCHED_OTHER).folder("/run/systemd/system")
    made.answer("systemctl show ccsbox.service", f"ActiveState={active}\nMainPID={pid}\n")
    finding = only(system.realtime(made.patient(running=BESIDE)))
    assert finding.level == level and ("is starting" in finding.found) == (level == "ok")


def test_a_guard_without_its_box_has_no_rights_to_tell(tmp_path):
    assert levels(system.realtime(Made(tmp_path).patient(running=Running(None, True, "a guard")))) == [("real time", "ok")]


def shown(**values):
    return "".join(f"{k}={v}\n" for k, v in ({"LoadState": "loaded", "ActiveState": "active", "Result": "success", "NRestarts": "0",
                                              "UnitFileState": "enabled"} | values).items())


@pytest.mark.parametrize("values, expected", [
    ({}, ["ok"]), ({"NRestarts": "3"}, ["warn"]), ({"ActiveState": "failed", "Result": "exit-code"}, ["fail"]), ({"ActiveState": "inactive"}, ["warn"]),
    ({"UnitFileState": "disabled"}, ["ok", "warn"]), ({"LoadState": "not-found", "ActiveState": "inactive", "UnitFileState": ""}, ["ok"]),
    ({"ActiveState": "activating", "Result": "watchdog"}, ["fail"])])
def test_the_service(tmp_path, values, expected):
    made = Made(tmp_path).folder("/run/systemd/system").answer(SHOW, shown(**values))
    assert [level for _, level in levels(system.service(made.patient()))] == expected


def test_without_systemd_there_is_no_service_and_nothing_is_asked(tmp_path):
    made = Made(tmp_path)
    assert levels(system.service(made.patient())) == [("service", "ok")] and made.asked == []
    made.folder("/run/systemd/system")
    assert "does not answer" in only(system.service(made.patient())).found
