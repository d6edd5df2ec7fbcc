"""pyPLC's private CHAdeMO, protocol number 10, as a source of battery data: the sheet's scenario 48."""
from drivers.interfaces import CanFrame
from kernel.journal import Journal
from kernel.timer import MS, S
from tasks.chademo import wire
from tasks.chademo.private_task import AFTER, PrivateTask
from tasks.signals import Signals


class Bus:
    """CanPort: what is to be heard, and what was sent."""

    def __init__(self):
        self.errors = 0
        self.waiting = []
        self.sent = []
        self.takes = True

    def receive(self, limit, now):
        taken, self.waiting = self.waiting[:limit], self.waiting[limit:]
        return taken

    def send(self, id, data, extended, now):
        self.sent.append((now, id, data))
        return self.takes


class Bench:
    def __init__(self):
        self.signals, self.bus, self.journal = Signals(), Bus(), Journal()
        self.task = PrivateTask(self.bus, self.signals, 125.0, self.journal)
        self.evse = (self.signals.evse_max_voltage.claim("test"), self.signals.evse_max_current.claim("test"))
        self.now = S

    def say(self, *messages):
        self.bus.waiting += [CanFrame(m.id, m.emit(), False, self.now) for m in messages]

    def run(self, duration, car=None):
        end = self.now + duration
        while self.now < end:
            if car is not None and self.now % (100 * MS) == 0:
                self.say(*car)
            self.task.run(self.now)
            self.now += 20 * MS
        return self.signals

    def sent(self, id):
        return [wire.parse(i, data) for _, i, data in self.bus.sent if i == id]


def car(volts=352, **status):
    said = dict(protocol=10, target_voltage=398, current_request=60, rate=55) | status
    return wire.BatteryLimits(volts & 0xFF, volts >> 8, 0, 402, 100), wire.VehicleStatus(**said)


def test_the_battery_is_what_both_frames_say():
    s = Bench().run(S, car())
    now = 2 * S
    assert (s.battery_voltage.get(now), s.battery_max_voltage.get(now), s.battery_target_voltage.get(now), s.battery_target_current.get(now)) == (352.0, 402.0, 398.0, 60.0)
    assert (s.battery_soc.get(now), s.battery_max_current.get(now), s.charge_permission.get(now)) == (55.0, 125.0, True)
    assert s.battery_capacity.get(now) is None


def test_silence_makes_everything_unknown():
    bench = Bench()
    bench.run(S, car())
    s = bench.run(600 * MS)
    assert s.battery_voltage.get(bench.now) is None and s.charge_permission.get(bench.now) is None and s.battery_target_current.get(bench.now) is None


def test_nothing_is_answered_before_the_car_speaks_and_nothing_after_it_has_been_silent():
    bench = Bench()
    bench.run(S)
    assert bench.bus.sent == []
    bench.run(S, car())
    bench.bus.sent.clear()
    bench.run(3 * S)
    assert max(at for at, _, _ in bench.bus.sent) < 2 * S + S + S


def test_answers_come_every_100_ms_in_their_order_with_protocol_10_and_no_control_bits():
    bench = Bench()
    bench.run(2 * S, car())
    times = [at for at, id, _ in bench.bus.sent if id == wire.CHARGER_STATUS]
    assert [id for _, id, _ in bench.bus.sent][:4] == [wire.CAPABILITY, wire.CHARGER_STATUS] * 2
    assert all(b - a == 100 * MS for a, b in zip(times, times[1:])) and len(times) >= 19
    assert {(m.protocol, m.status) for m in bench.sent(wire.CHARGER_STATUS)} == {(10, 0)}
    for writer, value in zip(bench.evse, (500.0, 300.0)):
        writer.set(value, bench.now)
    bench.bus.sent.clear()
    bench.run(300 * MS, car())
    assert {m.status for m in bench.sent(wire.CHARGER_STATUS)} == {wire.LOCKED}
    offer = bench.sent(wire.CAPABILITY)[-1]
    assert (offer.voltage, offer.current, offer.threshold, offer.welding_detection) == (500.0, 255.0, 0.0, False)      # one octet: pyPLC raised an exception


def test_a_fault_of_the_car_takes_its_permission_away():
    for said in ({"faults": wire.OVER_TEMPERATURE}, {"status": wire.SYSTEM_FAULT}, {"status": wire.NOT_PARKED}):
        bench = Bench()
        assert bench.run(S, car(**said)).charge_permission.get(bench.now - 20 * MS) is False, said


def test_an_ordinary_car_is_told_to_want_a_bridge():
    bench = Bench()
    bench.run((AFTER + 2) * 100 * MS, car(protocol=2))
    told = []
    bench.journal.add_sink(lambda event: told.append(event.message()))
    bench.journal.flush()
    assert sum("mode: bridge" in line for line in told) == 1


def test_garbage_is_counted_and_changes_nothing():
    bench = Bench()
    bench.run(S, car())
    bench.bus.waiting += [CanFrame(0x100, b"\0" * 7, False, bench.now), CanFrame(0x555, bytes(8), False, bench.now)]
    s = bench.run(100 * MS, car())
    assert bench.task.malformed == 2 and s.battery_voltage.get(bench.now - 20 * MS) == 352.0


def test_no_voltage_and_no_divisor_are_unknown_and_not_zero():
    bench = Bench()
    s = bench.run(S, (wire.BatteryLimits(0, 0, 0, 402, 0), wire.VehicleStatus(10, 398, 0, 0, 0, 50)))
    assert s.battery_voltage.get(bench.now) is None and s.battery_soc.get(bench.now) is None


def test_a_bus_that_takes_nothing_is_counted():
    bench = Bench()
    bench.bus.takes = False
    bench.run(500 * MS, car())
    assert bench.task.refused >= 8
