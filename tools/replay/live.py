"""Leaves a record at some time: the box that was replayed goes on, in virtual time, with a simulated charger that takes the conversation over.

    replay = Replay(box, codec); live = go_on(replay, 300.0, at=12 * S, deeds=(Deed("*", 5.0, "emergency_stop"),))

How: the record is played to the time wanted. Then a whole simulated charge (tools/simulate) with the record's settings, stations and battery is
rehearsed until its charger waits for just what the recorded box asks next; then the recorded box takes the place of the simulated car (handover.py).
"""
from __future__ import annotations

from dataclasses import dataclass as plain_dataclass
from dataclasses import field, replace
from typing import Any, Callable

from exi_native.codec import Codec
from kernel.journal import Event
from kernel.timer import MS, S
from tasks.stop_reasons import NORMAL_ENDS, StopReason
from tools.replay.engine import Replay
from tools.replay.handover import take_over
from tools.replay.rehearsal import rehearse, tcp_data
from tools.replay.standing import NoLife, Standing, standing_of
from tools.simulate.chademo.bridge_invariants import EVERY_100_MS
from tools.simulate.fleet.act import DEEDS
from tools.simulate.fleet.traits import Deed, Personality
from tools.simulate.recorder import FrameSink

LONGEST_WAIT = 30 * S        # how far the record is played beyond the time wanted, to a moment at which it can be left
MAX_SAID = 20_000            # journal entries kept of what happened afterwards
SLICE = 1 * S
FIRST_CYCLE = 110 * MS
STATES = ("connection_state", "link_state", "v2g_state", "safety_state")
HERE = "*"                   # state of a deed that counts from where the record was left


def _silence(charge: Any, node: Any, value: float, now: int) -> None:
    charge.gate.hears = lambda frame: tcp_data(frame) <= 0


def _our_stop(charge: Any, node: Any, value: float, now: int) -> None:
    charge.stop()


LIVE_DEEDS: dict[str, Callable[[Any, Any, float, int], None]] = {
    **DEEDS,
    "silence": _silence,             # the charger acknowledges and answers nothing more
    "our_stop": _our_stop,           # somebody presses stop at the recorded box
}
"""What may happen after the record, by name: those of the fleet (tools/simulate/fleet/act.py; `user_stop` is at the charger), and two more."""


@plain_dataclass(slots=True)
class Live:
    """What happened after the record was left. Times in ns of the tape; `energy` Wh into the battery, `soc` percent at the end.

    `ended`: the session is over and the plug is out. `broken`: sentences of tools/simulate/invariants.py. `remarks`: what was not taken over.
    """

    left_at: int
    stood: str                                   # where the box stood
    rehearsed: str                               # where the simulated charger stood
    until: int = 0
    ended: bool = False
    reason: StopReason | None = None
    trip: str = ""
    damage: int = 0
    fault: str = ""
    energy: float = 0.0
    soc: float | None = None
    states: list[tuple[int, str, str]] = field(default_factory=list)         # (when, signal, state)
    said: list[Event] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def checkpoints(self) -> list[tuple[int, int, str]]:
        """(when, number, text)."""
        return [(event.at, event.number, event.text) for event in self.said if event.number]

    @property
    def safe(self) -> bool:
        """Nothing was damaged, no invariant broken, no task raised; whatever became of the charge."""
        return not self.broken and not self.damage and not self.fault

    @property
    def in_order(self) -> bool:
        """Safe, and ended in order; or it still goes on without a trip."""
        return self.safe and not self.trip and (self.reason in NORMAL_ENDS if self.ended else self.reason is None or self.reason in NORMAL_ENDS)

    @property
    def exit_code(self) -> int:
        """0 in order, 1 not."""
        return 0 if self.in_order else 1


def go_on(replay: Replay, codec: Codec, seconds: float, *, at: int | None = None, deeds: tuple[Deed, ...] = (), charger: Personality | None = None,
          vehicle: Any = None, seed: int = 1, pcap: FrameSink | None = None, progress: Callable[[float], None] | None = None) -> Live:
    """Plays `replay` on to `at` (ns of the tape; None: it is there), then lets it live for at most `seconds`, or until its plug is out.

    `deeds`: `state` HERE counts from the moment of leaving, otherwise from the charger's V2G state of that name. `charger`: a personality of the
    fleet; None: our own. `vehicle`: the CHAdeMO car of a bridge (tools/simulate/chademo). `pcap` gets the frames after the record. `progress(seconds)`.
    NoLife: it cannot be left there.
    """
    unknown = [deed.what for deed in deeds if deed.what not in LIVE_DEEDS]
    if unknown:
        raise NoLife(f"nobody does {unknown[0]!r}; there are {', '.join(sorted(LIVE_DEEDS))}")
    _refuse(replay)
    standing, remarks = _come_to(replay, replay.now if at is None else at)
    charge, goal = _rehearsed(standing, replay, codec, seed, charger, vehicle, remarks)
    node = take_over(replay, standing, charge)
    if standing.connection == "Matching" and standing.link not in ("Join", "Off"):
        remarks.append("The matching was under way: the simulated charger knows nothing of it, and the box begins another run.")
    live = Live(replay.now, standing.text, goal.text, remarks=remarks)
    _Listener(live, replay, charge, pcap)
    shift = charge.clock.time - replay.now
    for deed in deeds:
        _plan(charge, deed)
    stored, end = charge.plant.stored, charge.clock.time + round(seconds * S)
    while charge.clock.time < end and not charge.over:
        charge.run_until(min(end, charge.clock.time + SLICE))
        if progress is not None:
            progress((charge.clock.time - shift - live.left_at) / S)
    replay.journal.flush()
    plant = charge.plant.snapshot(charge.clock.time)
    live.until, live.ended = charge.clock.time - shift, charge.over
    live.reason, live.trip, live.fault = charge.reason, charge.trip, node.kernel.fault or ""
    live.damage, live.energy = plant.damage, (charge.plant.stored - stored) / 3600.0
    live.soc = plant.soc_percent
    live.broken = _broken(charge, live.left_at + shift, shift)
    return live


