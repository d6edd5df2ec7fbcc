"""DevicesTask: turns, fairness, what is told and shown."""
from drivers.adc.ads1x15 import Ads1x15, Ads1x15Config
from kernel.journal import Journal
from kernel.timer import MS, NEVER, S
from tasks.devices.task import LONGEST_REST, NOTICE_TURN, PER_VISIT, TELL_AGAIN, TICK, DevicesTask
from tasks.signals import Signals
from tests.drivers.adc.twins import Ads1x15Twin, FakeSmbus, Now


class Device:
    def __init__(self, name="chip", every=10 * MS):
        self.name, self.every, self.turns, self.fault, self.remedy, self.errors = name, every, [], "", "", 0

    def run(self, now):
        self.turns.append(now)
        return now + self.every if self.every != NEVER else NEVER


def made(*devices):
    signals, journal, lines = Signals(), Journal(), []
    journal.add_sink(lambda e: lines.append((e.at, e.level, e.message())))
    return DevicesTask(devices, signals, journal), signals, journal, lines


def play(task, until, begin=0):
    now = begin
    while now <= until:
        now = max(task.run(now), now + 1)
        now = -(-now // TICK) * TICK
    return now


def test_each_device_gets_its_turn_when_it_wants_one():
    quick, slow, idle = Device(every=10 * MS), Device(every=250 * MS), Device(every=NEVER)
    task, *_ = made(quick, slow, idle)
    play(task, 2 * S)
    assert len(quick.turns) == 201 and len(slow.turns) == 9 and idle.turns == [0, LONGEST_REST, 2 * LONGEST_REST]


def test_no_visit_does_more_than_its_share_and_nobody_starves():
    devices = [Device(str(n), every=1) for n in range(44)]
    task, *_ = made(*devices)
    for visit in range(110):
        before = sum(len(d.turns) for d in devices)
        assert task.run(visit * TICK) <= (visit + 1) * TICK
        assert sum(len(d.turns) for d in devices) - before == PER_VISIT
    assert {len(d.turns) for d in devices} == {40}, "110 visits of 16 turns for 44 devices"


def test_a_device_cannot_make_the_row_spin_nor_sleep_for_ever():
    device = Device(every=-5)
    task, *_ = made(device)
    assert task.run(S) == S + 1
    device.every = NEVER
    assert task.run(2 * S) == 2 * S + LONGEST_REST


def test_a_fault_is_told_with_its_remedy_shown_and_taken_back():
    device = Device("ADS1115 at 0x48 of I2C bus 1")
    task, signals, journal, lines = made(device)
    task.run(0)
    assert signals.device_notice.value == ""
    device.fault, device.remedy = "ADC: no answer", "Check its plug and `i2cdetect -y 1`."
    task.run(10 * MS)
    device.fault = device.remedy = ""
    assert signals.device_notice.value == "ADC: no answer"
    task.run(20 * MS)
    journal.flush()
    assert signals.device_notice.value == ""
    assert lines == [(10 * MS, "warning", "ADS1115 at 0x48 of I2C bus 1: ADC: no answer. Check its plug and `i2cdetect -y 1`."),
                     (20 * MS, "info", "ADS1115 at 0x48 of I2C bus 1: well again")]


def test_a_loose_plug_does_not_fill_the_journal():
    device = Device()
    task, _, journal, lines = made(device)
    for n in range(6000):
        device.fault, device.remedy = ("loose", "Plug.") if n // 5 % 2 else ("", "")
        task.run(n * TICK)
    device.fault = ""
    task.run(TELL_AGAIN + S)
    device.fault = "loose"
    task.run(TELL_AGAIN + 2 * S)
    journal.flush()
    assert [text.split(": ")[1].split(" (")[0] for _, _, text in lines] == ["loose. Plug.", "well again", "loose. Plug."]
    assert "changes before were not told" in lines[-1][2]


def test_several_faults_take_turns_on_the_display():
    one, two = Device("1"), Device("2")
    one.fault, two.fault = "ADC: no answer", "CAN: bus off"
    task, signals, *_ = made(one, two)
    seen = set()
    for n in range(4):
        task.run(n * NOTICE_TURN)
        seen.add(signals.device_notice.value)
    assert seen == {"ADC: no answer", "CAN: bus off"}


def test_the_samples_of_a_full_board_keep_their_age():
    """A car at pins with a display, a broker and a battery by CAN: a round of four channels has to fit into max_age_ms, or the pilot is lost in the middle of a charge."""
    now = Now()
    converter = Ads1x15(Ads1x15Config(channels=["0", "1", "2", "3"]), FakeSmbus(Ads1x15Twin(now)))
    pins, can = [Device(str(n), every=10 * MS) for n in range(7)], [Device("CAN", every=10 * MS), Device("BMS", every=10 * MS)]
    slow = [Device(name, every=ms * MS) for name, ms in (("lines", 100), ("lock", 100), ("voltmeter", 50), ("pilot", 50), ("MQTT", 20), ("second display", 20))]
    task, *_ = made(*pins, converter, *slow, *can)
    oldest = due = 0
    for now.ns in range(TICK, 5 * S, TICK):
        due = task.run(now.ns) if now.ns >= due else due
        if now.ns > 100 * MS:
            oldest = max(oldest, now.ns - (converter.sampled_at("1") or 0))
    assert oldest <= 60 * MS, f"{oldest / MS} ms; unknown at 100"
