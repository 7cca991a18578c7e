"""Format strings of Python 3.12 are read on every Python: by our own reader, by bandit, and at their own lines."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countermark_scanners import bandit, fstrings, source
from countermark_scanners.question import Question
from countermark_scanners.report import Unscanned
from countermark_scanners.tool import ToolLimits

LATER = {
    "the same quotes": b'import subprocess\nx = f"{subprocess.run(a["b"], shell=True)}"\n',
    "a backslash": b"import subprocess\nx = f'{subprocess.run(\"\\n\".join(a), shell=True)}'\n",
    "a comment and lines": b'import subprocess\nx = f"{\n    subprocess.run(a, shell=True)  # why\n}"\n',
    "nested": b'import subprocess\nx = f"{f"{f"{subprocess.run(a["b"], shell=True)}"}"}"\n',
    "in three quotes": b'import subprocess\nx = f"""\n{subprocess.run("""a""" + b, shell=True)}\n"""\n',
}
PLAIN = b'import subprocess\nx = f"{a} {b!r:>{c}} {{}} {d = }"\ny = "f\'{"\n'


def ask(content: bytes) -> dict[str, Question]:
    return {"k": Question("python", content)}


@pytest.mark.parametrize("name", LATER)
def test_our_reader_reads_it(name: str) -> None:
    assert source.run(ask(LATER[name]), ToolLimits())["k"] == ()


@pytest.mark.parametrize("name", LATER)
def test_bandit_sees_a_call_inside_it_at_its_own_line(name: str) -> None:
    answer = bandit.SCANNER.run(ask(LATER[name]), ToolLimits())["k"]
    assert not isinstance(answer, Unscanned)
    line = LATER[name][: LATER[name].index(b"subprocess.run")].count(b"\n") + 1
    assert (78, line) in {(hit.cwe, hit.line) for hit in answer if hit.rule == "bandit/B602"}


def test_what_this_parser_reads_stays_as_it_is() -> None:
    found = fstrings.older(PLAIN.decode())
    assert (found.text, found.respelled) == (PLAIN.decode(), False)


@pytest.mark.parametrize("text", ['x = f"{a["\n', 'x = f"{}}"\n', "x = (\n", 'x = f"{a b}"\n', 'f"{x["a"}"]\n'])
def test_what_no_python_reads_is_refused(text: str) -> None:
    with pytest.raises((SyntaxError, fstrings.Unreadable)):
        fstrings.older(text)
    answer = source.run(ask(text.encode()), ToolLimits())["k"]
    assert isinstance(answer, Unscanned)


@given(st.text(st.sampled_from("fx{}\"'\\\n# =:!r()[]"), max_size=40))
def test_whatever_the_text_is_the_answer_parses_or_is_refused(text: str) -> None:
    try:
        found = fstrings.older(text)
    except (SyntaxError, ValueError, fstrings.Unreadable):
        return
    ast.parse(found.text)
    assert len(found.lines) == found.text.count("\n") + 1
    assert all(1 <= line <= text.count("\n") + 2 for line in found.lines)
