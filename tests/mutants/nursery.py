"""Where mutants live: one forked process each, in which the changed module and all that depends on it are imported anew."""
from __future__ import annotations

import ast
import fcntl
import gc
import importlib
import importlib.abc
import importlib.util
import io
import os
import pickle
import resource
import signal
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path
from types import CodeType, ModuleType
from typing import Callable, Iterable, Sequence

from tests.mutants.cases import HOLDS_DRIVERS, MODULES, PURE, WITH_DRIVERS, Case, collect
from tests.mutants.operators import Mutant

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "tasks.safety"
MEMORY = 2 << 30          # bytes of address space: a mutant that collects for ever ends as a MemoryError
PATIENCE = 20             # times what the case took unchanged, before a mutant counts as one that never ends
LEAST_PATIENCE = 5.0      # s
NAMES = 1 << 20           # octets of pipe: the names of all cases that a survivor has tried, thousands of some 60 octets
SURVIVED = ""


class Nursery:
    """`judge` says what killed each mutant. Nothing is written to the working tree."""

    def __init__(self) -> None:
        self._names = [name for module in MODULES for name in collect(module)]
        self._tainted = _dependants(PACKAGE)
        self._frozen = {name: _compiled(sys.modules[name]) for name in self._tainted}     # who edits meanwhile disturbs nothing
        for name in self._tainted:
            parent, _, child = name.rpartition(".")
            if parent not in self._tainted and parent in sys.modules:
                vars(sys.modules[parent]).pop(child, None)
            del sys.modules[name]
        gc.collect()
        gc.freeze()
        self.seconds: dict[str, float] = {}                # of each case, unchanged
        self.functions: dict[str, frozenset[str]] = {}     # of the package, that a case runs through
        self.kills: dict[str, Counter[str]] = defaultdict(Counter)      # by file: which case killed how many
        self.last: dict[str, str] = {}                     # by name of the mutant: what killed it the last time

    # --- unchanged ---------------------------------------------------------------------------------------------------

    def measure(self) -> None:
        """Run all cases without a mutation: they must pass; notes how long each takes and where it goes."""
        def work() -> bytes:
            sys.meta_path.insert(0, _FromMemory(self._frozen))
            return pickle.dumps(_measured())
        answer = _in_child(work)
        seconds, functions, failed = pickle.loads(answer)
        if failed:
            raise SystemExit(f"mutants: without any mutation these fail already, so nothing can be learnt: {failed}")
        self.seconds, self.functions = seconds, functions

    # --- mutants -----------------------------------------------------------------------------------------------------

    def judge(self, mutants: Iterable[tuple[Mutant, ast.Module]], jobs: int, told: Callable[[Mutant, str], None]) -> None:
        """`told` gets each mutant with the name of the case that killed it, or SURVIVED."""
        waiting = iter(mutants)
        running: dict[int, tuple[Mutant, int]] = {}
        try:
            while True:
                while len(running) < jobs and (nxt := next(waiting, None)) is not None:
                    mutant, tree = nxt
                    reader, writer = os.pipe()
                    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, NAMES)      # it is read when the child has ended
                    pid = os.fork()
                    if not pid:
                        os.close(reader)
                        _as_child(writer, lambda m=mutant, t=tree: self._try(m, t, writer))
                    os.close(writer)
                    running[pid] = mutant, reader
                if not running:
                    return
                pid, status = os.wait()
                mutant, reader = running.pop(pid)
                killer = _read_all(reader).decode().split("\n")[-1]
                if killer.startswith("trying ") or (not killer and status):
                    killer = f"{killer.removeprefix('trying ')} (never ended or died)"
                if killer != SURVIVED:
                    case = killer.split(" (")[0]
                    self.kills[mutant.file][case] += 1
                    self.last[mutant.name] = case
                told(mutant, killer)
        finally:
            for pid, (_, reader) in running.items():
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                os.close(reader)

    def _try(self, mutant: Mutant, tree: ast.Module, writer: int) -> bytes:
        """In the child: apply, import, ask the cases in the order of their success until one fails."""
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        mutant.apply()
        changed = f"{PACKAGE}.{mutant.file.removesuffix('.py')}"
        frozen = dict(self._frozen)
        frozen[changed] = compile(tree, frozen[changed].co_filename, "exec")
        sys.meta_path.insert(0, _FromMemory(frozen))
        loaded: dict[str, dict[str, Case]] = {}
        for name in self._order(mutant):
            module = name.split("::")[0]
            os.write(writer, f"\ntrying {name}".encode())       # what stands last is what never came back
            _alarm(max(LEAST_PATIENCE, PATIENCE * self.seconds.get(name, 0.0)))
            try:
                cases = loaded[module] if module in loaded else loaded.setdefault(module, collect(module))
            except BaseException as e:  # noqa: BLE001 - a module that cannot be imported is noticed
                return f"\n{name} (import: {type(e).__name__})".encode()
            raised = cases[name].passes() if name in cases else "no such case any more"
            if raised:
                return f"\n{name} ({raised})".encode()
        return b"\n"

    def _order(self, mutant: Mutant) -> Sequence[str]:
        """What killed it before; then kills of mutants of this file per second."""
        kills = self.kills[mutant.file]
        last = self.last.get(mutant.name)
        asked = WITH_DRIVERS + PURE if mutant.file in HOLDS_DRIVERS else PURE
        names = [name for name in self._names if name.split("::")[0] in asked]
        names = [name for name in names if _reaches(self.functions.get(name), mutant)] or names      # a function that no case enters is called at import
        if self.seconds:
            names.sort(key=lambda name: (name != last, -(kills[name] + 0.1) / (self.seconds[name] + 0.005)))
        else:
            names.sort(key=lambda name: (name != last, -kills[name]))
        return names


