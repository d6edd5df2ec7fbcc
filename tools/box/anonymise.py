"""A black box file without the names in it: everybody in it gets an invented one, everywhere the same, and the time of day is a made-up one.

Two passes: the first collects every name (addresses, keys, identifiers, random numbers, names in the settings), the second writes a new file, sealed anew,
with the same batches. Durations, voltages, currents, states and the order of everything stay, so that the new file can be played, too.
"""
from __future__ import annotations

import re
import secrets
from hashlib import sha256
from typing import Any, Iterable

from drivers.blackbox import notes as n
from drivers.blackbox.devices import QUIET
from drivers.blackbox.layout import BoxOctets
from drivers.blackbox.reader import Box
from drivers.blackbox.tape import ETHERNET
from kernel.journal import Event
from kernel.record import dataclass
from kernel.settings import SettingsError, build, describe, to_dict
from kernel.timer import S
from tasks.config import Config
from tasks.ipv6.wire import ICMPV6, TCP, UDP, pseudo_sum
from tasks.tcp.isn import TICK
from tools.box.can_frames import can_packet, collect_can, rewrite_can
from tools.box.exi_messages import Messages
from tools.box.frames import Frames
from tools.box.pseudonyms import LEAST_TEXT, LINK_LOCAL, Pseudonyms
from tools.box.state_forms import collect_state, rewrite_state
from tools.box.texts import Texts

MADE_UP = 946_684_800 * S            # 2000-01-01 00:00 UTC: when every anonymised file begins
LEAST_BITS = 48                      # of randomness: fewer are no identifier
MAX_PAIRS = 64                       # addresses whose sums are looked for
HEAD_OF_OURS = frozenset({"format", "python", "machine", "codec", "mode", "tape_from_ns", "real_clock", "rows", "channels", "signals", "units", "external", "kernel"})
"""What of the head names nobody."""
COMMON = frozenset("""home root user users etc opt var srv run tmp mnt media data local share lib config configs settings sessions session logs ccsbox
garage car charger battery modem pack status values default test dev serial by-id file files yaml json cert certs private soc voltage current""".split())
"""Parts of paths and names that name nobody."""
_ADDRESS = re.compile(r"[0-9.]+|[0-9A-Fa-f:]*:[0-9A-Fa-f:]*")


class CannotAnonymise(Exception):
    """The sentence says why, and what to do."""


@dataclass(slots=True)
class Made:
    """The new file and what was done: names replaced, frames and messages whose content is zero now."""

    octets: bytes
    names: int
    blanked_frames: int
    blanked_messages: int


def anonymise(box: Box, codec: Any, *, keep_vendor: bool = False, secret: bytes | None = None) -> Made:
    """`secret`: for tests; otherwise made up and thrown away. CannotAnonymise: the file is not what was sealed, or not what a box writes."""
    if box.broken_seals:
        raise CannotAnonymise(f"a seal does not fit at octet {box.broken_seals[0]}: what is in this file is not what a box wrote, and a new file would hide it. "
                              "`python -m tools.box verify` tells more")
    try:
        return _Anonymiser(box, codec, keep_vendor, secret or secrets.token_bytes(32)).make()
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError) as wrong:
        raise CannotAnonymise(f"it says what no box says ({type(wrong).__name__}: {str(wrong)[:120]}); nothing was written. Export its frames instead: "
                              "python -m tools.box export --pcapng OUT") from wrong


