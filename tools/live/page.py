"""Puts the page together: one HTML file with its style and its program inside, nothing of it comes from elsewhere."""
from __future__ import annotations

from pathlib import Path

from tools.live.server import Pages

PARTS = ("page.css", "page.js")


def pages(folder: Path) -> Pages:
    """The texts of both pages. OSError where a file of the program is missing."""
    style = (folder / "page.css").read_text(encoding="utf-8")
    return Pages(page=_filled(folder / "page.html", style=style, program=(folder / "page.js").read_text(encoding="utf-8")),
                 login=_filled(folder / "login.html", style=style))


def _filled(path: Path, **parts: str) -> str:
    text = path.read_text(encoding="utf-8")
    for name, part in parts.items():
        text = text.replace("{{" + name + "}}", part)
    return text
