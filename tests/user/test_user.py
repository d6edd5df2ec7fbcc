"""Keys and process signals ask for the end of the session."""
import os
import sys

from drivers.keyboard import Keyboard
from kernel.channels import Mailbox
from kernel.journal import Journal
from tasks.messages import PauseSession, StartSession, StopSession
from tasks.stop_reasons import StopReason
from tasks.signals import Signals
from tasks.user.task import UserTask


class Typed:
    def __init__(self, *presses):
        self.presses = list(presses)

    def read(self):
        return self.presses.pop(0) if self.presses else ""


def test_space_and_q_stop_and_other_keys_do_not():
    stop = Mailbox("stop", 4)
    task = UserTask(Typed("x", " ", "", "aq"), lambda: False, stop, Signals().power_share, Journal())
    for now in range(4):
        task.run(now)
    assert len(stop) == 2 and stop.get().reason is StopReason.USER_STOP


def test_s_begins_again_unless_a_stop_is_asked_for_as_well():
    wishes = Mailbox("wishes", 4)
    task = UserTask(Typed("s", "S q"), lambda: False, wishes, Signals().power_share, Journal())
    task.run(0)
    assert type(wishes.get()) is StartSession
    task.run(1)
    assert type(wishes.get()) is StopSession and not len(wishes)


def test_p_pauses():
    wishes = Mailbox("wishes", 4)
    task = UserTask(Typed("p", "P"), lambda: False, wishes, Signals().power_share, Journal())
    task.run(0)
    task.run(1)
    assert [type(wishes.get()) for _ in range(2)] == [PauseSession] * 2


def test_minus_and_plus_move_the_share_of_power_within_its_bounds():
    signals, told = Signals(), []
    journal = Journal()
    journal.add_sink(lambda event: told.append(event.message()))
    task = UserTask(Typed("-", "--", "x", "+", "-" * 20, "+" * 30), lambda: False, Mailbox("wishes", 4), signals.power_share, journal)
    assert signals.power_share.get(0) is None
    seen = []
    for now in range(6):
        task.run(now)
        seen.append(signals.power_share.get(now))
    assert seen == [90.0, 70.0, 70.0, 80.0, 10.0, 100.0]
    journal.flush()
    assert len(told) == 5 and "power limited to 90 % by key" in told[0]


def test_a_process_signal_stops_once():
    stop = Mailbox("stop", 4)
    flag = [False]
    task = UserTask(Typed(), lambda: flag[0], stop, Signals().power_share, Journal())
    task.run(0)
    assert len(stop) == 0
    flag[0] = True
    task.run(1)
    task.run(2)
    assert len(stop) == 1
    assert stop.get().leaving


def test_without_a_terminal_no_keys_come():
    with open(os.devnull) as nothing:
        keyboard = Keyboard(nothing)
    assert keyboard.fileno() == -1 and keyboard.read() == ""
    assert sys.stdin is not None


def test_d_turns_the_display_and_stops_nothing():
    wishes, signals = Mailbox("wishes", 4), Signals()
    task = UserTask(Typed("d", "x", "ddD"), lambda: False, wishes, signals.power_share, Journal(), signals.display_keys)
    seen = []
    for now in range(3):
        task.run(now)
        seen.append(signals.display_keys.value)
    assert seen == [(1, 0), (1, 0), (3, 1)] and not len(wishes)
    UserTask(Typed("d"), lambda: False, wishes, Signals().power_share, Journal()).run(0)      # without a display
