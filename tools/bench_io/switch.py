"""One output on for a short time: asked for, watched, and off again whatever happens to this program."""
from __future__ import annotations

import os
from typing import Any, Callable

from drivers.guard import Beat
from drivers.interfaces import PilotReading
from drivers.sim.lines import D1, D2, VEHICLE_LOCK, VEHICLE_UNLOCK
from kernel.timer import MS, S
from tools.appliance.guard import ARMED_PERIOD, Guard, GuardLost
from tools.bench_io.bench import PACE, Bench
from tools.bench_io.look import Voltages, voltages
from tools.bench_io.outputs import MOTOR, Output, all_off, level, outputs, read_back
from tools.bench_io.rules import refusal, watch

DONE, REFUSED, INTERRUPTED = 0, 1, 130
RECHECK = 300 * MS           # turns between the person's answer and the deed: what is measured then is new
OFF_TRIES = 50               # one every tick: what refuses for half a second refuses for good
GUARD_LEAVES = 5 * S         # it may have contactors to wait for (emergency bound 2 s at most, and their travel)
SETTLED = 300 * MS           # contactors and locks travel 20 to 600 ms: the first look at what the output did
Say = Callable[[str], None]


def beat(guard: Any, lines: Any, now: int) -> None:
    """A sign of life. GuardLost when the guard took the outputs, or is gone."""
    guard.channel.receive()
    guard.channel.send_beat(Beat(now, None, None, -1, None))
    if guard.channel.closed:
        raise GuardLost("the guard process is gone")
    if lines.held:
        raise GuardLost("the guard took the outputs: this program gave no sign of life for too long")


def start_guard(bench: Bench) -> Guard:
    """The box's own guard on the lines that are open already. A simulated board is nobody else's: its guard has a name of its own."""
    config = bench.config
    safety = config.safety.ac if bench.ac else getattr(config.safety, config.role)
    guard = Guard(config.role, config.interface if bench.real else f"bench-{config.interface}", safety, config.guard_silence_ms, False, bench.ac, lambda: bench.lines)
    guard.ready()
    return guard


