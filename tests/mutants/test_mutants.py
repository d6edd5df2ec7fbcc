"""The short form: a seeded sample of the mutants dies, and the tool can tell a living one from a dead one."""
import ast
import subprocess
import sys

import pytest

from tests.mutants.explained import load
from tests.mutants.nursery import ROOT
from tests.mutants.operators import mutants

SAMPLE = 20


def changes(source: str) -> set[str]:
    return {m.change for m in mutants("x.py", ast.parse(source))}


@pytest.mark.slow
def test_a_sample_of_the_mutants_is_killed():
    done = subprocess.run([sys.executable, "-m", "tests.mutants", "--sample", str(SAMPLE), "--jobs", "1"], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{SAMPLE:>8}" in done.stdout.splitlines()[-1]


@pytest.mark.parametrize("source, expected", [
    ("def f(a):\n    return a < 3", {"a < 3  ->  a <= 3", "a < 3  ->  a >= 3", "a < 3:  3  ->  4", "a < 3:  3  ->  2", "a < 3:  3  ->  0", "a < 3:  3  ->  -3",
                                   "return a < 3  ->  return None"}),
    ("def f(a, b):\n    return not a and b", {"not a and b  ->  not a or b", "not a and b  ->  b", "not a and b  ->  not a", "not a  ->  a",
                                             "return not a and b  ->  return None"}),
    ("def f(a):\n    a.x = True\n    g(a)", {"removed: a.x = True", "removed: g(a)", "a.x = True:  True  ->  False"}),
    ("def f(a):\n    if a is None:\n        return", {"if a is None  ->  if True", "if a is None  ->  if False", "a is None  ->  a is not None",
                                                      "a is None:  None  ->  False", "removed: return"}),
    ("S = frozenset({SafetyState.Idle})", {"{SafetyState.Idle}:  without SafetyState.Idle", "{SafetyState.Idle}:  Idle  ->  Ready"}),
    ("T = (Trip('a', READY, h, hold=H), Trip('b', READY, h), Trip('c', CLOSED, h))",
     {"without the row a", "without the row b", "without the row c", "hold=H  ->  hold=H + 1", "hold=H  ->  hold=H - 1",
      "Trip('a', READY, h, hold=H):  without hold=H", "Trip('a', READY, h, hold=H):  READY  ->  ARMED", "Trip('b', READY, h):  READY  ->  ARMED",
      "Trip('c', CLOSED, h):  CLOSED  ->  POWERED"}),
    ('"""Text."""\nimport a\n__slots__ = ("b", "c", "d")', set()),
])
def test_which_mistakes_are_made(source, expected):
    assert changes(source) == expected


@pytest.mark.parametrize("source", ["def f(a):\n    x = max(a, -1)\n    return x if a else None", "R = (1, 2, 3)", "def f(a):\n    while a > 0:\n        a -= 1"])
def test_each_mutant_is_another_program_that_compiles(source):
    seen = set()
    for n, _ in enumerate(mutants("x.py", ast.parse(source))):
        tree = ast.parse(source)
        mutant = mutants("x.py", tree)[n]
        mutant.apply()
        compile(tree, "x.py", "exec")
        assert ast.unparse(tree) != source, mutant.change
        seen.add(ast.unparse(tree))
    assert len(seen) > 3


def test_mutants_that_read_alike_have_names_of_their_own():
    names = [m.name for m in mutants("x.py", ast.parse("def f(a):\n    g(a)\n    g(a)"))]
    assert len(names) == len(set(names)) == 2


def test_every_explained_mutant_exists_and_has_one_reason(tmp_path):
    explained = load()
    found = [m for path in sorted((ROOT / "tasks" / "safety").glob("*.py")) for m in mutants(path.name, ast.parse(path.read_text(encoding="utf-8")))]
    assert explained.unknown({m.name for m in found}, {m.file for m in found}) == []
    twice = tmp_path / "explained.toml"
    twice.write_text('[[reason]]\nwhy = "a"\nmutants = ["x | y | z"]\n[[reason]]\nwhy = "b"\nmutants = ["x | y | z"]\n')
    with pytest.raises(ValueError, match="explained twice"):
        load(twice)


@pytest.mark.slow
def test_a_survivor_is_told_and_ends_with_1():
    """A mutant that is known to be equivalent, and its explanation withheld."""
    done = subprocess.run([sys.executable, "-c", "import sys; from tests.mutants import __main__ as m; from tests.mutants.explained import Explained\n"
                           "m.load = lambda: Explained({})\nsys.argv = ['mutants', 'latch.py', '--only', 'if since  ->  if True', '--jobs', '1']\nsys.exit(m.main())"],
                          cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1 and "SURVIVES  tasks/safety/latch.py:" in done.stdout, done.stdout + done.stderr
