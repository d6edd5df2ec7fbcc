"""Reads source files for the architecture tests: what is imported where, what stands at module level."""
from __future__ import annotations

import ast
import subprocess
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Iterator, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
GENERATED = ("exi_native/generated/*", "exi_native/messages/*")


class Import(NamedTuple):
    """One imported module or name: `from a.b import c` is module `a.b`, name `c`."""

    line: int
    module: str
    name: str
    inside_function: bool


@cache
def tracked() -> tuple[str, ...]:
    """Every file of the project that is or will be committed, as a path from the root."""
    done = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True)
    return tuple(sorted(name for name in done.stdout.splitlines() if (ROOT / name).is_file()))


def python_files(*patterns: str) -> list[str]:
    """Hand-written Python files that match one of the patterns; all without patterns."""
    return [name for name in tracked() if name.endswith(".py") and not matches(name, *GENERATED) and (not patterns or matches(name, *patterns))]


def matches(name: str, *patterns: str) -> bool:
    """fnmatch in which `*` stays within one folder, except at the end after a slash."""
    for pattern in patterns:
        if pattern.endswith("/*") and name.startswith(pattern[:-1]):
            return True
        if name.count("/") == pattern.count("/") and fnmatchcase(name, pattern):
            return True
    return False


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def imports(text: str, package: str = "") -> Iterator[Import]:
    """All imports of a source text; relative ones are resolved against `package` (the folder, dotted).

    Imports under `if TYPE_CHECKING:` do not run and are left out.
    """
    yield from _imports(ast.parse(text), package, False)


def _imports(node: ast.AST, package: str, inside: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(child.lineno, alias.name, "", inside)
        elif isinstance(child, ast.ImportFrom):
            base = child.module or ""
            if child.level:
                parts = package.split(".")[:len(package.split(".")) - child.level + 1]
                base = ".".join([*parts, base] if base else parts)
            for alias in child.names:
                yield Import(child.lineno, base, alias.name, inside)
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            for branch in child.orelse:
                yield from _imports(branch, package, inside)
        else:
            yield from _imports(child, package, inside or isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)))


def package_of(name: str) -> str:
    """`tasks/homeplug/wire.py` -> `tasks.homeplug`."""
    return ".".join(name.split("/")[:-1])
