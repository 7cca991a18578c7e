"""Data flow in Python: what others decide, followed to where it does harm.

Layer: scanners. One of our own scanners: `look` is pure and bounded, and runs in a child process.
Trust: the file and those beside it are hostile text. They are parsed and walked, and nothing of them is run.

How: values.py says what is known of a value, state.py what holds at a point, expressions.py and statements.py what code
does to it, model.py what the library does, guards.py what a condition proves, sinks.py what must not happen.
"""

from __future__ import annotations

import sys
import warnings

from ..errors import Unreadable
from ..finding import Hit
from ..native import native
from ..question import Question, Sees

NAME = "flow"
_RECURSION = 12_000  # frames of our own walk: 200 levels of code, in calls in calls


def look(question: Question) -> list[Hit]:
    """Report where untrusted data does harm in one Python file; `Unreadable` when it is beyond the bounds."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, _RECURSION))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the parser's remarks about hostile code
            from .looking import looked  # noqa: PLC0415  # every gate knows this scanner by name, few start it

            return looked(question)
    except RecursionError as error:
        raise Unreadable("flow: nested deeper than can be followed") from error
    finally:
        sys.setrecursionlimit(limit)


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
