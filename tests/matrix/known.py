"""Defects that the matrix has found and that are not mended yet: pattern of the case's name -> what is wrong."""
from __future__ import annotations

KNOWN: dict[str, str] = {}