class _Anonymiser:
    def __init__(self, box: Box, codec: Any, keep_vendor: bool, secret: bytes) -> None:
        self._box = box
        self._head = box.head
        self._channels: list[str] = box.head["channels"]
        self._epoch: int = box.head["epoch_ns"]
        self._shift = _shift(box)
        defaults = to_dict(Config())
        self._names = Pseudonyms(secret, keep_vendor=keep_vendor, public=[*_words(defaults), *COMMON, *self._channels, *box.head["signals"], *box.head.get("rows", ())])
        self._messages = Messages(self._names, codec, self._shift // S)
        self._frames = Frames(self._names, self._messages, self._move)
        self._ethernet = [packet for packet in box.packets if packet.interface == 0]
        self._isn_keys: list[bytes] = []
        self._texts: Texts

    def make(self) -> Made:
        self._collect()
        texts = self._texts = Texts(self._names, self._messages, self._frames.alone, self._epoch, self._shift)
        rewritten = self._frames.rewrite(self._ethernet, texts.search)
        network = iter(rewritten)
        packets = [(ETHERNET if packet.interface == 0 else packet.interface, packet.at, packet.direction, next(network) if packet.interface == 0 else
                    can_packet(packet.octets, self._names)) for packet in self._box.packets]
        events = [Event(entry.at, entry.source, entry.level, texts.text(entry.text), (), entry.number) for entry in self._box.entries]
        notes = [self._note(words) for words in self._box.notes]
        out = BoxOctets(self._epoch + self._shift)
        ports = [(number, texts.text(name)) for number, name in enumerate(self._box.interfaces) if number]
        head = self._new_head()
        parts = [out.begin(head, ports, self._names.text(self._box.interfaces[0]) if self._box.interfaces else "", str(head.get("program", "")))]
        done = (0, 0, 0)
        for mark in (*((mark.notes, mark.packets, mark.entries) for mark in self._box.marks), (len(notes), len(packets), len(events))):
            parts.append(out.batch(notes[done[0]:mark[0]], packets[done[1]:mark[1]], events[done[2]:mark[2]]))
            done = mark
        if self._box.end is not None:
            parts.append(out.end(texts.value(self._box.end)))
        return Made(b"".join(parts), len(self._names.known) // 2 + len(self._names.texts), self._frames.blanked, self._messages.blanked)

    # --- the first pass

    def _collect(self) -> None:
        names, head = self._names, self._head
        if head.get("mac"):
            names.mac(bytes.fromhex(head["mac"]))
        for text in _settings_texts(head.get("config", {})):
            names.text(text)
        for name in self._box.interfaces:
            if name not in self._channels:
                names.text(name)
        for words in (*head.get("heard", ()), *self._box.notes):
            self._collect_note(words)
        state = head.get("state")
        if state is not None:
            self._isn_keys += collect_state(state, names)
        self._frames.collect(self._ethernet)
        for packet in self._box.packets:
            if packet.interface:
                collect_can(packet.octets, names)
        names.marry()
        self._sums()

    def _collect_note(self, words: list[Any]) -> None:
        kind = words[0]
        if kind == n.DRAWN and words[1] >= LEAST_BITS:
            drawn = words[2].to_bytes(words[1] + 7 >> 3, "little")
            if len(drawn) == 32:
                self._isn_keys.append(drawn[::-1])
        elif kind in (n.HEARD, n.DID) and self._channels[words[1]].startswith("memory."):
            for number in _numbers(words[2]):
                if number >= 1 << 40:
                    self._names.octets(number.to_bytes(8, "big") if number < 1 << 64 else number.to_bytes(number.bit_length() + 7 >> 3, "big"))
            for text in _texts(words[2]):
                if any(letter.isdigit() for letter in text) and len(text) >= LEAST_TEXT:
                    self._names.text(text)
        elif kind == n.SIGNAL:
            for octets in _octets(words[2]):
                if len(octets) == 16 and octets[:8] == LINK_LOCAL:
                    self._names.address(octets)
                else:
                    self._names.mac(octets)

    def _sums(self) -> None:
        """A machine may keep the sum over two addresses that every checksum begins with."""
        pairs = list(self._names.addresses.items())[:MAX_PAIRS]
        for src, new_src in pairs:
            for dst, new_dst in pairs:
                for kind in (TCP, UDP, ICMPV6):
                    self._names.numbers.setdefault(pseudo_sum(src, dst, kind), pseudo_sum(new_src, new_dst, kind))

    def _move(self, src: bytes, src_port: int, dst: bytes, dst_port: int, seq: int, at: int) -> int:
        """Our own first sequence number hangs on a drawn key and both addresses (tasks/tcp/isn.py): invented ones give another."""
        for key in self._isn_keys:
            if seq == _first_number(key, src, src_port, dst, dst_port, at):
                new = _first_number(self._drawn(key), self._names.address(src), src_port, self._names.address(dst), dst_port, at)
                return new - seq & 0xFFFFFFFF
        return 0

    def _drawn(self, key: bytes) -> bytes:
        return self._names.octets(key)

    # --- the second pass

    def _note(self, words: list[Any]) -> list[Any]:
        kind, texts = words[0], self._texts
        if kind == n.HEARD or kind == n.ONCE or kind == n.SIGNAL:
            value = words[2]
            if value is None or type(value) is bool or type(value) is float and value < 1e6:
                return words
            return [kind, words[1], texts.value(value, seconds=False), *words[3:]]
        if kind == n.DID:
            name = self._channels[words[1]]
            if name.partition(".")[0] in QUIET:
                return [kind, words[1], [_silent(item) for item in words[2]], words[3]]
            if len(words[2]) == 3 and isinstance(words[2][1], str) and self._is_can(name):
                id, data, extended = words[2]
                return [kind, words[1], [id, rewrite_can(id, bytes.fromhex(data), self._names).hex(), extended], words[3]]
            return [kind, words[1], texts.value(words[2], seconds=False), texts.value(words[3], seconds=False)]
        if kind == n.CAN_HEARD:
            return [kind, words[1], [[id, rewrite_can(id, bytes.fromhex(data), self._names).hex(), extended, age] for id, data, extended, age in words[2]]]
        if kind == n.DRAWN and words[1] >= LEAST_BITS:
            return [kind, words[1], self._number(words[2], words[1])]
        if kind == n.TOLD:
            return [kind, words[1], texts.value(words[2])]
        if kind == n.MESSAGE:                    # its values are in the frames, which have got other names
            return [kind, words[1], words[2], None]
        if kind == n.GAP:
            return [kind, texts.text(words[1])]
        return words

    def _number(self, drawn: int, bits: int) -> int:
        """What was drawn became a name in one of the two octet orders, or none that we have met."""
        little = drawn.to_bytes(bits + 7 >> 3, "little")
        new = self._names.known.get(little) or self._names.octets(little)
        return int.from_bytes(new, "little") & (1 << bits) - 1

    def _is_can(self, name: str) -> bool:
        return name in ("can", "can_info", "bridge.can")

    def _new_head(self) -> dict[str, Any]:
        head, texts = dict(self._head), self._texts
        for name, value in head.items():
            if name == "state":
                head[name] = rewrite_state(value, self._names, texts)
            elif name == "config":
                head[name] = self._config(value)
            elif name == "mac":
                head[name] = self._names.mac(bytes.fromhex(value)).hex()
            elif name == "heard":
                head[name] = [self._note(words) for words in value]
            elif name == "program":
                head[name] = value
            elif name not in HEAD_OF_OURS and name != "epoch_ns":
                head[name] = texts.value(value)
        head.pop("epoch_ns")
        head.pop("format")
        return {**head, "anonymised": True}

    def _config(self, recorded: Any) -> Any:
        """Texts that are no choice and not the default; where the settings would refuse an invented one, the default stands in its place."""
        choices = {entry.path: entry for entry in describe(Config)}
        new, changed = _walk(recorded, to_dict(Config()), (), choices, self._names, self._texts)
        problems = _problems(new)
        for path, default in changed:
            if problems:
                invented = _put(new, path, default)
                left = _problems(new)
                if left < problems:
                    problems = left
                else:
                    _put(new, path, invented)
        return new


def _first_number(key: bytes, src: bytes, src_port: int, dst: bytes, dst_port: int, at: int) -> int:
    digest = sha256(key + src + dst + src_port.to_bytes(2, "big") + dst_port.to_bytes(2, "big")).digest()
    return int.from_bytes(digest[:4], "big") + at // TICK & 0xFFFFFFFF


def _shift(box: Box) -> int:
    """Whole seconds, so that the file begins on the made-up day."""
    first = min((thing.at for thing in (*box.packets[:1], *box.entries[:1])), default=0)
    first = min(first, box.head.get("tape_from_ns", 0)) + box.head["epoch_ns"]
    return (MADE_UP - first) // S * S


def _silent(value: Any) -> Any:
    """What a display or a broker was told: pixels and letters show names, and a replay draws them anew."""
    if isinstance(value, dict):
        return {"x": "00" * (len(value["x"]) // 2)} if isinstance(value.get("x"), str) else {}
    return "" if isinstance(value, str) else [] if isinstance(value, list) else value


def _walk(recorded: Any, usual: Any, path: tuple[str, ...], entries: dict[Any, Any], names: Pseudonyms, texts: Texts) -> tuple[Any, list[Any]]:
    """(settings without names, [(path, default) of each that was changed])."""
    if isinstance(recorded, dict):
        out, changed = {}, []
        for key, value in recorded.items():
            below = usual.get(key) if isinstance(usual, dict) else None
            out[key if below is not None or path == () else texts.text(key)], more = _walk(value, below, (*path, key), entries, names, texts)
            changed += more
        return out, changed
    entry = entries.get(path)
    if recorded == usual or entry is not None and entry.choices:
        return recorded, []
    if isinstance(recorded, str):
        return texts.text(recorded) if _ADDRESS.fullmatch(recorded) else names.text(recorded), [(path, usual)]
    if isinstance(recorded, list):
        return [names.text(item) if isinstance(item, str) and not (usual and item in usual) else texts.value(item) for item in recorded], [(path, usual)]
    return recorded, []


def _problems(settings: Any) -> int:
    """How many sentences today's program has against them."""
    try:
        build(Config, settings, {}, "settings")
    except SettingsError as refused:
        return len(refused.problems)
    return 0


def _put(settings: dict[str, Any], path: tuple[str, ...], value: Any) -> Any:
    """What stood there."""
    for key in path[:-1]:
        settings = settings.get(key, {})
    before = settings.get(path[-1])
    settings[path[-1]] = value
    return before


def _settings_texts(recorded: Any) -> Iterable[str]:
    """Texts that are no choice and not the default: whole, and those of their parts that may stand alone somewhere."""
    choices = {entry.path for entry in describe(Config) if entry.choices}
    usual = set(_words(to_dict(Config())))

    def walk(value: Any, path: tuple[str, ...]) -> Iterable[str]:
        if isinstance(value, dict):
            for key, item in value.items():
                yield from walk(item, (*path, key))
        elif isinstance(value, list):
            for item in value:
                yield from walk(item, path)
        elif isinstance(value, str) and path not in choices and value not in usual and len(value) >= LEAST_TEXT and not _ADDRESS.fullmatch(value):
            yield value
            parts = re.split(r"[/\\.@:,;\s]+", value)
            if len(parts) > 1:
                yield from (part for part in parts if len(part) >= LEAST_TEXT and part not in usual and part.lower() not in COMMON)
    return walk(recorded, ())


def _words(defaults: Any) -> Iterable[str]:
    """Texts of the defaults, their keys, and the parts of both."""
    for text in _texts(defaults):
        yield text
        yield from re.split(r"[/\\.@:,;\s]+", text)


def _texts(plain: Any) -> Iterable[str]:
    if isinstance(plain, str):
        yield plain
    elif isinstance(plain, dict):
        for key, value in plain.items():
            yield key
            yield from _texts(value)
    elif isinstance(plain, list):
        for item in plain:
            yield from _texts(item)


def _numbers(plain: Any) -> Iterable[int]:
    if type(plain) is int:
        yield plain
    elif isinstance(plain, (dict, list)):
        for item in plain.values() if isinstance(plain, dict) else plain:
            yield from _numbers(item)


def _octets(plain: Any) -> Iterable[bytes]:
    if isinstance(plain, dict):
        if isinstance(plain.get("x"), str):
            yield bytes.fromhex(plain["x"])
        else:
            for item in plain.values():
                yield from _octets(item)
    elif isinstance(plain, list):
        for item in plain:
            yield from _octets(item)