def _reaches(functions: frozenset[str] | None, mutant: Mutant) -> bool:
    """Only a case that enters the function can notice a change in it; what runs at import concerns all."""
    return functions is None or not mutant.function or f"{mutant.file}:{mutant.function}" in functions


def _dependants(package: str) -> set[str]:
    """Loaded modules of the project that import `package`, directly or through others."""
    imports: dict[str, set[str]] = {}
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None)
        if not path or not path.endswith(".py") or not Path(path).resolve().is_relative_to(ROOT):
            continue
        wanted = imports[name] = set()
        for node in ast.walk(ast.parse(Path(path).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                wanted |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                wanted |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    tainted = {name for name in imports if name == package or name.startswith(package + ".")}
    grown = 0
    while grown != len(tainted):
        grown = len(tainted)
        tainted |= {name for name, wanted in imports.items() if wanted & tainted}
    return tainted - {n for n in tainted if n.startswith("tests.mutants")}


def _compiled(module: ModuleType) -> CodeType:
    path = str(module.__file__)
    return compile(Path(path).read_text(encoding="utf-8"), path, "exec")


class _FromMemory(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives modules from compiled code instead of their files."""

    def __init__(self, code: dict[str, CodeType]) -> None:
        self._code = code

    def find_spec(self, fullname, path=None, target=None):
        if fullname not in self._code:
            return None
        file = self._code[fullname].co_filename
        return importlib.util.spec_from_loader(fullname, self, origin=file, is_package=file.endswith("__init__.py"))

    def create_module(self, spec):
        return None

    def exec_module(self, module) -> None:
        code = self._code[module.__name__]
        module.__file__ = code.co_filename
        exec(code, vars(module))


def _measured() -> tuple[dict[str, float], dict[str, frozenset[str]], list[str]]:
    seconds, functions, failed = {}, {}, []
    folder = str(ROOT / PACKAGE.replace(".", "/"))
    for name, case in [item for module in MODULES for item in collect(module).items()]:
        seen: set[str] = set()

        def watch(frame, event, argument, seen=seen):
            code = frame.f_code
            if code.co_filename.startswith(folder):
                seen.add(f"{os.path.basename(code.co_filename)}:{code.co_name}")
        sys.settrace(watch)
        raised = case.passes()
        sys.settrace(None)
        began = time.perf_counter()
        raised = raised or case.passes()
        seconds[name] = time.perf_counter() - began
        functions[name] = frozenset(seen)
        if raised:
            failed.append(f"{name} ({raised})")
    return seconds, functions, failed


def _alarm(seconds: float) -> None:
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)


def _in_child(work: Callable[[], bytes]) -> bytes:
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(reader)
        _as_child(writer, work)
    os.close(writer)
    answer = _read_all(reader)
    os.waitpid(pid, 0)
    return answer


def _as_child(writer: int, work: Callable[[], bytes]) -> None:
    """Never returns: the child says what it found and is gone, whatever happens."""
    try:
        gc.disable()
        sys.stdout = sys.stderr = io.StringIO()
        answer = work()
        while answer:
            answer = answer[os.write(writer, answer):]
    finally:
        os._exit(0)


def _read_all(reader: int) -> bytes:
    parts = []
    while part := os.read(reader, 65536):
        parts.append(part)
    os.close(reader)
    return b"".join(parts)
