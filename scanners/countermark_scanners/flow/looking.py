"""One file looked at: its tree, what the library does, and the walk over it.

Layer: scanners. Imports the engine; what brings it here is a scan, not a gate that only knows the scanner's name.
Trust: the file and those beside it are hostile text.
"""

from __future__ import annotations

import ast

from ..errors import Unreadable
from ..finding import Hit
from ..question import Question
from . import engine, modules
from .findings import Findings
from .model import load
from .scope import PRECISIONS, Analysis, Module, Precision
from .state import Budget, State


def looked(question: Question) -> list[Hit]:
    """Report what was found in the file, in order; `Unreadable` when it can't be followed."""
    tree = modules.read(question.content)
    if tree is None:
        raise Unreadable("flow: expected Python, found text that does not parse or is nested too deeply")
    *closer, coarsest = PRECISIONS
    for precision in closer:
        try:
            return _at(precision, question, tree)
        except (Unreadable, RecursionError):
            continue  # too much to be looked at this closely: once more, with more of it summarised
    try:
        return _at(coarsest, question, tree)
    except RecursionError as error:
        raise Unreadable("flow: nested deeper than can be followed") from error


def _at(precision: Precision, question: Question, tree: ast.Module) -> list[Hit]:
    """Look at a file this closely."""
    model, budget = load(), Budget(precision.steps)
    findings = Findings(model)
    files = modules.index(question.beside)
    analysis = Analysis(model, budget, engine.Parts(), findings, question.path, question.beside, files)
    analysis.precision = precision
    module = Module(question.path, tree, analysis.number("module", question.path), asked=True)
    analysis.modules[question.path] = module
    analysis.frames[module.frame] = module
    engine.run(analysis, module, State(budget))
    return findings.ordered()
