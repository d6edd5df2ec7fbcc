"""What a box remembered when its tape began (drivers/blackbox/state.py), with invented names: the same forms, other octets and texts."""
from __future__ import annotations

import re
from typing import Any

from tools.box.pseudonyms import LINK_LOCAL, MAC_LENGTH, Pseudonyms
from tools.box.texts import Texts

NAMED = re.compile(r"mac|nmk|nid|run_id|session_id|address|secret|evccid|evse_?id|station|peer|resume|_key$|network|stranger|target")
MAX_DEPTH = 200
KEY_LENGTH = 32


def collect_state(state: Any, names: Pseudonyms) -> list[bytes]:
    """Learns what attributes with telling names hold; gives the octets that may be keys of sequence numbers."""
    keys: list[bytes] = []

    def look(form: Any, name: str, depth: int) -> None:
        if not isinstance(form, list) or not form or depth > MAX_DEPTH:
            return
        if form[0] in ("b", "y") and len(form) == 2 and isinstance(form[1], str):
            octets = bytes.fromhex(form[1])
            if len(octets) == KEY_LENGTH:
                keys.append(octets)
            if NAMED.search(name) and MAC_LENGTH <= len(octets) <= KEY_LENGTH:
                names.address(octets) if octets[:8] == LINK_LOCAL and len(octets) == 16 else names.mac(octets)
            return
        for item in form[1:]:
            below(item, name, depth + 1)

    def below(item: Any, name: str, depth: int) -> None:
        if isinstance(item, dict):
            for key, value in item.items():
                look(value, key, depth)
        elif isinstance(item, list):
            if item and isinstance(item[0], str):
                look(item, name, depth)
            elif depth <= MAX_DEPTH:
                for one in item:
                    below(one, name, depth + 1)
    below([[form] for form in state.get("objects", ())], "", 0)
    below(state.get("roots", {}), "", 0)
    return keys


def rewrite_state(state: Any, names: Pseudonyms, texts: Texts) -> Any:
    """The same state with invented names."""
    def form(old: Any, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise ValueError("a state that is nested too deep")
        if type(old) is str:
            return texts.text(old)
        if type(old) is int or type(old) is float:
            return texts.number(old, seconds=False)
        if not isinstance(old, list) or not old:
            return old
        tag = old[0]
        if tag in ("b", "y") and len(old) == 2:
            return [tag, texts.octets(bytes.fromhex(old[1])).hex()]
        if tag in ("e", "c", "g", "k", "o", "r"):
            return old
        if tag in ("t", "f", "l", "s", "q"):
            return [tag, [form(item, depth + 1) for item in old[1]], *old[2:]]
        if tag == "n":
            return [tag, old[1], [form(item, depth + 1) for item in old[2]]]
        if tag == "d":
            return [tag, [[form(key, depth + 1), form(item, depth + 1)] for key, item in old[1]]]
        if tag == "x":
            return [tag, old[1], {name: form(item, depth + 1) for name, item in old[2].items()}]
        if tag == "m":
            return [tag, form(old[1], depth + 1), old[2]]
        raise ValueError(f"a form {str(tag)[:20]!r} in the state")
    return {**state, "roots": {name: form(item, 0) for name, item in state.get("roots", {}).items()},
            "objects": [form(item, 0) for item in state.get("objects", ())]}
