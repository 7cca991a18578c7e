"""Our own scanners run in a process of their own: what kills it is an error, what one file does is that file's."""

from __future__ import annotations

from pathlib import Path

import pytest

import countermark_policies
from countermark_scanners import catalogue, native
from countermark_scanners.catalogue import Rule
from countermark_scanners.errors import RulesMalformed, ScannerBlind, ScannerError, ToolFailed
from countermark_scanners.finding import Confidence, Severity
from countermark_scanners.native import Child
from countermark_scanners.question import Question
from countermark_scanners.report import Unscanned
from countermark_scanners.scanner import Answers
from countermark_scanners.tool import ToolLimits

RULE = """
[a-shout]
title = "A shout"
cwe = 78
owasp = "A03:2021"
severity = "high"
confidence = "medium"
message = "a shout of {size} letters"
remediation = "Do not shout."
words = ["SHOUT"]
"""
SHOUT = Rule("a-shout", "A shout", 78, "A03:2021", Severity.HIGH, Confidence.MEDIUM, "a shout", "Do not shout.", {})
LOOK = """
import os
from countermark_scanners.errors import Unreadable
from countermark_scanners.finding import Confidence, Hit, Severity

def look(question):
    said = question.content
    if b"DIE" in said:
        os._exit(3)
    if b"RAISE" in said:
        raise ValueError("a mistake of ours")
    if b"DEEP" in said:
        raise RecursionError
    if b"STRANGE" in said:
        raise Unreadable("strange words")
    seen = f"{question.language} {question.path} {question.before} {sorted(question.beside)}"
    shouts = [n for n, line in enumerate(said.split(b"\\n"), start=1) if b"SHOUT" in line]
    return [Hit("countermark/a-shout", 78, Severity.HIGH, Confidence.MEDIUM, n, 1, seen, "Do not.") for n in shouts]
"""
CANARY = (Question("prose", b"quiet\nSHOUT\n"), frozenset({("a-shout", 2)}))


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Child:
    """Give the child a module that is no scanner of ours, by a path that only this test adds."""
    (tmp_path / "shouting.py").write_text(LOOK)
    start = (
        f"import sys; import countermark_scanners; countermark_scanners.__path__.append({str(tmp_path)!r}); "
        f"from countermark_scanners.native_child import main; from pathlib import Path; main(Path('questions.json'))"
    )
    (tmp_path / "start.py").write_text(start)
    real = native.tool.run

    def run(argv: list[str], **words: object) -> object:
        return real([*argv[:2], str(tmp_path / "start.py")], **words)

    monkeypatch.setattr(native.tool, "run", run)
    monkeypatch.setattr(catalogue, "load", lambda _name: {"a-shout": SHOUT})
    return Child("shouting", "countermark_scanners.shouting", *CANARY)


def ask(child: Child, **contents: bytes) -> Answers:
    return child({key: Question("prose", content) for key, content in contents.items()}, ToolLimits(wall_seconds=30))


def test_each_question_has_its_own_answer(child: Child) -> None:
    answers = ask(child, loud=b"SHOUT", quiet=b"hush")
    assert answers["quiet"] == ()
    assert [hit.line for hit in answers["loud"]] == [1]


def test_the_child_sees_all_that_the_question_holds(child: Child) -> None:
    beside = {"a": b"\xff\x00", "SHOUT \udcff": b""}
    asked = {"k": Question("prose", b"SHOUT", "a \udcff", b"\x00", beside)}
    (hit,) = child(asked, ToolLimits())["k"]
    assert hit.message == "prose a \udcff {!r} {}".format(b"\x00", sorted(beside))


@pytest.mark.parametrize(("said", "reason"), [(b"STRANGE", "strange words"), (b"DEEP", "RecursionError")])
def test_a_file_that_cannot_be_read_is_unscanned_and_the_others_are_not(child: Child, said: bytes, reason: str) -> None:
    answers = ask(child, odd=said, loud=b"SHOUT")
    assert isinstance(answers["odd"], Unscanned)
    assert reason in answers["odd"].reason
    assert answers["loud"] != ()


@pytest.mark.parametrize("said", [b"DIE", b"RAISE"])
def test_a_child_that_fails_answers_for_nothing(child: Child, said: bytes) -> None:
    with pytest.raises(ToolFailed, match="expected exit code"):
        ask(child, bad=said, loud=b"SHOUT")


def test_a_scanner_that_misses_what_is_planted_is_blind(child: Child) -> None:
    blind = Child(child.name, child.module, Question("prose", b"hush"), frozenset({("a-shout", 1)}))
    with pytest.raises(ScannerBlind, match="planted CWE-78 on line 1"):
        ask(blind, loud=b"SHOUT")


def test_a_module_that_is_not_ours_is_not_imported(child: Child) -> None:
    with pytest.raises(ScannerError, match="expected a module of countermark_scanners"):
        ask(Child(child.name, "antigravity", *CANARY), loud=b"SHOUT")


def with_rules(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    catalogue.load.cache_clear()
    monkeypatch.setattr(countermark_policies, "read", lambda _name: text.encode())


def test_a_rule_of_the_catalogue_becomes_a_hit_in_its_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    with_rules(monkeypatch, RULE)
    rule = catalogue.load("shouting-rules")["a-shout"]
    hit = rule.hit(3, size=5, confidence=Confidence.LOW)
    assert (hit.rule, hit.cwe, hit.severity, hit.confidence) == (
        "countermark/a-shout",
        78,
        Severity.HIGH,
        Confidence.LOW,
    )
    assert (hit.message, hit.line) == ("a shout of 5 letters", 3)
    assert rule.data == {"words": ["SHOUT"]}


@pytest.mark.parametrize(
    "text",
    [
        "not = toml = at all",
        "a-shout = 7",
        RULE.replace("[a-shout]", "[A_Shout]"),
        RULE.replace("cwe = 78", 'cwe = "78"'),
        RULE.replace("cwe = 78", "cwe = true"),
        RULE.replace("A03:2021", "A3"),
        RULE.replace('"high"', '"awful"'),
        RULE.replace('"medium"', '"sure"'),
        RULE.replace('title = "A shout"', ""),
        RULE.replace('"Do not shout."', '""'),
        RULE.replace('message = "a shout of {size} letters"', "message = 7"),
    ],
)
def test_a_rule_that_lacks_a_field_stops_the_scanner(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    with_rules(monkeypatch, text)
    with pytest.raises(RulesMalformed):
        catalogue.load("shouting-rules")
    catalogue.load.cache_clear()
