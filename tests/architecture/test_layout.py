"""The house's plan: top-level entries, door plates, and a README whose tour names things that exist."""
import ast
import re
from pathlib import Path

import pytest

from tests.architecture.source import ROOT, matches, read, tracked

TOP = {"main.py", "kernel", "tasks", "drivers", "exi_native", "config.yaml", "tools", "tests", "install", "README.md", "pyproject.toml", ".ci",
       ".gitignore", ".gitattributes", "LICENSE", ".editorconfig"}
PLATE_LINES = 40
MANUALS = ("README.md", "install/README.md")
"""Read by users, as long as they need."""
PLATELESS = ("exi_native/generated/*", "exi_native/messages/*", "exi_native/include/*", "exi_native/src/*", "exi_native/lib/*", ".ci/*")
"""Folders explained by the door plate above them."""
PACKAGES = ("kernel", "tasks", "drivers", "exi_native", "tools", "main")
TOUR = re.compile(r"^#+ .*life of a frame.*$", re.I | re.M)


def foreign(names):
    """Top-level entries outside the agreed layout."""
    return sorted({name.split("/")[0] for name in names} - TOP)


def folders_without_plate(names):
    """Folders with files but without README.md; tests/<area> are explained by tests/README.md."""
    folders = {"/".join(name.split("/")[:-1]) for name in names if "/" in name}
    parents = {"/".join(f.split("/")[:n]) for f in folders for n in range(1, f.count("/") + 2)}
    wanted = {f for f in parents if not matches(f + "/x", *PLATELESS) and (not f.startswith("tests/") or f in ("tests/interop", "tests/architecture"))}
    return sorted(f for f in wanted if f + "/README.md" not in names)


def long_plates(texts):
    return [f"{name} has {text.count(chr(10))} lines; a door plate has at most {PLATE_LINES}" for name, text in texts.items()
            if name not in MANUALS and text.count("\n") > PLATE_LINES]


def exists(dotted, root=ROOT):
    """True when `tasks.tcp.connection.Connection.receive` names something that the source defines or a base class does."""
    parts = dotted.split(".")
    if root.joinpath(*parts).is_dir():
        return True
    for n in range(len(parts), 0, -1):
        stem = root.joinpath(*parts[:n])
        for path in (stem.with_suffix(".py"), stem / "__init__.py"):
            if path.is_file():
                return _defined(ast.parse(path.read_text(encoding="utf-8")), parts[n:], ".".join(parts[:n]), root)
    return False


def _defined(tree, names, module, root):
    if not names:
        return True
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        if names[0] != getattr(node, "name", None) and names[0] not in [getattr(t, "id", None) for t in targets]:
            continue
        if len(names) == 1:
            return True
        return isinstance(node, ast.ClassDef) and len(names) == 2 and (_member(node, names[1]) or any(
            exists(f"{base}.{names[1]}", root) for base in _bases(tree, node, module)))
    return False


def _member(node, name):
    """A method, a class variable, or an attribute that a method assigns."""
    return _defined(node, [name], "", ROOT) or any(isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store) and n.attr == name for n in ast.walk(node))


def _bases(tree, node, module):
    """Dotted names of the base classes, as far as they are of the project."""
    where = {alias.asname or alias.name: f"{i.module}.{alias.name}" for i in ast.walk(tree) if isinstance(i, ast.ImportFrom) for alias in i.names}
    bases = (base.value if isinstance(base, ast.Subscript) else base for base in node.bases)
    return [where.get(base.id, f"{module}.{base.id}") for base in bases if isinstance(base, ast.Name) and base.id != node.name]


def tour(readme):
    """The dotted names in backticks in the section `Life of a frame`."""
    heading = TOUR.search(readme)
    if not heading:
        return []
    section = re.split(r"^#+ ", readme[heading.end():], maxsplit=1, flags=re.M)[0]
    names = (re.sub(r"\(.*\)$", "", token) for token in re.findall(r"`([^`]+)`", section))
    return [name for name in names if re.fullmatch(r"(%s)(\.\w+)+" % "|".join(PACKAGES), name) and not name.endswith(".py")]


