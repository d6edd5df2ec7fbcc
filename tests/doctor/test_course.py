"""The course: bounds of time, a check that raises, the command line with its forms and exit codes, the display."""
import io
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from drivers.errors import DriverError
from tasks.display.picture import PAGES, WIDTH, draw
from tests.architecture.source import ROOT
from tests.doctor.made import ALONE, BESIDE, Made, interface, levels, settings
from tools.doctor import __main__ as program
from tools.doctor import panel
from tools.doctor.course import MAX_LINES, Check, examine
from tools.doctor.findings import Finding, exit_code, fail, ok, warn
from tools.doctor.machine import TOO_SLOW, run_command


def check(name, *findings, limit=1.0):
    return Check(name, lambda patient: iter(findings), limit)


def test_every_check_has_its_turn_in_order(tmp_path):
    found = list(examine([check("a", ok("a", "x"), warn("a", "y", "do this instead")), check("b", fail("b", "z", "do that instead"))],
                         Made(tmp_path).patient()))
    assert levels(found) == [("a", "ok"), ("a", "warn"), ("b", "fail")] and found[2].short == "b fails"


def test_a_check_that_raises_is_a_line_and_the_rest_still_run(tmp_path):
    def broken(patient):
        yield ok("broken", "so far")
        raise ZeroDivisionError("by zero")
    found = list(examine([Check("broken", broken), check("next", ok("next", "x"))], Made(tmp_path).patient()))
    assert levels(found) == [("broken", "ok"), ("broken", "fail"), ("next", "ok")] and "ZeroDivisionError: by zero" in found[1].found


def test_beside_a_box_that_has_just_started_a_late_answer_is_no_fault(tmp_path):
    def late(patient):
        signal.pause()
        yield ok("late", "never said")
    began = time.monotonic()
    finding, = examine([Check("late", late, 0.02)], Made(tmp_path).patient(patience=2.0))
    assert time.monotonic() - began >= 0.04 and finding.level == "warn" and "not known" in finding.found and "ccsbox doctor" in finding.remedy


def test_a_command_that_is_slow_is_told_apart_from_one_that_is_not_there():
    assert run_command(["sleep", "5"], 0.01) == (TOO_SLOW, "") and run_command(["no-such-command"]) is None
    assert run_command(["sh", "-c", "echo why >&2; exit 3"]) == (3, "why\n") and run_command(["echo", "yes"]) == (0, "yes\n")


def test_a_check_that_hangs_is_ended_even_where_it_catches_everything(tmp_path):
    def hangs(patient):
        yield ok("hangs", "before")
        try:
            signal.pause()
        except Exception as error:
            yield ok("hangs", f"caught {error}")
    before = signal.getsignal(signal.SIGALRM)
    found = list(examine([Check("hangs", hangs, 0.01), check("next", ok("next", "x"))], Made(tmp_path).patient()))
    assert levels(found) == [("hangs", "ok"), ("hangs", "fail"), ("next", "ok")] and found[1].short == "hangs hangs"
    assert signal.getsignal(signal.SIGALRM) is before and signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_when_the_time_for_all_is_over_the_rest_is_told_and_not_looked_at(tmp_path):
    made = Made(tmp_path)

    def slow(patient):
        made.machine.clock.spend(61 * 10**9)
        yield ok("slow", "at last")
    found = list(examine([Check("slow", slow), check("next", ok("next", "x"))], made.patient()))
    assert levels(found) == [("slow", "ok"), ("next", "warn")] and "not looked at" in found[1].found


def test_a_flood_of_lines_is_cut(tmp_path):
    def endless(patient):
        while True:
            yield ok("endless", "x")
    assert len(list(examine([Check("endless", endless)], Made(tmp_path).patient()))) == MAX_LINES


def test_exit_codes():
    assert exit_code([ok("a", "x"), warn("a", "y", "z")]) == 0 and exit_code([fail("a", "x", "y")]) == 1
    assert exit_code([fail("a", "x", "y"), fail("configuration", "x", "y")]) == 2


def test_a_line_is_one_line_and_its_json_says_the_same():
    finding = fail("modem", "no\nmodem", "look\n at it", "a short form that is far too long")
    assert finding.line() == "fail  modem          no modem  -> look at it"
    assert Finding(**json.loads(finding.json())) == finding and len(finding.short) == 19


# --- the command line, on a machine where nothing is there

def broken_machine(tmp_path, **calls):
    """Everything refuses; the checks still all run."""
    def refuse(*_):
        raise DriverError("It refuses.", "Nothing to be done.")
    return Made(tmp_path, importable=lambda module: True, installed=lambda package: None, pcap_version=lambda: None, load_codec=refuse,
                open_packet_socket=refuse, open_nic=refuse,
                try_realtime=list, **calls)


def run(made, *words):
    out = io.StringIO()
    return program.main(list(words), made.machine, out), out.getvalue()


def test_all_checks_run_and_each_says_something(tmp_path):
    code, text = run(broken_machine(tmp_path))
    names = {line[6:20].strip() for line in text.splitlines()[:-1]}
    assert code == 1 and {c.name for c in program.CHECKS} - names == set(), text
    assert "fail in" in text.splitlines()[-1] and "Mend what failed" in text


