"""Enumerations as they are wanted where tables are looked up all the time."""
from __future__ import annotations

from enum import Enum


class Word(Enum):
    """Base of enumerations that serve as keys: members are singletons, so identity is their hash (Enum's own is a slow Python function)."""

    __hash__ = object.__hash__
