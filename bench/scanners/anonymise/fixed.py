"""Which names must stay: whatever somebody outside, or a string, may use to reach the thing.

Python finds a variable by nothing but the equality of names, so one renaming for a whole module that maps different
names to different names changes no meaning. What is left to find are the names that are not only the module's.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator
from dataclasses import dataclass

from .attributes import Classes, class_level, members
from .parameters import Parameters
from .program import DEFINITIONS, Module, Program

_ALWAYS = {*dir(builtins), "self", "cls", "_"}
_DYNAMIC = {"locals", "vars", "globals", "dir", "eval", "exec"}
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Fixed:
    """The names that stay in each file, the attributes that go, and the keywords that follow a parameter."""

    names: dict[str, set[str]]
    members: frozenset[str]
    keywords: dict[int, str]


def fixed_names(program: Program) -> Fixed:
    """Learn it from all files together."""
    classes = Classes(program)
    parameters = Parameters(program, classes)
    spelled = {word for module in program.modules.values() for word in _spelled(module)}
    names = {path: _fixed(module, spelled) | parameters.fixed[path] for path, module in sorted(program.modules.items())}
    for path, kept in _reached_as_values(program):
        names[path] |= kept
    for module in program.modules.values():
        for path in module.stars:
            names[path] |= program.modules[path].level
            names[module.path] |= program.modules[path].level
    renamed = members(program, classes) - spelled
    levels = [(path, class_level(node)) for (path, _), nodes in classes.by_name.items() for node in nodes]
    renamed -= {name for path, level in levels for name in level & names[path]}
    for path, level in levels:
        names[path] |= level - renamed
    return Fixed(names, frozenset(renamed), parameters.keywords)


def _fixed(module: Module, spelled: set[str]) -> set[str]:
    roots = {root.partition(".")[0] for root in module.roots}
    dunder = {name for name in module.own if name.startswith("__") and name.endswith("__")}
    defined = {node.name for node in ast.walk(module.tree) if isinstance(node, (*DEFINITIONS, ast.ClassDef))}
    return _ALWAYS | module.foreign | roots | dunder | ((module.level | defined) & spelled) | _dynamic(module)


def _spelled(module: Module) -> Iterator[str]:
    """Give the names that a string is: an endpoint, an entry of `__all__`, `package.module:name`, an annotation."""
    for node in ast.walk(module.tree):
        match node:
            case ast.Constant(value=str(text)):
                yield re.split(r"[.:]", text)[-1]
            case ast.arg(annotation=ast.expr() as noted) | ast.AnnAssign(annotation=noted):
                yield from _words(noted)
            case ast.FunctionDef(returns=ast.expr() as noted) | ast.AsyncFunctionDef(returns=ast.expr() as noted):
                yield from _words(noted)


def _dynamic(module: Module) -> set[str]:
    """Where a program looks names up by itself, every word of its strings may be one."""
    used = {node.id for node in ast.walk(module.tree) if isinstance(node, ast.Name)}
    return set(_words(module.tree)) if used & _DYNAMIC else set()


def _words(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from _WORD.findall(node.value)


def _reached_as_values(program: Program) -> Iterator[tuple[str, set[str]]]:
    """Where a module itself is handed on (`getattr(module, name)`), what nobody names may be reached by a string."""
    passed: set[str] = set()
    named: dict[str, set[str]] = {path: set() for path in program.modules}
    for module in program.modules.values():
        bases = set()
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Attribute) and (path := program.denoted(module, node.value)):
                bases.add(id(node.value))
                named[path].add(node.attr)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                named[module.path].add(node.id)
        for path, name in module.members.values():
            named[path].add(name)
        passed |= {path for path in _passed(program, module, bases) if path}
    return ((path, program.modules[path].level - named[path]) for path in sorted(passed))


def _passed(program: Program, module: Module, bases: set[int]) -> Iterator[str | None]:
    inner = {id(node.value) for node in ast.walk(module.tree) if isinstance(node, ast.Attribute)}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Name | ast.Attribute) and id(node) not in bases and id(node) not in inner:
            yield program.denoted(module, node)
