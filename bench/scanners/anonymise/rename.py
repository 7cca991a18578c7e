"""Write the new names into the trees, and every import to where its module went."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import TypeVar

from .fixed import Fixed
from .program import Definition, Module, Program, dotted_name
from .words import Words

_Named = TypeVar("_Named", ast.ExceptHandler, ast.MatchAs, ast.MatchStar)


class Renamer:
    """Knows what every name of every file becomes. It changes the trees of the program that it is given."""

    def __init__(self, program: Program, fixed: Fixed, moved: Mapping[str, str], words: Words) -> None:
        self.program, self.fixed = program, fixed
        self._words = words
        self.dotted = {path: ".".join(PurePosixPath(new).with_suffix("").parts) for path, new in moved.items()}

    def renamed(self, module: Module, label: Mapping[str, str]) -> ast.Module:
        """Give the tree of one file under its new names; `label` are the words to change in its literals."""
        _Writer(self, module, label).visit(module.tree)  # which changes it in place
        return module.tree

    def name(self, path: str, name: str) -> str:
        """Give the new name of a thing in a file."""
        own = name in self.program.modules[path].own and name not in self.fixed.names[path]
        return self._words.of(name) if own else name

    def attribute(self, name: str) -> str:
        """Give the new name of an attribute of a value."""
        return self._words.of(name) if name in self.fixed.members else name


class _Writer(ast.NodeTransformer):
    """Rewrites one file. The method names are those that `ast` calls."""

    def __init__(self, renamer: Renamer, module: Module, label: Mapping[str, str]) -> None:
        self._all, self._module, self._label = renamer, module, label
        self._implicit = self._reached_without_import()
        self._says_doc = any(isinstance(node, ast.Name) and node.id == "__doc__" for node in ast.walk(module.tree))
        stem = re.escape(module.stem)
        self._telling = re.compile("|".join([rf"\w*{stem}\w*", *(rf"\b{re.escape(word)}\b" for word in label)]))

    def visit_Name(self, node: ast.Name) -> ast.expr:  # the name ast calls
        """A variable, a function, a class; or a module that a plain import bound."""
        path = self._all.program.denoted(self._module, node)
        if path and node.id not in self._module.modules:
            return ast.parse(self._all.dotted[path], mode="eval").body
        node.id = self._name(node.id)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:  # the name ast calls
        """A module, something in a module, or an attribute of a value."""
        path = self._all.program.denoted(self._module, node)
        if path:
            return ast.parse(self._all.dotted[path], mode="eval").body
        holder = self._all.program.denoted(self._module, node.value)
        node.attr = self._all.name(holder, node.attr) if holder else self._all.attribute(node.attr)
        self.generic_visit(node)
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        """A parameter."""
        node.arg = self._name(node.arg)
        self.generic_visit(node)
        return node

    def visit_keyword(self, node: ast.keyword) -> ast.keyword:
        """A keyword of a call; only where it names a parameter of ours."""
        path = self._all.fixed.keywords.get(id(node))
        if path and node.arg:
            node.arg = self._all.name(path, node.arg)
        self.generic_visit(node)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Definition:  # the name ast calls
        """A function."""
        return self._definition(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> Definition:  # the name ast calls
        """A coroutine."""
        return self._definition(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:  # the name ast calls
        """A class."""
        node.name = self._name(node.name)
        self._drop_docstring(node)
        self.generic_visit(node)
        return node

    def visit_Module(self, node: ast.Module) -> ast.Module:  # the name ast calls
        """The whole file."""
        self._drop_docstring(node)
        self.generic_visit(node)
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.stmt:  # the name ast calls
        """A string that nobody reads is a comment."""
        if not self._says_doc and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            return ast.Pass()
        self.generic_visit(node)
        return node

    def visit_Global(self, node: ast.Global) -> ast.Global:  # the name ast calls
        """Names said to be the module's."""
        node.names = [self._name(name) for name in node.names]
        return node

    def visit_Nonlocal(self, node: ast.Nonlocal) -> ast.Nonlocal:  # the name ast calls
        """Names said to be an outer function's."""
        node.names = [self._name(name) for name in node.names]
        return node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.ExceptHandler:  # the name ast calls
        """The name of a caught exception."""
        return self._captured(node)

    def visit_MatchAs(self, node: ast.MatchAs) -> ast.MatchAs:  # the name ast calls
        """A captured value."""
        return self._captured(node)

    def visit_MatchStar(self, node: ast.MatchStar) -> ast.MatchStar:  # the name ast calls
        """A captured rest of a sequence."""
        return self._captured(node)

    def visit_MatchMapping(self, node: ast.MatchMapping) -> ast.MatchMapping:  # the name ast calls
        """A captured rest of a mapping."""
        node.rest = self._name(node.rest) if node.rest else None
        self.generic_visit(node)
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:  # the name ast calls
        """A literal is protocol, but for the words in which it names its own file."""
        if isinstance(node.value, str) and self._label and self._module.stem in node.value:
            node.value = self._telling.sub(self._untold, node.value)
        return node

    def visit_Import(self, node: ast.Import) -> list[ast.stmt]:  # the name ast calls
        """Modules by their dotted names."""
        names: list[ast.alias] = []
        for alias in node.names:
            path = self._all.program.find(self._module.path, alias.name)
            if path is None:
                names.append(alias)
            elif alias.asname:
                names.append(ast.alias(self._all.dotted[path], self._name(alias.asname)))
            else:
                also = self._implicit.get(alias.name.partition(".")[0], set())
                names += [ast.alias(self._all.dotted[one]) for one in sorted({path, *also})]
        return [ast.Import([name]) for name in names] if len(node.names) == 1 else [ast.Import(names)]

    def visit_ImportFrom(self, node: ast.ImportFrom) -> list[ast.stmt]:  # the name ast calls
        """Names out of modules: those of the set go where their module went."""
        kept: list[ast.alias] = []
        groups: dict[str, list[ast.alias]] = {}
        for alias in node.names:
            local = alias.asname or alias.name
            if alias.name == "*":
                source = self._all.program.find(self._module.path, node.module or "", node.level)
                if source:
                    groups.setdefault(self._all.dotted[source], []).append(alias)
                else:
                    kept.append(alias)
            elif local in self._module.modules and local not in self._module.foreign:
                folder, _, stem = self._all.dotted[self._module.modules[local]].rpartition(".")
                groups.setdefault(folder, []).append(self._alias(stem, local))
            elif local in self._module.members and local not in self._module.foreign:
                path, original = self._module.members[local]
                groups.setdefault(self._all.dotted[path], []).append(self._alias(self._all.name(path, original), local))
            else:
                kept.append(alias)
        moved: list[ast.stmt] = [ast.ImportFrom(module, names, 0) for module, names in groups.items()]
        return [*([ast.ImportFrom(node.module, kept, node.level)] if kept else []), *moved]

    def _name(self, name: str) -> str:
        return self._all.name(self._module.path, name)

    def _alias(self, name: str, local: str) -> ast.alias:
        mine = self._name(local)
        return ast.alias(name, None if mine == name else mine)

    def _definition(self, node: Definition) -> Definition:
        node.name = self._name(node.name)
        self._drop_docstring(node)
        self.generic_visit(node)
        return node

    def _captured(self, node: _Named) -> _Named:
        node.name = self._name(node.name) if node.name else None
        self.generic_visit(node)
        return node

    def _drop_docstring(self, node: ast.Module | ast.ClassDef | Definition) -> None:
        if not self._says_doc and ast.get_docstring(node, clean=False) is not None and len(node.body) > 1:
            del node.body[0]

    def _untold(self, found: re.Match[str]) -> str:
        word = found[0]
        stem = self._module.stem
        return self._label[word] if word in self._label else word.replace(stem, self._label[stem])

    def _reached_without_import(self) -> dict[str, set[str]]:
        """Find modules reached through a root that another module's import has filled, by that root."""
        found: dict[str, set[str]] = {}
        said = {self._all.program.find(self._module.path, root) for root in self._module.roots}
        for node in ast.walk(self._module.tree):
            if isinstance(node, ast.Attribute) and (path := self._all.program.denoted(self._module, node)):
                name = dotted_name(node) or ""
                if path not in said:
                    found.setdefault(name.partition(".")[0], set()).add(path)
        return found
