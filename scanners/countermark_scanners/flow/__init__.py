"""Data flow in Python: what others decide, followed to where it does harm.

Layer: scanners. One of our own scanners: `look` is pure and bounded, and runs in a child process.
Trust: the file and those beside it are hostile text. They are parsed and walked, and nothing of them is run.

How: values.py says what is known of a value, state.py what holds at a point, expressions.py and statements.py what code
does to it, model.py what the library does, guards.py what a condition proves, sinks.py what must not happen.
"""

from __future__ import annotations

import ast
import sys
import warnings

from ..errors import Unreadable
from ..finding import Hit
from ..native import native
from ..question import Question, Sees
from . import engine, modules
from .findings import Findings
from .model import NAME, load
from .scope import PRECISIONS, Analysis, Module, Precision
from .state import Budget, State

_RECURSION = 12_000  # frames of our own walk: 200 levels of code, in calls in calls


def look(question: Question) -> list[Hit]:
    """Report where untrusted data does harm in one Python file; `Unreadable` when it is beyond the bounds."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, _RECURSION))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the parser's remarks about hostile code
            return _looked(question)
    finally:
        sys.setrecursionlimit(limit)


def _looked(question: Question) -> list[Hit]:
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


CANARY = b"""\
import subprocess
from pickle import loads as load

from flask import Flask, request

app = Flask(__name__)


def wanted(name):
    return request.args.get(name, "")


@app.route("/run", methods=["POST"])
def run():
    subprocess.run(f"ls {wanted('folder')}", shell=True)  # nosec  # nosemgrep  # noqa  # type: ignore
    return str(load(request.data))  # nosec  # nosemgrep  # noqa  # type: ignore
"""

SCANNER = native(
    NAME,
    module=__name__,
    covers=frozenset({"python"}),
    reads=frozenset({"python"}),
    sees=frozenset({Sees.PATH, Sees.BESIDE}),
    canary=Question("python", CANARY, "canary.py"),
    planted=frozenset({("command-injection", 15), ("unsafe-deserialisation", 16)}),
)