class Switching:
    """`check` before asking, then `run`; the output is off when `run` is left, by whatever way."""

    def __init__(self, bench: Bench, output: Output, seconds: float, say: Say, zero_measured: str = "", stop: Callable[[], bool] = lambda: False,
                 make_guard: Callable[[Bench], Any] = start_guard) -> None:
        """`stop`: a person or the system wants the end."""
        self._bench, self._output, self._say, self._stop = bench, output, say, stop
        self._duration = int(seconds * S)
        self._zero = zero_measured
        self._make_guard = make_guard
        self._beaten_at = -S
        self._everything = outputs(bench)

    def check(self) -> str:
        """Why it is refused; "" when it is not."""
        volts, pilot = self._measured()
        return refusal(self._output.kind, self._output.name, volts, pilot, self._zero)

    def _measured(self) -> tuple[Voltages, PilotReading | None]:
        now = self._bench.clock.now()
        return voltages(self._bench, now), self._bench.board.pilot_monitor.read(now)

    def run(self) -> int:
        """Exit code. The guard lives from here to the end; it makes the outputs safe when this process is killed or hangs."""
        bench, output = self._bench, self._output
        bench.settle(RECHECK, self._stop)
        why = self.check()
        if why or self._stop():
            self._say(why or "stopped before anything was switched")
            return REFUSED if why else INTERRUPTED
        guard = self._make_guard(bench)
        try:
            return self._on(guard)
        except GuardLost as lost:
            self._say(f"{output.name} is off: {lost}.")
            return REFUSED
        finally:
            self._off(guard)

    def _on(self, guard: Any) -> int:
        bench, output = self._bench, self._output
        unknown = frozenset(self._measured()[0].unknown)
        began = bench.clock.now()
        beat(guard, bench.lines, began)
        if not output.on(began):
            self._say(f"{output.name} refused to go on: its pin or device did not take the command (outputs and inputs show its fault).")
            return REFUSED
        if output.kind == MOTOR and level(bench, output) == "off":
            self._say(f"{output.name}: the position switch says that it is there already, so the motor is not driven. Is the switch right (inputs)?")
            return DONE
        self._say(f"{output.name} ON for {self._duration / S:g} s (Ctrl-C: off)")
        told = False
        while (now := bench.clock.now()) < began + self._duration:
            if self._stop():
                self._say("stopped: off before its time")
                return INTERRUPTED
            self._serve(guard, now)
            if output.name == "life_sign" and not output.on(now):
                self._say("the life sign's pin refuses")
                return REFUSED
            why = watch(output.kind, output.name, self._measured()[0], unknown)
            if why:
                self._say(f"{output.name} goes OFF before its time: {why}.")
                return REFUSED
            if not told and now - began >= SETTLED:
                told = True
                self._say(f"  {self._state(now)}")
            bench.clock.wait_until(min(now + PACE, began + self._duration), ())
        self._serve(guard, now)
        if not told or output.kind == MOTOR:
            self._say(f"  {self._state(now)}")
        return DONE

    def _serve(self, guard: Any, now: int) -> None:
        """A sign of life at least every ARMED_PERIOD, devices their turns."""
        if now - self._beaten_at >= ARMED_PERIOD // 2:
            self._beaten_at = now
            beat(guard, self._bench.lines, now)
        self._bench.turn(now)

    def _state(self, now: int) -> str:
        """What the output really did, as far as anybody can tell."""
        board, output = self._bench.board, self._output
        words = [f"commanded {level(self._bench, output)}", f"read back {read_back(output)}"] if output.place is not None else [f"read back {read_back(output)}"]
        if output.name in ("contactors", "mains"):
            words.append(f"contacts say {_position(board.contactors.feedback(now), 'closed', 'open')}")
        if output.kind == MOTOR:
            lock = board.bridge.lock if output.place in (VEHICLE_LOCK, VEHICLE_UNLOCK) else board.lock
            words.append(f"the lock says {_position(lock.feedback(now), 'locked', 'unlocked')}")
        if output.place in (D1, D2):
            words.append(f"k says {_position(board.bridge.inputs.charge_permission(now), 'permitted', 'not permitted')}")
        pilot = board.pilot_monitor.read(now)
        if output.name in ("state_c", "pwm", "state_f"):
            words.append("pilot reads nothing" if pilot is None else f"pilot reads {pilot.state.value}")
        return ", ".join(words)

    def _off(self, guard: Any) -> None:
        """Everything off, repeated; then the guard may leave. Whatever goes wrong here leaves the guard with lines that it makes safe."""
        bench, refused = self._bench, [""]
        for _ in range(OFF_TRIES):
            refused = all_off(bench, self._everything)
            if not refused or bench.lines.held:
                break
            guard.channel.send_beat(Beat(bench.clock.now(), None, None, -1, None))
            bench.clock.wait_until(bench.clock.now() + PACE, ())
        guard.channel.close()                    # from here on what is not off is the guard's
        bench.settle(SETTLED)                    # contactors and locks travel: what they say before is nothing
        if bench.lines.held:
            self._say("the guard has the outputs: state C or power is off, contactors open within 2 s")
        elif refused:
            self._say(f"NOT OFF: {', '.join(refused)} refused. CUT THE SUPPLY OF THE OUTPUTS BY HAND; the guard goes on trying.")
        else:
            self._say(f"all outputs are off ({self._state(bench.clock.now())})")
        contactors = bench.board.contactors
        if contactors is not None and contactors.feedback(bench.clock.now()):
            self._say("THE CONTACTS STILL SAY CLOSED: welded, or their auxiliary switch is the wrong way round (active_low). Measure before anybody touches them.")
        self._reap(guard)

    def _reap(self, guard: Any) -> None:
        """Waits until the guard has left with clean lines; one that holds them stays, and says so itself."""
        if not isinstance(guard, Guard):
            return
        end = self._bench.clock.now() + GUARD_LEAVES
        while self._bench.clock.now() < end:
            if os.waitpid(guard.pid, os.WNOHANG)[0]:
                return
            self._bench.clock.wait_until(self._bench.clock.now() + PACE, ())
        self._say(f"the guard (process {guard.pid}) keeps the outputs safe until the next start of bench_io or main.py")


def _position(value: bool | None, yes: str, no: str) -> str:
    return "nothing" if value is None else yes if value else no


