"""The small mistakes: every mutant of one source file, as an exchange of one node of its syntax tree."""
from __future__ import annotations

import ast
from collections import Counter
from dataclasses import dataclass
from typing import Any, Iterator

#: The boundary moved by one, and the opposite.
ORDER = {ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.LtE), ast.GtE: (ast.Gt, ast.Lt),
         ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,), ast.In: (ast.NotIn,), ast.NotIn: (ast.In,)}
ARITHMETIC = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult, ast.Div: ast.Mult, ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr}
TWINS = {"min": "max", "max": "min", "any": "all", "all": "any"}
STATES = ("Idle", "Ready", "Closing", "Closed", "Delivering", "CurrentOff", "Opening", "Decay", "Tripped")
PILOTS = ("A", "B", "C", "D")
#: Sets of states that rows of the tables apply to, each with those that a mistake could put there.
STATE_SETS = {"READY": ("ARMED",), "CLOSED": ("POWERED",), "POWERED": ("CLOSED", "ARMED"), "ARMED": ("POWERED", "READY"), "AT_REST": ("READY",),
              "DELIVERING": ("ENERGISING",), "ENERGISING": ("DELIVERING",)}
GONE = object()


@dataclass(slots=True, eq=False)
class Mutant:
    """One exchange: `holder[key]` (a list) or `holder.key` (a node) becomes `new`."""

    file: str
    line: int
    scope: str
    function: str             # the innermost one, empty for what is run at import
    change: str
    holder: Any
    key: Any
    new: Any

    @property
    def name(self) -> str:
        """The same as long as the code around it is the same, whatever its line."""
        return f"{self.file} | {self.scope} | {self.change}"

    def apply(self) -> None:
        """Change the tree for good."""
        if self.new is GONE:
            del self.holder[self.key]
        elif isinstance(self.holder, list):
            self.holder[self.key] = self.new
        else:
            setattr(self.holder, self.key, self.new)


def short(node: ast.AST) -> str:
    """One line of source for a node."""
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 140 else f"{text[:90]} ... {text[-45:]}"


def mutants(file: str, tree: ast.Module) -> list[Mutant]:
    """All mutants of `tree`; two that read alike get a number."""
    found = list(_Walk(file).walk(tree))
    seen: Counter[str] = Counter()
    for mutant in found:
        name = mutant.name
        seen[name] += 1
        if seen[name] > 1:
            mutant.change += f"   #{seen[name]}"
    return found


