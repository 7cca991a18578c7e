"""The same programs under other names: a copy in which nothing is left to recognise a set by.

Functions, classes, parameters, variables, modules and folders get new names, the same one everywhere; comments,
docstrings and layout go; files are dealt out to new folders. What others define keeps its name: modules from outside
of the set, attributes of what they give, keyword arguments of what they call, and every literal (but for the words in
a literal that name the file it stands in; the new one is as long as the old one, because programs slice them). Where
it can't be told whether a name is the program's own, it stays: a copy that no longer runs would measure nothing.

Limits: what looks modules up by file name can't find them any more; a format string that only Python 3.12 can read
loses its formats; modules that import each other in a circle may depend on which comes first.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .fixed import fixed_names
from .program import Module, Program
from .rename import Renamer
from .words import Words

__all__ = ["Anonymised", "anonymised"]

_TELLING = 8  # a shorter file name, such as `app`, may well be a word that a literal needs
_FILES_A_FOLDER = 40


@dataclass(frozen=True, slots=True)
class Anonymised:
    """The copy, where each file went, and the files that stayed as they were because they are no Python of ours."""

    files: dict[str, bytes]
    moved: dict[str, str]
    untouched: tuple[str, ...]


def anonymised(files: Mapping[str, bytes], telling: Iterable[str] = (), seed: int = 20250101) -> Anonymised:
    """Rename and shuffle every Python file that this interpreter can parse; `telling` are words such as categories.

    The same files, words and seed give the same copy.
    """
    program = Program.of(files)
    words = Words(random.Random(seed), program.identifiers())  # noqa: S311  # a shuffle, not a secret
    moved = _dealt(sorted(program.modules), words)
    renamer = Renamer(program, fixed_names(program), moved, words)
    copy = {path: content for path, content in files.items() if path not in moved}
    categories = {word: words.fresh() for word in sorted(telling)}
    for path, module in program.modules.items():
        tree = renamer.renamed(module, _label(module, categories, words))
        copy[moved[path]] = ast.unparse(tree).encode() + b"\n"
    return Anonymised(copy, moved, tuple(sorted(set(files) - set(moved))))


def _dealt(paths: list[str], words: Words) -> dict[str, str]:
    """Give every file a new name in a new folder; a link between name, number and place is lost."""
    folders = [words.fresh() for _ in range(len(paths) // _FILES_A_FOLDER + 1)]
    return {path: f"{words.choice(folders)}/{words.fresh()}.py" for path in words.shuffled(paths)}


def _label(module: Module, categories: Mapping[str, str], words: Words) -> Mapping[str, str]:
    """Give the words by which a literal would name its file or its category, each with the word in its place."""
    return {**categories, module.stem: words.fresh(len(module.stem))} if len(module.stem) >= _TELLING else {}
