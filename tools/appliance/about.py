"""What this program is called and which version it is: from pyproject.toml, which is the one place that says so."""
from __future__ import annotations

import re
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"


def about(project: Path = PROJECT) -> str:
    """`ccsbox 0.1.0`; without that file the name alone."""
    try:
        text = project.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return "ccsbox"
    # not tomllib: five files more at each start of a box, for two lines of our own
    told = dict(re.findall(r'^(name|version) = "([^"]+)"$', text.partition("[project]\n")[2].partition("\n[")[0], re.MULTILINE))
    return f"{told.get('name', 'ccsbox')} {told.get('version', '')}".strip()
