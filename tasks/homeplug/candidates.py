"""Which charger is ours: the candidates of one run in the order in which they are tried (slac-and-network sheet 2.5).

Attenuation is what a charger says of itself. A charger that lies about it is nearest to everybody; only the validation by
the pilot's wire, which ends in one charger alone, tells it from ours.
"""
from __future__ import annotations

from enum import Enum, auto
from typing import Iterable

from kernel.record import dataclass
from tasks.homeplug.config import SlacConfig

CLOSE_CALL_DB = 10                   # real neighbours on one charger are 21.8 dB apart (sheet 2.5): closer is worth a warning
HOPELESS_RUNS = 2                    # after so many runs that led nowhere another charger is tried although it is weaker
MAX_FAILED = 16                      # chargers of which that is remembered
MAX_VALIDATED = 3                    # each may take 2.4 s, and the charger waits TT_EVSE_match_session 10 s for the outcome


@dataclass(slots=True)
class Candidate:
    """A charger that measured us: its host MAC and the average attenuation in dB. `doubtful`: to be validated before it is matched."""

    mac: bytes
    attenuation: float
    doubtful: bool = False


class Verdict(Enum):
    """What the validation of a candidate says."""

    PROVEN = auto()                  # counted the toggles that we made
    NOT_REQUIRED = auto()            # says that it needs no validation
    SILENT = auto()                  # no answer, or none that proves anything
    REFUTED = auto()                 # counted other toggles: it is at the end of another cable


class Memory:
    """What earlier runs at this plug have taught: who was asked to match and led nowhere, because it did not answer or its modem did not join."""

    __slots__ = ("_failed",)

    def __init__(self) -> None:
        self._failed: dict[bytes, int] = {}

    def forget(self) -> None:
        self._failed.clear()

    def failed(self, mac: bytes) -> None:
        if mac in self._failed or len(self._failed) < MAX_FAILED:
            self._failed[mac] = self._failed.get(mac, 0) + 1

    def doubted(self, mac: bytes) -> bool:
        """It led nowhere once: who is nearly as loud comes first."""
        return mac in self._failed

    def hopeless(self, mac: bytes) -> bool:
        """It did so again and again: everybody else comes first."""
        return self._failed.get(mac, 0) >= HOPELESS_RUNS


def ranked(candidates: Iterable[Candidate], memory: Memory) -> tuple[list[Candidate], bool]:
    """The least attenuated first, and whether the two best are too close to tell them apart.

    Who led nowhere in a run before comes last among those that are close, after two such runs last of all.
    """
    order = sorted(candidates, key=lambda c: (memory.hopeless(c.mac), c.attenuation, c.mac))
    if len(order) < 2 or order[1].attenuation - order[0].attenuation >= CLOSE_CALL_DB or memory.hopeless(order[1].mac):
        return order, False
    close = 0
    while close < len(order) and 0 <= order[close].attenuation - order[0].attenuation < CLOSE_CALL_DB:
        close += 1
    order[:close] = sorted(order[:close], key=lambda c: memory.doubted(c.mac))
    return order, True


class Choice:
    """Candidates in their order; `left` are those still to try."""

    def __init__(self, order: list[Candidate], unproven_too: bool, strict: bool = False) -> None:
        """`unproven_too`: after all others what nobody proves is matched as well. `strict`: that it needs no proof anybody can say."""
        self.left = order
        self._unproven_too = unproven_too
        self._strict = strict
        self._unproven: list[Candidate] = []     # found by their attenuation, but the validation proved nothing

    @classmethod
    def of(cls, order: list[Candidate], config: SlacConfig) -> Choice:
        """Direct ones when there are any, else the indirect ones; which of them are doubtful says `slac.validate`."""
        found = [c for c in order if c.attenuation <= config.atten_direct_db]
        if found:
            strict = config.validate == "several" and len(found) > 1
            for c in found[:MAX_VALIDATED if strict else 0]:
                c.doubtful = True
            return cls(found, True, strict)
        potential = [c for c in order if c.attenuation <= config.atten_indirect_db][:MAX_VALIDATED]
        for c in potential:
            c.doubtful = config.validate != "never"
        return cls(potential, unproven_too=len(order) == 1)

    def next(self) -> Candidate | None:
        """The next one to ask; after the last the best of those that nothing speaks for or against, where that is allowed."""
        if not self.left and self._unproven_too:
            self.left, self._unproven = self._unproven, []
            for c in self.left:
                c.doubtful = False
        return self.left.pop(0) if self.left else None

    def drop_weaker(self, deaf: Candidate) -> None:
        """`deaf` did not answer: only who is nearly as loud may be ours instead; the others wait for the next run."""
        self.left = [c for c in self.left if c.attenuation - deaf.attenuation < CLOSE_CALL_DB]
        self._unproven = [c for c in self._unproven if c.attenuation - deaf.attenuation < CLOSE_CALL_DB]

    def judge(self, candidate: Candidate, verdict: Verdict) -> bool:
        """True: match it now."""
        if verdict is Verdict.PROVEN or verdict is Verdict.NOT_REQUIRED and not self._strict:
            return True
        if verdict is not Verdict.REFUTED:
            self._unproven.append(candidate)
        return False
