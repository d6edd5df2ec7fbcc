"""Puts the page together: histories, theme, style and scripts into one HTML file that fetches nothing."""
from __future__ import annotations

import html
import json
from pathlib import Path
from string import Template

from tools.history.model import History
from tools.scope.packing import embedded

PARTS = Path(__file__).parent / "page"
RENDERER = ("store.js", "painting.js", "hands.js", "timeline.js")        # what a live page takes as well, in this order; with timeline.css and theme.json


def script(names: tuple[str, ...] = (*RENDERER, "page.js")) -> str:
    """The scripts, one after another, as they are in the package."""
    return "\n".join((PARTS / name).read_text(encoding="utf-8") for name in names)


def style(names: tuple[str, ...] = ("page.css", "timeline.css")) -> str:
    return "\n".join((PARTS / name).read_text(encoding="utf-8") for name in names)


def theme() -> dict:
    return json.loads((PARTS / "theme.json").read_text(encoding="utf-8"))


def page(histories: list[History]) -> str:
    """The whole page. What came from the wire stands only in the base64 data and, escaped, in the title."""
    return Template((PARTS / "page.html").read_text(encoding="utf-8")).substitute(
        title=html.escape(histories[0].source), style=style(), script=script(), data=embedded(histories),
        theme=json.dumps(theme(), separators=(",", ":")))
