"""How good the link to the peer is, in one plain word, and when that is news (pure).

Two figures speak of it: the attenuation of the matching in dB, and the average PHY rates that the own modem tells of the peer's
(VS_NW_INFO, CM_NW_STATS). The worse of the two decides the word. Limits are settings, with their sources in config.py.
"""
from __future__ import annotations

from kernel.timer import S
from tasks.homeplug.config import SlacConfig
from tasks.homeplug.link_test import Peer
from tasks.machine import Note

GOOD, WEAK, POOR = "good", "weak", "poor"
WORDS = (GOOD, WEAK, POOR)
NEWS_INTERVAL = 10 * S               # a rate that wanders is told at most this often
REMEDY = ": check the modem's coupling to CP and PE, its cable, and what switches nearby"
NEWS_FACTOR = 2                      # a rate that has doubled or halved is news


def choose(peers: list[Peer], host: bytes | None) -> Peer | None:
    """The peer's modem among the stations of our network: the one before the matched host, else the first."""
    for peer in peers:
        if peer.host is not None and peer.host == host:
            return peer
    return peers[0] if peers else None


def third(peers: list[Peer], peer: Peer | None) -> Peer | None:
    """A station of our network that is neither we nor the peer: somebody has the key (it stands in CM_SLAC_MATCH.CNF in clear, sheet 2.6)."""
    return next((other for other in peers if peer is not None and other.modem != peer.modem), None)


class LinkQuality:
    """`peer`: the modem at the other end, None while unknown. `word`: one of WORDS, None without any figure."""

    def __init__(self, config: SlacConfig) -> None:
        self._decibels = (config.good_db, config.weak_db)
        self._rates = (config.good_mbit, config.weak_mbit)
        self.peer: Peer | None = None
        self.word: str | None = None
        self._told: tuple[bytes | None, str | None, int] | None = None       # modem, word, slower rate
        self._told_at = 0

    def judge(self, attenuation: float | None, rate: int | None) -> str | None:
        """The word for an attenuation in dB and the slower of the two rates in Mbit/s; a rate of 0 says nothing was sent yet."""
        marks = []
        if attenuation is not None:
            marks.append(sum(attenuation > limit for limit in self._decibels))
        if rate:
            marks.append(sum(rate < limit for limit in self._rates))
        return WORDS[max(marks)] if marks else None

    def update(self, peers: list[Peer], host: bytes | None, attenuation: float | None, link: bool, now: int) -> Note | None:
        """What the modem tells now; a sentence when that is news. `link` False: nobody is there, the next one is told anew."""
        if not link:
            self.peer = self.word = self._told = None
            return None
        self.peer = choose(peers, host)
        rate = None if self.peer is None else min(self.peer.tx, self.peer.rx)
        self.word = self.judge(attenuation, rate)
        told = self._told
        soon = told is not None and told[0] is not None and now - self._told_at < NEWS_INTERVAL      # the first rates are told at once
        if told is not None and (soon or not self._is_news(told, rate)):
            return None
        if self.peer is None and (told is not None or self.word is None):
            return None
        self._told, self._told_at = (None if self.peer is None else self.peer.modem, self.word, rate or 0), now
        poor = self.word == POOR
        figures = ([] if attenuation is None else [f"{attenuation:.1f} dB"]) + ([] if self.peer is None else [_tell(self.peer)])
        return Note("link %s: %s%s", (self.word or "of unknown quality", ", ".join(figures), REMEDY if poor else ""), "warning" if poor else "info")

    def _is_news(self, told: tuple[bytes | None, str | None, int], rate: int | None) -> bool:
        modem, word, before = told
        if self.peer is None:
            return False
        return (self.peer.modem != modem or self.word != word
                or bool(rate and before and (rate >= NEWS_FACTOR * before or before >= NEWS_FACTOR * rate)))


def _tell(peer: Peer) -> str:
    host = "" if peer.host is None else f" of host {peer.host.hex(':')}"
    return f"{peer.tx} Mbit/s to and {peer.rx} Mbit/s from modem {peer.modem.hex(':')}{host}"