def test_an_invalid_configuration_is_2_and_the_others_run(tmp_path):
    file = tmp_path / "my.yaml"
    file.write_text("interface: eth1\nno_such_key: 1\nnic: {driver: nonsense}\n")
    made = interface(broken_machine(tmp_path))
    code, text = run(made, "--config", str(file))
    assert code == 2 and "no_such_key" in text and "nic.driver" in text and "ok    interface      eth1" in text


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_a_configuration_that_this_user_may_not_read_is_2_and_nothing_else_is_looked_at(tmp_path, monkeypatch, words):
    file = tmp_path / "config.yaml"
    file.write_text("interface: eth1\n")

    def refuse(path):
        raise PermissionError(13, "Permission denied")
    monkeypatch.setattr(type(file), "read_bytes", refuse)
    code, text = run(Made(tmp_path), "--config", str(file), *words)
    first, *rest = text.splitlines()
    assert code == 2 and "this user may not read it" in first and "sudo ccsbox doctor" in first and len(rest) == len(words), text


def test_json_is_a_line_each_and_ends_with_the_exit_code(tmp_path):
    code, text = run(broken_machine(tmp_path), "--json")
    *lines, last = [json.loads(line) for line in text.splitlines()]
    assert last["exit_code"] == code == 1 and {"check", "level", "found", "remedy", "short"} == set(lines[0]) and len(lines) >= len(program.CHECKS)


def test_beside_a_running_box_it_says_so_and_goes_to_the_end_of_the_queue(tmp_path, monkeypatch):
    niced = []
    monkeypatch.setattr(program.os, "nice", niced.append)
    code, text = run(broken_machine(tmp_path, scheduler=lambda pid: os.SCHED_OTHER), "--running")
    assert niced == [19] and text.startswith("The box runs: the box that started this examination.")
    code, text = run(broken_machine(tmp_path), "--json")
    assert niced == [19], "by hand it does not"


def test_the_real_command_on_this_machine(tmp_path):
    """As a user types it, a configuration that is not valid: every check of the real machine ends by itself."""
    file = tmp_path / "my.yaml"
    file.write_text("interface: nosuchif0\nno_such_key: 1\n")
    done = subprocess.run([sys.executable, "main.py", "doctor", "--json", "--config", str(file)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and done.stderr == ""
    *lines, last = [json.loads(line) for line in done.stdout.splitlines()]
    assert last["exit_code"] == 2 and not [line for line in lines if "the check itself failed" in line["found"]]
    assert {c.name for c in program.CHECKS} <= {line["check"] for line in lines}


# --- the display

class Panel:
    """Takes pages; refuses the first `refusals`."""

    def __init__(self, refusals=0):
        self.pages, self.refusals, self.remedy = {}, refusals, "Check its plug."

    def write(self, page, column, data, now):
        self.refusals -= 1
        if self.refusals >= 0:
            return False
        assert column == 0 and len(data) == WIDTH
        self.pages[page] = data
        return True


def shown(tmp_path, findings, screen=None, running=None, controller="ssd1306"):
    config, screen = settings(), screen if screen is not None else Panel()
    config.oled.controller = controller

    def open_oled(settings):
        if isinstance(screen, DriverError):
            raise screen
        return screen
    return panel.show(Made(tmp_path, open_oled=open_oled).patient(config, running=running), findings), screen


FIRST = fail("modem", "no modem answers at eth1", "Supply of the modem? Cable? The right interface?", "modem: no answer")


def test_the_first_failing_line_stands_on_the_display_and_stays(tmp_path):
    said, screen = shown(tmp_path, [ok("a", "x"), warn("b", "y", "z"), FIRST, fail("c", "later", "z")])
    assert said == "The display shows the first failing line."
    assert [screen.pages[n] for n in range(PAGES)] == draw(panel.screen([FIRST])) and not hasattr(screen, "close")
    texts = [row.text for row in panel.screen([FIRST]).rows]
    assert texts[0].startswith("modem: no modem") and any(text.startswith("-> Supply") for text in texts)
    long = fail("board", "a very long story " * 40, "and a very long remedy " * 40)
    assert len(panel.screen([long]).rows) == panel.ROWS and any(row.text.startswith("-> and") for row in panel.screen([long]).rows)
    draw(panel.screen([long]))


def test_the_display_of_a_dead_box_is_free(tmp_path):
    assert shown(tmp_path, [FIRST], running=ALONE)[0] == "The display shows the first failing line."


def test_all_is_well_is_shown_too(tmp_path):
    said, screen = shown(tmp_path, [ok("a", "x"), warn("b", "y", "z")])
    assert said == "The display shows that all is well." and screen.pages[0] != screen.pages[7]


@pytest.mark.parametrize("screen, running, controller, word", [
    (Panel(refusals=99), None, "ssd1306", "Check its plug"), (DriverError("No bus.", "Enable it."), None, "ssd1306", "No bus"), (Panel(), BESIDE, "ssd1306",
                                                                                                                                 "belongs to the running box"),
    (Panel(), None, "none", "No display is configured")])
def test_a_display_that_cannot_be_written_is_told(tmp_path, screen, running, controller, word):
    said, _ = shown(tmp_path, [FIRST], screen, running, controller)
    assert word in said and not getattr(screen, "pages", None)


def test_a_disturbed_transfer_is_repeated(tmp_path):
    said, screen = shown(tmp_path, [FIRST], Panel(refusals=2))
    assert said == "The display shows the first failing line." and len(screen.pages) == PAGES
