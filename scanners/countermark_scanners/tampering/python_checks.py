"""What a single Python statement insists on, and how strongly.

Layer: scanners, a part of `tampering`. Imports `checks` and the rule catalogue; does no I/O.
Trust: the source is hostile. A comparison of literals, of a thing with itself, or of names that only ever hold
literals insists on nothing.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Set as AbstractSet

from .checks import Check, Strength
from .vocabulary import strength_of

_NOBODY: frozenset[str] = frozenset()
_BROAD = frozenset({"Exception", "BaseException", "AssertionError"})
_LITERALS = (ast.List, ast.Tuple, ast.Set, ast.Dict)
_LARGEST = 1e300
_MATH = {"rel", "abs", "rtol", "atol", "rel_tol", "abs_tol", "delta", "msec"}


def checks_of(
    node: ast.AST,
    checking: AbstractSet[str] = _NOBODY,
    parameters: AbstractSet[str] = _NOBODY,
    constants: AbstractSet[str] = _NOBODY,
) -> list[Check]:
    """List what one statement itself insists on; what the blocks in it insist on is not its own."""
    if isinstance(node, ast.Assert):
        return [_asserted(part, parameters, constants) for part in _conjuncts(node.test)]
    if isinstance(node, ast.With | ast.AsyncWith):
        calls = [item.context_expr for item in node.items]
        return [check for call in calls if (check := _called(call, checking, parameters, constants))]
    value = node.value if isinstance(node, ast.Expr | ast.Assign | ast.Return) else None
    value = value.value if isinstance(value, ast.Await) else value
    check = _called(value, checking, parameters, constants) if value is not None else None
    return [check] if check else []


def name_of(node: ast.expr) -> str:
    """Spell a dotted name; a call or an index in it keeps only what follows."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if isinstance(node, ast.Name):
        parts.append(node.id)
    return ".".join(reversed(parts))


def constant_names(function: ast.FunctionDef | ast.AsyncFunctionDef) -> frozenset[str]:
    """Name the locals that hold one literal throughout: an assertion about nothing else is none."""
    bound: dict[str, bool] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    bound.setdefault(target.id, True)
                    continue
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id not in bound:
            bound[node.id] = False
    literal = {name for name, is_literal in bound.items() if is_literal}
    stores = [node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    return frozenset(name for name in literal if stores.count(name) == 1)


def shape_of(node: ast.AST, blank: AbstractSet[str]) -> str:
    """Spell code with every literal, and every name in `blank`, replaced: what parametrising leaves alike."""
    return ast.dump(_Blank(blank).visit(copy.deepcopy(node)))


class _Blank(ast.NodeTransformer):
    def __init__(self, names: AbstractSet[str]) -> None:
        self._names = names

    def visit(self, node: ast.AST) -> ast.AST:
        node = self.generic_visit(node)
        blank = isinstance(node, ast.Constant | ast.JoinedStr) or (
            isinstance(node, ast.Name) and node.id in self._names
        )
        signed = isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Name) and node.operand.id == "_"
        if blank or signed or (isinstance(node, _LITERALS) and _only_blanks(node)):
            return ast.Name("_", ast.Load())
        return node


def _only_blanks(node: ast.AST) -> bool:
    inner = [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
    return all(isinstance(child, ast.Name) and child.id == "_" for child in inner)


def _conjuncts(test: ast.expr) -> list[ast.expr]:
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        return [part for value in test.values for part in _conjuncts(value)]
    return [test]


def _asserted(test: ast.expr, parameters: AbstractSet[str], constants: AbstractSet[str]) -> Check:
    strength, slack = Strength.NOTHING, 0.0
    if not _says_nothing(test, constants):
        strength, slack = _weighed(test)
    subject = test.left if isinstance(test, ast.Compare) else test
    return _check(test, test, subject, strength, slack, parameters)


def _check(
    node: ast.expr, spelled: ast.expr, subject: ast.expr, strength: Strength, slack: float, blank: AbstractSet[str]
) -> Check:
    text, shape = ast.unparse(spelled), shape_of(spelled, blank)
    called = {
        part.func.id for part in ast.walk(spelled) if isinstance(part, ast.Call) and isinstance(part.func, ast.Name)
    }
    loose = shape_of(spelled, {part.id for part in ast.walk(spelled) if isinstance(part, ast.Name)} - called)
    return Check(text, shape, ast.unparse(_looked_at(subject)), strength, node.lineno, slack, loose=loose)


def _looked_at(node: ast.expr) -> ast.expr:
    """Strip what only weakens a look: `not x`, `bool(x)`, `len(x)`, `isinstance(x, ...)`."""
    while True:
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            node = node.operand
        elif isinstance(node, ast.Compare):
            node = node.left
        elif isinstance(node, ast.Call) and name_of(node.func) in {"bool", "len", "isinstance", "any"} and node.args:
            node = node.args[0]
        else:
            return node


def _says_nothing(test: ast.expr, constants: AbstractSet[str]) -> bool:
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.Or):
        return any(_says_nothing(value, constants) and _may_hold(value) for value in test.values)
    if isinstance(test, ast.Compare) and len(test.comparators) == 1:
        same = ast.dump(test.left) == ast.dump(test.comparators[0])
        if same and isinstance(test.ops[0], ast.Eq | ast.Is | ast.LtE | ast.GtE):
            return True
    if isinstance(test, ast.Tuple | ast.List):
        return bool(test.elts)
    parts = list(ast.walk(test))
    names = {part.id for part in parts if isinstance(part, ast.Name)}
    acts = any(isinstance(part, ast.Call | ast.Await | ast.Attribute | ast.Subscript) for part in parts)
    return not acts and names <= constants and _may_hold(test)