def dead_paths(name, text, known):
    """Files that a README names in backticks, relative to itself or to the root, and that do not exist."""
    folder = name.rpartition("/")[0]
    found = []
    for token in re.findall(r"`([\w./-]+\.(?:py|sh|md|yaml|toml|txt|c|h))`", text):
        token = token.removeprefix("./")
        if token.startswith("/"):                # of an installed box
            continue
        candidates = {token, f"{folder}/{token}".strip("/"), f"tests/{token}"}
        if not candidates & known and not any(k.endswith("/" + token) for k in known):
            found.append(f"{name}: there is no {token}")
    return found


def test_the_top_level_is_the_agreed_one():
    assert foreign(tracked()) == []


def test_every_folder_has_its_door_plate():
    assert folders_without_plate(tracked()) == []


def test_door_plates_are_short():
    assert long_plates({name: read(name) for name in tracked() if name.endswith("README.md")}) == []


def test_files_that_readmes_name_exist():
    known = set(tracked())
    found = [s for name in known if name.endswith("README.md") for s in dead_paths(name, read(name), known)]
    assert not found, "\n".join(sorted(found))


def test_the_tour_in_the_readme_names_what_exists():
    names = tour(read("README.md"))
    assert len(names) >= 8, "README.md needs a section `Life of a frame` with dotted names in backticks"
    missing = [name for name in names if not exists(name)]
    assert not missing, missing


@pytest.mark.parametrize("names, bad", [(("kernel/a.py", "stuff/x"), ["stuff"]), (("kernel/a.py", "main.py"), []), (("notes.txt",), ["notes.txt"])])
def test_foreign_entries_are_found(names, bad):
    assert foreign(names) == bad


def test_missing_plates_are_found():
    names = {"kernel/a.py", "tasks/README.md", "tasks/x/y.py", "tests/README.md", "tests/tcp/t.py", "exi_native/README.md", "exi_native/lib/x86/a.so"}
    assert folders_without_plate(names) == ["kernel", "tasks/x"]


def test_long_plates_are_found():
    assert long_plates({"kernel/README.md": "x\n" * 41}) and not long_plates({"kernel/README.md": "x\n" * 40, "README.md": "x\n" * 400, "install/README.md": "x\n" * 400})


def test_dead_paths_are_found():
    known = {"kernel/timer.py", "kernel/README.md", "install/run.sh"}
    assert dead_paths("kernel/README.md", "see `timer.py` and `install/run.sh`", known) == []
    assert dead_paths("install/README.md", "see `/etc/ccsbox/config.yaml`", known) == []
    assert dead_paths("kernel/README.md", "see `clock.py`", known) == ["kernel/README.md: there is no clock.py"]


def test_the_tour_is_read_and_names_are_looked_up(tmp_path):
    text = "# A\n`kernel.nothing`\n## Life of a frame\n1. `kernel.clock.Clock.wait(now)` then `kernel.clock.LIMIT`, `x.y`, `kernel/clock.py`\n## Next\n`kernel.later`\n"
    assert tour(text) == ["kernel.clock.Clock.wait", "kernel.clock.LIMIT"] and tour("# nothing") == []
    (tmp_path / "kernel").mkdir()
    (tmp_path / "kernel" / "clock.py").write_text("LIMIT: int = 3\nclass Clock:\n    def __init__(self):\n        self.late = 0\n    def wait(self): ...\n")
    (tmp_path / "kernel" / "slow.py").write_text("from kernel.clock import Clock\nclass Slow(Clock): ...\nclass Slower(Slow): ...\n")
    for name in ("kernel.slow.Slow.wait", "kernel.slow.Slower.late", "kernel.clock", "kernel.clock.Clock", "kernel.clock.Clock.wait", "kernel.clock.Clock.late", "kernel.clock.LIMIT", "kernel"):
        assert exists(name, Path(tmp_path)), name
    for name in ("kernel.nothing", "kernel.clock.Clock.sleep", "kernel.clock.wait", "kernel.slow.Slow.sleep", "kernel.clock.Clock.wait.now", "drivers.clock"):
        assert not exists(name, Path(tmp_path)), name
