"""Real-time rights: what a report says is what the kernel says; each case in its own process, for the switches last."""
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kernel.realtime import Report

pytestmark = pytest.mark.real_time

ROOT = Path(__file__).resolve().parents[2]


def in_a_process(body):
    """Runs Python lines that fill `out`; returns it. The child may give up rights that the test run needs."""
    script = "import gc, json, os, resource, ctypes\nfrom kernel.realtime import *\nout = {}\n" + body + "\nprint(json.dumps(out))\n"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60,
                          env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give rights away")
UNPRIVILEGED = "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"


def test_a_report_reads_as_one_line():
    assert str(Report("SCHED_FIFO priority 40", False, "no right")) == "SCHED_FIFO priority 40: refused (no right)"
    assert str(Report("x", True, "")) == "x: granted"


def test_fifo_says_what_the_kernel_says():
    out = in_a_process("r = fifo(3); out['granted'] = r.granted; out['detail'] = r.detail\n"
                       "out['policy'] = os.sched_getscheduler(0); out['priority'] = os.sched_getparam(0).sched_priority")
    assert out["granted"] == (out["policy"] & ~os.SCHED_RESET_ON_FORK == os.SCHED_FIFO)
    if out["granted"]:
        assert out["priority"] == 3 and out["detail"] == ""
    else:
        assert "LimitRTPRIO=3" in out["detail"]


def test_children_of_a_fifo_process_are_ordinary():
    out = in_a_process("out['granted'] = fifo(3).granted\n"
                       "r, w = os.pipe(); pid = os.fork()\n"
                       "if not pid: os.write(w, str(os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK).encode()); os._exit(0)\n"
                       "os.waitpid(pid, 0); out['child'] = int(os.read(r, 10))")
    assert out["child"] == os.SCHED_OTHER


@needs_root
def test_fifo_without_the_right_is_refused_with_the_remedy():
    out = in_a_process("resource.setrlimit(resource.RLIMIT_RTPRIO, (0, 0))\n" + UNPRIVILEGED +
                       "r = fifo(40); out['r'] = str(r); out['policy'] = os.sched_getscheduler(0)")
    assert out["r"].startswith("SCHED_FIFO priority 40: refused (") and "LimitRTPRIO=40" in out["r"]
    assert out["policy"] == os.SCHED_OTHER


@pytest.mark.parametrize("priority", [0, 100, -1, 1 << 70])
def test_an_impossible_priority_is_refused_not_raised(priority):
    assert in_a_process(f"out['granted'] = fifo({priority}).granted")["granted"] is False


LOCKED = "out['locked'] = [int(l.split()[1]) for l in open('/proc/self/status') if l.startswith('VmLck')][0]"


def test_locked_memory_says_what_the_kernel_says():
    out = in_a_process("r = lock_memory(); out['r'] = str(r); out['granted'] = r.granted\n" + LOCKED)
    assert out["granted"] == (out["locked"] > 0), out


@needs_root
def test_under_a_finite_limit_future_pages_are_not_asked_for_and_a_small_one_is_refused_with_the_remedy():
    out = in_a_process("resource.setrlimit(resource.RLIMIT_MEMLOCK, (4096, 4096))\n" + UNPRIVILEGED + "out['r'] = str(lock_memory())\n" + LOCKED)
    assert out["r"].startswith("mlockall of present pages: refused (") and "LimitMEMLOCK=infinity" in out["r"] and out["locked"] == 0


def test_timer_slack_is_set_and_read_back():
    out = in_a_process("out['r'] = str(timer_slack(1234)); out['now'] = ctypes.CDLL(None).prctl(30, 0, 0, 0, 0)")
    assert out == {"r": "timer slack 1234 ns: granted", "now": 1234}


def test_garbage_collection_is_off_and_what_lives_is_frozen():
    out = in_a_process("a = []; a.append(a); del a\nr = settle_garbage(); out['r'] = str(r); out['on'] = gc.isenabled(); out['frozen'] = gc.get_freeze_count()")
    assert out["on"] is False and out["frozen"] > 1000 and out["r"].startswith("garbage collection off: granted (")


def test_all_steps_report_one_line_each():
    out = in_a_process("out['lines'] = [str(r) for r in go_realtime(2)]")
    assert [line.split(":")[0].split(" of ")[0] for line in out["lines"]] == [
        "garbage collection off", "mlockall", "timer slack 1 ns", "SCHED_FIFO priority 2"]