def _may_hold(test: ast.expr) -> bool:
    """A literal that is false always fails: `assert False` is the strongest check there is."""
    return not (isinstance(test, ast.Constant) and not test.value)


def _weighed(test: ast.expr) -> tuple[Strength, float]:
    if isinstance(test, ast.Constant):
        return Strength.VALUE, 0.0
    if isinstance(test, ast.BoolOp):
        weighed = [_weighed(value) for value in test.values]
        strength = min(strength for strength, _ in weighed)
        return Strength(max(Strength.PRESENCE, strength - 1)), max(slack for _, slack in weighed)
    if isinstance(test, ast.Compare):
        return _compared(test)
    if isinstance(test, ast.Call) and name_of(test.func).rpartition(".")[2] in {"isclose", "allclose", "array_equal"}:
        return Strength.RANGE, _tolerance(test)
    return Strength.PRESENCE, 0.0


def _compared(test: ast.Compare) -> tuple[Strength, float]:
    operator, other = test.ops[-1], test.comparators[-1]
    number = _number(other) or 0.0
    match operator:
        case ast.Eq() | ast.Is():
            return _equal_to(other)
        case ast.IsNot() | ast.NotEq():
            return Strength.PRESENCE, 0.0
        case ast.Gt() | ast.GtE():
            return _at_least(test, number)
        case _:
            return Strength.RANGE, number if isinstance(operator, ast.Lt | ast.LtE) else 0.0


def _equal_to(other: ast.expr) -> tuple[Strength, float]:
    name = name_of(other.func if isinstance(other, ast.Call) else other).rpartition(".")[2]
    if name == "approx" and isinstance(other, ast.Call):
        return Strength.RANGE, _tolerance(other)
    return (Strength.PRESENCE if name == "ANY" else Strength.VALUE), 0.0


def _at_least(test: ast.Compare, number: float) -> tuple[Strength, float]:
    counted = isinstance(test.left, ast.Call) and name_of(test.left.func) == "len"
    return (Strength.PRESENCE, 0.0) if counted and number <= 1 else (Strength.RANGE, -number)


def _number(node: ast.expr) -> float | None:
    sign = -1.0 if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) else 1.0
    inner = node.operand if isinstance(node, ast.UnaryOp) else node
    if isinstance(inner, ast.Constant) and isinstance(inner.value, int | float):
        return sign * float(min(inner.value, _LARGEST))  # an int of 400 digits is no float
    return None


def _tolerance(call: ast.Call) -> float:
    """Give the widest tolerance that is written out; without one a library's own default, which is small."""
    written = [_number(word.value) or 0.0 for word in call.keywords if word.arg in _MATH]
    places = [_number(word.value) for word in call.keywords if word.arg in {"places", "decimal", "significant"}]
    if name_of(call.func).endswith("AlmostEqual") and len(call.args) > 2 and not places:  # noqa: PLR2004  # unittest's
        places = [_number(call.args[2])]
    written += [10.0 ** -min(max(number, -300.0), 300.0) for number in places if number is not None]
    return max(written, default=1e-7)


def _called(
    node: ast.expr, checking: AbstractSet[str], parameters: AbstractSet[str], constants: AbstractSet[str]
) -> Check | None:
    node = node.value if isinstance(node, ast.Await) else node
    if not isinstance(node, ast.Call):
        return None
    name = name_of(node.func).rpartition(".")[2]
    kind = strength_of("python", name)
    if kind is None and name not in checking:
        return None
    if name in {"raises", "assertRaises", "assertRaisesRegex", "assertWarns", "warns"}:
        return _raises(node, parameters)
    spelled = ast.Call(node.func, node.args, [word for word in node.keywords if word.arg != "msg"])
    subject = node.args[0] if node.args else node.func
    strength, slack = Strength.RANGE if kind is None else kind, _slack(name, node)
    inner = [*node.args[:2]]
    same = len(inner) == 2 and strength is Strength.VALUE and ast.dump(inner[0]) == ast.dump(inner[1])  # noqa: PLR2004  # two sides
    about_nothing = name in {"assertTrue", "assertEqual", "assertIsNotNone", "assertIs"} and inner
    if same or (about_nothing and all(_says_nothing(part, constants) for part in inner)):
        strength = Strength.NOTHING
    elif name == "assertTrue" and node.args:
        strength, slack = _weighed(node.args[0])
    return _check(node, ast.copy_location(spelled, node), subject, strength, slack, parameters)


def _slack(name: str, call: ast.Call) -> float:
    if "lmost" in name or "close" in name:
        return _tolerance(call)
    bound = _number(call.args[1]) if len(call.args) > 1 else None
    if bound is not None and "Less" in name:
        return bound
    return -bound if bound is not None and "Greater" in name else 0.0


def _raises(call: ast.Call, parameters: AbstractSet[str]) -> Check:
    kinds = call.args[0].elts if call.args and isinstance(call.args[0], ast.Tuple) else call.args[:1]
    broad = any(name_of(kind).rpartition(".")[2] in _BROAD for kind in kinds)
    slack = float(len(kinds)) + (0.0 if call.keywords else 0.5)
    return _check(call, call, call.func, Strength.RANGE if broad else Strength.VALUE, slack, parameters)
