"""Which settings does a new config.yaml have that the old one had not? Both as `main.py --print-config` writes them; standard library only.

    added_keys.py OLD NEW     one dotted key per line
"""
from __future__ import annotations

import re
import sys
from pathlib import Path

KEY = re.compile(r"( *)([A-Za-z_]\w*):(?: |$)")


def keys(text: str) -> list[str]:
    """Dotted names in the order of the file: the indentation says what belongs to what."""
    found, above = [], []
    for line in text.splitlines():
        match = KEY.match(line)
        if match is None:
            continue
        indent = len(match[1])
        above = [(column, name) for column, name in above if column < indent] + [(indent, match[2])]
        found.append(".".join(name for _, name in above))
    return found


def added(old: str, new: str) -> list[str]:
    """A new section counts once, not with each of its keys."""
    known = set(keys(old))
    fresh = [key for key in keys(new) if key not in known]
    return [key for key in fresh if key.rpartition(".")[0] not in fresh]


if __name__ == "__main__":
    for new_key in added(*(Path(name).read_text(encoding="utf-8") for name in sys.argv[1:3])):
        print(new_key)
