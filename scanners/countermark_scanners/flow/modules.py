"""The other files of the change: found by the names imports use, run once where they are imported.

Layer: scanners. Imports `scope`, `state`, `values` and `fstrings`; does no I/O.
Trust: these files are as hostile as the one asked about and share its budget; one that can't be parsed is unknown here,
and is reported when it is asked about itself.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Mapping
from pathlib import PurePosixPath

from .. import fstrings
from .scope import Module, Scope
from .state import Obj
from .values import Value, named, referring

MAX_MODULES = 200
MAX_DEPTH = 200


def read(content: bytes) -> ast.Module | None:
    """Parse a file; None when that can't be done."""
    try:
        tree = fstrings.parse(content.decode("utf-8-sig"))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None  # its own answer says so
    return tree if too_deep(tree) is False else None


def too_deep(tree: ast.AST) -> bool:
    """Walk a tree level by level; say whether it is deeper than recursion may go."""
    level = [tree]
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return False
    return True


class Files:
    """An index of the files of a change by the last part of their module names."""

    def __init__(self, beside: Mapping[str, bytes]) -> None:
        self._by_name: dict[str, list[str]] = {}
        for path in sorted(beside):
            pure = PurePosixPath(path)
            name = pure.parent.name if pure.name == "__init__.py" else pure.stem
            if pure.suffix == ".py":
                self._by_name.setdefault(name, []).append(path)

    def find(self, name: str, level: int, origin: str) -> str | None:
        """Return the file that an import in `origin` means; the nearest of several."""
        if level:
            base = PurePosixPath(origin).parents
            folder = base[level - 1] if level <= len(base) else PurePosixPath()
            wanted = [
                str(folder / part) for part in (f"{name.replace('.', '/')}.py", f"{name.replace('.', '/')}/__init__.py")
            ]
            own = [str(folder / "__init__.py")] if not name else []
            return next((one for one in [*wanted, *own] if self._has(one)), None)
        tail = name.replace(".", "/")
        found = [one for one in self._by_name.get(name.rpartition(".")[2], []) if _ends(one, tail)]
        return max(found, key=lambda one: (_shared(one, origin), -len(one)), default=None)

    def _has(self, path: str) -> bool:
        pure = PurePosixPath(path)
        name = pure.parent.name if pure.name == "__init__.py" else pure.stem
        return path in self._by_name.get(name, [])


def _ends(path: str, tail: str) -> bool:
    whole = "/" + path.removesuffix("/__init__.py").removesuffix(".py")
    return whole.endswith("/" + tail)


def _shared(path: str, origin: str) -> int:
    count = 0
    for one, other in zip(path.split("/"), origin.split("/"), strict=False):
        if one != other:
            break
        count += 1
    return count


def imported(name: str, level: int, scope: Scope) -> Value | None:
    """Return a module of the change, run in this state; None when it is not among the files."""
    analysis = scope.analysis
    path = analysis.files.find(name, level, scope.module.path) if analysis.beside else None
    if path is None:
        return None
    module = analysis.modules.get(path)
    if module is None and path not in analysis.modules:
        module = _open(path, scope)
    if module is None:
        return None
    value = referring(module.frame)
    if not level:
        analysis.dotted[name] = module.frame
    if scope.state.read(module.frame) is None:
        run(module, scope)
    root = name.partition(".")[0]
    shadows = not level and (root in sys.stdlib_module_names or f"{root}" in analysis.model.roots)
    return Value(names=named(analysis.model.place(name)).names, refs=value.refs) if shadows else value


def _open(path: str, scope: Scope) -> Module | None:
    analysis = scope.analysis
    tree = read(analysis.beside[path]) if len(analysis.modules) < MAX_MODULES else None
    module = None if tree is None else Module(path, tree, analysis.number("module", path), path == analysis.path)
    analysis.modules[path] = module
    if module is not None:
        analysis.frames[module.frame] = module
    return module


def run(module: Module, scope: Scope) -> None:
    """Run a module's body in the state of `scope`."""
    scope.state.put(module.frame, Obj("module"))
    inner = Scope(scope.analysis, scope.state, module.frame, module)
    if not module.asked:
        inner.site = 1
    inner.engine.body(module.tree.body, inner)
    scope.state = inner.state
    scope.state.dead = False


_KEPT: dict[int, tuple[Mapping[str, bytes], Files]] = {}


def index(beside: Mapping[str, bytes]) -> Files:
    """Index a set of files; the one that many questions share is indexed once."""
    kept = _KEPT.get(id(beside))
    if kept is not None and kept[0] is beside:
        return kept[1]
    _KEPT.clear()
    _KEPT[id(beside)] = beside, Files(beside)
    return _KEPT[id(beside)][1]
