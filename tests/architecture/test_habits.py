"""Habits of single files: vocabulary, length, first line, no swallowed exception, no module-level state."""
import ast
import re

import pytest

from tests.architecture.source import python_files, read

DOMAIN = frozenset("""slac v2g v2gtp exi pev evse evcc secc contactor contactors pilot charger chargers charging battery inlet ccs chademo homeplug
    mme sdp din plc voltage ampere amperes vehicle car cars connector iso15118 soc bms""".split())
"""Words that the kernel does not know (house rule 1)."""

LENGTH = 400
LONGER: dict[str, str] = {
    # path: why it is one room all the same
}
REAL_TIME = {
    "tests/drivers/veth_exchange.py": "frames over a real interface arrive when the operating system delivers them",
}
STATE_MAKERS = {"list", "dict", "set", "deque", "defaultdict", "OrderedDict", "Counter", "bytearray", "Journal", "Mailbox", "Signal", "Signals"}


def words(text):
    """Words of a source text, identifiers taken apart: `setPilotDuty_v2g` -> set, pilot, duty, v2g."""
    for token in re.findall(r"[A-Za-z][A-Za-z0-9]*", text):
        yield token.lower()
        yield from (part.lower() for part in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", token))


def domain_words(name, text):
    if not name.startswith("kernel/"):
        return []
    return [f"{name}:{number}: the kernel speaks of {word!r}" for number, line in enumerate(text.split("\n"), 1) for word in sorted(set(words(line)) & DOMAIN)]


def swallowed(name, text):
    """Handlers that do nothing at all, and handlers that catch even KeyboardInterrupt without raising again."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ExceptHandler):
            nothing = all(isinstance(s, ast.Pass) or isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant) for s in node.body)
            if nothing:
                found.append(f"{name}:{node.lineno}: an exception is swallowed")
            elif node.type is None and not any(isinstance(n, ast.Raise) for n in ast.walk(node)):
                found.append(f"{name}:{node.lineno}: a bare except keeps everything")
    return found


def module_state(name, text):
    """Mutable things at module level that do not call themselves a constant, and `global`; test programs are their own process."""
    if name.startswith("tests/"):
        return []
    tree = ast.parse(text)
    found = [f"{name}:{node.lineno}: global" for node in ast.walk(tree) if isinstance(node, ast.Global)]
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, (ast.AnnAssign, ast.AugAssign)) else []
        value = getattr(node, "value", None)
        mutable = isinstance(value, (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)) or (
            isinstance(value, ast.Call) and getattr(value.func, "id", getattr(value.func, "attr", "")) in STATE_MAKERS)
        for target in targets:
            if mutable and isinstance(target, ast.Name) and target.id != "__all__" and not target.id.isupper():
                found.append(f"{name}:{node.lineno}: {target.id} is state of a module")
    return found


def first_line(name, text):
    """The first line says what the file is for."""
    lines = text.split("\n")
    start = 1 if lines[0].startswith("#!") else 0
    if not text.strip() and name.endswith("__init__.py"):
        return []
    doc = ast.get_docstring(ast.parse(text))
    if not doc or not lines[start].startswith(('"""', 'r"""')):
        return [f"{name}: the first line must say in one sentence what the file is for"]
    return []


def unfinished(name, text):
    """Marks of work that is not done."""
    later = "|".join(("TO" "DO", "FIX" "ME", "XX" "X", "HA" "CK"))
    marks = re.compile(rf"#.*\b({later})\b|raise NotImplemented" r"Error|\bassert Tr" r"ue\b")
    return [f"{name}:{number}: {line.strip()[:80]}" for number, line in enumerate(text.split("\n"), 1) if marks.search(line)]


def waits_in_tests(name, text):
    """A test that sleeps measures the machine it runs on; benches and interop may."""
    if not name.startswith("tests/") or name.startswith("tests/interop/") or name in REAL_TIME:
        return []
    return [f"{name}:{node.lineno}: a test sleeps" for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "sleep"
            and getattr(node.func.value, "id", "") == "time"]


CHECKS = [domain_words, swallowed, module_state, first_line, unfinished, waits_in_tests]


@pytest.mark.parametrize("check", CHECKS)
def test_the_project_keeps_to_it(check):
    names = python_files()
    assert len(names) > 50
    found = [sentence for name in names for sentence in check(name, read(name))]
    assert not found, "\n".join(found)


def too_long(lengths, exceptions):
    """Files beyond LENGTH lines without a reason, and reasons that are no longer needed."""
    found = [f"{name} has {n} lines: look for the second room in it" for name, n in lengths.items() if n > LENGTH and name not in exceptions]
    return found + [f"{name} is no longer over {LENGTH} lines: take it off the list" for name in exceptions if lengths.get(name, 0) <= LENGTH]


def test_files_have_one_room():
    found = too_long({name: read(name).count("\n") for name in python_files()}, LONGER)
    assert not found, "\n".join(found)


def test_length_can_be_exceeded_and_reasons_can_be_stale():
    assert too_long({"a.py": LENGTH + 1}, {}) and too_long({"a.py": LENGTH}, {"a.py": "reason"})
    assert not too_long({"a.py": LENGTH + 1, "b.py": LENGTH}, {"a.py": "reason"})


@pytest.mark.parametrize("check, name, bad, good", [
    (domain_words, "kernel/x.py", "# opens the contactor", "# opens the file"),
    (domain_words, "kernel/x.py", "def set_pilot_duty(): ...", "def set_duty(): ..."),
    (domain_words, "kernel/x.py", "class SlacTimer: ...", "class SlackTimer: ..."),
    (domain_words, "kernel/x.py", "V2G_EVCC_Msg_Timeout = 1", "carry = 1"),
    (swallowed, "x.py", "try:\n    f()\nexcept OSError:\n    pass", "try:\n    f()\nexcept OSError:\n    n += 1"),
    (swallowed, "x.py", "try:\n    f()\nexcept:\n    ...", "try:\n    f()\nexcept:\n    clean()\n    raise"),
    (swallowed, "x.py", "try:\n    f()\nexcept:\n    n += 1", "try:\n    f()\nexcept OSError:\n    return None"),
    (module_state, "x.py", "cache = {}", "CACHE = {}"),
    (module_state, "x.py", "_seen: list[int] = []", "_SEEN: tuple[int, ...] = ()"),
    (module_state, "x.py", "from collections import deque\nqueue = deque()", "__all__ = ['a']"),
    (module_state, "x.py", "journal = Journal()", "def f():\n    journal = Journal()"),
    (module_state, "x.py", "N = 0\ndef f():\n    global N\n    N += 1", "N = 0"),
    (first_line, "x.py", "import os", '"""Says what it is for."""\nimport os'),
    (first_line, "x.py", '\n"""Too late."""', '#!/usr/bin/env python3\n"""After the interpreter."""'),
    (unfinished, "x.py", "# TO" "DO: later", "# to do it later would be wrong"),
    (unfinished, "x.py", "raise NotImplemented" "Error", "return NotImplemented"),
    (waits_in_tests, "tests/kernel/test_x.py", "import time\ntime.sleep(1)", "import time\ntime.monotonic()"),
])
def test_each_check_can_say_no_and_yes(check, name, bad, good):
    assert check(name, bad), "the bad snippet passed"
    assert check(name, good) == [], "the good snippet did not pass"
