"""Puts the page together: one HTML file with its style and its programs inside, nothing of it comes from elsewhere. The timeline is that of tools/scope."""
from __future__ import annotations

import json
from pathlib import Path

from tools.live.server import Pages
from tools.scope.page_file import RENDERER, script, style, theme


def pages(folder: Path) -> Pages:
    """The texts of both pages. OSError where a file of the program is missing."""
    own = (folder / "page.css").read_text(encoding="utf-8")
    return Pages(page=_filled(folder / "page.html", style=own + style(("timeline.css",)), program=script(RENDERER) + "\n" + (folder / "page.js").read_text(encoding="utf-8"),
                              theme=json.dumps(theme(), separators=(",", ":"))),
                 login=_filled(folder / "login.html", style=own))


def _filled(path: Path, **parts: str) -> str:
    text = path.read_text(encoding="utf-8")
    for name, part in parts.items():
        text = text.replace("{{" + name + "}}", part)
    return text
