"""pyPlc.ini -> findings -> text of a configuration that our own loader has read; no files but a scratch one for that loader."""
from __future__ import annotations

import configparser
import difflib
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable

from kernel.settings import SettingsError, build, describe, to_dict
from kernel.settings_text import INDENT, scalar
from tasks import config_file
from tasks.config import Config
from tools.import_pyplc_ini.findings import Danger, Gone, Hand, Ini, NotUnderstood, Other, Set
from tools.import_pyplc_ini.table import RULES

MAX_OCTETS = 64 * 1024        # as our own configuration; pyPLC's template has some 10 kB
SECTION = "general"           # the only one that pyPLC reads


class BadIni(Exception):
    """The file is none that pyPLC would have read; one sentence."""


@dataclass(slots=True)
class Taken:
    """One value that goes over: where from, and what to know about it."""

    value: Any
    key: str
    old: str
    remark: str


@dataclass(slots=True)
class Import:
    """What became of a pyPlc.ini: `taken` by the path of our setting, and sentences for a person, `key = value: ...`."""

    source: str
    taken: dict[str, Taken] = field(default_factory=dict)
    hand: list[str] = field(default_factory=list)
    danger: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    same: int = 0                 # keys that say what is our default anyway, or that mean nothing beside the other keys

    def lists(self) -> list[tuple[str, list[str]]]:
        return [("Dangerous, not taken over", self.danger), ("To be set by hand", self.hand), ("Taken over with another name or meaning", self.other),
                ("Without counterpart", self.gone), ("Not understood", self.unknown)]


def read(path: Path) -> Ini:
    """Section [general]. BadIni says what is wrong and where."""
    try:
        raw = path.read_bytes()[:MAX_OCTETS + 1]
    except OSError as error:
        raise BadIni(f"{path} cannot be read ({error.strerror}).") from None
    if len(raw) > MAX_OCTETS:
        raise BadIni(f"{path} is longer than {MAX_OCTETS} octets; a pyPlc.ini has some 10 000.")
    parser = configparser.ConfigParser(interpolation=None)        # as pyPLC, but a % is a character
    try:
        parser.read_string(raw.decode("utf-8-sig"), str(path))
    except UnicodeDecodeError as error:
        raise BadIni(f"{path} line {raw.count(10, 0, error.start) + 1}: an octet 0x{raw[error.start]:02X} that is not UTF-8; save the file as UTF-8.") from None
    except configparser.Error as error:
        raise BadIni(" ".join(str(error).split()) + ".") from None
    if SECTION not in parser:
        raise BadIni(f"{path} has no section [{SECTION}]; expected the pyPlc.ini that lies beside pyPlc.py, came sections: {', '.join(parser.sections()) or 'none'}.")
    return Ini(dict(parser[SECTION]))


def convert(ini: Ini, source: str, config: Callable[[], Any] = Config) -> Import:
    """Each key by its rule; each value tried on its own, and all together, in a configuration of ours. `config`: the class of the settings."""
    out = Import(source)
    defaults = {entry.key: entry.default for entry in describe(config)}      # type: ignore[arg-type]
    for key, value in ini.items():
        rule = RULES.get(key)
        if rule is None:
            nearest = difflib.get_close_matches(key, RULES, 1, 0.6)
            out.unknown.append(f"{key} = {value}: pyPLC has no such key" + (f"; did you mean {nearest[0]}?" if nearest else ""))
            continue
        try:
            found = rule(value, ini)
        except NotUnderstood as error:
            hint = "; a comment behind a value belongs to the value, put it on a line of its own" if "#" in value or ";" in value else ""
            out.unknown.append(f"{key}: {error}{hint}")
            continue
        out.same += not found
        for finding in found:
            said = f"{key} = {value}: "
            if isinstance(finding, Set):
                _take(out, finding, key, value, defaults, config)
            elif isinstance(finding, Hand):
                out.hand.append(said + finding.what)
            elif isinstance(finding, Danger):
                out.danger.append(said + finding.why)
            elif isinstance(finding, Gone):
                out.gone.append(said + finding.why)
            elif isinstance(finding, Other):
                out.other.append(said + finding.text)
    return out


def _take(out: Import, finding: Set, key: str, old: str, defaults: dict[str, Any], config: Callable[[], Any]) -> None:
    said = f"{key} = {old}: {finding.path}: {scalar(finding.value)}"
    remark = f" ({finding.remark})" if finding.remark else ""
    if finding.path not in defaults:
        out.hand.append(f"{said}{remark}; this version has no such setting")
        return
    earlier = out.taken.get(finding.path)
    if earlier is not None and earlier.value != finding.value:
        out.hand.append(f"{said}; but {earlier.key} = {earlier.old} says {scalar(earlier.value)}")
        return
    try:
        build(config, _nested({**{path: t.value for path, t in out.taken.items()}, finding.path: finding.value}), {}, "this version")      # type: ignore[arg-type]
    except SettingsError as error:
        out.hand.append(f"{said}{remark}; not taken, {' '.join(error.problems)}")
        return
    if finding.value == defaults[finding.path]:
        out.same += 1
        return
    out.taken[finding.path] = Taken(finding.value, key, old, finding.remark)
    if finding.path.rpartition(".")[2] != key or finding.remark:
        out.other.append(f"{said}{remark}")


def _nested(flat: dict[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for path, value in flat.items():
        *sections, name = path.split(".")
        here = out
        for section in sections:
            here = here.setdefault(section, {})
        here[name] = value
    return out


def text(imported: Import) -> str:
    """The configuration file: only what differs from our defaults, each with its origin; then what a person still has to look at."""
    lines = [f"# From {_shown(imported.source)} by tools.import_pyplc_ini. Everything that is not named here has its default: main.py --config FILE --print-config shows it all.", ""]
    lines += _section(_nested({path: taken for path, taken in imported.taken.items()}), "")
    if not imported.taken:
        lines.append("{}  # nothing differs")
    for title, sentences in imported.lists()[:2]:
        if sentences:
            lines += ["", f"# {title}:", *(f"# - {_shown(sentence)}" for sentence in sentences)]
    return "\n".join(lines) + "\n"


def _section(values: dict[str, Any], indent: str) -> list[str]:
    lines = []
    for name, value in values.items():           # a section after the single keys of its level reads better
        if isinstance(value, Taken):
            remark = f"; {value.remark}" if value.remark else ""
            lines.append(f"{indent}{name}: {scalar(value.value)}  # pyPLC: {value.key} = {_shown(value.old)}{remark}")
    for name, value in values.items():
        if isinstance(value, dict):
            lines += [f"{indent}{name}:", *_section(value, indent + INDENT)]
    return lines


def _shown(value: str) -> str:
    """A text of the ini inside a comment of YAML: on one line, without control characters."""
    return "".join(c if c.isprintable() else " " for c in value)


def verify(made: str, imported: Import, config: Callable[[], Any] = Config) -> None:
    """Reads the text with the loader of main.py. SettingsError when that refuses; AssertionError when it reads something else."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.yaml"
        path.write_text(made, encoding="utf-8")
        data, lines = config_file.load(path)
        values = to_dict(build(config, data, lines, path.name))      # type: ignore[arg-type]
    for name, taken in imported.taken.items():
        here: Any = values
        for part in name.split("."):
            here = here[part]
        if here != taken.value:
            raise AssertionError(f"{name} was written as {taken.value!r} and read as {here!r}")
