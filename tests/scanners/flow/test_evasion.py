"""One `pickle.loads` of a request's body and one shell command, hidden in many ways: none of them stays unseen."""

from __future__ import annotations

import textwrap
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest

from countermark_scanners import flow
from countermark_scanners.finding import Confidence, Severity
from countermark_scanners.question import Question

HEAD = """\
from flask import Flask, request
app = Flask(__name__)
"""


def seen(source: str) -> bool:
    """Say whether something is reported that a gate would not let through."""
    hits = flow.look(Question("python", (HEAD + textwrap.dedent(source)).encode(), "app.py"))
    return any(hit.severity >= Severity.HIGH and hit.confidence >= Confidence.MEDIUM for hit in hits)


def handler(body: str, before: str = "") -> str:
    inner = textwrap.indent(textwrap.dedent(body), "    ")
    return f"{textwrap.dedent(before)}\n@app.route('/run', methods=['POST'])\ndef run():\n{inner}\n"


HIDDEN = tomllib.loads(Path(__file__).with_name("hidden.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", HIDDEN)
def test_what_is_hidden_is_seen(name: str) -> None:
    assert seen(handler(HIDDEN[name]["body"], HIDDEN[name].get("before", "")))


def test_a_long_chain_of_functions_hides_nothing() -> None:
    chain = "\n".join(f"def f{n}(x):\n    return f{n + 1}(x)" for n in range(40))
    last = "import pickle\ndef f40(x):\n    return pickle.loads(x)\n"
    assert seen(handler("return str(f0(request.data))", f"{last}{chain}"))


def test_a_chain_through_a_loop_hides_nothing() -> None:
    names = [f"v{n}" for n in range(30)]
    moves = "\n    ".join(f"{one} = {other}" for one, other in pairwise(names))
    start = "\n".join(f"{one} = b''" for one in names)
    body = f"{start}\nwhile True:\n    pickle.loads(v0)\n    {moves}\n    v29 = request.data\nreturn ''"
    assert seen(handler(body, "import pickle"))
