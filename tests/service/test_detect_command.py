"""`countermark score detect`: what nobody would notice is named, and a stage that did not run is never a share."""

from __future__ import annotations

import json

import pytest

from countermark_scanners.mutants.detection import (
    Confidence,
    Detection,
    NothingToInject,
    NotRun,
    Outcome,
    Row,
    TestsUse,
)
from countermark_service.cli import detecting
from countermark_service.exits import Exit

from .conftest import Desk

GONE = Row("0" * 16, "no-check", 754, "a\x1b.py", 7, "check(x) -> pass", "the check were gone", Outcome.UNNOTICED, "")
SEEN = Row("1" * 16, "weak-hash", 327, "b.py", 3, "sha256 -> md5", "the hash were MD5", Outcome.BY_SCANNERS, "CWE-327")
HALF = Detection((GONE, SEEN), 9, 1, (("big.py", "too large"),), TestsUse.NOT_GIVEN)


def detected(desk: Desk, monkeypatch: pytest.MonkeyPatch, found: Confidence, *words: str) -> tuple[int, str]:
    monkeypatch.setattr(detecting, "detect_landing", lambda *_args, **_more: found)
    desk.commit(**{"a.py": "one\n"})
    code, out, _ = desk.run("score", "detect", *words)
    return code, out


def test_what_nobody_would_notice_is_named_with_its_line(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    code, out = detected(desk, monkeypatch, HALF)
    assert code == Exit.PASS
    assert out.splitlines() == [
        "nobody would have noticed if the check were gone on line 7 of a\\x1b.py",
        "      check(x) -> pass  CWE-754",
        "nothing was tried in big.py: too large",
        "tests: not given: judged by the scanners alone",
        "noticed 1 of 2 injected flaws, 500 in 1000",
    ]


def test_the_document_is_the_detection(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    assert json.loads(detected(desk, monkeypatch, HALF, "--json")[1]) == HALF.to_json()


def test_nothing_to_inject_says_so(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    code, out = detected(desk, monkeypatch, NothingToInject())
    assert (code, out.split(":")[0]) == (Exit.PASS, "nothing to inject")


def test_what_did_not_run_is_inconclusive(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    assert detected(desk, monkeypatch, NotRun("why")) == (Exit.INCONCLUSIVE, "not run: why\n")


def test_a_real_change_is_weakened_and_scanned(desk: Desk) -> None:
    desk.commit(**{"a.py": "import hashlib\n\n\ndef f(raw):\n    return hashlib.sha256(raw)\n"})
    code, out, _ = desk.run("score", "detect", "--json")
    (row,) = json.loads(out)["rows"]
    assert (code, row["kind"], row["path"], row["line"], row["outcome"]) == (
        Exit.PASS,
        "weak-hash",
        "a.py",
        5,
        "noticed-by-scanners",
    )
