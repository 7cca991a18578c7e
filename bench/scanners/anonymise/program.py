"""A set of Python files read as one program: its modules, who imports whom, and what each module binds."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from countermark_scanners import fstrings
from countermark_scanners.errors import Unreadable

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
Definition = ast.FunctionDef | ast.AsyncFunctionDef
_WORD = re.compile(r"\w+")


@dataclass(slots=True)
class Module:
    """One file. `own` and `foreign` are the names it binds itself, and those that outside modules give it.

    `modules` names the local names that are modules of the set, `members` those that are taken out of one, `roots`
    the dotted names that a plain `import` makes reachable, `stars` the modules of the set that are imported whole,
    and `level` the names that whoever imports the module can reach.
    """

    path: str
    tree: ast.Module
    own: set[str] = field(default_factory=set)
    foreign: set[str] = field(default_factory=set)
    modules: dict[str, str] = field(default_factory=dict)
    members: dict[str, tuple[str, str]] = field(default_factory=dict)
    roots: set[str] = field(default_factory=set)
    stars: set[str] = field(default_factory=set)
    level: set[str] = field(default_factory=set)

    @property
    def stem(self) -> str:
        """The file's name without its end."""
        return PurePosixPath(self.path).stem


@dataclass(frozen=True, slots=True)
class Program:
    """Every module of the set by path, each with its imports resolved."""

    modules: dict[str, Module]

    @classmethod
    def of(cls, files: Mapping[str, bytes]) -> Program:
        """Parse what parses; the rest is no part of the program."""
        program = cls({path: Module(path, tree) for path, tree in _parsed(files)})
        for module in program.modules.values():
            program._survey(module)
        return program

    def identifiers(self) -> set[str]:
        """List every word of the programs, literals included, so that no new name is one of them."""
        found: set[str] = set()
        for module in self.modules.values():
            found |= set(_WORD.findall(ast.unparse(module.tree)))
        return found

    def find(self, importer: str, dotted: str, level: int = 0) -> str | None:
        """Say which file of the set a module name means, as seen from a file; None for an outside module.

        The search begins beside the importing file and goes up, as it would if any of those folders were the root.
        """
        parts = dotted.split(".") if dotted else []
        if not level and parts[0] in sys.stdlib_module_names:
            return None
        folder = PurePosixPath(importer).parent
        folders = [folder, *folder.parents]
        for start in folders[level - 1 : level] if level else folders:
            place = start.joinpath(*parts)
            for candidate in (f"{place}.py", str(place / "__init__.py"))[not parts :]:
                if candidate in self.modules and (candidate != importer or len(parts) > 1):
                    return candidate
        return None

    def denoted(self, module: Module, node: ast.expr) -> str | None:
        """Say which module of the set an expression such as `a.b` is, if it is one."""
        if isinstance(node, ast.Name):
            return module.modules.get(node.id) or self._rooted(module, node.id)
        name = dotted_name(node)
        return self._rooted(module, name) if name else None

    def _rooted(self, module: Module, dotted: str) -> str | None:
        known = any(root == dotted or root.startswith(f"{dotted}.") for root in module.roots)
        sibling = any(root.partition(".")[0] == dotted.partition(".")[0] for root in module.roots)
        return self.find(module.path, dotted) if known or ("." in dotted and sibling) else None

    def _survey(self, module: Module) -> None:
        module.level = {name for node in outside_of_functions(module.tree.body) for name in bound(node)}
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Import):
                self._import(module, node)
            elif isinstance(node, ast.ImportFrom):
                self._import_from(module, node)
            else:
                module.own |= set(bound(node))
                module.level |= set(bound(node)) if isinstance(node, ast.Global) else set()

    def _import(self, module: Module, node: ast.Import) -> None:
        for alias in node.names:
            path = self.find(module.path, alias.name)
            if path is None:
                module.foreign.add(alias.asname or alias.name.partition(".")[0])
            elif alias.asname:
                module.own.add(alias.asname)
                module.modules[alias.asname] = path
            else:
                module.roots.add(alias.name)

    def _import_from(self, module: Module, node: ast.ImportFrom) -> None:
        source = self.find(module.path, node.module or "", node.level) if node.module or node.level else None
        for alias in node.names:
            local, dotted = alias.asname or alias.name, f"{node.module}.{alias.name}" if node.module else alias.name
            below = None if alias.name == "*" else self.find(module.path, dotted, node.level)
            if alias.name == "*":
                module.stars |= {source} if source else set()
            elif below:
                module.own.add(local)
                module.modules[local] = below
            elif source:
                module.own.add(local)
                module.members[local] = (source, alias.name)
            else:
                module.foreign.add(local)


def bound(node: ast.AST) -> Iterator[str]:
    """Give the names that one node binds by itself, imports aside."""
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name):
            yield name
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            yield name
        case ast.MatchMapping(rest=str(name)):
            yield name
        case ast.Global(names=names) | ast.Nonlocal(names=names):
            yield from names
        case _:
            return


def dotted_name(node: ast.expr) -> str | None:
    """Spell `a.b.c`; None for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted_name(node.value)
        return f"{before}.{node.attr}" if before else None
    return None


def _parsed(files: Mapping[str, bytes]) -> Iterator[tuple[str, ast.Module]]:
    for path, content in sorted(files.items()):
        if path.endswith(".py"):
            try:
                yield path, fstrings.parse(content.decode("utf-8-sig"))
            except (SyntaxError, ValueError, RecursionError, Unreadable):  # another Python's, which stays as it is
                continue


def outside_of_functions(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Walk what runs when a body is entered; the insides of functions and classes run on their own."""
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, (*DEFINITIONS, ast.ClassDef, ast.Lambda)):
            waiting += ast.iter_child_nodes(node)