def _broken(charge: Any, left: int, shift: int) -> list[str]:
    """In the time of the tape. The CHAdeMO cycle in which the boxes changed places is neither's."""
    found = list(charge.broken)
    bridge = getattr(charge, "bridge_invariants", None)
    if bridge is not None:
        found += [broken for broken in bridge.broken if broken.at > left + FIRST_CYCLE or broken.sentence != EVERY_100_MS]
    return [str(replace(broken, at=broken.at - shift)) for broken in found]


def _rehearsed(standing: Standing, replay: Replay, codec: Codec, seed: int, charger: Personality | None, vehicle: Any, remarks: list[str]) -> Any:
    if replay.mode == "bridge":
        vehicle = vehicle or _vehicle()
    try:
        return rehearse(standing, replay.config, codec, seed, charger, vehicle)
    except NoLife:
        if standing.v2g != "CableCheck" or not standing.since:
            raise
        standing.since = 0           # the simulated charger's check is shorter than the recorded one's
        remarks.append("The simulated charger's cable check begins anew.")
        return rehearse(standing, replay.config, codec, seed, charger, vehicle)


def _refuse(replay: Replay) -> None:
    if replay.mode == "evse":
        raise NoLife("this is the record of a charger: it can be replayed, but not be left, because no simulated car takes a conversation over")
    if getattr(replay.board, "can", None) is not None:
        raise NoLife("this box heard its battery over CAN (charge_parameter_backend: chademo), which the simulation does not speak: it can be replayed, not left")


def _vehicle() -> Any:
    from tools.simulate.chademo import shown
    return shown.choose("leaf40")


def _come_to(replay: Replay, at: int) -> tuple[Standing, list[str]]:
    """Plays to the first moment at or after `at` at which the record can be left."""
    more = True
    while replay.now < at and more:
        more = replay.step()
    if not more:
        raise NoLife(f"the record is over at {replay.now / S:.3f} s, before {at / S:.3f} s")
    standing = standing_of(replay, replay.mode)
    wanted, why = replay.now, standing.not_yet
    while standing.not_yet:
        if not replay.step() or replay.now > wanted + LONGEST_WAIT:
            raise NoLife(f"at {wanted / S:.3f} s the record cannot be left ({why}), nor within {LONGEST_WAIT // S} s after it: choose another time")
        standing = standing_of(replay, replay.mode)
    told = [f"Left at {replay.now / S:.3f} s, not at {wanted / S:.3f} s: {why} there."] if why else []
    if replay.counted:
        told.append(f"Today's box had done something else than the recorded one {replay.counted} times before that: it goes on from where it stood itself.")
    return standing, told


def _plan(charge: Any, deed: Deed) -> None:
    if deed.state == HERE:
        act = LIVE_DEEDS[deed.what]
        charge.plant.at(charge.clock.time + max(MS, round(deed.after_s * S)), lambda now: act(charge, charge.charger, deed.value, now))
    else:
        charge._deeds.append((charge.charger, deed))
        charge._done.append(0)


class _Listener:
    """What the box says and becomes, in the time of the tape."""

    def __init__(self, live: Live, replay: Replay, charge: Any, pcap: FrameSink | None) -> None:
        self._live = live
        self._replay = replay
        self._signals = [(name, getattr(replay.signals, name)) for name in STATES]
        self._before = {name: signal.value for name, signal in self._signals}
        replay.said.clear()
        replay.journal.add_sink(self._hear)
        replay.kernel.on_visit = self._look
        shift = charge.clock.time - replay.now
        if pcap is not None:
            charge.gate.tap = lambda at, frame: pcap.write(at - shift, frame)

    def _hear(self, event: Event) -> None:
        if len(self._live.said) < MAX_SAID:
            self._live.said.append(event)

    def _look(self, now: int) -> None:
        """Before each visit: what the one before has changed."""
        for name, signal in self._signals:
            if signal.value != self._before[name]:
                self._before[name] = signal.value
                if len(self._live.states) < MAX_SAID:
                    self._live.states.append((signal.at, name, str(signal.value)))
