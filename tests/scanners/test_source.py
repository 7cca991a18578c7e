"""Our own reader of Python source: what it refuses to call readable, and what it finds hidden."""

from __future__ import annotations

import pytest

from countermark_scanners import source
from countermark_scanners.finding import Hit, Severity
from countermark_scanners.question import Question
from countermark_scanners.report import Unscanned
from countermark_scanners.suppressions import markers
from countermark_scanners.tool import ToolLimits

BROKEN = {
    "syntax-error": b"x = (\n",
    "nul-byte": b"x = 1\n\x00\n",
    "not-utf8": b"x = 'caf\xe9'\n",
    "utf7-cookie": b"# -*- coding: utf-7 -*-\nx = 1\n",
    "cookie-on-line-two": b"#!/usr/bin/python\n# vim: set fileencoding=utf-16 :\nx = 1\n",
    "latin1-cookie-beyond-ascii": "# coding: latin-1\nx = 'é'\n".encode(),
    "unknown-cookie": b"# coding: rot13\nx = 1\n",
    "lone-return": b"# a comment\rimport os\r",
    "parentheses": b"x = " + b"(" * 3001 + b")" * 3001 + b"\n",
    "calls": b"x = f" + b"()" * 3001 + b"\n",
    "sums": b"x = " + b"1+" * 20_000 + b"1\n",
    "minuses": b"x = " + b"-" * 5_000 + b"1\n",
    "brackets": b"x = " + b"[" * 100_000 + b"\n",
    "indentation": b"if 1:\n\tx = 1\n        y = 2\n",
}
READABLE = {
    "empty": b"",
    "plain": b"x = 1\n",
    "crlf": b"x = 1\r\ny = 2\r\n",
    "byte-order-mark": b"\xef\xbb\xbfx = 1\n",
    "utf8-cookie": b"# -*- coding: UTF-8 -*-\nx = 1\n",
    "latin1-cookie-in-ascii": b"# coding: latin-1\nx = 1\n",
    "form-feed": b"x = 1\n\x0cy = 2\n",
    "long": b"# " + b"a" * 1_200_000 + b"\nx = 1\n",
    "bidi": "x = 'a\u202eb'\n".encode(),
    "fullwidth": "\uff45val(x)\n".encode(),
    "cyrillic": "p\u0430ssword = 1\n".encode(),
    "greek": "\u03c3_max = \u0394x\n".encode(),
    "russian-text": "x = 'привет Anna'\n".encode(),
    "suppressed": b"import os  # nosec\n",
}


@pytest.fixture(scope="module")
def answers() -> dict[str, object]:
    asked = {key: Question("python", content) for key, content in {**BROKEN, **READABLE}.items()}
    return dict(source.run(asked, ToolLimits()))


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_what_readers_could_see_two_ways_or_not_at_all_is_unscanned(name: str, answers: dict[str, object]) -> None:
    assert isinstance(answers[name], Unscanned)


@pytest.mark.parametrize("name", sorted(READABLE))
def test_ordinary_python_is_readable(name: str, answers: dict[str, object]) -> None:
    assert isinstance(answers[name], tuple)


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("bidi", "countermark/bidi-control"),
        ("fullwidth", "countermark/confusable-name"),
        ("cyrillic", "countermark/confusable-name"),
    ],
)
def test_what_no_eye_sees_is_a_finding_that_blocks(name: str, rule: str, answers: dict[str, object]) -> None:
    (hit,) = answers[name]  # type: ignore[misc]  # the fixture keeps the union open
    assert isinstance(hit, Hit)
    assert (hit.rule, hit.cwe, hit.severity, hit.line) == (rule, 1007, Severity.HIGH, 1)


@pytest.mark.parametrize("name", ["greek", "russian-text", "plain"])
def test_honest_letters_of_other_scripts_are_no_finding(name: str, answers: dict[str, object]) -> None:
    assert answers[name] == ()


@pytest.mark.parametrize(
    "line",
    [
        "x  # nosec",
        "x  # NOQA: S301",
        "x  # nosemgrep: rule",
        "x  # type: ignore[x]",
        "x #nosem",
        "# ruff: noqa",
        "x  # NOSONAR",
    ],
)
def test_a_request_to_look_away_is_a_finding_of_severity_info(line: str) -> None:
    (hit,) = markers("pass\n" + line + "\n")
    assert (hit.severity, hit.line, hit.cwe) == (Severity.INFO, 2, None)


def test_ordinary_comments_are_no_markers() -> None:
    assert markers("# note\nnoqa = 1\nx = nosec\n") == ()


def test_text_that_python_would_run_is_told_from_text_it_would_not() -> None:
    texts = {
        "program": b"import os\nos.system('x')\n",
        "call": b"print(1)\n",
        "prose": b"Hello there, reader.\n",
        "word": b"Hello\n",
        "yaml": b"name: value\nother: 2\n",
        "nul": b"import os\x00",
    }
    assert source.programs(texts, ToolLimits()) == {"program", "call"}
