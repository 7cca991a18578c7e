"""Which parameters can be renamed, and which keyword arguments go with them.

A parameter's name is part of a function's face when anybody may use it as a keyword: a framework that calls a
decorated function, an override, a caller that holds the function as a value, a call whose target is not known.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator

from .attributes import Classes
from .program import DEFINITIONS, Definition, Module, Program

_PLAIN_DECORATORS = {"staticmethod", "classmethod", "property"}
_BUILT_IN = set(dir(builtins))


class Parameters:
    """What was learnt of all calls: the parameters that stay, by file, and the target of each own keyword."""

    def __init__(self, program: Program, classes: Classes) -> None:
        self._program, self._classes = program, classes
        self.fixed: dict[str, set[str]] = {path: set() for path in program.modules}
        self.keywords: dict[int, str] = {}  # id of a keyword node -> the file whose parameter it names
        self._loose: set[str] = set()  # keywords of calls that may go anywhere
        self._values: set[str] = set()  # names of functions that somebody holds as a value
        for module in program.modules.values():
            self._read(module)
        for path, function, faces_out in _functions(program, classes):
            names = set(parameters(function))
            self.fixed[path] |= names if faces_out or function.name in self._values else names & self._loose

    def _read(self, module: Module) -> None:
        called = {id(node.func) for node in ast.walk(module.tree) if isinstance(node, ast.Call)}
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call) and node.keywords:
                self._call(module, node)
            if id(node) not in called and isinstance(getattr(node, "ctx", None), ast.Load):
                match node:
                    case ast.Name(id=name) | ast.Attribute(attr=name):
                        self._values.add(self._original(module, name))

    def _original(self, module: Module, name: str) -> str:
        return module.members[name][1] if name in module.members else name

    def _call(self, module: Module, call: ast.Call) -> None:
        target = self._target(module, call.func)
        if target is None:
            if not self._is_foreign(module, call.func):
                self._anywhere(call)
            return
        path, functions = target
        for keyword in call.keywords:
            if keyword.arg is None:
                self.fixed[path] |= {name for function in functions for name in parameters(function)}
            elif all(keyword.arg in parameters(function) for function in functions):
                self.keywords[id(keyword)] = path
            else:
                self._loose.add(keyword.arg)

    def _anywhere(self, call: ast.Call) -> None:
        self._loose |= {keyword.arg for keyword in call.keywords if keyword.arg is not None}
        if any(keyword.arg is None for keyword in call.keywords) and isinstance(call.func, ast.Attribute):
            self._values.add(call.func.attr)

    def _target(self, module: Module, func: ast.expr) -> tuple[str, list[Definition]] | None:
        """Find the functions that a call may enter; a class is entered through its `__init__`."""
        place = self._classes.place(module, func)
        if place is None:
            return None
        found = list(self._classes.functions.get(place, []))
        for node in self._classes.by_name.get(place, []):
            found += [one for one in node.body if isinstance(one, DEFINITIONS) and one.name == "__init__"]
        return (place[0], found) if found else None

    def _is_foreign(self, module: Module, func: ast.expr) -> bool:
        """Tell whether the called thing surely comes from outside, so that its keywords are none of ours."""
        while isinstance(func, ast.Attribute | ast.Call | ast.Subscript):
            func = func.func if isinstance(func, ast.Call) else func.value
        if not isinstance(func, ast.Name):
            return isinstance(func, ast.Constant | ast.JoinedStr)
        return func.id not in module.own and (func.id in module.foreign or func.id in _BUILT_IN)


def parameters(function: Definition) -> list[str]:
    """Name the parameters that a caller can use as keywords."""
    return [arg.arg for arg in (*function.args.args, *function.args.kwonlyargs)]


def _functions(program: Program, classes: Classes) -> Iterator[tuple[str, Definition, bool]]:
    """Give every function with its file, and whether others than its callers may know its parameters."""
    for path, module in program.modules.items():
        overriding = {
            id(method)
            for node in ast.walk(module.tree)
            if isinstance(node, ast.ClassDef) and not classes.is_own(path, node)
            for method in node.body
        }
        for node in ast.walk(module.tree):
            if isinstance(node, DEFINITIONS):
                yield path, node, id(node) in overriding or not _plain(node)


def _plain(function: Definition) -> bool:
    return all(isinstance(one, ast.Name) and one.id in _PLAIN_DECORATORS for one in function.decorator_list)
