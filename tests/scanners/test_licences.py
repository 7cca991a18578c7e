"""Licences, tried with spellings that hide a grant and with files that fight back."""

from __future__ import annotations

import pytest

from countermark_scanners import licences
from countermark_scanners.question import DELETED, Question
from countermark_scanners.report import Unscanned
from countermark_scanners.tool import ToolLimits

GRANT = "under the terms of the GNU General Public License"


def rules(path: str, content: bytes, before: bytes | None = None) -> list[str]:
    hits = licences.look(Question("unknown-text", content, path, before, {}))
    return [hit.rule.removeprefix("countermark/") for hit in hits]


@pytest.mark.parametrize(
    "text",
    [
        GRANT,
        GRANT.upper(),
        "\n * ".join(GRANT.split()),
        "\r\n# ".join(GRANT.split()),
        GRANT.replace(" ", "\u00a0"),
        GRANT.replace("the GNU", "the *GNU*"),
    ],
)
def test_a_grant_is_known_by_its_words_however_they_are_set(text: str) -> None:
    assert rules("a.c", text.encode()) == ["licence-reciprocal"]


def test_the_line_of_a_grant_is_where_it_begins() -> None:
    (hit,) = licences.look(Question("c", f"/*\n\n{GRANT}\n".encode(), "a.c", None, {}))
    assert hit.line == 3


def test_a_deleted_licence_is_told_and_a_deleted_program_is_not() -> None:
    gone = Question(DELETED, b"", "LICENSE", b"terms\n", {})
    program = Question(DELETED, b"", "a.py", b"# SPDX-License-Identifier: MIT\n", {})
    assert [hit.rule for hit in licences.look(gone)] == ["countermark/licence-file-removed"]
    assert licences.look(program) == []


def test_a_licence_that_becomes_nothing_but_blanks_is_gone() -> None:
    assert rules("LICENSE", b"\n \n", b"terms\n") == ["licence-file-removed"]


def test_hostile_texts_are_answered_within_the_limits_of_a_run() -> None:
    hostile = {
        "a.py": b"copyright " * 100_000,
        "b.py": b"SPDX-License-Identifier: " * 50_000,
        "c.py": b"under the terms of the gnu " * 50_000,
        "LICENSE": b"(c) 2024 " * 100_000,
        "package.json": b'{"license":' * 50_000,
    }
    asked = {path: Question("unknown-text", text, path, text[:-9]) for path, text in hostile.items()}
    answers = licences.SCANNER.run(asked, ToolLimits(wall_seconds=120))
    assert set(answers) == set(hostile)
    assert [path for path, one in answers.items() if isinstance(one, Unscanned)] == []
