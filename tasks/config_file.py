"""Reads a YAML file into nested dicts with the line of each key; refuses what could surprise, with the line.

Only what a configuration needs is read: mappings, lists, text, numbers, truth values, null. Anchors, aliases, tags,
duplicate keys, tabs and several documents are refused, so nothing can grow (alias bombs) or be constructed (tags).
"""
from __future__ import annotations

import stat
from pathlib import Path
from typing import Any, Iterator

import yaml

from kernel.settings import SettingsError, dotted

MAX_OCTETS = 1 << 18         # the shipped file, with every key of every board explained, has 66 kB
MAX_DEPTH = 8            # the configuration needs 3

_EVENTS_OF_VALUE = (yaml.ScalarEvent, yaml.SequenceStartEvent, yaml.MappingStartEvent, yaml.AliasEvent)
_PLAIN_TAGS = {"tag:yaml.org,2002:null": "construct_yaml_null", "tag:yaml.org,2002:bool": "construct_yaml_bool",
               "tag:yaml.org,2002:int": "construct_yaml_int", "tag:yaml.org,2002:float": "construct_yaml_float"}


class NotPermitted(SettingsError):
    """The file is there, and not for this user: nothing is known of what it says."""


def load(path: str | Path) -> tuple[dict[str, Any], dict[tuple[str, ...], int]]:
    """(nested dict, line of each key path from 1). SettingsError with one sentence when the file cannot be taken."""
    path = Path(path)
    return _Reader(str(path), _text(path)).document()


def _text(path: Path) -> str:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise SettingsError([f"{path} is not a file; name the configuration file itself."])
        if status.st_size > MAX_OCTETS:
            raise SettingsError([f"{path} has {status.st_size} octets, but a configuration has at most {MAX_OCTETS}."])
        raw = path.read_bytes()[:MAX_OCTETS + 1]
    except FileNotFoundError:
        raise SettingsError([f"{path} does not exist; name an existing file with --config."]) from None
    except PermissionError:
        raise NotPermitted([f"{path}: this user may not read it; run this as root (sudo)."]) from None
    except (OSError, ValueError) as error:
        raise SettingsError([f"{path} cannot be read: {getattr(error, 'strerror', None) or error}."]) from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise SettingsError([f"{path} line {line}: an octet 0x{raw[error.start]:02X} that is not UTF-8; save the file as UTF-8."]) from None
    for number, line in enumerate(text.split("\n"), 1):
        if "\t" in line[:len(line) - len(line.lstrip())]:
            raise SettingsError([f"{path} line {number}: a tab in the indentation; YAML wants spaces."])
    return text


class _Reader:
    """Turns the parser's events into dicts; recursion is bounded by MAX_DEPTH."""

    def __init__(self, source: str, text: str) -> None:
        self.source = source
        self.text = text
        self.resolver = yaml.resolver.Resolver()
        self.constructor = yaml.constructor.SafeConstructor()
        self.lines: dict[tuple[str, ...], int] = {}
        self.events: Iterator[yaml.Event] = iter(())

    def document(self) -> tuple[dict[str, Any], dict[tuple[str, ...], int]]:
        try:
            self.events = yaml.parse(self.text, Loader=yaml.SafeLoader)
            self.expect(yaml.StreamStartEvent)
            event = next(self.events)
            if isinstance(event, yaml.StreamEndEvent):
                return {}, {}                                # an empty file: all defaults
            root = self.value(next(self.events), ())
            self.expect(yaml.DocumentEndEvent)
            event = next(self.events)
            if not isinstance(event, yaml.StreamEndEvent):
                raise self.refusal(event, "a second document begins; a configuration is one")
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = mark.line + 1 if mark else 1
            hint = "; YAML wants spaces, not tabs" if "\\t" in (error.problem or "") else ""
            raise SettingsError([f"{self.source} line {line}: {error.problem or error.context}{hint}."]) from None
        except yaml.reader.ReaderError as error:
            line = self.text.count("\n", 0, error.position) + 1
            raise SettingsError([f"{self.source} line {line}: a character U+{ord(self.text[error.position]):04X} that YAML does not allow."]) from None
        if root is None:
            return {}, {}
        if not isinstance(root, dict):
            raise SettingsError([f"{self.source} line 1: the file must hold sections with keys, `name: value`."])
        return root, self.lines

    def expect(self, kind: type) -> None:
        event = next(self.events)
        if not isinstance(event, kind):
            raise self.refusal(event, "unexpected content")

    def refusal(self, event: yaml.Event, text: str) -> SettingsError:
        return SettingsError([f"{self.source} line {event.start_mark.line + 1}: {text}."])

    def value(self, event: yaml.Event, path: tuple[str, ...]) -> Any:
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise self.refusal(event, "anchors (&) and aliases (*) are not used here; write the value out or put it in quotes")
        if getattr(event, "tag", None) is not None:
            raise self.refusal(event, f"a tag ({event.tag}) is not used here; put the value in quotes if it is text")
        if len(path) >= MAX_DEPTH and not isinstance(event, yaml.ScalarEvent):
            raise self.refusal(event, f"nested deeper than {MAX_DEPTH} levels")
        if isinstance(event, yaml.MappingStartEvent):
            return self.mapping(path)
        if isinstance(event, yaml.SequenceStartEvent):
            items = []
            while not isinstance(item := next(self.events), yaml.SequenceEndEvent):
                items.append(self.value(item, (*path, str(len(items)))))
            return items
        return self.scalar(event)

    def mapping(self, path: tuple[str, ...]) -> dict[str, Any]:
        out: dict[str, Any] = {}
        while not isinstance(key := next(self.events), yaml.MappingEndEvent):
            if not isinstance(key, yaml.ScalarEvent) or key.anchor or key.tag is not None:
                raise self.refusal(key, "a key must be a plain word")
            here = (*path, key.value)
            if key.value in out:
                raise self.refusal(key, f"{dotted(here)} stands here a second time, first in line {self.lines[here]}")
            self.lines[here] = key.start_mark.line + 1
            out[key.value] = self.value(next(self.events), here)
        return out

    def scalar(self, event: yaml.ScalarEvent) -> Any:
        """Text, number, truth value or null; what only looks like something else (a date) is text."""
        if not event.implicit[0]:
            return event.value                               # quoted
        tag = self.resolver.resolve(yaml.ScalarNode, event.value, event.implicit)
        construct = _PLAIN_TAGS.get(tag)
        if construct is None:
            return event.value
        try:
            return getattr(self.constructor, construct)(yaml.ScalarNode(tag, event.value))
        except (ValueError, OverflowError, KeyError):
            raise self.refusal(event, f"{event.value[:40]!r} is not a number that can be used") from None