class _Walk:
    """Goes through a tree and knows where it is."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._scope: list[str] = []

    def walk(self, node: ast.AST) -> Iterator[Mutant]:
        """Mutants of all children of `node`, which itself was seen already."""
        for field, value in ast.iter_fields(node):
            if field in ("annotation", "returns", "decorator_list", "type_params") or (isinstance(node, ast.JoinedStr)):
                continue
            if isinstance(value, list):
                for index, child in enumerate(value):
                    if isinstance(child, ast.AST):
                        yield from self._visit(node, field, child, value, index)
            elif isinstance(value, ast.AST):
                yield from self._visit(node, field, value, node, field)

    def _visit(self, parent: ast.AST, field: str, node: ast.AST, holder: Any, key: Any) -> Iterator[Mutant]:
        if isinstance(node, (ast.Import, ast.ImportFrom, ast.expr_context, ast.operator, ast.cmpop, ast.boolop, ast.unaryop)) or _docstring(node) or _slots(node):
            return
        name = _name_of(node, bool(self._scope))
        if name:
            self._scope.append(name)
        inside = any(s.startswith("def ") for s in self._scope)
        if isinstance(node, ast.stmt):
            yield from self._statement(node, holder, key, inside)
        if isinstance(node, ast.expr):
            yield from self._expression(parent, field, node, holder, key)
        yield from self.walk(node)
        if name:
            self._scope.pop()

    def _made(self, node: ast.AST, holder: Any, key: Any, new: Any, change: str) -> Mutant:
        if new is not GONE:
            ast.copy_location(new, node)
            ast.fix_missing_locations(new)
        scope = ".".join(s.removeprefix("def ") for s in self._scope) or "module"
        function = next((s[4:] for s in reversed(self._scope) if s.startswith("def ")), "")
        return Mutant(self._file, node.lineno, scope, function, change, holder, key, new)      # type: ignore[attr-defined]

    def _exchange(self, node: ast.AST, holder: Any, key: Any, new: ast.AST) -> Mutant:
        return self._made(node, holder, key, new, f"{short(node)}  ->  {short(new)}")

    # --- statements -------------------------------------------------------------------------------------------------

    def _statement(self, node: ast.stmt, holder: Any, key: Any, inside: bool) -> Iterator[Mutant]:
        if inside and isinstance(node, (ast.Assign, ast.AugAssign, ast.Expr, ast.Delete, ast.Raise, ast.Continue, ast.Break)) \
                or inside and isinstance(node, ast.AnnAssign) and node.value is not None:
            yield self._made(node, holder, key, ast.Pass(), f"removed: {short(node)}")
        if isinstance(node, ast.Return) and node.value is not None and not (isinstance(node.value, ast.Constant) and not node.value.value):
            yield self._exchange(node, holder, key, ast.Return(ast.Constant(None)))
        if isinstance(node, ast.Return) and node.value is None:
            yield self._made(node, holder, key, ast.Pass(), "removed: return")
        if isinstance(node, (ast.If, ast.While)):
            for value in (True, False) if isinstance(node, ast.If) else (False,):
                yield self._made(node.test, node, "test", ast.Constant(value), f"if {short(node.test)}  ->  if {value}")

    # --- expressions ------------------------------------------------------------------------------------------------

    def _expression(self, parent: ast.AST, field: str, node: ast.expr, holder: Any, key: Any) -> Iterator[Mutant]:
        if isinstance(node, ast.Compare):
            for index, operator in enumerate(node.ops):
                for other in ORDER[type(operator)]:
                    ops = [*node.ops]
                    ops[index] = other()
                    yield self._exchange(node, holder, key, ast.Compare(node.left, ops, node.comparators))
        elif isinstance(node, ast.BoolOp):
            yield self._exchange(node, holder, key, ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values))
            for index in range(len(node.values)):
                rest = node.values[:index] + node.values[index + 1:]
                yield self._exchange(node, holder, key, rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest))
        elif isinstance(node, ast.UnaryOp):
            yield self._exchange(node, holder, key, node.operand)
        elif isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC:
            yield self._exchange(node, holder, key, ast.BinOp(node.left, ARITHMETIC[type(node.op)](), node.right))
        elif isinstance(node, ast.IfExp):
            yield self._exchange(node, holder, key, node.body)
            yield self._exchange(node, holder, key, node.orelse)
        elif isinstance(node, ast.Constant):
            for value in _other_values(node.value, isinstance(parent, ast.Compare)):
                yield self._made(node, holder, key, ast.Constant(value), f"{short(parent)}:  {node.value!r}  ->  {value!r}")
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield from self._word(parent, node, node.id, holder, key)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ("SafetyState", "PilotState") and isinstance(node.ctx, ast.Load):
            for other in _neighbours(node.attr):
                new = ast.Attribute(node.value, other, ast.Load())
                yield self._made(node, holder, key, new, f"{short(parent)}:  {node.attr}  ->  {other}")
        elif isinstance(node, ast.Set):
            for index, element in enumerate(node.elts):
                yield self._made(element, node.elts, index, GONE, f"{short(node)}:  without {short(element)}")
        elif isinstance(node, ast.Tuple) and len(self._scope) == 1 and isinstance(node.ctx, ast.Load) and len(node.elts) > 2:
            for index, element in enumerate(node.elts):
                what = element.args[0].value if isinstance(element, ast.Call) and element.args and isinstance(element.args[0], ast.Constant) else short(element)
                yield self._made(element, node.elts, index, GONE, f"without the row {what}")
        elif isinstance(node, ast.Call):
            for index, keyword in enumerate(node.keywords):
                if keyword.arg in ("emergency", "hold", "voltmeter", "low", "high", "choices"):
                    yield self._made(keyword.value, node.keywords, index, GONE, f"{short(node)}:  without {short(keyword)}")
                if keyword.arg == "hold":
                    for sign, operator in (("+", ast.Add()), ("-", ast.Sub())):
                        new = ast.BinOp(keyword.value, operator, ast.Constant(1))
                        yield self._made(keyword.value, keyword, "value", new, f"hold={short(keyword.value)}  ->  hold={short(keyword.value)} {sign} 1")

    def _word(self, parent: ast.AST, node: ast.Name, word: str, holder: Any, key: Any) -> Iterator[Mutant]:
        others: tuple[str, ...] = ()
        if word in TWINS and isinstance(parent, ast.Call):
            others = (TWINS[word],)
        elif word == "abs" and isinstance(parent, ast.Call):
            others = ("float",)
        elif word in STATE_SETS and len(self._scope) > 1:
            others = STATE_SETS[word]
        elif word in STATES or word in PILOTS:
            others = _neighbours(word)
        for other in others:
            yield self._made(node, holder, key, ast.Name(other, ast.Load()), f"{short(parent)}:  {word}  ->  {other}")


def _neighbours(word: str) -> tuple[str, ...]:
    """The next word of the same kind; a charger knows neither Ready nor Closed, so a car's neighbour may be undefined there, which dies at once."""
    for words in (STATES, PILOTS):
        if word in words:
            return (words[(words.index(word) + 1) % len(words)],)
    return ()


def _other_values(value: object, compared: bool) -> list:
    """A comparison must tell True and False from unknown; elsewhere False and None are the same to `if`."""
    if value is True or value is False:
        return [not value, None] if compared else [not value]
    if value is None:
        return [False] if compared else [True, False]
    if isinstance(value, (int, float)):
        return [v for v in dict.fromkeys((value + 1, value - 1, value * 0, -value)) if v != value]
    return []


def _docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _slots(node: ast.AST) -> bool:
    return isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "__slots__"


def _name_of(node: ast.AST, nested: bool) -> str:
    """What a reader would call the place: function, class, field, constant, or the first word of a table's row."""
    if isinstance(node, ast.FunctionDef):
        return f"def {node.name}"
    if isinstance(node, ast.ClassDef):
        return node.name
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return node.target.id
    if isinstance(node, ast.Assign) and not nested:
        return short(node.targets[0])
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Trip" and node.args and isinstance(node.args[0], ast.Constant):
        return str(node.args[0].value)
    return ""
