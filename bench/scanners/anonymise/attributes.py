"""Which attributes are the programs' own: members of classes that build on nothing from outside.

A member is renamed only when every use of its name, in every file, is on a value that is known to be of such a class.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from io import BytesIO, StringIO

from .program import DEFINITIONS, Module, Program, bound, outside_of_functions

_BUILT_IN = (str, bytes, bytearray, int, float, complex, list, tuple, dict, set, frozenset, type, BaseException)


def foreign_words() -> set[str]:
    """List the attributes that values of Python itself have."""
    kinds = (*_BUILT_IN, StringIO, BytesIO, type(_ for _ in ()), type(foreign_words))
    return {name for kind in kinds for name in dir(kind)}


class Classes:
    """The classes of a program, and which of them are its own through and through."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self.by_name: dict[tuple[str, str], list[ast.ClassDef]] = {}
        self.functions: dict[tuple[str, str], list[ast.FunctionDef | ast.AsyncFunctionDef]] = {}
        for path, module in program.modules.items():
            for node in ast.walk(module.tree):
                if isinstance(node, ast.ClassDef):
                    self.by_name.setdefault((path, node.name), []).append(node)
                elif isinstance(node, DEFINITIONS):
                    self.functions.setdefault((path, node.name), []).append(node)

    def place(self, module: Module, node: ast.expr) -> tuple[str, str] | None:
        """Say in which file, and under which name there, the thing is defined that an expression names."""
        if isinstance(node, ast.Name):
            here = (module.path, node.id)
            defined = here in self.by_name or here in self.functions
            return here if defined else module.members.get(node.id)
        if isinstance(node, ast.Attribute) and (path := self._program.denoted(module, node.value)):
            return (path, node.attr)
        return None

    def is_own(self, path: str, node: ast.ClassDef, seen: frozenset[str] = frozenset()) -> bool:
        """Tell whether a class has no base, metaclass or decorator that could read its members by name."""
        if node.decorator_list or node.keywords or node.name in seen:
            return False
        return all(self._own_base(path, base, seen | {node.name}) for base in node.bases)

    def _own_base(self, path: str, base: ast.expr, seen: frozenset[str]) -> bool:
        if isinstance(base, ast.Name) and base.id == "object":
            return True
        place = self.place(self._program.modules[path], base)
        known = self.by_name.get(place, []) if place else []
        return place is not None and bool(known) and all(self.is_own(place[0], node, seen) for node in known)

    def makes_own(self, module: Module, node: ast.expr) -> bool:
        """Tell whether an expression is an own class, or a call of one or of an own function."""
        target = node.func if isinstance(node, ast.Call) else node
        place = self.place(module, target)
        if place is None:
            return False
        if place in self.functions:
            return isinstance(node, ast.Call)
        return place in self.by_name and all(self.is_own(place[0], one) for one in self.by_name[place])


def class_level(node: ast.ClassDef) -> set[str]:
    """Name what the body of a class binds."""
    return {name for part in outside_of_functions(node.body) for name in bound(part)}


def on_self(node: ast.ClassDef) -> set[str]:
    """Name the attributes that the methods of a class set on their first argument."""
    found: set[str] = set()
    for method in node.body:
        if isinstance(method, DEFINITIONS) and method.args.args:
            me = method.args.args[0].arg
            found |= {one.attr for one in ast.walk(method) if _is_set_on(one, me) and isinstance(one, ast.Attribute)}
    return found


def members(program: Program, classes: Classes) -> set[str]:
    """List the attributes that can be renamed everywhere."""
    own: set[str] = set()
    others = foreign_words()
    for (path, _), nodes in classes.by_name.items():
        for node in nodes:
            names = class_level(node) | on_self(node)
            own, others = (own | names, others) if classes.is_own(path, node) else (own, others | names)
    for module in program.modules.values():
        uses = _Uses(program, classes, module)
        uses.visit(module.tree)
        others |= uses.elsewhere
    return {name for name in own - others if not name.startswith("__")}


class _Uses(ast.NodeVisitor):
    """Collects the attributes that one module uses on values that may not be of an own class."""

    def __init__(self, program: Program, classes: Classes, module: Module) -> None:
        self._program, self._classes, self._module = program, classes, module
        self._instances = set(_instances(classes, module))
        self._inside: list[bool] = []
        self.elsewhere: set[str] = set()

    def visit_ClassDef(self, node: ast.ClassDef) -> None:  # the name ast calls
        """Remember whether `self` is of an own class."""
        self._inside.append(self._classes.is_own(self._module.path, node))
        self.generic_visit(node)
        self._inside.pop()

    def visit_Attribute(self, node: ast.Attribute) -> None:  # the name ast calls
        """Judge one use."""
        if not self._program.denoted(self._module, node.value) and not self._is_own(node.value):
            self.elsewhere.add(node.attr)
        self.generic_visit(node)

    def visit_MatchClass(self, node: ast.MatchClass) -> None:  # the name ast calls
        """A pattern reads attributes of a value of any kind."""
        self.elsewhere |= set(node.kwd_attrs)
        self.generic_visit(node)

    def _is_own(self, value: ast.expr) -> bool:
        inside = bool(self._inside) and self._inside[-1]
        match value:
            case ast.Name(id="self" | "cls") | ast.Call(func=ast.Name(id="super")) if inside:
                return True
            case ast.Name(id=name) if name in self._instances:
                return True
            case _:
                return self._classes.makes_own(self._module, value)


def _instances(classes: Classes, module: Module) -> Iterator[str]:
    """Name the variables that only ever hold what an own call gave."""
    every = Counter(name for node in ast.walk(module.tree) for name in bound(node))
    good = Counter(
        node.targets[0].id
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Assign)
        and len(node.targets) == 1
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Call)
        and classes.makes_own(module, node.value)
    )
    return (name for name, count in good.items() if every[name] == count)


def _is_set_on(node: ast.AST, me: str) -> bool:
    match node:
        case ast.Attribute(value=ast.Name(id=name), ctx=ast.Store()):
            return name == me
        case _:
            return False
